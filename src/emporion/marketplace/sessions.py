"""Sessions: people who are signed in, API users to the console and customers' administrators to their control panel."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from emporion.accounts.customers import Customer
from emporion.accounts.documents import NEVER_SHOWN
from emporion.accounts.statuses import Status
from emporion.credentials import key_digest
from emporion.emails import fold_email
from emporion.errors import AccessDenied, Code, Fault, Problem, raise_invalid
from emporion.events import NewEvent
from emporion.marketplace import customers
from emporion.marketplace.actors import Actor
from emporion.marketplace.tokens import RESELLER_SUSPENDED
from emporion.store.administrators import Administrator
from emporion.store.sessions import Session
from emporion.store.users import User

if TYPE_CHECKING:
    from emporion.events import Changes, Origin
    from emporion.marketplace.login_throttle import LoginThrottle
    from emporion.marketplace.passwords import Passwords
    from emporion.marketplace.usage import UsageRecorder
    from emporion.store.base import Store

WRONG = "The login or the password is wrong."
WRONG_NOW = "is not your password"
NO_ENTRY = "The account is closed."
# In which a customer's administrator does not get in (contract: Statuses; issues: `cancelled` and `error`).
CLOSED: frozenset[Status] = frozenset({"cancelled", "error"})

# Seconds that a session lasts at most, and without being used.
LIFETIME = 12 * 3600
IDLE = 2 * 3600
# Seconds between two notes of when a session was last seen.
NOTED = 300
# Sessions are listed, and then forgotten, for so many seconds.
KEPT = 90 * 86_400
FORGOTTEN_AT_ONCE = 1000
MOST_LISTED = 20
# How many may share an e-mail address, by which they sign in; the store gives none of more.
MOST_SHARING_AN_ADDRESS = 64
# As much as is kept of how a browser names itself.
LONGEST_AGENT = 200


class NewSession(NamedTuple):
    """A session that just began. secret: what the browser keeps; it cannot be read again."""

    secret: str
    session: Session


class Closed(AccessDenied):
    """An administrator whose password is right, but whose account is closed.

    status: of the customer, or None where it is its reseller that is shut.
    """

    def __init__(self, administrator: Administrator, status: Status | None) -> None:
        super().__init__(Code.FORBIDDEN, NO_ENTRY, administrator.reseller_id)
        self.status = status
        self.administrator = administrator


class SignedInAdministrator(NamedTuple):
    """An administrator who is signed in, and the account at the same moment. version: of the customer."""

    session: Session
    administrator: Administrator
    customer: Customer
    version: int

    @property
    def email(self) -> str:
        """The administrator's name in the log, where logins are never shown."""
        return email_of(self.administrator, self.customer)

    def actor(self, origin: Origin) -> Actor:
        """The administrator as the actor of their own account."""
        return Actor(int(self.customer.id), self.email, origin.source, "editor", origin.correlation_id, origin.address)


class Sessions:
    """Signs people in and out. clock: seconds since 1970."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        guesses: LoginThrottle,
        visits: UsageRecorder,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._guesses = guesses
        self._visits = visits
        self._clock = clock

    async def begin_for_user(self, login: str, password: str, origin: Origin, agent: str) -> NewSession:
        """A session of an API user.

        Raises AccessDenied: (UNAUTHENTICATED) after the same time whatever was wrong, (LIMITED) after too many of
        those, and (FORBIDDEN) if the user's reseller is shut.
        """
        async with self._guesses.attempt(login, origin.address, None) as attempt:
            user = await self._store.users.get(login)
            right = await self._passwords.verify(user.password_hash if user else None, password, known=attempt.known)
            if not user or not right or user.disabled_at is not None:
                await self._guesses.failed(attempt)
                known = (user.reseller_id, user.login) if user else (None, None)
                raise AccessDenied(Code.UNAUTHENTICATED, WRONG, *known)
            await self._guesses.succeeded(attempt)
        if await self._store.resellers.is_suspended(user.reseller_id):
            raise AccessDenied(Code.FORBIDDEN, RESELLER_SUSPENDED, user.reseller_id, user.login)
        self._visits.user(user.reseller_id, user.login)
        return await self._begin(user.login, user.reseller_id, None, _credentials(user), origin, agent)

    async def begin_for_administrator(self, name: str, password: str, origin: Origin, agent: str) -> NewSession:
        """A session of a customer's administrator. name: a login, or an e-mail address.

        Of several who have the address it is the one whose password it is: an administrator who takes on another's
        address takes nothing from the other, and learns no more than the time tells in which so many passwords are
        tried.
        Raises AccessDenied as `begin_for_user` does, and Closed if the password is right but the account is closed.
        """
        meant = {one.login: one for one in await self._named(name)}
        # Counted by the login, so that an attacker who knows the address as well has no more tries.
        async with self._guesses.attempts([*meant] or [name], origin.address, None) as attempts:
            right = []
            for attempt in attempts:
                one = meant.get(attempt.login)
                digest = one.password_hash if one else None
                if await self._passwords.verify(digest, password, known=attempt.known) and one:
                    right.append((one, attempt))
            if len(right) != 1:
                await self._guesses.failed(*attempts)
                owners = {one.reseller_id for one in meant.values()}
                raise AccessDenied(Code.UNAUTHENTICATED, WRONG, owners.pop() if len(owners) == 1 else None)
            ((found, attempt),) = right
            await self._guesses.succeeded(attempt)
        return await self.begin(found, origin, agent)

    async def _named(self, name: str) -> list[Administrator]:
        """Who has this login or e-mail address, and a password."""
        found = await self._store.administrators.get(name)
        if found or "@" not in name:
            return [found] if found else []
        sharing = await self._store.administrators.by_email(fold_email(name), MOST_SHARING_AN_ADDRESS)
        return [one for one in sharing if one.password_hash is not None]

    async def begin(self, administrator: Administrator, origin: Origin, agent: str) -> NewSession:
        """A session of an administrator whose identity is proved. Raises Closed."""
        await self.entered(administrator)
        return await self._begin(
            administrator.login,
            administrator.reseller_id,
            administrator.customer_id,
            administrator.password_hash or "",
            origin,
            agent,
        )

    async def user(self, secret: str, origin: Origin) -> tuple[Session, Actor] | None:
        """The API user to whom a session belongs, in the role that the user has now; None if it is over.

        Raises AccessDenied (FORBIDDEN) if the user's reseller is shut.
        """
        session = await self._current(secret)
        if not session or session.customer_id is not None:
            return None
        user = await self._store.users.get(session.login)
        if not user or user.disabled_at is not None or user.reseller_id != session.reseller_id:
            return None
        if _proof(_credentials(user)) != session.proof:
            return None
        if await self._store.resellers.is_suspended(user.reseller_id):
            raise AccessDenied(Code.FORBIDDEN, RESELLER_SUSPENDED, user.reseller_id, user.login)
        await self._note_use(session)
        actor = Actor(user.reseller_id, user.login, origin.source, user.role, origin.correlation_id, origin.address)
        return session, actor

    async def visitor(self, secret: str) -> SignedInAdministrator | None:
        """The administrator to whom a session belongs, with the account; None if it is over. Raises Closed."""
        session = await self._current(secret)
        if not session or session.customer_id is None:
            return None
        found = await self.administrator(session.login, session.customer_id, session.proof)
        if not found:
            return None
        await self._note_use(session)
        return SignedInAdministrator(session, *found)

    async def end(self, session: Session) -> None:
        """Sign out."""
        await self._store.sessions.end(session.login, [session.digest], self._now())

    async def end_others(self, session: Session) -> int:
        """End all other sessions of the same login; how many there were."""
        return await self._store.sessions.end_others(session.login, session.digest, self._now())

    async def recent(self, session: Session) -> list[Session]:
        """The last sessions of the same login, newest first, with those that are over."""
        return await self._store.sessions.by_login(session.login, MOST_LISTED)

    def is_open(self, session: Session, proof: bytes) -> bool:
        """Whether the session's secret still authenticates. proof: of the password that is good now."""
        return self._in_time(session) and session.proof == proof

    async def change_password(
        self, visitor: SignedInAdministrator, old: str, new: str, origin: Origin, agent: str
    ) -> NewSession:
        """Give the visitor another password and a new session; all other sessions are over.

        Raises Problem (INVALID) at `old` or `new`, and AccessDenied (LIMITED) after too many wrong old ones.
        """
        before = visitor.administrator
        faults: list[Fault] = []
        if message := self._passwords.fault(new):
            faults.append(Fault("new", message))
        async with self._guesses.attempt(before.login, origin.address, before.reseller_id) as attempt:
            if not await self._passwords.verify(before.password_hash, old, known=True):
                await self._guesses.failed(attempt)
                faults.insert(0, Fault("old", WRONG_NOW))
            else:
                await self._guesses.succeeded(attempt)
        if faults:
            raise_invalid(faults)
        digest = await self._passwords.hash(new, before.reseller_id)
        path = f"contactPersons[{before.position}].password"
        changes: Changes = {path: (NEVER_SHOWN, NEVER_SHOWN)}
        event = NewEvent(
            before.reseller_id, before.customer_id, "customer.updated", self._now(), visitor.actor(origin).origin(),
            changes,
        )  # fmt: skip
        if not await self._store.administrators.set_password(before, digest, event):
            raise Problem(Code.CONFLICT, "The password was changed at the same time; sign in with the new one.")
        return await self.begin(structs.replace(before, password_hash=digest), origin, agent)

    async def forget(self) -> None:
        """Remove some of the sessions that are listed no longer. Raises Problem (UNAVAILABLE)."""
        await self._store.sessions.purge(self._now() - KEPT * 1000, FORGOTTEN_AT_ONCE)

    async def _begin(
        self, login: str, reseller_id: int, customer_id: int | None, credentials: str, origin: Origin, agent: str
    ) -> NewSession:
        secret = secrets.token_urlsafe(32)
        now = self._now()
        session = Session(
            digest=key_digest(secret),
            login=login,
            reseller_id=reseller_id,
            customer_id=customer_id,
            proof=_proof(credentials),
            created_at=now,
            used_at=now,
            ends_at=now + LIFETIME * 1000,
            address=origin.address,
            agent=agent[:LONGEST_AGENT],
        )
        await self._store.sessions.add(session)
        return NewSession(secret, session)

    async def _current(self, secret: str) -> Session | None:
        session = await self._store.sessions.get(key_digest(secret))
        return session if session and self._in_time(session) else None

    def _in_time(self, session: Session) -> bool:
        now = self._now()
        return session.ended_at is None and now < session.ends_at and now - session.used_at < IDLE * 1000

    async def _note_use(self, session: Session) -> None:
        now = self._now()
        if now - session.used_at > NOTED * 1000:
            await self._store.sessions.touch(session.digest, now)

    async def administrator(
        self, login: str, customer_id: int, proof: bytes | None = None
    ) -> tuple[Administrator, Customer, int] | None:
        """The administrator with this login, the customer and its version at one moment; None if it is another's.

        proof: of the password that must be good still, where that counts. Raises Closed if the account is closed.
        """
        administrator = await self._store.administrators.get(login)
        while administrator and administrator.customer_id == customer_id:
            if proof is not None and _proof(administrator.password_hash or "") != proof:
                return None
            customer, version = await self.entered(administrator)
            # The administrator has another place among the contacts if others were removed in between.
            again = await self._store.administrators.get(login)
            if again == administrator:
                return administrator, customer, version
            administrator = again
        return None

    async def entered(self, administrator: Administrator) -> tuple[Customer, int]:
        """The account of an administrator and its version. Raises Closed if it is closed to them."""
        record = await self._store.customers.get(administrator.reseller_id, administrator.customer_id)
        if not record or await self._store.resellers.is_suspended(administrator.reseller_id):
            raise Closed(administrator, None)
        customer = customers.decode(record.document)
        if customer.status in CLOSED:
            raise Closed(administrator, customer.status)
        return customer, record.version

    def _now(self) -> int:
        return int(self._clock() * 1000)


def email_of(administrator: Administrator, customer: Customer) -> str:
    """The address of an administrator, both as they were at one moment."""
    return customer.contact_persons[administrator.position].email


def _credentials(user: User) -> str:
    """What a session of an API user is begun with; as for tokens, another version of it ends them."""
    return f"{user.version} {user.password_hash}"


def _proof(credentials: str) -> bytes:
    return key_digest(credentials)
