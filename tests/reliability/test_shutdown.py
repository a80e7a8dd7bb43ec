"""SIGTERM and SIGHUP: what is in flight is finished."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import new_customer
from tests.effort import promised
from tests.postgres import wait_until
from tests.processes import children, unread_bytes
from tests.server import PATIENCE, Server, serving


def by_the_service_manager(server: Server) -> None:
    server.process.terminate()


def with_the_terminal(server: Server) -> None:
    os.killpg(server.process.pid, signal.SIGHUP)


@pytest.mark.parametrize("stop", [by_the_service_manager, with_the_terminal])
def test_a_request_in_flight_is_answered_before_the_server_ends(tmp_path: Path, stop: Callable[[Server], None]) -> None:
    with serving(tmp_path) as server:
        headers = {"Host": "x", "Content-Type": "application/json", **server.headers()}
        body = json.dumps(new_customer(externalId="in flight")).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        host, port = server.url.removeprefix("http://").split(":")
        with (
            closing(sqlite3.connect(tmp_path / "sandbox.db", isolation_level=None)) as other,
            socket.create_connection((host, int(port)), PATIENCE) as client,
        ):
            other.execute("BEGIN IMMEDIATE")  # so that it cannot be answered yet
            client.sendall(f"POST /customers HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wait_until(lambda: not unread_bytes(int(port)), lambda: "it is not read")
            stop(server)
            other.execute("ROLLBACK")
            assert client.recv(15) == b"HTTP/1.1 200 OK"
        assert server.process.wait(PATIENCE) == 0
    with serving(tmp_path) as server:
        found = httpx.get(f"{server.url}/customers?externalId=in flight", headers=server.headers(), timeout=PATIENCE)
        assert found.json()["pagination"]["total"] == 1


def test_an_idle_connection_does_not_keep_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(15) == b"HTTP/1.1 200 OK"
            assert server.stop() == 0


@contextmanager
def half_open(server: Server) -> Iterator[None]:
    """Connections that stay as they are: silent, within a head, and within a body."""
    address = server.url.removeprefix("http://").split(":")
    with ExitStack() as open_ones:
        for begun in (b"", b"GET /customers HT", b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"):
            one = open_ones.enter_context(socket.create_connection((address[0], int(address[1]))))
            one.sendall(begun)
        yield


@contextmanager
def searches(server: Server) -> Iterator[None]:
    """Many who wait for the log of events to go on, and many who search."""
    headers = server.headers()
    with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http, ThreadPoolExecutor(20) as asking:

        def ask(number: int) -> None:
            with suppress(httpx.TransportError):
                http.get("/events?wait=30&after=999999" if number % 2 else "/customers?name=e")

        for number in range(100):
            asking.submit(ask, number)
        yield
        asking.shutdown(cancel_futures=True)


@contextmanager
def stuck(server: Server) -> Iterator[None]:
    """A worker that does nothing at all any more."""
    for pid in children(server.process.pid):
        os.kill(pid, signal.SIGSTOP)
    yield


@pytest.mark.parametrize("busy", [half_open, searches, stuck])
def test_the_server_ends_in_two_seconds_whatever_waits(
    tmp_path: Path, busy: Callable[[Server], AbstractContextManager[None]]
) -> None:
    with serving(tmp_path) as server, busy(server):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < promised(2)


def test_the_data_is_kept_from_one_start_to_the_next(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        created = httpx.post(f"{server.url}/customers", headers=server.headers(), json=new_customer(status="active"))
        headers = server.headers()
        assert server.stop() == 0
    with serving(tmp_path) as server:
        # A token stays good over a restart, and the sandbox is not furnished a second time.
        found = httpx.get(f"{server.url}/customers/{created.json()['id']}", headers=headers)
        assert found.json() == created.json()
        assert httpx.get(f"{server.url}/customers", headers=headers).json()["pagination"]["total"] == 3
