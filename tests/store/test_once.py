"""A request that is sent twice is done once. Held against every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import structs

from emporion.errors import Code, Problem
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.customers import NewRecord
from emporion.store.idempotency import IdempotentRequest, Kept
from emporion.store.records import Filter, Record
from emporion.store.resellers import NewResellerRecord
from emporion.store.users import User
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, event, new_reseller
from tests.store.test_base import add, change, customer, ids, new

KEY, OTHER_KEY = "a" * 64, "b" * 64
SENT, SENT_OTHERWISE = b"1" * 32, b"2" * 32


def once(key: str = KEY, sent: bytes = SENT, since: int = 0) -> IdempotentRequest:
    return IdempotentRequest(key, sent, since)


def new_once(
    wanted: IdempotentRequest, external_id: str | None = None, reseller_id: int = ONE, at: int = 1000
) -> NewRecord:
    return structs.replace(new(reseller_id, customer("Acme", external_id)), once=wanted, at=at)


def reseller_once(wanted: IdempotentRequest, parent_id: int = ONE, at: int = 1000, **members: Any) -> NewResellerRecord:
    return structs.replace(new_reseller("Next", parent_id, **members), once=wanted, at=at)


async def refusal(store: Store, new: NewRecord | NewResellerRecord) -> Code:
    with pytest.raises(Problem) as raised:
        await (store.customers.add(new) if isinstance(new, NewRecord) else store.resellers.add(new))
    return raised.value.code


def replayed(record: Record) -> Record:
    return structs.replace(record, replayed=True)


# Customers


async def test_the_same_request_is_answered_the_same_and_done_once(store: Store) -> None:
    first = await store.customers.add(new_once(once(), "x"))
    assert not first.replayed
    for at in (1000, 2000):
        assert await store.customers.add(new_once(once(), "x", at=at)) == replayed(first)
    assert await ids(store, ONE) == [first.id]
    assert [one.type for one in await store.events.log(ONE, 1, 10)] == ["customer.created"]
    assert (await add(store)).id == first.id + 1


async def test_the_answer_is_that_of_then_whatever_has_happened_since(store: Store) -> None:
    first = await store.customers.add(new_once(once()))
    await store.customers.update(change(first, customer("Renamed")))
    assert await store.customers.add(new_once(once())) == replayed(first)


async def test_an_answer_is_the_same_byte_for_byte_after_opening_again(store: Store, open_store: Open) -> None:
    wanted = new_once(once())
    wanted = structs.replace(
        wanted, customer=structs.replace(wanted.customer, name='Zoë "日本" \\ \x7f', attributes={})
    )
    below = reseller_once(once(OTHER_KEY))
    first, reseller = await store.customers.add(wanted), await store.resellers.add(below)
    await store.close()
    again = await open_store()
    assert await again.customers.add(wanted) == replayed(first)
    assert await again.resellers.add(below) == replayed(reseller)
    found = await again.customers.document(ONE, first.id)
    assert found
    assert found.document == first.document


async def test_a_key_that_was_used_for_another_request_adds_nothing(store: Store) -> None:
    first = await store.customers.add(new_once(once(), "x"))
    assert await refusal(store, new_once(once(sent=SENT_OTHERWISE), "y")) is Code.IDEMPOTENCY_KEY_REUSED
    assert await refusal(store, new_once(once(sent=SENT_OTHERWISE), "x")) is Code.IDEMPOTENCY_KEY_REUSED
    assert await store.customers.add(new_once(once(), "x")) == replayed(first)
    assert await ids(store, ONE) == [first.id]
    assert len(await store.events.log(ONE, 1, 10)) == 1


async def test_an_answer_of_long_ago_is_forgotten(store: Store) -> None:
    first = await store.customers.add(new_once(once(), at=1000))
    assert (await store.customers.add(new_once(once(since=1000), at=2000))) == replayed(first)
    second = await store.customers.add(new_once(once(since=1001), at=2000))
    assert (second.replayed, second.id) == (False, first.id + 1)
    assert await store.customers.add(new_once(once(since=1001), at=3000)) == replayed(second)
    third = await store.customers.add(new_once(once(sent=SENT_OTHERWISE, since=2001), at=4000))
    assert not third.replayed
    assert await refusal(store, new_once(once(since=2001), at=5000)) is Code.IDEMPOTENCY_KEY_REUSED
    assert await ids(store, ONE) == [third.id, second.id, first.id]


async def test_other_keys_and_none_stand_for_other_requests(store: Store) -> None:
    records = [
        await store.customers.add(new_once(once())),
        await store.customers.add(new_once(once(OTHER_KEY))),
        await add(store),
        await add(store),
    ]
    assert await ids(store, ONE) == [record.id for record in reversed(records)]
    assert not any(record.replayed for record in records)


async def test_each_reseller_has_keys_of_its_own(store: Store) -> None:
    records = [await store.customers.add(new_once(once(), reseller_id=owner)) for owner in (ONE, TWO, BELOW_ONE)]
    assert len({record.id for record in records}) == 3
    assert await refusal(store, new_once(once(sent=SENT_OTHERWISE), reseller_id=TWO)) is Code.IDEMPOTENCY_KEY_REUSED
    assert (await store.customers.add(new_once(once(sent=SENT_OTHERWISE), reseller_id=PROVIDER))).replayed is False


async def test_a_conflict_keeps_no_answer(store: Store) -> None:
    holder = await add(store, external_id="x")
    for _ in range(2):
        assert await refusal(store, new_once(once(), "x")) is Code.CONFLICT
    await store.customers.update(change(holder, customer("Acme", None), changes={"externalId": ("x", None)}))
    second = await store.customers.add(new_once(once(), "x"))
    assert not second.replayed
    assert await store.customers.add(new_once(once(), "x")) == replayed(second)


async def test_after_a_conflict_the_key_may_stand_for_another_request(store: Store) -> None:
    await add(store, external_id="x")
    assert await refusal(store, new_once(once(), "x")) is Code.CONFLICT
    assert not (await store.customers.add(new_once(once(sent=SENT_OTHERWISE), "y"))).replayed


async def test_a_taken_login_keeps_no_answer(store: Store) -> None:
    wanted = structs.replace(new(ONE, customer(), AdministratorLogin(0, "jane", None)), once=once())
    await store.users.add(User("Jane", TWO, "us", "hash"), event(TWO))
    assert await refusal(store, wanted) is Code.CONFLICT
    assert not (await store.customers.add(structs.replace(wanted, logins=()))).replayed


async def test_the_same_request_at_once_from_two_nodes_adds_one_customer(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for turn in range(10):
        wanted = new_once(once(f"{turn:064}"), f"e{turn}")
        records = await asyncio.gather(*(stores[n % 2].customers.add(wanted) for n in range(8)))
        (first,) = [record for record in records if not record.replayed]
        assert all(replayed(record) == replayed(first) for record in records)
    assert len(await ids(store, ONE)) == 10
    assert len(await store.events.log(ONE, 1, 100)) == 10


async def test_different_requests_with_one_key_at_once_add_one_customer(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for turn in range(10):
        requests = [new_once(once(f"{turn:064}", bytes([n]) * 32)) for n in range(6)]
        outcomes = await asyncio.gather(
            *(stores[n % 2].customers.add(request) for n, request in enumerate(requests)), return_exceptions=True
        )
        assert len([outcome for outcome in outcomes if isinstance(outcome, Record)]) == 1
        problems = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
        assert [problem.code for problem in problems] == [Code.IDEMPOTENCY_KEY_REUSED] * 5
    assert len(await ids(store, ONE)) == 10


async def test_neighbours_of_what_was_answered_before_are_not_disturbed(store: Store) -> None:
    first = await store.customers.add(new_once(once(), "first"))
    requests = {
        "new": new_once(once("1" * 64), "a"),
        "replayed": new_once(once(), "first"),
        "plain": new(ONE, customer("Plain", "b")),
        "reused": new_once(once(sent=SENT_OTHERWISE), "c"),
        "conflict": new_once(once("2" * 64), "first"),
        "another new": new_once(once("3" * 64), "d"),
        "new again": new_once(once("1" * 64), "a"),
        "plain again": new(ONE, customer("Plain", "c")),
    }
    given = dict(
        zip(
            requests,
            await asyncio.gather(*map(store.customers.add, requests.values()), return_exceptions=True),
            strict=True,
        )
    )
    codes = {name: outcome.code for name, outcome in given.items() if isinstance(outcome, Problem)}
    assert codes == {"reused": Code.IDEMPOTENCY_KEY_REUSED, "conflict": Code.CONFLICT}
    records = {name: outcome for name, outcome in given.items() if isinstance(outcome, Record)}
    assert records["replayed"] == replayed(first)
    assert replayed(records["new"]) == replayed(records["new again"])
    assert records["new"].replayed is not records["new again"].replayed
    added = {records[name].id for name in ("new", "plain", "another new", "plain again")}
    assert await ids(store, ONE) == sorted({first.id, *added}, reverse=True)
    assert len(added) == 4
    assert [one.sequence for one in await store.events.log(ONE, 0, 100)] == list(range(1, 7))
    assert (await store.customers.page(ONE, Filter(external_id="d"), 0, 1, whole=False)).total == 1


async def test_ordinals_have_no_gaps_where_nothing_was_added(store: Store) -> None:
    for number in range(20):
        await asyncio.gather(*(store.customers.add(new_once(once(f"{number:064}"))) for _ in range(3)))
    every = await ids(store, ONE, limit=100)
    assert len(every) == 20
    for offset in range(20):
        assert await ids(store, ONE, offset=offset, limit=1) == [every[offset]]


# Resellers


async def test_a_reseller_is_added_once(store: Store) -> None:
    admin = [AdministratorLogin(0, "jane", "hash")]
    wanted = structs.replace(reseller_once(once(), external_id="x"), logins=admin)
    first = await store.resellers.add(wanted)
    assert not first.replayed
    assert await store.resellers.add(wanted) == replayed(first)
    assert (await store.resellers.page(ONE, Filter(), 0, 10)).total == 3
    assert len(await store.events.log(first.id, 0, 10)) == 1
    assert await refusal(store, reseller_once(once(sent=SENT_OTHERWISE))) is Code.IDEMPOTENCY_KEY_REUSED
    assert not (await store.resellers.add(reseller_once(once(sent=SENT_OTHERWISE), TWO))).replayed
    later = await store.resellers.add(reseller_once(once(since=1001), at=2000))
    assert not later.replayed
    assert later.id > first.id


async def test_a_reseller_that_conflicts_keeps_no_answer(store: Store) -> None:
    await store.resellers.add(new_reseller("First", ONE, external_id="x"))
    assert await refusal(store, reseller_once(once(), external_id="x")) is Code.CONFLICT
    assert await refusal(store, reseller_once(once(), 99)) is Code.NOT_FOUND
    assert not (await store.resellers.add(reseller_once(once(), external_id="y"))).replayed


async def test_the_same_request_at_once_from_two_nodes_adds_one_reseller(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for turn in range(5):
        wanted = reseller_once(once(f"{turn:064}"), external_id=f"e{turn}")
        records = await asyncio.gather(*(stores[n % 2].resellers.add(wanted) for n in range(6)))
        (first,) = [record for record in records if not record.replayed]
        assert all(replayed(record) == replayed(first) for record in records)
    assert (await store.resellers.page(ONE, Filter(), 0, 10)).total == 7


# Asked beforehand


async def test_what_was_answered_can_be_asked_beforehand(store: Store) -> None:
    assert await store.idempotency.get(ONE, once()) is None
    first = await store.customers.add(new_once(once(), at=1000))
    assert await store.idempotency.get(ONE, once(since=1000)) == Kept(str(first.id), first.document)
    assert await store.idempotency.get(ONE, once(since=1001)) is None
    assert await store.idempotency.get(ONE, once(OTHER_KEY)) is None
    assert await store.idempotency.get(TWO, once()) is None
    with pytest.raises(Problem) as raised:
        await store.idempotency.get(ONE, once(sent=SENT_OTHERWISE))
    assert raised.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert await store.idempotency.get(ONE, once(sent=SENT_OTHERWISE, since=1001)) is None


async def test_what_was_answered_for_a_reseller_is_asked_of_its_parent(store: Store) -> None:
    first = await store.resellers.add(reseller_once(once()))
    given = await store.idempotency.get(ONE, once())
    assert given == Kept(str(first.id), first.document)
    assert await store.idempotency.get(first.id, once()) is None


# What is long past


async def test_answers_of_long_ago_are_removed_in_parts(store: Store) -> None:
    kept = [await store.customers.add(new_once(once(f"{at:064}"), at=at)) for at in (100, 200, 300, 400)]
    reseller = await store.resellers.add(reseller_once(once(OTHER_KEY), at=250))
    assert await store.idempotency.purge(100, 10) == 0
    assert await store.idempotency.purge(300, 2) == 2
    assert await store.idempotency.purge(300, 2) == 1
    assert await store.idempotency.purge(300, 2) == 0
    assert await store.customers.add(new_once(once(f"{300:064}"))) == replayed(kept[2])
    assert not (await store.customers.add(new_once(once(f"{200:064}")))).replayed
    assert (await store.resellers.add(reseller_once(once(OTHER_KEY)))).id > reseller.id
