"""What becomes of the rows of a file, of any noun: each is checked, written, or refused with its faults."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from emporion.errors import Code, Fault, Problem
from emporion.files.rows import Format, Row, RowReader
from emporion.marketplace.actors import Actor
from emporion.marketplace.idempotency import KEPT
from emporion.store.idempotency import IdempotentRequest
from emporion.store.imports import FaultyRow, Import
from emporion.store.records import Record

# After so many rows, of 200 µs each, the event loop turns to others.
WITHOUT_PAUSE = 8
# Rows with passwords are few at a time: their digests take long, and others wait for theirs.
PASSWORDS_AT_ONCE = 4
# How often a row is tried again that others were in the way of, and the seconds in between.
ATTEMPTS, PAUSE = 100, 0.2

R = TypeVar("R", bound=Row)
Outcome = Literal["created", "changed", "unchanged"]


class RowImporter(Protocol[R]):
    """What an import must know of a noun. noun: what one of them is called, such as customer."""

    noun: str

    def reader(self, format: Format) -> RowReader[R]:  # noqa: A002 - as people call it
        """Reads the rows of a file."""

    def key_header(self, headers: Sequence[str]) -> str:
        """What a file with these headers calls `Row.key`."""

    async def newest(self, reseller_id: int) -> int:
        """The highest id in the reseller, 0 if there is none."""

    async def find(self, imported: Import, rows: Sequence[R]) -> dict[int, Record]:
        """What is there already, by the lines of the rows that are for it."""

    def check(self, actor: Actor, row: R, found: Record | None) -> None:
        """Raise Problem as `write` would, as far as that can be known without writing."""

    async def write(
        self, actor: Actor, imported: Import, row: R, found: Record | None, once: IdempotentRequest | None
    ) -> Outcome:
        """Change what was found, or create it. once: to create it once only, for a row without a key.

        Raises Problem (INVALID, CONFLICT) for a row that is refused, (LIMITED) where it is to be tried again.
        """


class ImportRows:
    """Checks and writes the rows of a noun, some at a time. clock: seconds since 1970."""

    def __init__(self, importer: RowImporter[Any], clock: Callable[[], float]) -> None:
        self._importer = importer
        self._clock = clock
        self._passwords = asyncio.Semaphore(PASSWORDS_AT_ONCE)

    async def check(self, actor: Actor, imported: Import, group: Sequence[Row]) -> list[Outcome | list[Fault]]:
        """The faults of each row, without writing it; none of a good one."""
        found = await self._importer.find(imported, group)
        return [self._faults(actor, row, found.get(row.line)) async for row in _with_pauses(group)]

    def _faults(self, actor: Actor, row: Row, found: Record | None) -> list[Fault]:
        if row.faults:
            return row.faults
        try:
            self._importer.check(actor, row, found)
        except Problem as problem:
            return _named_faults(row, problem)
        return []

    async def write(
        self, actor: Actor, imported: Import, group: Sequence[Row], doubtful: int
    ) -> list[Outcome | list[Fault]]:
        """Write the rows; what becomes of each. Those with the same key are written one after the other.

        doubtful: the number of the last row of which it is not known whether it was written before.
        """
        found = await self._importer.find(imported, group)
        lanes: dict[str | int, list[Row]] = {}
        for row in group:
            lanes.setdefault(row.line if row.key is None else row.key, []).append(row)

        async def lane(number: int, rows: Sequence[Row]) -> list[tuple[int, Outcome | list[Fault]]]:
            for _ in range(number // WITHOUT_PAUSE):
                await asyncio.sleep(0)
            written: list[tuple[int, Outcome | list[Fault]]] = []
            for row in rows:
                if row is not rows[0]:
                    found.update(await self._importer.find(imported, [row]))
                if row.key is None and row.line not in found and row.after.rows <= doubtful:
                    written.append((row.line, [_DOUBT]))
                else:
                    written.append((row.line, await self._put(actor, imported, row, found.get(row.line))))
            return written

        # All are waited for, whatever becomes of one of them: nothing may be under way when the next ones come.
        results = await asyncio.gather(*map(lane, itertools.count(), lanes.values()), return_exceptions=True)
        outcomes: dict[int, Outcome | list[Fault]] = {}
        for result in results:
            if isinstance(result, BaseException):
                raise result
            outcomes.update(result)
        return [outcomes[row.line] for row in group]

    async def _put(self, actor: Actor, imported: Import, row: Row, found: Record | None) -> Outcome | list[Fault]:
        """Create or change what a row is for; what became of it, or why it was refused."""
        if row.faults:
            return row.faults
        for attempt in range(ATTEMPTS):
            once = self._once(imported, row) if found is None and row.key is None else None
            try:
                if row.passwords:
                    async with self._passwords:
                        return await self._importer.write(actor, imported, row, found, once)
                return await self._importer.write(actor, imported, row, found, once)
            except Problem as problem:
                if problem.code is Code.LIMITED and attempt < ATTEMPTS - 1:
                    await asyncio.sleep(PAUSE)
                    continue
                if problem.code not in (Code.INVALID, Code.CONFLICT):
                    raise
                before, found = found, (await self._importer.find(imported, [row])).get(row.line)
                if found is None or before is not None:
                    return _named_faults(row, problem)
                # It was created in between.
        raise AssertionError

    def _once(self, imported: Import, row: Row) -> IdempotentRequest:
        """What makes a row without a key be created once, however often its file is sent within a day."""
        parts = ("import", str(imported.reseller_id), imported.digest.hex(), str(row.line))
        key = hashlib.sha256("\0".join(parts).encode())
        return IdempotentRequest(key.hexdigest(), key.digest(), int((self._clock() - KEPT) * 1000))


_DOUBT = Fault(
    "", "may have been created when the import was cut short, more than a day ago; look for it before you send it again"
)


def _named_faults(row: Row, problem: Problem) -> list[Fault]:
    """The faults of a row by the names of its file."""
    if not problem.faults:
        return [Fault("", problem.message)]
    return [Fault(row.column_of(fault.field), fault.message) for fault in problem.faults]


def faulty_row(row: Row, faults: list[Fault], *, keep: bool) -> FaultyRow:
    """A row with its faults. keep: what it is, too, but for passwords."""
    if not keep:
        return FaultyRow(row.after.rows, row.line, faults)
    hidden = [Fault(row.column_of(path), "is not kept here; enter it again") for path in row.passwords]
    return FaultyRow(row.after.rows, row.line, [*faults, *hidden], row.redacted)


async def _with_pauses(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """The rows, so that others get their turn in between."""
    for number, row in enumerate(rows):
        if not number % WITHOUT_PAUSE:
            await asyncio.sleep(0)
        yield row
