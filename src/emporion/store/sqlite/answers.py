"""What requests with an Idempotency-Key were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.store import rows, statements

if TYPE_CHECKING:
    import sqlite3

    from emporion.events import Subject
    from emporion.store.base import Once, Record


def given(connection: sqlite3.Connection, reseller_id: int, once: Once) -> Record | None:
    """What the same request was answered before. Raises Problem (REUSED) if it was another one."""
    row = connection.execute(statements.ANSWER, (reseller_id, once.key, once.since)).fetchone()
    return rows.given(reseller_id, once, row)


def keep_answer(
    connection: sqlite3.Connection, reseller_id: int, once: Once, subject: Subject, at: int, document: bytes
) -> None:
    """Keep what a request is answered, in place of what was kept under its key before."""
    connection.execute(
        "INSERT OR REPLACE INTO answers (reseller_id, key, fingerprint, subject_type, subject_id, at, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (reseller_id, once.key, once.fingerprint, *subject, at, document),
    )


def forget_answers(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_answers`."""
    return connection.execute(
        """
        DELETE FROM answers WHERE (reseller_id, key) IN (
            SELECT reseller_id, key FROM answers WHERE at < ? ORDER BY at LIMIT ?
        )
        """,
        (before, limit),
    ).rowcount
