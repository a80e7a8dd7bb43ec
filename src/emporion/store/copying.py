"""Moves a whole platform from one store into another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, NamedTuple

from emporion.errors import Code, Problem
from emporion.store.tables import TABLES, Digest, Table

if TYPE_CHECKING:
    from emporion.store.base import Store

# Rows that are copied in one transaction.
PART = 2000
DONE = "done"


class Checked(NamedTuple):
    """A table that has arrived whole."""

    table: Table
    rows: int
    digest: str


async def copy(source: Store, target: Store, progress: Callable[[int], None]) -> None:
    """Copy all but the platform itself from `source` to `target`; go on where an earlier copy was cut short.

    progress: told how many more rows are there. Raises Problem (CONFLICT) if the target holds a platform,
    and (NOT_FOUND) if the source has none.
    """
    if not await source.platform():
        raise Problem(Code.NOT_FOUND, "There is no platform in the database to copy from.")
    if await target.platform():
        raise Problem(Code.CONFLICT, "There is a platform in the database to copy to; it must be empty.")
    copied = await target.copied()
    for table in TABLES[:-1]:
        after, rows = copied.get(table.name, (None, 0))
        progress(rows)
        while after != DONE:
            part = await source.dump(table, after, PART)
            after = part.last or DONE
            rows += len(part.rows)
            await target.load(table, part.rows, after, rows)
            progress(len(part.rows))


async def check(source: Store, target: Store, progress: Callable[[int], None]) -> AsyncIterator[Checked]:
    """Compare what was copied, table by table. Raises Problem (CONFLICT) for the first that differs."""
    for table in TABLES[:-1]:
        ours, theirs = await _digest(source, table, progress), await _digest(target, table, progress)
        if ours != theirs:
            raise Problem(
                Code.CONFLICT,
                f"The table {table.name} is not the same in both databases: it was changed meanwhile. Stop what "
                "writes to the one that is copied, make the other one anew, and copy again.",
            )
        yield Checked(table, ours.rows, str(ours))


async def finish(source: Store, target: Store) -> None:
    """Copy the platform itself: from now on the target can be served."""
    part = await source.dump(TABLES[-1], None, 1)
    await target.load(TABLES[-1], part.rows, DONE, 1)


async def _digest(store: Store, table: Table, progress: Callable[[int], None]) -> Digest:
    digest, after = Digest(), None
    while True:
        part = await store.dump(table, after, PART)
        digest.add(part.rows)
        progress(len(part.rows))
        after = part.last
        if after is None:
            return digest
