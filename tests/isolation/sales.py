"""A search for resellers who learn what others sell, for how much, and to whom: each answer is held against a model.

Every amount, MPN and order stands for one link of one chain, and no other one is like it: so an answer that has one
shows who has learned it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from emporion.accounts.ids import PROVIDER_ID
from emporion.limits import UNLIMITED
from emporion.marketplace.actors import Actor
from emporion.marketplace.catalogue_content import CatalogueContent
from emporion.marketplace.sales_rows import SalesRows
from tests.isolation.application import Answer, Application
from tests.isolation.machine import UUIDS

OPERATOR = Actor(PROVIDER_ID, "operator", "command line")
# An amount that is multiplied by a year's months is none of the others then.
LEAST_AMOUNT = 100_000
MONTHS = 12
AMOUNT = re.compile(r'"amount": ?"([0-9.-]+)"')
# An amount wherever it stands, such as in events: no id has six digits.
IN_WORDS = re.compile(r"(?<![\w.-])1[0-9]{5}(?!\w)")
UNKNOWN_ID = "999999999"
MISSING = "No entity has been found: "
ALWAYS = (0, 1 << 45)
SALES_TAGS = (
    "Product Catalog",
    "Service Plan Management",
    "Order Management",
    "Subscription Management",
    "Validation Management",
)

Data = st.DataObject
Json = dict[str, Any]
T = TypeVar("T")


@dataclass(eq=False)
class Product:
    """What is sold in a plan of its own. resellers: to whom it is delegated, None for all; withheld: from whom not."""

    mpn: str
    price: int
    costs: list[int]
    provider_cost: int
    resellers: list[int] | None
    withheld: list[int]
    id: str = ""
    plan_id: str = ""


@dataclass(eq=False)
class Seller:
    """A reseller with a user and a customer. amounts: all that it may have learned."""

    number: int
    above: Seller | None
    customer: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    amounts: set[int] = field(default_factory=set)

    @property
    def chain(self) -> list[Seller]:
        """From right below the provider down to it."""
        return [*(self.above.chain if self.above else []), self]

    def sells(self, product: Product) -> bool:
        numbers = {one.number for one in self.chain}
        return not numbers & {*product.withheld} and (product.resellers is None or bool(numbers & {*product.resellers}))

    def links(self, product: Product) -> list[int]:
        """What is paid on each link, from vendor and provider down to this seller and its customer."""
        found = [product.provider_cost, product.costs[0]]
        for level, one in enumerate(self.chain, 1):
            usual = product.price if one is self else product.costs[min(level, len(product.costs) - 1)]
            found.append(one.own.get(product.mpn, usual))
        return found

    def reaches(self, other: Seller) -> bool:
        return self in other.chain


@dataclass(eq=False)
class Order:
    """A completed order. links: what was paid on each."""

    id: str
    number: str
    subscription_id: str
    seller: Seller
    product: Product
    links: list[int]

    def amounts(self, root: Seller) -> tuple[int, int]:
        """What `root` takes, and what it pays."""
        level = root.chain.index(root) + 1
        return self.links[level + 1], self.links[level]


class Selling(RuleBasedStateMachine):
    """Trees of resellers who sell products, each with prices of its own."""

    def __init__(self, application: Application) -> None:
        super().__init__()
        self.application = application
        self.marketplace = application.marketplace
        self.orders: list[Order] = []

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.application.run(work)

    def _amount(self) -> int:
        return LEAST_AMOUNT + self.application.number()

    # How it begins

    @initialize(data=st.data())
    def plant(self, data: Data) -> None:
        """Three or four resellers, of whom two stand beside each other, and three products, of which one is for all."""
        self.sellers: list[Seller] = []
        for number in range(data.draw(st.integers(3, 4))):
            above = None if number < 2 else _one(data, self.sellers)
            self.sellers.append(self._run(self._seller(above)))
        numbers = [one.number for one in self.sellers]
        self.products = [
            self._product(None, []),
            self._product([_one(data, numbers)], []),
            self._product(None, [_one(data, numbers)]),
        ]
        with CatalogueContent(io.BytesIO(_catalogue(self.products))) as content:
            self._run(self.marketplace.catalogue_files.apply(OPERATOR, content))
        for product in self.products:
            ((found, *_), _) = self._run(self._kept(product.mpn))
            product.id, product.plan_id = found.id, str(found.plan_id)
        self._learn()

    async def _kept(self, mpn: str) -> tuple[list[Any], None]:
        return await self.application.store.catalogue.by_mpn(mpn), None

    async def _seller(self, above: Seller | None) -> Seller:
        actor = Actor(above.number if above else PROVIDER_ID, "operator", "command line")
        record = await self.marketplace.resellers.create(actor, {**_account(), "currency": "EUR"})
        user = await self.marketplace.users.add(
            OPERATOR, record.id, f"seller-{record.id}", "owner", "us", "Seller-Pass-1"
        )
        key = await self.marketplace.subscription_keys.add(OPERATOR, record.id, "key", UNLIMITED, None)
        token = await self.marketplace.tokens.issue_for_user(OPERATOR, user.user)
        customer = await self.marketplace.customers.create(Actor(record.id, "operator", "command line"), _account())
        headers = {"X-Subscription-Key": key.secret, "Authorization": f"Bearer {token}"}
        return Seller(record.id, above, str(customer.id), headers)

    def _product(self, resellers: list[int] | None, withheld: list[int]) -> Product:
        mpn = f"MPN-{self.application.number()}-X"
        costs = [self._amount(), self._amount()]
        return Product(mpn, self._amount(), costs, self._amount(), resellers, withheld)

    def _learn(self) -> None:
        """Let each seller know its own prices and costs, as they are now."""
        for one in self.sellers:
            for product in self.products:
                if one.sells(product):
                    one.amounts.update(one.links(product)[-2:])

    # What is sold

    @rule(data=st.data())
    def list_products(self, data: Data) -> None:
        root = _one(data, self.sellers)
        answer = self._ask(root, "getCatalog", query={"limit": "1000"})
        shown = {row["mpn"]: row for row in answer.json["data"]}
        assert shown.keys() == {one.mpn for one in self.products if root.sells(one)}
        for product in self.products:
            if product.mpn in shown:
                _check_prices(shown[product.mpn], root.links(product))
        assert answer.json["pagination"]["total"] == len(shown)

    @rule(data=st.data())
    def get_product_and_plan(self, data: Data) -> None:
        self._get_product(_one(data, self.sellers), _one(data, self.products))

    def _get_product(self, root: Seller, product: Product) -> None:
        answer = self._ask(root, "getProduct", {"id": product.id})
        plan = self._ask(root, "getServicePlanById", {"id": product.plan_id})
        if root.sells(product):
            _check_prices(answer.json, root.links(product))
            assert plan.status == 200
        else:
            self._check_missing(answer, root, "getProduct", product.id)
            self._check_missing(plan, root, "getServicePlanById", product.plan_id)

    @rule(data=st.data())
    def list_plans(self, data: Data) -> None:
        root = _one(data, self.sellers)
        answer = self._ask(root, "getServicePlans", query={"limit": "1000"})
        expected = {one.plan_id for one in self.products if root.sells(one)}
        assert {row["id"] for row in answer.json["data"]} == expected

    @rule(data=st.data())
    def set_price(self, data: Data) -> None:
        """A reseller takes another price of its buyers from now on."""
        seller = _one(data, self.sellers)
        products = [one for one in self.products if seller.sells(one)]
        if not products:
            return
        product, amount = _one(data, products), self._amount()
        actor = Actor(seller.number, "owner", "command line")
        body = {"productId": product.id, "amount": str(amount)}
        self._run(self.marketplace.prices.set(actor, seller.number, body))
        seller.own[product.mpn] = amount
        self._learn()
        for root in self.sellers:
            self._read_events(root)
            self._get_product(root, product)

    # What is ordered

    @rule(data=st.data(), is_estimate=st.booleans(), by_id=st.booleans())
    def order(self, data: Data, is_estimate: bool, by_id: bool) -> None:
        root, seller, product = _one(data, self.sellers), _one(data, self.sellers), _one(data, self.products)
        line = {"quantity": 1, **({"id": product.id} if by_id else {"mpn": product.mpn})}
        body = {"customerId": seller.customer, "products": [line]}
        answer = self._ask(root, "estimateOrder" if is_estimate else "createOrder", body=body)
        if not root.reaches(seller):
            assert answer.status == 404
            assert answer.json["message"] == f"{MISSING}there is no customer {seller.customer}."
            return
        if not seller.sells(product):
            assert answer.status == 400
            unknown = {"id": UNKNOWN_ID} if by_id else {"mpn": "MPN-0-X"}
            other = self._ask(root, "estimateOrder", body={**body, "products": [{"quantity": 1, **unknown}]})
            assert _without(answer, product.id, product.mpn) == _without(other, *unknown.values())
            return
        links = seller.links(product)
        level = len(root.chain)
        assert (answer.status, answer.json["total"]["amount"]) == (200, str(links[level + 1])), answer
        if is_estimate:
            return
        while self._run(self.marketplace.order_runner.run_next()):
            pass
        shown = self._ask(root, "getOrderDetails", {"id": answer.json["id"]}, new=answer.json).json
        assert shown["status"] == "completed"
        self.orders.append(Order(shown["id"], shown["orderNumber"], shown["subscriptionId"], seller, product, links))
        for one in self.sellers:
            self._read_order(one, self.orders[-1])
            self._list(one)
            self._list_some(one, _one(data, self.sellers), _one(data, self.sellers))
            self._report(one)
            self._read_events(one)

    @rule(data=st.data())
    def read_order_and_subscription(self, data: Data) -> None:
        if not self.orders:
            return
        self._read_order(_one(data, self.sellers), _one(data, self.orders))

    def _read_order(self, root: Seller, order: Order) -> None:
        answer = self._ask(root, "getOrderDetails", {"id": order.id})
        subscription = self._ask(root, "getSubscription", {"id": order.subscription_id})
        if not root.reaches(order.seller):
            self._check_missing(answer, root, "getOrderDetails", order.id)
            self._check_missing(subscription, root, "getSubscription", order.subscription_id)
            return
        price, cost = order.amounts(root)
        assert answer.json["total"]["amount"] == str(price)
        (line,) = subscription.json["products"]
        assert (line["unitPrice"]["amount"], line["unitCost"]["amount"]) == (str(price), str(cost))
        assert "unitProviderCost" not in line

    @rule(data=st.data())
    def list_orders_and_subscriptions(self, data: Data) -> None:
        root, wanted = _one(data, self.sellers), _one(data, self.sellers)
        self._list(root)
        self._list_some(root, wanted, _one(data, self.sellers))

    def _list(self, root: Seller) -> None:
        mine = [one for one in self.orders if root.reaches(one.seller)]
        for version in ("1.6", "1.15"):
            orders = self._ask(root, "getOrders", query={"limit": "1000"}, version=version)
            assert [row["id"] for row in orders.json["data"]] == [one.id for one in reversed(mine)]
            assert orders.json["pagination"]["total"] == len(mine)
        subscriptions = self._ask(root, "getSubscriptions", query={"limit": "1000"})
        assert {row["id"] for row in subscriptions.json["data"]} == {one.subscription_id for one in mine}
        totals = [row["total"]["amount"] for row in orders.json["data"]]
        assert totals == [str(one.amounts(root)[0]) for one in reversed(mine)]

    def _list_some(self, root: Seller, wanted: Seller, buyer: Seller) -> None:
        """Those of a customer or a reseller."""
        for operation in ("getOrders", "getSubscriptions"):
            answer = self._ask(root, operation, query={"customerId": wanted.customer})
            assert answer.status == (200 if root.reaches(wanted) else 404)
        answer = self._ask(root, "getResellerOrders", {"id": str(wanted.number)}, {"customerId": buyer.customer})
        assert answer.status == (200 if root.reaches(wanted) and wanted.reaches(buyer) else 404)
        answer = self._ask(root, "getResellerOrders", {"id": str(wanted.number)}, {"limit": "1000"})
        if root.reaches(wanted):
            theirs = [one.id for one in reversed(self.orders) if wanted.reaches(one.seller)]
            assert [row["id"] for row in answer.json["data"]] == theirs
        else:
            self._check_missing(answer, root, "getResellerOrders", str(wanted.number))

    @rule(data=st.data())
    def find_order(self, data: Data) -> None:
        if not self.orders:
            return
        root, order = _one(data, self.sellers), _one(data, self.orders)
        for query in ({"orderNumber": order.number}, {"subscriptionId": order.subscription_id}):
            found = self._ask(root, "getOrders", query=query)
            assert [row["id"] for row in found.json["data"]] == ([order.id] if root.reaches(order.seller) else [])

    @rule(data=st.data())
    def touch_what_is_anothers(self, data: Data) -> None:
        """Cancel, change or price what is not one's own, as one's own customer's or as theirs."""
        if not self.orders:
            return
        root, order = _one(data, self.sellers), _one(data, self.orders)
        if root.reaches(order.seller):
            return
        prices = {"products": [{"mpn": order.product.mpn, "unitPrice": {"currency": "EUR", "amount": "1"}}]}
        for operation, id_, body in (
            ("updateOrder", order.id, {"statusCode": "CL"}),
            ("updateSubscription", order.subscription_id, {"renewalStatus": False}),
            ("updateSubscriptionSpecialPricing", order.subscription_id, prices),
        ):
            self._check_missing(self._ask(root, operation, {"id": id_}, body=body), root, operation, id_, body)
        told = []
        for id_ in (order.subscription_id, UNKNOWN_ID):
            body = {"type": "cancellation", "customerId": root.customer, "subscriptionId": id_}
            answer = self._ask(root, "createOrder", body=body)
            told.append((answer.status, _without(answer, id_)))
        assert told[0] == told[1]
        assert told[0][0] in (400, 404)
        check = {"customerId": order.seller.customer, "products": [{"mpn": order.product.mpn, "parameters": []}]}
        assert self._ask(root, "validateParameters", body=check).status == 404

    # What is told of it afterwards

    @rule(data=st.data())
    def read_events(self, data: Data) -> None:
        self._read_events(_one(data, self.sellers))

    def _read_events(self, root: Seller) -> None:
        after, more = "0", True
        while more:
            answer = self._ask(root, "getEvents", query={"after": after, "limit": "1000"})
            after, more = answer.json["next"], answer.json["more"]

    @rule(data=st.data())
    def report(self, data: Data) -> None:
        self._report(_one(data, self.sellers))

    def _report(self, root: Seller) -> None:
        rows = SalesRows(self.application.store, root.number)
        numbers = [one.number for one in self.orders if root.reaches(one.seller)]
        orders, charges, items = (
            self._run(_all(kind(*ALWAYS))) for kind in (rows.orders, rows.charges, rows.subscriptions)
        )
        assert sorted(row["orderNumber"] for row in orders) == sorted(numbers)
        assert sorted(row["orderNumber"] for row in charges) == sorted(numbers)
        by_number = {order.number: order for order in self.orders}
        for row in charges:
            price, cost = by_number[row["orderNumber"]].amounts(root)
            assert (row["extendedPrice"]["amount"], row["extendedCost"]["amount"]) == (str(price), str(cost))
        for row in orders:
            price, cost = by_number[row["orderNumber"]].amounts(root)
            assert row["product"]["extendedPrice"]["amount"] == str(price)
            assert row["product"]["extendedCost"]["amount"] == str(cost)
        by_subscription = {order.subscription_id: order for order in self.orders}
        assert len(items) == len(numbers)
        for row in items:
            price, cost = by_subscription[row["id"]].amounts(root)
            assert row["product"]["unitPrice"]["amount"] == str(price)
            assert row["product"]["unitCost"]["amount"] == str(cost)
        self._check_nothing_leaks(json.dumps([orders, charges, items]), "", root, None)

    # How it is asked and checked

    def _ask(
        self,
        root: Seller,
        operation_id: str,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Any = None,
        version: str = "1.15",
        new: Json | None = None,
    ) -> Answer:
        """The answer, in which nothing is another's. new: an order of which the model does not know yet."""
        headers = {**root.headers, "X-Api-Version": version}
        answer = self.application.ask(operation_id, headers, path, query, body)
        assert answer.status < 500, answer
        self._check_nothing_leaks(answer.body.decode(), answer.request.text, root, new)
        return answer

    def _check_nothing_leaks(self, text: str, sent: str, root: Seller, new: Json | None) -> None:
        """No order, product or amount that `root` has nothing to do with, unless it was sent."""
        mine = [one for one in self.orders if root.reaches(one.seller)]
        for order in self.orders:
            if order not in mine:
                for secret in (order.id, order.number, order.subscription_id):
                    assert secret in sent or not re.search(rf"\b{secret}\b", text), f"{secret} of another is in {text}"
        for product in self.products:
            if not root.sells(product) and not any(one.product is product for one in mine):
                below = [one for one in self.sellers if root.reaches(one) and one.sells(product)]
                assert below or product.mpn in sent or product.mpn not in text, f"{product.mpn} is in {text}"
        known = root.amounts | {amount for one in mine for amount in one.amounts(root)}
        known |= {amount for one in self._below(root) for amount in self._through(root, one)}
        for found in set(AMOUNT.findall(text)):
            value = abs(Decimal(found))
            assert value in (0, 1) or value in known or value / MONTHS in known, f"the amount {found} is in {text}"
        for found in set(IN_WORDS.findall(UUIDS.sub("", text))):
            assert int(found) in known, f"the amount {found} is in {text}"

    def _below(self, root: Seller) -> Iterator[Seller]:
        return (one for one in self.sellers if root.reaches(one))

    def _through(self, root: Seller, seller: Seller) -> Iterator[int]:
        """What `root` takes and pays for what is sold below it now."""
        level = len(root.chain)
        for product in self.products:
            if seller.sells(product):
                links = seller.links(product)
                yield links[level + 1]
                yield links[level]

    def _check_missing(self, answer: Answer, root: Seller, operation_id: str, id_: str, body: Any = None) -> None:
        """It is told as what does not exist is."""
        other = self._ask(root, operation_id, {"id": UNKNOWN_ID}, body=body)
        assert answer.status == other.status == 404, answer
        assert answer.json["message"].startswith(MISSING)
        assert _without(answer, id_) == _without(other, UNKNOWN_ID)


def _check_prices(row: Json, links: Sequence[int]) -> None:
    assert [one["amount"] for one in row["prices"]] == [str(links[-1])]
    assert [one["amount"] for one in row["costs"]] == [str(links[-2])]


def _without(answer: Answer, *secrets: str) -> str:
    """What an answer says, without what was asked for."""
    text = json.dumps([answer.json["message"], answer.json.get("details")])
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


async def _all(rows: Any) -> list[Json]:
    return [row async for some in rows for row in some]


def _one(data: Data, items: Sequence[T]) -> T:
    return items[data.draw(st.integers(0, len(items) - 1))]


def _account() -> Json:
    person = {
        "type": "admin",
        "firstName": "Ada",
        "lastName": "L",
        "email": "ada@example.com",
        "phoneNumber": "+49891234",
    }
    return {
        "name": "A company",
        "status": "active",
        "address": {"streetAddress": "Weg 1", "postalCode": "80331", "city": "Ulm", "countryCode": "DE"},
        "contactPersons": [person],
    }


def _catalogue(products: Sequence[Product]) -> bytes:
    """The file of the catalogue, with a plan for each product."""
    plans = {}
    for product in products:
        price = {"price": product.price, "cost": product.costs, "providerCost": product.provider_cost}
        plans[f"plan-{product.mpn}"] = {
            "service": "SERVICE",
            "name": "A plan",
            "state": "published",
            "periods": "1 year",
            "billingPeriod": "1 month",
            **({"resellers": [str(one) for one in product.resellers]} if product.resellers is not None else {}),
            **({"except": [str(one) for one in product.withheld]} if product.withheld else {}),
            "items": {product.mpn: {"name": f"Item {product.mpn}", "prices": {"EUR": price}}},
        }
    services = {"SERVICE": {"vendor": "acme", "fulfillment": "automatic"}}
    return json.dumps({"vendors": {"acme": "Acme"}, "services": services, "plans": plans}).encode()
