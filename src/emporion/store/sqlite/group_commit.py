"""One writer for each process: requests that arrive while a transaction is in flight share the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from emporion.store.faults import closed
from emporion.store.futures import settle
from emporion.store.outages import Outage
from emporion.store.sqlite.file import DatabaseFile

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Job = tuple[Work, asyncio.Future[Any]]

# As many writes as share one transaction at most; beyond some dozens the gain is small and the wait grows.
LARGEST_GROUP = 128
# How long a writer waits for another process's transaction, in milliseconds.
BUSY_TIMEOUT = 5000
# How many transactions are written between two copies of the log into the database.
COMMITS_BETWEEN = 32
# After so many writes, of 50 µs each, the event loop turns to reads for a moment.
WITHOUT_PAUSE = 8


class GroupCommit:
    """Owns the writing connection.

    What waits runs in a thread: taking the lock, and the commit with its fsync. The statements in between run in the
    event loop: there they take microseconds, while in a thread each of them would wait its turn for the interpreter.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], file: DatabaseFile) -> None:
        self._connect = connect
        self._file = file
        self.outage = Outage("writes")
        self._connection: sqlite3.Connection | None = None
        self._jobs: deque[Job] = deque()
        self._thread = ThreadPoolExecutor(1, "commit")
        self._checkpoints = Checkpoints(connect)
        self._cycle: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, or connect anew; from now on writes are accepted. Raises sqlite3.Error."""
        before, self._connection = self._connection, self._connect()
        if before:
            before.close()

    async def stop(self) -> None:
        """Finish the writes under way; no more are accepted."""
        connection, self._connection = self._connection, None
        if self._cycle:
            await self._cycle
        await asyncio.to_thread(self._checkpoints.stop)
        if connection:
            connection.close()
        self._thread.shutdown()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction and return its result once that is on disk.

        `work` may be run more than once; only its last run counts. Raises what `work` raises, having taken back its
        writes, and Problem (UNAVAILABLE) if the transaction could not be written. Once begun, the work is done even
        if the caller goes away.
        """
        if not self._connection:
            raise closed()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append((work, future))
        if not self._cycle:
            self._cycle = asyncio.create_task(self._write(self._connection))
        return await future

    async def _write(self, connection: sqlite3.Connection) -> None:
        """Write in groups until nothing is left to write."""
        try:
            while self._jobs:
                await self._commit_group(connection)
        finally:
            self._cycle = None

    async def _commit_group(self, connection: sqlite3.Connection) -> None:
        group: list[Job] = []
        try:
            self._file.check()
            await self._begin(connection)
            results = await self._do(connection, group)
            await self._in_thread(self._commit, connection)
            self._checkpoints.committed()
            self.outage.over()
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.rollback()
            if not group:  # no lock: all who wait for it are told
                group.extend(self._jobs)
                self._jobs.clear()
            results = [self.outage.problem(error) for _ in group]
        for (_, future), result in zip(group, results, strict=True):
            settle(future, result)

    async def _do(self, connection: sqlite3.Connection, group: list[Job]) -> list[Any]:
        """Do the jobs that wait and those that join them, and move them to `group`; the result of each.

        Most groups have no conflict, and savepoints cost a fifth of an insert. So they are done without at first; when
        one raises, all are taken back and done again, each in a savepoint of its own.
        """
        results: list[Any] = []
        careful = False
        while self._jobs and len(group) < LARGEST_GROUP:
            group.append(self._jobs.popleft())
            work, _ = group[-1]
            try:
                results.append(_attempt(connection, work) if careful else work(connection))
            except Exception as error:
                if _is_of_all(error):
                    raise
                connection.rollback()
                await self._begin(connection)
                results = [_attempt(connection, again) for again, _ in group]
                careful = True
            if not len(group) % WITHOUT_PAUSE:
                await asyncio.sleep(0)
        return results

    async def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the lock: at once where it is free, else wait for it in the thread."""
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
            await self._in_thread(connection.execute, "BEGIN IMMEDIATE")

    def _commit(self, connection: sqlite3.Connection) -> None:
        """Commit, and see that it went where it will be found: before it began is too early to know."""
        connection.execute("COMMIT")
        self._file.check()

    async def _in_thread(self, do: Callable[[T], object], what: T) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, do, what)


class Checkpoints:
    """Copies the log into the database now and then, beside the writes.

    SQLite would do it within a commit: then everybody waits some 50 ms for it, once or twice a second under load. It
    still does, for what is left, where the log grows faster than it is copied.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._connection: sqlite3.Connection | None = None
        self._running: Future[None] | None = None
        self._commits = 0

    def committed(self) -> None:
        """A transaction was written; start copying if it is time."""
        self._commits += 1
        if self._commits >= COMMITS_BETWEEN and (self._running is None or self._running.done()):
            self._commits = 0
            self._running = self._thread.submit(self._copy)

    def stop(self) -> None:
        """Finish what is running."""
        self._thread.shutdown()
        if self._connection:
            self._connection.close()

    def _copy(self) -> None:
        with suppress(sqlite3.OperationalError):  # another process is at it, or the disk is full
            if not self._connection:
                self._connection = self._connect()
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _attempt(connection: sqlite3.Connection, work: Work) -> Any:
    """The result of `work`, or the exception that it raised after its writes were taken back."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except Exception as error:  # it goes to the request that asked for the work
        if _is_of_all(error):
            raise
        connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return error
    connection.execute("RELEASE work")
    return result


def _is_of_all(error: Exception) -> bool:
    """Whether the database fails (disk full, I/O error, malformed), so that nothing of a group can be written."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
