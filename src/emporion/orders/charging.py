"""What an order of any type costs on a day, for each link of its chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion.catalogue.plans import BillingModel
from emporion.orders import pricing
from emporion.orders.pricing import PricedItem
from emporion.orders.terms import may_be_returned, migrated_term, new_term, renewed, running_term, switched
from emporion.periods import Period

if TYPE_CHECKING:
    from datetime import date

    from emporion.catalogue.plans import Plan, PlanSwitch
    from emporion.orders.kept import Charge, KeptOrder, OrderLine
    from emporion.orders.pricing import Paid
    from emporion.subscriptions import KeptSubscription


class BilledPlan(Struct, frozen=True):
    """How a plan is billed that is bought for one of its periods."""

    billing_model: BillingModel
    billing_period: Period
    subscription_period: Period
    trial: bool


def billed(plan: Plan, period: Period) -> BilledPlan:
    """How a plan is billed that is bought for a period."""
    trial = any(
        one.trial for one in plan.subscription_periods if (one.type, one.duration) == (period.type, period.duration)
    )
    return BilledPlan(plan.billing_model, plan.billing_period, period, trial)


def plan_switch(plan: Plan, period: Period, plan_id: int, to_period: Period) -> PlanSwitch | None:
    """The way from a plan's period to that of another plan, or of the same one."""
    for one in plan.switches:
        if (one.plan_id, one.source_subscription_period, one.subscription_period) == (plan_id, period, to_period):
            return one
    return None


def charges(
    order: KeptOrder,
    plans: Mapping[int, Plan],
    subscription: KeptSubscription | None,
    day: date,
    paid: Paid | None = None,
) -> list[list[Charge]]:
    """What an order costs if it counts from a day on, for each link of its chain.

    plans: those of its lines and of the subscription. subscription: the one that it is about, as it is before. paid: as
    in `pricing.switch`.
    """
    found = _charges(order, plans, subscription, day, paid)
    if subscription and subscription.charged_until and day.isoformat() >= subscription.charged_until:
        # Nothing is given back of a period for which nothing was taken.
        found = [[] if pricing.total(link) < 0 else link for link in found]
    return found or [[] for _ in range(len(order.chain) + 1)]


def _charges(
    order: KeptOrder,
    plans: Mapping[int, Plan],
    subscription: KeptSubscription | None,
    day: date,
    paid: Paid | None,
) -> list[list[Charge]]:
    if order.type in ("sales", "migration"):
        return _merged([_new(order, lines, plans, day) for lines in by_plan(order.lines).values()])
    assert subscription
    items, term = priced(order.lines), running_term(subscription)
    policies = plans[subscription.plan_id].policies
    if order.type == "renewal":
        return pricing.renewal(items, renewed(term), order.currency)
    if order.type == "cancellation":
        if policies.cancellation == "at_term_end" and not may_be_returned(term, policies, day):
            return []
        # At what was paid, not at what counts from the next period on.
        paid_at = {one.product_id: one.rates for one in subscription.items}
        present = [
            structs.replace(item, quantity=item.previous, rates=paid_at.get(item.product_id, item.rates))
            for item in items
        ]
        return pricing.cancellation(present, term, policies, order.currency, day)
    if order.plan_id is None or order.subscription_period is None:
        return pricing.change(items, term, policies, order.currency, day)
    way = plan_switch(
        plans[subscription.plan_id], subscription.subscription_period, order.plan_id, order.subscription_period
    )
    assert way, "an order of a switch that its plan does not have"
    target = billed(plans[order.plan_id], order.subscription_period)
    after = switched(term, target, way.billing_policy, day, order.upgrade_start)
    return pricing.switch(items, term, after, way.billing_policy, policies, order.currency, day, paid)


def _new(order: KeptOrder, lines: Sequence[OrderLine], plans: Mapping[int, Plan], day: date) -> list[list[Charge]]:
    """What the new subscription of one plan costs."""
    bought = billed(plans[lines[0].plan_id], lines[0].subscription_period)
    if order.migrated:
        term = migrated_term(bought, order.migrated, order.statement_day)
        return pricing.migration(priced(lines), term, order.migrated, order.currency)
    return pricing.sale(priced(lines), new_term(bought, day, order.statement_day), order.currency)


def by_plan(lines: Sequence[OrderLine]) -> dict[int, list[OrderLine]]:
    """The lines of each plan, each of which makes one subscription."""
    found: dict[int, list[OrderLine]] = {}
    for line in lines:
        found.setdefault(line.plan_id, []).append(line)
    return found


def priced(lines: Sequence[OrderLine]) -> list[PricedItem]:
    """The lines as pricing takes them."""
    return [
        PricedItem(
            product_id=line.product_id,
            mpn=line.mpn,
            name=line.name,
            quantity=line.quantity,
            previous=line.previous_quantity or Decimal(0),
            rates=line.rates,
            previous_rates=line.previous_rates,
        )
        for line in lines
    ]


def _merged(parts: Sequence[list[list[Charge]]]) -> list[list[Charge]]:
    """The charges of several subscriptions, by link."""
    return [[charge for part in parts for charge in part[link]] for link in range(max(map(len, parts), default=0))]
