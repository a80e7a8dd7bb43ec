"""A standby of the database, which follows it at some distance, for lists and searches."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from emporion.logs import log
from emporion.store.faults import Away
from emporion.store.postgres.connections import Connections

T = TypeVar("T")

# Seconds before a standby that was away is asked again.
PAUSE = 5.0


class Standby:
    """Reads from a standby while it is there. It may be away at any time, and be behind by any distance."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._away_until = 0.0

    async def read(self, read: Callable[[Connections], Awaitable[T]]) -> T | None:
        """What `read` gives, or None if the standby is away. Raises Problem where only this very read fails."""
        if time.monotonic() < self._away_until:
            return None
        try:
            await self._connections.open()
            return await read(self._connections)
        except Away as problem:
            self._leave(problem.why)
        except asyncpg.PostgresError as error:  # it is no copy of our database, or not yet as new
            self._leave(str(error).partition("\n")[0])
        return None

    def _leave(self, why: str) -> None:
        log.warning("the standby cannot be read, the primary is read instead", why=why)
        self._away_until = time.monotonic() + PAUSE

    async def close(self) -> None:
        """Let go of all connections. May be called twice."""
        await self._connections.close()
