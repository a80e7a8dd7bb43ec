"""What holds for any order: sums, there and back, many steps and one, what is given back and what was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from emporion import money
from emporion.catalogue.plans import Policies
from emporion.orders.kept import Charge
from emporion.orders.pricing import (
    PricedItem,
    cancellation,
    change,
    extended,
    per_billing_period,
    per_term,
    renewal,
    sale,
    switch,
    total,
)
from emporion.orders.terms import Term, billing_periods, charged_span, paid_until, renewed
from tests.orders.examples import BASKETS, CURRENCIES, KEEPING, QUANTITIES, TERMS, exact, items, many, terms_and_days

Basket = tuple[PricedItem, ...]
TermAndDay = tuple[Term, date]
# Every kind of order, of which each example is tried.
ORDERS: list[Callable[[Basket, Term, str, date], list[list[Charge]]]] = [
    lambda basket, of, currency, day: sale(basket, of, currency),
    lambda basket, of, currency, day: change(basket, of, Policies(), currency, day),
    lambda basket, of, currency, day: change(basket, of, KEEPING, currency, day),
    lambda basket, of, currency, day: switch(basket, of, of, "prorate_refund", Policies(), currency, day),
    lambda basket, of, currency, day: renewal(basket, renewed(of), currency),
    lambda basket, of, currency, day: cancellation(basket, of, Policies(), currency, day),
]


def _recurring(charges: list[Charge]) -> list[Charge]:
    return [charge for charge in charges if charge.type != "setup"]


def _share(charge: Charge, of: Term) -> Fraction:
    """How many billing periods a charge is for; 1 where it is paid once."""
    if not charge.start or not charge.end:
        return Fraction(1)
    return billing_periods(of, date.fromisoformat(charge.start), date.fromisoformat(charge.end))


@many
@given(BASKETS, terms_and_days(), CURRENCIES)
def test_each_line_is_price_times_quantity_times_share_and_lines_add_up(
    basket: Basket, term_and_day: TermAndDay, currency: str
) -> None:
    of, day = term_and_day
    for order in ORDERS:
        for charges in order(basket, of, currency, day):
            for one in charges:
                assert one.amount == money.rounded(exact([one], _share(one, of)), currency)
            assert total(charges) == sum(one.amount for one in charges)
            products = {one.product_id for one in charges}
            assert sum(extended(charges, product) for product in products) == total(charges)


@many
@given(BASKETS, terms_and_days(), CURRENCIES, st.randoms(use_true_random=False))
def test_no_amount_depends_on_the_order_of_the_lines(
    basket: Basket, term_and_day: TermAndDay, currency: str, random: Any
) -> None:
    of, day = term_and_day
    mixed = tuple(random.sample(basket, len(basket)))
    for order in ORDERS:
        for one, other in zip(order(basket, of, currency, day), order(mixed, of, currency, day), strict=True):
            assert {p.product_id: extended(one, p.product_id) for p in basket} == {
                p.product_id: extended(other, p.product_id) for p in basket
            }


@many
@given(BASKETS, terms_and_days(), CURRENCIES)
def test_there_and_back_on_the_same_day_costs_the_setup_alone(
    basket: Basket, term_and_day: TermAndDay, currency: str
) -> None:
    of, day = term_and_day
    back = [structs.replace(one, quantity=one.previous, previous=one.quantity) for one in basket]
    for went, came in zip(
        change(basket, of, Policies(), currency, day), change(back, of, Policies(), currency, day), strict=True
    ):
        assert total(_recurring(went)) + total(_recurring(came)) == 0
        assert all(one.amount >= 0 for one in [*went, *came] if one.type == "setup")


@many
@given(items(), terms_and_days(), CURRENCIES, st.lists(QUANTITIES, min_size=1, max_size=4))
def test_many_changes_on_a_day_come_to_what_one_does(
    product: PricedItem, term_and_day: TermAndDay, currency: str, quantities: list[Decimal]
) -> None:
    of, day = term_and_day
    share = billing_periods(of, day, paid_until(of, day))
    way = [product.previous, *quantities, product.quantity]
    steps = [structs.replace(product, previous=before, quantity=after) for before, after in pairwise(way)]
    direct = _recurring(change([product], of, Policies(), currency, day)[1])
    several = [one for step in steps for one in _recurring(change([step], of, Policies(), currency, day)[1])]
    assert exact(several, share) == exact(direct, share)
    _is_near(total(several), total(direct), len(several) + len(direct), currency)


def _is_near(one: Decimal, other: Decimal | Fraction, roundings: int, currency: str) -> None:
    """Each rounding moves a sum by half of the smallest unit at most."""
    smallest = Fraction(1, 10 ** money.minor_units(currency))
    assert abs(Fraction(one) - Fraction(other)) <= roundings * smallest / 2


@many
@given(items(), terms_and_days(), CURRENCIES, st.data())
def test_no_more_is_given_back_than_was_paid(
    product: PricedItem, term_and_day: TermAndDay, currency: str, data: st.DataObject
) -> None:
    """A sale, changes on some days of what was paid, and a cancellation on the last of them: what is left was used."""
    of, _ = term_and_day
    until = paid_until(of, of.start)
    if until == of.start:
        return
    numbers = st.integers(0, (until - of.start).days - 1)
    days = [date.fromordinal(of.start.toordinal() + number) for number in sorted(data.draw(st.lists(numbers)))]
    held = structs.replace(product, previous=Decimal(0))
    charges = _recurring(sale([held], of, currency)[1])
    used, since = Fraction(0), of.start
    for day in days:
        used, since = used + _cost_of(held, of, since, day), day
        held = structs.replace(held, previous=held.quantity, quantity=data.draw(QUANTITIES))
        charges += _recurring(change([held], of, Policies(), currency, day)[1])
    charges += cancellation([held], of, Policies(), currency, days[-1] if days else of.start)[1]
    _is_near(total(charges), used, len(charges), currency)


def _cost_of(product: PricedItem, of: Term, start: date, end: date) -> Fraction:
    """What so many units cost for some days."""
    bought = _recurring(
        sale([structs.replace(product)], structs.replace(of, billing_model="chargeBeforeBillingPeriod"), "EUR")[1]
    )
    return exact(bought, billing_periods(of, start, end))


@many
@given(items(), terms_and_days(), CURRENCIES)
def test_one_change_there_and_a_later_one_back_give_back_no_more_than_was_paid(
    product: PricedItem, term_and_day: TermAndDay, currency: str
) -> None:
    of, later = term_and_day
    first, _ = charged_span(of, later)
    there = [structs.replace(product, previous=Decimal(0))]
    back = [structs.replace(product, previous=product.quantity, quantity=Decimal(0))]
    for paid, refunded in zip(
        change(there, of, Policies(), currency, first), change(back, of, Policies(), currency, later), strict=True
    ):
        assert 0 <= -total(refunded) <= total(_recurring(paid))


@many
@given(BASKETS, terms_and_days(), CURRENCIES)
def test_a_plan_that_gives_nothing_back_never_does(basket: Basket, term_and_day: TermAndDay, currency: str) -> None:
    of, day = term_and_day
    for order in (change(basket, of, KEEPING, currency, day), cancellation(basket, of, KEEPING, currency, day)):
        for charges in order:
            assert all(extended(charges, one.product_id) >= 0 for one in basket)


@many
@given(BASKETS, TERMS, CURRENCIES)
def test_a_cancellation_on_the_first_day_gives_back_what_was_paid_but_the_setup(
    basket: Basket, of: Term, currency: str
) -> None:
    new = [structs.replace(one, previous=Decimal(0)) for one in basket]
    for bought, gone in zip(
        sale(new, of, currency), cancellation(new, of, Policies(), currency, of.start), strict=True
    ):
        assert total(_recurring(bought)) + total(gone) == 0


@many
@given(BASKETS, TERMS, CURRENCIES)
def test_a_term_costs_what_is_charged_in_it(basket: Basket, of: Term, currency: str) -> None:
    """What orders and the billing run charge for each billing period of a term, or for all of it at once."""
    charged, day = [Decimal(0)], of.start
    while day < of.expiration:
        start, end = charged_span(of, day)
        share = billing_periods(of, start, end)
        one = sale(basket, structs.replace(of, billing_model="chargeBeforeSubscriptionPeriod"), currency)[1]
        charged += [money.rounded(exact([line], share), currency) for line in _recurring(one)]
        day = end
    assert per_term(basket, of, 1, currency) == sum(charged)


@many
@given(BASKETS, TERMS, CURRENCIES)
def test_a_whole_billing_period_costs_the_sum_of_its_items(basket: Basket, of: Term, currency: str) -> None:
    each = [per_billing_period([one], of, 0, currency) for one in basket]
    assert per_billing_period(basket, of, 0, currency) == sum(each)
    assert all(amount == money.rounded(amount, currency) >= 0 for amount in each)


@many
@given(BASKETS, terms_and_days(), CURRENCIES)
def test_what_is_charged_is_for_days_that_follow_and_told_by_them(
    basket: Basket, term_and_day: TermAndDay, currency: str
) -> None:
    of, day = term_and_day
    for charges in change(basket, of, Policies(), currency, day):
        for one in _recurring(charges):
            assert (one.start, one.end) == (day.isoformat(), paid_until(of, day).isoformat())
            last = date.fromordinal(paid_until(of, day).toordinal() - 1)
            assert one.description.endswith(f"from {day} through {last}")
