"""People who sign in: their sessions, passwords and one-time links. Held against every store."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from emporion.errors import Code, Problem
from emporion.events import NewEvent, Origin
from emporion.store.administrators import Administrator, AdministratorLogin, Link
from emporion.store.base import Store
from emporion.store.customers import CustomerChange
from emporion.store.records import Record
from emporion.store.sessions import Session
from emporion.store.statements import MOST_SHARING
from emporion.store.users import User
from tests.store.conftest import BELOW_ONE, ONE, TWO, Open, event, new_reseller
from tests.store.test_base import add, change, customer, new, person

SESSION = Session(b"\0" * 32, "Anna@one", ONE, 7, b"\xff" * 32, 1000, 2000, 9000, "192.0.2.1", "Browser/1 (ä)", None)
LINK = Link(b"l" * 32, "Anna", ONE, 7, 1000, 5000)


async def add_administrator(
    store: Store, login: str = "Anna", password_hash: str | None = "old", reseller_id: int = ONE
) -> Administrator:
    """The only administrator of a new customer."""
    record = await store.customers.add(new(reseller_id, customer(), AdministratorLogin(0, login, password_hash)))
    return Administrator(login, reseller_id, record.id, 0, password_hash)


def about(who: Administrator) -> NewEvent:
    """An entry for the log about an administrator's customer."""
    return NewEvent(who.reseller_id, who.customer_id, "customer.updated", 3000, Origin("Anna", "panel"))


def link_for(who: Administrator, digest: bytes = b"l" * 32) -> Link:
    return structs.replace(LINK, digest=digest, login=who.login, customer_id=who.customer_id)


async def log(store: Store, reseller_id: int = ONE) -> list[str]:
    """What is in a reseller's log after its creation."""
    return [one.type for one in await store.events.log(reseller_id, 1, 1000)]


async def password(store: Store, login: str = "Anna") -> str | None:
    found = await store.administrators.get(login)
    assert found
    return found.password_hash


# Sessions


async def test_a_session_is_given_back_whole(store: Store) -> None:
    of_user = Session(b"u" * 32, "api", ONE, None, b"p" * 32, 1, 2, 3, None, "", 4)
    await store.sessions.add(SESSION)
    await store.sessions.add(of_user)
    assert await store.sessions.get(SESSION.digest) == SESSION
    assert await store.sessions.get(of_user.digest) == of_user
    assert await store.sessions.get(b"other") is None


async def test_a_session_is_there_after_opening_again(store: Store, open_store: Open) -> None:
    await store.sessions.add(SESSION)
    await store.close()
    assert await (await open_store()).sessions.get(SESSION.digest) == SESSION


async def test_the_sessions_of_a_login_come_newest_first_whatever_its_case(store: Store) -> None:
    for digest, login, at in ((b"a", "Anna", 1), (b"c", "anna", 3), (b"b", "ANNA", 3), (b"d", "anna2", 4)):
        await store.sessions.add(structs.replace(SESSION, digest=digest, login=login, created_at=at))
    for login in ("anna", "Anna"):
        assert [session.digest for session in await store.sessions.by_login(login, 10)] == [b"b", b"c", b"a"]
    assert [session.digest for session in await store.sessions.by_login("anna", 2)] == [b"b", b"c"]
    assert await store.sessions.by_login("unknown", 10) == []
    assert await store.sessions.by_login("\0", 10) == []


async def test_a_session_is_seen_later_and_never_earlier(store: Store) -> None:
    await store.sessions.add(SESSION)
    await store.sessions.add(structs.replace(SESSION, digest=b"other"))
    for at in (2500, 2400, 0):
        await store.sessions.touch(SESSION.digest, at)
        assert await store.sessions.get(SESSION.digest) == structs.replace(SESSION, used_at=2500)
    assert await store.sessions.get(b"other") == structs.replace(SESSION, digest=b"other")
    await store.sessions.touch(b"unknown", 3000)


async def test_all_other_sessions_end_however_many_there_are(store: Store) -> None:
    for number in range(50):
        await store.sessions.add(structs.replace(SESSION, digest=bytes([number]), created_at=number))
    await store.sessions.add(structs.replace(SESSION, digest=b"of another", login="other"))
    assert await store.sessions.end_others("ANNA@one", bytes([7]), 3000) == 49
    assert await store.sessions.end_others("anna@one", bytes([7]), 4000) == 0
    assert await store.sessions.end_others("\0", bytes([7]), 4000) == 0
    still = [one.digest for one in await store.sessions.by_login("anna@one", 100) if one.ended_at is None]
    assert still == [bytes([7])]
    other = await store.sessions.get(b"of another")
    assert other
    assert other.ended_at is None


async def test_sessions_end_once_and_those_of_their_login_only(store: Store) -> None:
    for digest, login in ((b"a", "Anna"), (b"b", "anna"), (b"c", "anna"), (b"d", "other")):
        await store.sessions.add(structs.replace(SESSION, digest=digest, login=login))
    assert await store.sessions.end("ANNA", [b"a", b"b", b"d", b"unknown"], 3000) == 2
    assert await store.sessions.end("anna", [b"a", b"c"], 4000) == 1
    assert await store.sessions.end("anna", [], 4000) == 0
    assert await store.sessions.end("\0", [b"d"], 4000) == 0
    ended = {session.digest: session.ended_at for session in await store.sessions.by_login("anna", 10)}
    assert ended == {b"a": 3000, b"b": 3000, b"c": 4000}
    assert await store.sessions.get(b"d") == structs.replace(SESSION, digest=b"d", login="other")


async def test_a_session_whose_time_is_over_does_not_end_before_its_time(store: Store) -> None:
    await store.sessions.add(SESSION)
    assert await store.sessions.end(SESSION.login, [SESSION.digest], SESSION.ends_at) == 0
    assert await store.sessions.get(SESSION.digest) == SESSION


async def test_sessions_whose_time_is_long_over_are_forgotten(store: Store) -> None:
    for digest, created_at, ends_at in ((b"a", 100, 200), (b"b", 100, 300), (b"c", 100, 900), (b"d", 600, 900)):
        session = structs.replace(SESSION, digest=digest, created_at=created_at, ends_at=ends_at)
        await store.sessions.add(session)
    assert await store.sessions.purge(200, 10) == 0
    assert await store.sessions.purge(500, 1) == 1
    assert await store.sessions.get(b"a") is None
    assert await store.sessions.get(b"b")
    assert await store.sessions.purge(500, 10) == 1
    assert {session.digest for session in await store.sessions.by_login(SESSION.login, 10)} == {b"c", b"d"}
    assert await store.sessions.purge(500, 10) == 0


# Administrators


async def test_an_administrator_is_found_by_the_login_whatever_its_case(store: Store) -> None:
    await add(store)
    anna = await add_administrator(store)
    bert = await add_administrator(store, "bert", None, BELOW_ONE)
    for login in ("Anna", "ANNA", "anna"):
        assert await store.administrators.get(login) == anna
    assert await store.administrators.get("Bert") == bert
    for login in ("carl", "", "\0"):
        assert await store.administrators.get(login) is None


async def test_neither_a_user_nor_a_contact_of_a_reseller_is_an_administrator(store: Store) -> None:
    await store.users.add(User("jane", TWO, "us", "hash"), event(TWO))
    reseller = new_reseller("Three", ONE, contact_persons=[person("jane@example.com")])
    await store.resellers.add(structs.replace(reseller, logins=[AdministratorLogin(0, "Boss", "hash")]))
    for login in ("jane", "Boss"):
        assert await store.administrators.get(login) is None
    assert await store.administrators.by_email("jane@example.com", 10) == []


async def test_an_address_that_very_many_have_finds_none(store: Store) -> None:
    found = [await add_administrator(store, f"shared {number}") for number in range(MOST_SHARING)]
    assert len(await store.administrators.by_email("anna@example.com", 100)) == len(found) == MOST_SHARING
    await add_administrator(store, "one more")
    assert await store.administrators.by_email("anna@example.com", 100) == []


async def test_administrators_are_found_by_address_on_the_whole_platform(store: Store) -> None:
    shared = "anna@example.com"
    persons = [person("x@example.com"), person(shared), person("ANNA@Example.com"), person(shared, "billing")]
    logins = [AdministratorLogin(position, f"{9 - position}", f"hash {position}") for position in (2, 0, 1, 3)]
    first = await store.customers.add(new(BELOW_ONE, customer("One", None, "active", *persons), *logins))
    await add(store)
    second = await add_administrator(store, "Anna", None, TWO)
    found = [
        Administrator("8", BELOW_ONE, first.id, 1, "hash 1"),
        Administrator("7", BELOW_ONE, first.id, 2, "hash 2"),
        second,
    ]
    for limit in (10, 3, 2, 1, 0):
        assert await store.administrators.by_email(shared, limit) == found[:limit]
    assert await store.administrators.by_email("x@example.com", 10) == [
        Administrator("9", BELOW_ONE, first.id, 0, "hash 0")
    ]
    for address in ("ANNA@example.com", "unknown@example.com", "\0"):
        assert await store.administrators.by_email(address, 10) == []


async def test_an_administrator_with_another_address_now_is_found_by_that_one_only(store: Store) -> None:
    anna = await add_administrator(store)
    record = await store.customers.get(ONE, anna.customer_id)
    assert record
    await store.customers.update(moved(record, "new@example.com"))
    assert await store.administrators.by_email("anna@example.com", 10) == []
    assert await store.administrators.by_email("new@example.com", 10) == [anna]


def moved(record: Record, email: str) -> CustomerChange:
    """The only contact person of a customer gets another address."""
    wanted = customer("Acme", None, "active", person(email))
    before = [{"email": "anna@example.com"}]
    return change(record, wanted, changes={"contactPersons": (before, [])})


# Passwords


async def test_an_administrator_gets_another_password(store: Store) -> None:
    anna, bert = await add_administrator(store), await add_administrator(store, "bert", "bert's")
    assert await store.administrators.set_password(anna, "new", about(anna))
    assert await store.administrators.get("Anna") == structs.replace(anna, password_hash="new")
    assert await store.administrators.get("bert") == bert
    assert (await log(store))[-1] == "customer.updated"
    last = (await store.events.by_account(ONE, anna.customer_id, 0, 10))[-1]
    assert (last.at, last.origin) == (3000, Origin("Anna", "panel"))


async def test_the_first_password_is_set_as_well(store: Store) -> None:
    anna = await add_administrator(store, password_hash=None)
    assert await store.administrators.set_password(anna, "new", about(anna))
    assert await password(store) == "new"


@pytest.mark.parametrize("other", [
    {"login": "bert"}, {"reseller_id": TWO}, {"customer_id": 1}, {"position": 1}, {"password_hash": "older"},
    {"password_hash": None},
])  # fmt: skip
async def test_an_administrator_who_has_changed_gets_no_password(store: Store, other: dict[str, object]) -> None:
    anna = await add_administrator(store)
    before = await log(store)
    assert not await store.administrators.set_password(structs.replace(anna, **other), "new", about(anna))
    assert await password(store) == "old"
    assert await log(store) == before


async def test_of_many_new_passwords_at_once_one_gets_through(store: Store, open_store: Open) -> None:
    anna, second = await add_administrator(store), await open_store()
    before = await log(store)
    sets = [one.administrators.set_password(anna, f"new {n}", about(anna)) for n in range(4) for one in (store, second)]
    assert sorted(await asyncio.gather(*sets)) == [False] * 7 + [True]
    assert await log(store) == [*before, "customer.updated"]


async def test_a_password_without_its_event_is_not_set(store: Store) -> None:
    anna = await add_administrator(store)
    nowhere = structs.replace(about(anna), reseller_id=99)
    with pytest.raises(Problem) as raised:
        await store.administrators.set_password(anna, "new", nowhere)
    assert raised.value.code is Code.NOT_FOUND
    assert await password(store) == "old"


# Links


async def test_a_link_is_given_back_whole(store: Store) -> None:
    used = structs.replace(LINK, digest=b"u" * 32, login="Other", used_at=2000)
    await store.links.add(LINK, event(ONE, "link.created"))
    await store.links.add(used, event(ONE, "link.created"))
    assert await store.links.get(LINK.digest) == LINK
    assert await store.links.get(used.digest) == used
    assert await store.links.get(b"unknown") is None
    assert await log(store) == ["link.created", "link.created"]


async def test_a_newer_link_takes_the_place_of_those_of_its_login(store: Store) -> None:
    other = structs.replace(LINK, digest=b"o" * 32, login="Bert")
    newer = structs.replace(LINK, digest=b"n" * 32, login="ANNA")
    for link in (LINK, other, newer):
        await store.links.add(link, event(ONE, "link.created"))
    assert await store.links.get(LINK.digest) is None
    assert await store.links.get(newer.digest) == newer
    assert await store.links.get(other.digest) == other


async def test_a_link_without_its_event_is_not_kept(store: Store) -> None:
    await store.links.add(LINK, event(ONE, "link.created"))
    with pytest.raises(Problem) as raised:
        await store.links.add(structs.replace(LINK, digest=b"n" * 32), event(99, "link.created"))
    assert raised.value.code is Code.NOT_FOUND
    assert await store.links.get(LINK.digest) == LINK
    assert await store.links.get(b"n" * 32) is None


async def test_a_link_sets_a_password_once(store: Store) -> None:
    anna, bert = await add_administrator(store, password_hash=None), await add_administrator(store, "bert")
    link = link_for(anna)
    await store.links.add(link, about(anna))
    before = await log(store)
    assert await store.links.use(link, "new", 2000, about(anna))
    assert not await store.links.use(link, "newer", 2001, about(anna))
    assert await store.links.get(link.digest) == structs.replace(link, used_at=2000)
    assert await store.administrators.get("Anna") == structs.replace(anna, password_hash="new")
    assert await store.administrators.get("bert") == bert
    assert await log(store) == [*before, "customer.updated"]


async def test_a_link_that_ended_sets_nothing(store: Store) -> None:
    anna = await add_administrator(store)
    link = link_for(anna)
    await store.links.add(link, about(anna))
    before = await log(store)
    assert not await store.links.use(link, "new", link.ends_at, about(anna))
    assert await store.links.get(link.digest) == link
    assert await password(store) == "old"
    assert await log(store) == before
    assert await store.links.use(link, "new", link.ends_at - 1, about(anna))


async def test_a_link_that_was_replaced_sets_nothing(store: Store) -> None:
    anna = await add_administrator(store)
    old, newer = link_for(anna), link_for(anna, b"n" * 32)
    await store.links.add(old, about(anna))
    await store.links.add(newer, about(anna))
    assert not await store.links.use(old, "new", 2000, about(anna))
    assert await password(store) == "old"
    assert await store.links.use(newer, "new", 2000, about(anna))


async def test_a_link_sets_nothing_for_another_who_has_the_login_now(store: Store) -> None:
    anna = await add_administrator(store)
    link = link_for(anna)
    await store.links.add(link, about(anna))
    record = await store.customers.get(ONE, anna.customer_id)
    assert record
    await store.customers.update(change(record, customer(), logins=[]))
    assert not await store.links.use(link, "new", 2000, about(anna))
    await add_administrator(store, reseller_id=TWO)
    assert not await store.links.use(link, "new", 2000, about(anna))
    assert await password(store) == "old"
    assert await store.links.get(link.digest) == link


async def test_a_link_sets_nothing_where_another_customer_of_the_reseller_has_the_login(store: Store) -> None:
    anna = await add_administrator(store)
    link = link_for(structs.replace(anna, customer_id=anna.customer_id - 1))
    await store.links.add(link, about(anna))
    assert not await store.links.use(link, "new", 2000, about(anna))
    assert await password(store) == "old"


async def test_of_many_uses_of_a_link_at_once_one_gets_through(store: Store, open_store: Open) -> None:
    anna, second = await add_administrator(store), await open_store()
    link = link_for(anna)
    await store.links.add(link, about(anna))
    before = await log(store)
    uses = [one.links.use(link, f"new {n}", 2000, about(anna)) for n in range(4) for one in (store, second)]
    assert sorted(await asyncio.gather(*uses)) == [False] * 7 + [True]
    assert await log(store) == [*before, "customer.updated"]


async def test_of_many_links_at_once_one_is_left(store: Store, open_store: Open) -> None:
    anna, second = await add_administrator(store), await open_store()
    links = [link_for(anna, bytes([n]) * 32) for n in range(8)]
    await asyncio.gather(*((store, second)[n % 2].links.add(link, about(anna)) for n, link in enumerate(links)))
    left = [link for link in links if await store.links.get(link.digest)]
    assert len(left) == 1


async def test_a_link_is_not_used_without_its_event(store: Store) -> None:
    anna = await add_administrator(store)
    link = link_for(anna)
    await store.links.add(link, about(anna))
    with pytest.raises(Problem) as raised:
        await store.links.use(link, "new", 2000, structs.replace(about(anna), reseller_id=99))
    assert raised.value.code is Code.NOT_FOUND
    assert await store.links.get(link.digest) == link
    assert await password(store) == "old"


async def test_links_that_ended_long_ago_are_forgotten(store: Store) -> None:
    for digest, login, ends_at in ((b"a", "a", 200), (b"b", "b", 300), (b"c", "c", 900)):
        await store.links.add(structs.replace(LINK, digest=digest, login=login, ends_at=ends_at), event(ONE))
    assert await store.links.purge(200, 10) == 0
    assert await store.links.purge(500, 1) == 1
    assert await store.links.get(b"a") is None
    assert await store.links.get(b"b")
    assert await store.links.purge(500, 10) == 1
    assert await store.links.get(b"c")
    assert await store.links.purge(500, 10) == 0
