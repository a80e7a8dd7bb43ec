"""Shares of the event loop: a client that sends very many requests at once leaves the others theirs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from emporion.errors import Code, Problem
from emporion.fair_semaphore import PAUSE

# Seconds for which keys count as busy together after two of them were seen one after the other.
TOGETHER = 0.1
# How many requests of one key wait.
MOST_WAITING_OF_KEY = 1000


class Shares:
    """While several subscription keys are busy, each has one request in each turn of the event loop.

    One that is busy alone is never held up. clock: seconds, which only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # The key that is busy alone, if one is; its requests need not ask.
        self.alone: bytes | None = None
        self._last = b""
        self._together_until = 0.0
        self._had_one: set[bytes] = set()
        self._waiting: dict[bytes, deque[asyncio.Future[None]]] = {}
        self._is_turning = False

    def is_due(self, key: bytes) -> bool:
        """Whether a request may go on now; else it must wait for its turn. key: its digest."""
        if key != self._last:
            self._last, self.alone = key, None
            self._together_until = self._clock() + TOGETHER
        elif self.alone == key:
            return True
        elif self._clock() > self._together_until and not self._waiting:
            self.alone = key
            return True
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)
        if key in self._had_one or key in self._waiting:
            return False
        self._had_one.add(key)
        return True

    async def wait(self, key: bytes) -> None:
        """Return when it is this request's turn. Raises Problem (UNAVAILABLE) if too many of the key's wait."""
        queue = self._waiting.setdefault(key, deque())
        if len(queue) >= MOST_WAITING_OF_KEY:
            await asyncio.sleep(PAUSE)
            message = "Too many requests of this subscription key come at the same time; try again shortly."
            raise Problem(Code.UNAVAILABLE, message, headers={"Retry-After": "1"})
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        await turn

    def _turn(self) -> None:
        """Let the next request of each key go on."""
        self._had_one.clear()
        for key, queue in list(self._waiting.items()):
            turn = queue.popleft()
            if not queue:
                del self._waiting[key]
            if not turn.done():  # its request may have been given up
                turn.set_result(None)
            self._had_one.add(key)
        self._is_turning = bool(self._had_one)
        if self._is_turning:
            asyncio.get_running_loop().call_soon(self._turn)
