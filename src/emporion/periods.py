"""Periods of billing and of subscriptions, counted in calendar days (docs/decisions/0034)."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

PeriodType = Literal["day", "month", "year", "statement_day"]

_UNITS: dict[PeriodType, str] = {"day": "Day", "month": "Month", "year": "Year", "statement_day": "Month"}


class Period(Struct, frozen=True):
    """A length of time (contract: Period)."""

    DID_YOU_MEAN: ClassVar[Mapping[str, str]] = {"unit": "type", "value": "duration", "count": "duration"}

    type: Annotated[PeriodType, Meta(description="The unit.", examples=["month"])]
    # In days, the rest of a long term.
    duration: Annotated[int, Meta(ge=1, le=50_000, description="How many units.", examples=[1])]


def months(period: Period) -> int:
    """How many months a period has; 0 of one that is counted in days."""
    return period.duration * {"day": 0, "month": 1, "year": 12, "statement_day": 1}[period.type]


def after(anchor: date, period: Period, times: int = 1) -> date:
    """The day on which so many periods that begin at `anchor` are over, clamped to the last day of its month.

    Count from the first day of all, not from the end of the period before: 31 Jan → 28 Feb → 31 Mar. A number below 0
    counts backwards.
    """
    if period.type == "day":
        return anchor + timedelta(days=period.duration * times)
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months(period) * times, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(anchor.day, last))


def completed(anchor: date, period: Period, day: date) -> int:
    """How many periods that begin at `anchor` are over on a day; below 0 on one before it."""
    if period.type == "day":
        return (day - anchor).days // period.duration
    count = ((day.year - anchor.year) * 12 + day.month - anchor.month) // months(period)
    return count if after(anchor, period, count) <= day else count - 1


def in_words(period: Period) -> str:
    """A period as descriptions of charges have it: `1 Month(s)`. A statement period is one of months."""
    return f"{period.duration} {_UNITS[period.type]}(s)"
