"""What came with subscription keys, day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.store.base import Usage


def note_usage(connection: sqlite3.Connection, usage: Sequence[Usage]) -> None:
    """See `emporion.store.base.Store.note_usage`."""
    connection.executemany(
        """
        INSERT INTO usage (reseller_id, key, day, requests, refusals) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET
            requests = requests + excluded.requests, refusals = refusals + excluded.refusals
        """,
        [structs.astuple(one) for one in usage],
    )


def forget_usage(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_usage`."""
    return connection.execute(
        """
        DELETE FROM usage WHERE (reseller_id, day, key) IN (
            SELECT reseller_id, day, key FROM usage WHERE day < ? ORDER BY day LIMIT ?
        )
        """,
        (before, limit),
    ).rowcount
