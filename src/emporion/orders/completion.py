"""What a completed order comes to: its subscriptions as they are from that day on, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion.orders import pricing
from emporion.orders.kept import Charge, OrderLine
from emporion.orders.pricing import PricedItem
from emporion.orders.terms import may_be_returned, migrated_term, new_term, renewed, running_term, switched
from emporion.subscriptions import KeptSubscription, SubscriptionItem

if TYPE_CHECKING:
    from emporion.catalogue.plans import Plan, PlanSwitch
    from emporion.orders.kept import KeptOrder
    from emporion.orders.terms import Term

Cost = list[list[Charge]]


class Completion(Struct, frozen=True):
    """What an order comes to. subscriptions: all that it is about, by id. charges: for each link of its chain."""

    subscriptions: Mapping[str, KeptSubscription]
    charges: Cost


def completed(
    order: KeptOrder, subscriptions: Mapping[str, KeptSubscription], plans: Mapping[int, Plan], day: date
) -> Completion:
    """What an order comes to on a day. subscriptions: all that it is about, as they are."""
    charges: Cost = [[] for _ in range(len(order.chain) + 1)]
    after = {}
    for id_, before in subscriptions.items():
        own = [line for line in order.lines if (line.subscription_id or order.subscription_id) == id_]
        now, cost = _COMPLETED[order.type](order, before, own, plans, day)
        after[id_] = structs.replace(now, last_modified=day.isoformat())
        for link, lines in enumerate(cost):
            charges[link] += lines
    return Completion(after, charges)


def renewal_date(expiration: date, plan: Plan) -> str:
    """The day on which what ends on `expiration` renews."""
    return (expiration - timedelta(days=plan.policies.renewal_point)).isoformat()


def new_item(line: OrderLine) -> SubscriptionItem:
    """What a subscription has of a line."""
    return SubscriptionItem(
        product_id=line.product_id,
        mpn=line.mpn,
        vendor=line.vendor,
        name=line.name,
        quantity=line.quantity,
        rates=line.rates,
    )


def planned_switch(subscription: KeptSubscription, lines: Sequence[OrderLine], plan: Plan) -> PlanSwitch | None:
    """The switch of its plan by which a subscription comes to what the lines of a change name, if they name another plan
    or period."""
    for line in lines:
        to = (line.plan_id, line.subscription_period)
        if to != (subscription.plan_id, subscription.subscription_period):
            ways = (
                way
                for way in plan.switches
                if (way.plan_id, way.subscription_period) == to
                and way.source_subscription_period == subscription.subscription_period
            )
            return next(ways, None)
    return None


def _priced(item: SubscriptionItem, quantity: Decimal, line: OrderLine | None = None) -> PricedItem:
    return PricedItem(
        product_id=item.product_id,
        mpn=item.mpn,
        name=item.name,
        quantity=quantity,
        previous=item.quantity,
        rates=line.rates if line else item.rates,
        previous_rates=item.rates if line and line.rates != item.rates else None,
    )


def _bought(line: OrderLine) -> PricedItem:
    return PricedItem(
        product_id=line.product_id, mpn=line.mpn, name=line.name, quantity=line.quantity, rates=line.rates
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


def _sold(
    order: KeptOrder, subscription: KeptSubscription, lines: Sequence[OrderLine], plans: Mapping[int, Plan], day: date
) -> tuple[KeptSubscription, Cost]:  # fmt: skip
    plan = plans[subscription.plan_id]
    if order.migrated:
        term = migrated_term(subscription, order.migrated, subscription.statement_day)
        cost = pricing.migration([_bought(line) for line in lines], term, order.migrated, order.currency)
        known = _reconciled(lines, plan)
        items = [
            structs.replace(item, vendor_subscription_id=item.vendor_subscription_id or known)
            for item in subscription.items
        ]
        subscription = structs.replace(subscription, items=items)
    else:
        term = new_term(subscription, day, subscription.statement_day)
        cost = pricing.sale([_bought(line) for line in lines], term, order.currency)
    return structs.replace(_running(subscription, term, plan), status="active"), cost


def _reconciled(lines: Sequence[OrderLine], plan: Plan) -> str | None:
    """What the vendor calls a subscription that was taken over, where the buyer has told it."""
    names = {parameter.name for parameter in plan.parameters if parameter.reconciliation}
    values = (given.value for line in lines for given in line.parameters if given.name in names)
    return next(values, None)


def _changed(
    order: KeptOrder, subscription: KeptSubscription, lines: Sequence[OrderLine], plans: Mapping[int, Plan], day: date
) -> tuple[KeptSubscription, Cost]:  # fmt: skip
    plan, term = plans[subscription.plan_id], running_term(subscription)
    way = planned_switch(subscription, lines, plan)
    if way:
        return _switched(order, subscription, lines, plans, way, day)
    by_product = {line.product_id: line for line in lines}
    had = {item.product_id for item in subscription.items}
    new = [line for line in lines if line.product_id not in had and line.quantity]
    priced = [
        _priced(item, line.quantity if line else item.quantity, line)
        for item in subscription.items
        for line in [by_product.get(item.product_id)]
    ]
    cost = pricing.change([*priced, *map(_bought, new)], term, plan.policies, order.currency, day)
    kept = [
        structs.replace(item, quantity=line.quantity, rates=line.rates) if line else item
        for item in subscription.items
        for line in [by_product.get(item.product_id)]
        if not line or line.quantity
    ]
    vendor_ids = [item.vendor_subscription_id for item in subscription.items if item.vendor_subscription_id]
    added = [
        structs.replace(new_item(line), vendor_subscription_id=vendor_ids[0] if vendor_ids else None) for line in new
    ]
    return structs.replace(subscription, items=[*kept, *added]), cost


def _switched(
    order: KeptOrder, subscription: KeptSubscription, lines: Sequence[OrderLine], plans: Mapping[int, Plan],
    way: PlanSwitch, day: date,
) -> tuple[KeptSubscription, Cost]:  # fmt: skip
    plan, target = plans[subscription.plan_id], plans[way.plan_id]
    old = running_term(subscription)
    trial = any(
        one.trial
        for one in target.subscription_periods
        if (one.type, one.duration) == (way.subscription_period.type, way.subscription_period.duration)
    )
    bought = [line for line in lines if line.quantity]
    vendor_ids = [item.vendor_subscription_id for item in subscription.items if item.vendor_subscription_id]
    after = structs.replace(
        subscription,
        plan_id=target.id,
        name=target.name,
        billing_model=target.billing_model,
        billing_period=target.billing_period,
        subscription_period=way.subscription_period,
        trial=trial,
        items=[
            structs.replace(new_item(line), vendor_subscription_id=vendor_ids[0] if vendor_ids else None)
            for line in bought
        ],
    )
    new = switched(old, after, way.billing_policy, day)
    priced = [*(_priced(item, Decimal(0)) for item in subscription.items), *map(_bought, bought)]
    cost = pricing.switch(priced, old, new, way.billing_policy, plan.policies, order.currency, day)
    return _running(after, new, target), cost


def _renewed(
    order: KeptOrder, subscription: KeptSubscription, lines: Sequence[OrderLine], plans: Mapping[int, Plan], day: date
) -> tuple[KeptSubscription, Cost]:  # fmt: skip
    del day  # what a renewal costs does not depend on it
    term = renewed(running_term(subscription))
    rates = {line.product_id: line.rates for line in lines}
    items = [
        structs.replace(item, rates=item.next_rates or rates.get(item.product_id) or item.rates, next_rates=None)
        for item in subscription.items
    ]
    cost = pricing.renewal([_priced(item, item.quantity) for item in items], term, order.currency)
    after = _running(structs.replace(subscription, items=items), term, plans[subscription.plan_id])
    if after.status == "hold" and not after.held:  # it had not been renewed in time
        after = structs.replace(after, status="active", reason=None)
    return after, cost


def _cancelled(
    order: KeptOrder, subscription: KeptSubscription, lines: Sequence[OrderLine], plans: Mapping[int, Plan], day: date
) -> tuple[KeptSubscription, Cost]:  # fmt: skip
    del lines  # a cancellation has none that count
    policies, term = plans[subscription.plan_id].policies, running_term(subscription)
    if policies.cancellation == "at_term_end" and not may_be_returned(term, policies, day):
        reason = f"order {order.order_number}: it ends with its term"
        return structs.replace(subscription, renews=False, reason=reason), []
    items = [_priced(item, Decimal(0)) for item in subscription.items]
    cost = pricing.cancellation(items, term, policies, order.currency, day)
    return ended(subscription, day, f"order {order.order_number}"), cost


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


_COMPLETED = {
    "sales": _sold,
    "migration": _sold,
    "change": _changed,
    "renewal": _renewed,
    "cancellation": _cancelled,
}
