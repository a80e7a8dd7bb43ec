"""What a completed order comes to: its subscriptions as they are from that day on, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion.orders.charging import billed, charges, plan_switch
from emporion.orders.kept import Charge, KeptOrder, OrderLine
from emporion.orders.subscription_changes import renewed_item
from emporion.orders.terms import may_be_returned, migrated_term, new_term, renewed, running_term, switched
from emporion.subscriptions import KeptSubscription, SubscriptionItem

if TYPE_CHECKING:
    from emporion.catalogue.parameters import ParameterValue
    from emporion.catalogue.plans import Plan
    from emporion.orders.pricing import Paid
    from emporion.orders.terms import Term


class Completion(Struct, frozen=True):
    """What an order comes to. subscriptions: all that it is about, by id. charges: for each link of its chain."""

    subscriptions: Mapping[str, KeptSubscription]
    charges: list[list[Charge]]


class Completing(Struct, frozen=True):
    """An order that is completed on a day. subscriptions: all that it is about, as they are. plans: those of its lines
    and of its subscriptions. paid: as in `pricing.switch`."""

    order: KeptOrder
    subscriptions: Mapping[str, KeptSubscription]
    plans: Mapping[int, Plan]
    day: date
    paid: Paid | None = None


def completed(completing: Completing) -> Completion:
    """What an order comes to."""
    order, day = completing.order, completing.day
    after = {}
    for id_, before in completing.subscriptions.items():
        lines = [line for line in order.lines if (line.subscription_id or order.subscription_id) == id_]
        now = _COMPLETED[order.type](completing, before, lines)
        after[id_] = structs.replace(now, last_modified=day.isoformat())
    found = _charges(completing)
    if order.type != "change" or order.plan_id is not None:  # a change of quantities charges for a difference only
        after = {id_: _charged(subscription, found) for id_, subscription in after.items()}
    return Completion(after, found)


def _charged(subscription: KeptSubscription, found: Sequence[Sequence[Charge]]) -> KeptSubscription:
    """A subscription that knows until when it was charged for."""
    products = {item.product_id for item in subscription.items}
    ends = [
        charge.end for link in found for charge in link
        if charge.end and charge.amount > 0 and charge.product_id in products
    ]  # fmt: skip
    until = max([*ends, subscription.charged_until or ""])
    return structs.replace(subscription, charged_until=until or None)


def _charges(completing: Completing) -> list[list[Charge]]:
    order, plans, day = completing.order, completing.plans, completing.day
    first = next(iter(completing.subscriptions.values()))
    if order.type in ("sales", "migration"):
        return charges(order, plans, None, day)
    if order.type == "cancellation" and not ends_at_once(first, plans[first.plan_id], day):
        return [[] for _ in range(len(order.chain) + 1)]
    return charges(order, plans, first, day, completing.paid)


def ends_at_once(subscription: KeptSubscription, plan: Plan, day: date) -> bool:
    """Whether a subscription that is cancelled on a day ends then, and not with its term."""
    policies = plan.policies
    return policies.cancellation == "immediately" or may_be_returned(running_term(subscription), policies, day)


def renewal_date(expiration: date, plan: Plan) -> str:
    """The day on which what ends on `expiration` renews."""
    return (expiration - timedelta(days=plan.policies.renewal_point)).isoformat()


def new_item(line: OrderLine, vendor_subscription_id: str | None = None) -> SubscriptionItem:
    """What a subscription has of a line."""
    return SubscriptionItem(
        product_id=line.product_id,
        mpn=line.mpn,
        vendor=line.vendor,
        name=line.name,
        quantity=line.quantity,
        rates=line.rates,
        special=line.special,
        vendor_subscription_id=vendor_subscription_id,
    )


def ordered_parameters(kept: Sequence[ParameterValue], lines: Sequence[OrderLine]) -> list[ParameterValue]:
    """What the buyer has told of a subscription: `kept`, with the parameters of the lines that are no secrets."""
    secrets = {name for line in lines for name in line.secrets}
    told = {one.name: one for line in lines for one in line.parameters if one.name not in secrets}
    return [*(told.pop(one.name, one) for one in kept), *told.values()]


def ended(subscription: KeptSubscription, day: date, reason: str) -> KeptSubscription:
    """A subscription that has ended on a day, which it does not cover any more."""
    return structs.replace(
        subscription,
        status="terminated",
        renews=False,
        ended=day.isoformat(),
        expiration=day.isoformat(),
        last_modified=day.isoformat(),
        held=None,
        reason=reason,
    )


def _running(subscription: KeptSubscription, term: Term, plan: Plan) -> KeptSubscription:
    """A subscription in its term."""
    return structs.replace(
        subscription,
        anchor=term.anchor.isoformat(),
        term_start=term.start.isoformat(),
        expiration=term.expiration.isoformat(),
        renewal_date=renewal_date(term.expiration, plan),
    )


def _vendors(subscription: KeptSubscription) -> str | None:
    """What the vendor calls a subscription."""
    return next((item.vendor_subscription_id for item in subscription.items if item.vendor_subscription_id), None)


def _sold(completing: Completing, subscription: KeptSubscription, lines: Sequence[OrderLine]) -> KeptSubscription:
    plan, migrated = completing.plans[subscription.plan_id], completing.order.migrated
    if migrated:
        term = migrated_term(subscription, migrated, subscription.statement_day)
        known = _reconciled(lines, plan)
        items = [
            structs.replace(item, vendor_subscription_id=item.vendor_subscription_id or known)
            for item in subscription.items
        ]
        subscription = structs.replace(subscription, items=items)
    else:
        term = new_term(subscription, completing.day, subscription.statement_day)
    return structs.replace(_running(subscription, term, plan), status="active")


def _reconciled(lines: Sequence[OrderLine], plan: Plan) -> str | None:
    """What the vendor calls a subscription that was taken over, where the buyer has told it."""
    names = {parameter.name for parameter in plan.parameters if parameter.reconciliation}
    return next((given.value for line in lines for given in line.parameters if given.name in names), None)


def _changed(completing: Completing, subscription: KeptSubscription, lines: Sequence[OrderLine]) -> KeptSubscription:
    order = completing.order
    told = ordered_parameters(subscription.order_parameters, lines)
    subscription = structs.replace(subscription, order_parameters=told)
    if order.plan_id is not None and order.subscription_period is not None:
        return _switched(completing, subscription, lines)
    by_product = {line.product_id: line for line in lines}
    had = {item.product_id for item in subscription.items}
    items = []
    for item in subscription.items:
        line = by_product.get(item.product_id)
        if not line:
            items.append(item)
        elif line.quantity:
            items.append(_with_line(item, line))
    new = [new_item(line, _vendors(subscription)) for line in lines if line.product_id not in had and line.quantity]
    return structs.replace(subscription, items=[*items, *new])


def _with_line(item: SubscriptionItem, line: OrderLine) -> SubscriptionItem:
    """An item as a line of a change leaves it; a special price counts from then on, whatever was set for later."""
    later = item.next_rates
    if later and line.special:
        later = [*later[:-1], line.rates[-1]]
    return structs.replace(
        item,
        quantity=line.quantity,
        rates=line.rates,
        next_rates=later if later != line.rates else None,
        special=line.special or item.special,
    )


def _switched(completing: Completing, subscription: KeptSubscription, lines: Sequence[OrderLine]) -> KeptSubscription:
    order, plan = completing.order, completing.plans[subscription.plan_id]
    assert order.plan_id is not None
    assert order.subscription_period is not None
    way = plan_switch(plan, subscription.subscription_period, order.plan_id, order.subscription_period)
    assert way, "an order of a switch that its plan does not have"
    target = completing.plans[order.plan_id]
    to = billed(target, order.subscription_period)
    term = switched(running_term(subscription), to, way.billing_policy, completing.day, order.upgrade_start)
    after = structs.replace(
        subscription,
        plan_id=target.id,
        name=target.name,
        billing_model=to.billing_model,
        billing_period=to.billing_period,
        subscription_period=to.subscription_period,
        trial=to.trial,
        items=[new_item(line, _vendors(subscription)) for line in lines if line.quantity],
    )
    return _running(after, term, target)


def _renewed(completing: Completing, subscription: KeptSubscription, lines: Sequence[OrderLine]) -> KeptSubscription:
    rates = {line.product_id: line.rates for line in lines}
    items = [
        renewed_item(item, rates.get(item.product_id, item.next_rates or item.rates)) for item in subscription.items
    ]
    term = renewed(running_term(subscription))
    after = _running(structs.replace(subscription, items=items), term, completing.plans[subscription.plan_id])
    if after.status == "hold" and not after.held:  # it had not been renewed in time
        after = structs.replace(after, status="active", reason=None)
    return after


def _cancelled(completing: Completing, subscription: KeptSubscription, lines: Sequence[OrderLine]) -> KeptSubscription:
    del lines  # what is cancelled is the whole of it
    reason = f"order {completing.order.order_number}"
    if ends_at_once(subscription, completing.plans[subscription.plan_id], completing.day):
        return ended(subscription, completing.day, reason)
    return structs.replace(subscription, renews=False, reason=f"{reason}: it ends with its term")


_COMPLETED: dict[str, Callable[[Completing, KeptSubscription, Sequence[OrderLine]], KeptSubscription]] = {
    "sales": _sold,
    "migration": _sold,
    "change": _changed,
    "renewal": _renewed,
    "cancellation": _cancelled,
}
