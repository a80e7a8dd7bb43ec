"""The file of the embedded store is moved, cut or has no room: writes are refused, nothing is lost or made anew."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.conftest import new_customer
from tests.postgres import wait_until
from tests.processes import children
from tests.server import PATIENCE, Server, serving

NAMES = ("sandbox.db", "sandbox.db-wal", "sandbox.db-shm")
WORKERS = 2


@contextmanager
def moved(folder: Path, server: Server) -> Iterator[None]:
    (folder / "aside").mkdir()
    for name in NAMES:
        (folder / name).rename(folder / "aside" / name)
    yield
    assert not (folder / "sandbox.db").exists(), "made anew"
    for name in NAMES:
        (folder / "aside" / name).rename(folder / name)


@contextmanager
def full(folder: Path, server: Server) -> Iterator[None]:
    """No file may become larger than this; what is written already may be written over."""
    size = (folder / "sandbox.db-wal").stat().st_size
    workers = children(server.process.pid)
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in workers]
    for pid, (_, hard) in zip(workers, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    for pid, limits in zip(workers, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def client(server: Server) -> Iterator[httpx.Client]:
    """A client whose requests go over a new connection each, so that any worker may take them."""
    headers = {**server.headers(), "Connection": "close"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
        yield http


def create(http: httpx.Client) -> httpx.Response:
    return http.post("/customers", json=new_customer(status="active"))


@pytest.mark.parametrize("broken", [moved, full])
def test_writes_are_refused_while_the_file_is_away_and_none_is_lost(
    tmp_path: Path, broken: Callable[[Path, Server], AbstractContextManager[None]]
) -> None:
    with serving(tmp_path, "--workers", str(WORKERS)) as server, client(server) as http:
        acknowledged = {create(http).raise_for_status().json()["id"] for _ in range(10)}
        refused = 0
        with broken(tmp_path, server):
            while refused < 20:
                answer = create(http)
                if answer.status_code == 200:  # there may be some room left
                    acknowledged.add(answer.json()["id"])
                    continue
                assert answer.status_code == 503, answer.text
                assert answer.headers["Retry-After"] == "2"
                refused += 1
                assert http.get(f"/customers/{max(acknowledged)}").status_code == 200
        acknowledged |= {create(http).raise_for_status().json()["id"] for _ in range(10)}
        lines = [json.loads(line) for line in server.output.read_text().splitlines() if line.startswith("{")]
        assert 1 <= sum("writes fail" in line["event"] for line in lines) <= WORKERS, lines
        assert not any(line["event"] == "not answered" for line in lines)
        assert server.stop() == 0
    with closing(sqlite3.connect(tmp_path / "sandbox.db")) as connection:
        kept = {str(id_) for (id_,) in connection.execute("SELECT id FROM customers")}
        assert kept >= acknowledged
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_was_cut_is_told_and_left_alone(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client(server) as http:
        os.truncate(tmp_path / "sandbox.db", 0)
        # SQLite may fall over what is no longer there: then the process is replaced.
        statuses: list[int] = []

        def refused() -> bool:
            with suppress(httpx.TransportError):
                statuses.append(create(http).status_code)
            return len(statuses) > 5

        wait_until(refused, lambda: f"only {statuses}")
        assert set(statuses) == {503}
        assert (tmp_path / "sandbox.db").stat().st_size == 0
        assert server.process.poll() is None


def test_a_worker_that_starts_while_the_file_is_away_waits_for_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client(server) as http:
        statuses: list[int] = []

        def answered(status: int) -> Callable[[], bool]:
            def ask() -> bool:
                with suppress(httpx.TransportError):
                    statuses.append(create(http).status_code)
                return statuses[-1:] == [status]

            return ask

        with moved(tmp_path, server):
            for pid in children(server.process.pid):
                os.kill(pid, signal.SIGKILL)
            wait_until(answered(503), lambda: f"{statuses}")
        wait_until(answered(200), lambda: f"{statuses}")
        assert server.output.read_text().count("this worker waits for the database") == 1
