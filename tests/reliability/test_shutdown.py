"""SIGTERM and SIGHUP: what is in flight is finished."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import new_contact, new_customer
from tests.postgres import wait_until
from tests.processes import cpu_seconds
from tests.server import PATIENCE, Server, serving


def stopped_by_the_service_manager(server: Server) -> int:
    return server.stop()


def stopped_with_the_terminal(server: Server) -> int:
    os.killpg(server.process.pid, signal.SIGHUP)
    return server.process.wait(PATIENCE)


@pytest.mark.parametrize("stopped", [stopped_by_the_service_manager, stopped_with_the_terminal])
def test_a_request_in_flight_is_answered_before_the_server_ends(
    tmp_path: Path, stopped: Callable[[Server], int]
) -> None:
    with serving(tmp_path) as server:
        headers = server.headers()
        # Hashing a password for each of twenty administrators takes long enough to be in flight.
        contacts = [new_contact(email=f"a{number}@example.com", password="Ecx$cvdazv") for number in range(20)]
        answers: list[httpx.Response] = []
        asked = threading.Event()

        def create() -> None:
            with httpx.Client(headers=headers, timeout=PATIENCE) as http:
                http.get(f"{server.url}/customers")
                asked.set()
                answers.append(http.post(f"{server.url}/customers", json=new_customer(contactPersons=contacts)))

        at_rest = cpu_seconds(server.process.pid)
        creating = threading.Thread(target=create)
        creating.start()
        assert asked.wait(PATIENCE)
        wait_until(lambda: cpu_seconds(server.process.pid) > at_rest + 0.05, lambda: "no request came")
        assert stopped(server) == 0
        creating.join(PATIENCE)
        assert [answer.status_code for answer in answers] == [200]
    with serving(tmp_path) as server:
        found = httpx.get(f"{server.url}/customers?email=a19@example.com", headers=server.headers(), timeout=PATIENCE)
        assert found.json()["pagination"]["total"] == 1


def test_an_idle_connection_does_not_keep_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(15) == b"HTTP/1.1 200 OK"
            assert server.stop() == 0


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
