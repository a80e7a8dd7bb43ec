"""Several worker processes over one file are one platform."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.conftest import new_customer
from tests.effort import effort
from tests.postgres import wait_until
from tests.processes import children
from tests.server import PATIENCE, Server, serving


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers, for tests that end none of them."""
    with serving(tmp_path_factory.mktemp("two"), "--workers", "2") as running:
        yield running


@pytest.fixture(scope="module")
def http(two: Server) -> Iterator[httpx.Client]:
    """A client of `two` with a connection for each request, so that any worker may take it."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=two.url, headers=two.headers(), limits=limits, timeout=PATIENCE) as client:
        yield client


def _create(http: httpx.Client, client: int, count: int) -> list[dict[str, Any]]:
    """Customers created one after the other."""
    created = []
    for number in range(count):
        body = new_customer(externalId=f"{client}-{number}", status="active")
        created.append(http.post("/customers", json=body).raise_for_status().json())
        # Whichever worker answers next, it sees what another has written.
        assert http.get(f"/customers/{created[-1]['id']}").json() == created[-1]
    return created


def test_two_workers_write_and_read_the_same_customers(http: httpx.Client) -> None:
    before = http.get("/customers").json()["pagination"]["total"]
    with ThreadPoolExecutor(4) as clients:
        groups = list(clients.map(lambda client: _create(http, client, 25), range(4)))
    ids = sorted((int(customer["id"]) for group in groups for customer in group), reverse=True)
    assert ids == list(range(ids[-1] + 99, ids[-1] - 1, -1))  # orders of the sandbox have taken ids before them
    page = http.get("/customers?limit=200").json()
    assert [int(customer["id"]) for customer in page["data"]][:100] == ids
    assert len(page["data"]) == page["pagination"]["total"] == before + 100


def test_of_the_same_external_id_from_many_clients_one_gets_through(http: httpx.Client) -> None:
    def create(_: int) -> int:
        return http.post("/customers", json=new_customer(externalId="once")).status_code

    with ThreadPoolExecutor(8) as clients:
        assert sorted(clients.map(create, range(24))) == [200] + [409] * 23


def test_no_change_is_lost_between_workers(http: httpx.Client) -> None:
    def change(client: int) -> None:
        for number in range(10):
            answer = http.patch("/customers/1000001", json={"attributes": {f"{client}-{number}": "x"}})
            assert answer.status_code == 200, answer.text

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(change, range(4)))
    assert len(http.get("/customers/1000001").json()["attributes"]) == 40


def test_workers_end_with_a_server_that_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server, ExitStack() as waiting:
        workers = children(server.process.pid)
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(8):
            one = waiting.enter_context(socket.create_connection((host, int(port))))
            one.sendall(b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        server.process.kill()
        deadline = time.monotonic() + effort(quick=PATIENCE, thorough=10)
        while any(_is_alive(pid) for pid in workers):
            assert time.monotonic() < deadline, "a worker still holds the port"


def _is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith("Z")


@pytest.mark.parametrize("workers", effort(quick=[2], thorough=[1, 2, 4]))
def test_workers_that_die_are_replaced_however_often(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--workers", str(workers)) as server:
        headers = server.headers()
        for _ in range(effort(quick=2, thorough=6)):
            before = children(server.process.pid)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_until(partial(_answers, server, headers), lambda: "no worker came back")
            assert set(children(server.process.pid)).isdisjoint(before)
        assert server.output.read_text().count("it was ended by SIGKILL") >= 2
        assert server.stop() == 0


def _answers(server: Server, headers: dict[str, str]) -> bool:
    assert server.process.poll() is None, "the server has ended"
    with suppress(httpx.TransportError):
        return httpx.get(f"{server.url}/customers", headers=headers, timeout=PATIENCE).status_code == 200
    return False


@pytest.mark.thorough
def test_a_server_whose_workers_cannot_be_started_ends_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        began = time.monotonic()
        while server.process.poll() is None:
            for pid in children(server.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert time.monotonic() - began < 90
            time.sleep(0.01)  # before the next one comes up
        assert time.monotonic() - began > 30
        assert server.process.returncode == 1
        assert "no worker could be started for 30 seconds, the server ends" in server.output.read_text()
