"""What the sender of a file is told of keys, such as external ids, that several of its rows have."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence

from emporion.files.rows import Row, unreadable
from emporion.store.external_ids import ExternalIds, RepeatedId

# How many external ids are told, and how many lines of each.
TOLD = 10
# What spreadsheets make of a long number: its last digits are gone.
_ROUNDED = re.compile(r"[1-9]([.,][0-9]+)?E\+[0-9]{2,3}", re.IGNORECASE)


def remember(ids: ExternalIds, rows: Iterable[Row]) -> None:
    """Keep the keys of some rows."""
    ids.add((row.key, row.line, _ROUNDED.fullmatch(row.key) is not None) for row in rows if row.key is not None)


async def notes_on(ids: ExternalIds, column: str, noun: str) -> list[str]:
    """What is to be said of a file of a noun once all of its rows are there. column: what it calls the key.

    Raises Problem (INVALID) if a spreadsheet has made one key of several, since each would overwrite the other.
    """
    return await asyncio.to_thread(_notes_on, ids, column, noun)


def _notes_on(ids: ExternalIds, column: str, noun: str) -> list[str]:
    lost = ids.found(TOLD, doubled=True, doubtful=True)
    if lost:
        raise unreadable(
            f"{column} {_told(lost)}: a spreadsheet has rounded long numbers, and these rows would overwrite each "
            "other; make the column text in the spreadsheet and enter the ids again"
        )
    notes = []
    if rounded := ids.found(TOLD, doubtful=True):
        notes.append(
            f"{column} {_told(rounded)}: this looks like a long number that a spreadsheet has rounded; make the column "
            "text in the spreadsheet if the ids are others"
        )
    if doubled := ids.found(TOLD, doubled=True):
        more = ids.count_doubled() - len(doubled)
        others = f", and {more:,} more such ids" if more else ""
        notes.append(
            f"{column} {_told(doubled)}{others}: they are one {noun}, and each changes what the one before it made"
        )
    return notes


def _told(found: Sequence[RepeatedId]) -> str:
    return "; ".join(f"{one.external_id[:64]} is in {_lines(one)}" for one in found)


def _lines(found: RepeatedId) -> str:
    lines = [f"{line}" for line in found.lines]
    if found.rows > len(lines):
        lines.append(f"{found.rows - len(lines):,} more")
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"
