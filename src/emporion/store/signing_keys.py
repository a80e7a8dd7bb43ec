"""The keys that sign tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.credentials import SigningKey
from emporion.store.database import execute
from emporion.store.events import append, append_if_changed

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Write

_ALL = "SELECT id, private, created_at, until FROM signing_keys ORDER BY created_at DESC, id"
_END = "UPDATE signing_keys SET until = ? WHERE id = ? RETURNING 1"


class SigningKeyStore:
    """The platform's signing keys, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[SigningKey]:
        """The keys that sign tokens or have signed them, newest first (by created_at, then id)."""
        return [SigningKey(*row) for row in await self._database.rows(_ALL)]

    async def add(self, key: SigningKey, until: int, event: NewEvent) -> None:
        """Let a new key sign from now on; those that sign until now end at `until`."""
        await self._database.write(_add, key, until, event)

    async def end(self, key_id: str, at: int, event: NewEvent) -> bool:
        """Let the tokens of a key end at `at`; whether there is such a key."""
        return await self._database.write(_end, key_id, at, event)


def _add(key: SigningKey, until: int, event: NewEvent) -> Write[None]:
    yield from append(event)
    yield from execute("UPDATE signing_keys SET until = ? WHERE until IS NULL", until)
    yield from execute(
        "INSERT INTO signing_keys (id, private, created_at) VALUES (?, ?, ?)", key.id, key.private, key.created_at
    )


def _end(key_id: str, at: int, event: NewEvent) -> Write[bool]:
    return (yield from append_if_changed(event, _END, at, key_id))
