"""Who gets in: users, keys, clients, the keys that sign tokens, and those who fail. Held against every store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable

import pytest
from msgspec import structs

from emporion.credentials import SigningKey
from emporion.errors import Code, Problem
from emporion.events import Event, NewEvent, account_subject
from emporion.limits import Limit
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.clients import Client
from emporion.store.login_failures import Failures
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.usage import Uses
from emporion.store.users import User
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, event
from tests.store.test_base import add, customer, new

USER = User("Jane@one", TWO, "eu", "hash", "reader", created_at=500)
KEY = SubscriptionKey(b"d" * 32, TWO, "1.15", "shop", Limit(10, 100, 5000), created_at=500)
CLIENT = Client("realm", "shop", TWO, b"s" * 32, "editor", "Shop", created_at=500)


async def log(store: Store, reseller_id: int = TWO) -> list[str]:
    """What is in a reseller's log after its creation."""
    return [one.type for one in await store.events.log(reseller_id, 1, 1000)]


async def refused(answer: Awaitable[object]) -> Problem:
    with pytest.raises(Problem) as raised:
        await answer
    return raised.value


# Users


async def test_a_user_is_given_back_whole(store: Store) -> None:
    used = User("old", TWO, "us", "hash", "owner", 7, 1, 2, 3)
    await store.users.add(USER, event(TWO))
    await store.users.add(used, event(TWO))
    assert await store.users.get("Jane@one") == USER
    assert await store.users.get("old") == used


async def test_a_login_is_unique_on_the_platform_whatever_its_case(store: Store) -> None:
    for login in ("api", "API"):
        problem = await refused(store.users.add(User(login, TWO, "us", "hash"), event(TWO)))
        assert problem.code is Code.CONFLICT
        assert [fault.field for fault in problem.faults] == ["login"]
    await refused(store.customers.add(new(TWO, customer(), AdministratorLogin(0, "Api", None))))
    assert await store.users.get("Api") == User("api", ONE, "us", "hash")
    assert await store.users.by_reseller(TWO) == []
    assert await log(store) == []


async def test_a_login_of_an_administrator_is_taken_for_users(store: Store) -> None:
    await store.customers.add(new(ONE, customer(), AdministratorLogin(0, "Jane@ONE", "hash")))
    assert (await refused(store.users.add(USER, event(TWO)))).code is Code.CONFLICT
    assert await store.users.get("jane@one") is None
    assert await log(store) == []


async def test_no_credentials_are_added_to_a_reseller_that_is_not_there(store: Store) -> None:
    nowhere: list[Awaitable[None]] = [
        store.users.add(structs.replace(USER, reseller_id=99), event(99)),
        store.subscription_keys.add(structs.replace(KEY, reseller_id=99), event(99, "key.created")),
        store.clients.add(structs.replace(CLIENT, reseller_id=99), event(99, "client.created")),
    ]
    for answer in nowhere:
        assert (await refused(answer)).code is Code.NOT_FOUND
    assert await store.users.get(USER.login) is None
    assert await store.subscription_keys.get(KEY.digest) is None
    assert await store.clients.get("realm", "shop") is None
    assert await store.events.log(99, 0, 10) == []
    await store.users.add(USER, event(TWO))
    await store.subscription_keys.add(KEY, event(TWO))
    await store.clients.add(CLIENT, event(TWO))


async def test_a_customer_has_no_users_keys_or_clients(store: Store) -> None:
    record = await add(store, TWO)
    for answer in (
        store.users.add(structs.replace(USER, reseller_id=record.id), event(record.id)),
        store.subscription_keys.add(structs.replace(KEY, reseller_id=record.id), event(record.id)),
        store.clients.add(structs.replace(CLIENT, reseller_id=record.id), event(record.id)),
    ):
        assert (await refused(answer)).code is Code.NOT_FOUND


async def test_users_come_by_login(store: Store) -> None:
    logins = ["b", "C", "a", "D", "a_b", "a1", "A@x"]
    for login in logins:
        await store.users.add(structs.replace(USER, login=login), event(TWO))
    assert [user.login for user in await store.users.by_reseller(TWO)] == ["a", "a1", "A@x", "a_b", "b", "C", "D"]
    assert [user.login for user in await store.users.by_reseller(ONE)] == ["api"]
    assert await store.users.by_reseller(99) == []


async def test_a_change_of_a_user_takes_effect_whole(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    changed = structs.replace(USER, marketplace="us", password_hash="new", role="owner", version=2, disabled_at=900)
    assert await store.users.update(changed, 1, event(TWO, "user.updated"))
    assert await store.users.get(USER.login) == changed
    assert await store.users.by_reseller(TWO) == [changed]
    back = structs.replace(changed, version=3, disabled_at=None)
    assert await store.users.update(back, 2, event(TWO, "user.updated"))
    assert await store.users.get(USER.login) == back
    assert await log(store) == ["user.created", "user.updated", "user.updated"]


async def test_a_change_of_a_user_leaves_alone_when_it_came_and_went(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    await store.usage.record_uses(Uses(700, users=[(TWO, USER.login)]))
    stale = structs.replace(USER, role="owner", version=2, created_at=1, used_at=None)
    assert await store.users.update(stale, 1, event(TWO, "user.updated"))
    assert await store.users.get(USER.login) == structs.replace(USER, role="owner", version=2, used_at=700)


async def test_a_user_who_has_moved_on_or_is_not_there_is_not_changed(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    changed = structs.replace(USER, role="owner", password_hash="new", version=3)
    for user, version in (
        (changed, 2),
        (changed, 0),
        (structs.replace(changed, login="unknown"), 1),
        (structs.replace(changed, reseller_id=ONE), 1),
        (structs.replace(changed, reseller_id=99), 1),
    ):
        assert not await store.users.update(user, version, event(user.reseller_id, "user.updated"))
    assert await store.users.get(USER.login) == USER
    assert await log(store) == ["user.created"]
    assert await log(store, ONE) == []


async def test_an_administrator_is_no_user_to_be_changed(store: Store) -> None:
    record = await store.customers.add(new(TWO, customer(), AdministratorLogin(0, USER.login, "hash")))
    assert not await store.users.update(structs.replace(USER, password_hash="new"), 1, event(TWO, "user.updated"))
    assert await store.administrators.logins(TWO, record.id) == [AdministratorLogin(0, USER.login, "hash")]


async def test_of_two_changes_to_a_user_at_once_one_wins(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    await store.users.add(USER, event(TWO))
    for version in range(1, 11):
        wanted = [structs.replace(USER, password_hash=f"{version} {n}", version=version + 1) for n in range(2)]
        done = await asyncio.gather(
            *(stores[n].users.update(wanted[n], version, event(TWO, "user.updated")) for n in range(2))
        )
        assert sorted(done) == [False, True]
        assert await stores[done.index(True)].users.get(USER.login) == wanted[done.index(True)]
    assert await log(store) == ["user.created", *["user.updated"] * 10]


async def test_of_two_users_with_one_login_at_once_one_is_added(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for number in range(10):
        users = [structs.replace(USER, login=f"{name}{number}") for name in ("jane", "JANE")]
        outcomes = await asyncio.gather(
            *(stores[n].users.add(users[n], event(TWO)) for n in range(2)), return_exceptions=True
        )
        (problem,) = [outcome for outcome in outcomes if outcome is not None]
        assert isinstance(problem, Problem)
        assert problem.code is Code.CONFLICT
    assert len(await store.users.by_reseller(TWO)) == 10
    assert await log(store) == ["user.created"] * 10


# Keys


async def test_a_key_is_found_by_its_digest(store: Store) -> None:
    used = SubscriptionKey(b"\0\xff", TWO, None, "", Limit(None, None, 1), 1, 2, 3)
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    await store.subscription_keys.add(used, event(TWO, "key.created"))
    assert await store.subscription_keys.get(b"digest") == SubscriptionKey(b"digest", ONE)
    assert await store.subscription_keys.get(KEY.digest) == KEY
    assert await store.subscription_keys.get(b"\0\xff") == used
    assert await store.subscription_keys.get(b"other") is None
    assert await log(store) == ["key.created", "key.created"]


async def test_keys_come_oldest_first(store: Store) -> None:
    ages = {b"c": 2, b"a": 3, b"d": 1, b"b": 2}
    for digest, created_at in ages.items():
        await store.subscription_keys.add(
            structs.replace(KEY, digest=digest, created_at=created_at), event(TWO, "key.created")
        )
    assert [key.digest for key in await store.subscription_keys.by_reseller(TWO)] == [b"d", b"b", b"c", b"a"]
    assert [key.digest for key in await store.subscription_keys.by_reseller(ONE)] == [b"digest"]
    assert await store.subscription_keys.by_reseller(BELOW_ONE) == []


async def test_a_change_of_a_key_takes_effect_whole(store: Store) -> None:
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    await store.usage.record_uses(Uses(700, keys=[KEY.digest]))
    for version, wanted in enumerate(
        (
            structs.replace(KEY, name="new", api_version=None, limit=Limit(None, None, 7), used_at=700, version=2),
            structs.replace(KEY, revoked_at=900, used_at=700, version=3),
        ),
        1,
    ):
        changed = structs.replace(wanted, created_at=1, used_at=None)
        assert await store.subscription_keys.update(changed, version, event(TWO, "key.updated"))
        assert not await store.subscription_keys.update(changed, version, event(TWO, "key.updated"))
        assert await store.subscription_keys.get(KEY.digest) == wanted
        assert await store.subscription_keys.by_reseller(TWO) == [wanted]
    assert await log(store) == ["key.created", "key.updated", "key.updated"]


async def test_a_key_of_another_reseller_is_not_changed(store: Store) -> None:
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    for changed in (structs.replace(KEY, reseller_id=ONE, name="mine"), structs.replace(KEY, digest=b"other")):
        assert not await store.subscription_keys.update(changed, 1, event(changed.reseller_id, "key.updated"))
    assert await store.subscription_keys.get(KEY.digest) == KEY
    assert await log(store) == ["key.created"]
    assert await log(store, ONE) == []


async def test_a_key_is_rotated_as_a_whole_or_not_at_all(store: Store) -> None:
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    revoked = structs.replace(KEY, revoked_at=900, version=2)
    new = structs.replace(KEY, digest=b"n" * 32)
    events = event(TWO, "key.updated"), event(TWO, "key.created")
    assert not await store.subscription_keys.rotate(revoked, 7, new, *events)
    assert await store.subscription_keys.by_reseller(TWO) == [KEY]
    assert (await refused(store.subscription_keys.rotate(revoked, 1, new, events[0], event(99)))).code is Code.NOT_FOUND
    assert await store.subscription_keys.by_reseller(TWO) == [KEY]
    assert await store.subscription_keys.rotate(revoked, 1, new, *events)
    assert await store.subscription_keys.by_reseller(TWO) == [revoked, new]
    assert await log(store) == ["key.created", "key.created", "key.updated"]


# Clients


async def test_a_client_is_found_by_realm_and_id(store: Store) -> None:
    used = Client("other", "shop", ONE, b"\0", "owner", "", 7, 1, 2, 3)
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    await store.clients.add(used, event(ONE, "client.created"))
    assert await store.clients.get("realm", "shop") == CLIENT
    assert await store.clients.get("other", "shop") == used
    for realm, client_id in (("realm", "other"), ("REALM", "shop"), ("realm", "Shop")):
        assert await store.clients.get(realm, client_id) is None


async def test_a_realm_has_a_client_of_one_id_only(store: Store) -> None:
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    for reseller_id in (ONE, TWO):
        again = structs.replace(CLIENT, reseller_id=reseller_id, name="again")
        assert (await refused(store.clients.add(again, event(reseller_id, "client.created")))).code is Code.CONFLICT
    assert await store.clients.get("realm", "shop") == CLIENT
    assert await log(store) == ["client.created"]
    assert await log(store, ONE) == []


async def test_clients_come_by_realm_and_id(store: Store) -> None:
    names = [("b", "x"), ("a", "z"), ("B", "x"), ("a", "Z"), ("a", "b")]
    for realm, client_id in names:
        await store.clients.add(structs.replace(CLIENT, realm=realm, id=client_id), event(TWO, "client.created"))
    assert [(client.realm, client.id) for client in await store.clients.by_reseller(TWO)] == sorted(names)
    assert await store.clients.by_reseller(ONE) == []


async def test_a_change_of_a_client_takes_effect_whole(store: Store) -> None:
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    await store.usage.record_uses(Uses(700, clients=[("realm", "shop")]))
    changed = Client("realm", "shop", TWO, b"new", "reader", "New", 2, 1, None, 900)
    assert await store.clients.update(changed, 1, event(TWO, "client.updated"))
    assert await store.clients.get("realm", "shop") == structs.replace(changed, created_at=500, used_at=700)
    assert await log(store) == ["client.created", "client.updated"]


async def test_a_client_that_has_moved_on_or_is_not_there_is_not_changed(store: Store) -> None:
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    changed = structs.replace(CLIENT, secret_digest=b"new", version=3)
    for client, version in (
        (changed, 2),
        (structs.replace(changed, realm="other"), 1),
        (structs.replace(changed, id="other"), 1),
        (structs.replace(changed, reseller_id=ONE), 1),
    ):
        assert not await store.clients.update(client, version, event(client.reseller_id, "client.updated"))
    assert await store.clients.get("realm", "shop") == CLIENT
    assert await log(store) == ["client.created"]
    assert await log(store, ONE) == []


async def test_of_two_changes_to_a_client_at_once_one_wins(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    for version in range(1, 11):
        wanted = [structs.replace(CLIENT, name=f"{version} {n}", version=version + 1) for n in range(2)]
        done = await asyncio.gather(
            *(stores[n].clients.update(wanted[n], version, event(TWO, "client.updated")) for n in range(2))
        )
        assert sorted(done) == [False, True]
        assert await stores[done.index(True)].clients.by_reseller(TWO) == [wanted[done.index(True)]]
    assert await log(store) == ["client.created", *["client.updated"] * 10]


async def test_of_two_clients_with_one_id_at_once_one_is_added(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for number in range(10):
        client = structs.replace(CLIENT, id=str(number))
        outcomes = await asyncio.gather(
            *(one.clients.add(client, event(TWO, "client.created")) for one in stores), return_exceptions=True
        )
        (problem,) = [outcome for outcome in outcomes if outcome is not None]
        assert isinstance(problem, Problem)
        assert problem.code is Code.CONFLICT
    assert len(await store.clients.by_reseller(TWO)) == 10
    assert await log(store) == ["client.created"] * 10


# Keys that sign


async def test_signing_keys_come_newest_first(store: Store) -> None:
    assert await store.signing_keys.all() == []
    for key_id, created_at in (("b", 2), ("a", 2), ("d", 1), ("c", 3)):
        await store.signing_keys.add(SigningKey(key_id, b"p" * 32, created_at), 50, event(PROVIDER, "platform.updated"))
    assert [key.id for key in await store.signing_keys.all()] == ["c", "a", "b", "d"]
    assert await log(store, PROVIDER) == ["platform.updated"] * 4


async def test_a_new_signing_key_ends_only_those_that_sign(store: Store) -> None:
    keys = [SigningKey(key_id, key_id.encode() * 32, at) for at, key_id in enumerate("abc", 1)]
    for key, until in zip(keys, (10, 20, 30), strict=True):
        await store.signing_keys.add(key, until, event(PROVIDER, "platform.updated"))
    assert await store.signing_keys.all() == [
        keys[2],
        structs.replace(keys[1], until=30),
        structs.replace(keys[0], until=20),
    ]


async def test_of_signing_keys_added_at_once_one_signs_in_the_end(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    await asyncio.gather(
        *(
            stores[n % 2].signing_keys.add(SigningKey(str(n), b"p", n), 100, event(PROVIDER, "platform.updated"))
            for n in range(10)
        )
    )
    assert len(await store.signing_keys.all()) == 10
    assert [key.until for key in await store.signing_keys.all()].count(None) == 1


async def test_the_tokens_of_a_signing_key_may_end_now(store: Store) -> None:
    for key_id, at in (("a", 1), ("b", 2)):
        await store.signing_keys.add(SigningKey(key_id, b"p", at), 20, event(PROVIDER, "platform.updated"))
    assert await store.signing_keys.end("a", 15, event(PROVIDER, "platform.updated"))
    assert await store.signing_keys.end("b", 16, event(PROVIDER, "platform.updated"))
    assert [key.until for key in await store.signing_keys.all()] == [16, 15]
    assert not await store.signing_keys.end("c", 17, event(PROVIDER, "platform.updated"))
    assert await log(store, PROVIDER) == ["platform.updated"] * 4


# What is in the log


async def test_an_event_says_who_changed_whom(store: Store) -> None:
    wanted = structs.replace(event(TWO, "user.updated"), changes={"role": ("reader", "owner")}, reason="asked for")
    await store.users.add(USER, event(TWO))
    await store.users.update(structs.replace(USER, role="owner"), 1, wanted)
    assert await store.events.log(TWO, 2, 10) == [as_kept(wanted, 3)]


def as_kept(new: NewEvent, sequence: int) -> Event:
    subject = new.subject or account_subject(new.reseller_id, new.account_id)
    return Event(
        new.reseller_id, sequence, new.account_id, new.type, new.at, new.origin, new.changes, new.reason, subject
    )


async def test_a_change_whose_event_has_no_log_is_not_made(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    nowhere = event(99, "user.updated")
    changes: list[Awaitable[object]] = [
        store.users.update(structs.replace(USER, password_hash="new", version=2), 1, nowhere),
        store.subscription_keys.update(structs.replace(KEY, name="new", version=2), 1, nowhere),
        store.clients.update(structs.replace(CLIENT, name="new", version=2), 1, nowhere),
        store.signing_keys.add(SigningKey("a", b"p", 1), 1, nowhere),
    ]
    for answer in changes:
        assert (await refused(answer)).code is Code.NOT_FOUND
    assert await store.users.get(USER.login) == USER
    assert await store.subscription_keys.get(KEY.digest) == KEY
    assert await store.clients.get("realm", "shop") == CLIENT
    assert await store.signing_keys.all() == []


# Uses


async def test_uses_are_kept_and_never_go_back(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    await store.subscription_keys.add(KEY, event(TWO, "key.created"))
    await store.clients.add(CLIENT, event(TWO, "client.created"))
    for at, kept in ((500, 500), (700, 700), (600, 700)):
        await store.usage.record_uses(Uses(at, [(TWO, USER.login)], [KEY.digest], [("realm", "shop")]))
        assert await store.users.get(USER.login) == structs.replace(USER, used_at=kept)
        assert await store.subscription_keys.get(KEY.digest) == structs.replace(KEY, used_at=kept)
        assert await store.clients.get("realm", "shop") == structs.replace(CLIENT, used_at=kept)
    assert await log(store) == ["user.created", "key.created", "client.created"]


async def test_uses_of_what_is_not_there_change_nothing(store: Store) -> None:
    await store.users.add(USER, event(TWO))
    await store.usage.record_uses(Uses(700))
    await store.usage.record_uses(
        Uses(700, [(ONE, USER.login), (TWO, "unknown"), (99, "x")], [b"other"], [("realm", "shop")])
    )
    assert await store.users.get(USER.login) == USER
    assert await store.users.get("api") == User("api", ONE, "us", "hash")
    assert await store.subscription_keys.get(b"digest") == SubscriptionKey(b"digest", ONE)


async def test_uses_noted_by_many_at_once_end_with_the_last(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    logins = [f"user{number}" for number in range(4)]
    for login in logins:
        await store.users.add(structs.replace(USER, login=login), event(TWO))
    orders = itertools.islice(itertools.cycle(itertools.permutations(logins)), 40)
    await asyncio.gather(
        *(
            stores[at % 2].usage.record_uses(Uses(at, users=[(TWO, login) for login in order]))
            for at, order in enumerate(orders, 1)
        )
    )
    assert [user.used_at for user in await store.users.by_reseller(TWO)] == [40] * 4


# Failures


async def test_failures_are_counted_for_each_subject(store: Store) -> None:
    assert await store.login_failures.get([]) == []
    assert await store.login_failures.get([b"a", b"b"]) == [Failures(), Failures()]
    await store.login_failures.record([b"a", b"b"], 100, 0)
    await store.login_failures.record([b"b"], 200, 0)
    await store.login_failures.record([], 300, 0)
    expected = {b"a": Failures(1, 100), b"b": Failures(2, 200), b"c": Failures()}
    for order in itertools.permutations(expected):
        assert await store.login_failures.get(order) == [expected[subject] for subject in order]


async def test_a_row_of_failures_that_is_long_past_begins_anew(store: Store) -> None:
    for at in (100, 200):
        await store.login_failures.record([b"a"], at, 0)
    await store.login_failures.record([b"a"], 300, 200)
    assert await store.login_failures.get([b"a"]) == [Failures(3, 300)]
    await store.login_failures.record([b"a"], 400, 301)
    assert await store.login_failures.get([b"a"]) == [Failures(1, 400)]


async def test_a_success_ends_a_row_of_failures_and_is_remembered(store: Store) -> None:
    await store.login_failures.reset(b"new", 50)
    await store.login_failures.record([b"a", b"b"], 100, 0)
    await store.login_failures.reset(b"a", 200)
    assert await store.login_failures.get([b"new", b"a", b"b"]) == [
        Failures(0, 0, 50),
        Failures(0, 0, 200),
        Failures(1, 100),
    ]
    await store.login_failures.record([b"a"], 300, 0)
    assert await store.login_failures.get([b"a"]) == [Failures(1, 300, 200)]


async def test_failures_at_once_are_all_counted(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    subjects = [b"a", b"b", b"c"]
    orders = itertools.islice(itertools.cycle(itertools.permutations(subjects)), 60)
    await asyncio.gather(*(stores[n % 2].login_failures.record(order, 100, 0) for n, order in enumerate(orders)))
    assert await store.login_failures.get(subjects) == [Failures(60, 100)] * 3


async def test_what_is_long_past_is_forgotten_in_parts(store: Store) -> None:
    await store.login_failures.record([b"a", b"b", b"c"], 100, 0)
    await store.login_failures.record([b"d"], 200, 0)
    await store.login_failures.reset(b"e", 100)
    await store.login_failures.reset(b"c", 200)
    assert await store.login_failures.purge(100, 100, 10) == 0
    assert await store.login_failures.purge(101, 101, 2) == 2
    assert await store.login_failures.purge(101, 101, 2) == 1
    assert await store.login_failures.purge(101, 101, 2) == 0
    kept = await store.login_failures.get([b"a", b"b", b"c", b"d", b"e"])
    assert kept == [Failures(), Failures(), Failures(0, 0, 200), Failures(1, 200), Failures()]


async def test_a_success_is_remembered_for_longer_than_failures(store: Store) -> None:
    await store.login_failures.reset(b"good", 100)
    await store.login_failures.record([b"good", b"bad"], 200, 0)
    assert await store.login_failures.purge(300, 100, 10) == 1
    assert await store.login_failures.get([b"good", b"bad"]) == [Failures(1, 200, 100), Failures()]
    assert await store.login_failures.purge(300, 101, 10) == 1
    assert await store.login_failures.get([b"good"]) == [Failures()]
