"""What one reseller's load does to another's requests, and a stranger's guesses to those who sign in.

`make bench-neighbours`: beside each load the same requests as alone, one after the other, in milliseconds.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from rich.console import Console
from rich.table import Table

from bench.client import ask, good, sign_in
from bench.drive import SCRIPTS, check_wrk
from bench.load import load
from bench.server import emporion
from bench.table import facts
from emporion.marketplace.platforms import SANDBOX
from emporion.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

SEARCH = f"/customers?name={quote('e')}"
FLOOD = 256
HUNG_UP = 1000
# Customers of the reseller who is measured.
OWN = 200
TIMES = 100
PASSWORD = "Neighbour-1"
CUSTOMER = {
    "name": "Neighbour Ltd", "language": "en", "status": "active",
    "address": {"streetAddress": "1 High Street", "postalCode": "10115", "city": "Berlin", "countryCode": "DE"},
    "contactPersons": [
        {"type": "admin", "firstName": "A", "lastName": "B", "email": "a@example.com", "phoneNumber": "+4930123456"}
    ],
}  # fmt: skip


class Client(msgspec.Struct):
    """A client that sends one request after the other over one connection."""

    port: int
    headers: Mapping[str, str]

    def times(self, method: str, path: str, body: Any = None) -> tuple[float, float]:
        """p50 and p99 in milliseconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = None if body is None else json.dumps(body)
        found = []
        for _ in range(TIMES):
            began = time.perf_counter()
            connection.request(method, path, sent, {**self.headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            found.append((time.perf_counter() - began) * 1000)
        connection.close()
        found.sort()
        return found[TIMES // 2], found[TIMES * 99 // 100 - 1]


def _emporion(database: str, *arguments: str, typed: str = "") -> Any:
    command = [sys.executable, "-m", "emporion", *arguments, "--database", database, "--json"]
    return json.loads(subprocess.run(command, input=typed, capture_output=True, text=True, check=True).stdout)


def _neighbour(database: str) -> tuple[str, dict[str, str]]:
    """Another reseller's login, and its key."""
    reseller = _emporion(
        database, "reseller", "add", "Neighbour", "--currency", "EUR", "--street", "S 1", "--postal-code", "10115",
        "--city", "Berlin", "--country", "DE", "--first-name", "A", "--last-name", "B", "--email", "a@example.com",
        "--phone", "+4930123456",
    )["id"]  # fmt: skip
    _emporion(
        database, "user", "add", "neighbour", "--reseller", reseller, "--role", "owner", "--password-stdin",
        typed=PASSWORD,
    )  # fmt: skip
    key = _emporion(database, "key", "add", "--reseller", reseller, "--name", "measured")["key"]
    return "neighbour", {"X-Subscription-Key": key}


def _token(port: int, login: str, password: str, key: Mapping[str, str], address: str = "127.0.0.1") -> int:
    """The status of a sign-in from an address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(address, 0))
    try:
        connection.request("POST", "/token", headers={**key, **_basic(login, password)})
        return connection.getresponse().status
    finally:
        connection.close()


def _basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{login}:{password}'.encode()).decode()}"}


@contextmanager
def _wrk(port: int, path: str, headers: Mapping[str, str], connections: int = FLOOD) -> Iterator[None]:
    """Requests as fast as they are answered, whatever the answers."""
    command = ["wrk", "-t1", f"-c{connections}", "-d600s", "-s", "report.lua"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    flood = subprocess.Popen([*command, f"http://127.0.0.1:{port}{path}"], cwd=SCRIPTS, stdout=subprocess.DEVNULL)
    try:
        time.sleep(2)
        yield
    finally:
        flood.kill()
        flood.wait()


@contextmanager
def _hung_up(port: int, path: str, headers: Mapping[str, str]) -> Iterator[None]:
    """Searches of a client that does not wait for the answers."""
    for _ in range(HUNG_UP):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers=dict(headers))
        connection.close()
    yield


@contextmanager
def _guesses(port: int, key: Mapping[str, str]) -> Iterator[None]:
    """Wrong passwords from a thousand addresses."""
    over = threading.Event()

    def guess(number: int) -> None:
        while not over.is_set():
            number = (number + 64) % 1000
            _token(port, f"unknown{number}", "wrong", key, f"127.1.{number // 250}.{number % 250 + 1}")

    with ThreadPoolExecutor(64) as guessing:
        for number in range(64):
            guessing.submit(guess, number)
        try:
            time.sleep(2)
            yield
        finally:
            over.set()


def neighbours() -> RenderableType:
    """The table."""
    check_wrk()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'sandbox.db'}"
        load(SqliteStore(folder / "sandbox.db"))
        login, key = _neighbour(database)
        with emporion(database, folder / "log.txt") as port:
            noisy = sign_in(port)
            answer = good(ask(port, "/token", {**key, **_basic(login, PASSWORD)}, "POST"))
            client = Client(port, {**key, "Authorization": f"Bearer {json.loads(answer.body)['token']}"})
            for _ in range(OWN // TIMES):
                client.times("POST", "/customers", CUSTOMER)
            own = json.loads(ask(port, "/customers?limit=1", client.headers).body)["data"][0]["id"]
            return _table(port, client, f"/customers/{own}", noisy, lambda: _sign_in_times(port, login, key))


def _sign_in_times(port: int, login: str, key: Mapping[str, str]) -> tuple[float, float]:
    found = []
    for _ in range(20):
        began = time.perf_counter()
        assert _token(port, login, PASSWORD, key) == 200
        found.append((time.perf_counter() - began) * 1000)
    found.sort()
    return found[10], found[-1]


def _table(
    port: int, client: Client, own: str, noisy: Mapping[str, str], sign_in_times: Callable[[], tuple[float, float]]
) -> Table:
    measured: dict[str, Callable[[], tuple[float, float]]] = {
        "search": lambda: client.times("GET", SEARCH),
        "GET by id": lambda: client.times("GET", own),
        "POST": lambda: client.times("POST", "/customers", CUSTOMER),
        "sign-in": sign_in_times,
    }
    loads: dict[str, Callable[[], AbstractContextManager[None]]] = {
        f"{FLOOD} connections search": lambda: _wrk(port, SEARCH, noisy),
        f"{FLOOD} connections GET": lambda: _wrk(port, "/customers/1000001", noisy),
        f"{HUNG_UP} searches hung up": lambda: _hung_up(port, SEARCH, noisy),
        "guesses from 1,000 addresses": lambda: _guesses(port, {"X-Subscription-Key": SANDBOX.subscription_key}),
    }
    alone = {what: measure() for what, measure in measured.items()}
    table = Table("beside", "what", title=facts("SQLite"), caption="milliseconds; p99 of sign-ins: the longest of 20")
    for column in ("p50 alone", "p50 beside", "p99 alone", "p99 beside"):
        table.add_column(column, justify="right")
    for name, beside in loads.items():
        for what, measure in measured.items():
            with beside():
                (p50, p99), (before50, before99) = measure(), alone[what]
            table.add_row(name, what, *(f"{value:.1f}" for value in (before50, p50, before99, p99)))
            time.sleep(1)
    return table


if __name__ == "__main__":
    Console(width=120).print(neighbours())
