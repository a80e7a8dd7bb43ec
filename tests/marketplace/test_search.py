"""A search over everything finds what a text names, within reach only, on both stores."""

from __future__ import annotations

import pytest
from msgspec import structs

from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.catalogue import Catalogue
from emporion.marketplace.customers import Customers
from emporion.marketplace.passwords import Passwords
from emporion.marketplace.products import Products
from emporion.marketplace.search import SHOWN, Search
from emporion.store.base import Store
from emporion.store.orders import ORDERS
from emporion.store.statements import FEW_RESELLERS
from tests.selling import DOMAIN, Shop, line, rates
from tests.store.conftest import (
    BELOW_ONE,
    ONE,
    PROVIDER,
    TWO,
    migrated_database,
    migrated_file,
    new_reseller,
    open_store,
    store,
)
from tests.store.test_base import customer, new, person

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]


@pytest.fixture
def shop(store: Store) -> Shop:
    """Sells below ONE, beside TWO."""
    return Shop(store, [PROVIDER, ONE, BELOW_ONE])


@pytest.fixture
def search(store: Store, shop: Shop) -> Search:
    administrators = Administrators(Passwords("medium"), shop.clock)
    products = Products(store, Catalogue(store.catalogue, store.prices, store.product_lists))
    return Search(store, Customers(store, administrators, shop.clock), products)


async def test_each_noun_is_found_by_those_above_it_and_by_no_others(search: Search, shop: Shop) -> None:
    buyer = customer("Café Señor", "ERP 7", "active", person("ann@buyer.example"))
    id_ = (await shop.store.customers.add(new(BELOW_ONE, buyer))).id
    item = await shop.place(id_, line(1, rates=rates(4), parameters=[DOMAIN]), po_number="PO 4711")
    await shop.run()
    order = await shop.order(item)
    subscription = await shop.subscription(order.subscription_id)
    texts = {
        "customers": ["cafe sen", "FÉ S", "ERP 7", "Ann@buyer.example", f" {id_} "],
        "orders": [order.order_number.lower(), "PO 4711"],
        "subscriptions": [subscription.id, f"v-{id_}"],
    }
    expected = {"customers": str(id_), "orders": order.id, "subscriptions": subscription.id}
    for noun, some in texts.items():
        for text in some:
            for root in (PROVIDER, ONE, BELOW_ONE):
                found = await search.find(Actor(root, "ann", "api"), text)
                assert {name: [one.id for one in getattr(found, name)] for name in found._fields} == {
                    **{name: [] for name in found._fields}, noun: [expected[noun]]
                }, (text, root)  # fmt: skip
            assert not any(await search.find(Actor(TWO, "otto", "api"), text)), text


async def test_what_names_nothing_finds_nothing(search: Search, shop: Shop) -> None:
    await shop.bought(po_number="PO 4711")
    await shop.store.customers.add(new(BELOW_ONE, customer("Seth", None)))
    for text in ("", " ", "se", "po 4711", "\0", "x" * 300, "%%%", '"or"', "-1", "9" * 30, "a@b"):
        assert not any(await search.find(Actor(PROVIDER, "ann", "api"), text)), text


async def test_of_many_the_newest_are_found(search: Search, shop: Shop) -> None:
    ids = [await shop.customer() for _ in range(SHOWN + 2)]
    orders = [ORDERS.decode((await shop.place(one, line(), po_number="same")).document) for one in ids]
    for root in (PROVIDER, BELOW_ONE):
        found = await search.find(Actor(root, "ann", "api"), "buyer")
        assert [int(one.id) for one in found.customers] == ids[:1:-1]
        found = await search.find(Actor(root, "ann", "api"), "same")
        assert [one.id for one in found.orders] == [one.id for one in orders[:1:-1]]
    for number in range(FEW_RESELLERS + 1):
        other = await shop.store.resellers.add(new_reseller(f"Shop {number}", ONE))
        await shop.store.customers.add(new(other.id, customer("Only one")))
    for root, count in ((PROVIDER, SHOWN), (ONE, SHOWN), (BELOW_ONE, 0)):
        found = await search.find(Actor(root, "ann", "api"), "only one")
        assert len({one.id for one in found.customers}) == count


async def test_a_vendors_id_leads_to_its_subscription_as_long_as_it_has_it(search: Search, shop: Shop) -> None:
    kept = await shop.bought()
    item = await shop.store.subscriptions.get(BELOW_ONE, kept.id)
    assert item
    old = f"v-{kept.customer_id}"
    items = [structs.replace(one, vendor_subscription_id="ACME-9") for one in kept.items]
    await shop.store.subscriptions.update(item, structs.replace(kept, items=[*items, *items]), None)
    actor = Actor(ONE, "ann", "api")
    assert [one.id for one in (await search.find(actor, "ACME-9")).subscriptions] == [kept.id]
    assert not (await search.find(actor, old)).subscriptions
