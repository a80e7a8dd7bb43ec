"""Imports are kept, held by one process at a time, and walks meet every customer once. Held against every store."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from emporion.errors import Fault
from emporion.files.rows import Position
from emporion.store.base import Store
from emporion.store.imports import LONGEST_ARRIVAL, LONGEST_HOLD, FaultyRow, Import, ImportState
from tests.effort import effort
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open
from tests.store.test_base import add, customer, new

FAULTY = FaultyRow(2, 5, [Fault("name", "is required"), Fault("", "has a NUL byte in it")])


def an_import(import_id: str, reseller_id: int = ONE, state: ImportState = "checking", at: int = 1000) -> Import:
    return Import(
        id=import_id,
        reseller_id=reseller_id,
        account_id=ONE,
        user="anna",
        source="console",
        role="editor",
        file_name="customers.csv",
        format="csv",
        state=state,
        stored=True,
        created_at=at,
        digest=b"\0" * 32,
        headers=("name", "Straße"),
        at=Position(1, 2, 3),
    )


async def held(store: Store, one: Import, holder: str = "me", now: int = 1000, until: int = 2000) -> Import:
    """The import, which `holder` has now."""
    assert await store.imports.lease(one.id, holder, now, until)
    found = await store.imports.get(one.id)
    assert found
    return found


async def test_an_import_is_as_it_was_kept(store: Store) -> None:
    one = an_import("a")
    await store.imports.add(one, 0)
    assert await store.imports.get("a") == one
    assert await store.imports.get("b") is None


async def test_only_so_many_imports_of_a_reseller_wait_also_when_several_come_together(store: Store) -> None:
    states: list[ImportState] = ["arriving", "checking", "checked", "running", "done", "refused", "cancelled"]
    for state in states:
        assert await store.imports.add(an_import(state, state=state), 0)
    assert await store.imports.add(structs.replace(an_import("elsewhere"), stored=False), 0, most=5)
    assert await store.imports.add(an_import("below", BELOW_ONE), 0, most=1)
    added = await asyncio.gather(*(store.imports.add(an_import(f"{n}"), 0, most=7) for n in range(20)))
    assert sum(added) == 3
    assert not await store.imports.add(an_import("late"), 0, most=7)
    assert await store.imports.get("late") is None
    assert await store.imports.add(an_import("without a bound"), 0)


async def test_an_import_whose_content_never_came_counts_only_for_a_while(store: Store) -> None:
    assert await store.imports.add(an_import("cut off", state="arriving"), 0)
    assert not await store.imports.add(an_import("soon", at=1000 + LONGEST_ARRIVAL), 0, most=1)
    assert await store.imports.add(an_import("later", at=1001 + LONGEST_ARRIVAL), 0, most=1)


async def test_imports_that_are_still_to_arrive_are_found_oldest_first(store: Store) -> None:
    for one in (
        an_import("later", ONE, "arriving", 3),
        an_import("b", TWO, "arriving", 2),
        an_import("a", BELOW_ONE, "arriving", 2),
        an_import("arrived", ONE, "checking", 1),
        an_import("over", ONE, "cancelled", 1),
        an_import("first", ONE, "arriving", 1),
    ):
        await store.imports.add(one, 0)
    found = await store.imports.arriving(3, 10)
    assert [one.id for one in found] == ["first", "a", "b"]
    assert found[0] == await store.imports.get("first")
    assert [one.id for one in await store.imports.arriving(3, 2)] == ["first", "a"]
    assert await store.imports.arriving(1, 10) == []


async def test_imports_are_listed_of_a_reseller_and_of_all_below_newest_first(store: Store) -> None:
    for import_id, reseller_id, at in (("a", ONE, 1), ("b", BELOW_ONE, 3), ("c", TWO, 4), ("d", ONE, 3)):
        await store.imports.add(an_import(import_id, reseller_id, at=at), 0)
    assert [one.id for one in await store.imports.latest(ONE, 10)] == ["b", "d", "a"]
    assert [one.id for one in await store.imports.latest(BELOW_ONE, 10)] == ["b"]
    assert [one.id for one in await store.imports.latest(PROVIDER, 2)] == ["c", "b"]


async def test_parts_are_given_back_and_go_when_the_import_is_over(store: Store) -> None:
    one = an_import("a", state="arriving")
    await store.imports.add(one, 0)
    assert await store.imports.add_part(one, 0, b"\0" * 300_000)
    assert await store.imports.add_part(one, 1, b"end")
    assert await store.imports.part(one, 0) == b"\0" * 300_000
    assert await store.imports.part(structs.replace(one, reseller_id=TWO), 1) is None
    assert await store.imports.update(structs.replace(one, state="checked"), one)
    assert await store.imports.part(one, 1) == b"end"
    assert await store.imports.update(structs.replace(one, state="done"), structs.replace(one, state="checked"))
    assert await store.imports.part(one, 0) is None


async def test_an_import_that_is_not_arriving_takes_no_part(store: Store) -> None:
    one = an_import("a", state="arriving")
    await store.imports.add(one, 0)
    assert not await store.imports.add_part(structs.replace(one, reseller_id=TWO), 0, b"x")
    assert await store.imports.update(structs.replace(one, state="cancelled"), one)
    assert not await store.imports.add_part(one, 0, b"x")
    assert not await store.imports.add_part(an_import("b"), 0, b"x")
    assert await store.imports.part(one, 0) is None


async def test_no_part_is_left_of_an_import_that_is_cancelled_while_its_parts_come(
    open_store: Open, store: Store
) -> None:
    other = await open_store()
    for attempt in range(effort(quick=5, thorough=50)):
        one = an_import(f"{attempt}", state="arriving")
        await store.imports.add(one, 0)
        *added, cancelled = await asyncio.gather(
            *(store.imports.add_part(one, number, b"x") for number in range(8)),
            other.imports.update(structs.replace(one, state="cancelled"), one),
        )
        assert cancelled
        assert [await store.imports.part(one, number) for number in range(8)] == [None] * 8, added


async def test_one_process_at_a_time_has_an_import(store: Store) -> None:
    one = an_import("a")
    await store.imports.add(one, 0)
    assert (await held(store, one)).holder == "me"
    assert not await store.imports.lease("a", "other", 1999, 9000)
    assert await store.imports.lease("a", "me", 1999, 3000)
    assert not await store.imports.lease("a", "other", 2500, 9000)
    assert await store.imports.lease("a", "other", 3001, 9000)


async def test_no_worker_keeps_an_import_by_a_clock_that_was_ahead(store: Store) -> None:
    day, hold = 86_400_000, 15_000
    await store.imports.add(an_import("a"), 0)
    assert await store.imports.lease("a", "ahead", day, day + hold)
    assert not await store.imports.lease("a", "other", day + hold - LONGEST_HOLD, day), "clocks may differ by so much"
    assert not await store.imports.lease("a", "other", 0, 0), "who lets go takes nothing"
    assert await store.imports.next_job("other", 1000) == "a"
    assert await store.imports.lease("a", "other", 1000, 1000 + hold)


async def test_only_one_of_many_gets_hold_of_an_import(open_store: Open, store: Store) -> None:
    await store.imports.add(an_import("a"), 0)
    other = await open_store()
    got = await asyncio.gather(
        *((store, other)[number % 2].imports.lease("a", f"process {number}", 1000, 2000) for number in range(8))
    )
    assert sum(got) == 1


async def test_what_waits_longest_and_no_worker_has_is_to_be_done(store: Store) -> None:
    assert await store.imports.next_job("me", 1000) is None
    for import_id, state, at in (
        ("done", "done", 1),
        ("wait", "checked", 2),
        ("b", "running", 4),
        ("a", "checking", 3),
    ):
        await store.imports.add(an_import(import_id, state=state, at=at), 0)  # type: ignore[arg-type]
    await store.imports.add(structs.replace(an_import("elsewhere", at=0), stored=False), 0)
    assert await store.imports.next_job("me", 1000) == "a"
    await store.imports.lease("a", "other", 1000, 2000)
    assert await store.imports.next_job("me", 1000) == "b"
    assert await store.imports.next_job("me", 2001) == "b"
    await store.imports.lease("b", "other", 1000, 3000)
    assert await store.imports.next_job("me", 1000) is None
    assert await store.imports.next_job("other", 1000) == "a"
    assert await store.imports.next_job("me", 2001) == "a"


async def test_a_change_holds_only_for_its_holder_and_state(store: Store) -> None:
    one = an_import("a")
    await store.imports.add(one, 0)
    mine = await held(store, one)
    further = structs.replace(mine, total=7)
    assert await store.imports.update(further, mine, until=5000)
    assert await store.imports.get("a") == further
    assert not await store.imports.lease("a", "other", 4000, 9000)
    await held(store, one, "other", 5001, 9000)
    assert not await store.imports.update(structs.replace(further, total=8), mine, [FAULTY])
    current = await store.imports.get("a")
    assert current
    assert current.total == 7
    assert await store.imports.update(structs.replace(current, state="cancelled"), current)
    assert not await store.imports.update(structs.replace(current, total=9), current)
    assert not await store.imports.lease("a", "other", 99_000, 99_000)
    assert await store.imports.faulty_rows(one, 0, 10) == []


async def test_faulty_rows_are_kept_and_begun_anew(store: Store) -> None:
    one = an_import("a")
    await store.imports.add(one, 0)
    later = FaultyRow(9, 20, [Fault("name", "is required")], b'["Stra\xc3\x9fe"]')
    assert await store.imports.update(one, one, [later, FAULTY])
    assert await store.imports.faulty_rows(one, 0, 10) == [FAULTY, later]
    assert await store.imports.faulty_rows(one, 2, 10) == [later]
    assert await store.imports.faulty_rows(one, 0, 1) == [FAULTY]
    again = structs.replace(later, line=21)
    assert await store.imports.update(one, one, [again])
    assert await store.imports.faulty_rows(one, 0, 10) == [FAULTY, again]
    assert await store.imports.update(one, one, [], anew=True)
    assert await store.imports.faulty_rows(one, 0, 10) == []


async def test_old_imports_are_forgotten_with_all_that_they_have(store: Store) -> None:
    for import_id, at in (("a", 1), ("b", 2), ("c", 3)):
        one = an_import(import_id, state="arriving", at=at)
        await store.imports.add(one, 0)
        await store.imports.add_part(one, 0, b"x")
        await store.imports.update(one, one, [FAULTY])
    assert await store.imports.purge(3, 1) == 1
    assert await store.imports.purge(3, 10) == 1
    assert await store.imports.purge(3, 10) == 0
    assert [one.id for one in await store.imports.latest(ONE, 10)] == ["c"]
    assert [await store.imports.part(an_import(name), 0) for name in ("a", "b", "c")] == [None, None, b"x"]
    assert [len(await store.imports.faulty_rows(an_import(name), 0, 9)) for name in ("a", "b", "c")] == [0, 0, 1]


# Walks


async def test_a_walk_meets_the_resellers_own_customers_oldest_first(store: Store) -> None:
    mine = [(await add(store)).document for _ in range(5)]
    await store.customers.add(new(BELOW_ONE, customer("Below")))
    first = await store.customers.scan(ONE, 0, 3)
    assert [one.ordinal for one in first] == [1, 2, 3]
    assert [one.document for one in first + await store.customers.scan(ONE, first[-1].ordinal, 9)] == mine
    assert await store.customers.scan(ONE, 5, 9) == []
    assert await store.customers.scan(TWO, 0, 9) == []


async def test_a_walk_misses_no_customer_while_others_are_added(open_store: Open, store: Store) -> None:
    other = await open_store()
    await add(store)
    adding = [
        asyncio.create_task((store, other)[number % 2].customers.add(new(ONE, customer("New")))) for number in range(40)
    ]
    met: list[int] = []
    while len(met) < 41:
        met += [one.ordinal for one in await store.customers.scan(ONE, met[-1] if met else 0, 7)]
    await asyncio.gather(*adding)
    assert met == list(range(1, 42))


@pytest.mark.parametrize("external_id", ["x", "007", "Straße", "'; --", "a,b", '"'])
async def test_the_holders_of_external_ids_are_found(store: Store, external_id: str) -> None:
    record = await store.customers.add(new(ONE, customer("Acme", external_id)))
    await store.customers.add(new(BELOW_ONE, customer("Below", "below")))
    await store.customers.add(new(ONE, customer("None")))
    assert await store.customers.by_external_ids(ONE, [external_id, "unknown", "below"]) == {external_id: record}
    assert await store.customers.by_external_ids(ONE, []) == {}
