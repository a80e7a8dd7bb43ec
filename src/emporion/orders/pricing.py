"""What an order costs, for each link of its chain: a pure function of what is ordered and of the day.

Estimates and orders call it alike. docs/decisions/0034 has the formulae. What is given back has a list of charges for
each link, as many as the items have rates; it is empty where there are no items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion import money
from emporion.catalogue.rates import Rate, Rates, flat
from emporion.orders.kept import Charge
from emporion.orders.rates import added_units, changed_units, units_of
from emporion.orders.terms import (
    billing_periods,
    charged_span,
    is_within,
    length,
    may_be_returned,
    paid_until,
)
from emporion.periods import Period, in_words

if TYPE_CHECKING:
    from emporion.catalogue.plans import BillingPolicy, Policies
    from emporion.orders.kept import ChargeType, Migrated
    from emporion.orders.terms import Term

# What is paid for each product and its running period, for each link: `paid_for` of the ledger.
Paid = Mapping[str, Sequence[Decimal]]

COUNTING_MIGRATION = "count_migration_billing_period"


class PricedItem(Struct, frozen=True, kw_only=True):
    """A product of an order, or of the subscription that it is about.

    quantity: what the subscription has of it afterwards. previous: what it had; 0 for what is new. rates: for each
    link. previous_rates: those until now, where an order brings others (a special price).
    """

    product_id: str
    mpn: str
    name: str
    quantity: Decimal
    previous: Decimal = Decimal(0)
    rates: list[Rates]
    previous_rates: list[Rates] | None = None


class _Stretch(Struct, frozen=True):
    """Days that are paid for. share: how many billing periods they are. duration, words: as charges show them."""

    start: date
    end: date
    share: Fraction
    duration: Period
    words: str


def sale(items: Sequence[PricedItem], term: Term, currency: str) -> list[list[Charge]]:
    """What a sales order costs: setup of all units; what is prepaid for the first billing period or the whole term."""
    stretch = _stretch(term, term.start, paid_until(term, term.start))

    def charges(item: PricedItem, link: int) -> list[Charge]:
        return _setup(item, link, term, currency) + _whole("recurring", item, link, term, stretch, currency)

    return _for_each_link(items, charges)


def change(items: Sequence[PricedItem], term: Term, policies: Policies, currency: str, day: date) -> list[list[Charge]]:
    """What new quantities, or special prices, cost from a day on. An item that stays as it is costs nothing.

    Where the plan gives nothing back, an item whose new amount is below the one until now is left as it is until the
    next billing period.
    """
    stretch = _stretch(term, day, paid_until(term, day))
    gives_back = policies.decrease_refund == "prorate" or may_be_returned(term, policies, day)

    def charges(item: PricedItem, link: int) -> list[Charge]:
        before = units_of(_recurring(item.previous_rates or item.rates, link, term), item.previous)
        after = units_of(_recurring(item.rates, link, term), item.quantity)
        lines = _lines("recurring", item, changed_units(before, after), stretch, currency)
        keeps = total(lines) < 0 and not gives_back
        return _setup(item, link, term, currency) + ([] if keeps else lines)

    return _for_each_link(items, charges)


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
    """What a switch costs: the rest of the old (`previous`) back by `policy`, the new (`quantity`) from the day on.

    old, new: the term until now and `terms.switched`. policies: of the plan until now. paid: what the ledger has for
    the running period, without which a full refund is a prorated one. Raises ValueError for `period_change`.
    """
    if policy == "period_change":
        raise ValueError("period_change does not count at once")
    rest = _stretch(old, day, paid_until(old, day))
    to_come = _stretch(new, day, paid_until(new, day))
    in_full = policy.endswith("_full_refund_period") and is_within(old, policies.full_refund_days, day)
    gives_back = in_full or not policy.startswith("no_refund")

    def charges(item: PricedItem, link: int) -> list[Charge]:
        before = structs.replace(
            item, quantity=-item.previous, rates=item.previous_rates or item.rates, previous=Decimal(0)
        )
        back = _whole("switch", before, link, old, rest, currency) if gives_back else []
        if in_full and paid is not None:
            back = _all_back(before, link, old, paid, currency, day)
        return back + _whole("switch", item, link, new, to_come, currency)

    return _for_each_link(items, charges)


def renewal(items: Sequence[PricedItem], term: Term, currency: str) -> list[list[Charge]]:
    """What the renewal order itself costs. term: that after it (`terms.renewed`), of which the first billing period is
    charged, or all of it where it is prepaid for the term."""
    stretch = _stretch(term, term.start, paid_until(term, term.start))
    return _for_each_link(items, lambda item, link: _whole("renew", item, link, term, stretch, currency))


def cancellation(
    items: Sequence[PricedItem], term: Term, policies: Policies, currency: str, day: date
) -> list[list[Charge]]:
    """What is given back for the days from `day` on that are paid for. quantity: what the subscription has."""
    stretch = _stretch(term, day, paid_until(term, day))
    gives_back = policies.cancellation_refund == "prorate" or may_be_returned(term, policies, day)

    def charges(item: PricedItem, link: int) -> list[Charge]:
        gone = structs.replace(item, quantity=-item.quantity)
        return _whole("cancellation", gone, link, term, stretch, currency) if gives_back else []

    return _for_each_link(items, charges)


def migration(items: Sequence[PricedItem], term: Term, migrated: Migrated, currency: str) -> list[list[Charge]]:
    """What a migration costs: nothing, or the running period where `migration_program` counts it."""
    start, end = charged_span(term, date.fromisoformat(migrated.migration_date))
    counts = (migrated.migration_program or "").lower() == COUNTING_MIGRATION
    is_prepaid = paid_until(term, start) > start
    stretch = _stretch(term, start, end) if counts and is_prepaid else None
    return _for_each_link(items, lambda item, link: _whole("recurring", item, link, term, stretch, currency))


def total(charges: Iterable[Charge]) -> Decimal:
    """The sum of the lines of one link."""
    return money.total(charge.amount for charge in charges)


def extended(charges: Iterable[Charge], product_id: str) -> Decimal:
    """The sum of the lines of one product: `extendedPrice` of its line."""
    return total(charge for charge in charges if charge.product_id == product_id)


def paid_for(ledger: Sequence[Iterable[Charge]], term: Term, day: date) -> Paid:
    """What was charged for each product and the period that runs on a day. ledger: of the subscription, for each link.

    Setup is not part of it: it is not given back.
    """
    start, end = (bound.isoformat() for bound in charged_span(term, day))
    running = [[one for one in charges if one.start and start <= one.start < end] for charges in ledger]
    products = {charge.product_id for charges in running for charge in charges}
    return {id_: [extended(charges, id_) for charges in running] for id_ in products}


def per_billing_period(items: Iterable[PricedItem], term: Term, link: int, currency: str) -> Decimal:
    """What a whole billing period costs (`totalPrice`; of one item its `extendedPrice`)."""
    return money.total(amount for item in items for amount in _amounts(item, link, term, Fraction(1), currency))


def per_term(items: Sequence[PricedItem], term: Term, link: int, currency: str) -> Decimal:
    """What the whole term costs at these quantities (`totalSubscriptionPrice`), without setup: the sum of what is
    charged for each of its billing periods, or at once."""
    return money.total(
        money.product(amount, Decimal(times))
        for share, times in _shares(term)
        for item in items
        for amount in _amounts(item, link, term, share, currency)
    )


@lru_cache(4096)
def _shares(term: Term) -> Sequence[tuple[Fraction, int]]:
    """How many billing periods are charged together, and how often in a term. Remembered, since most subscriptions of a
    day have the same term."""
    return list(Counter(billing_periods(term, start, end) for start, end in _spans(term)).items())


def _spans(term: Term) -> Iterable[tuple[date, date]]:
    """The days of a term that are charged together."""
    day = term.start
    while day < term.expiration:
        start, day = charged_span(term, day)
        yield start, day


def _for_each_link(
    items: Sequence[PricedItem], charges: Callable[[PricedItem, int], list[Charge]]
) -> list[list[Charge]]:
    links = range(len(items[0].rates) if items else 0)
    return [[charge for item in items for charge in charges(item, link)] for link in links]


def _recurring(rates: Sequence[Rates], link: int, term: Term) -> Rate:
    return flat(Decimal(0)) if term.trial else rates[link].recurring


def _amounts(item: PricedItem, link: int, term: Term, share: Fraction, currency: str) -> Iterable[Decimal]:
    units = units_of(_recurring(item.rates, link, term), item.quantity)
    return (_extended(unit, quantity, share, currency) for unit, quantity in units.items())


def _extended(unit: Decimal, quantity: Decimal, share: Fraction, currency: str) -> Decimal:
    """unit × quantity × share, rounded once."""
    if share == 1:
        return money.rounded(money.product(unit, quantity), currency)
    return money.rounded(Fraction(unit) * Fraction(quantity) * share, currency)


def _setup(item: PricedItem, link: int, term: Term, currency: str) -> list[Charge]:
    rate = None if term.trial else item.rates[link].setup
    units = added_units(rate, item.previous, item.quantity) if rate else {}
    return [
        _charge("setup", item, unit, quantity, None, currency) for unit, quantity in units.items() if unit and quantity
    ]


def _whole(
    type_: ChargeType, item: PricedItem, link: int, term: Term, stretch: _Stretch | None, currency: str
) -> list[Charge]:
    """The lines of all units of an item; below nothing where its quantity is."""
    sign = -1 if item.quantity < 0 else 1
    units = units_of(_recurring(item.rates, link, term), abs(item.quantity))
    return _lines(type_, item, {unit: sign * quantity for unit, quantity in units.items()}, stretch, currency)


def _lines(
    type_: ChargeType, item: PricedItem, units: Mapping[Decimal, Decimal], stretch: _Stretch | None, currency: str
) -> list[Charge]:
    """A line for each price. units: how many at which price, below nothing for those that are given back."""
    if stretch is None:
        return []
    return [
        _charge("recurringRefund" if type_ == "recurring" and many < 0 else type_, item, unit, many, stretch, currency)
        for unit, many in units.items()
    ]


def _charge(
    type_: ChargeType, item: PricedItem, unit: Decimal, quantity: Decimal, stretch: _Stretch | None, currency: str
) -> Charge:
    return Charge(
        type=type_,
        product_id=item.product_id,
        mpn=item.mpn,
        description=f"{item.name} {stretch.words if stretch else 'Setup'}",
        quantity=quantity,
        unit_price=unit,
        amount=_extended(unit, quantity, stretch.share if stretch else Fraction(1), currency),
        duration=stretch.duration if stretch else None,
        start=stretch.start.isoformat() if stretch else None,
        end=stretch.end.isoformat() if stretch else None,
    )


@lru_cache(4096)
def _stretch(term: Term, start: date, end: date) -> _Stretch | None:
    """The days from one on until before another, as they are charged; None where there are none."""
    if start >= end:
        return None
    prepaid = term.billing_model == "chargeBeforeSubscriptionPeriod"
    period = in_words(term.subscription_period if prepaid else term.billing_period)
    words = f"Recurring ({period} term) from {start} through {end - timedelta(days=1)}"
    return _Stretch(start, end, billing_periods(term, start, end), length(term, start, end), words)


def _all_back(item: PricedItem, link: int, term: Term, paid: Paid, currency: str, day: date) -> list[Charge]:
    """All that was paid for the running period: a line for each price, or a single one where it was changed since."""
    amounts = paid.get(item.product_id)
    amount = amounts[link] if amounts else Decimal(0)
    lines = _whole("switch", item, link, term, _stretch(term, *charged_span(term, day)), currency)
    if not lines or total(lines) == -amount:
        return lines
    return [structs.replace(lines[-1], quantity=item.quantity, amount=-amount)]
