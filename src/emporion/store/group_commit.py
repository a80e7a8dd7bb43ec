"""One writer for a SQLite file: requests that arrive while a transaction is in flight share the next one."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from emporion.errors import Code, Problem

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
Job = tuple[Work, asyncio.Future[Any]]

# As many writes as share one transaction at most; beyond some dozens the gain is small and the wait grows.
LARGEST_GROUP = 256


def unavailable(error: sqlite3.Error) -> Problem:
    """What callers are told when SQLite cannot read or write; the reason is for the log alone."""
    problem = Problem(
        Code.UNAVAILABLE,
        "The database cannot be reached now; try again shortly.",
        headers={"Retry-After": "2"},
    )
    problem.__cause__ = error
    return problem


class GroupCommit:
    """A thread that owns the writing connection.

    Each piece of work runs inside a savepoint of its own, so that one that raises leaves nothing behind and does
    not disturb the others. Results leave only after the commit.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; results are delivered to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is queued, then end the thread."""
        if self._thread:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction and return its result once that is on disk.

        Raises what `work` raises, and Problem (UNAVAILABLE) if the transaction could not be written. Once begun,
        the work is done even if the caller goes away.
        """
        if not self._thread:
            raise Problem(Code.UNAVAILABLE, "The server is shutting down.", headers={"Retry-After": "2"})
        future: asyncio.Future[Any] = cast("asyncio.AbstractEventLoop", self._loop).create_future()
        self._jobs.put((work, future))
        return cast("T", await future)

    def _write(self) -> None:
        connection = self._connect()
        last = False
        while not last:
            group, last = self._next_group()
            if group:
                results = self._commit(connection, group)
                cast("asyncio.AbstractEventLoop", self._loop).call_soon_threadsafe(_deliver, group, results)
        connection.close()

    def _next_group(self) -> tuple[list[Job], bool]:
        """The jobs that are waiting, at least one, and whether the end was asked for."""
        group: list[Job] = []
        job = self._jobs.get()
        while job:
            group.append(job)
            if len(group) == LARGEST_GROUP or self._jobs.empty():
                return group, False
            job = self._jobs.get()
        return group, True

    def _commit(self, connection: sqlite3.Connection, group: list[Job]) -> list[Any]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [_attempt(connection, work) for work, _ in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.rollback()
            return [unavailable(error)] * len(group)
        return results


def _attempt(connection: sqlite3.Connection, work: Work) -> Any:
    """The result of `work`, or the exception that it raised after its writes were taken back."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(connection)
    except sqlite3.OperationalError:
        raise  # disk full, I/O error: nothing of the group can be written
    except Exception as error:
        connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return error
    connection.execute("RELEASE work")
    return result


def _deliver(group: list[Job], results: list[Any]) -> None:
    for (_, future), result in zip(group, results, strict=True):
        if future.done():  # whoever waited has gone away
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
