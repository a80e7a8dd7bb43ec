"""Events: the log of each reseller, and the feed of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from emporion.accounts.ids import account_number
from emporion.events import Event, Subject
from emporion.store import rows, statements
from emporion.store.database import execute, execute_many, fetch, fetch_row
from emporion.store.faults import no_reseller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from emporion.events import NewEvent
    from emporion.store.database import Database, Row, Write

_COUNT = "UPDATE resellers SET events = events + ? WHERE reseller_id = ? RETURNING events"
ADD_EVENT = """
    INSERT INTO events (
        reseller_id, sequence, account_id, type, at, "user", source, correlation_id, changes, actor_id, address, reason,
        subject_type, subject_id
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT = f"SELECT {statements.EVENT_COLUMNS} FROM events e WHERE e.reseller_id = ?"  # noqa: S608
_LOG = f"{_SELECT} AND e.sequence > ? ORDER BY e.sequence LIMIT ?"
_OF_ACCOUNT = f"{_SELECT} AND e.account_id = ?"
_BY_ACCOUNT = f"{_OF_ACCOUNT} AND e.sequence > ? ORDER BY e.sequence LIMIT ?"
_LAST_BY_ACCOUNT = f"{_OF_ACCOUNT} AND e.sequence < ? ORDER BY e.sequence DESC LIMIT ?"
_OF_SUBJECT = f"{_SELECT} AND e.subject_type = ? AND e.subject_id = ?"
_LAST_BY_SUBJECT = f"{_OF_SUBJECT} AND e.sequence < ? ORDER BY e.sequence DESC LIMIT ?"

# The reseller in whose log the events about an account stand, and about anything else, where it is below another one.
_LOG_OF_ACCOUNT = """
    SELECT b.reseller_id FROM accounts a
    JOIN reseller_accounts b ON b.reseller_id = CASE a.kind WHEN 'reseller' THEN a.id ELSE a.reseller_id END
    JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? AND a.id = ? AND a.kind = ?
"""
_LOG_OF_SUBJECT = """
    SELECT b.reseller_id FROM events e JOIN reseller_accounts b ON b.reseller_id = e.reseller_id
    JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? AND e.subject_type = ? AND e.subject_id = ? LIMIT 1
"""
# Events of one log with positions above one; takes the log, the condition's values, the position twice, the log, the
# position, the log and how many.
_FEED_OF = f"""
    SELECT (
        SELECT f.until - f.last FROM feed f WHERE f.reseller_id = e.reseller_id AND f.last >= e.sequence
        ORDER BY f.last LIMIT 1
    ) + e.sequence, {statements.EVENT_COLUMNS}
    FROM events e WHERE e.reseller_id = ? AND {{}} AND e.sequence > (
        SELECT CASE WHEN f.until - f.last + f.first > ? THEN f.first - 1 ELSE f.last - f.until + ? END
        FROM feed f WHERE f.reseller_id = ? AND f.until > ? ORDER BY f.until LIMIT 1
    ) AND e.sequence <= (SELECT f.last FROM feed f WHERE f.reseller_id = ? ORDER BY f.until DESC LIMIT 1)
    ORDER BY e.sequence LIMIT ?
"""  # noqa: S608 - put together from what stands here
_FEED_OF_ACCOUNT = _FEED_OF.format("e.account_id = ? AND e.subject_id IS NULL")
_FEED_OF_SUBJECT = _FEED_OF.format("e.subject_type = ? AND e.subject_id = ?")
FEED_END = "SELECT until FROM feed ORDER BY until DESC LIMIT 1"
# Resellers whose logs go further than the feed: the last sequence that it has, and the last that there is.
_NEWS = f"""
    {statements.BELOW}
    SELECT n.reseller_id, n.fed, n.events FROM (
        SELECT r.reseller_id, r.events, coalesce(
            (SELECT f.last FROM feed f WHERE f.reseller_id = r.reseller_id ORDER BY f.until DESC LIMIT 1), 0
        ) AS fed
        FROM resellers r JOIN below ON r.reseller_id = below.id
    ) n
    WHERE n.events > n.fed ORDER BY n.reseller_id
"""  # noqa: S608
# Whether one of these resellers has an event above a position, or one without, and where the feed ends. A part of it
# ends where its log ended when it was read: what no part ends with has not been read.
AHEAD = f"""
    {statements.BELOW}
    SELECT EXISTS (
        SELECT 1 FROM below CROSS JOIN resellers r
        WHERE r.reseller_id = below.id AND r.events > 0 AND coalesce((
            SELECT CASE WHEN f.until > ? THEN 1 ELSE 0 END FROM feed f
            WHERE f.reseller_id = r.reseller_id AND f.last = r.events
        ), 1) = 1
    ), coalesce(({FEED_END}), 0)
"""  # noqa: S608
_ADD_TO_FEED = "INSERT INTO feed (reseller_id, until, first, last) VALUES (?, ?, ?, ?)"


class Ahead(NamedTuple):
    """Whether there are events that a reader has not read. end: the last position that was given."""

    is_more: bool
    end: int


class Entry(NamedTuple):
    """An event and its position among all of the platform, by which readers know how far they are."""

    position: int
    event: Event


class EventStore(ABC):
    """Events, as they are kept. How the feed is read fast differs between the databases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Put events into their resellers' logs, in their order; what names no reseller is left out."""
        await self._database.write(append_all, events)

    async def log(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        """The reseller's events with a sequence above `after`, in order."""
        return [rows.event(*row) for row in await self._database.rows(_LOG, reseller_id, after, limit)]

    async def by_account(self, reseller_id: int, account_id: int, after: int, limit: int) -> list[Event]:
        """Those of a reseller's log about one account with a sequence above `after`, in order."""
        found = await self._database.rows(_BY_ACCOUNT, reseller_id, account_id, after, limit)
        return [rows.event(*row) for row in found]

    async def last_by_account(self, reseller_id: int, account_id: int, before: int, limit: int) -> list[Event]:
        """The events about one account with a sequence below `before`, newest first."""
        found = await self._database.rows(_LAST_BY_ACCOUNT, reseller_id, account_id, before, limit)
        return [rows.event(*row) for row in found]

    async def last_by_subject(self, reseller_id: int, subject: Subject, before: int, limit: int) -> list[Event]:
        """The events of a reseller's log about something other than an account, with a sequence below `before`, newest
        first."""
        found = await self._database.rows(_LAST_BY_SUBJECT, reseller_id, *subject, before, limit)
        return [rows.event(*row) for row in found]

    @abstractmethod
    async def log_position(self, root_id: int) -> int:
        """How far the logs of a reseller and of all below it go: the sum of their sequences."""

    async def feed(self, root_id: int, after: int, limit: int) -> list[Entry]:
        """The events of a reseller and of all below it with a position above `after`, by position.

        Positions are 1, 2, 3… on the whole platform. An event gets its own when it is read here for the first time,
        after it was committed and under one lock; so a reader that has read up to a position has missed none below it.
        Events of one reseller have theirs in the order of their sequences.
        """
        await self._number(root_id)
        return [Entry(row[0], rows.event(*row[1:])) for row in await self._read_feed(root_id, after, limit)]

    async def subject_feed(self, root_id: int, subject: Subject, after: int, limit: int) -> list[Entry]:
        """Those of `feed` that are about `subject`; none where it belongs to no reseller below `root_id`."""
        about: Sequence[object] = subject
        feed = _FEED_OF_SUBJECT
        if subject.type in ("customer", "reseller"):
            about, feed = (account_number(subject.id),), _FEED_OF_ACCOUNT
            found = await self._database.row(_LOG_OF_ACCOUNT, root_id, *about, subject.type)
        else:
            found = await self._database.row(_LOG_OF_SUBJECT, root_id, *about)
        if not found:
            return []
        log = found[0]
        await self._number(log)
        values = (log, *about, after, after, log, after, log, limit)
        return [Entry(row[0], rows.event(*row[1:])) for row in await self._database.long_rows(log, feed, *values)]

    async def feed_end(self) -> int:
        """The last position that was given."""
        row = await self._database.row(FEED_END)
        return int(row[0]) if row else 0

    async def look_ahead(self, root_id: int, after: int) -> Ahead:
        """Whether `feed` has anything above a position now, and the last position that was given; it writes nothing."""
        ahead = await self._look_at_few(root_id, after)
        if ahead is not None:
            return ahead
        ((is_more, end),) = await self._database.long_rows(root_id, AHEAD, root_id, after)
        return Ahead(bool(is_more), end)

    @abstractmethod
    async def _look_at_few(self, root_id: int, after: int) -> Ahead | None:
        """What `look_ahead` gives if that is about few resellers; None otherwise."""

    @abstractmethod
    async def _read_feed(self, root_id: int, after: int, limit: int) -> Sequence[Row]:
        """Rows of the feed, each the position and the columns of `rows.event`."""

    async def _number(self, root_id: int) -> None:
        """Give a position to each event of a reseller and of all below it that has none."""
        if await self._database.row(_NEWS, root_id):
            await self._database.write(_number, root_id)


def lock_reseller(reseller_id: int) -> Write[None]:
    """Lock a reseller's row, before anything that belongs to it is changed: so no two writes wait for each other."""
    yield from execute("SELECT 1 FROM resellers WHERE reseller_id = ? {for_update}", reseller_id)


def append(event: NewEvent) -> Write[None]:
    """Put an event into its reseller's log, and lock it. Raises Problem (NOT_FOUND) if there is no such reseller."""
    row = yield from fetch_row(_COUNT, 1, event.reseller_id)
    if not row:
        raise no_reseller(event.reseller_id)
    yield from insert_event(row[0], event)


def append_if_changed(event: NewEvent, sql: str, *values: Any) -> Write[bool]:
    """Execute a statement that returns what it changes, and append the event if it does; whether it did."""
    yield from lock_reseller(event.reseller_id)
    if not (yield from fetch_row(sql, *values)):
        return False
    yield from append(event)
    return True


def insert_event(sequence: int, event: NewEvent) -> Write[None]:
    """Put an event into the log, where its reseller has counted it."""
    yield from execute(ADD_EVENT, *rows.event_values(sequence, event))


def append_all(events: Sequence[NewEvent]) -> Write[None]:
    """Put events into the logs of their resellers, as far as there are such."""
    many = Counter(event.reseller_id for event in events)
    last: dict[int, int] = {}
    for reseller_id in sorted(many):
        row = yield from fetch_row(_COUNT, many[reseller_id], reseller_id)
        if row:
            last[reseller_id] = row[0] - many[reseller_id]
    added = []
    for event in events:
        if event.reseller_id in last:
            last[event.reseller_id] += 1
            added.append(rows.event_values(last[event.reseller_id], event))
    yield from execute_many(ADD_EVENT, added)


def _number(root_id: int) -> Write[None]:
    yield from execute("{lock_feed}")
    row = yield from fetch_row(FEED_END)
    end = row[0] if row else 0
    parts = []
    for reseller_id, fed, last in (yield from fetch(_NEWS, root_id)):
        end += last - fed
        parts.append((reseller_id, end, fed + 1, last))
    yield from execute_many(_ADD_TO_FEED, parts)
