"""Ends connections that nothing comes over any more: clients that are silent, or take no answer, keep no other out.

The server itself limits the time for a request's head; what it does not see is found by asking the system, so only on
Linux. What is open is looked at without a duplicate: to close one would let go of the locks that SQLite has on a file.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emporion.errors import Code, Problem
from emporion.workers.periodic import run_periodically

# Seconds for which a client that is sent something may take none of it.
UNREAD = 20
# Seconds of silence in both directions, with what is added to it where requests may take longer; a request can wait a
# minute for news.
IDLE, MARGIN = 90, 30
# What stands for a statement without a limit.
NO_TIME_LIMIT = 3600
# Seconds between two looks.
INTERVAL = 5.0
OPEN_FILES = Path("/proc/self/fd")
# Where Linux tells the milliseconds since something was sent, and since something came (struct tcp_info).
LAST_SENT, LAST_RECEIVED = 44, 52


def longest_silence(statement_timeout: float) -> float:
    """Seconds for which a connection may be silent while a request waits for its turn, and then for its statement."""
    return max(IDLE, 2 * (statement_timeout or NO_TIME_LIMIT) + MARGIN)


async def end_silent_connections(idle: float) -> None:
    """End the connections that are silent, until cancelled. idle: seconds of silence."""

    async def look() -> None:
        try:
            await asyncio.to_thread(_look, idle)
        except OSError as error:  # the next look may find some files closed
            raise Problem(Code.UNAVAILABLE, "No more files may be opened.") from error

    await run_periodically(
        look,
        INTERVAL,
        waits="the search for silent connections waits until files can be opened",
        failed="the search for silent connections failed, it will be tried again",
    )


def _look(idle: float) -> None:
    if not OPEN_FILES.exists():
        return
    ports: set[int] = set()
    accepted: list[int] = []
    for number in _sockets():
        with _open(number) as found:
            if not found:
                continue
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                # Those that it accepts have the same.
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD * 1000)
                ports.add(found.getsockname()[1])
            else:
                accepted.append(number)
    for number in accepted:
        with _open(number) as found:
            # Not the connections to a database or to Redis.
            if found and found.getsockname()[1] in ports and _silence(found) > idle:
                found.shutdown(socket.SHUT_RDWR)


def _sockets() -> Iterator[int]:
    for path in OPEN_FILES.iterdir():
        with suppress(OSError):
            if str(path.readlink()).startswith("socket:"):
                yield int(path.name)


@contextmanager
def _open(number: int) -> Iterator[socket.socket | None]:
    """A TCP socket of this process by its number; None for another one. It may be closed by others at any moment."""
    found = None
    try:
        with suppress(OSError):
            found = socket.socket(fileno=number)
        tcp = found and found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
        with suppress(OSError):
            yield found if tcp else None
    finally:
        if found:
            found.detach()


def _silence(connection: socket.socket) -> float:
    """Seconds since anything was sent or came."""
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, LAST_RECEIVED + 4)
    milliseconds: int = min(struct.unpack_from("I", told, at)[0] for at in (LAST_SENT, LAST_RECEIVED))
    return milliseconds / 1000
