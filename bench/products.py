"""How the time of a page of products grows with their number: `python -m bench.products [--database URL] [SIZES…]`.

In this process, without HTTP: what `GET /products` asks of the store and makes of it. Each size has a database of its
own, with ten products in each plan, of 20 vendors and 200 services; a tenth of the plans is delegated to few.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.accounts.folding import fold
from emporion.accounts.ids import RESELLER_ID
from emporion.catalogue.kept import ProductRates
from emporion.catalogue.plans import Plan, SubscriptionPeriod
from emporion.catalogue.products import CatalogueProduct
from emporion.catalogue.rates import Rates, flat
from emporion.catalogue.shown import PlanQuery, ProductQuery
from emporion.marketplace import platforms
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX
from emporion.periods import Period
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.database import execute_many
from emporion.store.relisting import relist

if TYPE_CHECKING:
    from emporion.store.base import Store
    from emporion.store.database import Write

SIZES = (10_000, 1_000_000)
IN_A_PLAN, IN_A_WRITE = 10, 500
TIMES = 41
WORDS = ("Mail", "Cloud", "Backup", "Office", "Server", "Security", "Storage", "Desktop", "Phone", "Video")
RARE = "Quagga"
FIRST = 10_000_000


def _plans(first: int, count: int, dice: random.Random) -> Write[None]:
    """So many plans with their products."""
    encode = msgspec.json.encode
    month, year = Period("month", 1), Period("year", 1)
    plans: list[tuple[Any, ...]] = []
    delegations: list[tuple[Any, ...]] = []
    products: list[tuple[Any, ...]] = []
    rates: list[tuple[Any, ...]] = []
    for number in range(first, first + count):
        id_ = FIRST + number * (IN_A_PLAN + 1)
        vendor, service = f"vendor-{number % 20}", f"SERVICE_{number % 200}"
        plan = Plan(
            id=id_, key=f"plan-{id_}", vendor=vendor, service_name=service, fulfillment="automatic", name=f"Plan {id_}",
            state="published", subscription_periods=[SubscriptionPeriod("year", 1)], billing_period=month,
            billing_model="chargeBeforeBillingPeriod",
        )  # fmt: skip
        is_for_few = number % 10 == 0
        plans.append((id_, plan.key, plan.state, int(not is_for_few), 1, b"{}", encode(plan)))
        if is_for_few:
            delegations.append((id_, RESELLER_ID if number % 20 else RESELLER_ID + 1 + number % 50, 1))
        for item in range(1, IN_A_PLAN + 1):
            rare = f" {RARE}" if (number * IN_A_PLAN + item) % 1000 == 17 else ""
            name = f"{dice.choice(WORDS)} {dice.choice(WORDS)} {number}-{item}{rare}"
            product = CatalogueProduct(
                id=str(id_ + item), plan_id=id_, mpn=f"MPN-{number}-{item}", vendor=vendor, service_name=service,
                name=name, state="published", minimum_quantity=Decimal(1), billing_period=month,
                subscription_period=year, billing_model="chargeBeforeBillingPeriod",
            )  # fmt: skip
            folded = (vendor.casefold(), service.casefold(), fold(name))
            products.append((id_ + item, id_, product.mpn, "1 year", "published", *folded, encode(product)))
            price = Rates(flat(Decimal(item)), flat(Decimal(5)))
            rates.append((id_ + item, "USD", encode(ProductRates(price, [price], price))))
    yield from execute_many(
        "INSERT INTO plans (id, key, state, is_for_all, position, definition, document) VALUES (?, ?, ?, ?, ?, ?, ?)",
        plans,
    )
    yield from execute_many(
        "INSERT INTO plan_delegations (plan_id, reseller_id, granted) VALUES (?, ?, ?)", delegations
    )
    yield from execute_many(
        "INSERT INTO products (id, plan_id, mpn, period, state, vendor_folded, service_folded, name_folded, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        products,
    )
    yield from execute_many("INSERT INTO product_rates (product_id, currency, document) VALUES (?, ?, ?)", rates)
    yield from relist([plan[0] for plan in plans])


async def _fill(store: Store, size: int) -> float:
    """Put so many products into the store; the seconds that it took."""
    dice = random.Random(1)
    begun = time.perf_counter()
    plans = size // IN_A_PLAN
    for first in range(0, plans, IN_A_WRITE):
        await store.catalogue._database.write(_plans, first, min(IN_A_WRITE, plans - first), dice)  # noqa: SLF001
    return time.perf_counter() - begun


def _questions(size: int) -> Iterator[tuple[str, Any]]:
    number = size // IN_A_PLAN // 2 + 1
    service = f"service_{number % 200}"
    yield "first page of 10", ProductQuery()
    yield "page of 10 in the middle", ProductQuery(offset=size // 2)
    yield "page of 10 at the end", ProductQuery(offset=size * 9 // 10)
    yield "page of 1,000 in the middle", ProductQuery(offset=size // 2, limit=1000)
    yield "vendor, middle", ProductQuery(vendor="VENDOR-3", offset=size // 40)
    yield "serviceName", ProductQuery(service_name=service)
    yield "vendor and serviceName", ProductQuery(vendor=f"vendor-{number % 20}", service_name=service)
    yield "mpn", ProductQuery(mpn=f"MPN-{number}-3")
    yield "name, few (1 in 1,000)", ProductQuery(name=RARE)
    yield "name, one", ProductQuery(name=f"{number}-7")
    yield "name, many (1 in 5), middle", ProductQuery(name="backup", offset=size // 12)
    yield "name of 2 letters, many", ProductQuery(name="ba")
    yield "plans, middle", PlanQuery(offset=size // IN_A_PLAN // 2)


async def _measure(url: str, size: int) -> None:
    settings = Settings.read({"database": url})
    store = open_store(settings)
    await store.migrate()
    await store.open()
    await platforms.found(store, SANDBOX, 1, sandbox=True)
    took = await _fill(store, size)
    await store.close()
    marketplace = build_marketplace(settings, store := open_store(settings))
    await store.open()
    reseller = Actor(RESELLER_ID, "bench", "api")
    sys.stdout.write(f"\n{size:,} products, put in within {took:,.0f} s\n{'':36}{'first':>10}{'median':>10}  total\n")
    for what, query in _questions(size):
        page = marketplace.products.plans if isinstance(query, PlanQuery) else marketplace.products.page
        times = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            given = await page(reseller, query)
            times.append((time.perf_counter() - begun) * 1000)
        middle = statistics.median(times[1:])
        sys.stdout.write(f"{what:36}{times[0]:8.2f}ms{middle:8.2f}ms  {given.pagination.total:,}\n")
        sys.stdout.flush()
    begun = time.perf_counter()
    await store.catalogue._database.write(relist, [FIRST])  # noqa: SLF001
    sys.stdout.write(f"{'one plan listed again':36}{(time.perf_counter() - begun) * 1000:8.2f}ms\n")
    begun = time.perf_counter()
    await marketplace.products.page(reseller, ProductQuery())
    sys.stdout.write(f"{'first page after that':36}{(time.perf_counter() - begun) * 1000:8.2f}ms\n")
    await store.close()


def main() -> None:
    """Measure at each size."""
    arguments = sys.argv[1:]
    url = arguments.pop(1) if arguments[:1] == ["--database"] else None
    for size in map(int, arguments[1 if url else 0 :] or SIZES):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(_measure(url or f"sqlite:///{Path(folder) / 'bench.db'}", size))


if __name__ == "__main__":
    main()
