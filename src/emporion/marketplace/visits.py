"""Visits: when users, keys and clients last came in, kept now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emporion.store.base import Uses

if TYPE_CHECKING:
    from emporion.store.base import Store


class Visits:
    """Gathers who came in since it was last kept. clock: seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._users: set[tuple[int, str]] = set()
        self._keys: set[bytes] = set()
        self._clients: set[tuple[str, str]] = set()

    def user(self, reseller_id: int, login: str) -> None:
        """A user came in."""
        self._users.add((reseller_id, login))

    def key(self, digest: bytes) -> None:
        """A subscription key came in."""
        self._keys.add(digest)

    def client(self, realm: str, client_id: str) -> None:
        """An OAuth client came in."""
        self._clients.add((realm, client_id))

    async def keep(self) -> None:
        """Write down who came in. Raises Problem (UNAVAILABLE); then they are kept the next time."""
        if not (self._users or self._keys or self._clients):
            return
        uses = Uses(int(self._clock() * 1000), sorted(self._users), sorted(self._keys), sorted(self._clients))
        await self._store.note_uses(uses)
        self._users -= set(uses.users)
        self._keys -= set(uses.keys)
        self._clients -= set(uses.clients)
