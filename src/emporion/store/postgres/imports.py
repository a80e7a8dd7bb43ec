"""Imports: files of customers, how far each has come, and their faulty rows."""

from __future__ import annotations

from collections.abc import Sequence

from emporion.store import rows
from emporion.store.base import LONGEST_ARRIVAL, OVER, FaultyRow, Import, Record, Walked
from emporion.store.holds import too_late
from emporion.store.postgres.columns import transposed
from emporion.store.postgres.connections import Connections
from emporion.store.postgres.locks import HOLD_RESELLER

_WALK = """
    SELECT ordinal, document FROM customers WHERE reseller_id = $1 AND ordinal > $2 ORDER BY ordinal LIMIT $3
"""
_WAITING = """
    SELECT count(*) FROM imports WHERE reseller_id = $1 AND stored AND state <> ALL ($2::text[])
        AND (state <> 'arriving' OR created_at >= $3)
"""
_HOLDERS = """
    SELECT external_id, id, version, document FROM customers WHERE reseller_id = $1 AND external_id = ANY ($2::text[])
"""
_ADD_FAULTY = """
    INSERT INTO import_faults (reseller_id, import_id, number, line, faults, kept)
    SELECT $1, $2, n.number, n.line, n.faults, n.kept
    FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::bytea[]) AS n (number, line, faults, kept)
    ON CONFLICT (reseller_id, import_id, number) DO UPDATE SET
        line = excluded.line, faults = excluded.faults, kept = excluded.kept
"""
_FORGET = """
    WITH old AS MATERIALIZED (
        SELECT reseller_id, id FROM imports WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), parts AS (
        DELETE FROM import_parts p USING old WHERE p.reseller_id = old.reseller_id AND p.import_id = old.id
    ), faults AS (
        DELETE FROM import_faults f USING old WHERE f.reseller_id = old.reseller_id AND f.import_id = old.id
    ), gone AS (
        DELETE FROM imports i USING old WHERE i.reseller_id = old.reseller_id AND i.id = old.id RETURNING 1
    )
    SELECT count(*) FROM gone
"""


async def walk(connections: Connections, reseller_id: int, after: int, limit: int) -> list[Walked]:
    """See `emporion.store.base.Store.walk`."""
    return [Walked(*row) for row in await connections.rows(_WALK, reseller_id, after, limit)]


async def holders(connections: Connections, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
    """See `emporion.store.base.Store.holders`."""
    found = await connections.rows(_HOLDERS, reseller_id, list(external_ids))
    return {external_id: Record(reseller_id, *rest) for external_id, *rest in found}


async def add_import(connections: Connections, new: Import, until: int, most: int | None) -> bool:
    """See `emporion.store.base.Store.add_import`."""
    async with connections.transaction() as connection:
        if most is not None:
            # Of two that come together, the later one sees the earlier.
            await connection.execute(HOLD_RESELLER, new.reseller_id)
            waiting = await connection.fetchrow(_WAITING, new.reseller_id, list(OVER), new.created_at - LONGEST_ARRIVAL)
            if waiting and waiting[0] >= most:
                return False
        await connection.execute(
            """
            INSERT INTO imports (id, reseller_id, state, stored, holder, held_until, created_at, document)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            new.id,
            new.reseller_id,
            new.state,
            new.stored,
            new.holder,
            until,
            new.created_at,
            rows.encode(new),
        )
    return True


async def add_part(connections: Connections, to: Import, number: int, content: bytes) -> bool:
    """See `emporion.store.base.Store.add_part`."""
    # Whoever ends the import meanwhile waits for the part, and then removes it with the others.
    added = await connections.call(
        """
        WITH coming AS (
            SELECT reseller_id, id FROM imports WHERE id = $2 AND reseller_id = $1 AND state = 'arriving' FOR SHARE
        )
        INSERT INTO import_parts (reseller_id, import_id, number, content)
        SELECT reseller_id, id, $3, $4 FROM coming RETURNING 1
        """,
        to.reseller_id,
        to.id,
        number,
        content,
    )
    return bool(added)


async def hold_import(connections: Connections, import_id: str, holder: str, now: int, until: int) -> bool:
    """See `emporion.store.base.Store.hold_import`."""
    found = await connections.call(
        """
        UPDATE imports SET holder = $2, held_until = $4
        WHERE id = $1 AND state IN ('checking', 'running')
            AND (held_until < $3 OR held_until > $5 OR holder = $2) RETURNING 1
        """,
        import_id,
        holder,
        now,
        until,
        too_late(now),
    )
    return bool(found)


async def change_import(
    connections: Connections,
    changed: Import,
    before: Import,
    faulty: Sequence[FaultyRow],
    *,
    anew: bool,
    until: int | None,
) -> bool:
    """See `emporion.store.base.Store.change_import`."""
    reseller_id, import_id = changed.reseller_id, changed.id
    async with connections.transaction() as connection:
        if not await connection.fetchrow(
            """
            UPDATE imports SET state = $4, holder = $5, held_until = coalesce($6, held_until), document = $7
            WHERE id = $1 AND state = $2 AND holder = $3 RETURNING 1
            """,
            import_id,
            before.state,
            before.holder,
            changed.state,
            changed.holder,
            until,
            rows.encode(changed),
        ):
            return False
        if anew:
            await connection.execute(
                "DELETE FROM import_faults WHERE reseller_id = $1 AND import_id = $2", reseller_id, import_id
            )
        if faulty:
            columns = transposed(
                [(row.number, row.line, rows.encode(row.faults).decode(), row.kept) for row in faulty], 4
            )
            await connection.execute(_ADD_FAULTY, reseller_id, import_id, *columns)
        if changed.state in OVER:
            await connection.execute(
                "DELETE FROM import_parts WHERE reseller_id = $1 AND import_id = $2", reseller_id, import_id
            )
    return True


async def forget_imports(connections: Connections, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_imports`."""
    return await connections.count(_FORGET, before, limit)
