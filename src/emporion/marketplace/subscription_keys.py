"""Subscription keys: which reseller a calling system belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.credentials import key_digest
from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from emporion.store.base import Store, SubscriptionKey


class SubscriptionKeys:
    """The keys of all resellers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, key: str | None) -> SubscriptionKey:
        """The key as it is kept. Raises Problem (UNAUTHENTICATED) if it is None, unknown or revoked."""
        if not key:
            raise Problem(Code.UNAUTHENTICATED, "The header X-Subscription-Key is missing.")
        found = await self._store.key(key_digest(key))
        if not found:
            raise Problem(Code.UNAUTHENTICATED, "The header X-Subscription-Key has an unknown or revoked key.")
        return found
