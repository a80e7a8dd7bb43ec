"""A standby of the database, which follows it at some distance, for lists and searches."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from emporion.errors import Problem
from emporion.store.connections import Connections

T = TypeVar("T")

# Seconds before a standby that was away is asked again.
PAUSE = 5.0

log = structlog.get_logger()


class Standby:
    """Reads from a standby while it is there. It may be away at any time, and be behind by any distance."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._open = False
        self._away_until = 0.0

    async def read(self, read: Callable[[Connections], Awaitable[T]]) -> T | None:
        """What `read` gives, or None if the standby is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            if not self._open:
                await self._connections.open()
                self._open = True
            return await read(self._connections)
        except Problem as problem:
            log.warning("the standby is away, the primary is read instead", why=problem.why)
            self._away_until = time.monotonic() + PAUSE
            return None

    async def close(self) -> None:
        """Let go of all connections. May be called twice."""
        await self._connections.close()
