"""Imports: files of customers, how far each has come, and their faulty rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct, structs

from emporion.credentials import Role
from emporion.errors import Fault
from emporion.events import Source
from emporion.files.rows import Format, Position
from emporion.store import rows
from emporion.store.database import execute, execute_many, fetch, fetch_row
from emporion.store.events import lock_reseller
from emporion.store.statements import BELOW

if TYPE_CHECKING:
    from emporion.store.database import Database, Write

ImportState = Literal["arriving", "checking", "checked", "running", "done", "refused", "cancelled"]
# Of an import of which nothing more will become.
FINISHED: frozenset[ImportState] = frozenset({"done", "refused", "cancelled"})
# Milliseconds within which the content of an import has arrived: until then it is a file on this machine.
LONGEST_ARRIVAL = 600_000
# Milliseconds for which a process has an import at most, with what clocks of several nodes may differ.
LONGEST_HOLD = 60_000
# Later than any time.
NEVER = 2**62

_SELECT = "SELECT document, state, holder FROM imports i"
_BY_ID = f"{_SELECT} WHERE i.id = ?"
_LATEST = f"{BELOW} {_SELECT} JOIN below b ON i.reseller_id = b.id ORDER BY i.created_at DESC, i.id LIMIT ?"
_ARRIVING = f"{_SELECT} WHERE state = 'arriving' AND created_at < ? ORDER BY created_at, id LIMIT ?"
_NEXT = """
    SELECT id FROM imports WHERE stored AND state IN ('checking', 'running')
        AND (held_until < ? OR held_until > ? OR holder = ?)
    ORDER BY held_until, created_at LIMIT 1
"""
_PART = "SELECT content FROM import_parts WHERE reseller_id = ? AND import_id = ? AND number = ?"
_FAULTY_ROWS = """
    SELECT number, line, faults, kept FROM import_faults
    WHERE reseller_id = ? AND import_id = ? AND number > ? ORDER BY number LIMIT ?
"""
_ADD = """
    INSERT INTO imports (id, reseller_id, state, stored, holder, held_until, created_at, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_COUNT_UNFINISHED = f"""
    SELECT count(*) FROM imports WHERE reseller_id = ? AND stored
        AND state NOT IN ({", ".join(f"'{state}'" for state in sorted(FINISHED))})
        AND (state <> 'arriving' OR created_at >= ?)
"""  # noqa: S608 - put together from what stands here
_LOCK_ARRIVING = "SELECT 1 FROM imports WHERE id = ? AND reseller_id = ? AND state = 'arriving' {for_update}"
_ADD_PART = "INSERT INTO import_parts (reseller_id, import_id, number, content) VALUES (?, ?, ?, ?)"
_LEASE = """
    UPDATE imports SET holder = ?, held_until = ?
    WHERE id = ? AND state IN ('checking', 'running') AND (held_until < ? OR held_until > ? OR holder = ?)
    RETURNING 1
"""
_UPDATE = """
    UPDATE imports SET state = ?, holder = ?, held_until = coalesce(?, held_until), document = ?
    WHERE id = ? AND state = ? AND holder = ? RETURNING 1
"""
_ADD_FAULTY = """
    INSERT INTO import_faults (reseller_id, import_id, number, line, faults, kept) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (reseller_id, import_id, number) DO UPDATE SET
        line = excluded.line, faults = excluded.faults, kept = excluded.kept
"""
_DROP_FAULTY = "DELETE FROM import_faults WHERE reseller_id = ? AND import_id = ?"
_DROP_PARTS = "DELETE FROM import_parts WHERE reseller_id = ? AND import_id = ?"
_OLD = "SELECT reseller_id, id FROM imports WHERE created_at < ? ORDER BY created_at LIMIT ? {skip_locked}"

_faults = msgspec.json.Decoder(list[Fault]).decode


class Import(Struct, frozen=True):
    """An import of customers from a file into a reseller, and how far it has come.

    account_id, user, source, role, address: who lets it in, as in an Actor. stored: its content is kept here, until it
    is over. size, digest: of the content, in bytes, and its SHA-256. state: it arrives, is checked, waits for a person,
    writes, and is done; or is refused as a whole (`refusal` says why), or cancelled. at: how far the present state has
    come. total, faulty: rows, and those with faults, by the check. created, changed, unchanged, rejected: what became
    of the rows. headers, delimiter: of CSV. notes: what its sender should know. newest: the highest id of a
    customer when it began. holder: the process that is at it. let_in: it was.
    """

    id: str
    reseller_id: int
    account_id: int
    user: str
    source: Source
    role: Role
    file_name: str
    format: Format
    state: ImportState
    stored: bool
    created_at: int
    address: str | None = None
    size: int = 0
    digest: bytes = b""
    at: Position = Position()
    total: int = 0
    faulty: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    headers: tuple[str, ...] = ()
    delimiter: str = ","
    notes: tuple[str, ...] = ()
    refusal: str | None = None
    newest: int = 0
    holder: str = ""
    updated_at: int = 0
    let_in: bool = False

    @property
    def may_have_written(self) -> bool:
        """Whether rows may be written, of which the last ones may not be counted yet."""
        # An older program has not kept whether it let one in.
        return self.let_in or self.state in ("running", "done") or self.created + self.changed > 0


class FaultyRow(Struct, frozen=True):
    """A row of an import that is faulty or was refused. number, line: from 1. kept: as `files.rows.Row.redacted`."""

    number: int
    line: int
    faults: Sequence[Fault]
    kept: bytes | None = None


_import = msgspec.json.Decoder(Import).decode


class ImportStore:
    """Imports, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, import_id: str) -> Import | None:
        """The import with this id."""
        row = await self._database.row(_BY_ID, import_id)
        return _leased(*row) if row else None

    async def latest(self, root_id: int, limit: int) -> list[Import]:
        """The last imports of the reseller `root_id` and of all below it, newest first (by created_at, then id)."""
        return [_leased(*row) for row in await self._database.long_rows(root_id, _LATEST, root_id, limit)]

    async def arriving(self, before: int, limit: int) -> list[Import]:
        """Up to `limit` imports of the whole platform that are still to arrive, began before `before`; oldest first."""
        return [_leased(*row) for row in await self._database.long_rows(0, _ARRIVING, before, limit)]

    async def next_job(self, holder: str, now: int) -> str | None:
        """The id of an import of the whole platform that is stored, not over and not waiting for a person, and that
        only `holder` has, if any process has it at `now`: the one whose last lease ended first, then the oldest.
        """
        row = await self._database.row(_NEXT, now, _too_late(now), holder)
        return row[0] if row else None

    async def add(self, new: Import, until: int, most: int | None = None) -> bool:
        """Keep an import, which its holder has until `until`; whether it was.

        most: how many of its reseller, of those whose content is here and that are not over, there may be then; one
        that is still to arrive after LONGEST_ARRIVAL counts no more.
        """
        return await self._database.write(_add, new, until, most)

    async def add_part(self, to: Import, number: int, content: bytes) -> bool:
        """Keep a part of the content of an import if it is still to arrive; whether it was. Numbers are 0, 1, 2…"""
        return await self._database.write(_add_part, to, number, content)

    async def part(self, of: Import, number: int) -> bytes | None:
        """A part of its content."""
        row = await self._database.row(_PART, of.reseller_id, of.id, number)
        return row[0] if row else None

    async def lease(self, import_id: str, holder: str, now: int, until: int) -> bool:
        """Let `holder` have an import until `until`, unless another one has it at `now`; whether it has it.

        All times are milliseconds since 1970. No process has it until a time that is more than LONGEST_HOLD after
        `now`: that is of a clock which was ahead. now: 0 if no other process is to lose it.
        """
        leased = await self._database.write(fetch_row, _LEASE, holder, until, import_id, now, _too_late(now), holder)
        return leased is not None

    async def update(
        self,
        changed: Import,
        before: Import,
        faulty: Sequence[FaultyRow] = (),
        *,
        anew: bool = False,
        until: int | None = None,
    ) -> bool:
        """Put an import into its new state if it still has the state and the holder of `before`; whether it was.

        faulty: rows to be kept, besides those that are or, with `anew`, in their place. until: how long its holder has
        it from now on. The content of one that is over goes.
        """
        return await self._database.write(_update, changed, before, faulty, anew=anew, until=until)

    async def faulty_rows(self, of: Import, after: int, limit: int) -> list[FaultyRow]:
        """Up to `limit` of its faulty rows with a number above `after`, in order."""
        found = await self._database.long_rows(of.reseller_id, _FAULTY_ROWS, of.reseller_id, of.id, after, limit)
        return [FaultyRow(number, line, _faults(faults), kept) for number, line, faults, kept in found]

    async def purge(self, before: int, limit: int) -> int:
        """Remove up to `limit` imports, with all that belongs to them, that began before `before`; how many."""
        return await self._database.write(_purge, before, limit)


def _add(new: Import, until: int, most: int | None) -> Write[bool]:
    if most is not None:
        yield from lock_reseller(new.reseller_id)  # of two that come together, the later one sees the earlier
        row = yield from fetch_row(_COUNT_UNFINISHED, new.reseller_id, new.created_at - LONGEST_ARRIVAL)
        if row and row[0] >= most:
            return False
    values = (new.id, new.reseller_id, new.state, new.stored, new.holder, until, new.created_at, rows.encode(new))
    yield from execute(_ADD, *values)
    return True


def _add_part(to: Import, number: int, content: bytes) -> Write[bool]:
    # A write that ends the import meanwhile waits for the part, and then removes it with the others.
    if not (yield from fetch_row(_LOCK_ARRIVING, to.id, to.reseller_id)):
        return False
    yield from execute(_ADD_PART, to.reseller_id, to.id, number, content)
    return True


def _update(
    changed: Import, before: Import, faulty: Sequence[FaultyRow], *, anew: bool, until: int | None
) -> Write[bool]:
    state = (changed.state, changed.holder, until, rows.encode(changed))
    if not (yield from fetch_row(_UPDATE, *state, changed.id, before.state, before.holder)):
        return False
    which = (changed.reseller_id, changed.id)
    if anew:
        yield from execute(_DROP_FAULTY, *which)
    yield from execute_many(
        _ADD_FAULTY, [(*which, row.number, row.line, rows.encode(row.faults).decode(), row.kept) for row in faulty]
    )
    if changed.state in FINISHED:
        yield from execute(_DROP_PARTS, *which)
    return True


def _purge(before: int, limit: int) -> Write[int]:
    old = yield from fetch(_OLD, before, limit)
    for sql in (_DROP_PARTS, _DROP_FAULTY, "DELETE FROM imports WHERE reseller_id = ? AND id = ?"):
        yield from execute_many(sql, old)
    return len(old)


def _too_late(now: int) -> int:
    """The time after which no lease lasts that is still good at `now`; `now` is 0 where no process is to lose its."""
    return now + LONGEST_HOLD if now else NEVER


def _leased(document: bytes, state: ImportState, holder: str) -> Import:
    """An import of which a process may have got hold since its document was written."""
    return structs.replace(_import(document), state=state, holder=holder)
