"""Connections to a PostgreSQL server: a pool of them, time limits, and errors as our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from emporion.errors import Code, Problem
from emporion.store.faults import RETRY, Away, busy, closed, too_long, unavailable

T = TypeVar("T")
Connection = PoolConnectionProxy

# Seconds to reach the server and sign in.
CONNECT_TIMEOUT = 3.0
# Seconds beyond the statement timeout after which a server that says nothing at all is given up.
SILENCE = 1.0
# For the searches of one session, at most.
WORK_MEM = "32MB"
# How often a read is sent anew because its connection was lost. Each of the pool's may have died by the same restart.
READ_ATTEMPTS = 3
# How often a group is tried again that lost a race against another node's.
ATTEMPTS = 5

# Classes of SQLSTATE in which the database is away or has no room, and nothing is wrong with the request: connection,
# authorization, no such database, read-only, no right, resources, operator, system.
AWAY = ("08", "28", "3D", "25", "42501", "53", "57", "58", "F0", "XX")
# Others were in the way: rolled back for their sake, or they hold a lock.
BUSY = ("40", "55")
# The server does not accept the connection.
CANNOT_CONNECT = ("08", "28", "3D", "53", "57")
# The connection itself is of no more use: the server stops or starts, or is a standby that was once the primary.
LOST = ("08", "25006", "57P", "XX")
# What the driver raises for a connection that broke, at whatever moment. OSError is also a timeout.
BROKEN = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Limits(Struct, frozen=True):
    """connections: at most, for each process. Timeouts in seconds; 0 for none of the server's own."""

    connections: int = 10
    statement_timeout: float = 5.0
    lock_timeout: float = 2.0


class _Connection(asyncpg.Connection):
    """Nothing of ours stays behind in a session, so there is nothing to reset when it goes back to the pool."""

    def get_reset_query(self) -> str:
        return ""


class Connections:
    """A pool of connections to the server at `url`."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._url = url
        self._limits = limits
        self._patience = limits.statement_timeout + SILENCE if limits.statement_timeout else None
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def alone(self, *, patient: bool = False) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection outside the pool, for the start of the program; patient: without time limits.

        Raises Problem (UNAVAILABLE) with what is wrong.
        """
        with self._telling():
            connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_TIMEOUT,
                command_timeout=None if patient else self._patience,
                statement_cache_size=0,
            )
        try:
            with self._telling():
                yield connection
        finally:
            with suppress(*BROKEN):
                await connection.close(timeout=SILENCE)

    async def open(self) -> None:
        """Connect; once, however many ask for it. Raises Problem (UNAVAILABLE) with what is wrong."""
        async with self._opening:
            if not self._pool:
                self._pool = await self._make_pool()

    async def _make_pool(self) -> asyncpg.Pool[Any]:
        pooled = await self._is_pooled()
        pool = asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._limits.connections,
            connection_class=_Connection,
            init=_learn_types if pooled else self._prepare,
            # A pooler hands each transaction to another session, which does not know our prepared statements.
            statement_cache_size=0 if pooled else 200,
            max_cached_statement_lifetime=0,
            timeout=CONNECT_TIMEOUT,
            command_timeout=self._patience,
        )
        with self._telling():
            return await pool

    async def close(self) -> None:
        """Let go of all connections, once those in use are back. May be called twice."""
        pool, self._pool = self._pool, None
        if pool:
            try:
                async with asyncio.timeout(self._patience):
                    await pool.close()
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pool.terminate()

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a statement that only reads. Raises Problem (UNAVAILABLE)."""
        return await self._reading(lambda connection: connection.fetch(sql, *values))

    async def row(self, sql: str, *values: Any) -> Any:
        """The first row of a statement that only reads, or None. Raises Problem (UNAVAILABLE)."""
        return await self._reading(lambda connection: connection.fetchrow(sql, *values))

    async def call(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a statement that writes, which is a transaction of its own. Raises Problem (UNAVAILABLE)."""
        async with self.using() as connection:
            return await connection.fetch(sql, *values)

    async def count(self, sql: str, *values: Any) -> int:
        """The only number that a statement gives that writes. Raises Problem (UNAVAILABLE)."""
        return int((await self.call(sql, *values))[0][0])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection within a transaction, which is rolled back if the block raises."""
        async with self.using() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def using(self) -> AsyncIterator[Connection]:
        """A connection. Errors of the database within the block become Problem (UNAVAILABLE) or stay what they are."""
        if not self._pool:
            raise closed()
        pool = self._pool
        with translated():
            try:
                connection = await pool.acquire(timeout=CONNECT_TIMEOUT)
            except TimeoutError as error:
                if pool.get_size() - pool.get_idle_size() >= self._limits.connections:
                    raise busy(error) from error
                raise
            try:
                yield connection
            except BaseException as error:
                if _is_lost(error):
                    with suppress(asyncpg.InterfaceError):  # the pool has noticed by itself
                        connection.terminate()
                raise
            finally:
                await pool.release(connection, timeout=SILENCE)

    async def _reading(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        for attempt in range(READ_ATTEMPTS):
            try:
                async with self.using() as connection:
                    return await read(connection)
            except Problem as problem:
                cause = problem.__cause__
                last = attempt == READ_ATTEMPTS - 1
                if last or cause is None or isinstance(cause, TimeoutError) or not _is_lost(cause):
                    raise
        raise AssertionError

    async def _is_pooled(self) -> bool:
        """Whether a pooler stands in between: it tells us another process than the one that serves us."""
        async with self.alone() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            return bool(pid != connection.get_server_pid())

    async def _prepare(self, connection: asyncpg.Connection[Any] | Connection) -> None:
        """What holds for a session of our own.

        Rows are few and found by index, whatever the planner believes. A search that finds very many must note each
        of them: where the memory for that is too small, it reads the neighbours of each as well.
        """
        await connection.execute(
            f"SET statement_timeout = {round(self._limits.statement_timeout * 1000)};"
            f"SET lock_timeout = {round(self._limits.lock_timeout * 1000)};"
            # A node that vanished within a transaction must not hold its locks.
            f"SET idle_in_transaction_session_timeout = {round(self._limits.statement_timeout * 1000)};"
            f"SET enable_seqscan = off; SET jit = off; SET work_mem = '{WORK_MEM}'"
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn errors into messages for the operator: with the reason, which has no secret in it."""
        try:
            yield
        except asyncpg.PostgresError as error:
            what = "cannot be reached" if (error.sqlstate or "").startswith(CANNOT_CONNECT) else "refuses this"
            raise Away(Code.UNAVAILABLE, f"The database {what}: {_line(error)}.", headers=RETRY) from error
        except BROKEN as error:
            why = "it does not answer" if isinstance(error, TimeoutError) else _line(error)
            raise Away(Code.UNAVAILABLE, f"The database cannot be reached: {why}.", headers=RETRY) from error


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database as Problem (UNAVAILABLE), unless they tell of a mistake of ours."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise too_long(error) from error
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(BUSY):
            raise busy(error) from error
        if (error.sqlstate or "").startswith(AWAY):
            raise unavailable(error) from error
        raise
    except BROKEN as error:
        raise unavailable(error) from error


async def again(write: Callable[[], Awaitable[T]]) -> T:
    """What a transaction gives, tried again where another one was in its way.

    Raises UniqueViolationError where one stood in its way each time.
    """
    for attempt in range(ATTEMPTS):
        last = attempt == ATTEMPTS - 1
        try:
            return await write()
        except asyncpg.UniqueViolationError:
            if last:
                raise
        except Problem as problem:
            if last or not isinstance(problem.__cause__, asyncpg.TransactionRollbackError):
                raise
    raise AssertionError


def _line(error: BaseException) -> str:
    """What went wrong; further lines may have values in them."""
    return str(error).partition("\n")[0] or type(error).__name__


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(LOST)
    return isinstance(error, BROKEN)


async def _learn_types(connection: asyncpg.Connection[Any] | Connection) -> None:
    """Look up the arrays that we send, for a connection through a pooler.

    asyncpg does so by itself, but for that it switches JIT off in one session and asks in another, which then compiles
    for a second.
    """
    async with connection.transaction():
        await connection.prepare("SELECT $1::bigint[], $2::int[], $3::bytea[], $4::boolean[], $5::text[]")
