"""The promises of `emporion.store.collections`, held for each collection against every store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from msgspec import structs

from emporion.errors import Code, Problem
from emporion.events import NewEvent, Origin, Subject
from emporion.reports import Report
from emporion.store.base import Store
from emporion.store.collections import CollectionStore, Condition, Item
from emporion.store.idempotency import IdempotentRequest
from emporion.store.reports import KeptReport
from emporion.store.tables import COLLECTIONS
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open

NONE: list[Condition] = []


def report(number: int, due: int | None = None) -> KeptReport:
    """A document of the collection `reports`, as each number has its own."""
    return KeptReport(
        Report(
            id=f"report-{number:03}",
            name="Events" if number % 2 else "Customers",
            status="submitted",
            type="onetime",
            format="csv",
            creation_date="2026-11-30T12:00:00Z",
            start_date="2026-11-01T00:00:00Z",
        ),
        due,
    )


# A document of each collection, by a number.
DOCUMENTS: dict[str, Callable[[int], KeptReport]] = {"reports": report}


@pytest.fixture(params=[collection.name for collection in COLLECTIONS])
def name(request: pytest.FixtureRequest) -> str:
    """Of a collection."""
    return str(request.param)


@pytest.fixture
def kept(store: Store, name: str) -> CollectionStore[KeptReport]:
    """What keeps the documents of the collection."""
    found: CollectionStore[KeptReport] = getattr(store, name)
    return found


async def add(
    kept: CollectionStore[KeptReport], owner: int, number: int, once: IdempotentRequest | None = None, at: int = 1000
) -> Item:
    document = DOCUMENTS["reports"](number)
    subject = Subject("report", document.id)
    event = NewEvent(owner, owner, "report.created", at, Origin("api", "api"), {}, None, subject)
    return await kept.add(owner, document, subject, event, once)


def updated(owner: int) -> NewEvent:
    return NewEvent(owner, owner, "report.completed", 2000, Origin("api", "worker"))


def ids(data: bytes) -> list[str]:
    return [one["report"]["id"] for one in msgspec.json.decode(data)]


def test_each_collection_is_tested() -> None:
    assert set(DOCUMENTS) == {collection.name for collection in COLLECTIONS}


async def test_a_document_is_seen_by_its_reseller_and_those_above(kept: CollectionStore[KeptReport]) -> None:
    item = await add(kept, BELOW_ONE, 1)
    assert (item.reseller_id, item.version, item.replayed) == (BELOW_ONE, 1, False)
    for root in (BELOW_ONE, ONE, PROVIDER):
        assert await kept.get(root, item.id) == item
        assert (await kept.page(root, NONE, 0, 10)).total == 1
    assert await kept.get(TWO, item.id) is None
    assert await kept.get(ONE, "none") is None
    assert await kept.page(TWO, NONE, 0, 10) == await kept.page(TWO, NONE, 5, 10)
    assert (await kept.page(TWO, NONE, 0, 10)).total == 0


@pytest.mark.parametrize("owners", [(TWO,), (ONE, BELOW_ONE)])
async def test_lists_are_newest_first_at_any_offset(kept: CollectionStore[KeptReport], owners: tuple[int, ...]) -> None:
    for number in range(9):
        await add(kept, owners[number % len(owners)], number, at=1000 + number)
    await add(kept, PROVIDER, 99)
    newest_first = [f"report-{number:03}" for number in reversed(range(9))]
    for offset in (0, 1, 4, 8, 9, 2**63 - 1):
        for limit in (1, 3, 1000):
            listing = await kept.page(owners[0], NONE, offset, limit)
            assert ids(listing.data) == newest_first[offset : offset + limit]
            assert listing.total == 9


async def test_conditions_combine(kept: CollectionStore[KeptReport], name: str) -> None:
    for number in range(6):
        await add(kept, ONE, number, at=1000 + number)
    (collection,) = [one for one in COLLECTIONS if one.name == name]
    wanted = [
        *collection.filters["name"]("event"),
        *collection.filters["status"]("submitted"),
        Condition("r.created_at >= ?", (1002,)),
    ]
    for root in (ONE, PROVIDER):
        listing = await kept.page(root, wanted, 0, 10)
        assert (ids(listing.data), listing.total) == (["report-005", "report-003"], 2)
        assert ids((await kept.page(root, wanted, 1, 10)).data) == ["report-003"]
    for nothing in ("%", "_vents", "\\", "x"):
        assert (await kept.page(ONE, list(collection.filters["name"](nothing)), 0, 10)).total == 0


async def test_of_two_changes_one_learns_of_the_other(kept: CollectionStore[KeptReport], store: Store) -> None:
    item = await add(kept, ONE, 1)
    changes = [structs.replace(report(1), attempts=number) for number in (1, 2)]
    outcomes = await asyncio.gather(*(kept.update(item, one, updated(ONE)) for one in changes))
    (won,) = [outcome for outcome in outcomes if outcome]
    assert won == structs.replace(item, version=2, document=won.document)
    assert await kept.get(ONE, item.id) == won
    assert [event.type for event in await store.events.log(ONE, 1, 9)][-2:] == ["report.created", "report.completed"]
    assert await kept.update(structs.replace(won, reseller_id=TWO), changes[0], updated(TWO)) is None
    assert await kept.get(ONE, item.id) == won


async def test_what_is_due_comes_longest_first(kept: CollectionStore[KeptReport]) -> None:
    items = [await add(kept, owner, number) for number, owner in enumerate((ONE, TWO, BELOW_ONE))]
    for item, due in zip(items, (30, 10, None), strict=True):
        assert await kept.update(item, report(items.index(item), due), None)
    assert [item.id for item in await kept.due(30, 9)] == ["report-001", "report-000"]
    assert [item.id for item in await kept.due(29, 9)] == ["report-001"]
    assert [item.id for item in await kept.due(30, 1)] == ["report-001"]
    assert await kept.due(9, 9) == []


async def test_the_same_request_is_done_once(kept: CollectionStore[KeptReport]) -> None:
    once = IdempotentRequest("a" * 64, b"f" * 32, 0)
    first = await add(kept, ONE, 1, once)
    assert await add(kept, ONE, 2, once) == structs.replace(first, replayed=True)
    assert (await kept.page(ONE, NONE, 0, 10)).total == 1
    with pytest.raises(Problem) as raised:
        await add(kept, ONE, 3, structs.replace(once, fingerprint=b"g" * 32))
    assert raised.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert (await add(kept, TWO, 4, once)).id == "report-004"


async def test_nothing_is_left_of_what_fails(kept: CollectionStore[KeptReport], store: Store) -> None:
    with pytest.raises(Problem) as raised:
        await add(kept, 99, 1)
    assert raised.value.code is Code.NOT_FOUND
    item = await add(kept, ONE, 1)
    with pytest.raises(Problem) as raised:
        await kept.update(item, report(1, 5), updated(99))
    assert raised.value.code is Code.NOT_FOUND
    assert await kept.get(ONE, item.id) == item
    assert await kept.due(9, 9) == []


async def test_many_at_once_get_ordinals_without_gaps(open_store: Open, store: Store, name: str) -> None:
    others = [getattr(await open_store(), name) for _ in range(2)]
    added: list[Awaitable[Item]] = [
        add(kept, owner, number * 10 + owner) for number in range(5) for owner in (ONE, TWO) for kept in others[:1]
    ]
    added += [add(others[1], ONE, 500 + number) for number in range(5)]
    await asyncio.gather(*added)
    kept = getattr(store, name)
    assert (await kept.page(TWO, NONE, 0, 1000)).total == 5
    listing = await kept.page(ONE, NONE, 0, 1000)
    assert (listing.total, len(set(ids(listing.data)))) == (10, 10)


async def test_parts_of_a_file_are_kept_for_the_worker_that_has_the_report(store: Store) -> None:
    item = await add(store.reports, ONE, 1)
    begun = await store.reports.update_without_file(item, report(1, 100))
    assert begun
    assert await store.reports.add_part(begun, 0, b"one")
    assert not await store.reports.add_part(item, 1, b"late")
    assert await store.reports.part(begun, 0) == b"one"
    assert await store.reports.part(begun, 1) is None
    assert await store.reports.part(structs.replace(begun, reseller_id=TWO), 0) is None
    again = await store.reports.update_without_file(begun, report(1, 200))
    assert again
    assert await store.reports.part(again, 0) is None
    assert await store.reports.update_without_file(begun, report(1, 300)) is None
