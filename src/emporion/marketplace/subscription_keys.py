"""Subscription keys: which reseller a calling system belongs to, and how much it may ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from emporion.accounts.documents import diff
from emporion.accounts.fields import Name
from emporion.credentials import key_digest, new_subscription_key
from emporion.errors import AccessDenied, Code, Problem, not_found, raise_invalid
from emporion.events import Changes, NewEvent, Origin, Subject
from emporion.limits import Limit
from emporion.marketplace.actors import check_reach
from emporion.marketplace.patches import ATTEMPTS, too_busy
from emporion.store.subscription_keys import SubscriptionKey
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.resellers import ResellerStore
    from emporion.store.subscription_keys import SubscriptionKeyStore


class KeyName(Struct, frozen=True):
    """What people call a key."""

    name: Name


class NewKey(NamedTuple):
    """A key that was just made. secret: the key itself, which cannot be read again."""

    secret: str
    key: SubscriptionKey


class SubscriptionKeys:
    """The keys of all resellers. clock: seconds since 1970."""

    def __init__(self, store: SubscriptionKeyStore, resellers: ResellerStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._resellers = resellers
        self._clock = clock

    async def find(self, key: str | None) -> SubscriptionKey:
        """The key as it is kept. Raises AccessDenied (UNAUTHENTICATED) if it is None, unknown or revoked."""
        if not key:
            raise AccessDenied(Code.UNAUTHENTICATED, "The header X-Subscription-Key is missing.")
        found = await self._store.get(key_digest(key))
        if not found or found.revoked_at is not None:
            raise AccessDenied(
                Code.UNAUTHENTICATED,
                "The header X-Subscription-Key has an unknown or revoked key.",
                found.reseller_id if found else None,
            )
        return found

    async def of(self, reseller_id: int) -> list[SubscriptionKey]:
        """The reseller's keys, oldest first, with those that are revoked."""
        return await self._store.by_reseller(reseller_id)

    async def get(self, reseller_id: int, key_id: str) -> SubscriptionKey:
        """One of them by its id. Raises Problem (NOT_FOUND)."""
        for key in await self._store.by_reseller(reseller_id):
            if key.id == key_id:
                return key
        raise not_found(f"reseller {reseller_id} has no subscription key {key_id}")

    async def add(
        self, actor: Actor, reseller_id: int, name: str, limit: Limit, api_version: str | None = None
    ) -> NewKey:
        """A new key of the reseller.

        Raises Problem (INVALID) for a name that cannot be used, and (NOT_FOUND) if there is no such reseller.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        new = self._new(reseller_id, _checked(name), limit, api_version)
        await self._store.add(new.key, created(new.key, actor.origin(), self._now()))
        return new

    async def change(
        self, actor: Actor, key: SubscriptionKey, *, name: str, limit: Limit, api_version: str | None
    ) -> SubscriptionKey:
        """The key with another name, other limits or another pinned contract version.

        Raises Problem (INVALID) for a name that cannot be used, (CONFLICT) for a key that is revoked, and
        (PRECONDITION_FAILED) if it was changed since it was read.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, key.reseller_id)
        _check_good(key)
        name = key.name if name == key.name else _checked(name)
        changed = structs.replace(key, name=name, limit=limit, api_version=api_version, version=key.version + 1)
        if changes := diff(_shown(key), _shown(changed)):
            if await self._store.update(changed, key.version, self._event(actor, key, changes)):
                return changed
            _check_good(await self.get(key.reseller_id, key.id))
            raise Problem(
                Code.PRECONDITION_FAILED, "The subscription key was changed meanwhile: read it again, then change it."
            )
        return key

    async def revoke(self, actor: Actor, key: SubscriptionKey) -> SubscriptionKey:
        """The key as it is from now on: of no use."""
        actor.must_be("owner")
        await check_reach(self._resellers, actor, key.reseller_id)
        for _ in range(ATTEMPTS):
            if key.revoked_at is not None:
                return key
            revoked = self._revoked(key)
            if await self._store.update(revoked, key.version, self._revocation(actor, key)):
                return revoked
            key = await self.get(key.reseller_id, key.id)
        raise too_busy()

    async def rotate(self, actor: Actor, key: SubscriptionKey) -> NewKey:
        """A new key in the place of one that is revoked with it. Raises Problem (CONFLICT) if it was revoked before."""
        actor.must_be("owner")
        await check_reach(self._resellers, actor, key.reseller_id)
        for _ in range(ATTEMPTS):
            _check_good(key)
            new = self._new(key.reseller_id, key.name, key.limit, key.api_version)
            events = self._revocation(actor, key), created(new.key, actor.origin(), self._now())
            if await self._store.rotate(self._revoked(key), key.version, new.key, *events):
                return new
            key = await self.get(key.reseller_id, key.id)
        raise too_busy()

    def _new(self, reseller_id: int, name: str, limit: Limit, api_version: str | None) -> NewKey:
        secret = new_subscription_key()
        return NewKey(secret, SubscriptionKey(key_digest(secret), reseller_id, api_version, name, limit, self._now()))

    def _revoked(self, key: SubscriptionKey) -> SubscriptionKey:
        return structs.replace(key, revoked_at=self._now(), version=key.version + 1)

    def _revocation(self, actor: Actor, key: SubscriptionKey) -> NewEvent:
        return self._event(actor, key, diff(_shown(key), _shown(self._revoked(key))))

    def _event(self, actor: Actor, key: SubscriptionKey, changes: Changes) -> NewEvent:
        owner = key.reseller_id
        return NewEvent(owner, owner, "key.updated", self._now(), actor.origin(), changes, _named(key), subject_of(key))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def created(key: SubscriptionKey, origin: Origin, at: int) -> NewEvent:
    """The entry of the log for a new key. at: in milliseconds."""
    owner = key.reseller_id
    changes = diff({}, _shown(key))
    return NewEvent(owner, owner, "key.created", at, origin, changes, _named(key), subject_of(key))


def subject_of(key: SubscriptionKey) -> Subject:
    """What events about a key are about."""
    return Subject("key", key.id)


def _named(key: SubscriptionKey) -> str:
    return f"key {key.id}"


def _checked(name: str) -> str:
    wanted, faults = read(KeyName, {"name": name})
    if faults:
        raise_invalid(faults)
    return wanted.name


def _check_good(key: SubscriptionKey) -> None:
    if key.revoked_at is not None:
        raise Problem(Code.CONFLICT, f"The subscription key {key.id} is revoked for good; add another one.")


def _shown(key: SubscriptionKey) -> dict[str, object]:
    """What the log says of a key."""
    limit = key.limit
    return {
        name: value
        for name, value in {
            "name": key.name,
            "apiVersion": key.api_version,
            "rate": limit.rate,
            "burst": limit.burst,
            "perDay": limit.per_day,
            "revoked": key.revoked_at is not None or None,
        }.items()
        if value is not None
    }
