"""What orders cost: the examples of the contract, and each rule by itself."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from emporion import money
from emporion.catalogue.plans import Policies
from emporion.catalogue.rates import Rates, flat
from emporion.orders.kept import Migrated
from emporion.orders.pricing import (
    PricedItem,
    cancellation,
    change,
    extended,
    migration,
    per_billing_period,
    per_term,
    renewal,
    sale,
    total,
)
from emporion.orders.rates import special_rate, with_special_price
from emporion.orders.terms import renewed
from emporion.periods import Period
from tests.orders.examples import KEEPING, YEAR, item, lines, steps, term

PREPAID_TERM = "chargeBeforeSubscriptionPeriod"
POSTPAID = "chargeAfterBillingPeriod"
ACME = PricedItem(
    product_id="1000301",
    mpn="ACME-MAIL-STD",
    name="Acme Mail Standard",
    quantity=Decimal(12),
    rates=[Rates(flat(Decimal("3.9"))), Rates(flat(Decimal("4.5")), flat(Decimal(10)))],
)


def _on(text: str) -> date:
    return date.fromisoformat(text)


def test_the_sale_of_the_contract_costs_174() -> None:
    cost, price = sale([ACME], term("2026-09-18"), "EUR")
    assert total(price) == 174
    assert total(cost) == Decimal("46.8")
    assert lines([price]) == [("setup", "12", "10", "120"), ("recurring", "12", "4.5", "54")]
    setup, recurring = price
    assert setup.description == "Acme Mail Standard Setup"
    assert (setup.duration, setup.start, setup.end) == (None, None, None)
    assert recurring.description == "Acme Mail Standard Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17"
    assert recurring.duration == Period("month", 1)
    assert (recurring.start, recurring.end) == ("2026-09-18", "2026-10-18")
    assert extended(price, "1000301") == 174
    assert extended(price, "1") == 0


def test_the_change_of_the_contract_costs_39() -> None:
    more = PricedItem(
        product_id="1000301", mpn=ACME.mpn, name=ACME.name, quantity=Decimal(15), previous=Decimal(12), rates=ACME.rates
    )
    charges = change([more], term("2026-09-18"), Policies(), "EUR", _on("2026-09-28"))
    assert total(charges[1]) == 39
    assert lines(charges) == [("setup", "3", "10", "30"), ("recurring", "3", "4.5", "9")]
    recurring = charges[1][1]
    assert recurring.description == "Acme Mail Standard Recurring (1 Month(s) term) from 2026-09-28 through 2026-10-17"
    assert recurring.duration == Period("day", 20)


def test_the_subscription_of_the_contract_costs_67_5_and_810_and_702() -> None:
    of, fifteen = term("2026-09-18"), item(15)
    cost = item(15, rate="3.9")
    assert per_billing_period([fifteen], of, 1, "EUR") == Decimal("67.5")
    assert per_term([fifteen], of, 1, "EUR") == 810
    assert per_term([cost], of, 1, "EUR") == 702


def test_what_is_paid_later_costs_nothing_with_the_order_but_its_setup() -> None:
    of = term("2026-09-18", billing_model=POSTPAID)
    assert lines(sale([item(2, setup="10")], of, "EUR")) == [("setup", "2", "10", "20")]
    assert lines(change([item(5, 2, setup="10")], of, Policies(), "EUR", _on("2026-09-28"))) == [
        ("setup", "3", "10", "30")
    ]
    assert lines(change([item(1, 2)], of, Policies(), "EUR", _on("2026-09-28"))) == []
    assert lines(renewal([item(2)], renewed(of), "EUR")) == []
    assert lines(cancellation([item(2)], of, Policies(), "EUR", _on("2026-09-28"))) == []


def test_a_prepaid_term_costs_all_its_billing_periods_at_once() -> None:
    of = term("2026-09-18", billing_model=PREPAID_TERM)
    charges = sale([item(12)], of, "EUR")
    assert lines(charges) == [("recurring", "12", "4.5", "648")]
    assert charges[1][0].description == "Mail Recurring (1 Year(s) term) from 2026-09-18 through 2027-09-17"
    assert charges[1][0].duration == YEAR


def test_a_change_of_a_prepaid_term_pays_for_the_rest_of_it() -> None:
    of = term("2026-09-18", billing_model=PREPAID_TERM)
    # 20 of 30 days of the running billing period, and eleven more.
    charges = change([item(13, 12, rate="9")], of, Policies(), "EUR", _on("2026-09-28"))
    assert lines(charges) == [("recurring", "1", "9", "105")]
    assert charges[1][0].duration == Period("day", 355)
    back = change([item(12, 13, rate="9")], of, Policies(), "EUR", _on("2027-08-18"))
    assert lines(back) == [("recurringRefund", "-1", "9", "-9")]


def test_a_first_period_until_the_statement_day_costs_its_part() -> None:
    of = term("2026-09-18", billing_period=Period("statement_day", 1))
    charges = sale([item(1, rate="30")], of, "EUR")
    assert lines(charges) == [("recurring", "1", "30", "13")]
    assert charges[1][0].description == "Mail Recurring (1 Month(s) term) from 2026-09-18 through 2026-09-30"
    assert charges[1][0].duration == Period("day", 13)
    # A year from 18 September: 13 of 30 days, eleven months, and 17 of 30 days.
    assert per_term([item(1, rate="30")], of, 1, "EUR") == 360


def test_a_part_of_a_period_is_charged_by_its_days_on_each_of_them() -> None:
    of = term("2026-08-31")
    for number in range(30):
        day = of.start + timedelta(days=number)
        charges = change([item(1, 0, rate="7")], of, Policies(), "EUR", day)
        assert total(charges[1]) == money.rounded(Fraction(7 * (30 - number), 30), "EUR")
        through = "through 2026-09-29"
        assert charges[1][0].description == f"Mail Recurring (1 Month(s) term) from {day} {through}"


def test_less_gives_back_by_the_policy_of_the_plan() -> None:
    of, less = term("2026-09-18"), [item(2, 12, setup="10")]
    assert lines(change(less, of, Policies(), "EUR", _on("2026-09-28"))) == [("recurringRefund", "-10", "4.5", "-30")]
    assert lines(change(less, of, KEEPING, "EUR", _on("2026-09-28"))) == []
    returning = Policies(decrease_refund="none", return_days=10)
    assert lines(change(less, of, returning, "EUR", _on("2026-09-27"))) == [("recurringRefund", "-10", "4.5", "-31.5")]
    assert lines(change(less, of, returning, "EUR", _on("2026-09-28"))) == []


def test_setup_is_paid_for_each_added_unit_and_not_given_back() -> None:
    of, day = term("2026-09-18"), _on("2026-09-28")
    there = change([item(15, 12, setup="10")], of, Policies(), "EUR", day)
    back = change([item(12, 15, setup="10")], of, Policies(), "EUR", day)
    assert total(there[1]) + total(back[1]) == 30
    assert [one.type for one in back[1]] == ["recurringRefund"]


def test_a_step_that_is_passed_gives_a_line_for_each_price() -> None:
    of = term("2026-09-18")
    tiered = steps("TIERED", ("0", "5"), ("10", "4"))
    volume = steps("VOLUME_SUBSCRIPTION", ("0", "5"), ("10", "4"))
    assert lines(sale([item(12, rate=tiered)], of, "EUR")) == [
        ("recurring", "9", "5", "45"), ("recurring", "3", "4", "12")]  # fmt: skip
    assert lines(sale([item(12, rate=volume)], of, "EUR")) == [("recurring", "12", "4", "48")]
    day = _on("2026-10-03")
    assert lines(change([item(11, 8, rate=tiered)], of, Policies(), "EUR", day)) == [
        ("recurring", "1", "5", "2.5"), ("recurring", "2", "4", "4")]  # fmt: skip
    assert lines(change([item(11, 8, rate=volume)], of, Policies(), "EUR", day)) == [
        ("recurringRefund", "-8", "5", "-20"), ("recurring", "11", "4", "22")]  # fmt: skip


def test_a_plan_that_gives_nothing_back_does_not_do_so_when_a_step_is_passed() -> None:
    volume = steps("VOLUME_SUBSCRIPTION", ("0", "5"), ("10", "4"))
    charges = change([item(10, 9, rate=volume)], term("2026-09-18"), KEEPING, "EUR", _on("2026-09-18"))
    assert lines(charges) == []


def test_a_trial_costs_nothing() -> None:
    of, day = term("2026-09-18", trial=True), _on("2026-09-20")
    assert lines(sale([item(3, setup="10")], of, "EUR")) == [("recurring", "3", "0", "0")]
    assert total(change([item(5, 3, setup="10")], of, Policies(), "EUR", day)[1]) == 0
    assert total(cancellation([item(3)], of, Policies(), "EUR", day)[1]) == 0
    assert per_billing_period([item(3)], of, 1, "EUR") == per_term([item(3)], of, 1, "EUR") == 0


def test_a_cancellation_gives_back_by_the_policy_of_the_plan() -> None:
    of = term("2026-09-18")
    charges = cancellation([item(12, setup="10")], of, Policies(), "EUR", _on("2026-09-28"))
    assert lines(charges) == [("cancellation", "-12", "4.5", "-36")]
    assert charges[1][0].description == "Mail Recurring (1 Month(s) term) from 2026-09-28 through 2026-10-17"
    assert lines(cancellation([item(12)], of, KEEPING, "EUR", _on("2026-09-28"))) == []
    returning = Policies(cancellation_refund="none", return_days=14)
    assert total(cancellation([item(12)], of, returning, "EUR", _on("2026-09-28"))[1]) == -36


def test_a_cancellation_on_the_first_day_gives_all_back_but_the_setup() -> None:
    of, mail = term("2026-09-18", billing_model=PREPAID_TERM), item(7, rate="3.333333", setup="10")
    bought = sale([mail], of, "EUR")
    gone = cancellation([mail], of, Policies(), "EUR", of.start)
    assert total(bought[1]) + total(gone[1]) == 70


def test_nothing_is_given_back_after_the_expiration() -> None:
    of = term("2026-09-18")
    assert lines(cancellation([item(12)], of, Policies(), "EUR", of.expiration)) == []
    assert lines(change([item(1, 12)], of, Policies(), "EUR", of.expiration + timedelta(days=3))) == []


def test_a_renewal_pays_for_what_begins_with_the_expiration() -> None:
    charges = renewal([item(12, setup="10")], renewed(term("2026-09-18")), "EUR")
    assert lines(charges) == [("renew", "12", "4.5", "54")]
    assert charges[1][0].description == "Mail Recurring (1 Month(s) term) from 2027-09-18 through 2027-10-17"
    whole = renewal([item(12)], renewed(term("2026-09-18", billing_model=PREPAID_TERM)), "EUR")
    assert lines(whole) == [("renew", "12", "4.5", "648")]


def test_what_is_changed_or_cancelled_after_an_early_renewal_counts_for_what_was_renewed_as_well() -> None:
    of, day = renewed(term("2026-09-18")), _on("2027-09-17")
    # A day of August's period, which has 31, and the month that was renewed.
    assert lines(change([item(13, 12, rate="31")], of, Policies(), "EUR", day)) == [("recurring", "1", "31", "32")]
    assert total(cancellation([item(1, rate="31")], of, Policies(), "EUR", day)[1]) == -32


def test_a_migration_costs_nothing_before_the_next_billing_date() -> None:
    of = term("2026-09-18")
    migrated = Migrated(
        start_date="2026-09-18", migration_date="2026-11-20", expiration_date="2027-09-18", autorenewal=True
    )
    assert migration([item(12, setup="10")], of, migrated, "EUR") == [[], []]


@pytest.mark.parametrize("program", ["count_migration_billing_period", "COUNT_MIGRATION_BILLING_PERIOD"])
def test_a_migration_may_count_the_running_period(program: str) -> None:
    migrated = Migrated(
        start_date="2026-09-18",
        migration_date="2026-11-20",
        expiration_date="2027-09-18",
        autorenewal=True,
        migration_program=program,
    )
    charges = migration([item(12, setup="10")], term("2026-09-18"), migrated, "EUR")
    assert lines(charges) == [("recurring", "12", "4.5", "54")]
    assert (charges[1][0].start, charges[1][0].end) == ("2026-11-18", "2026-12-18")
    assert lines(migration([item(12)], term("2026-09-18", billing_model=POSTPAID), migrated, "EUR")) == []


def test_a_special_price_in_a_change_counts_from_its_day_for_all_units() -> None:
    before = item(15, 12)
    special = with_special_price(before.rates, special_rate(before.rates[1].recurring, Decimal(4)))
    more = PricedItem(
        product_id="1", mpn="MAIL", name="Mail", quantity=Decimal(15), previous=Decimal(12), rates=special,
        previous_rates=before.rates,
    )  # fmt: skip
    charges = change([more], term("2026-09-18"), Policies(), "EUR", _on("2026-09-28"))
    assert lines(charges) == [("recurringRefund", "-12", "4.5", "-36"), ("recurring", "15", "4", "40")]
    assert lines(charges[:1]) == [("recurring", "3", "4.5", "9")]


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "5"), ("EUR", "4.67"), ("KWD", "4.667")])
def test_a_line_is_rounded_once_in_the_smallest_unit_of_its_currency(currency: str, amount: str) -> None:
    charges = change([item(1, rate="7")], term("2026-09-18"), Policies(), currency, _on("2026-09-28"))
    assert lines(charges) == [("recurring", "1", "7", amount)]


def test_amounts_stay_exact_at_their_largest() -> None:
    charges = sale([item(9_999_999_999, rate="999999999999999.999999")], term("2026-09-18"), "EUR")
    assert str(total(charges[1])) == "9999999998999999999990000.00"


def test_nothing_costs_nothing() -> None:
    assert sale([], term("2026-09-18"), "EUR") == []
    assert per_billing_period([], term("2026-09-18"), 1, "EUR") == 0
