"""The log of events: who did what, told to those who may know it, once each, soon, and without a secret."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from structlog.testing import capture_logs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.errors import Code, Problem
from emporion.limits import UNLIMITED
from emporion.marketplace import Marketplace, events
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.events import MOST_WAITING_READERS, POLL_SECONDS, EventPage
from emporion.store.events import Entry
from emporion.store.sqlite import SqliteStore
from tests.conftest import Caller, Serve, new_contact, new_customer, settings_for
from tests.effort import promised
from tests.postgres import wait_until
from tests.server import PATIENCE, Server, serving

BELOW_ID = 900_002
PROVIDER = Actor(PROVIDER_ID, "provider", "api")
SANDBOX = Actor(RESELLER_ID, "sandbox", "api", "owner", "correlation", "192.0.2.7")
BELOW = Actor(BELOW_ID, "below", "api")
NOTHING: frozenset[str] = frozenset()


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def marketplace(database: Path, store: SqliteStore) -> Marketplace:
    return build_marketplace(settings_for(database), store)


Read = Callable[[int], Awaitable[EventPage]]


async def followed(read: Read, after: int = 0) -> list[Entry]:
    """All that a client gets that goes on from each answer to the next."""
    found: list[Entry] = []
    while True:
        news = await read(after)
        found += news.entries
        after = news.after
        if not news.more:
            return found


def ids(entries: list[Entry]) -> list[tuple[int, int]]:
    return [(entry.event.reseller_id, entry.event.sequence) for entry in entries]


async def all_ids(store: SqliteStore, *resellers: int) -> set[tuple[int, int]]:
    return {
        (reseller, event.sequence) for reseller in resellers for event in await store.events.log(reseller, 0, 10_000)
    }


async def create(marketplace: Marketplace, actor: Actor = SANDBOX, **members: Any) -> int:
    return (await marketplace.customers.create(actor, new_customer(**members))).id


# Followed


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_a_follower_gets_each_event_once(marketplace: Marketplace, store: SqliteStore, limit: int) -> None:
    for number in range(12):
        await create(marketplace, BELOW if number % 3 else SANDBOX)
    found = await followed(lambda after: marketplace.events.feed(SANDBOX, after, limit, NOTHING, 0))
    assert len(found) == len(set(ids(found)))
    assert set(ids(found)) == await all_ids(store, RESELLER_ID, BELOW_ID)
    positions = [entry.position for entry in found]
    assert positions == sorted(set(positions))
    for reseller in (RESELLER_ID, BELOW_ID):
        sequences = [sequence for owner, sequence in ids(found) if owner == reseller]
        assert sequences == list(range(1, len(sequences) + 1))


async def test_followers_of_all_tiers_miss_nothing_while_many_write(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    actors = (PROVIDER, SANDBOX, BELOW)
    writing = asyncio.gather(*(create(marketplace, actors[number % 3]) for number in range(90)))
    done = asyncio.Event()
    writing.add_done_callback(lambda _: done.set())

    async def follow(actor: Actor, limit: int) -> list[Entry]:
        found: list[Entry] = []
        after, last = 0, False
        while True:
            news = await marketplace.events.feed(actor, after, limit, NOTHING, 0)
            found, after = found + news.entries, news.after
            if last and not news.entries:
                return found
            last = done.is_set()
            await asyncio.sleep(0)

    followers = [asyncio.create_task(follow(actor, limit)) for actor in actors for limit in (3, 1000)]
    await writing
    everybody = (PROVIDER_ID, 900_001, RESELLER_ID, BELOW_ID)
    for follower, seen in zip(
        followers, (everybody, everybody, everybody[2:], everybody[2:], everybody[3:], everybody[3:]), strict=True
    ):
        found = ids(await follower)
        assert len(found) == len(set(found))
        assert set(found) == await all_ids(store, *seen)


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_events_of_wanted_types_are_found_behind_many_others(
    marketplace: Marketplace, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(events, "SCANNED_AT_ONCE", 3)
    monkeypatch.setattr(events, "MOST_SCANNED", 6)
    for number in range(40):
        if number % 20 == 10:
            await marketplace.customers.update(SANDBOX, "1000001", {"name": str(number)})
        await create(marketplace)
    wanted = frozenset({"customer.updated"})
    found = await followed(lambda after: marketplace.events.feed(SANDBOX, after, limit, wanted, 0))
    assert [entry.event.changes["name"][1] for entry in found] == ["10", "30"]
    of_one = await followed(
        lambda after: marketplace.events.of_account(SANDBOX, RESELLER_ID, 1000001, after, limit, wanted)
    )
    assert ids(of_one) == ids(found)


async def test_one_request_looks_through_a_bounded_part_of_the_log(
    marketplace: Marketplace, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SCANNED_AT_ONCE", 2)
    monkeypatch.setattr(events, "MOST_SCANNED", 4)
    for _ in range(9):
        await create(marketplace)
    news = await marketplace.events.feed(SANDBOX, 0, 10, frozenset({"key.updated"}), 0)
    assert (news.entries, news.more) == ([], True)
    read = await store.events.feed(RESELLER_ID, 0, 4)
    assert news.after == read[-1].position


async def test_latest_begins_with_what_happens_from_now_on(marketplace: Marketplace) -> None:
    await create(marketplace)
    await create(marketplace, BELOW)
    news = await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)
    assert news.entries == []
    created = [await create(marketplace), await create(marketplace, BELOW)]
    after = await marketplace.events.feed(SANDBOX, news.after, 10, NOTHING, 0)
    assert sorted(entry.event.account_id for entry in after.entries) == created


async def test_a_position_that_was_never_given_is_refused(marketplace: Marketplace, store: SqliteStore) -> None:
    await create(marketplace)
    end = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    assert (await marketplace.events.feed(SANDBOX, end, 10, NOTHING, 0)).entries == []
    with pytest.raises(Problem) as raised:
        await marketplace.events.feed(SANDBOX, end + 1, 10, NOTHING, 0)
    assert raised.value.code is Code.INVALID
    assert [fault.field for fault in raised.value.faults] == ["after"]


# Waited for


async def test_a_reader_who_waits_gets_what_happens_meanwhile(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    waiting = asyncio.create_task(marketplace.events.feed(SANDBOX, start, 10, NOTHING, PATIENCE))
    await asyncio.sleep(2 * POLL_SECONDS)
    assert not waiting.done()
    customer = await create(marketplace, BELOW)
    began = time.monotonic()
    news = await waiting
    assert time.monotonic() - began < promised(1)
    assert [entry.event.account_id for entry in news.entries] == [customer]


async def test_an_event_that_was_not_asked_for_wakes_no_reader(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    wanted = frozenset({"customer.updated"})
    waiting = asyncio.create_task(marketplace.events.feed(SANDBOX, start, 10, wanted, PATIENCE))
    await create(marketplace)
    await create(marketplace, PROVIDER)
    await asyncio.sleep(2 * POLL_SECONDS)
    assert not waiting.done()
    await marketplace.customers.update(SANDBOX, "1000001", {"name": "New"})
    assert [entry.event.account_id for entry in (await waiting).entries] == [1000001]


async def test_where_nothing_happens_the_answer_is_empty_after_the_wait(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    began = time.monotonic()
    news = await marketplace.events.feed(SANDBOX, start, 10, NOTHING, 1)
    assert 1 <= time.monotonic() - began < promised(2)
    assert news == EventPage([], start, more=False)


async def test_what_is_there_already_is_not_waited_for(marketplace: Marketplace) -> None:
    began = time.monotonic()
    assert (await marketplace.events.feed(SANDBOX, 0, 1, NOTHING, PATIENCE)).entries
    assert time.monotonic() - began < PATIENCE / 2


async def test_many_who_wait_at_once_cost_one_look_each_interval(
    marketplace: Marketplace, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    written = store.events.log_position

    async def counted(root_id: int) -> int:
        looks.append(root_id)
        return await written(root_id)

    monkeypatch.setattr(store.events, "log_position", counted)
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    waiting = []
    for _ in range(50):  # all over the interval, as clients come
        waiting.append(asyncio.create_task(marketplace.events.feed(SANDBOX, start, 10, NOTHING, PATIENCE)))
        await asyncio.sleep(POLL_SECONDS / 50)
    looks.clear()
    began = time.monotonic()
    await asyncio.sleep(8 * POLL_SECONDS)
    intervals = (time.monotonic() - began) / POLL_SECONDS
    assert len(looks) <= 2 * intervals, f"{len(looks)} looks in {intervals:.0f} intervals"
    await create(marketplace)
    assert all(len(news.entries) == 1 for news in await asyncio.gather(*waiting))


async def test_one_account_cannot_have_all_connections_wait(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    waiting = [
        asyncio.create_task(marketplace.events.feed(SANDBOX, start, 10, NOTHING, PATIENCE))
        for _ in range(MOST_WAITING_READERS + 10)
    ]
    still, answered = set(waiting), set[asyncio.Task[EventPage]]()
    while len(answered) < 10:
        some, still = await asyncio.wait(still, return_when=asyncio.FIRST_COMPLETED)
        answered |= some
    assert len(still) == MOST_WAITING_READERS
    assert all(not task.result().entries for task in answered)
    await create(marketplace)
    assert all(len(news.entries) == 1 for news in await asyncio.gather(*still))
    assert not marketplace.events._waiting


async def test_one_who_gives_up_does_not_disturb_the_others(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(SANDBOX, None, 10, NOTHING, 0)).after
    waiting = [asyncio.create_task(marketplace.events.feed(SANDBOX, start, 10, NOTHING, PATIENCE)) for _ in range(10)]
    await asyncio.sleep(0)
    for one in waiting[::2]:
        one.cancel()
    await create(marketplace)
    assert [len(news.entries) for news in await asyncio.gather(*waiting[1::2])] == [1] * 5


@contextmanager
def waiting_client(server: Server, seconds: int, **query: str) -> Iterator[Future[httpx.Response]]:
    """A request that waits for what happens from now on; the block begins once it does."""
    with httpx.Client(base_url=server.url, headers=server.headers(), timeout=PATIENCE + seconds) as http:
        after = http.get("/events?after=latest").json()["next"]
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(http.get, "/events", params={"after": after, "wait": str(seconds), **query})
            threading.Event().wait(0.5)  # it is on its way
            assert not answer.done()
            yield answer


def test_a_waiting_request_learns_within_a_second_what_another_process_did(tmp_path: Path) -> None:
    with serving(tmp_path) as one, serving(tmp_path) as other, waiting_client(one, 30) as waiting:
        headers = other.headers()
        httpx.patch(f"{other.url}/customers/1000001", headers=headers, json={"name": "New"}, timeout=PATIENCE)
        began = time.monotonic()
        (event,) = waiting.result(PATIENCE).json()["data"]
        assert time.monotonic() - began < promised(1)
        assert (event["type"], event["changes"]["name"]["after"]) == ("customer.updated", "New")


def test_requests_that_wait_do_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    with serving(tmp_path) as server, waiting_client(server, 30) as waiting:
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < promised(4)
        # A client that waits gets an empty answer or none; either way it asks again.
        if not waiting.exception(PATIENCE):
            assert waiting.result().status_code in (200, 503)


# Who may know what


def test_a_reader_who_is_shut_out_while_waiting_learns_nothing_more(serve: Serve, callers: dict[str, Caller]) -> None:
    client, below, provider = serve(), callers["below"], callers["provider"]
    after = client.get("/events?after=latest", below).json()["next"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.get, f"/events?after={after}&wait=10&type=customer.created", below)
        threading.Event().wait(2 * POLL_SECONDS)
        # The one above it is held, of which nothing stands in its own log.
        assert client.patch(f"/resellers/{RESELLER_ID}", provider, json={"status": "adminHold"}).status_code == 200
        threading.Event().wait(1)  # that is how long it may take
        client.post(f"/resellers/{BELOW_ID}/customers", provider, json=new_customer(name="Secret"))
        answer = waiting.result(PATIENCE)
    assert "Secret" not in answer.text
    assert answer.status_code == 403 or answer.json()["data"] == []


async def test_who_acts_from_above_is_told_as_such_and_not_by_name(marketplace: Marketplace) -> None:
    start = (await marketplace.events.feed(BELOW, None, 10, NOTHING, 0)).after
    customer = (await marketplace.customers.create(SANDBOX, new_customer(), BELOW_ID)).id

    async def history(actor: Actor) -> EventPage:
        return await marketplace.events.of_account(actor, BELOW_ID, customer, 0, 10, NOTHING)

    for news, known in (
        (await marketplace.events.feed(BELOW, start, 10, NOTHING, 0), False),
        (await history(BELOW), False),
        (await history(SANDBOX), True),
        (await history(PROVIDER), True),
    ):
        (entry,) = news.entries
        origin = entry.event.origin
        assert (origin.source, origin.account_id) == ("api", RESELLER_ID)
        named = (origin.user, origin.address, origin.correlation_id)
        assert named == (("sandbox", "192.0.2.7", "correlation") if known else (None, None, None))


SECRETS = {
    "a customer's login": "customer-login-1",
    "a customer's password": "Ecx$cvdazv-1",
    "the next login": "customer-login-2",
    "the next password": "Ecx$cvdazv-2",
    "a reseller's login": "reseller-login-1",
    "a reseller's password": "Ecx$cvdazv-3",
    "a refused login": "refused-login-1",
    "a refused password": "Ecx$cvdazv-4",
    "an API user's password": "User$passw0rd",
    "the next password, rotated": "User$passw0rd-2",
    "a client's secret": "client-secret-of-43-characters-or-so-1",
    "a wrong password": "Wrong$passw0rd",
    "a password typed as login": "Typed$asl0gin",
    "a wrong key": "4" * 32,
    "a wrong client secret": "wrong-client-secret",
    "a forged token": "eyJhbGciOiJub25lIn0.e30.forged",
}  # fmt: skip
# Those in the table of logins, by which administrators sign in.
LOGINS = {"a customer's login", "the next login", "a reseller's login"}


async def manage(database: Path) -> dict[str, str]:
    """Make and rotate whatever gets in, as an owner; the secrets that were made."""
    store = SqliteStore(database)
    await store.open()
    marketplace = build_marketplace(settings_for(database), store)
    key = await marketplace.subscription_keys.add(SANDBOX, RESELLER_ID, "shop", UNLIMITED)
    await marketplace.users.add(SANDBOX, RESELLER_ID, "shop", "editor", "us", SECRETS["an API user's password"])
    await marketplace.users.rotate(SANDBOX, "shop", SECRETS["the next password, rotated"])
    rotated = await marketplace.users.rotate(SANDBOX, "shop")
    secret = SECRETS["a client's secret"]
    client = await marketplace.clients.add(SANDBOX, RESELLER_ID, "sandbox", "shop", secret=secret)
    another = await marketplace.clients.rotate(SANDBOX, "sandbox", "shop")
    await store.close()
    assert client.secret == secret
    return {"a new key": key.secret, "a random password": rotated.password, "a new client's secret": another.secret}


def work(serve: Serve, callers: dict[str, Caller]) -> dict[str, str]:
    """Do what brings secrets to the API, rightly and wrongly; the tokens that were given."""
    client, caller = serve(log_level="debug", verification="automatic"), callers["sandbox"]

    def contact(login: str, password: str, **members: str) -> dict[str, Any]:
        return {"contactPersons": [new_contact(login=SECRETS[login], password=SECRETS[password], **members)]}

    def token(login: str, password: str, key: str = caller.key) -> httpx.Response:
        return client.post("/token", headers={"X-Subscription-Key": key}, auth=(login, password))

    first, then = contact("a customer's login", "a customer's password"), contact("the next login", "the next password")
    created = client.post("/customers", caller, json=new_customer(**first), headers={"Idempotency-Key": "once"})
    client.post("/customers", caller, json=new_customer(**first), headers={"Idempotency-Key": "once"})
    client.post("/customers", caller, json=new_customer(**first))  # taken
    client.patch(f"/customers/{created.json()['id']}", caller, json=then)
    of_reseller = contact("a reseller's login", "a reseller's password")
    client.post("/resellers", caller, json=new_customer(currency="EUR", **of_reseller))
    client.post("/customers", caller, json=new_customer(**contact("a refused login", "a refused password", email="x")))
    good = token(caller.login, caller.password).json()["token"]
    token(caller.login, SECRETS["a wrong password"])
    token(SECRETS["a password typed as login"], "x")
    token(caller.login, caller.password, SECRETS["a wrong key"])
    forged = {"Authorization": f"Bearer {SECRETS['a forged token']}", "X-Subscription-Key": caller.key}
    assert client.get("/customers", headers=forged).status_code == 401
    form = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret-1"}
    path = "/auth/realms/sandbox/protocol/openid-connect/token"
    access = client.post(path, data=form).json()["access_token"]
    client.post(path, data={**form, "client_secret": SECRETS["a wrong client secret"]})
    return {"a token": good, "an access token": access}


def test_no_secret_is_in_any_event_in_the_database_or_in_the_log(
    serve: Serve, callers: dict[str, Caller], database: Path
) -> None:
    with capture_logs() as logs:
        given = work(serve, callers)
        given |= asyncio.run(manage(database))
    client, provider = serve(), callers["provider"]
    # The five refusals are written beside their answers.
    wait_until(lambda: len(client.get("/events?type=access.refused", provider).json()["data"]) >= 5, lambda: str(logs))
    hunted = {**SECRETS, **given, "the sandbox's key": callers["sandbox"].key, "its token": callers["sandbox"].token,
              "its password": callers["sandbox"].password, "its client's secret": "sandbox-secret-1"}  # fmt: skip
    answers = [client.get(path, provider).text for path in ("/events?limit=1000", "/customers?limit=1000")]
    assert answers[0].count('"type"') > 20
    with closing(sqlite3.connect(database)) as connection:
        events = str(connection.execute("SELECT * FROM events").fetchall())
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(path.read_bytes() for path in database.parent.glob("emporion.db*"))
    assert SECRETS["a customer's login"] not in events
    for what, secret in hunted.items():
        assert all(secret not in answer for answer in answers), f"{what} is in an answer"
        assert secret not in events, f"{what} is in an event"
        assert secret not in str(logs), f"{what} is in the log"
        assert what in LOGINS or secret.encode() not in kept, f"{what} is in the database"


def test_each_change_of_who_gets_in_is_an_event_with_what_changed(
    database: Path, serve: Serve, callers: dict[str, Caller]
) -> None:
    asyncio.run(manage(database))
    found = serve().get(f"/resellers/{RESELLER_ID}/events?limit=1000", callers["sandbox"]).json()["data"]
    mine = [event for event in found if event.get("correlationId") == "correlation"]
    assert [event["type"] for event in mine] == [
        "key.created",
        "user.created",
        "user.updated",
        "user.updated",
        "client.created",
        "client.updated",
    ]
    for event in mine:
        assert (event["user"], event["address"], event["actorId"]) == ("sandbox", "192.0.2.7", "1000000")
    assert mine[0]["about"].startswith("key ")
    assert all("shop" in event["about"] for event in mine[1:])
    assert mine[1]["changes"]["role"] == {"after": "editor"}
    assert mine[2]["changes"] == {"password": {"before": "(hidden)", "after": "(hidden)"}}
    assert mine[5]["changes"] == {"secret": {"before": "(hidden)", "after": "(hidden)"}}
    assert all(before["at"] <= after["at"] for before, after in pairwise(mine))
