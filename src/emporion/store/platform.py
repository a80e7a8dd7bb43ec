"""The platform itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.store.database import fetch_row
from emporion.store.events import append
from emporion.store.faults import founded_already, unfinished_copy
from emporion.store.resellers import insert_reseller, lock_tree
from emporion.store.subscription_keys import insert_key
from emporion.store.users import insert_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.events import NewEvent
    from emporion.store.database import Database, Write
    from emporion.store.resellers import NewResellerRecord
    from emporion.store.subscription_keys import SubscriptionKey
    from emporion.store.users import User

# 1 = 1 is what the only row has in the column `one`, a truth value or a number.
_ADD = "INSERT INTO platform (one, sandbox) VALUES (1 = 1, ?) ON CONFLICT DO NOTHING RETURNING 1"


class Platform(Struct, frozen=True):
    """What holds for the whole platform. sandbox: its credentials are public."""

    sandbox: bool


class PlatformStore:
    """The platform, as it is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self) -> Platform | None:
        """The platform, or None before it was created."""
        row = await self._database.row("SELECT sandbox FROM platform")
        return Platform(bool(row[0])) if row else None

    async def create(
        self,
        platform: Platform,
        provider: NewResellerRecord,
        reseller: NewResellerRecord,
        user: User,
        key: SubscriptionKey,
        events: Sequence[NewEvent] = (),
    ) -> None:
        """Make the platform with its first accounts, all or nothing; both resellers' logs begin with their creation.

        events: what follows in the logs.

        Raises Problem (CONFLICT) if there is one already.
        """
        await self._database.write(_create, platform, provider, reseller, user, key, events)


def _create(
    platform: Platform,
    provider: NewResellerRecord,
    reseller: NewResellerRecord,
    user: User,
    key: SubscriptionKey,
    events: Sequence[NewEvent],
) -> Write[None]:
    yield from lock_tree()
    if not (yield from fetch_row(_ADD, platform.sandbox)):
        raise founded_already()
    if (yield from fetch_row("SELECT 1 FROM copies LIMIT 1")):
        raise unfinished_copy()
    yield from insert_reseller(provider)
    yield from insert_reseller(reseller)
    yield from insert_user(user)
    yield from insert_key(key)
    for event in events:
        yield from append(event)
