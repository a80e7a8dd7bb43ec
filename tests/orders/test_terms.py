from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from emporion.catalogue.plans import BillingPolicy, Policies
from emporion.orders.kept import Migrated
from emporion.orders.terms import (
    Term,
    billing_periods,
    billing_span,
    charged_span,
    length,
    may_be_returned,
    migrated_term,
    paid_until,
    renewed,
    running_term,
    switched,
)
from emporion.periods import Period
from emporion.subscriptions import KeptSubscription
from tests.orders.examples import MONTH, TERMS, YEAR, Offer, many, term, terms_and_days


def _spans(of: Term) -> list[tuple[str, str]]:
    """All billing periods of a term."""
    found, day = [], of.start
    while day < of.expiration:
        start, day = billing_span(of, day)
        found.append((start.isoformat(), day.isoformat()))
    return found


def _on(text: str) -> date:
    return date.fromisoformat(text)


def test_billing_periods_are_counted_from_the_anchor() -> None:
    ends = [end for _, end in _spans(term("2027-01-31", subscription_period=Period("month", 5)))]
    assert ends == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"]


def test_terms_of_a_month_come_back_to_the_31st() -> None:
    running, ends = term("2027-12-31", subscription_period=MONTH), []
    for _ in range(15):
        ends.append(running.expiration.isoformat()[5:])
        running = renewed(running)
    assert ends[:4] == ["01-31", "02-29", "03-31", "04-30"]
    assert ends[12:] == ["01-31", "02-28", "03-31"]


def test_a_year_from_a_leap_day_comes_back_to_it() -> None:
    running = term("2024-02-29")
    for _ in range(3):
        running = renewed(running)
    assert (running.start, running.expiration) == (_on("2027-02-28"), _on("2028-02-29"))


def test_a_statement_day_shortens_the_first_period() -> None:
    of = term("2026-09-18", billing_period=Period("statement_day", 1), subscription_period=Period("month", 3))
    assert _spans(of)[:2] == [("2026-09-18", "2026-10-01"), ("2026-10-01", "2026-11-01")]
    assert _spans(of)[-1] == ("2026-12-01", "2026-12-18")
    assert billing_periods(of, _on("2026-09-18"), _on("2026-10-01")) == Fraction(13, 30)
    later = term("2026-09-18", 20, billing_period=Period("statement_day", 1))
    assert _spans(later)[0] == ("2026-09-18", "2026-09-20")
    assert _spans(term("2026-09-20", 20, billing_period=Period("statement_day", 1)))[0] == ("2026-09-20", "2026-10-20")


def test_a_period_that_goes_beyond_the_term_is_cut() -> None:
    of = term("2026-09-18", billing_period=YEAR, subscription_period=Period("month", 1))
    assert _spans(of) == [("2026-09-18", "2026-10-18")]
    assert billing_periods(of, of.start, of.expiration) == Fraction(30, 365)


def test_days_outside_the_term_count_as_its_first_and_last() -> None:
    of = term("2026-09-18")
    assert billing_span(of, _on("2026-01-01")) == (_on("2026-09-18"), _on("2026-10-18"))
    assert billing_span(of, _on("2029-01-01")) == (_on("2027-08-18"), _on("2027-09-18"))


@many
@given(TERMS)
def test_billing_periods_follow_each_other_from_the_first_day_to_the_last(of: Term) -> None:
    spans = _spans(of)
    assert spans[0][0] == of.start.isoformat()
    assert spans[-1][1] == of.expiration.isoformat()
    assert all(before[1] == after[0] for before, after in pairwise(spans))


@many
@given(terms_and_days(), st.integers(0, 2000))
def test_billing_periods_add_up_wherever_they_are_parted(term_and_day: tuple[Term, date], days: int) -> None:
    of, day = term_and_day
    end = day + timedelta(days=days)
    assert billing_periods(of, of.start, day) + billing_periods(of, day, end) == billing_periods(of, of.start, end)


@many
@given(terms_and_days())
def test_a_day_is_a_part_of_its_billing_period(term_and_day: tuple[Term, date]) -> None:
    of, day = term_and_day
    start, end = billing_span(structs.replace(of, start=date(2020, 1, 1), expiration=date(2040, 1, 1)), day)
    if start > date(2020, 1, 1):
        assert billing_periods(of, day, end) == Fraction((end - day).days, (end - start).days)
        assert billing_periods(of, start, end) == 1


@many
@given(TERMS, st.integers(1, 12))
def test_terms_follow_each_other_without_a_gap(first: Term, times: int) -> None:
    of = first
    for _ in range(times):
        following = renewed(of)
        assert following.start == of.expiration < following.expiration
        of = following
    if first.subscription_period.type != "day":
        assert of.anchor == first.anchor
        assert of.expiration.day in (first.anchor.day, 28, 29, 30)


@many
@given(TERMS)
def test_what_is_paid_is_paid_until_a_day_of_the_term(of: Term) -> None:
    until = paid_until(of, of.start)
    if of.billing_model == "chargeAfterBillingPeriod":
        assert until == of.start
    elif of.billing_model == "chargeBeforeSubscriptionPeriod":
        assert until == of.expiration
    else:
        assert until == billing_span(of, of.start)[1]


def test_a_term_renewed_early_is_paid_until_the_end_of_its_first_period() -> None:
    of = renewed(term("2026-09-18"))
    assert paid_until(of, _on("2027-09-17")) == _on("2027-10-18")
    assert billing_periods(of, _on("2027-09-17"), _on("2027-10-18")) == 1 + Fraction(1, 31)


def test_lengths_are_periods_where_they_are_whole_ones() -> None:
    of = term("2026-09-18")
    assert length(of, _on("2026-09-18"), _on("2026-10-18")) == MONTH
    assert length(of, _on("2026-09-28"), _on("2026-10-18")) == Period("day", 20)
    whole = term("2026-09-18", billing_model="chargeBeforeSubscriptionPeriod")
    assert length(whole, whole.start, whole.expiration) == YEAR
    assert length(whole, _on("2026-09-19"), whole.expiration) == Period("day", 364)


def test_a_subscription_knows_its_term() -> None:
    kept = KeptSubscription(
        id="1", customer_id=1, chain=[1], currency="EUR", plan_id=1, name="Mail", status="active",
        billing_model="chargeBeforeBillingPeriod", billing_period=MONTH, subscription_period=YEAR, renews=True,
        created="2026-09-18T00:00:00Z", last_modified="2026-09-18T00:00:00Z", anchor="2026-09-18",
        term_start="2027-09-18", expiration="2028-09-18", statement_day=5,
    )  # fmt: skip
    assert running_term(kept) == structs.replace(renewed(term("2026-09-18")), statement_day=5)


@pytest.mark.parametrize(
    ("policy", "period", "start", "expected"),
    [
        ("prorate_keeping_exp_date", YEAR, None, ("2026-01-31", "2026-01-31", "2027-01-31")),
        ("prorate_keeping_exp_date", MONTH, "from_date_of_upgrade", ("2026-01-31", "2026-01-31", "2027-01-31")),
        ("prorate_starting_new_subscription_period", YEAR, None, ("2026-04-10", "2026-04-10", "2027-04-10")),
        ("prorate_refund", YEAR, None, ("2026-01-31", "2026-01-31", "2027-01-31")),
        ("prorate_refund", YEAR, "from_date_of_upgrade", ("2026-04-10", "2026-04-10", "2027-04-10")),
        ("no_refund", MONTH, None, ("2026-04-10", "2026-04-10", "2026-05-10")),
        ("no_refund", MONTH, "from_old_start_date", ("2026-01-31", "2026-03-31", "2026-04-30")),
    ],
)
def test_a_switch_keeps_the_term_or_begins_one(
    policy: BillingPolicy, period: Period, start: object, expected: tuple[str, str, str]
) -> None:
    to = Offer(subscription_period=period)
    new = switched(term("2026-01-31"), to, policy, _on("2026-04-10"), start)  # type: ignore[arg-type]
    assert (new.anchor.isoformat(), new.start.isoformat(), new.expiration.isoformat()) == expected
    assert new.subscription_period == period


def test_a_trial_that_is_switched_begins_its_term_on_that_day() -> None:
    new = switched(term("2026-01-31", trial=True), Offer(), "no_refund", _on("2026-02-10"))
    assert (new.start, new.trial) == (_on("2026-02-10"), False)


def test_a_migrated_subscription_keeps_its_dates() -> None:
    migrated = Migrated(
        start_date="2024-05-31", migration_date="2026-09-18", expiration_date="2027-05-31", autorenewal=True
    )
    of = migrated_term(Offer(), migrated)
    assert (of.anchor, of.start, of.expiration) == (_on("2024-05-31"), _on("2026-05-31"), _on("2027-05-31"))
    assert charged_span(of, _on("2026-09-18")) == (_on("2026-08-31"), _on("2026-09-30"))


def test_periods_are_counted_anew_from_an_expiration_that_was_given() -> None:
    migrated = Migrated(
        start_date="2026-05-10", migration_date="2026-09-18", expiration_date="2026-12-31", autorenewal=True
    )
    of = renewed(migrated_term(Offer(subscription_period=MONTH), migrated))
    assert (of.anchor, of.start, of.expiration) == (_on("2026-12-31"), _on("2026-12-31"), _on("2027-01-31"))
    assert renewed(renewed(of)).expiration == _on("2027-03-31")


def test_the_first_days_of_a_term_are_those_in_which_it_may_be_returned() -> None:
    of, policies = term("2026-09-18"), Policies(return_days=7)
    assert may_be_returned(of, policies, _on("2026-09-24"))
    assert not may_be_returned(of, policies, _on("2026-09-25"))
    assert not may_be_returned(of, Policies(), _on("2026-09-18"))
    early = renewed(of)
    assert not may_be_returned(early, policies, early.start - timedelta(days=1))
    assert may_be_returned(early, policies, early.start)
