"""Numbers: customers by status and by day, what came with keys, and lists by status. Held against every store."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from typing import get_args

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.customers import Customer
from emporion.accounts.statuses import Status
from emporion.errors import Problem
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.customers import CustomerChange, CustomerCounts
from emporion.store.postgres import lists as postgres_lists
from emporion.store.records import Filter, Record
from emporion.store.sqlite import lists as sqlite_lists
from emporion.store.usage import Usage
from tests.effort import effort
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, new_reseller
from tests.store.test_base import change, customer, decoded, ids, new

DAY = 86_400_000
STATUSES: tuple[Status, ...] = get_args(Status)


async def add(store: Store, reseller_id: int, status: Status = "active", at: int = 1000, name: str = "Acme") -> Record:
    return await store.customers.add(structs.replace(new(reseller_id, customer(name, None, status)), at=at))


async def move(store: Store, record: Record, status: Status) -> Record:
    """The customer with another status."""
    changes = {"status": (decoded(record.document)["status"], status)}
    name = decoded(record.document)["name"]
    moved = await store.customers.update(change(record, customer(name, None, status), changes=changes))
    assert moved
    return moved


def verified(record: Record) -> CustomerChange:
    wanted = structs.replace(msgspec.json.decode(record.document, type=Customer), status="active")
    return change(record, wanted, event="customer.verified", changes={"status": ("pending", "active")})


async def by_status(store: Store, root: int = PROVIDER) -> dict[Status, int]:
    return (await store.customers.counts(root, 0)).by_status


# Customers in numbers


async def test_customers_are_counted_by_status_and_day_with_all_below(store: Store) -> None:
    made: list[tuple[int, Status, int]] = [
        (ONE, "active", DAY - 1),
        (ONE, "active", DAY),
        (ONE, "pending", 2 * DAY - 1),
        (BELOW_ONE, "creditHold", DAY + 5),
        (TWO, "active", 3 * DAY),
    ]
    for reseller_id, status, at in made:
        await add(store, reseller_id, status, at)
    assert await store.customers.counts(ONE, 0) == CustomerCounts(
        {"active": 2, "pending": 1, "creditHold": 1}, {0: 1, 1: 3}
    )
    assert await store.customers.counts(BELOW_ONE, 0) == CustomerCounts({"creditHold": 1}, {1: 1})
    assert await store.customers.counts(TWO, -5) == CustomerCounts({"active": 1}, {3: 1})
    assert await store.customers.counts(PROVIDER, 1) == CustomerCounts(
        {"active": 3, "pending": 1, "creditHold": 1}, {1: 3, 3: 1}
    )
    assert await store.customers.counts(PROVIDER, 4) == CustomerCounts({"active": 3, "pending": 1, "creditHold": 1}, {})


async def test_there_are_none_to_count(store: Store) -> None:
    assert await store.customers.counts(ONE, 0) == CustomerCounts({}, {})
    assert await store.customers.counts(99, 0) == CustomerCounts({}, {})


async def test_a_change_of_status_moves_a_customer_from_one_number_to_another(store: Store) -> None:
    record = await add(store, ONE)
    await add(store, ONE)
    record = await move(store, record, "creditHold")
    assert await by_status(store, ONE) == {"active": 1, "creditHold": 1}
    record = await move(store, record, "creditHold")
    assert await by_status(store, ONE) == {"active": 1, "creditHold": 1}
    await move(store, record, "active")
    assert await store.customers.counts(ONE, 0) == CustomerCounts({"active": 2}, {0: 2})


async def test_what_is_refused_is_not_counted(store: Store) -> None:
    one = new(ONE, customer("Acme", "x"), AdministratorLogin(0, "first", None))
    record, held = await store.customers.add(one), customer("Acme", "x", "creditHold")
    with pytest.raises(Problem):
        await store.customers.add(one)
    with pytest.raises(Problem):
        await store.customers.update(change(record, held, logins=[AdministratorLogin(0, "api", None)]))
    assert not await store.customers.update(structs.replace(change(record, customer("A", "x", "error")), version=7))
    assert await store.customers.counts(ONE, 0) == CustomerCounts({"active": 1}, {0: 1})


async def test_a_change_beside_a_taken_external_id_moves_no_number(store: Store) -> None:
    await store.customers.add(new(ONE, customer("Acme", "x")))
    record = await store.customers.add(new(ONE, customer("Acme", "y")))
    wanted = customer("Acme", "x", "creditHold")
    with pytest.raises(Problem):
        await store.customers.update(change(record, wanted, changes={"externalId": ("y", "x")}))
    assert await by_status(store) == {"active": 2}


async def test_those_who_are_verified_are_pending_no_more(store: Store) -> None:
    for reseller_id in (ONE, TWO, ONE, BELOW_ONE):
        await add(store, reseller_id, "pending")
    assert await store.customers.verify(3, verified) == 3
    assert await by_status(store) == {"pending": 1, "active": 3}
    assert await store.customers.verify(3, verified) == 1
    assert await by_status(store) == {"active": 4}


async def test_the_numbers_are_exact_after_many_things_at_once(store: Store, open_store: Open) -> None:
    random_ = random.Random(7)
    second = await open_store()
    stores = itertools.cycle((store, second))
    resellers = (PROVIDER, ONE, TWO, BELOW_ONE)

    def some(many: int) -> list[tuple[int, Status, int]]:
        return [
            (random_.choice(resellers), random_.choice(STATUSES), random_.randrange(5) * DAY + 7) for _ in range(many)
        ]

    records = await asyncio.gather(*(add(next(stores), *one) for one in some(60)))
    moved: list[Record] = []
    for _ in range(3):
        changes = [move(next(stores), one, random_.choice(STATUSES)) for one in random_.sample(records, 15)]
        more = [add(next(stores), *one) for one in some(20)]
        _, *results = await asyncio.gather(store.customers.verify(2, verified), *more, *changes, return_exceptions=True)
        moved += [one for one in results if isinstance(one, Record)]
        records = [await _now(store, one) for one in {one.id: one for one in [*records, *moved]}.values()]
    assert len(records) == 120
    for root, below in ((PROVIDER, set(resellers)), (ONE, {ONE, BELOW_ONE}), (TWO, {TWO}), (BELOW_ONE, {BELOW_ONE})):
        mine = [decoded(one.document)["status"] for one in records if one.reseller_id in below]
        counts = await store.customers.counts(root, 0)
        assert counts.by_status == Counter(mine)
        assert sum(counts.by_day.values()) == len(mine)


async def _now(store: Store, record: Record) -> Record:
    found = await store.customers.get(record.reseller_id, record.id)
    assert found
    return found


# Lists by status


@pytest.fixture(params=[False, True], ids=["few", "many"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are made as they are for few customers, and as for very many."""
    if request.param:
        monkeypatch.setattr(sqlite_lists, "FEW", 0)
        monkeypatch.setattr(postgres_lists, "FEW", 0)


@pytest.mark.usefixtures("many")
async def test_a_status_finds_what_a_plain_comparison_finds(store: Store) -> None:
    random_ = random.Random(11)
    await store.resellers.add(new_reseller("Empty", TWO, 50))
    resellers = (PROVIDER, ONE, TWO, BELOW_ONE, 50)
    records = [
        await store.customers.add(
            new(
                random_.choice(resellers[:4]),
                customer(random_.choice(("Acme", "Abc Inc", "Zeta")), f"x{n % 9}" if n < 9 else None,
                         random_.choice(STATUSES[:3])),
            )
        )
        for n in range(60)
    ]  # fmt: skip
    records = [await move(store, one, "active") if n % 3 == 0 and n > 9 else one for n, one in enumerate(records)]
    below = {PROVIDER: set(resellers), ONE: {ONE, BELOW_ONE}, TWO: {TWO, 50}, BELOW_ONE: {BELOW_ONE}, 50: {50}}
    for root, status, name, external_id, email in itertools.product(
        resellers, STATUSES[:4], (None, "acm", "a", "abc i", "none"), (None, "x1"), (None, "anna@example.com", "no")
    ):
        matching = [
            one.id
            for one in reversed(records)
            if one.reseller_id in below[root]
            and (shown := decoded(one.document))["status"] == status
            and (name is None or name in shown["name"].lower())
            and external_id in (None, shown.get("externalId"))
            and email != "no"
        ]
        wanted = Filter(name, email, external_id, status)
        for offset, limit in effort(quick=[(0, 100), (2, 5)], thorough=[(0, 100), (0, 3), (2, 5), (7, 2)]):
            listing = await store.customers.page(root, wanted, offset, limit, whole=False)
            assert listing.total == len(matching)
            found = [int(item["id"]) for item in msgspec.json.decode(listing.data)]
            assert found == matching[offset : offset + limit], (root, wanted, offset, limit)


@pytest.mark.usefixtures("many")
async def test_every_page_of_a_status_comes_after_the_one_before(store: Store) -> None:
    records = [
        await add(store, (ONE, TWO, BELOW_ONE)[n % 3 if n < 30 else 0], "active" if n % 4 else "error")
        for n in range(45)
    ]
    for root in (PROVIDER, ONE, TWO):
        wanted = Filter(status="active")
        whole = await ids(store, root, wanted, 0, 100)
        assert whole == sorted(whole, reverse=True)
        for limit in (1, 4):
            pages = [await ids(store, root, wanted, offset, limit) for offset in range(0, len(whole) + limit, limit)]
            assert [one for page in pages for one in page] == whole
    assert len(await ids(store, PROVIDER, Filter(status="active"), 0, 100)) == sum(n % 4 > 0 for n in range(45))
    assert records[-1].id not in await ids(store, PROVIDER, Filter(status="active"), 0, 100)


async def test_pages_of_a_status_at_their_ends(store: Store) -> None:
    record = await add(store, ONE, "pending")
    wanted = Filter(status="pending")
    assert await ids(store, ONE, wanted) == [record.id]
    for offset in (1, 5, 2**62, 2**63 - 1):
        listing = await store.customers.page(ONE, wanted, offset, 10, whole=False)
        assert (listing.data, listing.total) == (b"[]", 1)
    for root in (TWO, 99):
        listing = await store.customers.page(root, wanted, 0, 10, whole=True)
        assert (listing.data, listing.total) == (b"[]", 0)


async def test_whole_customers_are_listed_by_status_as_well(store: Store) -> None:
    record = await add(store, ONE, "pending")
    await add(store, ONE)
    listing = await store.customers.page(ONE, Filter(status="pending"), 0, 100, whole=True)
    assert listing.data == b"[" + record.document + b"]"


@pytest.mark.parametrize("root", [ONE, TWO])
async def test_a_page_of_a_status_that_no_client_could_take_is_refused(
    store: Store, root: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sqlite_lists, postgres_lists):
        monkeypatch.setattr(module, "LARGEST_PAGE_BYTES", 5000)
    for _ in range(30):
        await add(store, root)
    with pytest.raises(Problem) as raised:
        await store.customers.page(root, Filter(status="active"), 0, 100, whole=True)
    assert [fault.field for fault in raised.value.faults] == ["limit"]
    assert (await store.customers.page(root, Filter(status="active"), 0, 2, whole=True)).total == 30


# What came with keys


async def test_what_came_adds_up_by_reseller_key_and_day(store: Store) -> None:
    await store.usage.record([Usage(ONE, "a", 5, 10, 1), Usage(ONE, "b", 5, 7, 0), Usage(ONE, "a", 6, 1, 1)])
    await store.usage.record([Usage(ONE, "a", 5, 3, 2), Usage(ONE, "", 5, 0, 4), Usage(TWO, "a", 5, 100, 0)])
    assert await store.usage.by_day(ONE, 0) == [Usage(ONE, "", 5, 20, 7), Usage(ONE, "", 6, 1, 1)]
    assert await store.usage.by_day(ONE, 0, "a") == [Usage(ONE, "a", 5, 13, 3), Usage(ONE, "a", 6, 1, 1)]
    assert await store.usage.by_day(ONE, 6, "a") == [Usage(ONE, "a", 6, 1, 1)]
    assert await store.usage.by_day(ONE, 6) == [Usage(ONE, "", 6, 1, 1)]
    assert await store.usage.by_day(ONE, 0, "") == [Usage(ONE, "", 5, 0, 4)]
    assert await store.usage.by_day(ONE, 0, "unknown") == []
    assert await store.usage.by_day(ONE, 7) == []


async def test_what_came_below_counts_but_not_for_a_key(store: Store) -> None:
    await store.usage.record([Usage(BELOW_ONE, "a", 5, 1, 0), Usage(ONE, "a", 5, 10, 0), Usage(TWO, "a", 4, 100, 3)])
    assert await store.usage.by_day(ONE, 0) == [Usage(ONE, "", 5, 11, 0)]
    assert await store.usage.by_day(PROVIDER, 0) == [Usage(PROVIDER, "", 4, 100, 3), Usage(PROVIDER, "", 5, 11, 0)]
    assert await store.usage.by_day(ONE, 0, "a") == [Usage(ONE, "a", 5, 10, 0)]
    assert await store.usage.by_day(PROVIDER, 0, "a") == []
    assert await store.usage.by_day(99, 0) == []


async def test_the_same_key_twice_in_one_note_is_added_twice(store: Store) -> None:
    await store.usage.record([Usage(ONE, "a", 5, 1, 2), Usage(ONE, "a", 5, 10, 20)])
    await store.usage.record([])
    assert await store.usage.by_day(ONE, 0, "a") == [Usage(ONE, "a", 5, 11, 22)]


async def test_many_notes_at_once_do_not_hold_each_other_up(store: Store, open_store: Open) -> None:
    second = await open_store()
    notes = [Usage(reseller_id, key, 5, 1, 0) for reseller_id in (ONE, TWO, BELOW_ONE) for key in "abcd"]
    await asyncio.gather(*(one.usage.record(notes[:: 1 - n % 2 * 2]) for n in range(10) for one in (store, second)))
    assert await store.usage.by_day(PROVIDER, 0) == [Usage(PROVIDER, "", 5, 240, 0)]


async def test_days_of_long_ago_are_forgotten(store: Store) -> None:
    await store.usage.record([Usage(ONE, "a", day, 1, 0) for day in (1, 2, 3)] + [Usage(TWO, "a", 3, 1, 0)])
    assert await store.usage.purge(1, 10) == 0
    assert await store.usage.purge(3, 1) == 1
    assert [one.day for one in await store.usage.by_day(PROVIDER, 0)] == [2, 3]
    assert await store.usage.purge(3, 10) == 1
    assert await store.usage.by_day(PROVIDER, 0) == [Usage(PROVIDER, "", 3, 2, 0)]
    assert await store.usage.purge(3, 10) == 0
