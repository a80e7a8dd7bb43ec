"""Visits: when users, keys and clients last came in, and how often keys did, kept now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from emporion.accounts.ids import PROVIDER_ID
from emporion.store.usage import Usage, Uses

if TYPE_CHECKING:
    from emporion.store.subscription_keys import SubscriptionKey
    from emporion.store.usage import UsageStore

DAY = 86_400


class UsageRecorder:
    """Gathers who came in since it was last kept. clock: seconds since 1970."""

    def __init__(self, store: UsageStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._users: set[tuple[int, str]] = set()
        self._keys: dict[bytes, SubscriptionKey] = {}
        self._clients: set[tuple[str, str]] = set()
        self._requests: dict[bytes, int] = {}
        self._refusals: Counter[int] = Counter()

    def user(self, reseller_id: int, login: str) -> None:
        """A user came in."""
        self._users.add((reseller_id, login))

    def key(self, key: SubscriptionKey) -> None:
        """A request came with a subscription key."""
        self._keys[key.digest] = key
        self._requests[key.digest] = self._requests.get(key.digest, 0) + 1

    def client(self, realm: str, client_id: str) -> None:
        """An OAuth client came in."""
        self._clients.add((realm, client_id))

    def refusal(self, reseller_id: int | None) -> None:
        """Count a denied request. reseller_id: whose request it was, None where that is unknown."""
        self._refusals[reseller_id or PROVIDER_ID] += 1

    async def keep(self) -> None:
        """Write down who came in. Raises Problem (UNAVAILABLE); then they are kept the next time."""
        if not (self._users or self._keys or self._clients or self._refusals):
            return
        now = int(self._clock())
        keys, requests, refusals = dict(self._keys), dict(self._requests), dict(self._refusals)
        uses = Uses(now * 1000, sorted(self._users), sorted(keys), sorted(self._clients))
        await self._store.record_uses(uses)
        self._users -= set(uses.users)
        self._clients -= set(uses.clients)
        day = now // DAY
        usage = [Usage(keys[digest].reseller_id, keys[digest].id, day, count) for digest, count in requests.items()]
        usage += [Usage(reseller_id, "", day, 0, count) for reseller_id, count in refusals.items()]
        await self._store.record(usage)
        self._forget(keys, requests, refusals)

    def _forget(self, keys: dict[bytes, SubscriptionKey], requests: dict[bytes, int], refusals: dict[int, int]) -> None:
        """Take off what is kept now; more may have come meanwhile."""
        for digest in keys:
            left = self._requests[digest] - requests[digest]
            if left:
                self._requests[digest] = left
            else:
                del self._requests[digest], self._keys[digest]
        self._refusals.subtract(refusals)
        self._refusals += Counter()  # which drops those at zero
