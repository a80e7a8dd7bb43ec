"""What a subscription costs as it runs, for each link of its chain."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from emporion.orders import pricing
from emporion.orders.pricing import PricedItem
from emporion.orders.terms import new_term, running_term

if TYPE_CHECKING:
    from decimal import Decimal

    from emporion.orders.terms import Term
    from emporion.subscriptions import KeptSubscription, SubscriptionItem


def term_of(kept: KeptSubscription) -> Term:
    """Its term; while it is pending, that which it would have from the day on which it was ordered."""
    if kept.anchor and kept.term_start and kept.expiration:
        return running_term(kept)
    return new_term(kept, date.fromisoformat(kept.created), kept.statement_day)


def priced(item: SubscriptionItem) -> PricedItem:
    """An item as it runs."""
    return PricedItem(
        product_id=item.product_id,
        mpn=item.mpn,
        name=item.name,
        quantity=item.quantity,
        previous=item.quantity,
        rates=item.rates,
    )


def per_period(kept: KeptSubscription, link: int, items: list[SubscriptionItem] | None = None) -> Decimal:
    """What a billing period costs. items: of some of its items only."""
    return pricing.per_billing_period([priced(one) for one in items or kept.items], term_of(kept), link, kept.currency)


def per_term(kept: KeptSubscription, link: int, items: list[SubscriptionItem] | None = None) -> Decimal:
    """What the whole term costs. items: of some of its items only."""
    return pricing.per_term([priced(one) for one in items or kept.items], term_of(kept), link, kept.currency)
