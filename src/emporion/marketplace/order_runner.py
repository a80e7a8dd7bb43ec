"""Moves orders on, whichever worker is alive: each step is one transaction, which names the version that it changes.

So of two workers that are at one order, one has its step kept, and what a killed one has begun was never there. An
order that cannot be moved now is looked at again after a pause, which grows; one whose steps fail again and again ends
as failed, with a reason, and keeps none from being done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from emporion.accounts.customers import Customer
from emporion.errors import Code, Problem
from emporion.logs import log
from emporion.marketplace.order_steps import WORKER, MissingPlan, order_event, subscription_event
from emporion.orders import steps
from emporion.orders.completion import ended
from emporion.orders.kept import UNFINISHED, OrderError
from emporion.orders.steps import AsOf, Outcome
from emporion.orders.templates import provided
from emporion.orders.waiting import hold_of
from emporion.store.orders import ORDERS
from emporion.store.subscriptions import SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emporion.accounts.statuses import Status
    from emporion.catalogue.parameters import ParameterValue
    from emporion.marketplace.order_steps import OrderSteps, Situation
    from emporion.orders.kept import KeptOrder
    from emporion.orders.pricing import Paid
    from emporion.store.base import Store
    from emporion.store.collections import Item
    from emporion.store.orders import ChangedCustomer
    from emporion.subscriptions import KeptSubscription

# How many orders are moved at a time.
ORDERS_AT_ONCE = 16
# Milliseconds between two looks at an order that waits.
SHORTEST_WAIT, LONGEST_WAIT_OF_ORDER = 2_000, 60_000
# How often a step may fail before the order does.
MOST_FAILURES = 5
# Customers that are followed in one round, and of each, orders and subscriptions that are read.
FOLLOWED_AT_ONCE, MOST_FOLLOWED = 8, 100_000
FAILED_INSIDE = "Something failed on our side; the operator can try it again."

_customer = msgspec.json.Decoder(Customer).decode


class OrderRunner:
    """Moves the orders of all resellers on, and lets subscriptions follow their customers."""

    def __init__(self, store: Store, order_steps: OrderSteps) -> None:
        self._store = store
        self._steps = order_steps

    async def run_next(self) -> bool:
        """Move orders that have waited longest, and follow customers whose status has changed; whether there were any.

        Raises Problem (UNAVAILABLE).
        """
        due = await self._store.orders.due(self._steps.now().at, ORDERS_AT_ONCE)
        await asyncio.gather(*(self.move(item) for item in due))
        followed = await self._follow_changed()
        return bool(due) or followed

    async def move(self, item: Item) -> None:
        """Move an order on as far as it goes now. Raises Problem (UNAVAILABLE)."""
        now: Item | None = item
        try:
            while now:
                now = await self._step(now)
        except Problem as problem:
            if problem.code is Code.UNAVAILABLE:
                raise
            await self._note_failure(item.reseller_id, item.id, problem)
        except Exception as error:
            await self._note_failure(item.reseller_id, item.id, error)

    async def _step(self, item: Item) -> Item | None:
        """Do the next step of an order; what it is then, or None if there is nothing more to do now."""
        situation = await self._steps.situation(item)
        order, status = situation.order, situation.customer_status
        if order.status not in UNFINISHED:
            return None
        if over := _over(order, situation.subscriptions, status):
            return await self._steps.write(
                situation, 0, lambda _: steps.cancelled(order, situation.subscriptions, over, self._steps.now())
            )
        if order.status == "error":
            await self._leave(item, order)
            return None
        if hold_of(order, situation.subscriptions, status):
            await self._wait(situation)
            return None
        now = steps.as_of(order, self._steps.now())
        paid = await self._steps.paid_before(situation)
        if order.status == "submitted":
            return await self._steps.write(
                situation, steps.new_subscriptions(order), lambda ids: _from_the_start(situation, ids, now, paid)
            )
        done = _by_itself(Outcome(order), situation.subscriptions, situation, now, paid)
        if done.order.requests == order.requests and done.order.status == order.status:
            await self._leave(item, order)
        else:
            await self._steps.write(situation, 0, lambda _: done)
        return None

    async def _leave(self, item: Item, order: KeptOrder) -> None:
        """Look at an order no more that is others' to move."""
        if order.due is not None:
            await self._store.orders.update(item, steps.waiting(order), None)

    async def _wait(self, situation: Situation) -> None:
        now = self._steps.now().at
        pause = min(max(now - situation.order.created_at, SHORTEST_WAIT), LONGEST_WAIT_OF_ORDER)
        await self._store.orders.postpone(situation.item, now + pause)

    async def _note_failure(self, reseller_id: int, order_id: str, error: Exception) -> None:
        """Try the step of an order again after a while, or let the order fail."""
        item = await self._store.orders.get(reseller_id, order_id)
        order = ORDERS.decode(item.document) if item else None
        if not item or not order or order.status not in UNFINISHED:
            return
        log.error("a step of an order failed", order=order.order_number, exc_info=error)
        now = self._steps.now()
        attempts = order.attempts + 1
        if attempts < MOST_FAILURES:
            pause = min(SHORTEST_WAIT << attempts, LONGEST_WAIT_OF_ORDER)
            await self._store.orders.update(item, structs.replace(order, attempts=attempts, due=now.at + pause), None)
            return
        missing = isinstance(error, MissingPlan)
        why = OrderError("missingPlan", str(error)) if missing else OrderError("internal", FAILED_INSIDE)
        failed = steps.failed(order, why)
        await self._store.orders.update(item, failed, order_event(order, failed, now.at, WORKER))

    async def _follow_changed(self) -> bool:
        changed = await self._store.orders.changed_customers(FOLLOWED_AT_ONCE)
        for one in changed:
            await self._follow(one)
        return bool(changed)

    async def _follow(self, changed: ChangedCustomer) -> None:
        """Let the orders and subscriptions of a customer follow its status."""
        record = await self._store.customers.get(changed.reseller_id, changed.customer_id)
        status = _customer(record.document).status if record else "cancelled"
        found = await self._store.subscriptions.of_customer(changed.reseller_id, changed.customer_id, MOST_FOLLOWED)
        for item in found:
            await self._let_follow(item, status)
        if status != "adminHold":
            for item in await self._store.orders.unfinished(changed.reseller_id, changed.customer_id, MOST_FOLLOWED):
                await self.move(item)
        await self._store.orders.followed(changed)

    async def _let_follow(self, item: Item, status: Status) -> None:
        found: Item | None = item
        while found:
            before = SUBSCRIPTIONS.decode(found.document)
            now = self._steps.now()
            after = followed(before, status, AsOf(now.at, now.day))
            event = subscription_event(before, after, now.at, WORKER, f"its customer is {status} now")
            if after == before or await self._store.subscriptions.update(found, after, event):
                return
            found = await self._store.subscriptions.get(item.reseller_id, item.id)


def _from_the_start(situation: Situation, ids: Sequence[str], now: AsOf, paid: Paid | None) -> list[Outcome]:
    """What becomes of an order that has passed its gates, as far as it goes without others."""
    begun = steps.begun(situation.order, situation.subscriptions, situation.plans, ids, now)
    subscriptions = {**situation.subscriptions, **begun.subscriptions}
    return [begun, _by_itself(begun, subscriptions, situation, now, paid)]


def _by_itself(
    outcome: Outcome,
    subscriptions: Mapping[str, KeptSubscription],
    situation: Situation,
    now: AsOf,
    paid: Paid | None,
) -> Outcome:
    """An order with what automatic services have approved; completed, where that is all."""
    for request in outcome.order.requests:
        plan = situation.plans[request.plan_id]
        if request.status == "pending" and plan.fulfillment == "automatic":
            assert request.subscription_id
            given: list[ParameterValue] = []
            vendors = None
            if request.type in ("purchase", "migrate"):
                given, vendors = provided(plan.parameters, outcome.order, subscriptions[request.subscription_id])
            outcome = steps.approved(outcome, subscriptions, request, vendors, given)
    if steps.is_approved(outcome.order):
        return steps.finished(outcome, subscriptions, situation.plans, now, paid)
    return structs.replace(outcome, order=steps.waiting(outcome.order))


def followed(subscription: KeptSubscription, status: Status, now: AsOf) -> KeptSubscription:
    """A subscription as it is where its customer has this status (ordering.md 6.9)."""
    day = now.day.isoformat()
    if status == "cancelled" and subscription.status in ("active", "hold"):
        return ended(subscription, now.day, "its customer was cancelled")
    if status == "adminHold" and subscription.status == "active":
        return structs.replace(subscription, status="hold", held="customer", last_modified=day)
    if status not in ("adminHold", "cancelled") and subscription.held == "customer":
        return structs.replace(subscription, status="active", held=None, last_modified=day)
    return subscription


def _over(
    order: KeptOrder, subscriptions: dict[str, KeptSubscription], status: Status | None
) -> OrderError | None:  # fmt: skip
    """Why an order cannot be done any more, if so."""
    if status in ("cancelled", None):
        return OrderError("customerCancelled", "The customer was cancelled.")
    if status == "error" and order.status == "submitted":
        return OrderError("customerNotVerified", "The customer could not be verified.")
    ids: Sequence[str] = steps.touched(order)
    if order.status in ("submitted", "processing") and any(
        id_ not in subscriptions or subscriptions[id_].ended for id_ in ids
    ):
        return OrderError("subscriptionEnded", "The subscription has ended meanwhile.")
    return None
