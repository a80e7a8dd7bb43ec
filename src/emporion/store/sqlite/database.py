"""The file as a database: reads in the event loop or in a thread, and writes in groups."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from emporion.errors import Code, Problem
from emporion.logs import log
from emporion.store.sqlite import schema
from emporion.store.sqlite.connections import Connections
from emporion.store.sqlite.dialect import run, translated
from emporion.store.sqlite.file import Replaced
from emporion.store.sqlite.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from pathlib import Path

    from emporion.store.database import Row, Rows, Write

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# Seconds.
STATEMENT_TIMEOUT = 5.0
# Seconds between two looks at the file.
INTERVAL = 0.5


class SqliteDatabase:
    """See `emporion.store.database.Database`."""

    is_local = True

    def __init__(self, path: Path, statement_timeout: float = STATEMENT_TIMEOUT) -> None:
        """statement_timeout: seconds that a long read may take; 0 for any number."""
        self._path = path
        self._statement_timeout = statement_timeout
        self._connections, self._writer = self._parts()
        self._watch: asyncio.Task[None] | None = None

    def _parts(self) -> tuple[Connections, GroupCommit]:
        connections = Connections(self._path, self._statement_timeout)
        return connections, GroupCommit(connections.connect, connections.file)

    async def migrate(self) -> list[str]:
        schema.check_version()
        with self._connections.telling():
            schema.create_for_owner_only(self._path)
            with closing(self._connections.connect()) as connection:
                done = schema.migrate(connection)
                schema.number_new_tree(connection)
                return done

    async def open(self) -> None:
        schema.check_version()
        with self._connections.telling():
            self._connections.open(schema.check)
            self._writer.start()
        if not self._watch:
            self._watch = asyncio.create_task(self._watch_file())

    async def _watch_file(self) -> None:
        """Notice what happens to the file between writes, too, and change over to one that is put in its place."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                self._connections.check_file()
            except Replaced as replaced:
                await self._change_over(replaced)
            except (sqlite3.Error, Problem) as error:
                self._writer.outage.problem(error)

    async def _change_over(self, replaced: Replaced) -> None:
        """Use the file that stands at the path now, if it holds the same platform."""
        connections, writer = self._parts()

        def start(ours: object) -> None:
            def check(new: sqlite3.Connection) -> None:
                schema.check(new)
                if schema.whose(lambda sql: new.execute(sql).fetchone()) != ours:
                    raise Problem(Code.UNAVAILABLE, f"{replaced}, and holds another platform")

            with connections.telling():
                connections.open(check)
                writer.start()

        try:
            await asyncio.to_thread(start, schema.whose(self._connections.row))
        except Problem as problem:
            self._writer.outage.problem(problem)
        else:
            log.warning("the database was replaced, the new file is used from now on", path=str(self._path))
            self._connections, connections = connections, self._connections
            self._writer, writer = writer, self._writer
        await writer.stop()
        await connections.close()

    def stop(self) -> None:
        self._connections.turns.stop()

    async def close(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        await self._writer.stop()
        await self._connections.close()

    async def row(self, sql: str, *values: Any) -> Row | None:
        row: Row | None = self._connections.row(translated(sql), *values)
        return row

    async def point(self, sql: str, *values: int | str | bytes) -> Row | None:
        return await self.row(sql, *values)

    async def points(self, sql: str, *values: int | str | bytes) -> Rows:
        return await self.rows(sql, *values)

    async def rows(self, sql: str, *values: Any) -> Rows:
        return self._connections.rows(translated(sql), *values)

    async def long_rows(self, asked: int | str, sql: str, *values: Any) -> Rows:
        return await self.read(asked, lambda c: c.execute(translated(sql), values).fetchall())

    async def read(self, asked: int | str, read: Callable[[sqlite3.Connection], T], *, unlimited: bool = False) -> T:
        """What `read` gives, in a thread and from one snapshot, when it is the turn of the account that asks.

        asked: as in `long_rows`. unlimited: it may take as long as it wants. Raises Problem (UNAVAILABLE).
        """
        return await self._connections.in_thread(asked, read, unlimited=unlimited)

    async def write(self, write: Callable[P, Write[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.commit(lambda c: run(c, write(*args, **kwargs)))

    async def write_each(
        self,
        write: Callable[[Sequence[T]], Write[Sequence[R | Exception]]],
        lane: int,
        item: T,
        keys: Sequence[Hashable],
    ) -> R:
        del lane, keys  # all writes share transactions, one after the other
        (result,) = await self.write(write, [item])
        if isinstance(result, Exception):
            raise result
        return result

    async def commit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` gives, once its writes are on disk (see `GroupCommit.run`)."""
        return await self._writer.run(work)

    @property
    def connections(self) -> Connections:
        """Connections to the file that is used now, for reads."""
        return self._connections
