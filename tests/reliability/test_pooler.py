"""Behind PgBouncer in transaction mode, where no two transactions need meet the same session, everything works."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.effort import effort
from tests.postgres import Pooler, Postgres, server, wait_until
from tests.reliability.test_nodes import check_database, node, say, unique_customer
from tests.server import PATIENCE, Server, run

# Connections to the server, for the two workers of a node that would have up to ten each.
POOL_SIZE = 3
CLIENTS = 8
REQUESTS = effort(quick=80, thorough=200)
# Milliseconds that no statement takes the server, the first ones on a new connection included.
LONG = 500
LOOKS = (
    "/customers",
    "/customers?limit=1000",
    "/customers/1000001",
    "/customers?name=rbcustomer",
    "/customers?email=rosa@rbcustomer.test",
    "/customers?externalId=externalId2",
)


@pytest.fixture(scope="module")
def behind() -> Iterator[Postgres]:
    with server(log_min_duration_statement=LONG) as postgres:
        yield postgres


@contextmanager
def pooled(postgres: Postgres) -> Iterator[tuple[Pooler, str]]:
    """A pooler before `postgres`, and a database of the test's own."""
    with postgres.temporary() as name, Pooler(postgres.port, pool_size=POOL_SIZE) as pooler:
        yield pooler, name


def _client(one: Server) -> httpx.Client:
    return httpx.Client(base_url=one.url, headers=one.headers(), timeout=PATIENCE)


def test_a_database_is_brought_up_to_date_through_a_pooler(behind: Postgres, tmp_path: Path) -> None:
    with pooled(behind) as (pooler, name):
        first = run("migrate", "--database", pooler.url(name), cwd=tmp_path)
        assert (first.returncode, first.stderr) == (0, "")
        assert first.stdout.startswith("done: ")
        second = run("migrate", "--database", pooler.url(name), cwd=tmp_path)
        assert second.stdout.endswith(" is up to date\n")
        assert behind.query("SELECT number FROM emporion_migrations ORDER BY 1", name)[0] == (1,)


def test_the_tour_works_behind_a_pooler(behind: Postgres, tmp_path: Path) -> None:
    with (
        pooled(behind) as (pooler, name),
        node(tmp_path, pooler.url(name)) as one,
        _client(one) as http,
    ):
        created = http.post("/customers", json=unique_customer("tour-1")).raise_for_status().json()
        assert created["status"] == "pending"
        address = f"/customers/{created['id']}"
        assert http.post("/customers", json=unique_customer("tour-1")).status_code == 409
        verified = {**created, "status": "active"}
        wait_until(lambda: http.get(address).json() == verified, lambda: f"not verified: {http.get(address).text}")
        changed = http.patch(address, json={"name": "München AG", "attributes": {"tier": "gold"}})
        assert changed.json() == {**verified, "name": "München AG", "attributes": {"tier": "gold"}}
        assert http.get(address).json() == changed.json()
        summary = {member: changed.json()[member] for member in ("id", "externalId", "name", "status")}
        for query in ({"name": "munchen a"}, {"email": "tour-1@example.com"}, {"externalId": "tour-1"}):
            found = http.get("/customers", params=query).json()
            assert found == {"data": [summary], "pagination": {"offset": 0, "limit": 10, "total": 1}}, query
        listed = http.get("/customers").json()
        assert [customer["id"] for customer in listed["data"]] == [created["id"], "1000002", "1000001"]
        check_database(behind, name)
        assert _servers(behind, name) <= POOL_SIZE


def _servers(postgres: Postgres, name: str) -> int:
    """How many connections the database has, but for the one that asks."""
    sql = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    return len(postgres.query(sql, name))


def test_more_clients_than_connections_are_all_served_behind_a_pooler(behind: Postgres, tmp_path: Path) -> None:
    with (
        pooled(behind) as (pooler, name),
        node(tmp_path, pooler.url(name)) as one,
        _client(one) as http,
        ThreadPoolExecutor(CLIENTS) as clients,
    ):
        began = len(behind.log.read_text())
        answers = list(clients.map(lambda number: _mixed(http, number), range(REQUESTS)))
        for answer in answers:
            assert answer.status_code == 200, f"{answer.request.method} {answer.request.url}: {answer.text}"
        slowest = max(answers, key=lambda answer: answer.elapsed)
        say(f"pooler: slowest answer {slowest.elapsed.total_seconds():.2f} s")
        # asyncpg asks for types with JIT switched off, in a session that may be another one then: it took a second.
        assert "duration:" not in behind.log.read_text()[began:]
        total = 2 + REQUESTS // 4
        assert http.get("/customers").json()["pagination"]["total"] == total
        check_database(behind, name)
        assert behind.query("SELECT count(*) FROM customers", name) == [(total,)]
        attributes = http.get("/customers/1000002").json()["attributes"]
        assert attributes == {str(number): "x" for number in range(1, REQUESTS, 4)}


def _mixed(http: httpx.Client, number: int) -> httpx.Response:
    """Every fourth request creates a customer, the next one changes one, the others look."""
    if number % 4 == 0:
        return http.post("/customers", json=unique_customer(f"many-{number}x"))
    if number % 4 == 1:
        return http.patch("/customers/1000002", json={"attributes": {str(number): "x"}})
    return http.get(LOOKS[number // 2 % len(LOOKS)])
