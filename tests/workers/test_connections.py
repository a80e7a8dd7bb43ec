"""Silent connections are ended, and nothing else is touched."""

from __future__ import annotations

import asyncio
import errno
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from emporion.workers import connections
from tests.effort import HANGS

Pair = tuple[socket.socket, socket.socket, socket.socket]
WRITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO t VALUES (1)')"


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A listening socket, a client's, and the one that was accepted for it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname(), HANGS) as client,
        listening.accept()[0] as accepted,
    ):
        yield listening, client, accepted


async def _look_until(idle: float, ended: asyncio.Future[bytes]) -> bytes:
    looking = asyncio.create_task(connections.end_silent_connections(idle))
    try:
        async with asyncio.timeout(HANGS):
            return await ended
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def test_a_silent_connection_is_ended(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "INTERVAL", 0.01)
    _, client, _ = pair
    ended = asyncio.get_running_loop().run_in_executor(None, client.recv, 1)
    assert await _look_until(0.05, ended) == b""


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "the search for silent connections waits"),
        (RuntimeError("not foreseen"), "the search for silent connections failed"),
    ],
)
async def test_a_look_that_fails_such_as_for_want_of_files_is_made_up_for_later_and_told(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, failure: Exception, told: str
) -> None:
    monkeypatch.setattr(connections, "INTERVAL", 0.01)
    look, failures = connections._look, iter([failure])

    def fail_once(idle: float) -> None:
        for failure in failures:
            raise failure
        look(idle)

    monkeypatch.setattr(connections, "_look", fail_once)
    _, client, _ = pair
    ended = asyncio.get_running_loop().run_in_executor(None, client.recv, 1)
    with capture_logs() as logs:
        assert await _look_until(0.05, ended) == b""
    (entry,) = logs
    assert entry["event"].startswith(told)


@pytest.mark.parametrize("timeout", [0, 1, 5, 100, 3600])
def test_no_connection_is_ended_whose_request_may_still_wait_and_run(timeout: int) -> None:
    assert connections.longest_silence(timeout) > max(60, 2 * timeout)


def test_a_connection_on_which_something_came_stays_and_learns_how_long_an_answer_may_lie(pair: Pair) -> None:
    listening, client, accepted = pair
    client.sendall(b"GET")
    connections._look(HANGS)
    accepted.sendall(b"HTTP")
    assert client.recv(4) == b"HTTP"
    told = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert told == connections.UNREAD * 1000


def test_a_connection_to_another_program_stays(pair: Pair) -> None:
    """As to a database: at this end it has a port of its own, on which no process listens."""
    listening, client, accepted = pair
    listening.close()
    connections._look(-1)
    accepted.sendall(b"x")
    assert client.recv(1) == b"x"


def test_the_locks_of_a_database_stay(tmp_path: Path) -> None:
    """To close a duplicate of its file would let go of them."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE t (x)")
        database.execute("BEGIN EXCLUSIVE")
        connections._look(-1)
        other = subprocess.run([sys.executable, "-c", WRITE, str(path)], capture_output=True, text=True, check=False)
        assert "database is locked" in other.stderr
