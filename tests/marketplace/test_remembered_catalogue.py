"""What a server remembers of the catalogue: each change is seen at once, also where another one has made it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from emporion.catalogue.kept import Delegation, ProductRates
from emporion.catalogue.own_prices import OwnPrice, target_of_product
from emporion.catalogue.rates import flat
from emporion.errors import Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.catalogue import Catalogue
from emporion.marketplace.products import Products
from emporion.store.base import Store
from tests.catalogue_samples import EVERYBODY, USD, price, put_catalogue, sample_plan, sample_product
from tests.store.conftest import PROVIDER, Open, migrated_database, migrated_file, new_reseller, open_store, store
from tests.store.test_prices import change

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]

PLAN, PRODUCT = "101", "1010"
SELLER, OTHER, BELOW = 50, 60, 70


class Server:
    """A process with its own connection to the database, and what it has remembered."""

    def __init__(self, store: Store) -> None:
        self.catalogue = Catalogue(store.catalogue, store.prices, store.product_lists)
        self.products = Products(store, self.catalogue)

    async def seen(self, reseller_id: int) -> tuple[str, str, str] | None:
        """The name of the plan, and of the product its name and its price, by all ways; None if they are not seen."""
        actor = Actor(reseller_id, "anna", "api")
        seller = await self.catalogue.seller(reseller_id)
        candidates = await self.catalogue.candidates(seller, f"MPN-{PRODUCT}")
        by_id = await self.catalogue.product(seller, PRODUCT)
        assert candidates == ([by_id] if by_id else [])
        if not by_id:
            for answer in (self.products.answer(actor, PRODUCT), self.products.plan_answer(actor, PLAN)):
                with pytest.raises(Problem):
                    await answer
            return None
        product: dict[str, Any] = json.loads(await self.products.answer(actor, PRODUCT))
        plan = json.loads(await self.products.plan_answer(actor, PLAN))["name"]
        rates = (await self.catalogue.rates(seller, [PRODUCT], "USD"))[PRODUCT][-1].recurring.tiers[0].amount
        kept = await self.catalogue.plan(int(PLAN), seller)
        assert (kept and kept.name, by_id.name) == (plan, product["name"])
        assert Decimal(product["prices"][0]["amount"]) == rates
        return plan, product["name"], product["prices"][0]["amount"]


@pytest.fixture
async def servers(store: Store, open_store: Open) -> list[Server]:
    for id_, parent in ((SELLER, PROVIDER), (OTHER, PROVIDER), (BELOW, SELLER)):
        await store.resellers.add(new_reseller("Seller", parent, id_, currency="USD"))
    return [Server(store), Server(await open_store())]


async def put(
    store: Store, name: str, amount: str = "10", delegation: Delegation = EVERYBODY, state: str = "published"
) -> None:
    rates = {"USD": ProductRates(price(amount), USD["USD"].costs, USD["USD"].provider_cost)}
    product = sample_product(int(PRODUCT), int(PLAN), rates, name=name, state=state)
    await put_catalogue(store, [sample_plan(int(PLAN), [product], delegation, name=name, state=state)])


async def seen(servers: list[Server]) -> list[list[tuple[str, str, str] | None]]:
    """What each server shows to each seller, twice, so that the second is remembered."""
    found = [[await server.seen(id_) for id_ in (SELLER, OTHER, BELOW)] for server in servers for _ in range(2)]
    assert all(one == found[0] for one in found)
    return [[one] for one in found[0]]


async def test_what_is_applied_is_seen_at_once_by_every_server(store: Store, servers: list[Server]) -> None:
    await put(store, "Mail")
    assert await seen(servers) == [[("Mail", "Mail", "10")]] * 3
    await put(store, "Post", "12.5")
    assert await seen(servers) == [[("Post", "Post", "12.5")]] * 3
    await put(store, "Post", delegation=Delegation(None, [SELLER]))
    assert await seen(servers) == [[None], [("Post", "Post", "10")], [None]]
    await put(store, "Post", state="retired")
    assert await seen(servers) == [[None]] * 3


async def test_own_prices_are_seen_at_once_by_every_server_and_by_no_other_seller(
    store: Store, servers: list[Server]
) -> None:
    await put(store, "Mail")
    usual = ("Mail", "Mail", "10")
    assert await seen(servers) == [[usual]] * 3
    for amount in ("7", "8"):
        own = OwnPrice(currency="USD", recurring=flat(Decimal(amount)))
        await store.prices.set(SELLER, [change(target_of_product(PRODUCT), own, SELLER)])
        assert (await seen(servers))[:2] == [[("Mail", "Mail", amount)], [usual]]
    await store.prices.set(SELLER, [change(target_of_product(PRODUCT), None, SELLER)])
    assert await seen(servers) == [[usual]] * 3
