"""API users: who acts for a reseller, in which role, and with which password."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from msgspec import Meta, Struct, structs

from emporion.accounts.documents import NEVER_SHOWN, diff
from emporion.credentials import Role, new_password
from emporion.errors import Fault, Problem, not_found, raise_invalid
from emporion.events import Changes, NewEvent, Origin, Subject
from emporion.marketplace.actors import check_reach
from emporion.marketplace.patches import ATTEMPTS, too_busy
from emporion.store.users import User
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.passwords import Passwords
    from emporion.store.resellers import ResellerStore
    from emporion.store.users import UserStore


class NewLogin(Struct, kw_only=True, frozen=True):
    """How an API user is called, and for which marketplace."""

    login: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$",
            extra={"says": "must begin with a letter or digit and have only letters, digits, _ . @ and - after it"},
        ),
    ]
    marketplace: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9_-]+$",
            extra={"says": "must be a code of letters, digits, - and _, such as us"},
        ),
    ]


class NewUser(NamedTuple):
    """A user with a new password, which cannot be read again."""

    password: str
    user: User


class Users:
    """The API users of all resellers. clock: seconds since 1970."""

    def __init__(
        self, store: UserStore, resellers: ResellerStore, passwords: Passwords, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._resellers = resellers
        self._passwords = passwords
        self._clock = clock

    async def of(self, reseller_id: int) -> list[User]:
        """The reseller's users, by login, with those that are disabled."""
        return await self._store.by_reseller(reseller_id)

    async def get(self, login: str) -> User:
        """The user with this login, whatever its case. Raises Problem (NOT_FOUND)."""
        user = await self._store.get(login)
        if not user:
            raise _unknown(login)
        return user

    async def find(self, actor: Actor, login: str) -> User:
        """The user with this login, if the actor reaches its reseller. Raises Problem (NOT_FOUND), as for no user."""
        user = await self._store.get(login)
        if not user or not await self._resellers.is_within(user.reseller_id, actor.account_id):
            raise _unknown(login)
        return user

    async def add(
        self, actor: Actor, reseller_id: int, login: str, role: Role, marketplace: str, password: str | None = None
    ) -> NewUser:
        """A new user of the reseller, with `password` or else a random one.

        Raises Problem (INVALID) for a login, marketplace or password that cannot be used, (CONFLICT) for a taken
        login, and (NOT_FOUND) if there is no such reseller.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        _, faults = read(NewLogin, {"login": login, "marketplace": marketplace})
        self._check(password, faults)
        secret = password or new_password()
        digest = await self._passwords.hash(secret, reseller_id)
        user = User(login, reseller_id, marketplace, digest, role, created_at=self._now())
        await self._store.add(user, created(user, actor.origin(), self._now()))
        return NewUser(secret, user)

    async def rotate(self, actor: Actor, login: str, password: str | None = None) -> NewUser:
        """The user with another password, `password` or else a random one; its tokens are over."""
        self._check(password, [])
        secret = password or new_password()
        digest = await self._passwords.hash(secret, actor.account_id)
        hidden: Changes = {"password": (NEVER_SHOWN, NEVER_SHOWN)}
        return NewUser(secret, await self._change(actor, login, {"password_hash": digest}, hidden))

    async def disable(self, actor: Actor, login: str) -> User:
        """Disable the user and revoke its tokens."""
        return await self._change(actor, login, {"disabled_at": self._now()})

    async def enable(self, actor: Actor, login: str) -> User:
        """The user, who gets in again with a new token."""
        return await self._change(actor, login, {"disabled_at": None})

    async def change_role(self, actor: Actor, login: str, role: Role) -> User:
        """Give the user another role and revoke its tokens."""
        return await self._change(actor, login, {"role": role})

    async def _change(self, actor: Actor, login: str, members: dict[str, object], also: Changes | None = None) -> User:
        actor.must_be("owner")
        for _ in range(ATTEMPTS):
            user = await self.find(actor, login)
            changed = structs.replace(user, **members, version=user.version + 1)
            changes = {**diff(_shown(user), _shown(changed)), **(also or {})}
            if not changes:
                return user
            if await self._store.update(changed, user.version, self._event(actor, user, changes)):
                return changed
        raise too_busy()

    def _check(self, password: str | None, faults: list[Fault]) -> None:
        if password is not None and (message := self._passwords.fault(password)):
            faults.append(Fault("password", message))
        if faults:
            raise_invalid(faults)

    def _event(self, actor: Actor, user: User, changes: Changes) -> NewEvent:
        owner = user.reseller_id
        return NewEvent(
            owner, owner, "user.updated", self._now(), actor.origin(), changes, _named(user), subject_of(user)
        )

    def _now(self) -> int:
        return int(self._clock() * 1000)


def created(user: User, origin: Origin, at: int) -> NewEvent:
    """The entry of the log for a new user. at: in milliseconds."""
    owner = user.reseller_id
    changes = diff({}, _shown(user))
    return NewEvent(owner, owner, "user.created", at, origin, changes, _named(user), subject_of(user))


def subject_of(user: User) -> Subject:
    """What events about a user are about."""
    return Subject("user", user.login)


def _named(user: User) -> str:
    return f"user {user.login}"


def _unknown(login: str) -> Problem:
    return not_found(f"there is no API user {login}")


def _shown(user: User) -> dict[str, object]:
    """What the log says of a user."""
    shown: dict[str, object] = {"role": user.role, "marketplace": user.marketplace}
    return {**shown, "disabled": True} if user.disabled_at is not None else shown
