"""The promises of `emporion.store.collections`, held for each collection against every store."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import structs

from emporion.catalogue.rates import Rates, flat
from emporion.errors import Code, Problem
from emporion.events import EventType, NewEvent, Origin, Subject, SubjectType
from emporion.orders.kept import KeptOrder
from emporion.periods import Period
from emporion.reports import Report
from emporion.store.base import Store
from emporion.store.collections import CollectionStore, Condition, Item
from emporion.store.idempotency import IdempotentRequest
from emporion.store.reports import KeptReport
from emporion.store.tables import COLLECTIONS
from emporion.subscriptions import KeptSubscription, SubscriptionItem
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


def subscription(number: int, **members: Any) -> KeptSubscription:
    """A document of the collection `subscriptions`."""
    item = SubscriptionItem(
        product_id="501",
        mpn="ODD" if number % 2 else "EVEN",
        vendor="acme",
        name="Mail",
        quantity=Decimal(3),
        rates=[Rates(flat(Decimal(1)))] * 2,
    )
    values: dict[str, Any] = {
        "id": f"subscription-{number:03}",
        "customer_id": 1_000_001,
        "chain": [PROVIDER],
        "currency": "EUR",
        "plan_id": 1,
        "name": "Mail",
        "status": "pending",
        "billing_model": "chargeBeforeBillingPeriod",
        "billing_period": Period("month", 1),
        "subscription_period": Period("year", 1),
        "renews": True,
        "created": "2026-11-30",
        "last_modified": "2026-11-30",
        "items": [item],
    }
    return KeptSubscription(**{**values, **members})


def order(number: int, **members: Any) -> KeptOrder:
    """A document of the collection `orders`; no two of the platform have the same number."""
    values: dict[str, Any] = {
        "id": f"order-{number:03}",
        "order_number": uuid.uuid4().hex,
        "type": "renewal",
        "customer_id": 1_000_001,
        "chain": [PROVIDER],
        "currency": "EUR",
        "created_at": 1000,
        "day": "2026-11-30",
        "status": "submitted",
        "status_code": "LO" if number % 2 else "OP",
        "charges": [[], []],
    }
    return KeptOrder(**{**values, **members})


class Sample(NamedTuple):
    """What a collection is tested with. document, changed: by a number, the second with the same id as document 1.

    search, filter: members of its query and values; the first is part of a text of documents with odd numbers, the
    second holds for all.
    """

    noun: SubjectType
    updated: EventType
    document: Callable[[int], Any]
    changed: Callable[[int], Any]
    search: tuple[str, str]
    filter: tuple[str, str]


SAMPLES = {
    "reports": Sample(
        "report",
        "report.completed",
        report,
        lambda number: structs.replace(report(1), attempts=number),
        ("name", "event"),
        ("status", "submitted"),
    ),
    "subscriptions": Sample(
        "subscription",
        "subscription.updated",
        subscription,
        lambda number: subscription(1, name=f"Mail {number}"),
        ("mpn", "ODD"),
        ("status", "pending"),
    ),
    "orders": Sample(
        "order",
        "order.updated",
        order,
        lambda number: order(1, po_number=str(number)),
        ("status_code", "LO"),
        ("status", "submitted"),
    ),
}


class Kept(NamedTuple):
    """A collection that is tested, and what keeps its documents."""

    name: str
    store: CollectionStore[Any]

    @property
    def sample(self) -> Sample:
        return SAMPLES[self.name]

    def id(self, number: int) -> str:
        return f"{self.sample.noun}-{number:03}"

    async def add(self, owner: int, number: int, once: IdempotentRequest | None = None, at: int = 1000) -> Item:
        subject = Subject(self.sample.noun, self.id(number))
        event = NewEvent(owner, owner, "user.created", at, Origin("api", "api"), {}, None, subject)
        return await self.store.add(owner, self.sample.document(number), subject, event, once)

    def updated(self, owner: int) -> NewEvent:
        return NewEvent(owner, owner, self.sample.updated, 2000, Origin("api", "worker"))


@pytest.fixture(params=[collection.name for collection in COLLECTIONS])
def name(request: pytest.FixtureRequest) -> str:
    """Of a collection."""
    return str(request.param)


@pytest.fixture
def kept(store: Store, name: str) -> Kept:
    """What keeps the documents of the collection."""
    return Kept(name, getattr(store, name))


def ids(data: bytes) -> list[str]:
    return [one.get("report", one)["id"] for one in msgspec.json.decode(data)]


def test_each_collection_is_tested() -> None:
    assert set(SAMPLES) == {collection.name for collection in COLLECTIONS}


async def test_a_document_is_seen_by_its_reseller_and_those_above(kept: Kept) -> None:
    item = await kept.add(BELOW_ONE, 1)
    assert (item.reseller_id, item.version, item.replayed) == (BELOW_ONE, 1, False)
    for root in (BELOW_ONE, ONE, PROVIDER):
        assert await kept.store.get(root, item.id) == item
        assert (await kept.store.page(root, NONE, 0, 10)).total == 1
    assert await kept.store.get(TWO, item.id) is None
    assert await kept.store.get(ONE, "none") is None
    assert await kept.store.page(TWO, NONE, 0, 10) == await kept.store.page(TWO, NONE, 5, 10)
    assert (await kept.store.page(TWO, NONE, 0, 10)).total == 0


@pytest.mark.parametrize("owners", [(TWO,), (ONE, BELOW_ONE)])
async def test_lists_are_newest_first_at_any_offset(kept: Kept, owners: tuple[int, ...]) -> None:
    for number in range(9):
        await kept.add(owners[number % len(owners)], number, at=1000 + number)
    await kept.add(PROVIDER, 99)
    newest_first = [kept.id(number) for number in reversed(range(9))]
    for offset in (0, 1, 4, 8, 9, 2**63 - 1):
        for limit in (1, 3, 1000):
            listing = await kept.store.page(owners[0], NONE, offset, limit)
            assert ids(listing.data) == newest_first[offset : offset + limit]
            assert listing.total == 9


async def test_conditions_combine(kept: Kept) -> None:
    for number in range(6):
        await kept.add(ONE, number, at=1000 + number)
    (collection,) = [one for one in COLLECTIONS if one.name == kept.name]
    (search, text), (filter_, value) = kept.sample.search, kept.sample.filter
    wanted = [
        *collection.filters[search](text),
        *collection.filters[filter_](value),
        Condition("r.created_at >= ?", (1002,)),
    ]
    for root in (ONE, PROVIDER):
        listing = await kept.store.page(root, wanted, 0, 10)
        assert (ids(listing.data), listing.total) == ([kept.id(5), kept.id(3)], 2)
        assert ids((await kept.store.page(root, wanted, 1, 10)).data) == [kept.id(3)]
    for nothing in ("%", "_vents", "\\", "x"):
        assert (await kept.store.page(ONE, list(collection.filters[search](nothing)), 0, 10)).total == 0


async def test_of_two_changes_one_learns_of_the_other(kept: Kept, store: Store) -> None:
    item = await kept.add(ONE, 1)
    changes = [kept.sample.changed(number) for number in (1, 2)]
    outcomes = await asyncio.gather(*(kept.store.update(item, one, kept.updated(ONE)) for one in changes))
    (won,) = [outcome for outcome in outcomes if outcome]
    assert won == structs.replace(item, version=2, document=won.document)
    assert await kept.store.get(ONE, item.id) == won
    assert [event.type for event in await store.events.log(ONE, 1, 9)][-2:] == ["user.created", kept.sample.updated]
    assert await kept.store.update(structs.replace(won, reseller_id=TWO), changes[0], kept.updated(TWO)) is None
    assert await kept.store.get(ONE, item.id) == won


async def test_what_is_due_comes_longest_first(store: Store) -> None:
    kept = Kept("reports", store.reports)
    items = [await kept.add(owner, number) for number, owner in enumerate((ONE, TWO, BELOW_ONE))]
    for item, due in zip(items, (30, 10, None), strict=True):
        assert await kept.store.update(item, report(items.index(item), due), None)
    assert [item.id for item in await kept.store.due(30, 9)] == ["report-001", "report-000"]
    assert [item.id for item in await kept.store.due(29, 9)] == ["report-001"]
    assert [item.id for item in await kept.store.due(30, 1)] == ["report-001"]
    assert await kept.store.due(9, 9) == []


async def test_the_same_request_is_done_once(kept: Kept) -> None:
    once = IdempotentRequest("a" * 64, b"f" * 32, 0)
    first = await kept.add(ONE, 1, once)
    assert await kept.add(ONE, 2, once) == structs.replace(first, replayed=True)
    assert (await kept.store.page(ONE, NONE, 0, 10)).total == 1
    with pytest.raises(Problem) as raised:
        await kept.add(ONE, 3, structs.replace(once, fingerprint=b"g" * 32))
    assert raised.value.code is Code.IDEMPOTENCY_KEY_REUSED
    assert (await kept.add(TWO, 4, once)).id == kept.id(4)


async def test_nothing_is_left_of_what_fails(kept: Kept, store: Store) -> None:
    with pytest.raises(Problem) as raised:
        await kept.add(99, 1)
    assert raised.value.code is Code.NOT_FOUND
    item = await kept.add(ONE, 1)
    with pytest.raises(Problem) as raised:
        await kept.store.update(item, kept.sample.changed(5), kept.updated(99))
    assert raised.value.code is Code.NOT_FOUND
    assert await kept.store.get(ONE, item.id) == item
    assert await kept.store.due(9, 9) == []


async def test_many_at_once_get_ordinals_without_gaps(open_store: Open, store: Store, name: str) -> None:
    others = [Kept(name, getattr(await open_store(), name)) for _ in range(2)]
    added: list[Awaitable[Item]] = [
        kept.add(owner, number * 10 + owner) for number in range(5) for owner in (ONE, TWO) for kept in others[:1]
    ]
    added += [others[1].add(ONE, 500 + number) for number in range(5)]
    await asyncio.gather(*added)
    kept = Kept(name, getattr(store, name))
    assert (await kept.store.page(TWO, NONE, 0, 1000)).total == 5
    listing = await kept.store.page(ONE, NONE, 0, 1000)
    assert (listing.total, len(set(ids(listing.data)))) == (10, 10)


async def test_parts_of_a_file_are_kept_for_the_worker_that_has_the_report(store: Store) -> None:
    item = await Kept("reports", store.reports).add(ONE, 1)
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
