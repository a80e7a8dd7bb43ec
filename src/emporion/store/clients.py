"""OAuth clients of resellers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import astuple

from emporion.credentials import Role
from emporion.store.database import fetch_row
from emporion.store.events import append, append_if_changed
from emporion.store.faults import taken_client

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Write

_SELECT = """
    SELECT realm, id, reseller_id, secret_digest, role, name, version, created_at, used_at, disabled_at FROM clients
"""
_BY_ID = f"{_SELECT} WHERE realm = ? AND id = ?"
_BY_RESELLER = f"{_SELECT} WHERE reseller_id = ? ORDER BY realm, id"
_ADD = """
    INSERT INTO clients (realm, id, reseller_id, secret_digest, role, name, version, created_at, used_at, disabled_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1
"""
_UPDATE = """
    UPDATE clients SET secret_digest = ?, role = ?, name = ?, version = ?, disabled_at = ?
    WHERE realm = ? AND id = ? AND reseller_id = ? AND version = ? RETURNING 1
"""


class Client(Struct, frozen=True):
    """An OAuth client of a reseller; its id is unique within the realm. version: as in `User`."""

    realm: str
    id: str
    reseller_id: int
    secret_digest: bytes
    role: Role = "owner"
    name: str = ""
    version: int = 1
    created_at: int = 0
    used_at: int | None = None
    disabled_at: int | None = None

    @property
    def user(self) -> str:
        """What it is called where a user's login would stand; no login has a colon."""
        return f"client:{self.realm}/{self.id}"


class ClientStore:
    """OAuth clients, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, realm: str, client_id: str) -> Client | None:
        """The client, also if it is disabled."""
        row = await self._database.row(_BY_ID, realm, client_id)
        return Client(*row) if row else None

    async def by_reseller(self, reseller_id: int) -> list[Client]:
        """The reseller's clients, by realm and id."""
        return [Client(*row) for row in await self._database.rows(_BY_RESELLER, reseller_id)]

    async def add(self, client: Client, event: NewEvent) -> None:
        """Add a client. Raises Problem (CONFLICT) if the realm has its id, (NOT_FOUND) if there is no such reseller."""
        await self._database.write(_add, client, event)

    async def update(self, client: Client, version: int, event: NewEvent) -> bool:
        """Put a client's name, role, secret, version and disabling into effect, if its version is `version`.

        Returns whether it was.
        """
        return await self._database.write(_update, client, version, event)


def _add(client: Client, event: NewEvent) -> Write[None]:
    yield from append(event)
    if not (yield from fetch_row(_ADD, *astuple(client))):
        raise taken_client()


def _update(client: Client, version: int, event: NewEvent) -> Write[bool]:
    changed = (client.secret_digest, client.role, client.name, client.version, client.disabled_at)
    which = (client.realm, client.id, client.reseller_id, version)
    return (yield from append_if_changed(event, _UPDATE, *changed, *which))
