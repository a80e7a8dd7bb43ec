"""What a switch of plan or period costs, by its policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from emporion.catalogue.plans import BillingPolicy, Policies
from emporion.catalogue.rates import Rates, flat
from emporion.orders.kept import Charge
from emporion.orders.pricing import Paid, PricedItem, change, paid_for, sale, switch, total
from emporion.orders.terms import Term, switched
from emporion.periods import Period
from tests.orders.examples import Offer, item, lines, term

OLD = term("2026-09-18")
DAY = date(2026, 9, 28)
FULL = Policies(full_refund_days=14)


def _items(quantity: int = 12, old: str = "4.5", new: str = "9") -> list[PricedItem]:
    """What goes and what comes: as many of another product."""
    goes = item(0, quantity, rate=old, name="Basic", setup="10")
    comes = item(quantity, 0, rate=new, name="Pro", setup="10")
    return [goes, comes]


def _switch(
    policy: BillingPolicy,
    policies: Policies | None = None,
    day: date = DAY,
    paid: Paid | None = None,
    old: Term = OLD,
    **offer: object,
) -> list[list[Charge]]:
    to = Offer(**offer)  # type: ignore[arg-type]
    return switch(_items(), old, switched(old, to, policy, day), policy, policies or Policies(), "EUR", day, paid)


def _texts(charges: Sequence[Sequence[Charge]]) -> list[str]:
    return [charge.description for charge in charges[-1]]


def test_the_expiration_is_kept_and_the_rest_is_exchanged() -> None:
    charges = _switch("prorate_keeping_exp_date")
    assert lines(charges) == [("switch", "-12", "4.5", "-36"), ("switch", "12", "9", "72")]
    assert _texts(charges) == [
        "Basic Recurring (1 Month(s) term) from 2026-09-28 through 2026-10-17",
        "Pro Recurring (1 Month(s) term) from 2026-09-28 through 2026-10-17",
    ]


def test_a_new_period_is_charged_from_the_day_on() -> None:
    charges = _switch("prorate_starting_new_subscription_period")
    assert lines(charges) == [("switch", "-12", "4.5", "-36"), ("switch", "12", "9", "108")]
    assert _texts(charges)[1] == "Pro Recurring (1 Month(s) term) from 2026-09-28 through 2026-10-27"


def test_a_prepaid_term_is_exchanged_for_the_rest_of_it() -> None:
    model = "chargeBeforeSubscriptionPeriod"
    old = term("2026-09-18", billing_model=model)
    charges = _switch("prorate_keeping_exp_date", old=old, billing_model=model)
    # 20 of 30 days and eleven months of 12 units.
    assert lines(charges) == [("switch", "-12", "4.5", "-630"), ("switch", "12", "9", "1260")]


def test_a_month_becomes_a_year_that_is_paid_at_once() -> None:
    old = term("2026-09-18", subscription_period=Period("month", 1))
    charges = _switch("prorate_refund", old=old, billing_model="chargeBeforeSubscriptionPeriod")
    assert lines(charges) == [("switch", "-12", "4.5", "-36"), ("switch", "12", "9", "1296")]
    assert _texts(charges)[1] == "Pro Recurring (1 Year(s) term) from 2026-09-28 through 2027-09-27"


@pytest.mark.parametrize(
    ("policy", "policies", "refund"),
    [
        ("prorate_refund", Policies(), -36),
        ("no_refund", Policies(), 0),
        ("no_refund", FULL, 0),
        ("prorate_refund", FULL, -36),
        ("prorate_refund_with_full_refund_period", FULL, -54),
        ("no_refund_with_full_refund_period", FULL, -54),
        ("prorate_refund_with_full_refund_period", Policies(full_refund_days=10), -36),
        ("no_refund_with_full_refund_period", Policies(full_refund_days=10), 0),
        ("no_refund_with_full_refund_period", Policies(full_refund_days=11), -54),
    ],
)
def test_a_policy_says_what_of_the_old_is_given_back(policy: BillingPolicy, policies: Policies, refund: int) -> None:
    paid = {"1000301": [Decimal(54), Decimal(54)]}
    charges = _switch(policy, policies, paid=paid)
    assert sum(one.amount for one in charges[1] if one.amount < 0) == refund
    assert [one.amount for one in charges[1] if one.amount > 0] == [72]


def test_a_full_refund_is_what_was_paid_and_no_more() -> None:
    bought = sale([item(2)], OLD, "EUR")
    grown = change([item(12, 2)], OLD, Policies(), "EUR", date(2026, 9, 23))
    ledger = [[*first, *later] for first, later in zip(bought, grown, strict=True)]
    paid = paid_for(ledger, OLD, DAY)
    assert paid == {"1000301": [Decimal("46.5")] * 2}
    charges = _switch("no_refund_with_full_refund_period", FULL, paid=paid)
    assert lines(charges)[0] == ("switch", "-12", "4.5", "-46.5")
    assert _texts(charges)[0] == "Basic Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17"


def test_setup_and_other_periods_are_no_part_of_what_was_paid_for_the_running_one() -> None:
    bought = sale([item(2, setup="10")], OLD, "EUR")
    assert paid_for(bought, OLD, DAY) == {"1000301": [Decimal(9)] * 2}
    assert paid_for(bought, OLD, date(2026, 10, 18)) == {}


def test_without_a_ledger_a_full_refund_is_a_prorated_one() -> None:
    charges = _switch("no_refund_with_full_refund_period", FULL)
    assert lines(charges)[0] == ("switch", "-12", "4.5", "-36")


def test_there_and_back_on_a_day_costs_nothing() -> None:
    there = switch(_items(), OLD, OLD, "prorate_keeping_exp_date", Policies(), "EUR", DAY)
    back = switch(_items(old="9", new="4.5"), OLD, OLD, "prorate_keeping_exp_date", Policies(), "EUR", DAY)
    assert total(there[1]) + total(back[1]) == 0


def test_a_trial_becomes_a_year_for_the_price_of_a_month() -> None:
    trial = term("2026-09-18", trial=True, subscription_period=Period("month", 1))
    charges = _switch("prorate_refund", old=trial)
    assert lines(charges) == [("switch", "-12", "0", "0"), ("switch", "12", "9", "108")]


def test_what_is_paid_later_is_neither_given_back_nor_charged() -> None:
    model = "chargeAfterBillingPeriod"
    old = term("2026-09-18", billing_model=model)
    assert lines(_switch("prorate_keeping_exp_date", old=old, billing_model=model)) == []
    assert lines(_switch("prorate_keeping_exp_date", old=old)) == [("switch", "12", "9", "72")]


def test_a_product_that_is_in_both_is_exchanged_at_its_old_and_its_new_price() -> None:
    new = [Rates(flat(Decimal(9)))] * 2
    both = PricedItem(
        product_id="1", mpn="MAIL", name="Mail", quantity=Decimal(12), previous=Decimal(12), rates=new,
        previous_rates=item(1).rates,
    )  # fmt: skip
    charges = switch([both], OLD, OLD, "prorate_keeping_exp_date", Policies(), "EUR", DAY)
    assert lines(charges) == [("switch", "-12", "4.5", "-36"), ("switch", "12", "9", "72")]


def test_what_does_not_count_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="period_change"):
        _switch("period_change")
