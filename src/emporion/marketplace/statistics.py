"""Statistics: customers and requests in numbers, for those who reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emporion.marketplace.actors import check_reach

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.customers import CustomerCounts, CustomerStore
    from emporion.store.resellers import ResellerStore
    from emporion.store.usage import Usage, UsageStore

DAY = 86_400
# Days that are shown, and for which the use of a key is kept.
SHOWN = 30
KEPT = 400
FORGOTTEN_AT_ONCE = 5000


class Statistics:
    """The numbers of all resellers. clock: seconds since 1970."""

    def __init__(
        self, store: UsageStore, customers: CustomerStore, resellers: ResellerStore, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._customers = customers
        self._resellers = resellers
        self._clock = clock

    @property
    def today(self) -> int:
        """The day since 1970 in UTC."""
        return int(self._clock()) // DAY

    async def customers(self, actor: Actor) -> CustomerCounts:
        """The customers of the actor's account and of all below it; those created in the last days by day."""
        return await self._customers.counts(actor.account_id, self._since())

    async def requests(self, actor: Actor) -> list[Usage]:
        """The requests and refusals of the last days of the actor's account and of all below it, one entry a day."""
        return await self._store.by_day(actor.account_id, self._since())

    async def of_key(self, actor: Actor, reseller_id: int, key_id: str) -> list[Usage]:
        """The usage of a key in the last days. Raises Problem (NOT_FOUND) if the actor does not reach the reseller."""
        await check_reach(self._resellers, actor, reseller_id)
        return await self._store.by_day(reseller_id, self._since(), key_id)

    async def forget(self) -> None:
        """Remove some of what is shown no longer. Raises Problem (UNAVAILABLE)."""
        await self._store.purge(self.today - KEPT, FORGOTTEN_AT_ONCE)

    def _since(self) -> int:
        return self.today - SHOWN + 1
