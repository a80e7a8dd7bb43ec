"""kill -9 while orders are placed and carried out: each is completed once, and nothing is provided twice."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from emporion.marketplace.sandbox import SANDBOX_MPN
from tests.effort import effort
from tests.server import PATIENCE, Server, serving

ORDERS, KILLS = effort(quick=(200, 3), thorough=(2000, 12))
CLIENTS = 4


@pytest.mark.timeout(600)
def test_every_order_is_completed_once_whatever_is_killed(tmp_path: Path) -> None:
    answered: set[str] = set()
    placed = 0
    for round_ in range(KILLS):
        with serving(tmp_path) as server:
            done = placed + (ORDERS - placed) // (KILLS - round_)
            answered |= _place(server, range(placed, done), kill=True)
            placed = done
    with serving(tmp_path) as server:
        # What was answered by no server is sent again, under its key: it is done once.
        answered |= _place(server, range(ORDERS), kill=False)
        _wait(server)
        assert len(answered) == ORDERS
    _check(tmp_path / "sandbox.db", answered)


def _place(server: Server, numbers: range, *, kill: bool) -> set[str]:
    """Place orders, of which each makes two subscriptions; the ids of those that were answered.

    kill: the server is killed at a random moment of it.
    """
    answered: set[str] = set()
    headers = server.headers()
    waiting = list(numbers)
    first = threading.Event()
    with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
        customer = http.get("/customers?limit=1&status=active").json()["data"][0]["id"]

    def place() -> None:
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
            while waiting:
                number = waiting.pop()
                body = {
                    "customerId": customer,
                    "poNumber": f"PO-{number}",
                    "products": [{"mpn": SANDBOX_MPN, "quantity": 1}, {"mpn": "ACME-MAIL-BASIC", "quantity": 2}],
                }
                try:
                    answer = http.post("/orders", json=body, headers={"Idempotency-Key": f"order-{number}"})
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                answered.add(answer.json()["id"])
                first.set()

    with ThreadPoolExecutor(CLIENTS) as clients:
        placing = [clients.submit(place) for _ in range(CLIENTS)]
        if kill:
            assert first.wait(PATIENCE)
            threading.Event().wait(random.uniform(0.05, 0.8))  # the random moment
            server.kill()
        for client in placing:
            client.result()
    return answered


def _wait(server: Server) -> None:
    """Wait until no order is unfinished."""
    deadline = time.monotonic() + 4 * PATIENCE
    with httpx.Client(base_url=server.url, headers=server.headers(), timeout=PATIENCE) as http:
        while any(
            http.get(f"/orders?status={status}&limit=1").json()["pagination"]["total"]
            for status in ("submitted", "processing")
        ):
            assert time.monotonic() < deadline, "orders are left"
            time.sleep(0.1)


def _check(path: Path, answered: set[str]) -> None:
    with closing(sqlite3.connect(path)) as connection:

        def rows(sql: str) -> list[Any]:
            return connection.execute(sql).fetchall()

        assert rows("PRAGMA integrity_check") == [("ok",)]
        orders = dict(rows("SELECT id, status FROM orders"))
        ours = {id_ for (id_,) in rows("SELECT id FROM orders WHERE CAST(document AS TEXT) LIKE '%\"PO-%'")}
        assert ours == answered
        assert set(orders.values()) == {"completed"}
        numbers = sorted(number for (number,) in rows("SELECT order_number FROM orders"))
        assert numbers == [f"SO{number:06}" for number in range(1, len(orders) + 1)]
        made = Counter(order_id for (order_id,) in rows("SELECT order_id FROM order_subscriptions"))
        assert {made[id_] for id_ in ours} == {2}
        assert rows("SELECT DISTINCT status FROM subscriptions") == [("active",)]
        assert len(rows("SELECT 1 FROM subscriptions")) == sum(made.values())
        # The first plan charges setup and a month on each of three links, the second a month.
        charged = Counter(order_id for (order_id,) in rows("SELECT order_id FROM charges"))
        assert {charged[id_] for id_ in ours} == {9}
        ledger = [number for (number,) in rows("SELECT number FROM charges ORDER BY number")]
        assert ledger == list(range(1, len(ledger) + 1))
        for type_, each in (("order.created", 1), ("order.completed", 1)):
            events = Counter(id_ for (id_,) in rows(f"SELECT subject_id FROM events WHERE type = '{type_}'"))
            assert {events[id_] for id_ in ours} == {each}, type_
        activated = Counter(
            id_ for (id_,) in rows("SELECT subject_id FROM events WHERE type = 'subscription.activated'")
        )
        assert set(activated.values()) == {1}
        assert len(activated) == sum(made.values())
