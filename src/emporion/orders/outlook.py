"""What subscriptions are and cost once an order is done, as people are told before they place it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.catalogue.plans import BillingModel
from emporion.money import Amount, amount
from emporion.orders import steps
from emporion.orders.subscription_totals import per_period, per_term, term_of
from emporion.orders.terms import billing_span
from emporion.periods import Period
from emporion.subscriptions import ENDED

if TYPE_CHECKING:
    from emporion.catalogue.plans import Plan
    from emporion.orders.kept import KeptOrder
    from emporion.orders.pricing import Paid
    from emporion.subscriptions import KeptSubscription


class OutlookItem(Struct, frozen=True):
    """A product that a subscription has then."""

    product_id: str
    mpn: str
    name: str
    quantity: Decimal


class Outlook(Struct, frozen=True, kw_only=True):
    """What a subscription is on a day, and what it costs from then on; days are `YYYY-MM-DD`.

    per_period, per_term: as the account at a level of its chain takes them. next_charge: the first day on which a
    period is charged after that one; None where that is no sooner than the renewal. ended: whether it has ended, on
    `expiration`.
    """

    name: str
    items: list[OutlookItem]
    billing_model: BillingModel
    billing_period: Period
    subscription_period: Period
    trial: bool
    renews: bool
    ended: bool
    anchor: str
    expiration: str
    renewal_date: str | None
    per_period: Amount
    per_term: Amount
    next_charge: str | None


def after_order(order: KeptOrder, plans: Mapping[int, Plan], subscription: KeptSubscription | None, paid: Paid | None,
                level: int) -> list[Outlook]:  # fmt: skip
    """What the subscriptions of an order are if it is done on its day, as the account at `chain[level]` sees them.

    subscription: the one that it changes, as it is before. paid: as in `pricing.switch`.
    """
    now = steps.AsOf(order.created_at, date.fromisoformat(order.day))
    ids = [str(number) for number in range(steps.new_subscriptions(order))]
    about = {subscription.id: subscription} if subscription else {}
    done = steps.finished(steps.begun(order, about, plans, ids, now), about, plans, now, paid)
    return [outlook(one, now.day, level) for one in done.subscriptions.values()]


def outlook(kept: KeptSubscription, day: date, level: int) -> Outlook:
    """What a subscription is on a day, as the account at `chain[level]` sees it."""
    term = term_of(kept)
    following = billing_span(term, day)[1]
    is_prepaid = kept.billing_model == "chargeBeforeSubscriptionPeriod" or kept.trial
    # What is paid for afterwards is charged at the end of the term as well.
    is_last = following >= term.expiration and kept.billing_model != "chargeAfterBillingPeriod"
    ended = kept.status in ENDED
    return Outlook(
        name=kept.name,
        items=[OutlookItem(item.product_id, item.mpn, item.name, item.quantity) for item in kept.items],
        billing_model=kept.billing_model,
        billing_period=kept.billing_period,
        subscription_period=kept.subscription_period,
        trial=kept.trial,
        renews=kept.renews,
        ended=ended,
        anchor=term.anchor.isoformat(),
        expiration=kept.ended or term.expiration.isoformat(),
        renewal_date=kept.renewal_date,
        per_period=amount(per_period(kept, level + 1), kept.currency),
        per_term=amount(per_term(kept, level + 1), kept.currency),
        next_charge=None if ended or is_prepaid or is_last else following.isoformat(),
    )
