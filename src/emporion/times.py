"""Dates and times as clients write them: ISO 8601, in UTC where nothing else is said."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

# What a client is told.
WANTED = "must be a date such as 2026-09-01, or a date and time such as 2026-09-01T12:00:00Z"
WANTED_DATE = "must be a date such as 2026-09-01"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# A blank stands for a + of an offset that was not encoded in a query.
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+ -]\d{2}:?\d{2})?", re.IGNORECASE)
_DAY = 86_400_000


def instant(text: str) -> int | None:
    """Milliseconds since 1970 of a time, or of the midnight (UTC) that begins a date; None for anything else."""
    if _DATE.fullmatch(text):
        return day(text)
    found = _INSTANT.fullmatch(text)
    if not found:
        return None
    time, offset = found[1].upper(), (found[2] or "Z").upper().replace(" ", "+")
    head, _, fraction = time.partition(".")
    try:
        # With an offset it may be of a year that cannot be shown in UTC.
        at = datetime.fromisoformat(head + ("+00:00" if offset == "Z" else offset)).astimezone(UTC)
        return int(at.timestamp()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    except (ValueError, OverflowError):
        return None


def day(text: str) -> int | None:
    """Milliseconds since 1970 of the midnight (UTC) that begins a date; None for anything else."""
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    return None if found is None else (found - date(1970, 1, 1)).days * _DAY


def next_day(text: str) -> int | None:
    """Milliseconds since 1970 of the midnight (UTC) that ends a date; None for anything else."""
    begin = day(text)
    return None if begin is None else begin + _DAY


def shown(at: int) -> str:
    """A time in milliseconds since 1970, as the contract has it: in UTC, to the second."""
    return datetime.fromtimestamp(at // 1000, UTC).isoformat().replace("+00:00", "Z")


def not_an_instant(text: str) -> str | None:
    """What is wrong with a text that is to be a date or a time; None if nothing is."""
    return WANTED if instant(text) is None else None


def not_a_date(text: str) -> str | None:
    """What is wrong with a text that is to be a date; None if nothing is."""
    return WANTED_DATE if day(text) is None else None
