"""The database goes away, hangs or moves: the node answers, loses nothing, and is back at once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, Self

import asyncpg
import httpx2 as httpx
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.platforms import SANDBOX
from tests.conftest import new_customer
from tests.effort import effort, promised
from tests.postgres import Address, Databases, Postgres, server, wait_until
from tests.processes import children
from tests.reliability.test_nodes import BACKOFF, check_database, holder, node, say, unique_customer
from tests.server import PATIENCE, Server

STATEMENT_TIMEOUT = 2
LOCK_TIMEOUT = 1
TIMEOUTS = ("--statement-timeout", str(STATEMENT_TIMEOUT), "--lock-timeout", str(LOCK_TIMEOUT))

# Seconds within which every request is answered, also while the database hangs.
LONGEST = STATEMENT_TIMEOUT + 3
# Seconds within which requests succeed again, from when the database accepts connections.
BACK = 2.0

# Of each kind of request, how many must be seen before and during an outage.
SOME = 4
CUTS = effort(quick=5, thorough=30)

Kind = Literal["read", "write"]
KINDS: tuple[Kind, ...] = ("read", "write")
KEY = {"X-Subscription-Key": SANDBOX.subscription_key}


class Answer(NamedTuple):
    """What a request got. took: seconds. ended: as time.monotonic() has it."""

    kind: Kind
    status: int
    took: float
    ended: float


class Load:
    """Clients that create customers at a node and read them, until the block ends. Each answer is one that a client
    can live with, in time; a broken connection is none.

    acknowledged: ids by external id of all customers that were answered.
    """

    def __init__(self, node: Server, headers: dict[str, str]) -> None:
        self._http = httpx.Client(base_url=node.url, headers=headers, timeout=PATIENCE)
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._clients: list[Future[None]] = []
        self.answers: list[Answer] = []
        self.acknowledged: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._clients += [self._pool.submit(self._write, client) for client in range(2)]
        self._clients += [self._pool.submit(self._read) for _ in range(2)]
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pool.shutdown()
        self._http.close()
        for client in self._clients:
            client.result()

    @property
    def slowest(self) -> float:
        return max(answer.took for answer in self.answers)

    @property
    def refused(self) -> dict[Kind, int]:
        return {kind: self._count(kind, 503) for kind in KINDS}

    def wait_for(self, status: int) -> None:
        """Return when clients got some more answers of each kind with this status."""
        for kind in KINDS:
            wanted = self._count(kind, status) + SOME
            self._wait_until(partial(self._has, kind, status, wanted), f"{wanted} of {kind} with {status}")

    def seconds_until_back(self, after: float) -> dict[Kind, float]:
        """From `after` until the first success of each kind."""
        back: dict[Kind, float] = {}
        for kind in KINDS:
            self._wait_until(partial(self._succeeded, kind, after), f"a {kind} that succeeds")
            back[kind] = round(min(self._successes(kind, after)) - after, 3)
        return back

    def _count(self, kind: Kind, status: int) -> int:
        return sum(answer[:2] == (kind, status) for answer in list(self.answers))

    def _has(self, kind: Kind, status: int, count: int) -> bool:
        return self._count(kind, status) >= count

    def _succeeded(self, kind: Kind, after: float) -> bool:
        return bool(self._successes(kind, after))

    def _successes(self, kind: Kind, after: float) -> list[float]:
        return [one.ended for one in list(self.answers) if one[:2] == (kind, 200) and one.ended > after]

    def _wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """As `wait_until`, but not for clients that have failed."""
        wait_until(lambda: happened() or any(client.done() for client in self._clients), lambda: what)
        for client in self._clients:
            if client.done():
                client.result()

    def _ask(self, kind: Kind, method: str, path: str, body: object = None) -> httpx.Response:
        began = time.monotonic()
        answer = self._http.request(method, path, json=body)
        ended = time.monotonic()
        check_answer(answer, ended - began)
        self.answers.append(Answer(kind, answer.status_code, ended - began, ended))
        if answer.status_code == 503:
            self._ended.wait(BACKOFF)
        return answer

    def _write(self, client: int) -> None:
        """Create one customer after the other, each until it is acknowledged."""
        number, unknown = 0, False
        while not self._ended.is_set():
            external_id = f"{client}-{number}x"
            answer = self._ask("write", "POST", "/customers", unique_customer(external_id))
            if answer.status_code == 503:
                unknown = True
                continue
            if answer.status_code == 409:
                assert unknown, answer.text
            self.acknowledged[external_id] = answer.json()["id"] if answer.status_code == 200 else holder(answer)
            number, unknown = number + 1, False

    def _read(self) -> None:
        """Look for customers that were acknowledged, in all ways there are."""
        while not self._ended.is_set():
            known = list(self.acknowledged.items())
            if not known:
                self._ended.wait(BACKOFF)
                continue
            external_id, id_ = random.choice(known[-100:])
            answer = self._ask("read", "GET", f"/customers/{id_}")
            if answer.status_code == 200:
                assert answer.json()["externalId"] == external_id
            for query in (f"externalId={external_id}", f"email={external_id}@example.com", f"name={external_id}"):
                answer = self._ask("read", "GET", f"/customers?{query}")
                if answer.status_code == 200:
                    assert [customer["id"] for customer in answer.json()["data"]] == [id_], query
            answer = self._ask("read", "GET", "/customers")
            if answer.status_code == 200:
                assert answer.json()["pagination"]["total"] >= len(known)


def check_answer(answer: httpx.Response, took: float) -> None:
    """Done, found done already, or refused for now with a time to try again; and in time."""
    assert answer.status_code in (200, 409, 503), f"{answer.status_code}: {answer.text}"
    assert (answer.status_code == 503) == ("Retry-After" in answer.headers)
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) >= 1
    what = f"{answer.request.method} {answer.request.url}: {answer.status_code} after {took:.1f} s"
    assert took < promised(LONGEST), what


def check_kept(databases: Databases, name: str, load: Load) -> None:
    """Each customer that was acknowledged is there, once and whole."""
    began = time.monotonic()
    check_database(databases, name)
    say(f"everybody verified and the database checked after {time.monotonic() - began:.2f} s")
    kept = dict(databases.query("SELECT external_id, id::text FROM customers", name))
    assert {external_id: kept.get(external_id) for external_id in load.acknowledged} == load.acknowledged
    # Whatever else is there was asked for by a client who was told 503 until the end.
    assert len(kept) <= 2 + len(load.acknowledged) + 2


def check_back(load: Load, after: float, what: str) -> None:
    """Requests succeed again soon, and go on doing so."""
    back = load.seconds_until_back(after)
    load.wait_for(200)
    say(f"{what}: back after {back} s, slowest answer {load.slowest:.2f} s, refused {load.refused}")
    assert max(back.values()) < promised(BACK), back


@pytest.fixture(scope="module")
def durable() -> Iterator[Postgres]:
    with server(durable=True) as postgres:
        yield postgres


@contextmanager
def database(postgres: Postgres) -> Iterator[str]:
    """A database of the test's own, which is dropped also when the test fails while the server is away."""
    with postgres.temporary() as name:
        try:
            yield name
        finally:
            postgres.resume()
            if not postgres.running:
                postgres.start()


# --- stopped and started again ---------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[Postgres], None]] = {
    "fast": lambda postgres: postgres.stop("fast"),
    "immediate": lambda postgres: postgres.stop("immediate"),
    "killed": Postgres.kill,
}


@pytest.mark.parametrize("end", effort(quick=["killed"], thorough=list(ENDS)))
def test_a_database_that_was_away_is_used_again_at_once(durable: Postgres, tmp_path: Path, end: str) -> None:
    with database(durable) as name, node(tmp_path, durable.url(name), *TIMEOUTS) as one:
        with Load(one, one.headers()) as load:
            load.wait_for(200)
            ENDS[end](durable)
            load.wait_for(503)
            login = httpx.post(f"{one.url}/token", auth=(SANDBOX.user, SANDBOX.password), headers=KEY, timeout=PATIENCE)
            assert login.status_code == 503
            durable.start()
            check_back(load, time.monotonic(), end)
        check_kept(durable, name, load)


def test_a_worker_that_dies_while_the_database_is_away_is_replaced(durable: Postgres, tmp_path: Path) -> None:
    with database(durable) as name, node(tmp_path, durable.url(name), *TIMEOUTS, "--workers", "1") as one:
        headers = one.headers()
        durable.stop()
        for worker in children(one.process.pid):
            os.kill(worker, signal.SIGKILL)
        answer = _answer(one, headers)
        assert answer.status_code == 503
        check_answer(answer, answer.elapsed.total_seconds())
        durable.start()
        began = time.monotonic()
        while _answer(one, headers).status_code != 200:
            assert time.monotonic() - began < promised(BACK)


def _answer(one: Server, headers: dict[str, str]) -> httpx.Response:
    """What a request gets once a server listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert one.process.poll() is None, "the node has ended"
        with suppress(httpx.TransportError):
            return httpx.get(f"{one.url}/customers", headers=headers, timeout=PATIENCE)
    raise AssertionError("no server listens")


# --- connections cut -------------------------------------------------------------------------------------------------


def test_connections_that_are_cut_one_by_one_are_replaced(durable: Postgres, tmp_path: Path) -> None:
    with database(durable) as name, node(tmp_path, durable.url(name), *TIMEOUTS) as one:
        with Load(one, one.headers()) as load:
            load.wait_for(200)
            for _ in range(CUTS):
                assert _cut_one(durable, name)
                load.wait_for(200)
            say(f"{CUTS} cuts: refused {load.refused} of {len(load.answers)}")
            # Reads are sent anew, so no client notices.
            assert load.refused["read"] == 0
            # A cut meets one transaction at most, with all the writes in it.
            assert load.refused["write"] <= 2 * CUTS
        check_kept(durable, name, load)


def _cut_one(databases: Databases, name: str) -> bool:
    """End one of the connections to the database, busy ones first; whether there was any."""
    return bool(
        databases.query(f"""
            SELECT pg_terminate_backend(pid) FROM (
                SELECT pid FROM pg_stat_activity
                WHERE datname = '{name}' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
                ORDER BY state = 'active' DESC, random() LIMIT 1
            ) one
        """)
    )


# --- a standby takes over --------------------------------------------------------------------------------------------


def test_a_standby_takes_over_with_everything_that_was_acknowledged(tmp_path: Path) -> None:
    with server(durable=True) as primary, Address(primary.port) as address:
        name = "moving"
        primary.create(name)
        standby = _synchronous_standby(primary)
        with node(tmp_path, address.url(name), *TIMEOUTS) as one:
            with Load(one, one.headers()) as load:
                load.wait_for(200)
                primary.kill()
                load.wait_for(503)
                standby.promote()
                address.point_to(standby.port)
                check_back(load, time.monotonic(), "standby")
            check_kept(standby, name, load)


def _synchronous_standby(primary: Postgres) -> Postgres:
    """A running standby; from now on the primary acknowledges nothing that it does not have."""
    standby = primary.standby(synchronous_standby_names="")
    standby.start()
    primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.query("SELECT pg_reload_conf()")
    state = "SELECT sync_state FROM pg_stat_replication"
    wait_until(lambda: primary.query(state) == [("sync",)], lambda: f"{primary.query(state)}")
    return standby


# --- the database hangs ----------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_a_database_that_hangs_is_given_up_in_time(durable: Postgres, tmp_path: Path) -> None:
    with database(durable) as name, node(tmp_path, durable.url(name), *TIMEOUTS) as one:
        with Load(one, one.headers()) as load:
            load.wait_for(200)
            durable.pause()
            load.wait_for(503)
            durable.resume()
            check_back(load, time.monotonic(), "hanging server")
        check_kept(durable, name, load)


def test_a_network_that_swallows_everything_is_given_up_in_time(durable: Postgres, tmp_path: Path) -> None:
    with (
        database(durable) as name,
        Address(durable.port) as address,
        node(tmp_path, address.url(name), *TIMEOUTS) as one,
    ):
        with Load(one, one.headers()) as load:
            load.wait_for(200)
            address.hole()
            load.wait_for(503)
            address.point_to(durable.port)
            check_back(load, time.monotonic(), "hole")
        check_kept(durable, name, load)


# --- a lock of another program ---------------------------------------------------------------------------------------


def test_a_lock_of_another_program_stops_writes_for_a_moment_and_no_reads(durable: Postgres, tmp_path: Path) -> None:
    with ExitStack() as running:
        name = running.enter_context(database(durable))
        timeouts = ("--statement-timeout", "30", "--lock-timeout", str(LOCK_TIMEOUT))
        one = running.enter_context(node(tmp_path, durable.url(name), *timeouts))
        http = running.enter_context(httpx.Client(base_url=one.url, headers=one.headers(), timeout=PATIENCE))
        with _locked(durable.url(name)):
            with ThreadPoolExecutor(4) as clients:
                creating = [clients.submit(_timed, http, "POST", "/customers", new_customer()) for _ in range(4)]
                reads = 0
                while not all(client.done() for client in creating):
                    for path in ("/customers/1000001", "/customers", "/customers?name=rbcustomer"):
                        answer, took = _timed(http, "GET", path)
                        assert answer.status_code == 200
                        assert took < promised(LOCK_TIMEOUT), "a read that waits for the lock"
                        reads += 1
            for answer, took in (client.result() for client in creating):
                check_answer(answer, took)
                assert answer.status_code == 503
                assert took < promised(LOCK_TIMEOUT + 2)
            say(f"lock: {reads} reads meanwhile, POST gave up after {took:.2f} s")
        answer, took = _timed(http, "POST", "/customers", new_customer())
        assert answer.status_code == 200
        assert took < promised(BACK)
        check_database(durable, name)


def _timed(http: httpx.Client, method: str, path: str, body: object = None) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = http.request(method, path, json=body)
    return answer, time.monotonic() - began


@contextmanager
def _locked(url: str) -> Iterator[None]:
    """Another program has changed the sandbox's reseller and not committed it yet."""
    with asyncio.Runner() as runner:

        async def lock() -> asyncpg.Connection[asyncpg.Record]:
            connection = await asyncpg.connect(url)
            await connection.execute("BEGIN")
            await connection.execute(f"UPDATE resellers SET events = events WHERE reseller_id = {RESELLER_ID}")
            return connection

        connection = runner.run(lock())
        try:
            yield
        finally:
            runner.run(connection.execute("ROLLBACK"))
            runner.run(connection.close())
