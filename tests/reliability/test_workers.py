"""Several worker processes over one file are one platform."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.conftest import new_customer
from tests.processes import children
from tests.server import PATIENCE, Server, serving


def _create(server: Server, headers: dict[str, str], client: int, count: int) -> list[dict[str, Any]]:
    """Customers created one after the other, each on a connection of its own, so that any worker may take it."""
    created = []
    for number in range(count):
        body = new_customer(externalId=f"{client}-{number}", status="active")
        answer = httpx.post(f"{server.url}/customers", headers=headers, json=body, timeout=PATIENCE)
        created.append(answer.raise_for_status().json())
        # Whichever worker answers next, it sees what another has written.
        read = httpx.get(f"{server.url}/customers/{created[-1]['id']}", headers=headers, timeout=PATIENCE)
        assert read.json() == created[-1]
    return created


def test_two_workers_write_and_read_the_same_customers(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        headers = server.headers()
        with ThreadPoolExecutor(4) as clients:
            groups = list(clients.map(lambda client: _create(server, headers, client, 25), range(4)))
        ids = sorted((int(customer["id"]) for group in groups for customer in group), reverse=True)
        assert ids == list(range(1000102, 1000002, -1))
        page = httpx.get(f"{server.url}/customers?limit=200", headers=headers, timeout=PATIENCE).json()
        assert [int(customer["id"]) for customer in page["data"]] == [*ids, 1000002, 1000001]
        assert page["pagination"]["total"] == 102


def test_of_the_same_external_id_from_many_clients_one_gets_through(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        headers = server.headers()

        def create(_: int) -> int:
            body = new_customer(externalId="once")
            return httpx.post(f"{server.url}/customers", headers=headers, json=body, timeout=PATIENCE).status_code

        with ThreadPoolExecutor(8) as clients:
            assert sorted(clients.map(create, range(24))) == [200] + [409] * 23


def test_no_change_is_lost_between_workers(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        headers = server.headers()

        def change(client: int) -> None:
            for number in range(10):
                body = {"attributes": {f"{client}-{number}": "x"}}
                answer = httpx.patch(f"{server.url}/customers/1000001", headers=headers, json=body, timeout=PATIENCE)
                assert answer.status_code == 200, answer.text

        with ThreadPoolExecutor(4) as clients:
            list(clients.map(change, range(4)))
        customer = httpx.get(f"{server.url}/customers/1000001", headers=headers, timeout=PATIENCE).json()
        assert len(customer["attributes"]) == 40


def test_workers_end_with_a_server_that_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        workers = children(server.process.pid)
        server.process.kill()
        deadline = time.monotonic() + PATIENCE
        while any(_is_alive(pid) for pid in workers):
            assert time.monotonic() < deadline, "a worker still holds the port"


def _is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith("Z")


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        headers = server.headers()
        before = children(server.process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{server.url}/customers", headers=headers, timeout=PATIENCE)
            except httpx.TransportError:
                continue
            assert answer.status_code == 200
            assert set(children(server.process.pid)).isdisjoint(before)
            return
        raise AssertionError("no worker came back")
