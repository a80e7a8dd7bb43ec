"""The keys that sign tokens: they change by command, all nodes agree, and old tokens stay good until they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.credentials import SigningKey, new_signing_key
from emporion.errors import Code, Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.signing_keys import LONGEST_LIFETIME, REMEMBERED
from emporion.settings import BadSetting, Settings
from emporion.store.sqlite import SqliteStore
from tests.clock import Clock, told_time
from tests.conftest import settings_for
from tests.marketplace.test_tokens import KEY, OPERATOR, is_refused, node, token_of

OpenNode = Callable[[], Awaitable[Marketplace]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def open_node(database: Path, clock: Clock) -> AsyncIterator[OpenNode]:
    """Opens one more node over the sandbox; they all close with the test."""
    async with AsyncExitStack() as running:

        async def open_one() -> Marketplace:
            return await running.enter_async_context(node(settings_for(database, workers="2")))

        yield open_one


@pytest.fixture
async def marketplace(open_node: OpenNode) -> Marketplace:
    return await open_node()


async def good(marketplace: Marketplace) -> set[str]:
    """The ids of the keys whose tokens are taken."""
    return {key.id for key in await marketplace.signing_keys.good()}


async def test_a_new_key_signs_at_once_and_old_tokens_stay_good_until_they_end(
    marketplace: Marketplace, clock: Clock
) -> None:
    tokens = marketplace.tokens
    before, old = await marketplace.signing_keys.current(), await token_of(marketplace)
    clock.now += 100
    after = await marketplace.signing_keys.rotate(OPERATOR)
    new = await token_of(marketplace)
    assert await marketplace.signing_keys.current() == after
    assert await good(marketplace) == {after.id, before.id}
    clock.now += tokens.lifetime - 101
    assert (await tokens.read(old, KEY)).user == (await tokens.read(new, KEY)).user == SANDBOX.user
    clock.now += 1
    await is_refused(tokens.read(old, KEY), Code.UNAUTHENTICATED)
    assert await tokens.read(new, KEY)


async def test_a_token_of_the_longest_lifetime_outlives_the_rotation(database: Path, clock: Clock) -> None:
    async with node(settings_for(database, token_lifetime=str(LONGEST_LIFETIME))) as marketplace:
        token = await token_of(marketplace)
        await marketplace.signing_keys.rotate(OPERATOR)
        clock.now += LONGEST_LIFETIME - 1
        assert await marketplace.tokens.read(token, KEY)


def test_no_node_can_give_tokens_that_live_longer_than_their_key() -> None:
    assert Settings.read({"token_lifetime": str(LONGEST_LIFETIME)}).token_lifetime == LONGEST_LIFETIME
    with pytest.raises(BadSetting):
        Settings.read({"token_lifetime": str(LONGEST_LIFETIME + 1)})


async def test_a_key_is_over_when_the_last_of_its_tokens_is(marketplace: Marketplace, clock: Clock) -> None:
    await marketplace.signing_keys.current()
    after = await marketplace.signing_keys.rotate(OPERATOR)
    clock.now += LONGEST_LIFETIME
    assert await good(marketplace) == {after.id}
    assert len(await marketplace.signing_keys.all()) == 2


async def test_a_token_of_a_new_key_is_good_on_every_node_at_once(open_node: OpenNode) -> None:
    one, two = await open_node(), await open_node()
    assert await two.tokens.read(await token_of(one), KEY)
    await one.signing_keys.rotate(OPERATOR)
    assert await two.tokens.read(await token_of(one), KEY)


async def test_every_node_signs_with_the_new_key_within_a_second(open_node: OpenNode, clock: Clock) -> None:
    one, two = await open_node(), await open_node()
    assert await two.signing_keys.current() == await one.signing_keys.current()
    new = await one.signing_keys.rotate(OPERATOR)
    clock.now += REMEMBERED
    assert await two.signing_keys.current() == new


async def test_an_ended_key_is_over_on_every_node_within_a_second_and_another_one_follows(
    open_node: OpenNode, clock: Clock
) -> None:
    nodes = [await open_node(), await open_node()]
    tokens = [await token_of(one) for one in nodes]
    ended = await nodes[0].signing_keys.current()
    await nodes[0].signing_keys.end(OPERATOR, ended.id)
    clock.now += REMEMBERED
    for one in nodes:
        for token in tokens:
            await is_refused(one.tokens.read(token, KEY), Code.UNAUTHENTICATED)
        assert await one.signing_keys.find(ended.id) is None
        assert ended.id not in await good(one)
        assert await one.tokens.read(await token_of(one), KEY)
    assert await nodes[0].signing_keys.current() == await nodes[1].signing_keys.current() != ended


async def test_keys_that_were_read_slowly_are_not_remembered_for_longer(
    open_node: OpenNode, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await open_node(), await open_node()
    ended = await one.signing_keys.current()
    read = two.signing_keys._store.all

    async def read_slowly() -> list[SigningKey]:
        keys = await read()
        clock.now += REMEMBERED - 0.1
        return keys

    with monkeypatch.context() as stuttering:
        stuttering.setattr(two.signing_keys._store, "all", read_slowly)
        assert ended.id in await good(two)
    await one.signing_keys.end(OPERATOR, ended.id)
    clock.now += 0.2
    assert ended.id not in await good(two)


async def test_to_end_an_old_key_leaves_the_one_that_signs(marketplace: Marketplace, clock: Clock) -> None:
    old, token = await marketplace.signing_keys.current(), await token_of(marketplace)
    new = await marketplace.signing_keys.rotate(OPERATOR)
    await marketplace.signing_keys.end(OPERATOR, old.id)
    assert await marketplace.signing_keys.current() == new
    await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)


async def test_an_ended_key_never_becomes_good_again(marketplace: Marketplace, clock: Clock) -> None:
    ended = await marketplace.signing_keys.current()
    await marketplace.signing_keys.end(OPERATOR, ended.id)
    clock.now += 10
    await marketplace.signing_keys.rotate(OPERATOR)
    assert await marketplace.signing_keys.find(ended.id) is None


async def test_a_key_that_is_not_there_cannot_be_ended(marketplace: Marketplace) -> None:
    with pytest.raises(Problem) as raised:
        await marketplace.signing_keys.end(OPERATOR, "nothing")
    assert raised.value.code is Code.NOT_FOUND


async def test_nodes_that_start_at_once_without_a_key_take_each_others_tokens(
    open_node: OpenNode, clock: Clock
) -> None:
    nodes = [await open_node(), await open_node()]
    for key in await nodes[0].signing_keys.all():
        await nodes[0].signing_keys.end(OPERATOR, key.id)
    clock.now += 10
    tokens = await asyncio.gather(*(token_of(one) for one in nodes))
    clock.now += REMEMBERED
    for one in nodes:
        for token in tokens:
            assert await one.tokens.read(token, KEY)
    assert await nodes[0].signing_keys.current() == await nodes[1].signing_keys.current()


async def test_only_an_owner_rotates_and_ends(marketplace: Marketplace) -> None:
    key = await marketplace.signing_keys.current()
    editor = Actor(PROVIDER_ID, "editor", "command line", "editor")
    await is_refused(marketplace.signing_keys.rotate(editor), Code.FORBIDDEN)
    await is_refused(marketplace.signing_keys.end(editor, key.id), Code.FORBIDDEN)
    assert await marketplace.signing_keys.all() == [key]


async def test_the_providers_log_has_who_changed_the_keys_and_nothing_of_what_is_secret(
    marketplace: Marketplace, database: Path
) -> None:
    store = SqliteStore(database)
    await store.open()
    after = len(await store.events.log(PROVIDER_ID, 0, 1000))
    key = await marketplace.signing_keys.rotate(OPERATOR)
    await marketplace.signing_keys.end(OPERATOR, key.id)
    events = await store.events.log(PROVIDER_ID, after, 1000)
    others = await store.events.log(RESELLER_ID, 0, 1000)
    await store.close()
    assert [(event.type, event.origin.user) for event in events] == [("platform.updated", "provider")] * 2
    assert [key.id in (event.reason or "") for event in events] == [True, True]
    written = msgspec.json.encode(events)
    assert key.private.hex().encode() not in written
    assert msgspec.json.encode(key.private).strip(b'"=') not in written
    assert "platform.updated" not in [event.type for event in others]


def test_what_everybody_may_know_of_a_key_has_no_private_part() -> None:
    key = new_signing_key(1)
    public = key.public()
    assert public == {"kty": "OKP", "crv": "Ed25519", "x": public["x"], "kid": key.id, "use": "sig", "alg": "EdDSA"}


@pytest.mark.parametrize("hours", [1, 24])
async def test_a_key_that_was_ended_stays_so_when_the_clock_is_set_back(
    open_node: OpenNode, clock: Clock, hours: int
) -> None:
    marketplace = await open_node()
    token = await token_of(marketplace)
    await marketplace.signing_keys.end(OPERATOR, (await marketplace.signing_keys.current()).id)
    clock.jump(-3600 * hours)
    assert await marketplace.tokens.claims(token) is None


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_a_user_with_a_password_gets_a_token_whatever_the_clock_says(
    open_node: OpenNode, clock: Clock, hours: int
) -> None:
    marketplace = await open_node()
    old = await token_of(marketplace)
    clock.jump(3600 * hours)
    assert await marketplace.tokens.claims(await token_of(marketplace))
    assert (await marketplace.tokens.claims(old) is not None) == (hours < 0), "it ends by the clock"
