"""Work that takes long: accounts queue for it and are served in turn, so that no account's work stops another's."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from emporion.errors import Problem

# What the client of this request sends, as ASGI has it: "http.disconnect" when it has hung up. None: none can.
CLIENT: ContextVar[Callable[[], Awaitable[Mapping[str, Any]]] | None] = ContextVar("CLIENT", default=None)

# The account for which this request is answered, whichever account it asks about; None: no user has signed in.
ACCOUNT: ContextVar[int | None] = ContextVar("ACCOUNT", default=None)

# Whether this request has waited for a turn: meanwhile its caller may have been shut out.
WAITED: ContextVar[bool] = ContextVar("WAITED", default=False)

# Seconds before the answer that the queue is full: clients that ask again at once would keep a processor busy.
PAUSE = 0.25


def asking(asked: int | str) -> int | str:
    """The account that queues for work: who asks, or what is asked about where no user has signed in."""
    account = ACCOUNT.get()
    return asked if account is None else account


class FairSemaphore:
    """Places for so many `at_once`, of which one account has `of_one` at most.

    waiting: how many of one account may wait. patience: seconds that one waits. refuse: the error of work that cannot
    wait, or not any longer.
    """

    def __init__(
        self, at_once: int, of_one: int, waiting: int, patience: float | None, raise_invalid: Callable[[], Problem]
    ) -> None:
        self._free = at_once
        self._of_one = of_one
        self._most_waiting = waiting
        self._patience = patience
        self._refuse = raise_invalid
        self._stopped = False
        self._running: Counter[Hashable] = Counter()
        # Those who wait, by account; the account that was served longest ago first.
        self._waiting: dict[Hashable, deque[asyncio.Future[bool]]] = {}

    @asynccontextmanager
    async def slot(self, account: Hashable) -> AsyncIterator[None]:
        """A place for the account's work. Raises what `refuse` makes, also when the client hangs up or all stops."""
        await self.acquire(account)
        try:
            yield
        finally:
            self.release(account)

    async def acquire(self, account: Hashable) -> None:
        """Take a place for work that ends elsewhere and gives it back then. Raises as `turn` does."""
        if account in self._waiting or not self._has_place(account):
            await self._wait(account)
        else:
            self._begin(account)

    def acquire_at_once(self, account: Hashable) -> None:
        """Take a place without waiting. Raises what `refuse` makes where there is none."""
        if self._stopped or account in self._waiting or not self._has_place(account):
            raise self._refuse()
        self._begin(account)

    def release(self, account: Hashable) -> None:
        """Leave a place to the account that is next."""
        self._free += 1
        self._running[account] -= 1
        if not self._running[account]:
            del self._running[account]
        if account in self._waiting:  # it has just been served
            self._waiting[account] = self._waiting.pop(account)
        for waiting in list(self._waiting):
            if not self._free:
                break
            if self._running[waiting] < self._of_one:
                self._call_next(waiting)

    def stop(self) -> None:
        """Refuse all who wait, now and later, since the server stops."""
        self._stopped = True
        for queue in self._waiting.values():
            for place in queue:
                place.set_result(False)
        self._waiting.clear()

    def _has_place(self, account: Hashable) -> bool:
        return self._free > 0 and self._running[account] < self._of_one

    def _begin(self, account: Hashable) -> None:
        self._free -= 1
        self._running[account] += 1

    def _call_next(self, account: Hashable) -> None:
        queue = self._waiting.pop(account)
        queue.popleft().set_result(True)
        self._begin(account)
        if queue:
            self._waiting[account] = queue

    async def _wait(self, account: Hashable) -> None:
        queue = self._waiting.setdefault(account, deque())
        if self._stopped or len(queue) >= self._most_waiting:
            if not queue:
                del self._waiting[account]
            if not self._stopped:
                await asyncio.sleep(PAUSE)
            raise self._refuse()
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            called = await self._called(place)
        except BaseException:
            self._leave(account, place)
            raise
        if not called:
            self._leave(account, place)
            raise self._refuse()
        WAITED.set(True)

    async def _called(self, place: asyncio.Future[bool]) -> bool:
        """Whether it was this one's turn while its client was there, and before patience ended."""
        gone = asyncio.ensure_future(_hung_up(client)) if (client := CLIENT.get()) else None
        try:
            waited_for: list[asyncio.Future[Any]] = [place, gone] if gone else [place]
            await asyncio.wait(waited_for, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            return place.done() and place.result()
        finally:
            if gone:
                gone.cancel()

    def _leave(self, account: Hashable, place: asyncio.Future[bool]) -> None:
        if place.done():
            if place.result():
                self.release(account)
            return
        place.cancel()
        queue = self._waiting[account]
        queue.remove(place)
        if not queue:
            del self._waiting[account]


async def _hung_up(client: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Return when it has. What it sends meanwhile belongs to a body that is not read."""
    while (await client())["type"] != "http.disconnect":
        pass
