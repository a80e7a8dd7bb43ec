"""Pages of orders and subscriptions, whatever is asked for, beside a list in memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.events import EventType, NewEvent, Origin, Subject
from emporion.orders.kept import KeptOrder, OrderStatus, StatusCode
from emporion.store import collection_lists
from emporion.store.base import Store
from emporion.store.collections import Condition, Item
from emporion.store.orders import ORDERS
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO

CODES: dict[OrderStatus, StatusCode] = {"submitted": "OP", "processing": "LO", "completed": "CP", "cancelled": "CL"}
STATUSES = tuple(CODES)
# More than one block of each level but the highest.
MANY = 3 * collection_lists.WIDTH + 7


def order(number: int, status: OrderStatus, customer_id: int) -> KeptOrder:
    return KeptOrder(
        id=str(number),
        order_number=f"SO{number:06}",
        type="sales",
        customer_id=customer_id,
        chain=[PROVIDER, ONE],
        currency="EUR",
        created_at=1000 + number,
        day="2026-11-30",
        status=status,
        status_code=CODES[status],
    )


def event(owner: int, number: int, type_: EventType = "order.created") -> NewEvent:
    return NewEvent(owner, owner, type_, 1000 + number, Origin("api", "api"), {}, None, Subject("order", str(number)))


class Orders:
    """Orders of a reseller in a store, and in memory, oldest first."""

    def __init__(self, store: Store, owner: int = ONE, first: int = 1) -> None:
        self._store = store
        self._owner = owner
        self._first = first
        self.kept: list[KeptOrder] = []
        self._items: list[Item] = []

    async def add(self, status: OrderStatus, customer_id: int) -> None:
        number = self._first + len(self.kept)
        self.kept.append(order(number, status, customer_id))
        subject = Subject("order", str(number))
        self._items.append(
            await self._store.orders.add(self._owner, self.kept[-1], subject, event(self._owner, number))
        )

    async def move(self, position: int, status: OrderStatus) -> None:
        moved = structs.replace(self.kept[position], status=status, status_code=CODES[status])
        item = await self._store.orders.update(self._items[position], moved, None)
        assert item
        self.kept[position], self._items[position] = moved, item


def ids(found: list[KeptOrder]) -> list[str]:
    return [kept.id for kept in found]


async def page(store: Store, root: int, offset: int, limit: int, **wanted: Any) -> tuple[list[str], int]:
    conditions: list[Condition] = [
        condition for member, value in wanted.items() for condition in ORDERS.filters[member](value)
    ]
    listing = await store.orders.page(root, conditions, offset, limit, whole=True)
    return [one["id"] for one in msgspec.json.decode(listing.data)], listing.total


@pytest.fixture
async def orders(store: Store) -> Orders:
    """Orders of four customers in all statuses; many have changed theirs."""
    made, chance = Orders(store), random.Random(1)
    for _ in range(MANY):
        await made.add(chance.choice(STATUSES), chance.randrange(100, 104))
    for _ in range(MANY):
        await made.move(chance.randrange(MANY), chance.choice(STATUSES))
    return made


@pytest.mark.parametrize("root", [ONE, TWO])
async def test_a_status_is_found_at_any_offset(store: Store, orders: Orders, root: int) -> None:
    """ONE has a reseller below, so all is looked at; those of TWO are counted."""
    if root == TWO:
        orders = await _of_two(store, orders)
    for status in STATUSES:
        wanted = ids([kept for kept in reversed(orders.kept) if kept.status == status])
        for offset in (*range(0, len(wanted) + 2, 3), 2**63 - 1):
            assert await page(store, root, offset, 4, status=status) == (wanted[offset : offset + 4], len(wanted))
        assert await page(store, root, 1, 1000, status=status) == (wanted[1:], len(wanted))
    assert await page(store, root, 0, 10, status="error") == ([], 0)


async def _of_two(store: Store, orders: Orders) -> Orders:
    """The same orders once more, of TWO, which has no reseller below."""
    made, chance = Orders(store, TWO, 5000), random.Random(2)
    for kept in orders.kept:
        await made.add(chance.choice(STATUSES), kept.customer_id)
    for position, kept in enumerate(orders.kept):
        await made.move(position, kept.status)
    return made


@pytest.mark.parametrize("few", [collection_lists.FEW, 5])
async def test_a_customers_are_found_few_or_many(
    store: Store, orders: Orders, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await _of_two(store, orders)
    monkeypatch.setattr(collection_lists, "FEW", few)
    for make in (collection_lists._ordinals, collection_lists._if_few):
        make.cache_clear()
    for customer_id in range(100, 105):
        wanted = ids([kept for kept in reversed(orders.kept) if kept.customer_id == customer_id])
        for offset in (0, 2, len(wanted), 2**63 - 1):
            found = await page(store, TWO, offset, 3, customer_id=customer_id)
            assert found == (wanted[offset : offset + 3], len(wanted))
    for make in (collection_lists._ordinals, collection_lists._if_few):
        make.cache_clear()


@pytest.mark.parametrize("near", [collection_lists.NEAR, 0])
async def test_several_resellers_lists_are_one(store: Store, near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_lists, "NEAR", near)
    first, second = Orders(store, ONE, 1), Orders(store, BELOW_ONE, 500)
    for _ in range(30):
        await first.add("completed", 100)
        await second.add("completed", 200)
    newest_first = sorted([*first.kept, *second.kept], key=lambda kept: (kept.created_at, kept.id), reverse=True)
    for offset in (0, 7, 29, 58, 60, 90):
        assert await page(store, ONE, offset, 5) == (ids(newest_first)[offset : offset + 5], 60)
    assert await page(store, BELOW_ONE, 5, 2) == (ids(second.kept)[::-1][5:7], 30)


async def test_what_many_ask_at_a_time_is_answered_to_each(store: Store) -> None:
    made = Orders(store, ONE, 1)
    for _ in range(40):
        await made.add("completed", 100)
    asked = [*range(1, 41), 10**18, 41]
    found = await asyncio.gather(*(store.orders.answer(ONE, str(number)) for number in asked))
    assert [item and item.id for item in found] == [*(str(number) for number in range(1, 41)), None, None]
    assert await store.orders.answer(TWO, "1") is None
    assert await store.orders.answer(ONE, "1\0") is None
