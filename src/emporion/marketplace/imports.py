"""Imports: customers from files, which are checked, then written, and carried on by others after a crash."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import structs

from emporion import accounts
from emporion.accounts import Customer, NewCustomer, account_number
from emporion.emails import fold_email
from emporion.errors import Code, Fault, Problem, not_found
from emporion.marketplace.actors import Actor, check_reach
from emporion.marketplace.doubles import notes_on, remember
from emporion.marketplace.patches import patched
from emporion.marketplace.repeats import KEPT
from emporion.marketplace.tokens import SHUT
from emporion.spreadsheets import (
    Columns,
    CsvRows,
    Format,
    JsonRows,
    Place,
    Row,
    path_of,
    reader,
    rejected_header,
    rejected_row,
)
from emporion.store.external_ids import ExternalIds
from emporion.store.idempotency import Once
from emporion.store.imports import LONGEST_ARRIVAL, OVER, FaultyRow, Import
from emporion.store.records import Filter, Record
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.administrators import Administrators
    from emporion.marketplace.customers import Customers
    from emporion.store.base import Store

# How many rows are at the database together, so that they share its transactions.
AT_ONCE = 64
# After so many rows, of 200 µs each, the event loop turns to others.
WITHOUT_PAUSE = 8
# Rows, and seconds, after which it is written down how far an import has come. Done again are those rows at most.
CHECKPOINT, INTERVAL = 512, 2.0
# Faulty rows that are kept at most, to be given back.
MOST_REFUSED = 20_000
# Seconds after which another import has its turn, and bytes that are read before other work has its.
TURN, PIECE = 5.0, 16 << 10
# Of the faulty rows that a check finds, so many are kept; all are counted.
LISTED = 1000
# Bytes of a part of the content, and of all of it.
PART, LARGEST = 256 << 10, 64 << 20
# Milliseconds for which an import belongs to a process that says nothing.
HELD = 15_000
# Seconds for which imports are kept, and how many are forgotten in one go.
REMEMBERED, FORGOTTEN_AT_ONCE = 30 * 86_400, 20
# How many imports are listed, and how many of one reseller may have their content here.
SHOWN, MOST_STORED = 100, 10
# Rows with passwords are few at a time: their digests take long, and others wait for theirs.
PASSWORDS_AT_ONCE = 4
# How often a row is tried again that others were in the way of, and the seconds in between.
ATTEMPTS, PAUSE = 100, 0.2
# How many rejected rows are read at a time.
PAGE = 50
FAILED = "It failed on our side; the log has the reason."

# Gives the content of a file from a byte on.
Source = Callable[[int], AsyncIterator[bytes]]
Outcome = Literal["created", "changed", "unchanged"]

decode = msgspec.json.Decoder(Customer).decode


class Step(NamedTuple):
    """What became of some rows. at: the place after them. columns: of CSV."""

    at: Place
    rows: int
    outcomes: Sequence[Outcome]
    faulty: Sequence[FaultyRow]
    columns: Columns | None


class Imports:
    """The imports into all resellers, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(
        self, store: Store, customers: Customers, administrators: Administrators, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._customers = customers
        self._administrators = administrators
        self._clock = clock
        self._passwords = asyncio.Semaphore(PASSWORDS_AT_ONCE)

    async def start(
        self,
        actor: Actor,
        reseller_id: int,
        file_name: str,
        format: Format,  # noqa: A002 - as people call it
        parts: AsyncIterator[bytes],
    ) -> Import:
        """A new import of the content that comes in `parts`, which will be checked by itself, then waits for `confirm`.

        Raises Problem (NOT_FOUND) if the actor does not reach the reseller, (TOO_LARGE) beyond `LARGEST` bytes,
        (CONFLICT) if too many imports of the reseller wait, and Refused (FORBIDDEN) for a reader.
        """
        coming = structs.replace(await self.draft(actor, reseller_id, file_name, format), state="arriving", stored=True)
        if not await self._store.imports.add(coming, 0, most=MOST_STORED):
            raise Problem(Code.CONFLICT, f"{MOST_STORED} imports wait already; confirm or cancel some of them first.")
        try:
            size, digest = await self._store_parts(coming, parts)
            arrived = structs.replace(coming, state="checking", size=size, digest=digest)
            if not await self._store.imports.update(arrived, coming):
                raise _cancelled()
        except BaseException:
            with suppress(Problem):
                await self._store.imports.update(structs.replace(coming, state="cancelled"), coming)
            raise
        return arrived

    async def get(self, actor: Actor, import_id: str) -> Import:
        """The import. Raises Problem (NOT_FOUND) if the actor reaches no such one, Refused (FORBIDDEN) for a reader."""
        actor.must_be("editor")
        imported = await self._store.imports.get(import_id)
        if not imported or not await self._store.resellers.is_within(imported.reseller_id, actor.account_id):
            raise not_found("there is no such import")
        return imported

    async def of(self, actor: Actor) -> list[Import]:
        """The last imports of the actor's account and of all below it, newest first.

        The user of an account that the actor does not reach is "": who acts from above is told to nobody below.
        """
        actor.must_be("editor")
        found = await self._store.imports.latest(actor.account_id, SHOWN)
        senders = {one.account_id for one in found}
        reached = {sender for sender in senders if await self._store.resellers.is_within(sender, actor.account_id)}
        return [one if one.account_id in reached else structs.replace(one, user="") for one in found]

    async def faults(self, actor: Actor, import_id: str) -> list[FaultyRow]:
        """The first `LISTED` faulty rows, as far as the import has come; without what they are."""
        imported = await self.get(actor, import_id)
        found: list[FaultyRow] = []
        while len(found) < LISTED:
            page = await self._store.imports.faulty_rows(imported, found[-1].number if found else 0, PAGE)
            if not page:
                break
            found += [structs.replace(row, kept=None) for row in page]
        return found[:LISTED]

    async def confirm(self, actor: Actor, import_id: str) -> Import:
        """Let a checked import write.

        Raises Problem (CONFLICT) if it is not checked, or not any more, and if too many rows are faulty.
        """
        checked = await self.get(actor, import_id)
        running = structs.replace(
            checked,
            state="running",
            account_id=actor.account_id,
            user=actor.user,
            source=actor.source,
            role=actor.role,
            address=actor.address,
            at=Place(),
            holder="",
            updated_at=self._now(),
            let_in=True,
        )
        if checked.state == "checked" and checked.faulty > MOST_REFUSED:
            message = (
                f"{checked.faulty:,} rows are faulty, too many to give back; correct the file, then send it again."
            )
            raise Problem(Code.CONFLICT, message)
        if checked.state != "checked" or not await self._store.imports.update(running, checked, anew=True, until=0):
            raise Problem(Code.CONFLICT, f"The import is {checked.state}, so it cannot be confirmed now.")
        return running

    async def cancel(self, actor: Actor, import_id: str) -> Import:
        """End an import; what it has written stays. Raises Problem (CONFLICT) if it is over already."""
        while True:
            imported = await self.get(actor, import_id)
            if imported.state in OVER:
                raise Problem(Code.CONFLICT, f"The import is {imported.state} already.")
            cancelled = structs.replace(imported, state="cancelled", updated_at=self._now())
            if await self._store.imports.update(cancelled, imported):
                return cancelled

    async def rejected(self, actor: Actor, import_id: str) -> AsyncIterator[bytes]:
        """The rows that were refused as a file of the same format: its columns as sent, and one that says why."""
        async for part in self.refused_rows(await self.get(actor, import_id)):
            yield part

    async def refused_rows(self, imported: Import) -> AsyncIterator[bytes]:
        """The same, of an import that is known to be the actor's."""
        yield rejected_header(imported.format, imported.headers, imported.delimiter)
        after = 0
        while page := await self._store.imports.faulty_rows(imported, after, PAGE):
            after = page[-1].number
            yield b"".join(
                rejected_row(imported.format, imported.headers, imported.delimiter, row.kept, row.faults)
                for row in page
                if row.kept is not None
            )

    async def forget(self) -> None:
        """Remove some of the imports that are remembered no longer. Raises Problem (UNAVAILABLE)."""
        await self._store.imports.purge(int((self._clock() - REMEMBERED) * 1000), FORGOTTEN_AT_ONCE)

    async def end_arrivals(self) -> None:
        """Cancel some of the imports whose content never came, and remove what there is of it.

        Whoever took it in has died, or could not cancel it himself. Raises Problem (UNAVAILABLE).
        """
        now = self._now()
        for one in await self._store.imports.arriving(now - LONGEST_ARRIVAL, FORGOTTEN_AT_ONCE):
            await self._store.imports.update(structs.replace(one, state="cancelled", updated_at=now), one)

    # For whoever does the work

    async def draft(
        self,
        actor: Actor,
        reseller_id: int,
        file_name: str,
        format: Format,  # noqa: A002
        size: int = 0,
        digest: bytes = b"",
    ) -> Import:
        """An import that is to be checked and is not kept yet. Raises Problem as `start` does."""
        actor.must_be("editor")
        await check_reach(self._store.resellers, actor, reseller_id)
        newest = msgspec.json.decode(
            (await self._store.customers.page(reseller_id, Filter(), 0, 1, whole=False)).data, type=list[dict[str, str]]
        )
        now = self._now()
        return Import(
            id=secrets.token_hex(8),
            reseller_id=reseller_id,
            account_id=actor.account_id,
            user=actor.user,
            source=actor.source,
            role=actor.role,
            file_name=file_name.replace("\\", "/").rpartition("/")[2][-255:],
            format=format,
            state="checking",
            stored=False,
            created_at=now,
            address=actor.address,
            size=size,
            digest=digest,
            newest=int(newest[0]["id"]) if newest else 0,
            updated_at=now,
        )

    async def unfinished(self, like: Import) -> Import | None:
        """One of the same content, into the same reseller, that was cut short and whose content is not here."""
        for one in await self._store.imports.latest(like.reseller_id, 10 * SHOWN):
            same = (one.reseller_id, one.format, one.digest) == (like.reseller_id, like.format, like.digest)
            if same and one.state == "running" and not one.stored:
                return one
        return None

    async def begin(self, draft: Import, holder: str) -> Import:
        """Keep a draft as an import that writes, whose content is not here."""
        running = structs.replace(draft, state="running", holder=holder, at=Place(), total=0, faulty=0, let_in=True)
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

    async def work(self, holder: str) -> bool:
        """Do the import that has waited longest, for a turn; whether there was one.

        Raises Problem (UNAVAILABLE); then it is gone on with later, by whoever comes first.
        """
        waiting = await self._store.imports.next_job(holder, self._now())
        held = await self.hold(waiting, holder) if waiting else None
        if not held:
            return False
        try:
            until = time.monotonic() + TURN
            done = await self.carry_on(held, lambda position: self._content(held, position), until=until)
            if done.state == held.state:  # those that wait longer have their turn now
                await self._store.imports.lease(held.id, holder, 0, self._now())
        except (Problem, Lost) as stopped:
            if isinstance(stopped, Problem):
                raise
        except Exception:
            # It would fail again and again, and those after it would never have their turn.
            now = await self._store.imports.get(held.id)
            if now:
                await self._store.imports.update(structs.replace(now, state="refused", refusal=FAILED), now)
            raise
        return True

    async def carry_on(
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
                done = await self._carried_on(held, source, ids, tell, until)
        tell(done)
        return done

    async def _carried_on(
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
                done = await self.checked(now, source, ids, held.at.position)
            else:
                done = structs.replace(now, state="done")
        except Problem as problem:
            if problem.code is Code.UNAVAILABLE:
                raise
            done = structs.replace(now, state="refused", refusal=problem.message)
        return await self._save(done, saved, faulty)

    async def checked(self, now: Import, source: Source, ids: ExternalIds, since: int = 0) -> Import:
        """An import whose rows were all checked, with notes on the external ids that several rows have.

        ids: those of the rows from byte `since` on. Raises Problem (INVALID) if for their sake no row may be written.
        """
        if since:  # the others were checked in another turn, perhaps by another process
            async for group in _groups(reader(now.format), source, 0):
                remember(ids, group)
        column = next((header for header in now.headers if path_of(header) == "externalId"), "externalId")
        return structs.replace(now, state="checked", notes=(*now.notes, *await notes_on(ids, column)))

    async def steps(self, imported: Import, source: Source, ids: ExternalIds | None = None) -> AsyncIterator[Step]:
        """Check the rows or write them, by the state of an import, from where it is.

        ids: gets their external ids. Raises Problem (INVALID) for a file of which nothing can be taken.
        """
        actor = Actor(imported.account_id, imported.user, imported.source, imported.role, imported.id, imported.address)
        rows = reader(imported.format)
        if imported.at.position:
            rows.go_on(imported.at, Columns(imported.headers, imported.delimiter) if imported.headers else None)
        doubtful = self._doubtful(imported)

        async def step(group: Sequence[Row]) -> Step:
            found = await self._found(imported, group)
            outcomes: Iterable[Outcome | list[Fault]]
            if imported.state == "checking":
                outcomes = [self._faults(actor, row, found.get(row.line)) async for row in _with_pauses(group)]
            else:
                outcomes = await self._write(actor, imported, group, found, doubtful)
            faulty = [
                _faulty(row, outcome, keep=imported.state != "checking")
                for row, outcome in zip(group, outcomes, strict=True)
                if isinstance(outcome, list) and outcome
            ]
            good = [outcome for outcome in outcomes if isinstance(outcome, str)]
            return Step(group[-1].after, len(group), good, faulty, rows.columns)

        async for group in _groups(rows, source, imported.at.position):
            if imported.state == "checking" and ids is not None:
                remember(ids, group)
            yield await step(group)

    def _doubtful(self, imported: Import) -> int:
        """The number of the last row of which nobody knows whether it was written before.

        Of what was written after the last checkpoint, the answers tell; they are kept for a day.
        """
        is_old = self._clock() * 1000 - imported.updated_at > (KEPT - 3600) * 1000
        return imported.at.rows + CHECKPOINT + AT_ONCE if is_old else 0

    async def _found(self, imported: Import, group: Sequence[Row]) -> dict[int, Record]:
        """The customers that there are already, by the lines of their rows."""
        wanted = sorted({row.external_id for row in group if row.external_id is not None and not row.faults})
        holders = await self._store.customers.by_external_ids(imported.reseller_id, wanted) if wanted else {}
        found = {}
        for row in group:
            if row.external_id is not None:
                record = holders.get(row.external_id)
            else:
                record = await self._exported(imported, row)
            if record:
                found[row.line] = record
        return found

    async def _exported(self, imported: Import, row: Row) -> Record | None:
        """The customer that a row without an external id was exported from.

        It was there before the import began, is of this reseller, and has the same name or an address in common: the
        same id on another platform is somebody else's.
        """
        id_, reseller_id = row.exported
        number = account_number(id_) if id_ else None
        if number is None or number > imported.newest or reseller_id not in (None, str(imported.reseller_id)):
            return None
        record = await self._store.customers.get(imported.reseller_id, number)
        if record is None:
            return None
        customer, new = decode(record.document), row.new()
        persons = new.get("contactPersons")
        sent = [str(person.get("email")) for person in persons or () if isinstance(person, dict)]
        known = {fold_email(person.email) for person in customer.contact_persons}
        same = new.get("name") == customer.name or not known.isdisjoint(map(fold_email, sent))
        return record if same else None

    def _faults(self, actor: Actor, row: Row, found: Record | None) -> list[Fault]:
        """What is wrong with a row, without writing it."""
        if row.faults:
            return row.faults
        try:
            if found is None:
                wanted, faults = read(NewCustomer, row.new())
                self._administrators.check(wanted, faults)
            else:
                patch = _patch(row, found)
                if patch is None:
                    return []
                before = decode(found.document)
                wanted, status, faults = patched(before, patch, NewCustomer)
                self._administrators.check(wanted, faults)
                accounts.check_status_change(before.status, status or before.status, operator=actor.is_operator)
        except Problem as problem:
            return _named(row, problem)
        return []

    async def _write(
        self, actor: Actor, imported: Import, group: Sequence[Row], found: dict[int, Record], doubtful: int
    ) -> list[Outcome | list[Fault]]:
        """What becomes of each row; those with the same external id are written one after the other."""
        lanes: dict[str | int, list[Row]] = {}
        for row in group:
            lanes.setdefault(row.line if row.external_id is None else row.external_id, []).append(row)

        async def lane(number: int, rows: Sequence[Row]) -> list[tuple[int, Outcome | list[Fault]]]:
            for _ in range(number // WITHOUT_PAUSE):
                await asyncio.sleep(0)
            written: list[tuple[int, Outcome | list[Fault]]] = []
            for row in rows:
                if row is not rows[0]:
                    found.update(await self._found(imported, [row]))
                if row.external_id is None and row.line not in found and row.after.rows <= doubtful:
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
        """Create or change the customer of a row; what became of it, or why it was refused."""
        if row.faults:
            return row.faults
        for attempt in range(ATTEMPTS):
            try:
                if row.passwords:
                    async with self._passwords:
                        return await self._create_or_change(actor, imported, row, found)
                return await self._create_or_change(actor, imported, row, found)
            except Problem as problem:
                if problem.code is Code.LIMITED and attempt < ATTEMPTS - 1:
                    await asyncio.sleep(PAUSE)
                    continue
                if problem.code not in (Code.INVALID, Code.CONFLICT):
                    raise
                before, found = found, (await self._found(imported, [row])).get(row.line)
                if found is None or before is not None:
                    return _named(row, problem)
                # Somebody else has created it in between.
        raise AssertionError

    async def _create_or_change(self, actor: Actor, imported: Import, row: Row, found: Record | None) -> Outcome:
        if found is None:
            once = self._once(imported, row) if row.external_id is None else None
            record = await self._customers.create(actor, row.new(), imported.reseller_id, once)
            return "unchanged" if record.replayed else "created"
        patch = _patch(row, found)
        if patch is None:
            return "unchanged"
        persons = range(len(decode(found.document).contact_persons)) if row.in_order else None
        stays = None if persons is None else {position: position for position in persons}
        record = await self._customers.update(actor, str(found.id), patch, stays=stays)
        return "unchanged" if record.version == found.version else "changed"

    def _once(self, imported: Import, row: Row) -> Once:
        """What makes a row without an external id be created once, however often its file is sent within a day."""
        parts = ("import", str(imported.reseller_id), imported.digest.hex(), str(row.line))
        key = hashlib.sha256("\0".join(parts).encode())
        return Once(key.hexdigest(), key.digest(), int((self._clock() - KEPT) * 1000))

    async def _check_open(self, imported: Import) -> None:
        """Raise Problem (FORBIDDEN) if whoever imports would not get in any more, or no more than read."""
        if await self._store.resellers.is_suspended(imported.account_id):
            raise Problem(Code.FORBIDDEN, SHUT)
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
            raise Lost
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

    async def _store_parts(self, to: Import, parts: AsyncIterator[bytes]) -> tuple[int, bytes]:
        """Keep the content; its size and digest. Raises Problem (CONFLICT) once the import was cancelled."""
        digest, size, number = hashlib.sha256(), 0, 0
        rest = bytearray()
        async for data in parts:
            size += len(data)
            if size > LARGEST:
                raise too_large(LARGEST)
            digest.update(data)
            rest += data
            while len(rest) >= PART:
                if not await self._store.imports.add_part(to, number, bytes(rest[:PART])):
                    raise _cancelled()
                del rest[:PART]
                number += 1
        if rest and not await self._store.imports.add_part(to, number, bytes(rest)):
            raise _cancelled()
        return size, digest.digest()

    async def _content(self, of: Import, position: int) -> AsyncIterator[bytes]:
        """The content from a byte on. Raises Lost if it is gone: the import is over then."""
        while position < of.size:
            number, skip = divmod(position, PART)
            part = await self._store.imports.part(of, number)
            if part is None:
                raise Lost
            yield part[skip:]
            position += len(part) - skip

    def _now(self) -> int:
        return int(self._clock() * 1000)


def too_large(most: int) -> Problem:
    """For a file with more bytes than that."""
    return Problem(Code.TOO_LARGE, f"The file is larger than {most >> 20} MiB; split it, or use emporion import.")


def _cancelled() -> Problem:
    return Problem(Code.CONFLICT, "The import was cancelled.")


class Lost(Exception):
    """An import that was cancelled, or that another process has taken over."""


_DOUBT = Fault(
    "", "may have been created when the import was cut short, more than a day ago; look for it before you send it again"
)


def _patch(row: Row, found: Record) -> dict[str, Any] | None:
    """The change that a row asks for, None if the customer is as it says."""
    before = msgspec.json.decode(found.document)
    patch = row.patch(before)
    # It was verified since the row was written.
    if patch.get("status") == "pending" and before["status"] == "active":
        del patch["status"]
    return None if accounts.merge(before, patch) == before else patch


def _named(row: Row, problem: Problem) -> list[Fault]:
    """The faults of a row by the names of its file."""
    if not problem.faults:
        return [Fault("", problem.message)]
    return [Fault(row.named(fault.field), fault.message) for fault in problem.faults]


def _faulty(row: Row, faults: list[Fault], *, keep: bool) -> FaultyRow:
    if not keep:
        return FaultyRow(row.after.rows, row.line, faults)
    hidden = [Fault(row.named(path), "is not kept here; enter it again") for path in row.passwords]
    return FaultyRow(row.after.rows, row.line, [*faults, *hidden], row.kept)


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


async def _groups(rows: CsvRows | JsonRows, source: Source, position: int) -> AsyncIterator[list[Row]]:
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


async def _with_pauses(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """The rows, so that others get their turn in between."""
    for number, row in enumerate(rows):
        if not number % WITHOUT_PAUSE:
            await asyncio.sleep(0)
        yield row


async def _with_end(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """The parts, and whether they have come to their end."""
    async for part in parts:
        yield part, False
    yield b"", True
