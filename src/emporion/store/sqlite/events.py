"""Events: the log of each reseller, and the feed of all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emporion.errors import Problem
from emporion.store import rows, statements
from emporion.store.base import Ahead
from emporion.store.faults import no_reseller

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.events import NewEvent
    from emporion.store.sqlite.connections import Connections

# Positions above one, and so many at most, each with its event. The first of a part may have been read already. CROSS
# JOIN keeps the planner from walking through the parts of all resellers.
_FEED = f"""
    {statements.BELOW}
    SELECT p.until - p.last + e.sequence, {statements.EVENT_COLUMNS}
    FROM (
        SELECT f.reseller_id, f.until, f.last,
            CASE WHEN f.until - f.last + f.first > ? THEN f.first ELSE f.last - f.until + ? + 1 END AS begin
        FROM below CROSS JOIN feed f
        WHERE f.reseller_id = below.id AND f.until > ? ORDER BY f.until LIMIT ?
    ) p
    CROSS JOIN events e
    WHERE e.reseller_id = p.reseller_id AND e.sequence BETWEEN p.begin AND p.begin + ? - 1
        AND e.sequence <= p.last
    ORDER BY 1 LIMIT ?
"""  # noqa: S608


def append(connection: sqlite3.Connection, event: NewEvent) -> None:
    """Put an event into its reseller's log. Raises Problem (NOT_FOUND) if there is no such reseller."""
    row = connection.execute(
        "UPDATE resellers SET events = events + 1 WHERE reseller_id = ? RETURNING events", (event.reseller_id,)
    ).fetchone()
    if not row:
        raise no_reseller(event.reseller_id)
    insert_event(connection, row[0], event)


def append_all(connection: sqlite3.Connection, events: Sequence[NewEvent]) -> None:
    """Put events into their resellers' logs; what names no reseller is left out."""
    for event in events:
        with suppress(Problem):  # it names no reseller
            append(connection, event)


def noted(connection: sqlite3.Connection, event: NewEvent, changed: int) -> bool:
    """Whether anything was changed; then the event goes into the log."""
    if changed:
        append(connection, event)
    return bool(changed)


def insert_event(connection: sqlite3.Connection, sequence: int, event: NewEvent) -> None:
    """Put an event into the log, where its reseller has counted it."""
    connection.execute(
        """
        INSERT INTO events (
            reseller_id, sequence, account_id, type, at, user, source, correlation_id, changes, actor_id, address,
            reason, subject_type, subject_id
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        rows.event_values(sequence, event),
    )


async def look_ahead(connections: Connections, root_id: int, after: int) -> Ahead:
    """See `emporion.store.base.Store.look_ahead`."""
    if connections.row(statements.MANY_BELOW, root_id):
        row = await connections.in_thread(root_id, lambda c: c.execute(statements.AHEAD, (root_id, after)).fetchone())
    else:
        row = connections.row(statements.AHEAD, root_id, after)
    return Ahead(bool(row[0]), row[1])


def number_events(connection: sqlite3.Connection, root_id: int) -> None:
    """Give a position to each event of these resellers that has none."""
    row = connection.execute(statements.FEED_END).fetchone()
    end = row[0] if row else 0
    for reseller_id, fed, last in connection.execute(statements.NEWS, (root_id,)).fetchall():
        end += last - fed
        connection.execute(statements.FEED_ADD, (reseller_id, end, fed + 1, last))


def read_feed(connection: sqlite3.Connection, root_id: int, after: int, limit: int) -> list[Any]:
    """The rows of these resellers' events with positions above `after`, each with its position before it."""
    return connection.execute(_FEED, (root_id, *[after] * 3, *[limit] * 3)).fetchall()
