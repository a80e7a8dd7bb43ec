"""The platform itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.store.faults import founded_already, unfinished_copy
from emporion.store.sqlite.access import insert_key, insert_user
from emporion.store.sqlite.events import append
from emporion.store.sqlite.resellers import insert_reseller

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.events import NewEvent
    from emporion.store.base import NewResellerRecord, Platform, SubscriptionKey, User


def found(
    connection: sqlite3.Connection,
    platform: Platform,
    provider: NewResellerRecord,
    reseller: NewResellerRecord,
    user: User,
    key: SubscriptionKey,
    events: Sequence[NewEvent],
) -> None:
    """See `emporion.store.base.Store.found`."""
    if connection.execute("SELECT 1 FROM copies").fetchone():
        raise unfinished_copy()
    if connection.execute("INSERT INTO platform VALUES (1, ?) ON CONFLICT DO NOTHING", (platform.sandbox,)).rowcount:
        insert_reseller(connection, provider)
        insert_reseller(connection, reseller)
        insert_user(connection, user)
        insert_key(connection, key)
        for event in events:
            append(connection, event)
    else:
        raise founded_already()
