"""Requests that are sent again with the same Idempotency-Key, which are done once.

The answer is kept in the transaction that does the work, so neither a crash nor another node can do it twice
(decision 0012, draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.errors import Code, Problem
from emporion.store.idempotency import IdempotentRequest

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.idempotency import IdempotencyStore

# Seconds for which an answer is kept.
KEPT = 86_400
# How many are removed in one go, so that clients' writes get their turn in between.
FORGOTTEN_AT_ONCE = 5000

encode = msgspec.json.Encoder(order="sorted").encode


class Idempotency:
    """Knows which requests with a key are running here. clock: seconds since 1970."""

    def __init__(self, store: IdempotencyStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._running: set[str] = set()

    @contextmanager
    def once(
        self, actor: Actor, asked: str, key: str | None, body: dict[str, Any]
    ) -> Iterator[IdempotentRequest | None]:
        """What the store needs to do a request once; None without a key.

        asked: such as `POST /customers`. A key counts for one user and one operation. Raises Problem
        (IDEMPOTENCY_KEY_IN_USE) while the first request with it is running in this process.
        """
        if key is None:
            yield None
            return
        parts = (str(actor.account_id), actor.user, asked, key)
        name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if name in self._running:
            raise Problem(
                Code.IDEMPOTENCY_KEY_IN_USE,
                "The first request with this Idempotency-Key is still running; try again shortly.",
                headers={"Retry-After": "1"},
            )
        self._running.add(name)
        try:
            # With the key, which is not kept: else a password in the body could be guessed from what is.
            yield IdempotentRequest(name, hmac.digest(key.encode(), encode(body), "sha256"), self._since())
        finally:
            self._running.discard(name)

    async def forget(self) -> None:
        """Remove some of the answers that are kept no longer. Raises Problem (UNAVAILABLE)."""
        await self._store.purge(self._since(), FORGOTTEN_AT_ONCE)

    def _since(self) -> int:
        return int((self._clock() - KEPT) * 1000)
