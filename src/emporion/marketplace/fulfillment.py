"""What vendors, or the operator in their place, decide about orders: approved, failed, tried again, cancelled.

A decision that was made already is done already; one that contradicts it is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from emporion.catalogue.parameters import ParameterValue
from emporion.catalogue.value_types import LONGEST_VALUE
from emporion.errors import AccessDenied, Code, Fault, Problem, not_found, raise_invalid
from emporion.marketplace.patches import ATTEMPTS, check_expected, too_busy
from emporion.orders import steps
from emporion.orders.kept import FulfillmentRequest, KeptOrder, OrderError
from emporion.orders.steps import Outcome
from emporion.store.orders import ORDERS

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.order_steps import OrderSteps, Situation
    from emporion.store.base import Store
    from emporion.store.collections import Item

# Characters of what is told why something failed.
LONGEST_REASON = 2000


class Approval(Struct, frozen=True):
    """What a vendor gives back. vendor_subscription_id: what it calls the subscription; else the value of the service's
    reconciliation parameter. request_id: which request of the order, None for all that wait."""

    vendor_subscription_id: str | None = None
    parameters: list[ParameterValue] = []
    request_id: int | None = None


class Refusal(Struct, frozen=True):
    """Why a vendor cannot do it. code: stable. parameter: the one at fault, if one is."""

    reason: str
    code: str = "vendorFailed"
    parameter: str | None = None
    request_id: int | None = None


class Decided(NamedTuple):
    """What comes of a decision: None where it was made before. in_status: see `OrderSteps.write`."""

    outcome: Outcome | None
    in_status: bool = True


class Fulfillment:
    """Decisions about the orders of all resellers."""

    def __init__(self, store: Store, order_steps: OrderSteps) -> None:
        self._store = store
        self._steps = order_steps

    async def kept(self, actor: Actor, order_id: str) -> KeptOrder:
        """An order with what is asked of vendors. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        item = await self._store.orders.get(actor.account_id, order_id)
        if not item:
            raise not_found(f"there is no order {order_id}")
        return ORDERS.decode(item.document)

    def check_may_decide(self, actor: Actor) -> None:
        """Raise AccessDenied (FORBIDDEN) unless the actor may approve and fail orders."""
        _must_decide(actor)

    async def approve(
        self, actor: Actor, order_id: str, approval: Approval, expected: Collection[int] | None = None
    ) -> Item:
        """Approve what an order asks of vendors; once all is approved it is completed. The order afterwards.

        expected: the versions in one of which it must be, if not any: what the operator has seen. Raises Problem
        (NOT_FOUND) if there is no such order, (INVALID) for a parameter that its service does not give back, (CONFLICT)
        if it has failed or ended another way, (PRECONDITION_FAILED), and AccessDenied (FORBIDDEN) for others than the
        provider's editors.
        """
        _must_decide(actor)

        async def decide(situation: Situation) -> Decided:
            order = situation.order
            wanted = _requests(order, approval.request_id)
            if order.status == "completed" or (order.status == "processing" and _all(wanted, "approved")):
                _check_the_same(situation, approval, wanted)
                return Decided(None)
            if order.status != "processing" or any(one.status not in ("pending", "approved") for one in wanted):
                raise _contradicts("approved", order)
            outcome = Outcome(order)
            for request in wanted:
                if request.status == "pending":
                    given, vendors = _given(situation, request, approval)
                    outcome = steps.approved(outcome, situation.subscriptions, request, vendors, given)
            if not steps.is_approved(outcome.order):
                return Decided(outcome)
            if situation.customer_status in ("active", "creditHold"):
                return Decided(await self._steps.finished(situation, outcome))
            # It is completed by a worker, as soon as its customer may have it.
            due = structs.replace(outcome.order, due=self._steps.now().at)
            return Decided(structs.replace(outcome, order=due))

        return await self._decide(actor, order_id, decide, expected)

    async def fail(
        self, actor: Actor, order_id: str, refusal: Refusal, expected: Collection[int] | None = None
    ) -> Item:
        """Let an order fail, since a vendor cannot do it; what was approved stays. Raises as `approve` does."""
        _must_decide(actor)
        if not refusal.reason.strip() or len(refusal.reason) > LONGEST_REASON:
            raise_invalid([Fault("reason", f"must have 1 to {LONGEST_REASON} characters")])
        error = OrderError(refusal.code, refusal.reason.strip(), refusal.parameter)

        async def decide(situation: Situation) -> Decided:
            order = situation.order
            wanted = _requests(order, refusal.request_id)
            if order.status == "error" and any(one.status == "failed" for one in wanted):
                if order.error != error:
                    raise _contradicts("failed for another reason", order)
                return Decided(None)
            waiting = next((one for one in wanted if one.status == "pending"), None)
            if order.status != "processing" or not waiting:
                raise _contradicts("failed", order)
            return Decided(Outcome(steps.failed(order, error, waiting.id)))

        return await self._decide(actor, order_id, decide, expected)

    async def retry(self, actor: Actor, order_id: str) -> Item:
        """Try an order again that has failed: the same requests, one attempt more.

        Raises Problem (NOT_FOUND) if the actor reaches no such order, (CONFLICT) if it has not failed, and AccessDenied
        (FORBIDDEN) for a reader.
        """
        actor.must_be("editor")

        async def decide(situation: Situation) -> Decided:
            order = situation.order
            if order.status in ("submitted", "processing") and any(one.attempt > 1 for one in order.requests):
                return Decided(None)
            if order.status != "error":
                raise _contradicts("tried again", order)
            return Decided(Outcome(steps.retried(order, self._steps.now())))

        return await self._decide(actor, order_id, decide)

    async def cancel(
        self, actor: Actor, order_id: str, expected: Collection[int] | None = None, reason: str | None = None
    ) -> Item:
        """Cancel an order that is not completed; what was approved of it is undone.

        Raises Problem as `retry` does, (CONFLICT) where something of an order that is being processed is done already,
        and (PRECONDITION_FAILED) if it is in none of the versions `expected`.
        """
        actor.must_be("editor")
        error = OrderError("cancelled", reason) if reason else None

        async def decide(situation: Situation) -> Decided:
            order = situation.order
            if order.status == "cancelled":
                return Decided(None)
            done = order.status == "processing" and any(one.status == "approved" for one in order.requests)
            if order.status == "completed" or done:
                raise _contradicts("cancelled", order)
            outcome = steps.cancelled(order, situation.subscriptions, error, self._steps.now())
            return Decided(outcome, in_status=False)

        return await self._decide(actor, order_id, decide, expected)

    async def _decide(
        self,
        actor: Actor,
        order_id: str,
        decide: Callable[[Situation], Awaitable[Decided]],
        expected: Collection[int] | None = None,
    ) -> Item:
        for _ in range(ATTEMPTS):
            item = await self._store.orders.get(actor.account_id, order_id)
            if not item:
                raise not_found(f"there is no order {order_id}")
            check_expected(item.version, expected, "order")
            situation = await self._steps.situation(item)
            decided = await decide(situation)
            if decided.outcome is None:
                return item
            written = await self._steps.write(
                situation, 0, partial(_as_decided, decided.outcome), actor.origin(), in_status=decided.in_status
            )
            if written:
                return written
        raise too_busy("order")


def _as_decided(outcome: Outcome, ids: Sequence[str]) -> Outcome:
    del ids  # a decision makes no subscriptions
    return outcome


def _must_decide(actor: Actor) -> None:
    actor.must_be("editor")
    if not actor.is_operator:
        raise AccessDenied(
            Code.FORBIDDEN, "Only the provider's users decide what a vendor does.", actor.account_id, actor.user
        )


def _requests(order: KeptOrder, request_id: int | None) -> list[FulfillmentRequest]:
    """The requests of an order that are decided. Raises Problem (NOT_FOUND)."""
    wanted = [one for one in order.requests if request_id is None or one.id == request_id]
    if request_id is not None and not wanted:
        raise not_found(f"order {order.id} has no request {request_id}")
    return wanted


def _all(requests: Collection[FulfillmentRequest], status: str) -> bool:
    return bool(requests) and all(one.status == status for one in requests)


def _given(
    situation: Situation, request: FulfillmentRequest, approval: Approval
) -> tuple[list[ParameterValue], str | None]:
    """The parameters that a service gives back, and what its vendor calls it. Raises Problem (INVALID)."""
    known = {one.name: one for one in situation.plans[request.plan_id].parameters if one.phase == "fulfillment"}
    faults = []
    for position, given in enumerate(approval.parameters):
        at = f"fulfillmentParameters[{position}]"
        if given.name not in known:
            names = ", ".join(sorted(known)) or "none"
            faults.append(Fault(f"{at}.name", f"{given.name} is not one that the service gives back: {names}"))
        elif len(given.value) > LONGEST_VALUE:
            faults.append(Fault(f"{at}.value", f"must have at most {LONGEST_VALUE} characters"))
    if faults:
        raise_invalid(faults)
    named = (one.value for one in approval.parameters if known[one.name].reconciliation)
    return approval.parameters, approval.vendor_subscription_id or next(named, None)


def _check_the_same(situation: Situation, approval: Approval, wanted: list[FulfillmentRequest]) -> None:
    """Raise Problem (CONFLICT) if an approval says another thing than the one before."""
    for request in wanted:
        subscription = situation.subscriptions.get(request.subscription_id or "")
        if not subscription:
            continue
        values = {one.name: one.value for one in subscription.fulfillment_parameters}
        vendors = {item.vendor_subscription_id for item in subscription.items}
        other = approval.vendor_subscription_id and approval.vendor_subscription_id not in vendors
        if other or any(values.get(one.name) != one.value for one in approval.parameters):
            raise _contradicts("approved with other values", situation.order)


def _contradicts(what: str, order: KeptOrder) -> Problem:
    """For a decision that cannot be made any more."""
    ended = {
        "submitted": "it waits to be begun",
        "processing": "its provisioning is under way",
        "error": f"it has failed: {order.error.message}" if order.error else "it has failed",
        "completed": "it is completed",
        "cancelled": "it was cancelled",
    }[order.status]
    return Problem(
        Code.CONFLICT,
        f"The order {order.order_number} cannot be {what}: {ended} (status {order.status}, {order.status_code}).",
    )
