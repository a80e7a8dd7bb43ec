"""Requests that arrive while another is at the database go out together in the next round trip."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from emporion.errors import Code, Problem
from emporion.store.futures import settle

Item = TypeVar("Item")
Result = TypeVar("Result")

# The most customers that share one transaction, and the most that one query reads.
LARGEST_GROUP = 128


def _nothing(_: object) -> tuple[Hashable, ...]:
    return ()


class Coalescer(Generic[Item, Result]):
    """Gathers items while the ones before are under way. Nothing waits for others to come."""

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        largest: int,
        keys: Callable[[Item], Iterable[Hashable]] = _nothing,
    ) -> None:
        """send: does what the items ask for; the results in their order, an exception for one that failed.

        largest: the most items that go together. keys: those with a key in common go one after the other.
        """
        self._send = send
        self._largest = largest
        self._keys = keys
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        """The item's result. Raises what failed. Once begun it is done, even if the caller goes away."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if not self._running:
            self._running = asyncio.create_task(self._run())
        return await future

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self._running is None

    async def finish(self) -> None:
        """Return when nothing is under way."""
        if self._running:
            await self._running

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._send_group()
        finally:
            self._running = None

    async def _send_group(self) -> None:
        group = self._take()
        results: Sequence[Result | Exception]
        try:
            results = await self._send([item for item, _ in group])
        except Exception as error:
            if isinstance(error, Problem) and error.code is Code.UNAVAILABLE:
                # Requests that have waited for this one must not wait as long once more.
                group += self._waiting
                self._waiting.clear()
            results = [error] * len(group)
        for (_, future), result in zip(group, results, strict=True):
            settle(future, result)

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """The next items in the order of their arrival, but for those that must come after one of them."""
        group: list[tuple[Item, asyncio.Future[Result]]] = []
        later: list[tuple[Item, asyncio.Future[Result]]] = []
        taken: set[Hashable] = set()
        while self._waiting and len(group) < self._largest:
            entry = self._waiting.popleft()
            keys = list(self._keys(entry[0]))
            (later if taken.intersection(keys) else group).append(entry)
            taken.update(keys)
        self._waiting.extendleft(reversed(later))
        return group


class Lanes(Generic[Item, Result]):
    """A Coalescer for each reseller: what delays or fails the writes of one does nothing to those of another."""

    def __init__(self, make: Callable[[], Coalescer[Item, Result]]) -> None:
        self._make = make
        self._lanes: dict[int, Coalescer[Item, Result]] = {}

    async def do(self, reseller_id: int, item: Item) -> Result:
        """The item's result, as of `Coalescer.do`."""
        lane = self._lanes.get(reseller_id)
        if lane is None:
            lane = self._lanes[reseller_id] = self._make()
        try:
            return await lane.do(item)
        finally:
            if lane.idle and self._lanes.get(reseller_id) is lane:
                del self._lanes[reseller_id]

    async def finish(self) -> None:
        """Return when nothing is under way."""
        for lane in list(self._lanes.values()):
            await lane.finish()
