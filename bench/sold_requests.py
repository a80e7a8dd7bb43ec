"""What clients ask a marketplace for: the requests that are measured, by what they are called in the table."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bench.drive import Drive
from bench.offers import THINGS
from bench.table import Ceiling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.sold import Sales

# Different requests of each kind.
VARIANTS = 20_000

GET_CUSTOMER = "GET customer"
GET_ORDER = "GET order"
GET_SUBSCRIPTION = "GET subscription"
GET_PRODUCT = "GET product"
GET_PLAN = "GET plan"
CUSTOMERS = "customers, first page"
CUSTOMERS_MIDDLE = "customers, in the middle"
ORDERS = "orders"
SUBSCRIPTIONS = "subscriptions"
PRODUCTS = "products"
POST_CUSTOMER = "POST customer"
POST_ORDER = "POST order of one line"
ESTIMATE = "estimate of the same"
# Lists of what customers have.
LISTS = (ORDERS, SUBSCRIPTIONS)
# The pages of a list, by what is asked for with it.
OF_ONE, OF_LARGE, OF_SUBSCRIPTION = "of a customer", "of a large customer", "of a subscription"
COMPLETED, FAILED = "completed", "failed"
BY_NAME, BY_FEW_NAMES, BY_VENDOR, BY_SERVICE, BY_MPN = "by name", "by a rare name", "by vendor", "by service", "by mpn"
FIRST, MIDDLE = "first page", "in the middle"


# What the reference build knows, by the beginnings of their names.
REFERRED = {
    GET_CUSTOMER, GET_ORDER, GET_PRODUCT, ORDERS, PRODUCTS, "customers", POST_CUSTOMER, POST_ORDER, ESTIMATE
}  # fmt: skip
# Requests of a kind whose answers are compared with those of the reference build.
COMPARED = 5


def called(list_: str, what: str, where: str) -> str:
    """What a page is called."""
    return ", ".join(part for part in (list_, what, where) if part)


class Kind(Struct, frozen=True):
    """A kind of request. ceiling: what it is compared with, and how many times that it should reach."""

    name: str
    drive: Drive
    ceiling: Ceiling | None = None

    def paths(self) -> list[str]:
        """Some that are only read."""
        if self.drive.script == "paths.lua":
            return Path(self.drive.arguments[0]).read_text(encoding="utf-8").splitlines()[:COMPARED]
        return [self.drive.path] if self.drive.script == Drive("").script else []


def _pages(list_: str, what: str, query: str, total: int, bar: float | None) -> Iterable[Kind]:
    """The first page and one in the middle."""
    path = f"/{list_}?limit=10{query}"
    yield Kind(called(list_, what, FIRST), Drive(path), Ceiling(CUSTOMERS, bar))
    if total > 20:
        middle = Drive(f"{path}&offset={total // 2}")
        yield Kind(called(list_, what, MIDDLE), middle, Ceiling(CUSTOMERS_MIDDLE, bar))


def kinds(sales: Sales, plans: list[int], totals: dict[str, int], folder: Path) -> list[Kind]:
    """All kinds, in turns with what they are compared with. totals: of lists, by the query."""
    chance = random.Random(1)
    seller = sales.seller

    def some(path: str, ids: Iterable[object]) -> Drive:
        return _lines(folder, f"{path}/{{}}", ids, f"/{path}", "paths.lua")

    def times(ids: range | list[int] | list[str]) -> Iterable[object]:
        return (chance.choice(ids) for _ in range(VARIANTS))

    products = [product.kept.id for product in seller.products]
    found = [
        Kind(GET_CUSTOMER, some("customers", times(seller.customers))),
        Kind(GET_ORDER, some("orders", times(sales.orders)), Ceiling(GET_CUSTOMER, 0.8)),
        Kind(GET_SUBSCRIPTION, some("subscriptions", times(sales.subscriptions)), Ceiling(GET_CUSTOMER, 0.8)),
        Kind(GET_PRODUCT, some("products", times(products)), Ceiling(GET_CUSTOMER, 0.8)),
        Kind(GET_PLAN, some("plans", times(plans)), Ceiling(GET_CUSTOMER, 0.8)),
        Kind(CUSTOMERS, Drive("/customers?limit=10")),
        Kind(CUSTOMERS_MIDDLE, Drive(f"/customers?limit=10&offset={len(seller.customers) // 2}")),
    ]
    large = seller.customers[0]
    subscriptions = [sales.subscriptions[number] for number in range(min(1000, len(sales.subscriptions)))]
    customers = [sales.customer_of(number) for number in range(1, min(1000, len(sales.subscriptions))) if number % 100]
    for list_ in LISTS:
        bar = 0.5 if list_ == ORDERS else None
        for what, query in (
            ("", ""),
            (OF_LARGE, f"&customerId={large}"),
            (COMPLETED, "&status=completed" if list_ == ORDERS else "&status=active"),
            (FAILED, "&status=error" if list_ == ORDERS else "&status=terminated"),
        ):
            path = f"/{list_}?limit=10{query}"
            found += _pages(list_, what, query, totals[path], None if what == OF_LARGE else bar)
        of_one = _lines(folder, f"{list_}?limit=10&customerId={{}}", customers, f"/{list_}", "paths.lua")
        found.append(Kind(called(list_, OF_ONE, FIRST), of_one, Ceiling(CUSTOMERS, bar)))
        if list_ == ORDERS:
            for where, offset in ((FIRST, 0), (MIDDLE, len(sales.orders) // len(sales.subscriptions) // 2)):
                path = f"{list_}?limit=10&offset={offset}&subscriptionId={{}}"
                drive = _lines(folder, path, subscriptions, f"/{list_}", "paths.lua")
                found.append(Kind(called(list_, OF_SUBSCRIPTION, where), drive, Ceiling(CUSTOMERS, bar)))
    some_product = seller.products[len(seller.products) // 2].kept
    for what, query in (
        ("", ""),
        (BY_NAME, f"&name={THINGS[0].lower()}"),
        (BY_FEW_NAMES, f"&name={quote(some_product.name)}"),
        (BY_VENDOR, f"&vendor={some_product.vendor}"),
        (BY_SERVICE, f"&serviceName={some_product.service_name}"),
        (BY_MPN, f"&mpn={some_product.mpn}"),
    ):
        found += _pages(PRODUCTS, what, query, totals[f"/{PRODUCTS}?limit=10{query}"], None)
    bodies = [
        msgspec.json.encode(
            {
                "type": "sales",
                "customerId": str(chance.choice(seller.customers)),
                "products": [{"mpn": chance.choice(seller.products).kept.mpn, "quantity": chance.randint(1, 20)}],
            }
        ).decode()
        for _ in range(VARIANTS)
    ]
    order = _lines(folder, "{}", bodies, "/orders", "bodies.lua")
    return [
        *found,
        Kind(ESTIMATE, msgspec.structs.replace(order, path="/orders/estimate"), Ceiling(POST_ORDER, 3.0)),
        Kind(POST_CUSTOMER, Drive("/customers", "create.lua")),
        Kind(POST_ORDER, order, Ceiling(POST_CUSTOMER, 0.5)),
    ]


def _lines(folder: Path, form: str, values: Iterable[object], path: str, script: str) -> Drive:
    """Requests that are read from a file: the form with each of the values in it."""
    lines = [form.format(value) if form != "{}" else str(value) for value in values]
    file = folder / f"requests-{sum(1 for _ in folder.iterdir())}.txt"
    file.write_text("\n".join(line if form == "{}" else f"/{line}" for line in lines), encoding="utf-8")
    return Drive(path, script, (str(file),))
