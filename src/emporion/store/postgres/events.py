"""Events: the log of each reseller, and the feed of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from emporion.events import NewEvent
from emporion.store import rows, statements
from emporion.store.base import Ahead, Entry
from emporion.store.faults import no_reseller
from emporion.store.postgres.columns import transposed
from emporion.store.postgres.connections import Connection, Connections
from emporion.store.postgres.dialect import BELOW, FARTHEST, IDS_BELOW, few_below, numbered
from emporion.store.postgres.locks import FEEDING, HOLD_RESELLER, HOLD_RESELLERS

# How many parts of the feed are looked at for each event that is wanted, where that is enough.
WINDOW = 20

_COUNT_EVENTS = """
    UPDATE resellers r SET events = r.events + n.many FROM unnest($1::bigint[], $2::bigint[]) AS n (id, many)
    WHERE r.reseller_id = n.id RETURNING r.reseller_id, r.events
"""
_ADD_EVENT = """
    INSERT INTO events (
        reseller_id, sequence, account_id, type, at, "user", source, correlation_id, changes, actor_id, address, reason,
        subject_type, subject_id
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_WRITTEN = f"""
    SELECT w.id, (
        SELECT coalesce(sum(r.events), 0)::bigint
        FROM {IDS_BELOW.format("w.id")} AS below (id) JOIN resellers r ON r.reseller_id = below.id
    )
    FROM unnest($1::bigint[]) AS w (id)
"""  # noqa: S608


def _feed_of(parts: str) -> str:
    """The events of parts of the feed with positions above $2, $3 of them at most."""
    return f"""
        SELECT p.until - p.last + e.sequence, {statements.EVENT_COLUMNS}
        FROM (
            SELECT f.reseller_id, f.until, f.last, greatest(f.first, f.last - f.until + $2::bigint + 1) AS begin
            FROM {parts} ORDER BY f.until LIMIT $3::bigint
        ) p
        CROSS JOIN LATERAL (
            SELECT * FROM events e WHERE e.reseller_id = p.reseller_id AND e.sequence BETWEEN p.begin AND p.last
            ORDER BY e.sequence LIMIT $3::bigint
        ) e
        ORDER BY 1 LIMIT $3::bigint
    """  # noqa: S608


# Whether there are more than $2 resellers, and where the feed ends.
_FEED_SIZE = """
    SELECT (
        SELECT count(*) > $2::bigint FROM (
            SELECT FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
            WHERE t.reseller_id = $1 LIMIT $2::bigint + 1
        ) b
    ), coalesce((SELECT until FROM feed ORDER BY until DESC LIMIT 1), 0)
"""
# Those of the next $4 parts that are of these resellers.
_FEED_AHEAD = _feed_of("""
    (SELECT * FROM feed WHERE until > $2::bigint ORDER BY until LIMIT $4::bigint) f
    WHERE (SELECT b.first FROM reseller_accounts b WHERE b.reseller_id = f.reseller_id)
        BETWEEN (SELECT first FROM reseller_accounts WHERE reseller_id = $1)
        AND (SELECT last FROM reseller_accounts WHERE reseller_id = $1)
""")
# The next parts of each of these resellers.
_FEED_OF_EACH = BELOW + _feed_of("""
    below CROSS JOIN LATERAL (
        SELECT * FROM feed WHERE reseller_id = below.id AND until > $2::bigint ORDER BY until LIMIT $3::bigint
    ) f
""")


# For each reseller of $1 and position of $2 what `statements.AHEAD` gives; null where that is about many resellers.
_AHEAD = f"""
    SELECT CASE WHEN NOT b.many THEN EXISTS (
        SELECT 1 FROM resellers r WHERE r.reseller_id = ANY (b.ids) AND r.events > 0 AND coalesce((
            SELECT f.until > q.after FROM feed f WHERE f.reseller_id = r.reseller_id AND f.last = r.events
        ), true)
    ) END, coalesce(({statements.FEED_END}), 0)
    FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS q (root_id, after, number)
    CROSS JOIN LATERAL ({few_below("q.root_id")}) b
    ORDER BY q.number
"""  # noqa: S608


async def append(connection: Connection, event: NewEvent) -> None:
    """Put an event into its reseller's log. Raises Problem (NOT_FOUND) if there is no such reseller."""
    sequence = await connection.fetchval(
        "UPDATE resellers SET events = events + 1 WHERE reseller_id = $1 RETURNING events", event.reseller_id
    )
    if sequence is None:
        raise no_reseller(event.reseller_id)
    await insert_event(connection, sequence, event)


async def append_all(connections: Connections, events: Sequence[NewEvent]) -> None:
    """Put events into their resellers' logs; what names no reseller is left out."""
    many = Counter(event.reseller_id for event in events)
    async with connections.transaction() as connection:
        await connection.execute(HOLD_RESELLERS, list(many))
        ends = await connection.fetch(_COUNT_EVENTS, list(many), list(many.values()))
        last = {reseller_id: end - many[reseller_id] for reseller_id, end in ends}
        added = []
        for event in events:
            if event.reseller_id in last:
                last[event.reseller_id] += 1
                added.append(_event_values(last[event.reseller_id], event))
        await connection.executemany(_ADD_EVENT, added)


async def noted(connections: Connections, event: NewEvent, sql: str, *values: Any) -> bool:
    """Whether a statement has changed a row; then the event goes into the log."""
    async with connections.transaction() as connection:
        # Whoever adds to a reseller holds its row first, and then what he adds.
        await connection.execute(HOLD_RESELLER, event.reseller_id)
        changed = await connection.fetchrow(sql, *values)
        if changed:
            await append(connection, event)
        return changed is not None


async def insert_event(connection: Connection, sequence: int, event: NewEvent) -> None:
    """Put an event into the log, where its reseller has counted it."""
    await connection.execute(_ADD_EVENT, *_event_values(sequence, event))


def _event_values(sequence: int, event: NewEvent) -> tuple[object, ...]:
    """The row of a new event, without the letter that PostgreSQL does not take; whoever is refused may send it."""
    return tuple(
        value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for value in rows.event_values(sequence, event)
    )


async def written(connections: Connections, root_ids: list[int]) -> list[int]:
    """How far the logs of each reseller and of all below it go, as the sum of their sequences."""
    found = dict(await connections.rows(_WRITTEN, list(set(root_ids))))
    return [found[root_id] for root_id in root_ids]


async def look_ahead(connections: Connections, asked: list[tuple[int, int]]) -> list[Ahead | None]:
    """What `emporion.store.base.Store.look_ahead` gives, for each reseller and position; None where that are many."""
    found = await connections.rows(_AHEAD, *transposed(asked, 2))
    return [None if is_more is None else Ahead(is_more, end) for is_more, end in found]


async def number_events(connections: Connections, root_id: int) -> None:
    """Give a position to each event of these resellers that has none."""
    if await connections.row(numbered(statements.NEWS), root_id):
        async with connections.transaction() as connection:
            await _number_news(connection, root_id)


async def feed(connections: Connections, root_id: int, after: int, limit: int) -> list[Entry]:
    """See `emporion.store.base.Store.feed`."""
    await number_events(connections, root_id)
    found = await _read_feed(connections, root_id, min(after, FARTHEST), limit)
    return [Entry(position, rows.event(*row)) for position, *row in found]


async def _number_news(connection: Connection, root_id: int) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", FEEDING)
    end = await connection.fetchval(statements.FEED_END) or 0
    parts: list[tuple[int, int, int, int]] = []
    for reseller_id, fed, last in await connection.fetch(numbered(statements.NEWS), root_id):
        end += last - fed
        parts.append((reseller_id, end, fed + 1, last))
    await connection.executemany(numbered(statements.FEED_ADD), parts)


async def _read_feed(connections: Connections, root_id: int, after: int, limit: int) -> list[Any]:
    """The rows of `feed`, for whose sake not many more parts are looked at than events are wanted."""
    ahead = limit * WINDOW
    many, end = await connections.row(_FEED_SIZE, root_id, WINDOW)
    if many:
        found = await connections.rows(_FEED_AHEAD, root_id, after, limit, ahead)
        if len(found) == limit or end - after <= ahead:
            return found
    return await connections.rows(_FEED_OF_EACH, root_id, after, limit)
