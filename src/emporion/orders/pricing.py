"""What an order costs, for each link of its chain: a pure function of what is ordered and of the day.

Estimates and orders call it alike. docs/decisions/0034 has the formulae. All that is given back for each link has as
many members as the items have rates; an empty list where there are no items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.catalogue.rates import Rate, Rates

if TYPE_CHECKING:
    from emporion.catalogue.plans import BillingPolicy, Policies
    from emporion.orders.kept import Charge, Migrated
    from emporion.orders.terms import Term

# What was charged for a product and its running period so far (recurring, recurringRefund, renew, switch), for each link.
Paid = Mapping[str, Sequence[Decimal]]


class PricedItem(Struct, frozen=True, kw_only=True):
    """A product of an order, or of the subscription that it is about.

    quantity: what the subscription has of it afterwards. previous: what it had; 0 for what is new. rates: for each link.
    previous_rates: those until now, where an order brings others (a special price).
    """

    product_id: str
    mpn: str
    name: str
    quantity: Decimal
    previous: Decimal = Decimal(0)
    rates: list[Rates]
    previous_rates: list[Rates] | None = None


def sale(items: Sequence[PricedItem], term: Term, currency: str) -> list[list[Charge]]:
    """What a sales order costs: setup of all units; what is prepaid for the first billing period or the whole term."""
    raise NotImplementedError


def change(items: Sequence[PricedItem], term: Term, policies: Policies, currency: str, day: date) -> list[list[Charge]]:
    """What new quantities, or special prices, cost from a day on. An item that stays as it is costs nothing."""
    raise NotImplementedError


def switch(
    items: Sequence[PricedItem],
    old: Term,
    new: Term,
    policy: BillingPolicy,
    policies: Policies,
    currency: str,
    day: date,
    paid: Paid | None = None,
) -> list[list[Charge]]:
    """What a switch costs: the rest of the old by `policy` back, the new from the day on.

    old, new: the term until now and `terms.switched`. policies: of the plan until now. paid: what the ledger has for the
    running period, without which a full refund is a prorated one.
    """
    raise NotImplementedError


def renewal(items: Sequence[PricedItem], term: Term, currency: str) -> list[list[Charge]]:
    """What the renewal order itself costs. term: that after it (`terms.renewed`), whose first billing period is charged,
    or all of it where it is prepaid for the term."""
    raise NotImplementedError


def cancellation(
    items: Sequence[PricedItem], term: Term, policies: Policies, currency: str, day: date
) -> list[list[Charge]]:
    """What is given back for the days from `day` on that are paid for."""
    raise NotImplementedError


def migration(items: Sequence[PricedItem], term: Term, migrated: Migrated, currency: str) -> list[list[Charge]]:
    """What a migration costs: nothing, or the running period where `migration_program` counts it."""
    raise NotImplementedError


def total(charges: Sequence[Charge]) -> Decimal:
    """The sum of the lines of one link."""
    raise NotImplementedError


def extended(charges: Sequence[Charge], product_id: str) -> Decimal:
    """The sum of the lines of one product: `extendedPrice` of its line."""
    raise NotImplementedError


def per_billing_period(items: Sequence[PricedItem], term: Term, link: int, currency: str) -> Decimal:
    """What a whole billing period costs (`totalPrice`; of one item its `extendedPrice`)."""
    raise NotImplementedError


def per_term(items: Sequence[PricedItem], term: Term, link: int, currency: str) -> Decimal:
    """What the whole term costs at these quantities (`totalSubscriptionPrice`), without setup."""
    raise NotImplementedError


def unit_price(rate: Rate, quantity: Decimal) -> Decimal:
    """The price of the last unit of so many: that of the step that is reached."""
    raise NotImplementedError


def special_rate(own: Rate, amount: Decimal, tiers: Sequence[tuple[Decimal, Decimal]] = ()) -> Rate:
    """A special price instead of a product's own. tiers: lower limits and amounts; `amount` counts below the first.

    With tiers it has the model of the own price, TIERED where that is FLAT.
    """
    raise NotImplementedError


def with_special_price(rates: Sequence[Rates], special: Rate) -> list[Rates]:
    """The rates of a product with a special price: of the last link only, and not of its setup."""
    raise NotImplementedError
