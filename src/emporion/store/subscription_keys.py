"""Subscription keys: which reseller a calling system belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.limits import UNLIMITED, Limit
from emporion.store.database import execute, fetch_row
from emporion.store.events import append, append_if_changed, lock_reseller

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Write

_SELECT = """
    SELECT digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at, version
    FROM subscription_keys
"""
_BY_DIGEST = f"{_SELECT} WHERE digest = ?"
_BY_RESELLER = f"{_SELECT} WHERE reseller_id = ? ORDER BY created_at, digest"
_ADD = """
    INSERT INTO subscription_keys (
        digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at, version
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
    UPDATE subscription_keys SET api_version = ?, name = ?, rate = ?, burst = ?, per_day = ?, version = ?,
        revoked_at = ?
    WHERE digest = ? AND reseller_id = ? AND version = ? RETURNING 1
"""


class SubscriptionKey(Struct, frozen=True):
    """A subscription key. api_version: the contract version it is pinned to, if any.

    version: 1, then one more with each change.
    """

    digest: bytes
    reseller_id: int
    api_version: str | None = None
    name: str = ""
    limit: Limit = UNLIMITED
    created_at: int = 0
    used_at: int | None = None
    revoked_at: int | None = None
    version: int = 1

    @property
    def id(self) -> str:
        """What people call it by, since the key itself is shown only once."""
        return self.digest.hex()[:12]


class SubscriptionKeyStore:
    """Subscription keys, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, digest: bytes) -> SubscriptionKey | None:
        """The subscription key with this digest, also if it is revoked."""
        row = await self._database.row(_BY_DIGEST, digest)
        return _key(*row) if row else None

    async def by_reseller(self, reseller_id: int) -> list[SubscriptionKey]:
        """The reseller's keys, oldest first (by created_at, then digest)."""
        return [_key(*row) for row in await self._database.rows(_BY_RESELLER, reseller_id)]

    async def add(self, key: SubscriptionKey, event: NewEvent) -> None:
        """Add a subscription key. Raises Problem (NOT_FOUND) if there is no such reseller."""
        await self._database.write(_add, key, event)

    async def update(self, key: SubscriptionKey, version: int, event: NewEvent) -> bool:
        """Put a key's name, limits, pinned version, version and revocation into effect, if its version is `version`.

        Returns whether it was.
        """
        return await self._database.write(_update, key, version, event)

    async def rotate(
        self, old: SubscriptionKey, version: int, new: SubscriptionKey, revoked: NewEvent, created: NewEvent
    ) -> bool:
        """Update a key as `update` does, and add another one in its place, with the events of both.

        Returns whether the old key's version was `version`; otherwise nothing has changed.
        """
        return await self._database.write(_rotate, old, version, new, revoked, created)


def _add(key: SubscriptionKey, event: NewEvent) -> Write[None]:
    yield from append(event)
    yield from insert_key(key)


def insert_key(key: SubscriptionKey) -> Write[None]:
    """Insert a subscription key."""
    yield from execute(
        _ADD,
        key.digest,
        key.reseller_id,
        key.api_version,
        key.name,
        key.limit.rate,
        key.limit.burst,
        key.limit.per_day,
        key.created_at,
        key.used_at,
        key.revoked_at,
        key.version,
    )


def _update(key: SubscriptionKey, version: int, event: NewEvent) -> Write[bool]:
    return (yield from append_if_changed(event, _UPDATE, *_values(key, version)))


def _rotate(
    old: SubscriptionKey, version: int, new: SubscriptionKey, revoked: NewEvent, created: NewEvent
) -> Write[bool]:
    yield from lock_reseller(old.reseller_id)
    if not (yield from fetch_row(_UPDATE, *_values(old, version))):
        return False
    yield from _add(new, created)
    yield from append(revoked)
    return True


def _values(key: SubscriptionKey, version: int) -> tuple[object, ...]:
    """The values of `_UPDATE`."""
    limit = key.limit
    return (key.api_version, key.name, limit.rate, limit.burst, limit.per_day, key.version, key.revoked_at,
            key.digest, key.reseller_id, version)  # fmt: skip


def _key(
    digest: bytes,
    reseller_id: int,
    api_version: str | None,
    name: str,
    rate: int | None,
    burst: int | None,
    per_day: int | None,
    *rest: int,
) -> SubscriptionKey:
    """The key of a row of `_SELECT`."""
    return SubscriptionKey(digest, reseller_id, api_version, name, Limit(rate, burst, per_day), *rest)
