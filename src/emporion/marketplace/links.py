"""One-time links, by which a customer's administrator sets a password that no other person has seen."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from emporion.accounts.documents import NEVER_SHOWN
from emporion.credentials import key_digest
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.events import NewEvent, Origin
from emporion.marketplace.sessions import Closed, email_of
from emporion.store.administrators import Administrator, AdministratorLogin, Link

if TYPE_CHECKING:
    from emporion.accounts.customers import Customer
    from emporion.events import Changes
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import Customers
    from emporion.marketplace.passwords import Passwords
    from emporion.marketplace.sessions import Sessions
    from emporion.store.administrators import AdministratorStore, LinkStore

# Seconds for which a link is good, and for which it is known that it was.
LIFETIME = 24 * 3600
KEPT = 30 * 86_400
FORGOTTEN_AT_ONCE = 1000

NO_LINK = "This link was used already, is too old, or was replaced by a newer one."


class NewLink(NamedTuple):
    """A link that was just made. secret: what stands in it; it cannot be read again."""

    secret: str
    link: Link


class Links:
    """The one-time links of all customers. clock: seconds since 1970."""

    def __init__(
        self,
        store: LinkStore,
        administrators: AdministratorStore,
        passwords: Passwords,
        customers: Customers,
        sessions: Sessions,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._administrators = administrators
        self._sessions = sessions
        self._passwords = passwords
        self._customers = customers
        self._clock = clock

    async def make(self, actor: Actor, customer_id: str, position: int) -> NewLink:
        """A link for the administrator who is the contact person at `position`; earlier ones are of no more use.

        Raises Problem (NOT_FOUND) if the actor reaches no such customer or there is no such administrator, (CONFLICT)
        if the account is closed to its administrator, and AccessDenied (FORBIDDEN) for a reader.
        """
        actor.must_be("editor")
        owner, number = await self._customers.owner(actor, customer_id)
        for login in await self._administrators.logins(owner, number):
            if login.position == position:
                await self._check_open(login, owner, number)
                now = self._now()
                secret = secrets.token_urlsafe(32)
                link = Link(key_digest(secret), login.login, owner, number, now, now + LIFETIME * 1000)
                about = f"for the administrator at contactPersons[{position}]"
                await self._store.add(link, NewEvent(owner, number, "link.created", now, actor.origin(), {}, about))
                return NewLink(secret, link)
        raise not_found(f"contactPersons[{position}] of customer {number} is no administrator")

    async def find(self, secret: str) -> tuple[Link, Administrator]:
        """A link that is good, and whose it is. Raises Problem (NOT_FOUND) for any other, and Closed."""
        link, administrator, _ = await self._find(secret)
        return link, administrator

    async def use(self, secret: str, password: str, origin: Origin) -> Administrator:
        """Set the password of a link's administrator, use up the link, and return the changed administrator.

        The administrator's sessions and other links are over. Raises Problem (NOT_FOUND) for a link that is not good,
        and (INVALID) at `new` for a password that is too weak.
        """
        link, administrator, customer = await self._find(secret)
        if message := self._passwords.fault(password):
            raise_invalid([Fault("new", message)])
        digest = await self._passwords.hash(password, link.reseller_id)
        had = NEVER_SHOWN if administrator.password_hash else None
        changes: Changes = {f"contactPersons[{administrator.position}].password": (had, NEVER_SHOWN)}
        who = structs.replace(origin, user=email_of(administrator, customer), account_id=link.customer_id)
        now = self._now()
        event = NewEvent(link.reseller_id, link.customer_id, "customer.updated", now, who, changes)
        if not await self._store.use(link, digest, now, event):
            raise not_found(NO_LINK)
        return structs.replace(administrator, password_hash=digest)

    async def _find(self, secret: str) -> tuple[Link, Administrator, Customer]:
        link = await self._store.get(key_digest(secret))
        if not link or link.used_at is not None or link.ends_at <= self._now():
            raise not_found(NO_LINK)
        found = await self._sessions.administrator(link.login, link.customer_id)
        if not found:
            raise not_found(NO_LINK)
        administrator, customer, _ = found
        return link, administrator, customer

    async def _check_open(self, login: AdministratorLogin, reseller_id: int, customer_id: int) -> None:
        try:
            await self._sessions.entered(
                Administrator(login.login, reseller_id, customer_id, login.position, login.password_hash)
            )
        except Closed:
            message = "This account cannot be signed in to now, so there is no use for a link."
            raise Problem(Code.CONFLICT, message) from None

    async def forget(self) -> None:
        """Remove some of the links that ended long ago. Raises Problem (UNAVAILABLE)."""
        await self._store.purge(self._now() - KEPT * 1000, FORGOTTEN_AT_ONCE)

    def _now(self) -> int:
        return int(self._clock() * 1000)
