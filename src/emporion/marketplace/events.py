"""The log of events, as those may read it who reach the accounts that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from emporion.accounts.documents import NEVER_SHOWN
from emporion.errors import Fault, raise_invalid
from emporion.events import Origin, Subject
from emporion.fair_semaphore import WAITED
from emporion.store.events import Entry

Read = Callable[[int, int], Awaitable[list[Entry]]]

if TYPE_CHECKING:
    from emporion.events import Event
    from emporion.marketplace.actors import Actor
    from emporion.store.events import EventStore
    from emporion.store.resellers import ResellerStore
    from emporion.store.users import UserStore

# Events that one request looks through at most for those of the types that it wants.
MOST_SCANNED = 3000
SCANNED_AT_ONCE = 1000
# Seconds between two looks of a request that waits for news.
POLL_SECONDS = 0.25
# How many requests of one account wait at a time, in each process; more are answered at once. A server has a thousand
# connections.
MOST_WAITING_READERS = 64
# Changes that only the account is shown in whose log they stand: resellers of other levels have prices of their own.
PRICES_OF_ONE = (".unitPrice", ".unitCost", ".unitProviderCost")
# What others may know of a reseller's own price: for what it is.
TARGET_OF_PRICE = ("productId", "planId", "mpn", "currency")
# Beyond every position.
FARTHEST = 2**62


class EventPage(NamedTuple):
    """Some events, by position or by sequence. after: where to go on. more: whether there is more already."""

    entries: list[Entry]
    after: int
    more: bool


class EventLog:
    """The events of all resellers. clock: seconds that only ever increase."""

    def __init__(
        self, store: EventStore, resellers: ResellerStore, users: UserStore, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._resellers = resellers
        self._users = users
        self._clock = clock
        self._looks: dict[int, asyncio.Task[int]] = {}
        self._waiting: dict[int, int] = {}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End all waiting for news."""
        self._stopped.set()

    async def feed(
        self,
        actor: Actor,
        after: int | None,
        limit: int,
        types: Collection[str],
        wait: float,
        subject: Subject | None = None,
    ) -> EventPage:
        """What happened to all that the actor reaches, after a position; None for now, so that only news follow.

        wait: for so many seconds it waits for something to happen. subject: only what is about it; none for what the
        actor does not reach. Raises Problem (INVALID) for a position that was never given.
        """
        root = actor.account_id
        if after is None:
            after = await self._end(root)
        deadline = self._clock() + wait
        read = await self._reader(root, subject)
        while True:
            written = await self._written(root) if wait else 0
            ahead = await self._store.look_ahead(root, after)
            if after > ahead.end and after > await self._end(root):
                raise_invalid([Fault("after", "must be the `next` of an earlier answer, or left out, or latest")])
            news = await self._scan(read, after, limit, types) if ahead.is_more else EventPage([], after, more=False)
            if news.entries or news.more or not wait or not await self._changes(root, written, deadline):
                return await self._shown(actor, news)
            after = news.after

    async def of_account(
        self, actor: Actor, reseller_id: int, account_id: int, after: int, limit: int, types: Collection[str]
    ) -> EventPage:
        """What happened to one account that the actor reaches, after a sequence of its reseller's log.

        Raises Problem (INVALID) for a sequence that was never given.
        """
        if after and not await self._store.log(reseller_id, after - 1, 1):
            raise_invalid([Fault("after", "must be the `next` of an earlier answer, or left out")])

        async def read(at: int, some: int) -> list[Entry]:
            events = await self._store.by_account(reseller_id, account_id, at, some)
            return [Entry(event.sequence, event) for event in events]

        news = await self._scan(read, after, limit, types)
        return await self._shown(actor, news)

    async def history(
        self, actor: Actor, reseller_id: int, account_id: int, before: int | None, limit: int
    ) -> EventPage:
        """What happened to one account that the actor reaches, newest first, before a sequence or until now."""
        events = await self._store.last_by_account(reseller_id, account_id, before or FARTHEST, limit + 1)
        return await self._history(actor, events, limit)

    async def history_of(
        self, actor: Actor, reseller_id: int, subject: Subject, before: int | None, limit: int
    ) -> EventPage:
        """What happened to something other than an account, in the log of a reseller that the actor reaches."""
        events = await self._store.last_by_subject(reseller_id, subject, before or FARTHEST, limit + 1)
        return await self._history(actor, events, limit)

    async def _history(self, actor: Actor, events: list[Event], limit: int) -> EventPage:
        entries = [Entry(event.sequence, event) for event in events[:limit]]
        after = entries[-1].position if entries else 0
        return await self._shown(actor, EventPage(entries, after, len(events) > limit))

    async def _reader(self, root: int, subject: Subject | None) -> Read:
        """What reads the events of the actor `root`, all or those about a subject."""
        if subject is None:
            return lambda after, limit: self._store.feed(root, after, limit)
        if subject.type == "user" and (user := await self._users.get(subject.id)):
            subject = Subject("user", user.login)  # whatever its case
        about = subject
        return lambda after, limit: self._store.subject_feed(root, about, after, limit)

    async def _scan(self, read: Read, after: int, limit: int, types: Collection[str]) -> EventPage:
        """Up to `limit` of the entries after `after` that are of `types`, of any if there are none."""
        found: list[Entry] = []
        scanned = 0
        while scanned < MOST_SCANNED:
            some = await read(after, SCANNED_AT_ONCE)
            for entry in some:
                if not types or entry.event.type in types:
                    if len(found) == limit:
                        return EventPage(found, after, more=True)
                    found.append(entry)
                after = entry.position
            scanned += len(some)
            if len(some) < SCANNED_AT_ONCE:
                return EventPage(found, after, more=False)
        return EventPage(found, after, more=True)

    async def _end(self, root: int) -> int:
        """The last position, once all that happened until now has one."""
        await self._store.feed(root, FARTHEST, 1)
        return await self._store.feed_end()

    async def _changes(self, root: int, written: int, deadline: float) -> bool:
        """Wait until the logs go further than `written`; whether they did before the deadline."""
        if self._waiting.get(root, 0) >= MOST_WAITING_READERS:
            return False
        self._waiting[root] = self._waiting.get(root, 0) + 1
        try:
            return await self._has_changed(root, written, deadline)
        finally:
            self._waiting[root] -= 1
            if not self._waiting[root]:
                del self._waiting[root]

    async def _has_changed(self, root: int, written: int, deadline: float) -> bool:
        while (left := deadline - self._clock()) > 0 and not self._stopped.is_set():
            WAITED.set(True)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), min(POLL_SECONDS, left))
            if await self._written(root) != written:
                return True
        return False

    async def _written(self, root: int) -> int:
        """How far the logs go, or went a moment ago; one look for all who ask within that."""
        look = self._looks.get(root)
        if look is None:
            look = self._looks[root] = asyncio.create_task(self._store.log_position(root))
            asyncio.get_running_loop().call_later(POLL_SECONDS, self._looks.pop, root, None)
        return await asyncio.shield(look)

    async def _shown(self, actor: Actor, news: EventPage) -> EventPage:
        """The news as the actor may see it: of those who act from above or beside only that they did."""
        reached: dict[int, bool] = {}
        root = actor.account_id
        entries = []
        for read in news.entries:
            entry = without_prices(read) if read.event.reseller_id != root else read
            origin = entry.event.origin
            account_id = origin.account_id
            if account_id == entry.event.account_id:  # by a user of the account itself, such as its administrator
                entries.append(entry)
                continue
            if account_id is not None and account_id not in reached:
                reached[account_id] = await self._resellers.is_within(account_id, root)
            if account_id is not None and not reached[account_id]:
                shown = Origin(None, origin.source, account_id=origin.account_id)
                entry = entry._replace(event=structs.replace(entry.event, origin=shown))
            entries.append(entry)
        return news._replace(entries=entries)


def without_prices(entry: Entry) -> Entry:
    """An event without the amounts in it, which are for the account alone in whose log it stands."""
    event = entry.event
    is_price = event.subject.type == "price"
    secret = {
        name: (NEVER_SHOWN, NEVER_SHOWN)
        for name in event.changes
        if name.endswith(PRICES_OF_ONE) or (is_price and name not in TARGET_OF_PRICE)
    }
    return entry._replace(event=structs.replace(event, changes={**event.changes, **secret})) if secret else entry
