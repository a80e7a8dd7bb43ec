"""Refusals: denied requests are written into the log of events, beside the answer and never before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from emporion.accounts.ids import PROVIDER_ID
from emporion.errors import AccessDenied, Problem
from emporion.events import NewEvent, Origin
from emporion.logs import log
from emporion.marketplace.login_throttle import network

if TYPE_CHECKING:
    from emporion.marketplace.usage import UsageRecorder
    from emporion.store.events import EventStore

# Refusals of one account and address that get an event each, per minute; the others are summed up, since refused
# callers must not be able to fill the database.
EACH = 60
MINUTE = 60
# Events that wait for a database that is away; more are only counted.
MOST_WAITING_EVENTS = 10_000
# Accounts and addresses that are counted apart; those beyond, as from a whole botnet, are counted together.
MOST_TALLIES = 10_000
AT_ONCE = 128
# Seconds before a failed write is tried again.
RETRY = 1.0


class Tally(Struct):
    """The refusals of one account and address since `since` (seconds since 1970). more: those without an event."""

    since: float
    written: int = 0
    more: int = 0
    last: NewEvent | None = None


class SecurityLog:
    """Writes refusals down. clock: seconds since 1970."""

    def __init__(self, store: EventStore, visits: UsageRecorder, clock: Callable[[], float]) -> None:
        self._store = store
        self._visits = visits
        self._clock = clock
        self._waiting: list[NewEvent] = []
        self._tallies: dict[tuple[int, str | None], Tally] = {}
        self._writing: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def note(self, refused: AccessDenied, asked: str, origin: Origin) -> None:
        """Record a denied request. asked: the operation, such as `GET /customers`."""
        self._visits.refusal(refused.account_id)
        self._note(refused, asked, origin, refused.account_id, refused.user)
        if refused.victim:
            self._note(refused, asked, origin, *refused.victim)

    def _note(
        self, refused: AccessDenied, asked: str, origin: Origin, account_id: int | None, user: str | None
    ) -> None:
        owner = account_id or PROVIDER_ID
        reason = f"{refused.code.name.lower()} {asked}: {refused.message}"
        who = structs.replace(origin, user=user, account_id=account_id)
        now = self._clock()
        event = NewEvent(owner, owner, "access.refused", int(now * 1000), who, {}, reason)
        key: tuple[int, str | None] = (owner, network(origin.address))
        if key not in self._tallies and len(self._tallies) >= MOST_TALLIES:
            key = (PROVIDER_ID, None)
        tally = self._tallies.setdefault(key, Tally(now))
        if tally.written < EACH and len(self._waiting) < MOST_WAITING_EVENTS:
            tally.written += 1
            self._write(event)
        else:
            tally.more += 1
            tally.last = event

    def sum_up(self, *, all_of_them: bool = False) -> None:
        """Write one event for what each address did beyond that, once its minute is over."""
        now = self._clock()
        for key, tally in list(self._tallies.items()):
            if all_of_them or not 0 <= now - tally.since < MINUTE:
                del self._tallies[key]
                if tally.last:
                    reason = f"{tally.last.reason} (the last of {tally.more} more within a minute)"
                    self._write(structs.replace(tally.last, reason=reason))

    async def finish(self) -> None:
        """Write all that is left, without a second try; called when no request can be denied any more."""
        self.sum_up(all_of_them=True)
        self._ending.set()
        if self._writing:
            await self._writing
        if self._waiting:
            log.warning("refusals could not be written down", count=len(self._waiting))

    def _write(self, event: NewEvent) -> None:
        self._waiting.append(event)
        if not self._writing or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        while self._waiting:
            some = self._waiting[:AT_ONCE]
            try:
                await self._store.add(some)
                del self._waiting[: len(some)]
            except Exception as error:
                if not isinstance(error, Problem):
                    log.exception("refusals could not be written down")
                if self._ending.is_set():
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), RETRY)
