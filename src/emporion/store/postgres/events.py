"""Events: how the feed is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from emporion.store import statements
from emporion.store.database import Rows
from emporion.store.events import FEED_END, Ahead, EventStore
from emporion.store.postgres.batches import transposed
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer
from emporion.store.postgres.database import PostgresDatabase
from emporion.store.postgres.dialect import BELOW, FARTHEST, IDS_BELOW, few_below

if TYPE_CHECKING:
    from collections.abc import Iterable

# How many parts of the feed are looked at for each event that is wanted, where that is enough.
WINDOW = 20

_LOG_POSITIONS = f"""
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


# For each reseller of $1 and position of $2 what `AHEAD` gives; null where that is about many resellers.
_LOOK_AHEAD = f"""
    SELECT CASE WHEN NOT b.many THEN EXISTS (
        SELECT 1 FROM resellers r WHERE r.reseller_id = ANY (b.ids) AND r.events > 0 AND coalesce((
            SELECT f.until > q.after FROM feed f WHERE f.reseller_id = r.reseller_id AND f.last = r.events
        ), true)
    ) END, coalesce(({FEED_END}), 0)
    FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS q (root_id, after, number)
    CROSS JOIN LATERAL ({few_below("q.root_id")}) b
    ORDER BY q.number
"""  # noqa: S608


class PostgresEvents(EventStore):
    """See `emporion.store.events.EventStore`."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._positions = Coalescer(self._read_positions, LARGEST_GROUP)
        self._looks = Coalescer(self._look_ahead, LARGEST_GROUP)

    async def finish(self) -> None:
        """Return when nothing is under way."""
        await self._positions.finish()
        await self._looks.finish()

    async def log_position(self, root_id: int) -> int:
        return await self._positions.do(root_id)

    async def _read_positions(self, root_ids: list[int]) -> list[int]:
        rows = await self._database.rows(_LOG_POSITIONS, list(set(root_ids)))
        found: dict[int, int] = dict(cast("Iterable[tuple[int, int]]", rows))
        return [found[root_id] for root_id in root_ids]

    async def look_ahead(self, root_id: int, after: int) -> Ahead:
        return await super().look_ahead(root_id, min(after, FARTHEST))

    async def _look_at_few(self, root_id: int, after: int) -> Ahead | None:
        return await self._looks.do((root_id, after))

    async def _look_ahead(self, asked: list[tuple[int, int]]) -> list[Ahead | None]:
        found = await self._database.rows(_LOOK_AHEAD, *transposed(asked, 2))
        return [None if is_more is None else Ahead(is_more, end) for is_more, end in found]

    async def _read_feed(self, root_id: int, after: int, limit: int) -> Rows:
        """See `EventStore`. Not many more parts are looked at than events are wanted."""
        after, ahead = min(after, FARTHEST), limit * WINDOW
        size = await self._database.row(_FEED_SIZE, root_id, WINDOW)
        if size and size[0]:
            found = await self._database.rows(_FEED_AHEAD, root_id, after, limit, ahead)
            if len(found) == limit or size[1] - after <= ahead:
                return found
        return await self._database.rows(_FEED_OF_EACH, root_id, after, limit)
