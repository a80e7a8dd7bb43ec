"""What requests with an Idempotency-Key were answered; for customers, functions of the schema see to it."""

from __future__ import annotations

from msgspec import structs

from emporion.events import Subject
from emporion.store import rows, statements
from emporion.store.base import Once, Record
from emporion.store.postgres.connections import Connection, Connections
from emporion.store.postgres.dialect import numbered
from emporion.store.postgres.locks import HOLD_RESELLER

_KEEP_ANSWER = """
    INSERT INTO answers (reseller_id, key, fingerprint, subject_type, subject_id, at, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (reseller_id, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, subject_type = excluded.subject_type, subject_id = excluded.subject_id,
        at = excluded.at, document = excluded.document
"""
_FORGET_ANSWERS = """
    WITH old AS MATERIALIZED (
        SELECT reseller_id, key FROM answers WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM answers a USING old WHERE a.reseller_id = old.reseller_id AND a.key = old.key RETURNING 1
    )
    SELECT count(*) FROM gone
"""


async def given(connection: Connection, parent_id: int, once: Once) -> Record | None:
    """What the same request for a reseller was answered before. Raises Problem (REUSED) if it was another one."""
    await connection.execute(HOLD_RESELLER, parent_id)
    found = await connection.fetch(numbered(statements.ANSWER), parent_id, once.key, once.since)
    before = rows.given(parent_id, once, tuple(found[0]) if found else None)
    return before and structs.replace(before, reseller_id=before.id)


async def keep_answer(
    connection: Connection, parent_id: int, once: Once, subject: Subject, at: int, document: bytes
) -> None:
    """Keep what a request is answered, in place of what was kept under its key before."""
    await connection.execute(_KEEP_ANSWER, parent_id, once.key, once.fingerprint, *subject, at, document)


async def forget_answers(connections: Connections, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_answers`."""
    return await connections.count(_FORGET_ANSWERS, before, limit)
