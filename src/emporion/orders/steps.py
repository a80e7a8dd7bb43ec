"""The steps of an order (ordering.md 6.4): what it and its subscriptions are after each, as pure functions.

Nothing here reads or writes: who calls gives the order, the subscriptions that it is about, the plans and the day, and
keeps what comes of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion.orders.charging import billed, by_plan
from emporion.orders.completion import Completing, completed, new_item, ordered_parameters
from emporion.orders.kept import FulfillmentRequest, KeptOrder, OrderError, OrderLine, RequestType
from emporion.subscriptions import KeptSubscription

if TYPE_CHECKING:
    from emporion.catalogue.parameters import ParameterValue
    from emporion.catalogue.plans import Plan
    from emporion.orders.completion import Completion
    from emporion.orders.kept import OrderType
    from emporion.orders.pricing import Paid

# Milliseconds after it was placed for which the day of an estimate counts, where a worker is late.
ESTIMATED_DAY_HOLDS = 3_600_000
Subscriptions = Mapping[str, KeptSubscription]
Plans = Mapping[int, "Plan"]

REQUESTS: dict[OrderType, RequestType] = {
    "sales": "purchase",
    "change": "change",
    "renewal": "renew",
    "cancellation": "cancel",
    "migration": "migrate",
}


class AsOf(Struct, frozen=True):
    """Now. at: milliseconds since 1970. day: of billing."""

    at: int
    day: date


def as_of(order: KeptOrder, now: AsOf) -> AsOf:
    """Now, with the day from which an order counts: what an estimate has promised before midnight holds after it."""
    is_held = order.estimated and now.at - order.created_at <= ESTIMATED_DAY_HOLDS
    return AsOf(now.at, date.fromisoformat(order.day)) if is_held else now


class Outcome(Struct, frozen=True):
    """An order after a step. subscriptions: those that the step has made or changed, by id. completion: where it was
    the last one."""

    order: KeptOrder
    subscriptions: Subscriptions = {}
    completion: Completion | None = None


def new_subscriptions(order: KeptOrder) -> int:
    """How many subscriptions an order makes: one for each plan."""
    return len(by_plan(order.lines)) if order.type in ("sales", "migration") else 0


def touched(order: KeptOrder) -> list[str]:
    """The ids of the subscriptions that an order is about, once it has them."""
    named = [order.subscription_id, *(line.subscription_id for line in order.lines)]
    return list(dict.fromkeys(id_ for id_ in named if id_))


def begun(order: KeptOrder, subscriptions: Subscriptions, plans: Plans, ids: Sequence[str], now: AsOf) -> Outcome:
    """An order that has passed its gates: its vendors are asked, and what it buys is there, as pending.

    subscriptions: those that it touches. ids: of the new ones.
    """
    lines, made, plan_ids = order.lines, {}, {}
    if new_subscriptions(order):
        lines = []
        for id_, bought in zip(ids, by_plan(order.lines).values(), strict=True):
            made[id_] = _pending(id_, order, bought, plans[bought[0].plan_id], now.day)
            lines += [structs.replace(line, subscription_id=id_) for line in bought]
            plan_ids[id_] = bought[0].plan_id
        lines.sort(key=lambda line: [one.product_id for one in order.lines].index(line.product_id))
    else:
        plan_ids = {id_: subscriptions[id_].plan_id for id_ in touched(order)}
    requests = [
        FulfillmentRequest(id=number, type=REQUESTS[order.type], status="pending", plan_id=plan_id, subscription_id=id_)
        for number, (id_, plan_id) in enumerate(plan_ids.items(), 1)
    ]
    return Outcome(
        structs.replace(
            order,
            status="processing",
            status_code="LO",
            due=now.at if _is_for_worker(requests, plans) else None,
            attempts=0,
            lines=lines,
            subscription_id=order.subscription_id or (next(iter(plan_ids)) if len(plan_ids) == 1 else None),
            requests=requests,
        ),
        made,
    )


def approved(
    outcome: Outcome, subscriptions: Subscriptions, request: FulfillmentRequest, vendor_subscription_id: str | None,
    given: Sequence[ParameterValue],
) -> Outcome:  # fmt: skip
    """An order of which a request is approved. given: parameters, in the place of those with the same names."""
    order = outcome.order
    assert request.subscription_id
    before = outcome.subscriptions.get(request.subscription_id) or subscriptions[request.subscription_id]
    names = {parameter.name for parameter in given}
    after = structs.replace(
        before,
        fulfillment_parameters=[*(one for one in before.fulfillment_parameters if one.name not in names), *given],
        items=[
            structs.replace(item, vendor_subscription_id=vendor_subscription_id or item.vendor_subscription_id)
            for item in before.items
        ],
    )
    requests = [structs.replace(one, status="approved") if one.id == request.id else one for one in order.requests]
    changed = {**outcome.subscriptions, after.id: after} if after != before else outcome.subscriptions
    return Outcome(structs.replace(order, requests=requests), changed)


def is_approved(order: KeptOrder) -> bool:
    """Whether all that was asked of vendors is done."""
    return all(request.status == "approved" for request in order.requests)


def finished(
    outcome: Outcome, subscriptions: Subscriptions, plans: Plans, now: AsOf, paid: Paid | None = None
) -> Outcome:
    """An order of which all is approved, with what it comes to. paid: as in `pricing.switch`."""
    current = {**subscriptions, **outcome.subscriptions}
    about = {id_: current[id_] for id_ in touched(outcome.order)}
    done = completed(Completing(outcome.order, about, plans, now.day, paid))
    order = structs.replace(
        outcome.order,
        status="completed",
        status_code="CP",
        due=None,
        attempts=0,
        error=None,
        provisioned_at=now.at,
        day=now.day.isoformat(),
        charges=done.charges,
    )
    free = {id_: structs.replace(one, unfinished_order=None) for id_, one in done.subscriptions.items()}
    return Outcome(order, free, done)


def waiting(order: KeptOrder) -> KeptOrder:
    """An order whose requests are others' to decide."""
    return structs.replace(order, due=None, attempts=0)


def failed(order: KeptOrder, error: OrderError, request_id: int | None = None) -> KeptOrder:
    """An order that cannot go on by itself. request_id: of the request that failed, if one did."""
    requests = [
        structs.replace(one, status="failed", reason=error.message) if one.id == request_id else one
        for one in order.requests
    ]
    return structs.replace(order, status="error", status_code="PF", due=None, error=error, requests=requests)


def retried(order: KeptOrder, now: AsOf) -> KeptOrder:
    """An order that failed and is tried again: what has failed of it is asked for once more."""
    requests = [
        structs.replace(one, status="pending", reason=None, attempt=one.attempt + 1) if one.status == "failed" else one
        for one in order.requests
    ]
    status, code = ("processing", "LO") if order.requests else ("submitted", "OP")
    return structs.replace(
        order, status=status, status_code=code, due=now.at, attempts=0, error=None, requests=requests
    )


def cancelled(order: KeptOrder, subscriptions: Subscriptions, error: OrderError | None, now: AsOf) -> Outcome:
    """An order that is not to be done any more: what it has made is removed, what it touches is free.

    error: why, where that was not asked for.
    """
    day = now.day.isoformat()
    changed = {}
    for id_ in touched(order):
        before = subscriptions[id_]
        if before.status == "pending":
            reason = f"order {order.order_number} was cancelled"
            changed[id_] = structs.replace(
                before,
                status="removed",
                renews=False,
                ended=day,
                last_modified=day,
                reason=reason,
                unfinished_order=None,
            )
        elif before.unfinished_order == order.order_number:
            changed[id_] = structs.replace(before, unfinished_order=None)
    requests = [
        structs.replace(one, status="revoked") if one.status in ("pending", "approved") else one
        for one in order.requests
    ]
    order = structs.replace(
        order, status="cancelled", status_code="CL", due=None, attempts=0, error=error, requests=requests
    )
    return Outcome(order, changed)


def _pending(id_: str, order: KeptOrder, lines: Sequence[OrderLine], plan: Plan, day: date) -> KeptSubscription:
    first = lines[0]
    bought = billed(plan, first.subscription_period)
    return KeptSubscription(
        id=id_,
        customer_id=order.customer_id,
        chain=order.chain,
        currency=order.currency,
        plan_id=plan.id,
        name=plan.name,
        status="pending",
        billing_model=bought.billing_model,
        billing_period=bought.billing_period,
        subscription_period=bought.subscription_period,
        trial=bought.trial,
        statement_day=order.statement_day,
        renews=order.migrated.autorenewal if order.migrated else plan.policies.automatic_renewal and not bought.trial,
        created=day.isoformat(),
        last_modified=day.isoformat(),
        po_number=order.po_number,
        attributes={"PONumber": order.po_number} if order.po_number else {},
        items=[new_item(line) for line in lines],
        order_parameters=ordered_parameters([], lines),
        unfinished_order=order.order_number,
    )


def _is_for_worker(requests: Sequence[FulfillmentRequest], plans: Plans) -> bool:
    return any(plans[request.plan_id].fulfillment == "automatic" for request in requests)
