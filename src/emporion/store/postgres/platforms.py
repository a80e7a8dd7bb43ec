"""The platform itself."""

from __future__ import annotations

from collections.abc import Sequence

from emporion.events import NewEvent
from emporion.store.base import NewResellerRecord, Platform, SubscriptionKey, User
from emporion.store.faults import founded_already, unfinished_copy
from emporion.store.postgres.access import insert_key, insert_user
from emporion.store.postgres.connections import Connections
from emporion.store.postgres.events import append
from emporion.store.postgres.locks import hold_tree
from emporion.store.postgres.resellers import insert_reseller


async def found(
    connections: Connections,
    platform: Platform,
    provider: NewResellerRecord,
    reseller: NewResellerRecord,
    user: User,
    key: SubscriptionKey,
    events: Sequence[NewEvent],
) -> None:
    """See `emporion.store.base.Store.found`."""
    async with connections.transaction() as connection:
        await hold_tree(connection)
        if not await connection.fetchrow(
            "INSERT INTO platform (sandbox) VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1", platform.sandbox
        ):
            raise founded_already()
        if await connection.fetchrow("SELECT 1 FROM copies LIMIT 1"):
            raise unfinished_copy()
        await insert_reseller(connection, provider)
        await insert_reseller(connection, reseller)
        await insert_user(connection, user)
        await insert_key(connection, key)
        for event in events:
            await append(connection, event)
