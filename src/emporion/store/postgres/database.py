"""The server as a database: reads, long ones in turn, and writes in transactions."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from itertools import count
from operator import itemgetter
from typing import Any, ParamSpec, TypeVar

from emporion.fair_semaphore import FairSemaphore, asking
from emporion.paging import LARGEST_NUMBER
from emporion.store.database import MOST_WAITING, Row, Rows, Write
from emporion.store.faults import busy
from emporion.store.postgres import schema
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer, Lanes
from emporion.store.postgres.connections import Connections, Limits, again
from emporion.store.postgres.dialect import run, translated
from emporion.store.postgres.standby import Standby

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

_TYPES: dict[type, str] = {int: "bigint", str: "text", bytes: "bytea"}


class PostgresDatabase:
    """See `emporion.store.database.Database`."""

    is_local = False

    def __init__(self, url: str, limits: Limits, read_url: str | None) -> None:
        """read_url: a standby for lists and searches, which are read there as far as it has followed."""
        self.primary = Connections(url, limits)
        self.standby = Standby(Connections(read_url, limits)) if read_url else None
        # Of this database, by which names are searched.
        self.search_key = b""
        # Reads that go out together, by their statements and the types of their values.
        self._points: dict[tuple[str, tuple[str, ...]], Coalescer[tuple[Any, ...], Rows]] = {}
        # Writes of many resellers, by what is written.
        self._writes: dict[Callable[..., Any], Lanes[Any, Any]] = {}
        at_once = max(1, limits.connections // 2)
        self.turns = FairSemaphore(at_once, max(1, at_once // 2), MOST_WAITING, limits.statement_timeout or None, busy)

    async def migrate(self) -> list[str]:
        async with self.primary.alone(patient=True) as connection:
            await schema.check_server(connection)
            async with connection.transaction():
                done = await schema.migrate(connection)
                await schema.number_new_tree(connection)
                return done

    async def open(self) -> None:
        async with self.primary.alone() as connection:
            await schema.check(connection)
            self.search_key = await connection.fetchval("SELECT key FROM search_key")
        await self.primary.open()
        if self.standby:  # an operator who starts the program is told now if it cannot be read
            await self.standby.read(lambda connections: connections.row("SELECT 1"))

    def stop(self) -> None:
        self.turns.stop()

    async def close(self) -> None:
        for points in list(self._points.values()):
            await points.finish()
        for lanes in self._writes.values():
            await lanes.finish()
        await self.primary.close()
        if self.standby:
            await self.standby.close()

    async def row(self, sql: str, *values: Any) -> Row | None:
        found: Row | None = None if has_nul(values) else await self.primary.row(translated(sql), *values)
        return found

    async def point(self, sql: str, *values: int | str | bytes) -> Row | None:
        found = await self.points(sql, *values)
        return found[0] if found else None

    async def points(self, sql: str, *values: int | str | bytes) -> Rows:
        if has_nul(values) or any(isinstance(value, int) and abs(value) > LARGEST_NUMBER for value in values):
            return []
        if not values:
            return await self.rows(sql)
        key = sql, tuple(_TYPES[type(value)] for value in values)
        points = self._points.get(key)
        if points is None:
            points = self._points[key] = Coalescer(partial(self._read_points, _many_at_once(*key)), LARGEST_GROUP)
        try:
            return await points.do(values)
        finally:
            if points.idle and self._points.get(key) is points:
                del self._points[key]

    async def _read_points(self, sql: str, asked: list[tuple[Any, ...]]) -> list[Rows]:
        found: list[list[Row]] = [[] for _ in asked]
        for number, *row in await self.primary.rows(sql, *zip(*asked, strict=True)):
            found[number - 1].append(row)
        return list(found)

    async def rows(self, sql: str, *values: Any) -> Rows:
        return [] if has_nul(values) else await self.primary.rows(translated(sql), *values)

    async def long_rows(self, asked: int | str, sql: str, *values: Any) -> Rows:
        async with self.turns.slot(asking(asked)):
            return await self.rows(sql, *values)

    async def write(self, write: Callable[P, Write[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        async def do() -> T:
            async with self.primary.transaction() as connection:
                return await run(connection, write(*args, **kwargs))

        return await again(do)

    async def write_each(
        self,
        write: Callable[[Sequence[T]], Write[Sequence[R | Exception]]],
        lane: int,
        item: T,
        keys: Sequence[Hashable],
    ) -> R:
        lanes = self._writes.get(write)
        if lanes is None:
            send = partial(self._write_group, write)
            lanes = self._writes[write] = Lanes(lambda: Coalescer(send, LARGEST_GROUP, itemgetter(1)))
        result: R = await lanes.do(lane, (item, keys))
        return result

    async def _write_group(
        self, write: Callable[[Sequence[T]], Write[Sequence[R | Exception]]], group: list[tuple[T, Sequence[Hashable]]]
    ) -> Sequence[R | Exception]:
        return await self.write(write, [item for item, _ in group])


@lru_cache
def _many_at_once(sql: str, types: Sequence[str]) -> str:
    """A statement for many values at a time: each row that it gives, after the number of the values that it is for."""
    numbers = count()
    asked = re.sub(r"\?", lambda _: f"q.v{next(numbers)}", sql)
    arrays = ", ".join(f"?::{type_}[]" for type_ in types)
    names = ", ".join(f"v{number}" for number in range(len(types)))
    return translated(
        f"SELECT q.number, f.* FROM unnest({arrays}) WITH ORDINALITY AS q ({names}, number)"  # noqa: S608
        f" CROSS JOIN LATERAL ({asked}) f"
    )


def has_nul(values: Sequence[Any]) -> bool:
    """Whether one is a text with the letter that PostgreSQL does not take: nothing that is kept is equal to it."""
    return any(isinstance(value, str) and "\0" in value for value in values)
