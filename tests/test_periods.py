from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion.periods import Period, after, completed, in_words

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
PERIODS = st.builds(Period, st.sampled_from(["day", "month", "year"]), st.integers(1, 14))


def _ends(anchor: date, period: Period, count: int) -> list[str]:
    return [after(anchor, period, times).isoformat() for times in range(1, count + 1)]


def test_the_end_of_january_is_never_forgotten() -> None:
    months = _ends(date(2027, 1, 31), Period("month", 1), 4)
    assert months == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert _ends(date(2028, 1, 31), Period("month", 1), 2) == ["2028-02-29", "2028-03-31"]


def test_a_leap_day_comes_back_after_four_years() -> None:
    years = _ends(date(2024, 2, 29), Period("year", 1), 4)
    assert years == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_periods_are_counted_backwards_as_well() -> None:
    assert after(date(2027, 3, 31), Period("month", 1), -1) == date(2027, 2, 28)
    assert after(date(2027, 3, 31), Period("month", 1), -15) == date(2025, 12, 31)
    assert after(date(2027, 1, 10), Period("day", 14), -1) == date(2026, 12, 27)


@given(DAYS, PERIODS, DAYS)
def test_a_day_is_in_the_period_after_those_that_are_over(anchor: date, period: Period, day: date) -> None:
    count = completed(anchor, period, day)
    assert after(anchor, period, count) <= day < after(anchor, period, count + 1)


@given(DAYS, PERIODS, st.integers(-100, 100))
def test_periods_follow_each_other(anchor: date, period: Period, times: int) -> None:
    assert after(anchor, period, times) < after(anchor, period, times + 1)
    if period.type != "day":
        assert after(anchor, period, times).day in (anchor.day, 28, 29, 30)


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (Period("month", 1), "1 Month(s)"),
        (Period("year", 3), "3 Year(s)"),
        (Period("day", 14), "14 Day(s)"),
        (Period("statement_day", 1), "1 Month(s)"),
    ],
)
def test_a_period_in_words(period: Period, words: str) -> None:
    assert in_words(period) == words
