"""Connections to the file: one for reads in the event loop, and one for each thread that reads.

Point reads and short pages run in the event loop (10–30 µs); whatever may take longer runs in a thread.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from emporion.errors import Code, Problem
from emporion.fair_semaphore import FairSemaphore, asking
from emporion.store.database import MOST_WAITING
from emporion.store.faults import busy, closed, too_long
from emporion.store.outages import Outage
from emporion.store.sqlite.file import DatabaseFile
from emporion.store.sqlite.group_commit import BUSY_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

# How many long reads run at a time, and how many of one account: there is always one place for another.
READERS, OF_ONE = 3, 2
# How many steps SQLite takes between two looks at the time, some ten milliseconds.
STEPS = 500_000
# Seconds between two tries to have the log written ahead.
PAUSE = 0.05


class Connections:
    """Connections to the file at `path`. statement_timeout: seconds that a long read may wait and take, 0 for any."""

    def __init__(self, path: Path, statement_timeout: float) -> None:
        self._path = path
        self._statement_timeout = statement_timeout
        self.turns = FairSemaphore(READERS, OF_ONE, MOST_WAITING, statement_timeout or None, busy)
        self.file = DatabaseFile(path)
        self._outage = Outage("reads")
        # Short reads may go on over a connection that is open while no other can be opened.
        self._long_outage = Outage("long reads")
        self._reader: sqlite3.Connection | None = None
        self._threads = ThreadPoolExecutor(READERS, "reader")
        # Connections that no reading thread is using, the one used last on top.
        self._idle: list[sqlite3.Connection] = []

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn errors into messages for the operator: with the reason."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._cannot_be_opened(error) from error

    def _cannot_be_opened(self, error: sqlite3.Error | OSError) -> Problem:
        why = error.strerror if isinstance(error, OSError) else error
        if not self._path.parent.exists():
            why = f"there is no folder {self._path.parent}"
        return Problem(Code.UNAVAILABLE, f"The database {self._path} cannot be opened: {why}.")

    def open(self, check: Callable[[sqlite3.Connection], None]) -> None:
        """Connect to a file that is there, for reads here and now, if `check` raises nothing.

        Raises sqlite3.Error, OSError, and what `check` raises; then nothing is left open.
        """
        # SQLite would open a file that it may not write, and make a database of an empty one. Not by opening it, since
        # to close it would drop the locks of others in this process.
        if not self._path.stat().st_size:
            raise sqlite3.DatabaseError("the file is empty")
        if not os.access(self._path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self._path))
        with closing(self._bare()) as stranger:  # before anything is set in it: it may be another program's
            check(stranger)
        reader = self.connect(reading=True)
        try:
            check(reader)
            self.file.remember()
        except BaseException:
            reader.close()
            raise
        if self._reader:
            self._reader.close()
        self._reader = reader

    async def close(self) -> None:
        """Let go of all connections, once the threads are done; those who wait are refused. May be called twice."""
        self.turns.stop()
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()
        if self._reader:
            self._reader.close()
            self._reader = None

    def connect(self, *, reading: bool = False) -> sqlite3.Connection:
        """One more connection to the file, which is not made where there is none. Raises sqlite3.Error."""
        self.file.check()
        connection = self._bare()
        try:
            self.file.check()
            _set_up(connection, reading=reading)
        except BaseException:
            connection.close()
            raise
        return connection

    def _bare(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self.file.path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT / 1000,
        )

    def row(self, sql: str, *values: Any) -> Any:
        """The first row, read here and now. Raises Problem (UNAVAILABLE)."""
        try:
            row = self._view().execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise self._outage.problem(error) from None
        if self._outage.is_told:
            self._outage.over()
        return row

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows, which must be few, read here and now. Raises Problem (UNAVAILABLE)."""
        try:
            rows = self._view().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._outage.problem(error) from None
        if self._outage.is_told:
            self._outage.over()
        return rows

    def _view(self) -> sqlite3.Connection:
        """The connection for reads here and now, in a view that all reads of this turn of the event loop share.

        To begin a read costs SQLite three system calls, more than the look-up itself. The turn's end is in the queue
        from the moment at which the view begins, so what uses the view was asked for before it began: it sees all that
        was written by then, whichever process wrote it.
        """
        if not self._reader:
            raise closed()
        if not self._reader.in_transaction:
            self._reader.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end_view)
        return self._reader

    def _end_view(self) -> None:
        if self._reader and self._reader.in_transaction:
            self._reader.execute("COMMIT")

    def check_file(self) -> None:
        """Raise Lost if the file is no longer what was opened."""
        self.file.check()

    async def in_thread(
        self, account: int | str, read: Callable[[sqlite3.Connection], T], *, unlimited: bool = False
    ) -> T:
        """What `read` gives, in a thread and from one snapshot, when it is the turn of who asks about the account.

        unlimited: it may take as long as it wants. Raises Problem (UNAVAILABLE).
        """
        account = asking(account)
        await self.turns.acquire(account)
        seconds = 0 if unlimited else self._statement_timeout
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._threads, self._read, read, seconds)
        except BaseException:
            self.turns.release(account)
            raise
        # The place is taken until it is done, even if the request that asked for it goes away.
        reading.add_done_callback(lambda _: self.turns.release(account))
        return await asyncio.shield(reading)

    def _read(self, read: Callable[[sqlite3.Connection], T], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        try:
            connection = self._idle.pop() if self._idle else self.connect(reading=True)
            if seconds:
                connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
            try:
                connection.execute("BEGIN")
                found = read(connection)
            finally:
                if seconds:
                    connection.set_progress_handler(None, 0)
                connection.rollback()
                self._idle.append(connection)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                raise too_long(error) from error
            raise self._long_outage.problem(error) from None
        else:
            if self._long_outage.is_told:
                self._long_outage.over()
            return found


def _set_up(connection: sqlite3.Connection, *, reading: bool) -> None:
    _write_ahead(connection)
    for pragma in (
        "synchronous = FULL",
        "temp_store = MEMORY",
        "mmap_size = 268435456",
    ):
        connection.execute(f"PRAGMA {pragma}")
    if reading:
        connection.execute("PRAGMA query_only = ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let the log be written ahead of the file.

    SQLite does not wait for others who do so at this very moment, as when many start at once on a new file.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return
