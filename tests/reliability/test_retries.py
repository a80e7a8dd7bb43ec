"""A client that retries blindly makes no duplicate, however the network between fails."""

from __future__ import annotations

import random
import re
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

import httpx2 as httpx
import pytest

from tests.conftest import new_customer
from tests.effort import effort
from tests.server import PATIENCE, serving

CREATIONS = effort(quick=60, thorough=200)
THREADS = 8
SEED = 4

Fate = Literal["passed", "refused", "half of the request", "no answer", "half of the answer"]
# How often each of them comes.
WEIGHTS = (5, 1, 1, 2, 1)


class Connection(socketserver.BaseRequestHandler):
    """Carries one request to the server and its answer back, as far as they come."""

    server: Network

    def handle(self) -> None:
        client: socket.socket = self.request
        client.settimeout(PATIENCE)
        fate = self.server.fate()
        if fate == "refused":
            return
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.server.port), PATIENCE) as server:
            request = _message(client)
            if fate == "half of the request":
                server.sendall(request[: len(request) // 2])
                return
            server.sendall(request)
            answer = _message(server)
            if fate == "half of the answer":
                client.sendall(answer[: len(answer) // 2])
            elif fate == "passed":
                client.sendall(answer)


class Network(socketserver.ThreadingTCPServer):
    """What lies between a client and the server at `port`: of two connections about one works. fates: what happened."""

    daemon_threads = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.port = port
        self.fates: Counter[Fate] = Counter()
        self._chance = random.Random(SEED)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fate(self) -> Fate:
        (fate,) = self._chance.choices(get_args(Fate), WEIGHTS)
        self.fates[fate] += 1
        return fate  # type: ignore[no-any-return]


def _message(sender: socket.socket) -> bytes:
    """One HTTP message with its body; less of it if the sender gives up."""
    found, wanted = b"", None
    while wanted is None or len(found) < wanted:
        chunk = sender.recv(1 << 16)
        if not chunk:
            break
        found += chunk
        head, end, _ = found.partition(b"\r\n\r\n")
        if end and wanted is None:
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            wanted = len(head) + len(end) + (int(length[1]) if length else 0)
    return found


@contextmanager
def bad_network(port: int) -> Iterator[Network]:
    """A network before the server at `port`, until the block ends."""
    with Network(port) as network:
        running = threading.Thread(target=network.serve_forever, args=(0.05,))
        running.start()
        try:
            yield network
        finally:
            network.shutdown()
            running.join(PATIENCE)


def create_until_answered(http: httpx.Client, number: int) -> httpx.Response:
    """Send the same request again and again until it is answered."""
    while True:
        with suppress(httpx.TransportError):
            answer = http.post(
                "/customers",
                headers={"Idempotency-Key": f'"creation-{number}"'},
                json=new_customer(name=f"Customer {number}"),
            )
            # 409: the one before, whose answer was lost, is still being done.
            if answer.status_code != 409:
                assert answer.status_code == 200, answer.text
                return answer


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_client_that_retries_blindly_makes_no_duplicate(tmp_path: Path, workers: str) -> None:
    numbers = range(CREATIONS)
    with serving(tmp_path, "--workers", workers) as server:
        headers = server.headers()
        # A connection for each request, so that any worker may take it.
        fresh = httpx.Limits(max_keepalive_connections=0)
        with (
            bad_network(int(server.url.rpartition(":")[2])) as network,
            httpx.Client(base_url=network.url, headers=headers, timeout=PATIENCE, limits=fresh) as http,
            ThreadPoolExecutor(THREADS) as clients,
        ):
            answers = list(clients.map(lambda number: create_until_answered(http, number), numbers))
        assert set(network.fates) == set(get_args(Fate)), network.fates
        # Some had been done, although no client was told.
        assert any("idempotency-replayed" in answer.headers for answer in answers)
        created = [answer.json() for answer in answers]
        assert len({customer["id"] for customer in created}) == CREATIONS
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
            page = http.get("/customers?limit=1000").json()
            assert page["pagination"]["total"] == CREATIONS + 2
            names = {customer["id"]: customer["name"] for customer in page["data"]}
            assert [names[customer["id"]] for customer in created] == [f"Customer {number}" for number in numbers]
            for number, answer in zip(numbers, answers, strict=True):
                again = create_until_answered(http, number)
                assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")
            events = http.get("/events?limit=1000&type=customer.created").json()["data"]
            assert len(events) == CREATIONS + 2
