"""Refusals: a denied request stands in the log, once, in the right one, and without a secret."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.app import build_app
from emporion.credentials import TokenClaims, encode_token
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Event, NewEvent, Origin
from emporion.limits import Limit
from emporion.marketplace import Marketplace, platforms, security_log
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CLIENT, SANDBOX_REALM, SANDBOX_SECRET
from emporion.marketplace.security_log import AT_ONCE, EACH, MINUTE, SecurityLog
from emporion.marketplace.usage import UsageRecorder
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.base import Store as AnyStore
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite.events import SqliteEvents
from tests.clock import Clock, told_time
from tests.conftest import CALLERS, Caller, Serve, settings_for
from tests.document import CheckedClient
from tests.marketplace.test_tokens import OWNER, done_by_command
from tests.postgres import PATIENCE, Databases, wait_until

ALL_RESELLERS = sorted({caller.reseller_id for caller in CALLERS.values()})
OTHER_ID = CALLERS["other"].reseller_id
CONNECT = f"/auth/realms/{SANDBOX_REALM}/protocol/openid-connect/token"


async def logged(database: Path, reseller_id: int) -> list[Event]:
    """The refusals in the log of a reseller."""
    store = SqliteStore(database)
    await store.open()
    events = await store.events.log(reseller_id, 0, 100_000)
    await store.close()
    return [event for event in events if event.type == "access.refused"]


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@contextmanager
def server_for(address: str, database: Path, **settings: str) -> Iterator[CheckedClient]:
    """The application, for a client with this address; when the block ends, it has written all down."""
    application = build_app(settings_for(database, workers="2", verification="manual", **settings))
    with TestClient(application, raise_server_exceptions=False, client=(address, 50_000)) as client:
        yield CheckedClient(client, "")


def all_logged(database: Path) -> list[Event]:
    """The refusals in all logs."""
    return [event for owner in ALL_RESELLERS for event in asyncio.run(logged(database, owner))]


Refusal = Callable[[CheckedClient, dict[str, Caller], Path], httpx.Response]

SECRETS = ("wrong-password-1", "unknown-login-1", "unknown-key-1", SANDBOX.password, SANDBOX.subscription_key)


def by_password(client: CheckedClient, login: str, password: str, key: str) -> httpx.Response:
    return client.post("/token", auth=httpx.BasicAuth(login, password), headers={"X-Subscription-Key": key})


def with_token(client: CheckedClient, token: str, key: str = SANDBOX.subscription_key) -> httpx.Response:
    return client.get("/customers", headers={"X-Subscription-Key": key, "Authorization": f"Bearer {token}"})


def with_expired_token(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    async def expired(marketplace: Marketplace) -> str:
        claims = TokenClaims(RESELLER_ID, SANDBOX.user, "owner", "us", 1000, 1)
        return encode_token(claims, 900, await marketplace.signing_keys.current(), "test")

    return with_token(client, done_by_command(database, expired))


def with_ended_token(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    done_by_command(database, lambda marketplace: marketplace.users.disable(OWNER, SANDBOX.user))
    return with_token(client, callers["sandbox"].token)


def as_reader(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    async def reader(marketplace: Marketplace) -> str:
        user = await marketplace.users.change_role(OWNER, SANDBOX.user, "reader")
        return await marketplace.tokens.issue_for_user(OWNER, user)

    headers = {
        "X-Subscription-Key": SANDBOX.subscription_key,
        "Authorization": f"Bearer {done_by_command(database, reader)}",
    }
    return client.patch("/customers/1000001", headers=headers, json={"name": "Anna's secret"})


def of_a_shut_reseller(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    client.patch(f"/resellers/{OTHER_ID}", callers["provider"], json={"status": "adminHold"}).raise_for_status()
    return client.get("/customers", callers["other"])


def over_the_limit(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    async def limited(marketplace: Marketplace) -> str:
        return (await marketplace.subscription_keys.add(OWNER, RESELLER_ID, "slow", Limit(per_day=1))).secret

    key = done_by_command(database, limited)
    assert with_token(client, callers["sandbox"].token, key).status_code == 200
    return with_token(client, callers["sandbox"].token, key)


def by_revoked_key(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    async def revoke(marketplace: Marketplace) -> None:
        for key in await marketplace.subscription_keys.of(RESELLER_ID):
            await marketplace.subscription_keys.revoke(OWNER, key)

    done_by_command(database, revoke)
    return client.get("/customers", callers["sandbox"])


def by_client(client: CheckedClient, **form: str) -> httpx.Response:
    good = {"client_id": SANDBOX_CLIENT, "client_secret": SANDBOX_SECRET, "grant_type": "client_credentials"}
    return client.post(CONNECT, data={**good, **form})


def by_disabled_client(client: CheckedClient, callers: dict[str, Caller], database: Path) -> httpx.Response:
    done_by_command(database, lambda m: m.clients.disable(OWNER, SANDBOX_REALM, SANDBOX_CLIENT))
    return by_client(client)


# What is done, and what must stand in the log: in whose, of whom, of which kind and with which words.
REFUSALS: dict[str, tuple[Refusal, int, str | None, Code, str]] = {
    "a wrong password": (
        lambda client, *_: by_password(client, SANDBOX.user, "wrong-password-1", SANDBOX.subscription_key),
        RESELLER_ID, SANDBOX.user, Code.UNAUTHENTICATED, "POST /token: The login, the password",
    ),
    "a wrong password with the key of another": (
        lambda client, *_: by_password(client, SANDBOX.user, "wrong-password-1", CALLERS["other"].key),
        OTHER_ID, None, Code.UNAUTHENTICATED, "POST /token: The login, the password",
    ),
    "an unknown login": (
        lambda client, *_: by_password(client, "unknown-login-1", SANDBOX.password, SANDBOX.subscription_key),
        RESELLER_ID, None, Code.UNAUTHENTICATED, "POST /token: The login, the password",
    ),
    "a right password with the key of another": (
        lambda client, *_: by_password(client, SANDBOX.user, SANDBOX.password, CALLERS["other"].key),
        OTHER_ID, None, Code.FORBIDDEN, "POST /token: The subscription key belongs to another",
    ),
    "no credentials": (
        lambda client, *_: client.post("/token", headers={"X-Subscription-Key": SANDBOX.subscription_key}),
        RESELLER_ID, None, Code.UNAUTHENTICATED, "POST /token: The header Authorization is missing",
    ),
    "an unknown key": (
        lambda client, callers, _: with_token(client, callers["sandbox"].token, "unknown-key-1"),
        PROVIDER_ID, None, Code.UNAUTHENTICATED, "GET /customers: The header X-Subscription-Key has an unknown",
    ),
    "no key": (
        lambda client, *_: client.get("/customers"),
        PROVIDER_ID, None, Code.UNAUTHENTICATED, "GET /customers: The header X-Subscription-Key is missing",
    ),
    "a revoked key": (
        by_revoked_key, RESELLER_ID, None, Code.UNAUTHENTICATED, "GET /customers: The header X-Subscription-Key has",
    ),
    "the key of another": (
        lambda client, callers, _: with_token(client, callers["sandbox"].token, CALLERS["other"].key),
        OTHER_ID, None, Code.FORBIDDEN, "GET /customers: The subscription key belongs to another",
    ),
    "a forged token": (
        lambda client, callers, _: with_token(client, callers["sandbox"].token[:-9] + "x"),
        RESELLER_ID, None, Code.UNAUTHENTICATED, "GET /customers: The token in the header Authorization is not",
    ),
    "an expired token": (
        with_expired_token, RESELLER_ID, None, Code.UNAUTHENTICATED, "GET /customers: The token in the header",
    ),
    "a token of a disabled user": (
        with_ended_token, RESELLER_ID, SANDBOX.user, Code.UNAUTHENTICATED, "GET /customers: The credentials that",
    ),
    "a role": (
        as_reader, RESELLER_ID, SANDBOX.user, Code.FORBIDDEN, "PATCH /customers/1000001: The role reader may not",
    ),
    "a shut reseller": (
        of_a_shut_reseller, OTHER_ID, "other", Code.FORBIDDEN, "GET /customers: The reseller, or one above it, is",
    ),
    "a limit": (
        over_the_limit, RESELLER_ID, None, Code.LIMITED, "GET /customers: The subscription key has no more requests",
    ),
    "an unknown client": (
        lambda client, *_: by_client(client, client_id="unknown-client"),
        PROVIDER_ID, None, Code.UNAUTHENTICATED, f"POST {CONNECT}: The realm, the client_id",
    ),
    "a wrong secret of a client": (
        lambda client, *_: by_client(client, client_secret="wrong-password-1"),
        RESELLER_ID, "client:sandbox/sandbox-client", Code.UNAUTHENTICATED, f"POST {CONNECT}: The realm, the client_id",
    ),
    "a disabled client": (
        by_disabled_client,
        RESELLER_ID, "client:sandbox/sandbox-client", Code.UNAUTHENTICATED, f"POST {CONNECT}: The realm, the client_id",
    ),
    "a client whose header cannot be read": (
        lambda client, *_: client.post(
            CONNECT, data={"grant_type": "client_credentials"}, headers={"Authorization": "Basic !!!"}
        ),
        PROVIDER_ID, None, Code.UNAUTHENTICATED, f"POST {CONNECT}: ",
    ),
    "a wrong password by way of a client": (
        lambda client, *_: by_client(
            client, grant_type="password", username=SANDBOX.user, password="wrong-password-1"
        ),
        RESELLER_ID, SANDBOX.user, Code.UNAUTHENTICATED, f"POST {CONNECT}: The login, the password",
    ),
    "an unknown login by way of a client": (
        lambda client, *_: by_client(
            client, grant_type="password", username="unknown-login-1", password="wrong-password-1"
        ),
        RESELLER_ID, None, Code.UNAUTHENTICATED, f"POST {CONNECT}: The login, the password",
    ),
    "a user of another reseller by way of a client": (
        lambda client, *_: by_client(
            client, grant_type="password", username="other", password=CALLERS["other"].password
        ),
        RESELLER_ID, None, Code.UNAUTHENTICATED, f"POST {CONNECT}: The login, the password",
    ),
}  # fmt: skip
# A caller who tries a login of another account is in that account's log as well, which names the login. The caller's
# own does not: it would tell that there is one.
VICTIMS = {
    "a wrong password with the key of another": (RESELLER_ID, SANDBOX.user),
    "a right password with the key of another": (RESELLER_ID, SANDBOX.user),
    "a user of another reseller by way of a client": (OTHER_ID, "other"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_is_one_event_in_the_right_log_without_a_secret(
    clock: Clock, database: Path, callers: dict[str, Caller], what: str
) -> None:
    refusal, owner, user, code, words = REFUSALS[what]
    with server_for("192.0.2.7", database) as client:
        answer = refusal(client, callers, database)
    mine, *others = sorted(all_logged(database), key=lambda event: event.reseller_id != owner)
    victims = [VICTIMS[what]] if what in VICTIMS else []
    assert [(event.reseller_id, event.origin.user) for event in others] == victims
    assert all((event.reason, event.at) == (mine.reason, mine.at) for event in others)
    event = mine
    assert event.reason
    assert event.reason.startswith(f"{code.name.lower()} {words}")
    assert (event.reseller_id, event.account_id, event.changes) == (owner, owner, {})
    assert event.at == int(clock.now * 1000)
    assert event.origin == Origin(
        user,
        "api",
        answer.headers["x-correlation-id"],
        None if owner == PROVIDER_ID else owner,
        "192.0.2.7",
    )
    for secret in SECRETS:
        assert secret not in f"{event} {answer.text}"


def test_a_login_that_is_throttled_is_an_event(clock: Clock, database: Path) -> None:
    with server_for("192.0.2.7", database) as client:
        for _ in range(6):
            answer = by_password(client, "unknown-login-1", "wrong-password-1", SANDBOX.subscription_key)
        assert answer.status_code == 429
        answer = by_client(client, grant_type="password", username="Unknown-Login-1", password="wrong-password-1")
        assert answer.status_code == 429
    by_login, by_grant = all_logged(database)[-2:]
    assert (by_login.reason or "").startswith("limited POST /token: There were too many failed logins")
    assert (by_grant.reason or "").startswith(f"limited POST {CONNECT}: There were too many failed logins")
    for event in (by_login, by_grant):
        assert (event.reseller_id, event.origin.user, event.origin.address) == (RESELLER_ID, None, "192.0.2.7")
        assert "nknown" not in str(event)


def test_what_is_no_refusal_is_no_event(clock: Clock, database: Path, callers: dict[str, Caller]) -> None:
    with server_for("192.0.2.7", database) as client:
        assert client.get("/customers/1", callers["other"]).status_code == 404
        assert client.get("/customers/1000001", callers["other"]).status_code == 404
        assert client.post("/customers", callers["other"], json={}).status_code == 400
        assert client.request("DELETE", "/customers").status_code == 405
        assert client.post(CONNECT, data={"grant_type": "magic"}).status_code == 400
    assert all_logged(database) == []


def test_a_path_without_end_does_not_fill_the_log(clock: Clock, database: Path) -> None:
    with server_for("192.0.2.7", database) as client:
        client.get("/customers/" + "9" * 5000)
        client.post(f"/auth/realms/{'r' * 5000}/protocol/openid-connect/token", data={"grant_type": "password"})
        by_long_realm = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
        client.post(f"/auth/realms/{'r' * 5000}/protocol/openid-connect/token", data=by_long_realm)
    assert [len(event.reason or "") < 500 for event in all_logged(database)] == [True, True]


def test_those_who_may_read_it_see_a_refusal_at_once(
    clock: Clock, serve: Serve, callers: dict[str, Caller], database: Path
) -> None:
    client = serve(workers="2")
    as_reader(client, callers, database)

    def seen(name: str) -> list[dict[str, Any]]:
        query = {"type": "access.refused"}
        events: list[dict[str, Any]] = client.get("/events", callers[name], params=query).json()["data"]
        return events

    wait_until(lambda: bool(seen("provider")), lambda: "no refusal is written")
    (event,) = seen("provider")
    assert (event["user"], event["actorId"], event["source"]) == (SANDBOX.user, str(RESELLER_ID), "api")
    assert event["address"] == "testclient"
    assert event["about"].startswith("forbidden PATCH /customers/1000001: ")
    assert seen("other") == seen("below") == []


# --- how they are written --------------------------------------------------------------------------------------------


class Events(SqliteEvents):
    """Events of a store that can be away. fails: how. tries: how often it was asked to write."""

    away = False
    fails: Exception | None = None
    tries = 0

    async def add(self, events: Sequence[NewEvent]) -> None:
        self.tries += 1
        if self.away:
            raise self.fails or Problem(Code.UNAVAILABLE, "away")
        await super().add(events)


class Store(SqliteStore):
    """A store whose events can be away."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.events = self.log = Events(self._database)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store = Store(database)
    await store.open()
    yield store
    await store.close()


class Time:
    now = 1_795_417_952.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def book(store: Store, time: Time, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SecurityLog]:
    """What writes refusals down, with little patience."""
    monkeypatch.setattr(security_log, "RETRY", 0.01)
    book = SecurityLog(store.events, UsageRecorder(store.usage, time), time)
    yield book
    store.log.away = False
    await book.finish()


def refused(owner: int | None = RESELLER_ID) -> AccessDenied:
    return AccessDenied(Code.UNAUTHENTICATED, "It is wrong.", owner)


def note(
    book: SecurityLog, number: int = 0, address: str | None = "192.0.2.7", owner: int | None = RESELLER_ID
) -> None:
    book.note(refused(owner), f"GET /{number}", Origin(None, "api", f"c{number}", None, address))


async def reasons(store: Store, owner: int = RESELLER_ID) -> list[str]:
    return [event.reason or "" for event in await store.events.log(owner, 0, 100_000) if event.type == "access.refused"]


async def until_written(store: Store, number: int, owner: int = RESELLER_ID) -> list[str]:
    """The refusals in a log, once there are so many."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await reasons(store, owner)) < number:  # noqa: ASYNC110 - nothing tells when it is written
            await asyncio.sleep(0.01)
    return found


async def test_a_refusal_is_written_beside_the_answer_and_not_before_it(book: SecurityLog, store: Store) -> None:
    note(book, 1)
    assert store.log.tries == 0
    assert await until_written(store, 1) == ["unauthenticated GET /1: It is wrong."]


async def test_refusals_stand_in_the_order_in_which_they_came(book: SecurityLog, store: Store) -> None:
    for number in range(EACH):
        note(book, number)
    found = await until_written(store, EACH)
    assert found == [f"unauthenticated GET /{number}: It is wrong." for number in range(EACH)]


async def test_beyond_some_in_a_minute_from_one_address_they_are_summed_up(
    book: SecurityLog, store: Store, time: Time
) -> None:
    for number in range(EACH + 40):
        note(book, number)
    await until_written(store, EACH)
    time.now += MINUTE - 1
    book.sum_up()
    note(book, 1000)
    assert len(await until_written(store, EACH)) == EACH
    time.now += 1
    book.sum_up()
    found = await until_written(store, EACH + 1)
    last = "unauthenticated GET /1000: It is wrong. (the last of 41 more within a minute)"
    assert found[EACH:] == [last]
    note(book, 2000)
    assert (await until_written(store, EACH + 2))[EACH + 1 :] == ["unauthenticated GET /2000: It is wrong."]


async def test_one_address_and_one_reseller_do_not_use_up_what_others_have(book: SecurityLog, store: Store) -> None:
    for number in range(EACH + 1):
        note(book, number)
    note(book, 1, "198.51.100.1")
    note(book, 2, None)
    note(book, 3, owner=OTHER_ID)
    note(book, 4, owner=None)
    assert len(await until_written(store, EACH + 2)) == EACH + 2
    assert len(await until_written(store, 1, OTHER_ID)) == 1
    assert len(await until_written(store, 1, PROVIDER_ID)) == 1


async def test_nothing_is_lost_while_the_database_is_away(book: SecurityLog, store: Store) -> None:
    store.log.away = True
    many = 3 * AT_ONCE
    for number in range(many):
        note(book, number, f"10.0.{number // 256}.{number % 256}")
    await until_tried(store, 3)
    assert await reasons(store) == []
    store.log.away = False
    found = await until_written(store, many)
    assert found == [f"unauthenticated GET /{number}: It is wrong." for number in range(many)]


async def test_no_surprise_ends_the_writing(book: SecurityLog, store: Store) -> None:
    store.log.away, store.log.fails = True, RuntimeError("a surprise")
    with capture_logs() as logs:
        note(book, 1)
        await until_tried(store, 2)
        store.log.away = False
        await until_written(store, 1)
    assert {entry["log_level"] for entry in logs} == {"error"}


async def test_a_long_outage_does_not_fill_the_memory(
    book: SecurityLog, store: Store, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_log, "MOST_WAITING_EVENTS", 10)
    store.log.away = True
    for number in range(100):
        note(book, number, f"10.0.0.{number}")
    assert len(book._waiting) == 10
    store.log.away = False
    await until_written(store, 10)
    time.now += MINUTE
    book.sum_up()
    found = await until_written(store, 100)
    assert len([reason for reason in found if "the last of 1 more" in reason]) == 90


async def test_very_many_addresses_do_not_fill_the_memory_either(
    book: SecurityLog, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_log, "MOST_TALLIES", 10)
    for number in range(10 + EACH + 30):
        note(book, number, f"10.0.0.{number}")
    assert len(book._tallies) <= 11
    await book.finish()
    assert len(await reasons(store)) == 10 + EACH + 1
    assert (await reasons(store))[-1].endswith("(the last of 30 more within a minute)")


async def until_tried(store: Store, times: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while store.log.tries < times:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)


def test_answers_are_not_delayed_while_refusals_cannot_be_written(
    serve: Serve, callers: dict[str, Caller], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    add_events = SqliteEvents.add

    async def hanging(log: SqliteEvents, events: Sequence[NewEvent]) -> None:
        await asyncio.to_thread(held.wait, PATIENCE)
        await add_events(log, events)

    monkeypatch.setattr(SqliteEvents, "add", hanging)
    client = serve()
    for _ in range(5):
        assert client.get("/customers").status_code == 401
    assert client.get("/customers", callers["provider"]).status_code == 200
    held.set()
    wait_until(lambda: len(asyncio.run(logged(database, PROVIDER_ID))) == 5, lambda: "they are not written")


@pytest.fixture(params=["sqlite", "postgres"])
async def either_store(request: pytest.FixtureRequest, database: Path) -> AsyncIterator[AnyStore]:
    """A founded platform in each of the two stores."""
    with ExitStack() as databases:
        settings = settings_for(database)
        if request.param == "postgres":
            server: Databases = request.getfixturevalue("postgres")
            settings = Settings.read({"database": server.url(databases.enter_context(server.temporary()))})
        store = open_store(settings)
        await store.migrate()
        await store.open()
        if not await store.platform.get():
            await platforms.found(store, SANDBOX, 1, sandbox=True)
        yield store
        await store.close()


@pytest.mark.parametrize("path", ["/customers/\0", "/customers/\uffff\x1b[31m", "/customers/'"])
async def test_whatever_stands_in_a_path_does_not_stop_the_writing(
    either_store: AnyStore, time: Time, path: str
) -> None:
    book = SecurityLog(either_store.events, UsageRecorder(either_store.usage, time), time)
    for asked in (path, "/customers/2"):
        book.note(refused(), f"GET {asked}", Origin(None, "api", "correlation", None, "192.0.2.7"))
    await book.finish()
    events = await either_store.events.log(RESELLER_ID, 0, 1000)
    last = [event.reason or "" for event in events if event.type == "access.refused"][-2:]
    assert [reason.startswith("unauthenticated GET /customers/") for reason in last] == [True, True]
    assert last[1] == "unauthenticated GET /customers/2: It is wrong."


# --- at the end ------------------------------------------------------------------------------------------------------


async def test_what_waits_and_what_was_only_counted_is_written_at_the_end(book: SecurityLog, store: Store) -> None:
    for number in range(EACH + 2):
        note(book, number)
    await book.finish()
    found = await reasons(store)
    assert len(found) == EACH + 1
    assert found[-1].endswith("(the last of 2 more within a minute)")


async def test_what_is_being_written_at_the_end_is_written_once(book: SecurityLog, store: Store) -> None:
    note(book, 1)
    await asyncio.sleep(0)
    assert store.log.tries == 1
    await book.finish()
    assert await reasons(store) == ["unauthenticated GET /1: It is wrong."]


async def test_the_end_comes_although_the_database_is_away_and_the_log_says_what_is_lost(
    book: SecurityLog, store: Store
) -> None:
    store.log.away = True
    note(book, 1)
    note(book, 2)
    await until_tried(store, 1)
    with capture_logs() as logs:
        await book.finish()
    assert [(entry["event"], entry["count"]) for entry in logs] == [("refusals could not be written down", 2)]


def test_a_server_that_ends_has_written_its_refusals(database: Path) -> None:
    with server_for("192.0.2.7", database) as client:
        for _ in range(EACH + 5):
            client.get("/customers")
    events = all_logged(database)
    assert len(events) == EACH + 1
    assert "(the last of 5 more within a minute)" in (events[-1].reason or "")
