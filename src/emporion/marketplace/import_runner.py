"""Does imports: checks and writes rows, checkpoint by checkpoint, so that another process can go on with them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from emporion.errors import Code, Problem
from emporion.files.rows import Columns, Position, Row, RowReader
from emporion.marketplace.actors import Actor
from emporion.marketplace.duplicate_keys import notes_on, remember
from emporion.marketplace.idempotency import KEPT
from emporion.marketplace.import_content import LeaseLost, read_content
from emporion.marketplace.import_rows import ImportRows, Outcome, faulty_row
from emporion.marketplace.imports import LISTED
from emporion.marketplace.tokens import RESELLER_SUSPENDED
from emporion.store.external_ids import ExternalIds
from emporion.store.imports import FaultyRow, Import

if TYPE_CHECKING:
    from emporion.marketplace.import_rows import RowImporter
    from emporion.store.base import Store

# How many rows are at the database together, so that they share its transactions.
AT_ONCE = 64
# Rows, and seconds, after which it is written down how far an import has come. Done again are those rows at most.
CHECKPOINT, INTERVAL = 512, 2.0
# Seconds after which another import has its turn, and bytes that are read before other work has its.
TURN, PIECE = 5.0, 16 << 10
# Milliseconds for which an import belongs to a process that says nothing.
HELD = 15_000
IMPORT_FAILED = "It failed on our side; the log has the reason."

# Gives the content of a file from a byte on.
Source = Callable[[int], AsyncIterator[bytes]]


class Step(NamedTuple):
    """What became of some rows. at: the position after them. columns: of CSV."""

    at: Position
    rows: int
    outcomes: Sequence[Outcome]
    faulty: Sequence[FaultyRow]
    columns: Columns | None


class ImportRunner:
    """Does the imports of all resellers. clock: seconds since 1970."""

    def __init__(self, store: Store, rows: RowImporter[Any], clock: Callable[[], float]) -> None:
        self._store = store
        self._importer = rows
        self._rows = ImportRows(rows, clock)
        self._clock = clock

    async def begin(self, draft: Import, holder: str) -> Import:
        """Keep a draft as an import that writes, whose content is not here."""
        running = structs.replace(draft, state="running", holder=holder, at=Position(), total=0, faulty=0, let_in=True)
        await self._store.imports.add(running, self._now() + HELD)
        return running

    async def hold(self, import_id: str, holder: str) -> Import | None:
        """The import, which belongs to `holder` for a while; None if another one has it, or it is over."""
        now = self._now()
        if not await self._store.imports.lease(import_id, holder, now, now + HELD):
            return None
        return await self._store.imports.get(import_id)

    async def release(self, import_id: str, holder: str) -> None:
        """Let others have it at once."""
        await self._store.imports.lease(import_id, holder, 0, 0)

    async def run_next(self, holder: str) -> bool:
        """Do the import that has waited longest, for a turn; whether there was one.

        Raises Problem (UNAVAILABLE); then it is gone on with later, by the process that comes first.
        """
        waiting = await self._store.imports.next_job(holder, self._now())
        held = await self.hold(waiting, holder) if waiting else None
        if not held:
            return False
        try:
            until = time.monotonic() + TURN
            done = await self.run(held, lambda offset: read_content(self._store, held, offset), until=until)
            if done.state == held.state:  # those that wait longer have their turn now
                await self._store.imports.lease(held.id, holder, 0, self._now())
        except (Problem, LeaseLost) as stopped:
            if isinstance(stopped, Problem):
                raise
        except Exception:
            # It would fail again and again, and those after it would never have their turn.
            now = await self._store.imports.get(held.id)
            if now:
                await self._store.imports.update(structs.replace(now, state="refused", refusal=IMPORT_FAILED), now)
            raise
        return True

    async def run(
        self,
        held: Import,
        source: Source,
        tell: Callable[[Import], None] = lambda _: None,
        until: float = math.inf,
    ) -> Import:
        """Check or write the rest of an import; what it is then. tell: gets it whenever it has come further.

        until: by the monotonic clock, in seconds, when it stops at the next checkpoint.

        Raises Problem (UNAVAILABLE), and Lost if it was cancelled or another process has it.
        """
        with ExternalIds() as ids:
            async with self._holding(held):
                done = await self._run(held, source, ids, tell, until)
        tell(done)
        return done

    async def _run(
        self, held: Import, source: Source, ids: ExternalIds, tell: Callable[[Import], None], until: float
    ) -> Import:
        now, saved, faulty = held, held, []  # type: Import, Import, list[FaultyRow]
        at = time.monotonic()
        try:
            await self._check_open(held)
            async for step in self.steps(held, source, ids):
                if step.columns and not now.headers:
                    now = with_columns(now, step.columns)
                now = _advanced(now, step)
                faulty += step.faulty
                tell(now)
                if now.at.rows - saved.at.rows >= CHECKPOINT or time.monotonic() - at >= INTERVAL:
                    saved, faulty, at = await self._save(now, saved, faulty), [], time.monotonic()
                    await self._check_open(held)
                    if at >= until:
                        return saved
            if held.state == "checking":
                done = await self.checked(now, source, ids, held.at.offset)
            else:
                done = structs.replace(now, state="done")
        except Problem as problem:
            if problem.code is Code.UNAVAILABLE:
                raise
            done = structs.replace(now, state="refused", refusal=problem.message)
        return await self._save(done, saved, faulty)

    async def checked(self, now: Import, source: Source, ids: ExternalIds, since: int = 0) -> Import:
        """An import whose rows were all checked, with notes on the keys that several rows have.

        ids: those of the rows from byte `since` on. Raises Problem (INVALID) if for their sake no row may be written.
        """
        if since:  # the others were checked in another turn, perhaps by another process
            async for group in _groups(self._importer.reader(now.format), source, 0):
                remember(ids, group)
        notes = await notes_on(ids, self._importer.key_header(now.headers), self._importer.noun)
        return structs.replace(now, state="checked", notes=(*now.notes, *notes))

    async def steps(self, imported: Import, source: Source, ids: ExternalIds | None = None) -> AsyncIterator[Step]:
        """Check the rows or write them, by the state of an import, from where it is.

        ids: gets their keys. Raises Problem (INVALID) for a file of which nothing can be taken.
        """
        actor = Actor(imported.account_id, imported.user, imported.source, imported.role, imported.id, imported.address)
        is_check = imported.state == "checking"
        rows = self._importer.reader(imported.format)
        if imported.at.offset:
            rows.resume(imported.at, imported.headers, imported.delimiter)
        doubtful = self._doubtful(imported)
        async for group in _groups(rows, source, imported.at.offset):
            if is_check:
                if ids is not None:
                    remember(ids, group)
                outcomes = await self._rows.check(actor, imported, group)
            else:
                outcomes = await self._rows.write(actor, imported, group, doubtful)
            faulty = [
                faulty_row(row, outcome, keep=not is_check)
                for row, outcome in zip(group, outcomes, strict=True)
                if isinstance(outcome, list) and outcome
            ]
            good = [outcome for outcome in outcomes if isinstance(outcome, str)]
            yield Step(group[-1].after, len(group), good, faulty, rows.columns)

    def _doubtful(self, imported: Import) -> int:
        """The number of the last row of which it is not known whether it was written before.

        Of what was written after the last checkpoint, the answers tell; they are kept for a day.
        """
        is_old = self._clock() * 1000 - imported.updated_at > (KEPT - 3600) * 1000
        return imported.at.rows + CHECKPOINT + AT_ONCE if is_old else 0

    async def _check_open(self, imported: Import) -> None:
        """Raise Problem (FORBIDDEN) if the importing user would not be let in any more, or only to read."""
        if await self._store.resellers.is_suspended(imported.account_id):
            raise Problem(Code.FORBIDDEN, RESELLER_SUSPENDED)
        if imported.source == "console":
            user = await self._store.users.get(imported.user)
            if not user or user.disabled_at is not None or user.role == "reader":
                raise Problem(Code.FORBIDDEN, f"The user {imported.user} may not import any more.")

    async def _save(self, now: Import, before: Import, faulty: Sequence[FaultyRow]) -> Import:
        """Write down how far it has come. Raises Lost."""
        now = structs.replace(now, updated_at=self._now())
        if now.state in ("checking", "checked"):
            faulty = faulty[: max(0, LISTED - before.faulty)]
        if not await self._store.imports.update(now, before, faulty, until=now.updated_at + HELD):
            raise LeaseLost
        return now

    @asynccontextmanager
    async def _holding(self, held: Import) -> AsyncIterator[None]:
        """Keep others from it, however long a row takes."""

        async def again() -> None:
            while True:
                await asyncio.sleep(HELD / 4000)
                now = self._now()
                with suppress(Problem):  # who cannot be reached cannot give it to others
                    await self._store.imports.lease(held.id, held.holder, now, now + HELD)

        task = asyncio.create_task(again())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _advanced(now: Import, step: Step) -> Import:
    """An import that has come further by a step."""
    if now.state == "checking":
        return structs.replace(now, at=step.at, total=step.at.rows, faulty=now.faulty + len(step.faulty))
    return structs.replace(
        now,
        at=step.at,
        created=now.created + step.outcomes.count("created"),
        changed=now.changed + step.outcomes.count("changed"),
        unchanged=now.unchanged + step.outcomes.count("unchanged"),
        rejected=now.rejected + len(step.faulty),
    )


def with_columns(now: Import, columns: Columns) -> Import:
    """An import of which it is known what columns its file has."""
    notes = now.notes or tuple(columns.notes)
    return structs.replace(now, headers=columns.headers, delimiter=columns.delimiter, notes=notes)


async def _groups(rows: RowReader[Row], source: Source, position: int) -> AsyncIterator[list[Row]]:
    """The rows from a byte on, some at a time, so that others get their turn in between."""
    group: list[Row] = []
    async for data, last in _with_end(source(position)):
        for at in range(0, len(data) or 1, PIECE):
            for row in rows.read(data[at : at + PIECE], last=last and at + PIECE >= len(data)):
                group.append(row)
                if len(group) == AT_ONCE:
                    yield group
                    group = []
            await asyncio.sleep(0)
    if group:
        yield group


async def _with_end(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """The parts, and whether they have come to their end."""
    async for part in parts:
        yield part, False
    yield b"", True
