"""Moves a whole platform from one store into another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from emporion.errors import Code, Problem
from emporion.store.tables import TABLES, Digest, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.store.base import Store
    from emporion.store.tables import Part, Row

# Rows that are copied in one transaction.
PART = 2000
DONE = "done"


class CopyStore(Protocol):
    """The tables of a platform, as they are given to and taken from another store."""

    async def count(self, table: Table) -> int:
        """How many rows the table has."""

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        """Up to `limit` rows of a table, in an order of the store's own, that come after a part that ended there.

        A table that is not long is given whole.
        """

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        """Put in rows that another store has dumped, and note in the same transaction how far it has come.

        after, count: what `progress` is to give for this table from now on.
        """

    async def progress(self) -> dict[str, tuple[str, int]]:
        """How far an unfinished copy into this store has come, by the tables' names."""


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
    if not await source.platform.get():
        raise Problem(Code.NOT_FOUND, "There is no platform in the database to copy from.")
    if await target.platform.get():
        raise Problem(Code.CONFLICT, "There is a platform in the database to copy to; it must be empty.")
    copied = await target.copies.progress()
    for table in TABLES[:-1]:
        after, rows = copied.get(table.name, (None, 0))
        progress(rows)
        while after != DONE:
            part = await source.copies.dump(table, after, min(PART, table.part))
            after = part.last or DONE
            rows += len(part.rows)
            await target.copies.load(table, part.rows, after, rows)
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
    part = await source.copies.dump(TABLES[-1], None, 1)
    await target.copies.load(TABLES[-1], part.rows, DONE, 1)


async def _digest(store: Store, table: Table, progress: Callable[[int], None]) -> Digest:
    digest, after = Digest(), None
    while True:
        part = await store.copies.dump(table, after, min(PART, table.part))
        digest.add(part.rows)
        progress(len(part.rows))
        after = part.last
        if after is None:
            return digest
