"""Requests that are sent again with the same Idempotency-Key are done once, whatever happens in between."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.customers import Customers
from emporion.marketplace.idempotency import KEPT, Idempotency
from emporion.marketplace.passwords import Passwords
from emporion.store.customers import NewRecord
from emporion.store.records import Record
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite.customers import SqliteCustomers
from tests.conftest import Caller, Serve, new_contact, new_customer
from tests.effort import effort
from tests.postgres import Databases
from tests.server import PATIENCE, Server, serving

SANDBOX = Actor(RESELLER_ID, "sandbox", "api")
ASKED = "POST /customers"
KEY = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
KILLS = effort(quick=1, thorough=6)
ROUNDS = effort(quick=2, thorough=5)


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_417_952.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def repeats(store: SqliteStore, clock: Clock) -> Idempotency:
    return Idempotency(store.idempotency, clock)


@pytest.fixture
def customers(store: SqliteStore, clock: Clock) -> Customers:
    return Customers(store, Administrators(Passwords("medium"), clock), clock)


async def create(
    customers: Customers,
    repeats: Idempotency,
    key: str = "key",
    actor: Actor = SANDBOX,
    asked: str = ASKED,
    **members: Any,
) -> Record:
    """A customer of the sandbox, created by any user."""
    body = new_customer(**members)
    with repeats.once(actor, asked, key, body) as once:
        return await customers.create(actor, body, RESELLER_ID, once)


async def test_the_same_key_gives_the_first_answer_and_does_nothing(
    customers: Customers, repeats: Idempotency, store: SqliteStore
) -> None:
    first = await create(customers, repeats)
    events = await store.events.log(RESELLER_ID, 0, 100)
    await customers.update(SANDBOX, str(first.id), {"name": "Changed"})
    again = await create(customers, repeats)
    assert again == structs.replace(first, replayed=True)
    assert (await store.events.log(RESELLER_ID, 0, 100))[: len(events)] == events
    created = [event for event in await store.events.log(RESELLER_ID, 0, 100) if event.type == "customer.created"]
    assert [event.account_id for event in created] == [1000001, 1000002, first.id]


async def test_a_user_who_may_create_no_more_is_not_given_the_first_answer_either(
    customers: Customers, repeats: Idempotency
) -> None:
    await create(customers, repeats)
    with pytest.raises(Problem) as refused:
        await create(customers, repeats, actor=structs.replace(SANDBOX, role="reader"))
    assert refused.value.code is Code.FORBIDDEN


async def test_a_key_counts_for_one_user_and_one_operation(customers: Customers, repeats: Idempotency) -> None:
    records = [
        await create(customers, repeats),
        await create(customers, repeats, actor=structs.replace(SANDBOX, user="colleague")),
        # An identity provider may know a user of the same name for another account.
        await create(customers, repeats, actor=structs.replace(SANDBOX, account_id=PROVIDER_ID)),
        await create(customers, repeats, asked="POST /resellers/1000000/customers"),
        await create(customers, repeats, key="Key"),
    ]
    assert len({record.id for record in records}) == len(records)
    assert not any(record.replayed for record in records)


async def test_the_door_and_the_address_make_no_other_request(customers: Customers, repeats: Idempotency) -> None:
    first = await create(customers, repeats)
    elsewhere = structs.replace(SANDBOX, address="192.0.2.7", correlation_id="another")
    assert (await create(customers, repeats, actor=elsewhere)).id == first.id


async def test_another_body_under_the_same_key_is_refused(customers: Customers, repeats: Idempotency) -> None:
    await create(customers, repeats)
    with pytest.raises(Problem) as raised:
        await create(customers, repeats, name="Another")
    assert raised.value.code is Code.IDEMPOTENCY_KEY_REUSED


async def test_after_a_day_it_is_a_new_request(customers: Customers, repeats: Idempotency, clock: Clock) -> None:
    first = await create(customers, repeats)
    clock.now += KEPT - 1
    assert (await create(customers, repeats)).id == first.id
    clock.now += 2
    second = await create(customers, repeats, name="Another")
    assert second.id != first.id
    assert not second.replayed
    clock.now += KEPT - 1
    assert (await create(customers, repeats, name="Another")).id == second.id


async def test_what_is_kept_no_longer_is_removed_and_nothing_else(
    customers: Customers, repeats: Idempotency, clock: Clock, database: Path
) -> None:
    await create(customers, repeats, key="old")
    clock.now += KEPT - 10
    kept = await create(customers, repeats, key="new")
    clock.now += 11
    await repeats.forget()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT subject_type, subject_id FROM answers").fetchall() == [
            ("customer", str(kept.id))
        ]
    assert (await create(customers, repeats, key="new")).replayed


async def test_while_the_first_is_running_the_second_is_told_so(repeats: Idempotency) -> None:
    with repeats.once(SANDBOX, ASKED, "key", {}):
        for body in ({}, {"name": "another"}):
            with pytest.raises(Problem) as raised, repeats.once(SANDBOX, ASKED, "key", body):
                pass
            assert raised.value.code is Code.IDEMPOTENCY_KEY_IN_USE
            assert raised.value.headers["Retry-After"] == "1"
        with repeats.once(SANDBOX, ASKED, "another", {}) as other:
            assert other
    with repeats.once(SANDBOX, ASKED, "key", {}) as again:
        assert again


async def test_a_request_that_failed_is_running_no_more(customers: Customers, repeats: Idempotency) -> None:
    for error in (RuntimeError, asyncio.CancelledError):
        with pytest.raises(error), repeats.once(SANDBOX, ASKED, "key", {}):
            raise error
    assert not (await create(customers, repeats)).replayed


async def test_requests_without_a_key_are_each_their_own(repeats: Idempotency) -> None:
    with repeats.once(SANDBOX, ASKED, None, {}) as one, repeats.once(SANDBOX, ASKED, None, {}) as other:
        assert one is other is None


async def test_what_is_kept_of_a_request_does_not_let_its_password_be_guessed(repeats: Idempotency) -> None:
    """All else of the body stands in the database, so what is kept must depend on what does not."""
    body = new_customer(contactPersons=[new_contact(password="Ecx$cvdazv")])
    with repeats.once(SANDBOX, ASKED, "one", body) as one, repeats.once(SANDBOX, ASKED, "other", body) as other:
        assert one
        assert other
        assert one.fingerprint != other.fingerprint


def test_the_second_request_is_409_until_the_first_is_answered(
    serve: Serve, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, caller, body = serve(), callers["sandbox"], new_customer()
    add_customer = SqliteCustomers.add
    begun, go_on = threading.Event(), threading.Event()

    async def slowly(customers: SqliteCustomers, new: NewRecord) -> Record:
        begun.set()
        await asyncio.to_thread(go_on.wait, PATIENCE)
        return await add_customer(customers, new)

    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(SqliteCustomers, "add", slowly)
        first = threads.submit(client.post, "/customers", caller, json=body, headers=KEY)
        assert begun.wait(PATIENCE)
        monkeypatch.setattr(SqliteCustomers, "add", add_customer)
        second = client.post("/customers", caller, json=body, headers=KEY)
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert "still running" in second.json()["message"]
        assert client.post("/customers", callers["below"], json=body, headers=KEY).status_code == 200
        go_on.set()
        answered = first.result(PATIENCE)
    assert answered.status_code == 200
    third = client.post("/customers", caller, json=body, headers=KEY)
    assert (third.content, third.headers["idempotency-replayed"]) == (answered.content, "true")


def post(server: Server, headers: dict[str, str], body: dict[str, Any], key: str = "key") -> httpx.Response:
    return httpx.post(
        f"{server.url}/customers", headers={**headers, "Idempotency-Key": key}, json=body, timeout=PATIENCE
    )


def total(server: Server, headers: dict[str, str]) -> int:
    answer = httpx.get(f"{server.url}/customers", headers=headers, timeout=PATIENCE)
    return int(answer.json()["pagination"]["total"])


def test_a_kill_right_after_the_answer_does_not_make_it_forget(tmp_path: Path) -> None:
    body = new_customer(contactPersons=[new_contact(login="once-only", password="Ecx$cvdazv")])
    with serving(tmp_path) as server:
        headers = server.headers()
        first = post(server, headers, body)
        server.kill()
    with serving(tmp_path) as server:
        again = post(server, headers, body)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["etag"] == first.headers["etag"]
        assert post(server, headers, {**body, "name": "Another"}).status_code == 422
        assert total(server, headers) == 3


def test_a_kill_at_any_moment_before_the_answer_makes_no_duplicate(tmp_path: Path) -> None:
    headers: dict[str, str] = {}
    answered: dict[int, bytes] = {}
    for round_ in range(KILLS + 1):
        with serving(tmp_path) as server, ThreadPoolExecutor(1) as threads:
            headers = headers or server.headers()
            if round_:
                again = post(server, headers, new_customer(name=f"{round_ - 1}"), f"key-{round_ - 1}")
                assert again.status_code == 200
                assert again.content == answered.get(round_ - 1, again.content)
            assert total(server, headers) == 2 + round_
            if round_ == KILLS:
                return
            with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
                http.get("/customers")  # so that it is connected
                asked = threads.submit(
                    http.post,
                    "/customers",
                    json=new_customer(name=f"{round_}"),
                    headers={"Idempotency-Key": f"key-{round_}"},
                )
                threading.Event().wait(0.002 * round_)  # another moment each time
                server.kill()
                if not asked.exception(PATIENCE):
                    answered[round_] = asked.result().content


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server, dict[str, str]]]:
    """Two servers over one new database, and the headers of its caller; each test has keys of its own."""
    folder = tmp_path_factory.mktemp("nodes")
    with ExitStack() as running:
        database: tuple[str, ...] = ()
        if request.param == "postgres":
            databases: Databases = request.getfixturevalue("postgres")
            database = ("--database", databases.url(running.enter_context(databases.temporary())))
        one, other = (running.enter_context(serving(folder, *database)) for _ in range(2))
        yield one, other, one.headers()


def test_another_node_gives_the_first_answer_too(nodes: tuple[Server, Server, dict[str, str]]) -> None:
    one, other, headers = nodes
    body, before = new_customer(), total(other, headers)
    first = post(one, headers, body)
    again = post(other, headers, body)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert post(other, headers, {**body, "name": "Another"}).status_code == 422
    assert total(other, headers) == before + 1


def test_the_same_request_to_all_nodes_at_once_is_done_once(nodes: tuple[Server, Server, dict[str, str]]) -> None:
    *servers, headers = nodes
    body, before = new_customer(), total(servers[1], headers)

    def until_answered(number: int, key: str) -> bytes:
        for _ in range(100):
            answer = post(servers[number % 2], headers, body, key)
            if answer.status_code != 409:
                assert answer.status_code == 200, answer.text
                return answer.content
        raise AssertionError("the first request was never answered")

    with ThreadPoolExecutor(8) as clients:
        for round_ in range(ROUNDS):
            answers = list(clients.map(until_answered, range(8), [f"key-{round_}"] * 8))
            assert len(set(answers)) == 1
    assert total(servers[1], headers) == before + ROUNDS
