"""API users: added, changed and disabled by owners, and never a secret in the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from emporion.accounts.documents import NEVER_SHOWN
from emporion.accounts.ids import RESELLER_ID
from emporion.credentials import PASSWORD_RULES, password_fault, verify_password
from emporion.errors import Code, Problem
from emporion.events import Event
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.platforms import SANDBOX
from emporion.store.sqlite import SqliteStore
from emporion.store.users import User
from tests.clock import Clock, told_time
from tests.conftest import CALLERS, settings_for
from tests.marketplace.test_tokens import FROM_HOME, KEY, OWNER, is_refused, node

OWNER_WITH_ADDRESS = Actor(RESELLER_ID, SANDBOX.user, "api", "owner", "correlation", "192.0.2.7")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def marketplace(database: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Marketplace]:
    async with node(settings_for(database, workers="2")) as marketplace:
        yield marketplace


async def log_of(database: Path, reseller_id: int = RESELLER_ID) -> list[Event]:
    store = SqliteStore(database)
    await store.open()
    events = await store.events.log(reseller_id, 0, 10_000)
    await store.close()
    return [event for event in events if event.type.startswith("user.")]


async def is_problem(waited: Awaitable[object], code: Code) -> Problem:
    with pytest.raises(Problem) as raised:
        await waited
    assert raised.value.code is code
    return raised.value


async def signs_in(marketplace: Marketplace, login: str, password: str) -> bool:
    try:
        await marketplace.tokens.issue(login, password, None, KEY, FROM_HOME)
    except Problem:
        return False
    return True


@pytest.mark.parametrize("password", [None, "Choosen-1"])
async def test_a_new_user_signs_in_with_the_password_that_is_shown_once(
    marketplace: Marketplace, clock: Clock, password: str | None
) -> None:
    new = await marketplace.users.add(OWNER, RESELLER_ID, "anna", "reader", "de", password)
    assert password in (None, new.password)
    assert await signs_in(marketplace, "ANNA", new.password)
    assert not await signs_in(marketplace, "anna", new.password + "x")
    kept = await marketplace.users.get("Anna")
    assert kept == User("anna", RESELLER_ID, "de", kept.password_hash, "reader", 1, int(clock.now * 1000))
    assert kept.password_hash.startswith("$argon2id$")


async def test_a_password_that_is_made_up_is_another_one_each_time_and_passes_every_level(
    marketplace: Marketplace,
) -> None:
    made = [(await marketplace.users.add(OWNER, RESELLER_ID, f"user{n}", "reader", "us")).password for n in range(5)]
    made += [(await marketplace.users.rotate(OWNER, "user0")).password]
    assert len(set(made)) == 6
    assert not [fault for one in made for quality in PASSWORD_RULES if (fault := password_fault(one, quality))]


@pytest.mark.parametrize(
    ("login", "code", "password", "fields"),
    [
        ("", "us", None, ["login"]),
        ("a b", "us", None, ["login"]),
        ("client:x", "us", None, ["login"]),
        ("-anna", "us", None, ["login"]),
        ("a" * 257, "us", None, ["login"]),
        ("anna", "u s", None, ["marketplace"]),
        ("anna", "us", "weak", ["password"]),
        ("anna", "us", "", ["password"]),
        ("a b", "", "weak", ["login", "marketplace", "password"]),
    ],
)
async def test_what_cannot_be_used_is_told_all_at_once_and_adds_no_user(
    marketplace: Marketplace, login: str, code: str, password: str | None, fields: list[str]
) -> None:
    before = await marketplace.users.of(RESELLER_ID)
    add = marketplace.users.add(OWNER, RESELLER_ID, login, "owner", code, password)
    problem = await is_problem(add, Code.INVALID)
    assert [fault.field for fault in problem.faults] == fields
    assert await marketplace.users.of(RESELLER_ID) == before
    if password:
        assert password not in f"{problem.message} {problem.faults}"


async def test_a_login_is_taken_on_the_whole_platform_whatever_its_case(marketplace: Marketplace) -> None:
    await is_problem(marketplace.users.add(OWNER, RESELLER_ID, "OTHER", "owner", "us"), Code.CONFLICT)


async def test_no_user_is_added_to_a_reseller_that_is_not_there(marketplace: Marketplace) -> None:
    await is_problem(marketplace.users.add(OWNER, 424_242, "anna", "owner", "us"), Code.NOT_FOUND)
    await is_problem(marketplace.users.get("anna"), Code.NOT_FOUND)


async def test_only_the_last_password_is_good(marketplace: Marketplace) -> None:
    first = await marketplace.users.add(OWNER, RESELLER_ID, "anna", "owner", "us")
    second = await marketplace.users.rotate(OWNER, "anna")
    assert not await signs_in(marketplace, "anna", first.password)
    assert await signs_in(marketplace, "anna", second.password)


async def test_a_weak_password_does_not_take_the_place_of_a_good_one(marketplace: Marketplace) -> None:
    new = await marketplace.users.add(OWNER, RESELLER_ID, "anna", "owner", "us")
    await is_problem(marketplace.users.rotate(OWNER, "anna", "weak"), Code.INVALID)
    assert await signs_in(marketplace, "anna", new.password)


async def test_a_disabled_user_does_not_sign_in_until_enabled(marketplace: Marketplace) -> None:
    new = await marketplace.users.add(OWNER, RESELLER_ID, "anna", "owner", "us")
    await marketplace.users.disable(OWNER, "anna")
    assert not await signs_in(marketplace, "anna", new.password)
    await marketplace.users.enable(OWNER, "anna")
    assert await signs_in(marketplace, "anna", new.password)


CHANGES: dict[str, Callable[[Marketplace, Actor], Awaitable[object]]] = {
    "add": lambda m, actor: m.users.add(actor, RESELLER_ID, "anna", "owner", "us"),
    "rotate": lambda m, actor: m.users.rotate(actor, SANDBOX.user),
    "disable": lambda m, actor: m.users.disable(actor, SANDBOX.user),
    "enable": lambda m, actor: m.users.enable(actor, SANDBOX.user),
    "change_role": lambda m, actor: m.users.change_role(actor, SANDBOX.user, "owner"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_only_an_owner_changes_users(
    marketplace: Marketplace, change: Callable[[Marketplace, Actor], Awaitable[object]]
) -> None:
    before = await marketplace.users.of(RESELLER_ID)
    for role in ("reader", "editor"):
        await is_refused(change(marketplace, Actor(RESELLER_ID, "anna", "api", role)), Code.FORBIDDEN)
    assert await marketplace.users.of(RESELLER_ID) == before


async def test_the_log_tells_who_changed_what_and_no_secret(marketplace: Marketplace, database: Path) -> None:
    users, actor = marketplace.users, OWNER_WITH_ADDRESS
    before = len(await log_of(database))
    first = await users.add(actor, RESELLER_ID, "anna", "reader", "us")
    second = await users.rotate(actor, "anna")
    await users.change_role(actor, "anna", "editor")
    await users.disable(actor, "anna")
    await users.enable(actor, "anna")
    events = (await log_of(database))[before:]
    assert [event.type for event in events] == ["user.created", *["user.updated"] * 4]
    assert [event.changes for event in events] == [
        {"role": (None, "reader"), "marketplace": (None, "us")},
        {"password": (NEVER_SHOWN, NEVER_SHOWN)},
        {"role": ("reader", "editor")},
        {"disabled": (None, True)},
        {"disabled": (True, None)},
    ]
    for event in events:
        assert (event.reseller_id, event.account_id) == (RESELLER_ID, RESELLER_ID)
        assert event.origin == actor.origin()
        assert "anna" in (event.reason or "")
    written = msgspec.json.encode(events).decode()
    for secret in (first.password, second.password, second.user.password_hash):
        assert secret not in written


@pytest.mark.parametrize("name", ["disable", "enable", "change_role"])
async def test_what_changes_nothing_leaves_no_trace_and_ends_no_token(
    marketplace: Marketplace, database: Path, name: str
) -> None:
    if name == "disable":
        await marketplace.users.disable(OWNER, SANDBOX.user)
    before, log = await marketplace.users.get(SANDBOX.user), await log_of(database)
    await CHANGES[name](marketplace, OWNER)
    assert (await marketplace.users.get(SANDBOX.user), await log_of(database)) == (before, log)


async def test_changes_at_the_same_time_all_take_effect(marketplace: Marketplace) -> None:
    new, _, _ = await asyncio.gather(
        marketplace.users.rotate(OWNER, SANDBOX.user),
        marketplace.users.change_role(OWNER, SANDBOX.user, "editor"),
        marketplace.users.disable(OWNER, SANDBOX.user),
    )
    user = await marketplace.users.get(SANDBOX.user)
    assert (user.version, user.role, user.disabled_at is None) == (4, "editor", False)
    assert verify_password(user.password_hash, new.password)


async def test_several_users_of_a_reseller_are_listed_by_login_with_those_that_are_disabled(
    marketplace: Marketplace,
) -> None:
    for login in ("zoe", "anna"):
        await marketplace.users.add(OWNER, RESELLER_ID, login, "reader", "us")
    await marketplace.users.disable(OWNER, "zoe")
    assert [user.login for user in await marketplace.users.of(RESELLER_ID)] == ["anna", SANDBOX.user, "zoe"]
    assert [user.login for user in await marketplace.users.of(CALLERS["other"].reseller_id)] == ["other"]


async def test_the_last_use_of_a_user_is_kept(marketplace: Marketplace, clock: Clock) -> None:
    new = await marketplace.users.add(OWNER, RESELLER_ID, "anna", "reader", "us")
    assert new.user.used_at is None
    clock.now += 60
    await signs_in(marketplace, "anna", "wrong")
    await marketplace.usage.keep()
    assert (await marketplace.users.get("anna")).used_at is None
    await signs_in(marketplace, "anna", new.password)
    clock.now += 1
    await marketplace.usage.keep()
    assert (await marketplace.users.get("anna")).used_at == int(clock.now * 1000)
