"""What tests sell: plans that no catalogue has, orders of them as they are kept, and what runs them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from emporion import times
from emporion.accounts.statuses import Status
from emporion.catalogue.parameters import Parameter, ParameterValue
from emporion.catalogue.plans import Plan, PlanSwitch, Policies, SubscriptionPeriod
from emporion.catalogue.rates import Rates, flat
from emporion.events import NewEvent, Origin, Subject
from emporion.marketplace.fulfillment import Fulfillment
from emporion.marketplace.order_runner import OrderRunner
from emporion.marketplace.order_steps import OrderSteps
from emporion.orders.kept import KeptOrder, OrderLine, OrderType
from emporion.periods import Period
from emporion.store.base import Store
from emporion.store.collections import Item
from emporion.store.orders import ORDERS, NewOrder
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import KeptSubscription
from tests.clock import Clock
from tests.store.test_base import change, customer, new

MONTH, YEAR = Period("month", 1), Period("year", 1)
PARAMETERS = [
    Parameter(name="domain", type="domain"),
    Parameter(name="tenant", type="text", phase="fulfillment", template="t-{subscription.id}-{parameter.domain}"),
    Parameter(name="key", type="text", phase="fulfillment", template="v-{customer.id}", reconciliation=True),
]


def plan(id: int = 1, **members: Any) -> Plan:  # noqa: A002
    """A plan of a year that is paid monthly, provided by itself."""
    values: dict[str, Any] = {
        "id": id,
        "key": f"plan-{id}",
        "vendor": "acme",
        "service_name": "ACME_MAIL",
        "fulfillment": "automatic",
        "name": f"Plan {id}",
        "state": "published",
        "subscription_periods": [SubscriptionPeriod("year", 1)],
        "billing_period": MONTH,
        "billing_model": "chargeBeforeBillingPeriod",
        "policies": Policies(),
        "parameters": PARAMETERS,
    }
    return Plan(**{**values, **members})


AUTOMATIC, MANUAL = plan(1, switches=[
    PlanSwitch(plan_id=3, source_subscription_period=YEAR, subscription_period=YEAR,
               billing_policy="prorate_keeping_exp_date", when_effective="immediately"),
]), plan(2, fulfillment="manual")  # fmt: skip
BETTER, AT_TERM_END = plan(3), plan(4, policies=Policies(cancellation="at_term_end", decrease_refund="none"))
TRIAL = plan(5, subscription_periods=[SubscriptionPeriod("month", 1, trial=True)])
PLANS = {one.id: one for one in (AUTOMATIC, MANUAL, BETTER, AT_TERM_END, TRIAL)}


def rates(links: int, price: str = "4.5", setup: str | None = None) -> list[Rates]:
    """What a product costs on so many links: each 1 less than the one below it."""
    return [
        Rates(flat(Decimal(price) - (links - 1 - link)), flat(Decimal(setup)) if setup else None)
        for link in range(links)
    ]


def line(plan_id: int = 1, quantity: int = 10, product: str | None = None, **members: Any) -> OrderLine:
    """A line of an order; by default for the one product that a plan has."""
    id_ = product or str(500 + plan_id)
    values: dict[str, Any] = {
        "product_id": id_,
        "mpn": f"MPN-{id_}",
        "vendor": "acme",
        "name": f"Product {id_}",
        "plan_id": plan_id,
        "billing_period": MONTH,
        "subscription_period": MONTH if plan_id == TRIAL.id else YEAR,
        "quantity": Decimal(quantity),
        "rates": rates(3),
    }
    return OrderLine(**{**values, **members})


class Plans:
    """The plans of a shop. broken: those that cannot be read."""

    def __init__(self) -> None:
        self.plans = dict(PLANS)
        self.broken: set[int] = set()

    async def plan(self, plan_id: int) -> Plan | None:
        if plan_id in self.broken:
            raise ValueError("a broken plan")
        return self.plans.get(plan_id)


@dataclass
class Shop:
    """A store with what moves orders on, and the chain in which all is sold."""

    store: Store
    chain: Sequence[int]
    clock: Clock = field(default_factory=Clock)
    plans: Plans = field(default_factory=Plans)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.steps = OrderSteps(self.store, self.plans, self.clock)
        self.runner = OrderRunner(self.store, self.steps)
        self.fulfillment = Fulfillment(self.store, self.steps)

    @property
    def seller(self) -> int:
        return self.chain[-1]

    async def customer(self, status: Status = "active") -> int:
        """The id of a new customer of the seller."""
        wanted = customer(f"Buyer {next(self.numbers)}", None, status)
        return (await self.store.customers.add(new(self.seller, wanted))).id

    async def set_status(self, customer_id: int, status: Status) -> None:
        """Put a customer into another status."""
        record = await self.store.customers.get(self.seller, customer_id)
        assert record
        wanted = customer("Buyer", None, status)
        assert await self.store.customers.update(change(record, wanted, changes={"status": ("active", status)}))

    async def place(
        self, customer_id: int, *lines: OrderLine, type: OrderType = "sales", **members: Any  # noqa: A002
    ) -> Item:  # fmt: skip
        """An order as it is kept once a client has placed it."""
        now = int(self.clock() * 1000)
        order = KeptOrder(
            id="",
            order_number="",
            type=type,
            customer_id=customer_id,
            chain=list(self.chain),
            currency="EUR",
            created_at=now,
            day=times.shown(now)[:10],
            status="submitted",
            status_code="OP",
            due=now,
            lines=list(lines),
            **members,
        )
        touches = []
        if order.subscription_id:
            touched = await self.store.subscriptions.get(self.seller, order.subscription_id)
            assert touched
            touches = [touched]

        def created(placed: KeptOrder) -> NewEvent:
            subject = Subject("order", placed.id)
            return NewEvent(
                self.seller, customer_id, "order.created", now, Origin("api", "api"), {}, f"order {placed.id}", subject
            )

        item = await self.store.orders.place(NewOrder(self.seller, order, created, touches))
        assert item
        return item

    async def run(self) -> None:
        """Let the worker do all that is due."""
        while await self.runner.run_next():
            pass

    async def order(self, item: Item) -> KeptOrder:
        """An order as it is now."""
        found = await self.store.orders.get(self.seller, item.id)
        assert found
        return ORDERS.decode(found.document)

    async def subscription(self, id_: str | None) -> KeptSubscription:
        """A subscription as it is now."""
        found = await self.store.subscriptions.get(self.seller, id_ or "")
        assert found
        return SUBSCRIPTIONS.decode(found.document)

    async def bought(self, plan_id: int = 1, quantity: int = 10, **members: Any) -> KeptSubscription:
        """An active subscription of a new customer."""
        own = rates(len(self.chain) + 1)
        item = await self.place(await self.customer(), line(plan_id, quantity, rates=own), **members)
        await self.run()
        return await self.subscription((await self.order(item)).subscription_id)

    async def change(self, of: KeptSubscription, *lines: OrderLine, type: OrderType = "change", **members: Any) -> Item:  # noqa: A002
        """An order on a subscription; without lines it has all items as they are."""
        same = [
            line(of.plan_id, int(item.quantity), item.product_id, previous_quantity=item.quantity, rates=item.rates)
            for item in of.items
        ]
        return await self.place(of.customer_id, *(lines or same), type=type, subscription_id=of.id, **members)

    async def events(self, after: int = 0) -> list[tuple[str, str | None]]:
        """Types and reasons of the seller's log, but for those of customers."""
        log = await self.store.events.log(self.seller, after, 1000)
        return [(one.type, one.reason) for one in log if one.type.split(".")[0] in ("order", "subscription")]


Make = Callable[[], Shop]
DOMAIN = ParameterValue("domain", "example.com")
