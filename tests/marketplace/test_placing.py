"""Orders of many clients at a time, on every store: of those for one subscription one wins."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec import structs

from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.order_runner import OrderRunner
from emporion.marketplace.order_steps import OrderSteps
from emporion.marketplace.orders import Orders
from emporion.marketplace.signing_keys import SigningKeys
from emporion.orders.queries import OrderQuery
from emporion.store.base import Store
from emporion.store.collections import Item
from emporion.store.idempotency import IdempotentRequest
from tests.clock import Clock
from tests.orders.catalogue import CatalogueInMemory
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, Open, migrated_database, migrated_file, open_store, store
from tests.store.test_base import customer, new

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]

EDITOR = Actor(ONE, "anna", "api", "editor")
CLIENTS = 50


class Node:
    """A server with its own connection to the database."""

    def __init__(self, store: Store, clock: Clock) -> None:
        catalogue = CatalogueInMemory(store.resellers)
        self.orders = Orders(store, catalogue, SigningKeys(store.signing_keys, clock), clock)
        self.runner = OrderRunner(store, OrderSteps(store, catalogue, clock))


@pytest.fixture
async def nodes(store: Store, open_store: Open) -> list[Node]:
    clock = Clock()
    return [Node(one, clock) for one in (store, await open_store())]


@pytest.fixture
async def buyer(store: Store) -> str:
    record = await store.customers.add(new(ONE, customer("Buyer")))
    return str(record.id)


def shown(item: Item) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(item.document)
    return document


async def test_of_many_clients_for_one_subscription_one_gets_its_order(nodes: list[Node], buyer: str) -> None:
    first = nodes[0]
    sale = await first.orders.place(EDITOR, {"customerId": buyer, "products": [{"id": "1001", "quantity": 12}]})
    while await first.runner.run_next():
        pass
    id_ = shown(await first.orders.get(EDITOR, sale.id))["subscriptionId"]
    change = {"customerId": buyer, "type": "change", "subscriptionId": id_}
    asked = [
        nodes[number % 2].orders.place(EDITOR, {**change, "products": [{"id": "1001", "quantity": 20 + number}]})
        for number in range(CLIENTS)
    ]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    assert len(refused) == CLIENTS - 1
    assert {one.code for one in refused} == {Code.CONFLICT}
    assert all(shown(won)["orderNumber"] in one.message for one in refused)


async def test_numbers_have_no_gaps_where_some_are_refused(nodes: list[Node], buyer: str) -> None:
    right = {"customerId": buyer, "products": [{"id": "1001", "quantity": 1}]}
    wrong = {"customerId": buyer, "products": [{"id": "1001", "quantity": 0}]}
    asked = [nodes[number % 2].orders.place(EDITOR, wrong if number % 3 else right) for number in range(30)]
    placed = [one for one in await asyncio.gather(*asked, return_exceptions=True) if isinstance(one, Item)]
    assert sorted(shown(one)["orderNumber"] for one in placed) == [f"SO{number:06}" for number in range(1, 11)]


async def test_an_order_that_is_refused_fails_none_that_is_placed_with_it(nodes: list[Node], buyer: str) -> None:
    trial = {"customerId": buyer, "products": [{"id": "1010", "quantity": 1}]}
    right = {"customerId": buyer, "products": [{"id": "1001", "quantity": 1}]}
    asked = [nodes[number % 2].orders.place(EDITOR, trial if number % 3 else right) for number in range(30)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    placed = [one for one in outcomes if isinstance(one, Item)]
    refused = [one for one in outcomes if isinstance(one, Problem)]
    assert (len(placed), len(refused)) == (11, 19), "one trial, and all others"
    assert {one.code for one in refused} == {Code.CONFLICT}
    assert sorted(shown(one)["orderNumber"] for one in placed) == [f"SO{number:06}" for number in range(1, 12)]
    first = await nodes[0].orders.page(EDITOR, OrderQuery(limit=100), whole=False)
    assert {row["id"] for row in json.loads(bytes(first.data))} == {one.id for one in placed}


async def test_the_same_request_at_two_nodes_is_done_once(nodes: list[Node], buyer: str) -> None:
    once = IdempotentRequest("a" * 64, b"f" * 32, 0)
    body = {"customerId": buyer, "products": [{"id": "1001", "quantity": 1}]}
    outcomes = await asyncio.gather(*(node.orders.place(EDITOR, body, once) for node in nodes for _ in range(5)))
    assert len({one.document for one in outcomes}) == 1
    assert sum(not one.replayed for one in outcomes) == 1


async def test_a_key_is_that_of_who_asks_and_not_of_each_seller(nodes: list[Node], buyer: str, store: Store) -> None:
    other = str((await store.customers.add(new(BELOW_ONE, customer("Other")))).id)
    once = IdempotentRequest("a" * 64, b"f" * 32, 0)
    body: dict[str, Any] = {"customerId": buyer, "products": [{"id": "1001", "quantity": 12}]}
    first = await nodes[0].orders.place(EDITOR, body, once)
    again = await nodes[1].orders.place(EDITOR, body, once)
    assert (again.id, again.document, again.replayed) == (first.id, first.document, True)
    another = structs.replace(once, fingerprint=b"g" * 32)
    for changed in ({**body, "customerId": other}, {"customerId": None}, {**body, "customerId": "77"}):
        with pytest.raises(Problem) as raised:
            await nodes[1].orders.place(EDITOR, changed, another)
        assert raised.value.code is Code.IDEMPOTENCY_KEY_REUSED
    # Also where both come at once.
    once = structs.replace(once, key="b" * 64)
    bodies = ((body, once), ({**body, "customerId": other}, structs.replace(once, fingerprint=b"g" * 32)))
    asked = [node.orders.place(EDITOR, *one) for node, one in zip(nodes, bodies, strict=True)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Item", "Problem"]


async def test_lists_and_levels_are_the_same_on_every_store(nodes: list[Node], store: Store) -> None:
    first, below = nodes[0], Actor(BELOW_ONE, "beth", "api", "editor")
    record = await store.customers.add(new(BELOW_ONE, customer("Below")))
    order = await first.orders.place(below, {"customerId": str(record.id), "products": [{"id": "1001", "quantity": 2}]})
    found = {}
    for account_id in (BELOW_ONE, ONE, PROVIDER):
        actor = Actor(account_id, "any", "api", "reader")
        query = OrderQuery(customer_id=str(record.id), status="submitted", creation_time_from="2020-01-01")
        page = await first.orders.page(actor, query, whole=True)
        (row,) = json.loads(bytes(page.data))
        assert row["total"] == shown(await first.orders.get(actor, order.id))["total"]
        found[account_id] = row["total"]["amount"]
    assert found == {BELOW_ONE: "29", ONE: "7", PROVIDER: "5"}
