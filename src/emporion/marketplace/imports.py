"""Imports: files that are sent, checked, confirmed or cancelled, and what became of their rows."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import structs

from emporion.errors import Code, Problem, not_found
from emporion.files.rejected_rows import rejected_header, rejected_row
from emporion.files.rows import Format, Position
from emporion.marketplace.actors import Actor, check_reach
from emporion.marketplace.import_content import cancelled, store_content
from emporion.store.imports import FINISHED, LONGEST_ARRIVAL, FaultyRow, Import

if TYPE_CHECKING:
    from emporion.marketplace.import_rows import RowImporter
    from emporion.store.base import Store

# Faulty rows that are kept at most, to be given back.
MOST_REFUSED = 20_000
# Of the faulty rows that a check finds, so many are kept; all are counted.
LISTED = 1000
# Seconds for which imports are kept, and how many are forgotten in one go.
REMEMBERED, FORGOTTEN_AT_ONCE = 30 * 86_400, 20
# How many imports are listed, and how many of one reseller may have their content here.
SHOWN, MOST_STORED = 100, 10
# How many rejected rows are read at a time.
FAULTS_PAGE = 50


class Imports:
    """The imports into all resellers, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(self, store: Store, rows: RowImporter[Any], clock: Callable[[], float]) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

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
        (CONFLICT) if too many imports of the reseller wait, and AccessDenied (FORBIDDEN) for a reader.
        """
        coming = structs.replace(await self.draft(actor, reseller_id, file_name, format), state="arriving", stored=True)
        if not await self._store.imports.add(coming, 0, most=MOST_STORED):
            raise Problem(Code.CONFLICT, f"{MOST_STORED} imports wait already; confirm or cancel some of them first.")
        try:
            size, digest = await store_content(self._store, coming, parts)
            arrived = structs.replace(coming, state="checking", size=size, digest=digest)
            if not await self._store.imports.update(arrived, coming):
                raise cancelled()
        except BaseException:
            with suppress(Problem):
                await self._store.imports.update(structs.replace(coming, state="cancelled"), coming)
            raise
        return arrived

    async def get(self, actor: Actor, import_id: str) -> Import:
        """The import. Raises Problem (NOT_FOUND) if the actor reaches none, AccessDenied (FORBIDDEN) for a reader."""
        actor.must_be("editor")
        imported = await self._store.imports.get(import_id)
        if not imported or not await self._store.resellers.is_within(imported.reseller_id, actor.account_id):
            raise not_found("there is no such import")
        return imported

    async def of(self, actor: Actor) -> list[Import]:
        """The last imports of the actor's account and of all below it, newest first.

        The user of an account that the actor does not reach is "": who acts from above is not told below.
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
            page = await self._store.imports.faulty_rows(imported, found[-1].number if found else 0, FAULTS_PAGE)
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
            at=Position(),
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
            if imported.state in FINISHED:
                raise Problem(Code.CONFLICT, f"The import is {imported.state} already.")
            now = structs.replace(imported, state="cancelled", updated_at=self._now())
            if await self._store.imports.update(now, imported):
                return now

    async def rejected(self, actor: Actor, import_id: str) -> AsyncIterator[bytes]:
        """The rows that were refused as a file of the same format: its columns as sent, and one that says why."""
        async for part in self.refused_rows(await self.get(actor, import_id)):
            yield part

    async def refused_rows(self, imported: Import) -> AsyncIterator[bytes]:
        """The rows that `rejected` gives, of an import that is known to be the actor's."""
        yield rejected_header(imported.format, imported.headers, imported.delimiter)
        after = 0
        while page := await self._store.imports.faulty_rows(imported, after, FAULTS_PAGE):
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

        The process that took it in has died, or could not cancel it. Raises Problem (UNAVAILABLE).
        """
        now = self._now()
        for one in await self._store.imports.arriving(now - LONGEST_ARRIVAL, FORGOTTEN_AT_ONCE):
            await self._store.imports.update(structs.replace(one, state="cancelled", updated_at=now), one)

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
        newest = await self._rows.newest(reseller_id)
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
            newest=newest,
            updated_at=now,
        )

    async def unfinished(self, like: Import) -> Import | None:
        """One of the same content, into the same reseller, that was cut short and whose content is not here."""
        for one in await self._store.imports.latest(like.reseller_id, 10 * SHOWN):
            same = (one.reseller_id, one.format, one.digest) == (like.reseller_id, like.format, like.digest)
            if same and one.state == "running" and not one.stored:
                return one
        return None

    def _now(self) -> int:
        return int(self._clock() * 1000)
