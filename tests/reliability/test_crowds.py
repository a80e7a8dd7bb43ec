"""Connections of strangers who are silent, slow, or take no answer: others are served as if they were not there."""

from __future__ import annotations

import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from tests.certificates import tls_options
from tests.effort import effort, is_thorough
from tests.server import PATIENCE, Server, serving

HEAD = b"GET /customers HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_BODY = (
    b"POST /console/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 16000\r\n\r\n" + b"a" * 15_000
)
UNREAD = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
IDLE = effort(quick=1200, thorough=5000)
OTHERS = effort(quick=50, thorough=500)
GETS = effort(quick=20, thorough=300)
# MiB that a worker may have, with the crowd and after it has gone: what the allocator keeps differs from run to run.
LARGEST = 300


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, limits[1]), limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), PATIENCE)
    if address.scheme == "https":
        return ssl._create_unverified_context().wrap_socket(connection)
    return connection


@contextmanager
def _crowd(server: Server) -> Iterator[None]:
    with ExitStack() as crowd:

        def come(sent: bytes = b"") -> socket.socket:
            connection = crowd.enter_context(_connect(server))
            connection.sendall(sent)
            return connection

        for _ in range(IDLE):
            come()
        slow = [come(HEAD) for _ in range(OTHERS)]
        for _ in range(OTHERS):
            come(HALF_BODY)
        for _ in range(OTHERS):
            come(UNREAD)
        over = threading.Event()
        drip = crowd.enter_context(_dripping(slow, over))
        assert drip.is_alive()
        try:
            yield
        finally:
            over.set()


@contextmanager
def _dripping(slow: list[socket.socket], over: threading.Event) -> Iterator[threading.Thread]:
    for connection in slow:
        connection.setblocking(False)

    def drip() -> None:
        while not over.wait(1):
            for connection in slow:
                with suppress(OSError):  # given up by the server, as it should be
                    connection.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield thread
    finally:
        over.set()
        thread.join(PATIENCE)


def _memory(server: Server) -> int:
    """MiB of the largest process of the server."""
    listed = subprocess.run(["ps", "-e", "-o", "pgid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return max(int(size) for group, size in rows if int(group) == server.process.pid) >> 10


def _times(server: Server, count: int) -> list[float]:
    """Seconds that a well-behaved client waits for each answer, sorted."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        assert httpx.get(f"{server.url}/openapi.json", verify=False, timeout=PATIENCE).status_code == 200
        times.append(time.perf_counter() - began)
    return sorted(times)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", effort(quick=["1"], thorough=["1", "4"]))
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_others_are_served_beside_a_crowd_that_wants_nothing(tmp_path: Path, scheme: str, workers: str) -> None:
    options = tls_options(tmp_path) if scheme == "https" else []
    with serving(tmp_path, "--workers", workers, *options, scheme=scheme) as server:
        with _crowd(server):
            times = _times(server, GETS)
            assert _memory(server) < LARGEST
        # How long a client of this same process takes is not the server's alone: three times what is promised.
        assert not is_thorough() or times[int(len(times) * 0.99) - 1] < 0.75
        assert _memory(server) < LARGEST


@pytest.mark.thorough
def test_a_request_that_never_comes_to_an_end_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path) as server, ExitStack() as clients:
        connections = {sent: clients.enter_context(_connect(server)) for sent in (b"", HEAD, HALF_BODY)}
        for sent, connection in connections.items():
            connection.sendall(sent)
        for sent, connection in connections.items():  # they wait side by side
            connection.settimeout(110)
            answer = b"".join(iter(partial(connection.recv, 65536), b""))
            assert not answer or answer.startswith(b"HTTP/1.1 408 "), sent


@pytest.mark.thorough
def test_an_answer_that_is_not_taken_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path) as server, ExitStack() as clients:
        for _ in range(8):
            clients.enter_context(_connect(server)).sendall(UNREAD * 20)
        deadline = time.monotonic() + 180
        while _accepted(server):
            assert time.monotonic() < deadline
            time.sleep(1)


def _accepted(server: Server) -> int:
    """How many connections the server's side still has; the other side is not told of those that it gives up."""
    port = f":{urlsplit(server.url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)
