"""Events: how the feed is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.store import statements
from emporion.store.events import AHEAD, Ahead, EventStore

if TYPE_CHECKING:
    from emporion.store.database import Rows

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
_LOG_POSITION = f"{statements.BELOW} SELECT sum(events) FROM resellers JOIN below ON reseller_id = id"  # noqa: S608


class SqliteEvents(EventStore):
    """See `emporion.store.events.EventStore`."""

    async def log_position(self, root_id: int) -> int:
        row = await self._database.row(_LOG_POSITION, root_id)
        return int(row[0] or 0) if row else 0

    async def _look_at_few(self, root_id: int, after: int) -> Ahead | None:
        if await self._database.row(statements.MANY_BELOW, root_id):
            return None
        row = await self._database.row(AHEAD, root_id, after)
        return Ahead(bool(row[0]), row[1]) if row else None

    async def _read_feed(self, root_id: int, after: int, limit: int) -> Rows:
        return await self._database.long_rows(root_id, _FEED, root_id, *[after] * 3, *[limit] * 3)
