"""Who is let in: a caller who was let in is remembered, but out within a second on every node once that is due."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.api import auth
from emporion.api.auth import LONGEST_REMEMBERED, REMEMBERED, Authenticator
from emporion.credentials import TokenClaims
from emporion.errors import AccessDenied, Code
from emporion.fair_semaphore import WAITED
from emporion.limits import UNLIMITED
from emporion.marketplace import Marketplace, platforms, signing_keys
from emporion.marketplace.customers import Customers
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CLIENT, SANDBOX_REALM
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.subscription_keys import SubscriptionKey
from tests.clock import Clock, told_time
from tests.conftest import Caller, Serve, new_customer, settings_for
from tests.document import CheckedClient
from tests.marketplace.test_tokens import (
    FROM_HOME,
    OPERATOR,
    OWNER,
    done_by_command,
    is_refused,
    new_reseller_below,
    node,
    token_of,
)
from tests.postgres import Databases, wait_until

SECOND = 1.0
LOGIN, PASSWORD = "deep", "Deep-pass-1"
REALM, CLIENT = "deep", "program"

OpenNode = Callable[[], Awaitable[Marketplace]]
Headers = dict[bytes, bytes]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def marketplace(database: Path, clock: Clock) -> AsyncIterator[Marketplace]:
    async with node(settings_for(database)) as marketplace:
        yield marketplace


@pytest.fixture(params=["sqlite", "postgres"])
async def open_node(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[OpenNode]:
    """Opens one more node over the test's own sandbox; they all close with the test."""
    async with AsyncExitStack() as running:
        url = f"sqlite:///{tmp_path / 'nodes.db'}"
        if request.param == "postgres":
            server: Databases = request.getfixturevalue("postgres")
            url = server.url(running.enter_context(server.temporary()))
        settings = Settings.read({"database": url, "workers": "2"})
        store = open_store(settings)
        await store.migrate()
        await store.open()
        await platforms.found(store, SANDBOX, 1, sandbox=True)
        await store.close()

        async def open_one() -> Marketplace:
            return await running.enter_async_context(node(settings))

        yield open_one


class Deep(NamedTuple):
    """A reseller three steps below the sandbox's, and what its user and its client come in with."""

    reseller_id: int
    key: str
    user: Headers
    client: Headers


async def deep_reseller(marketplace: Marketplace) -> Deep:
    reseller_id = await new_reseller_below(marketplace, 3)
    key = await marketplace.subscription_keys.add(OPERATOR, reseller_id, "key", UNLIMITED)
    await marketplace.users.add(OPERATOR, reseller_id, LOGIN, "owner", "us", PASSWORD)
    client = (await marketplace.clients.add(OPERATOR, reseller_id, REALM, CLIENT)).client
    return Deep(
        reseller_id,
        key.secret,
        headers(key.secret, await token_of(marketplace, LOGIN)),
        headers(key.secret, await marketplace.tokens.issue_for_client(client)),
    )


def headers(key: str, token: str) -> Headers:
    return {b"x-subscription-key": key.encode(), b"authorization": f"Bearer {token}".encode()}


async def sandbox_headers(marketplace: Marketplace) -> Headers:
    return headers(SANDBOX.subscription_key, await token_of(marketplace))


def gate_of(marketplace: Marketplace, clock: Clock) -> Authenticator:
    return Authenticator(marketplace, "1.6", clock, clock.passed)


async def refusal(door: Authenticator, shown: Headers) -> Code | None:
    """Why the gate does not let a caller in; None if it does."""
    try:
        await door.authenticate(shown, [])
    except AccessDenied as refused:
        return refused.code
    return None


async def first_key(marketplace: Marketplace, reseller_id: int) -> Any:
    (key,) = await marketplace.subscription_keys.of(reseller_id)
    return key


async def revoked(marketplace: Marketplace, deep: Deep) -> None:
    await marketplace.subscription_keys.revoke(OPERATOR, await first_key(marketplace, deep.reseller_id))


async def rotated_key(marketplace: Marketplace, deep: Deep) -> None:
    await marketplace.subscription_keys.rotate(OPERATOR, await first_key(marketplace, deep.reseller_id))


async def ended(marketplace: Marketplace, _: Deep) -> None:
    await marketplace.signing_keys.end(OPERATOR, (await marketplace.signing_keys.current()).id)


def set_to(status: str, steps: int) -> Callable[[Marketplace, Deep], Awaitable[object]]:
    """What puts the reseller, or the one so many steps above it, into a status."""

    async def change(marketplace: Marketplace, deep: Deep) -> None:
        found = deep.reseller_id
        for _ in range(steps):
            found = await parent(marketplace, found)
        assert (found == RESELLER_ID) == (steps == 3)
        await marketplace.resellers.update(OPERATOR, str(found), {"status": status})

    return change


async def parent(marketplace: Marketplace, reseller_id: int) -> int:
    record = await marketplace.resellers.find(OPERATOR, str(reseller_id))
    return int(msgspec.json.decode(record.document)["resellerId"])


WAYS_OUT: dict[str, tuple[Callable[[Marketplace, Deep], Awaitable[object]], Code | None, Code | None]] = {
    "the user's password is rotated": (lambda m, _: m.users.rotate(OPERATOR, LOGIN), Code.UNAUTHENTICATED, None),
    "the user is disabled": (lambda m, _: m.users.disable(OPERATOR, LOGIN), Code.UNAUTHENTICATED, None),
    "the user's role changes": (
        lambda m, _: m.users.change_role(OPERATOR, LOGIN, "editor"),
        Code.UNAUTHENTICATED,
        None,
    ),
    "the client's secret is rotated": (
        lambda m, _: m.clients.rotate(OPERATOR, REALM, CLIENT),
        None,
        Code.UNAUTHENTICATED,
    ),
    "the client is disabled": (lambda m, _: m.clients.disable(OPERATOR, REALM, CLIENT), None, Code.UNAUTHENTICATED),
    "the key is revoked": (revoked, Code.UNAUTHENTICATED, Code.UNAUTHENTICATED),
    "the key is rotated": (rotated_key, Code.UNAUTHENTICATED, Code.UNAUTHENTICATED),
    "the signing key is ended": (ended, Code.UNAUTHENTICATED, Code.UNAUTHENTICATED),
    "the reseller is held": (set_to("adminHold", 0), Code.FORBIDDEN, Code.FORBIDDEN),
    "the reseller is cancelled": (set_to("cancelled", 0), Code.FORBIDDEN, Code.FORBIDDEN),
    "a reseller above is held": (set_to("adminHold", 1), Code.FORBIDDEN, Code.FORBIDDEN),
    "a reseller far above is held": (set_to("adminHold", 3), Code.FORBIDDEN, Code.FORBIDDEN),
    "a reseller far above is cancelled": (set_to("cancelled", 3), Code.FORBIDDEN, Code.FORBIDDEN),
}


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_a_caller_who_is_to_be_out_is_out_within_a_second_on_every_node(
    open_node: OpenNode, clock: Clock, way: str
) -> None:
    change, user_is_told, client_is_told = WAYS_OUT[way]
    nodes = [await open_node(), await open_node()]
    doors = [gate_of(one, clock) for one in nodes]
    deep = await deep_reseller(nodes[0])
    clock.now += SECOND
    for door in doors:
        assert await refusal(door, deep.user) is await refusal(door, deep.client) is None
    await change(nodes[0], deep)
    clock.now += SECOND
    for door in doors:
        assert await refusal(door, deep.user) is user_is_told
        assert await refusal(door, deep.client) is client_is_told


@pytest.mark.parametrize("every", [False, True], ids=["system's", "every"])
@pytest.mark.parametrize("hours", [-24, -1, 1])
async def test_a_caller_who_is_out_stays_out_when_a_clock_is_set(
    open_node: OpenNode, clock: Clock, hours: int, every: bool
) -> None:
    one = await open_node()
    door = Authenticator(one, "1.6", clock, clock) if every else gate_of(one, clock)
    deep = await deep_reseller(one)
    assert await refusal(door, deep.user) is None
    await revoked(one, deep)
    clock.jump(3600 * hours)
    clock.now += SECOND
    assert await refusal(door, deep.user) is Code.UNAUTHENTICATED


async def test_a_released_reseller_gets_in_again_within_a_second_on_every_node(
    open_node: OpenNode, clock: Clock
) -> None:
    nodes = [await open_node(), await open_node()]
    doors = [gate_of(one, clock) for one in nodes]
    deep = await deep_reseller(nodes[0])
    for status, told in (("adminHold", Code.FORBIDDEN), ("active", None)):
        await nodes[1].resellers.update(OPERATOR, str(RESELLER_ID), {"status": status})
        clock.now += SECOND
        for door in doors:
            assert await refusal(door, deep.user) is await refusal(door, deep.client) is told


async def test_a_new_login_or_token_is_refused_at_once_on_every_node(open_node: OpenNode) -> None:
    nodes = [await open_node(), await open_node()]
    deep = await deep_reseller(nodes[0])
    key = await first_key(nodes[0], deep.reseller_id)
    for one in nodes:
        assert await one.tokens.issue(LOGIN, PASSWORD, None, key, FROM_HOME)
    await nodes[0].resellers.update(OPERATOR, str(RESELLER_ID), {"status": "adminHold"})
    for one in nodes:
        with pytest.raises(AccessDenied) as raised:
            await one.tokens.issue(LOGIN, PASSWORD, None, key, FROM_HOME)
        assert raised.value.code is Code.FORBIDDEN
    await nodes[0].resellers.update(OPERATOR, str(RESELLER_ID), {"status": "active"})
    await nodes[0].users.disable(OPERATOR, LOGIN)
    for one in nodes:
        with pytest.raises(AccessDenied) as raised:
            await one.tokens.issue(LOGIN, PASSWORD, None, key, FROM_HOME)
        assert raised.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("login", ["\0", "a\0b", "x" * 100_000, "' OR ''='"])
async def test_an_impossible_login_is_a_wrong_one_like_any_other(open_node: OpenNode, login: str) -> None:
    one = await open_node()
    key = await first_key(one, RESELLER_ID)
    with pytest.raises(AccessDenied) as raised:
        await one.tokens.issue(login, SANDBOX.password, None, key, FROM_HOME)
    assert raised.value.code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("client_id", ["\0", "x" * 100_000, "' OR ''='"])
async def test_a_client_that_cannot_be_is_a_wrong_one_like_any_other(open_node: OpenNode, client_id: str) -> None:
    one = await open_node()
    await is_refused(one.clients.find(SANDBOX_REALM, client_id, "secret"), Code.UNAUTHENTICATED)
    await is_refused(one.clients.find(client_id, SANDBOX_CLIENT, "secret"), Code.UNAUTHENTICATED)


async def test_a_caller_who_was_looked_up_slowly_is_not_remembered_for_longer(
    marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep, door = await deep_reseller(marketplace), gate_of(marketplace, clock)
    read = marketplace.tokens.read

    async def read_slowly(token: str, key: SubscriptionKey) -> TokenClaims:
        claims = await read(token, key)
        clock.now += REMEMBERED - 0.1
        return claims

    with monkeypatch.context() as stuttering:
        stuttering.setattr(marketplace.tokens, "read", read_slowly)
        assert await refusal(door, deep.user) is None
    await revoked(marketplace, deep)
    clock.now += 0.2
    assert await refusal(door, deep.user) is Code.UNAUTHENTICATED


def test_what_is_remembered_together_is_less_than_a_second() -> None:
    assert REMEMBERED + signing_keys.REMEMBERED < SECOND


def test_a_command_in_another_process_ends_a_session_with_the_server(
    serve: Serve, database: Path, callers: Any
) -> None:
    client = serve()
    assert client.get("/customers", callers["sandbox"]).status_code == 200
    done_by_command(database, lambda marketplace: marketplace.users.rotate(OWNER, SANDBOX.user, "Another-pass-1"))
    wait_until(
        lambda: client.get("/customers", callers["sandbox"]).status_code == 401, lambda: "the token is good for ever"
    )
    assert client.get("/customers", callers["other"]).status_code == 200


async def test_a_caller_who_was_let_in_is_not_checked_again_at_once(
    marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    find = marketplace.subscription_keys.find

    async def counted(key: str | None) -> Any:
        nonlocal asked
        asked += 1
        return await find(key)

    monkeypatch.setattr(marketplace.subscription_keys, "find", counted)
    door, shown = gate_of(marketplace, clock), await sandbox_headers(marketplace)
    first = await door.authenticate(shown, [])
    clock.now += REMEMBERED / 2
    assert await door.authenticate(shown, []) is first
    assert asked == 1
    clock.now += REMEMBERED / 2
    assert await door.authenticate(shown, []) is not first
    assert asked == 2


async def test_no_caller_is_remembered_for_longer_than_the_token_is_good(
    marketplace: Marketplace, clock: Clock
) -> None:
    door, shown = gate_of(marketplace, clock), await sandbox_headers(marketplace)
    clock.now += 1500 - REMEMBERED / 4
    assert await refusal(door, shown) is None
    clock.now += REMEMBERED / 4
    assert await refusal(door, shown) is Code.UNAUTHENTICATED


async def test_no_caller_is_remembered_by_a_part_of_the_credentials(marketplace: Marketplace, clock: Clock) -> None:
    door, shown = gate_of(marketplace, clock), await sandbox_headers(marketplace)
    assert await refusal(door, shown) is None
    for name in shown:
        assert await refusal(door, {**shown, name: shown[name] + b"x"}) is Code.UNAUTHENTICATED
        assert await refusal(door, {given: value for given, value in shown.items() if given != name}) is (
            Code.UNAUTHENTICATED
        )


async def test_what_is_remembered_is_bounded(
    marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MOST_REMEMBERED", 3)
    door = gate_of(marketplace, clock)
    for _ in range(10):
        await door.authenticate(await sandbox_headers(marketplace), [])
        assert 1 <= len(door._remembered) <= 3


async def test_long_headers_are_let_in_and_not_remembered(marketplace: Marketplace, clock: Clock) -> None:
    door, shown = gate_of(marketplace, clock), await sandbox_headers(marketplace)
    long = shown[b"authorization"].replace(b" ", b" " * LONGEST_REMEMBERED)
    assert await refusal(door, {**shown, b"authorization": long}) is None
    assert not door._remembered


def test_a_caller_who_has_waited_in_a_queue_is_checked_again_before_reading_anything(
    client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, create = Customers.page, Customers.create

    async def wait_and_list(*given: Any, **options: Any) -> Any:
        WAITED.set(True)
        return await page(*given, **options)

    async def wait_and_create(*given: Any, **options: Any) -> Any:
        WAITED.set(True)
        return await create(*given, **options)

    async def shut_out(*_: object) -> None:
        raise AccessDenied(Code.UNAUTHENTICATED, "The user is disabled.")

    monkeypatch.setattr(Customers, "page", wait_and_list)
    monkeypatch.setattr(Customers, "create", wait_and_create)
    assert client.get("/customers", callers["sandbox"]).status_code == 200
    monkeypatch.setattr(Authenticator, "authenticate_again", shut_out)
    assert client.get("/customers", callers["sandbox"]).status_code == 401
    # What was done is told.
    assert client.post("/customers", callers["sandbox"], json=new_customer()).status_code == 200
