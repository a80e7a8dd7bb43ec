"""What came with subscription keys, day by day."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from emporion.store.base import Usage
from emporion.store.postgres.columns import transposed
from emporion.store.postgres.connections import Connections

# Rows are written in one order, however many nodes note the same at a time.
_NOTE_USAGE = """
    INSERT INTO usage AS u (reseller_id, key, day, requests, refusals)
    SELECT n.reseller_id, n.key, n.day, sum(n.requests), sum(n.refusals)
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS n (reseller_id, key, day, requests, refusals)
    GROUP BY n.reseller_id, n.key, n.day ORDER BY n.reseller_id, n.key, n.day
    ON CONFLICT (reseller_id, day, key) DO UPDATE SET
        requests = u.requests + excluded.requests, refusals = u.refusals + excluded.refusals
"""
_FORGET_USAGE = """
    WITH old AS MATERIALIZED (
        SELECT reseller_id, day, key FROM usage WHERE day < $1 ORDER BY day LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM usage u USING old
        WHERE u.reseller_id = old.reseller_id AND u.day = old.day AND u.key = old.key RETURNING 1
    )
    SELECT count(*) FROM gone
"""


async def note_usage(connections: Connections, usage: Sequence[Usage]) -> None:
    """See `emporion.store.base.Store.note_usage`."""
    await connections.call(_NOTE_USAGE, *transposed([structs.astuple(one) for one in usage], 5))


async def forget_usage(connections: Connections, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_usage`."""
    return await connections.count(_FORGET_USAGE, before, limit)
