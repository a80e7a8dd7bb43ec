"""Searches take turns, so that they never take all connections, nor one reseller's all turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from emporion.store.faults import busy


class Turns:
    """So many at a time, and half as many of one reseller. patience: seconds that one waits for his turn."""

    def __init__(self, at_once: int, patience: float) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._of_one = max(1, at_once // 2)
        self._patience = patience
        self._own: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, reseller_id: int) -> AsyncIterator[None]:
        """A turn of the reseller. Raises Problem (UNAVAILABLE) if there is none in time."""
        own = self._own.get(reseller_id)
        if own is None:
            own = self._own[reseller_id] = asyncio.Semaphore(self._of_one)
        try:
            async with asyncio.timeout(self._patience):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError as error:
            raise busy(error) from error
        try:
            yield
        finally:
            self._all.release()
            own.release()
