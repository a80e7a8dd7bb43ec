"""kill -9 at any moment: whatever was answered is there, whole and once, and nothing half-written is left."""

from __future__ import annotations

import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from emporion.store.sqlite.rowids import ordinal_of
from tests.conftest import new_contact, new_customer
from tests.effort import effort
from tests.server import PATIENCE, Server, serving

KILLS = effort(quick=1, thorough=20)
CLIENTS = 6


@pytest.mark.timeout(300)
def test_every_answered_customer_survives_kills(tmp_path: Path) -> None:
    answered: dict[str, dict[str, Any]] = {}
    for round_ in range(KILLS):
        with serving(tmp_path) as server:
            _check_answered(server, answered)
            _check_file(tmp_path / "sandbox.db", answered)
            new = _create_until_killed(server, round_)
            assert new, "the kill came before the first answer; nothing was tested"
            answered |= new
    with serving(tmp_path) as server:
        _check_answered(server, answered)
        _check_file(tmp_path / "sandbox.db", answered)


def _create_until_killed(server: Server, round_: int) -> dict[str, dict[str, Any]]:
    """Customers by external id, as they were answered before the server was killed at a random moment."""
    answered: dict[str, dict[str, Any]] = {}
    headers = server.headers()
    first = threading.Event()

    def create(client: int) -> None:
        with httpx.Client(headers=headers, timeout=PATIENCE) as http:
            for number in range(100_000):
                external_id = f"{round_}-{client}-{number}"
                contact = new_contact(login=f"login-{external_id}")
                body = new_customer(name=f"Customer {external_id}", externalId=external_id, contactPersons=[contact])
                try:
                    answer = http.post(f"{server.url}/customers", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                answered[external_id] = answer.json()
                first.set()

    with ThreadPoolExecutor(CLIENTS) as clients:
        creating = [clients.submit(create, client) for client in range(CLIENTS)]
        assert first.wait(PATIENCE)
        threading.Event().wait(random.uniform(0, 0.3))  # the random moment
        server.kill()
        for client in creating:
            client.result()
    return answered


def _check_answered(server: Server, answered: dict[str, dict[str, Any]]) -> None:
    """Each answered customer is in the list once, and is what was answered, but for being verified."""
    listed: dict[str, list[dict[str, Any]]] = {}
    total, offset = 1, 0
    with httpx.Client(base_url=server.url, headers=server.headers(), timeout=PATIENCE) as http:
        while offset < total:
            page = http.get(f"/customers?offset={offset}&limit=1000", headers={"X-Api-Version": "1.15"}).json()
            total, offset = page["pagination"]["total"], offset + 1000
            for customer in page["data"]:
                listed.setdefault(customer["externalId"], []).append(customer)
    assert sum(map(len, listed.values())) == total
    for external_id, customer in answered.items():
        (found,) = listed[external_id]
        assert {**found, "status": "any"} == {**customer, "status": "any"}


def _check_file(path: Path, answered: dict[str, dict[str, Any]]) -> None:
    """The database holds nothing half-written."""
    with closing(sqlite3.connect(path)) as connection:

        def one(sql: str) -> Any:
            return connection.execute(sql).fetchone()[0]

        connection.execute("BEGIN")
        assert one("PRAGMA integrity_check") == "ok"
        total = one("SELECT count(*) FROM customers")
        assert total >= len(answered)
        ordinals = [ordinal_of(place) for (place,) in connection.execute("SELECT place FROM customers ORDER BY place")]
        assert ordinals == list(range(1, total + 1))
        assert one("SELECT customers FROM resellers WHERE customers > 0") == total
        for count in (
            "SELECT count(*) FROM accounts WHERE kind = 'customer'",
            "SELECT count(*) FROM customers JOIN accounts USING (id, reseller_id)",
            "SELECT count(*) FROM events WHERE type = 'customer.created'",
            "SELECT count(DISTINCT account_id) FROM events WHERE type = 'customer.created'",
            "SELECT count(*) FROM logins JOIN customers c ON c.id = customer_id",
            "SELECT count(*) FROM customer_emails JOIN customers USING (reseller_id, place)",
            "SELECT count(*) FROM customers WHERE json_valid(CAST(document AS TEXT))",
        ):
            assert one(count) == total, count
        logs = connection.execute(
            "SELECT r.events, count(e.sequence), coalesce(max(e.sequence), 0)"
            " FROM resellers r LEFT JOIN events e USING (reseller_id) GROUP BY reseller_id"
        ).fetchall()
        assert all(counted == written == last for counted, written, last in logs), logs
        assert one("SELECT count(*) FROM events WHERE type = 'customer.verified'") == one(
            "SELECT count(*) FROM customers WHERE version = 2"
        )
        connection.execute("COMMIT")
        connection.execute("INSERT INTO customer_names (customer_names) VALUES ('integrity-check')")


def test_a_customer_created_right_before_a_kill_is_verified_after_the_next_start(tmp_path: Path) -> None:
    with serving(tmp_path, EMPORION_VERIFICATION="manual") as server:
        answer = httpx.post(f"{server.url}/customers", headers=server.headers(), json=new_customer(), timeout=PATIENCE)
        server.kill()
    customer = answer.json()
    assert customer["status"] == "pending"
    with (
        serving(tmp_path) as server,
        httpx.Client(base_url=server.url, headers=server.headers(), timeout=PATIENCE) as http,
    ):
        while http.get(f"/customers/{customer['id']}").json()["status"] == "pending":
            pass
        assert http.get(f"/customers/{customer['id']}").json() == {**customer, "status": "active"}
