"""Administrators of customers: what they sign in with, and the one-time links by which they set a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import astuple

from emporion.emails import fold_email
from emporion.store import rows
from emporion.store.database import execute, fetch_row, purge
from emporion.store.events import append, append_if_changed, lock_reseller
from emporion.store.faults import taken_login
from emporion.store.statements import FEW_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emporion.errors import Fault
    from emporion.events import NewEvent
    from emporion.store.database import Database, Row, Write

# The login of a customer has the customer's id, that of a reseller its own, that of a user none.
_BY_LOGIN = """
    SELECT l.login, l.reseller_id, l.customer_id, l.position, l.password_hash FROM logins l
    WHERE l.customer_id <> l.reseller_id AND {login_is}
"""
# CROSS JOIN keeps the planner of SQLite from beginning with the customers.
_BY_EMAIL = f"""
    SELECT l.login, l.reseller_id, l.customer_id, l.position, l.password_hash, c.document
    FROM customer_emails e CROSS JOIN customers c CROSS JOIN logins l
    WHERE e.email = ? AND {FEW_SHARE} AND {{email_is_of_customer}}
        AND l.reseller_id = c.reseller_id AND l.customer_id = c.id
    ORDER BY l.customer_id, l.position
"""  # noqa: S608 - put together from what stands here
_LOGINS = """
    SELECT position, login, password_hash FROM logins
    WHERE reseller_id = ? AND customer_id = ? AND customer_id IS NOT NULL ORDER BY position
"""
_UPDATE_HASH = """
    UPDATE logins AS l SET password_hash = ?
    WHERE {login_is} AND reseller_id = ? AND customer_id = ? AND position = ?
        AND coalesce(password_hash, '') = coalesce(?, '')
    RETURNING 1
"""

_LINK = "SELECT digest, login, reseller_id, customer_id, created_at, ends_at, used_at FROM links WHERE digest = ?"
_DROP_LINKS = "DELETE FROM links AS l WHERE {login_is}"
_ADD_LINK = """
    INSERT INTO links (digest, login, reseller_id, customer_id, created_at, ends_at, used_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_USABLE = "SELECT login, reseller_id, customer_id FROM links WHERE digest = ? AND used_at IS NULL AND ends_at > ?"
_UPDATE_HASH_BY_LINK = """
    UPDATE logins AS l SET password_hash = ? WHERE {login_is} AND reseller_id = ? AND customer_id = ? RETURNING 1
"""


class Administrator(Struct, frozen=True):
    """A user of a customer's control panel. position: of the contact person within the customer, from 0."""

    login: str
    reseller_id: int
    customer_id: int
    position: int
    password_hash: str | None


class AdministratorLogin(Struct, frozen=True):
    """What an administrator signs in with. position: of the contact person within the customer, from 0."""

    position: int
    login: str
    password_hash: str | None


class Link(Struct, frozen=True):
    """A one-time link by which an administrator sets a password. digest: SHA-256 of the secret in it."""

    digest: bytes
    login: str
    reseller_id: int
    customer_id: int
    created_at: int
    ends_at: int
    used_at: int | None = None


class AdministratorStore:
    """Administrators and their logins, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, login: str) -> Administrator | None:
        """The administrator of a customer with this login, whatever its case; never an API user, never a reseller's."""
        row = await self._database.row(_BY_LOGIN, login)
        return Administrator(*row) if row else None

    async def by_email(self, email: str, limit: int) -> list[Administrator]:
        """Up to `limit` administrators of customers of the whole platform whose folded e-mail address this is.

        Those of one customer who share the address are all given; by customer and position. None at all are given
        where more than 64 customers have the address.
        """
        return _with_email(email, limit, await self._database.long_rows(email, _BY_EMAIL, email, email))

    async def logins(self, reseller_id: int, account_id: int) -> list[AdministratorLogin]:
        """The logins of the administrators of a customer, or of the reseller itself, by position."""
        return [AdministratorLogin(*row) for row in await self._database.rows(_LOGINS, reseller_id, account_id)]

    async def set_password(self, before: Administrator, password_hash: str, event: NewEvent) -> bool:
        """Give an administrator another password, if it is still as `before` has it; whether it was."""
        return await self._database.write(_set_password, before, password_hash, event)


class LinkStore:
    """One-time links, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, digest: bytes) -> Link | None:
        """The link with this digest, also if it was used or is over; None once another one took its place."""
        row = await self._database.row(_LINK, digest)
        return Link(*row) if row else None

    async def add(self, link: Link, event: NewEvent) -> None:
        """Keep a one-time link; those that the login has had until now are of no more use."""
        await self._database.write(_add_link, link, event)

    async def use(self, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
        """Give the administrator of a link its password, once; whether it could be.

        It cannot if the link was used, has ended by `at` or was replaced, or if the login is no more that customer's.
        """
        return await self._database.write(_use_link, link, password_hash, at, event)

    async def purge(self, before: int, limit: int) -> int:
        """Remove up to `limit` links that ended before `before`; how many there were."""
        return await self._database.write(purge, "links", "digest", "ends_at < ?", "ends_at", limit, before)


def insert_logins(reseller_id: int, account_id: int, logins: Sequence[AdministratorLogin]) -> Write[list[Fault]]:
    """Insert the logins of an account's administrators that are free; returns a fault for each that is taken."""
    taken: list[int] = []
    # In one order, so that two transactions with the same logins do not wait for each other.
    for login in sorted(logins, key=lambda login: login.login.lower()):
        values = (login.login, reseller_id, account_id, login.position, login.password_hash)
        if not (yield from fetch_row("{add_login}", *values)):
            taken.append(login.position)
    return [taken_login(position) for position in sorted(taken)]


def _set_password(before: Administrator, password_hash: str, event: NewEvent) -> Write[bool]:
    return (yield from append_if_changed(event, _UPDATE_HASH, password_hash, *astuple(before)))


def _add_link(link: Link, event: NewEvent) -> Write[None]:
    yield from append(event)
    yield from execute(_DROP_LINKS, link.login)
    yield from execute(_ADD_LINK, *astuple(link))


def _use_link(link: Link, password_hash: str, at: int, event: NewEvent) -> Write[bool]:
    yield from lock_reseller(event.reseller_id)
    usable = yield from fetch_row(_USABLE, link.digest, at)
    if not usable or not (yield from fetch_row(_UPDATE_HASH_BY_LINK, password_hash, *usable)):
        return False
    yield from execute("UPDATE links SET used_at = ? WHERE digest = ?", at, link.digest)
    yield from append(event)
    return True


def _with_email(email: str, limit: int, found: Iterable[Row]) -> list[Administrator]:
    """Those of the logins that are found whose contact person has the address, each with the customer's document."""
    administrators: list[Administrator] = []
    for *row, document in found:
        if len(administrators) == limit:
            break
        administrator = Administrator(*row)
        persons = rows.decode(document).contact_persons[administrator.position :][:1]
        if any(person.type == "admin" and fold_email(person.email) == email for person in persons):
            administrators.append(administrator)
    return administrators
