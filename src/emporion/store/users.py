"""API users: who acts for a reseller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.credentials import Role
from emporion.store.database import execute, fetch_row
from emporion.store.events import append, lock_reseller
from emporion.store.faults import taken_user

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Write

_SELECT = """
    SELECT l.login, l.reseller_id, u.marketplace, l.password_hash, u.role, u.version, u.created_at, u.used_at,
        u.disabled_at
    FROM logins l JOIN users u ON u.reseller_id = l.reseller_id AND u.login = l.login
"""
_BY_LOGIN = f"{_SELECT} WHERE {{login_is}}"
_BY_RESELLER = f"{_SELECT} WHERE u.reseller_id = ?"
_ADD = """
    INSERT INTO users (reseller_id, login, marketplace, role, version, created_at, used_at, disabled_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = """
    UPDATE users SET marketplace = ?, role = ?, version = ?, disabled_at = ?
    WHERE reseller_id = ? AND version = ? AND login = (SELECT l.login FROM logins l WHERE {login_is}) RETURNING 1
"""
_UPDATE_HASH = "UPDATE logins AS l SET password_hash = ? WHERE {login_is}"


class User(Struct, frozen=True):
    """An API user. Its login is unique on the whole platform, whatever its case.

    version: of its credentials; tokens that were given for another one are over. used_at: when it last got a token.
    """

    login: str
    reseller_id: int
    marketplace: str
    password_hash: str
    role: Role = "owner"
    version: int = 1
    created_at: int = 0
    used_at: int | None = None
    disabled_at: int | None = None


class UserStore:
    """API users, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, login: str) -> User | None:
        """The API user with this login, whatever its case; never a customer's administrator."""
        row = await self._database.row(_BY_LOGIN, login)
        return User(*row) if row else None

    async def by_reseller(self, reseller_id: int) -> list[User]:
        """The reseller's users, by login, whatever its case."""
        users = [User(*row) for row in await self._database.rows(_BY_RESELLER, reseller_id)]
        return sorted(users, key=lambda user: user.login.lower())

    async def add(self, user: User, event: NewEvent) -> None:
        """Add an API user. Raises Problem (CONFLICT) if the login is taken, (NOT_FOUND) without such a reseller."""
        await self._database.write(_add, user, event)

    async def update(self, user: User, version: int, event: NewEvent) -> bool:
        """Put a user's role, marketplace, password, version and disabling into effect, if its version is `version`.

        Returns whether it was.
        """
        return await self._database.write(_update, user, version, event)


def _add(user: User, event: NewEvent) -> Write[None]:
    yield from append(event)
    yield from insert_user(user)


def insert_user(user: User) -> Write[None]:
    """Insert an API user. Raises Problem (CONFLICT) if the login is taken."""
    if not (yield from fetch_row("{add_login}", user.login, user.reseller_id, None, None, user.password_hash)):
        raise taken_user()
    yield from execute(
        _ADD,
        user.reseller_id,
        user.login,
        user.marketplace,
        user.role,
        user.version,
        user.created_at,
        user.used_at,
        user.disabled_at,
    )


def _update(user: User, version: int, event: NewEvent) -> Write[bool]:
    yield from lock_reseller(event.reseller_id)
    values = (user.marketplace, user.role, user.version, user.disabled_at, user.reseller_id, version, user.login)
    if not (yield from fetch_row(_UPDATE, *values)):
        return False
    yield from execute(_UPDATE_HASH, user.password_hash, user.login)
    yield from append(event)
    return True
