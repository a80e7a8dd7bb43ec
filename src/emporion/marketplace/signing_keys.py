"""The keys that sign tokens: all nodes use those in the database, and old tokens stay good until they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from emporion.accounts.ids import PROVIDER_ID
from emporion.credentials import SigningKey, new_signing_key
from emporion.errors import not_found
from emporion.events import EventType, NewEvent, Subject
from emporion.marketplace.actors import Actor

if TYPE_CHECKING:
    from emporion.store.signing_keys import SigningKeyStore

# For how many seconds the keys are not read again; one that was ended is out after that, and what the gate remembers.
REMEMBERED = 0.4
# How ours are called; what is called otherwise need not be looked for.
KEY_ID = re.compile("[0-9a-f]{16}")
# Seconds for which a token can be good at most, whatever a node's setting.
LONGEST_LIFETIME = 86_400


class SigningKeys:
    """The platform's keys. clock: seconds since 1970."""

    def __init__(self, store: SigningKeyStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._known: list[SigningKey] = []
        self._read_at = 0.0

    async def current(self) -> SigningKey:
        """The key that signs now, read anew; the first one is made here."""
        for key in await self._read():
            if key.until is None:
                return key
        await self.rotate(Actor(PROVIDER_ID, "emporion", "worker"))
        return await self.current()

    async def find(self, key_id: str | None) -> SigningKey | None:
        """The key with this id, if its tokens can still be good."""
        if key_id is None or not KEY_ID.fullmatch(key_id):
            return None
        known = {key.id: key for key in await self.all()}
        if key_id not in known:  # another node may have made it a moment ago
            known = {key.id: key for key in await self._read()}
        key = known.get(key_id)
        return key if key and _is_good(key, self._clock()) else None

    async def good(self) -> list[SigningKey]:
        """The keys whose tokens can still be good, newest first."""
        return [key for key in await self.all() if _is_good(key, self._clock())]

    async def all(self) -> list[SigningKey]:
        """All keys that there have been, newest first."""
        if not 0 <= self._clock() - self._read_at < REMEMBERED:
            await self._read()
        return self._known

    async def _read(self) -> list[SigningKey]:
        asked_at = self._clock()
        self._known, self._read_at = await self._store.all(), asked_at
        return self._known

    async def rotate(self, actor: Actor) -> SigningKey:
        """A new key, which signs from now on; the tokens of the old ones stay good until they end."""
        actor.must_be("owner")
        now = self._now()
        key = new_signing_key(now)
        event = self._event(actor, key.id, "signs from now on")
        await self._store.add(key, now + LONGEST_LIFETIME * 1000, event)
        self._read_at = 0.0
        return key

    async def end(self, actor: Actor, key_id: str) -> None:
        """Let all tokens of a key end now, such as when it may have been stolen.

        If it is the one that signs, another one follows. Raises Problem (NOT_FOUND) if there is none.
        """
        actor.must_be("owner")
        event = self._event(actor, key_id, "ended, and all its tokens with it")
        if not await self._store.end(key_id, -self._now(), event):
            raise not_found(f"there is no signing key {key_id}")
        self._read_at = 0.0

    def _event(self, actor: Actor, key_id: str, what: str) -> NewEvent:
        kind: EventType = "platform.updated"
        about, subject = f"signing key {key_id} {what}", Subject("signingKey", key_id)
        return NewEvent(PROVIDER_ID, PROVIDER_ID, kind, self._now(), actor.origin(), {}, about, subject)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _is_good(key: SigningKey, now: float) -> bool:
    return key.until is None or now * 1000 < key.until
