"""Periods of billing and of subscriptions, counted in calendar days (docs/decisions/0034)."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

PeriodType = Literal["day", "month", "year", "statement_day"]


class Period(Struct, frozen=True):
    """A length of time (contract: Period)."""

    DID_YOU_MEAN: ClassVar[Mapping[str, str]] = {"unit": "type", "value": "duration", "count": "duration"}

    type: Annotated[PeriodType, Meta(description="The unit.", examples=["month"])]
    duration: Annotated[int, Meta(ge=1, le=1200, description="How many units.", examples=[1])]


def after(anchor: date, period: Period, times: int = 1) -> date:
    """The day on which so many periods that begin at `anchor` are over, clamped to the last day of its month.

    Count from the first day of all, not from the end of the period before: 31 Jan → 28 Feb → 31 Mar.
    """
    count = period.duration * times
    if period.type == "day":
        return anchor + timedelta(days=count)
    months = anchor.year * 12 + anchor.month - 1 + count * (12 if period.type == "year" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(anchor.day, last))
