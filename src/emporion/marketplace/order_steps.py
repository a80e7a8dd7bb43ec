"""Reads what a step of an order needs, and writes what comes of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct, to_builtins

from emporion.accounts.customers import Customer
from emporion.accounts.documents import NEVER_SHOWN, diff
from emporion.events import Changes, EventType, NewEvent, Origin, Subject
from emporion.orders import steps
from emporion.orders.ledger import Charged, ledger, read_ledger
from emporion.orders.pricing import paid_for
from emporion.orders.steps import AsOf, Outcome, as_of, touched
from emporion.orders.subscription_shown import listed_subscription, number
from emporion.orders.terms import running_term
from emporion.store.order_steps import ChargeRow, OrderStep, SubscriptionWrite
from emporion.store.orders import ORDERS
from emporion.store.subscriptions import SUBSCRIPTIONS

if TYPE_CHECKING:
    from emporion.accounts.statuses import Status
    from emporion.catalogue.plans import Plan
    from emporion.orders.kept import Charge, KeptOrder, OrderStatus
    from emporion.orders.pricing import Paid
    from emporion.store.base import Store
    from emporion.store.collections import Item
    from emporion.subscriptions import KeptSubscription, SubscriptionStatus

WORKER = Origin(None, "worker")
_ORDER_EVENTS: dict[OrderStatus, EventType] = {
    "completed": "order.completed",
    "error": "order.failed",
    "cancelled": "order.cancelled",
}
_SUBSCRIPTION_EVENTS: dict[SubscriptionStatus, EventType] = {
    "terminated": "subscription.terminated",
    "removed": "subscription.removed",
}

_status_of = msgspec.json.Decoder(Customer).decode


class PlanReader(Protocol):
    """What knows the plans, such as `marketplace.catalogue.Catalogue`."""

    async def plan(self, plan_id: int) -> Plan | None:
        """A plan, in whatever state."""


class MissingPlan(Exception):
    """For an order of a plan that is not there."""


class Situation(Struct, frozen=True):
    """An order as it is, and what it is about. items: the subscriptions as they were read, by id. customer_status: None
    where there is no such customer."""

    item: Item
    order: KeptOrder
    customer_status: Status | None
    items: dict[str, Item]
    subscriptions: dict[str, KeptSubscription]
    plans: dict[int, Plan]


class OrderSteps:
    """Steps of orders. clock: seconds since 1970."""

    def __init__(self, store: Store, plans: PlanReader, clock: Callable[[], float]) -> None:
        self._store = store
        self._plans = plans
        self._clock = clock

    def now(self) -> AsOf:
        """Now, and the day of billing, which is that of UTC."""
        seconds = self._clock()
        return AsOf(int(seconds * 1000), datetime.fromtimestamp(seconds, UTC).date())

    async def situation(self, item: Item) -> Situation:
        """What a step of an order needs to know. Raises MissingPlan."""
        order = ORDERS.decode(item.document)
        customer = await self._store.customers.get(item.reseller_id, order.customer_id)
        items = {}
        for id_ in touched(order):
            if found := await self._store.subscriptions.get(item.reseller_id, id_):
                items[id_] = found
        subscriptions = {id_: SUBSCRIPTIONS.decode(found.document) for id_, found in items.items()}
        ids = {line.plan_id for line in order.lines} | {one.plan_id for one in subscriptions.values()}
        plans = {}
        for plan_id in sorted(ids | ({order.plan_id} if order.plan_id else set())):
            plan = await self._plans.plan(plan_id)
            if not plan:
                raise MissingPlan(f"there is no plan {plan_id}")
            plans[plan_id] = plan
        status = _status_of(customer.document).status if customer else None
        return Situation(item, order, status, items, subscriptions, plans)

    async def finished(self, situation: Situation, outcome: Outcome) -> Outcome:
        """An order of which all is approved, with what it comes to today."""
        paid = await self.paid_before(situation)
        now = as_of(outcome.order, self.now())
        return steps.finished(outcome, situation.subscriptions, situation.plans, now, paid)

    async def paid_before(self, situation: Situation) -> Paid | None:
        """What was paid for what an order switches, if it does."""
        order = situation.order
        if order.plan_id is None or not order.subscription_id:
            return None
        return await self.paid(situation.subscriptions[order.subscription_id], as_of(order, self.now()).day)

    async def paid(self, subscription: KeptSubscription, day: date) -> Paid:
        """What was paid for the period of a subscription that runs on a day, by each product and link."""
        charges: list[list[Charge]] = [[] for _ in range(len(subscription.chain) + 1)]
        for row in await self._store.orders.ledger_of(subscription.chain[-1], subscription.id):
            entry = read_ledger(row.document)
            if entry.subscription_id == subscription.id:
                charges[row.link].append(entry.charge())
        return paid_for(charges, running_term(subscription), day)

    async def write(
        self,
        situation: Situation,
        ids: int,
        step: Callable[[Sequence[str]], Outcome | Sequence[Outcome]],
        origin: Origin = WORKER,
        *,
        in_status: bool = True,
    ) -> Item | None:
        """Write what `step` makes of an order; the order afterwards, or None if something has changed meanwhile.

        ids: of new subscriptions, which `step` is given. step: gives one state, or several of which each comes of the
        one before; the last is kept. in_status: whether the customer's status must be what it was.
        """

        def stepped(taken: Sequence[str]) -> OrderStep:
            made = step(taken)
            outcomes = [made] if isinstance(made, Outcome) else made
            return self._step(situation, outcomes, origin, in_status=in_status)

        return await self._store.orders.advance(situation.item, ids, stepped)

    def _step(
        self, situation: Situation, outcomes: Sequence[Outcome], origin: Origin, *, in_status: bool
    ) -> OrderStep:  # fmt: skip
        now, last = self.now(), outcomes[-1]
        order, before = last.order, dict(situation.subscriptions)
        written: dict[str, NewEvent | None] = {}
        later: list[NewEvent | None] = []
        for outcome in outcomes:
            for id_, after in outcome.subscriptions.items():
                if before.get(id_) == after:
                    continue
                event = subscription_event(before.get(id_), after, now.at, origin, order.order_number)
                if id_ in written:
                    later.append(event)
                else:
                    written[id_] = event
                before[id_] = after
        rows = ledger(order, _charged(situation, last)) if last.completion else ()
        return OrderStep(
            order,
            situation.customer_status if in_status else None,
            [order_event(situation.order, order, now.at, origin), *written.values(), *later],
            [SubscriptionWrite(situation.items.get(id_), before[id_]) for id_ in written],
            [ChargeRow(row.link, now.at, msgspec.json.encode(row)) for row in rows],
        )


def _charged(situation: Situation, outcome: Outcome) -> dict[str, Charged]:
    """The products of an order's subscriptions, before and after it."""
    return {
        item.product_id: Charged(subscription.id, subscription.plan_id, item.name)
        for subscriptions in (situation.subscriptions, outcome.subscriptions)
        for subscription in subscriptions.values()
        for item in subscription.items
    }


def order_event(before: KeptOrder, after: KeptOrder, at: int, origin: Origin) -> NewEvent:
    """What the log says of a step of an order."""
    changes: Changes = {
        name: (old, new)
        for name, old, new in (
            ("status", before.status, after.status),
            ("statusCode", before.status_code, after.status_code),
        )
        if old != new
    }
    return NewEvent(
        reseller_id=after.chain[-1],
        account_id=after.customer_id,
        type=_ORDER_EVENTS.get(after.status, "order.updated"),
        at=at,
        origin=origin,
        changes=changes,
        reason=_about(f"order {after.id}", after.error.message if after.error else None),
        subject=Subject("order", after.id),
    )


def subscription_event(
    before: KeptSubscription | None,
    after: KeptSubscription,
    at: int,
    origin: Origin,
    why: str | None,
    more: Changes | None = None,
) -> NewEvent | None:
    """What the log says of a change of a subscription; None where readers see none. why: such as an order's number.
    more: what else has changed."""
    changes = {**diff(_noted(before) if before else {}, _noted(after)), **_told_anew(before, after), **(more or {})}
    if not changes:
        return None
    status: SubscriptionStatus | None = before.status if before else None
    type_: EventType = "subscription.updated" if before else "subscription.created"
    if after.status != status:
        type_ = _SUBSCRIPTION_EVENTS.get(after.status, type_)
        if status == "pending" and after.status == "active":
            type_ = "subscription.activated"
    if after.ended and (not before or before.ended != after.ended):
        why = f"{after.reason} ({after.ended})" if after.reason else after.ended
    return NewEvent(
        reseller_id=after.chain[-1],
        account_id=after.customer_id,
        type=type_,
        at=at,
        origin=origin,
        changes=changes,
        reason=_about(f"subscription {after.id}", why),
        subject=Subject("subscription", after.id),
    )


def _told_anew(before: KeptSubscription | None, after: KeptSubscription) -> Changes:
    """The names of what the buyer has told anew, without values, as in the events of orders."""
    told = before.order_parameters if before else after.order_parameters
    names = [one.name for one in after.order_parameters if one not in told]
    return {f"orderParameters.{name}": (NEVER_SHOWN, NEVER_SHOWN) for name in names}


def _about(what: str, more: str | None) -> str:
    return f"{what}: {more}" if more else what


def _noted(subscription: KeptSubscription) -> dict[str, Any]:
    """What the log tells of a subscription: no amounts, since resellers of other levels read it, too."""
    noted: dict[str, Any] = to_builtins(listed_subscription(subscription))
    del noted["lastModifiedDate"]
    noted["products"] = {item.mpn: number(item.quantity) for item in subscription.items}
    noted["vendorSubscriptionId"] = next((item.vendor_subscription_id for item in subscription.items), None)
    noted["fulfillmentParameters"] = {one.name: one.value for one in subscription.fulfillment_parameters} or None
    return {name: value for name, value in noted.items() if value is not None}
