"""What administrators see of what their customer has bought: all of that, no costs, and nothing of others."""

from __future__ import annotations

import msgspec
import pytest

from emporion.catalogue.parameters import ParameterValue
from emporion.errors import Code, Problem
from emporion.marketplace.purchases import Purchases
from emporion.orders.bought import BoughtOrder, BoughtParameter, BoughtSubscription
from emporion.store.administrators import Administrator
from emporion.store.base import Store
from tests.selling import MANUAL, Shop, line, rates
from tests.store.conftest import ONE, PROVIDER, migrated_database, migrated_file, open_store, store

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store, [PROVIDER, ONE])


def of(shop: Shop) -> Purchases:
    return Purchases(shop.store, shop.plans, shop.steps)


def owner(customer_id: int) -> Administrator:
    """An administrator of a customer of the seller."""
    return Administrator("anna", ONE, customer_id, 0, None)


async def test_a_customer_sees_what_it_has_and_pays_and_nobodys_costs(shop: Shop) -> None:
    buyer = await shop.customer()
    domain, secret = ParameterValue("domain", "example.com"), ParameterValue("unknown", "s3cret")
    item = await shop.place(buyer, line(rates=rates(3), parameters=[domain, secret]))
    await shop.run()
    order = (await of(shop).order(owner(buyer), item.id)).order
    assert order.products[0].subscription_id
    one = await of(shop).subscription(owner(buyer), order.products[0].subscription_id)
    assert (one.status, one.price.amount, one.products[0].unit_price.amount) == ("active", "45", "4.5")
    assert one.told == [BoughtParameter("domain", "example.com")]
    assert [given.title for given in one.given] == ["tenant", "key"]
    assert order.status == "completed"
    # 3.50 and 2.50 is what the seller and the provider pay.
    assert not any(text in msgspec.json.encode([one, order]) for text in (b'"3.5', b'"2.5', b"s3cret"))
    names = {field.name for type_ in (BoughtOrder, BoughtSubscription) for field in msgspec.structs.fields(type_)}
    assert not names & {"attributes", "error", "chain", "cost", "margin", "credit_check"}


async def test_what_another_customer_of_the_seller_has_is_not_there(shop: Shop) -> None:
    kept = await shop.bought()
    orders = await of(shop).orders(owner(kept.customer_id), 0, 10)
    other = owner(await shop.customer())
    assert (await of(shop).subscriptions(owner(kept.customer_id), 0, 10)).total == orders.total == 1
    assert (await of(shop).subscriptions(other, 0, 10)).total == 0
    assert (await of(shop).orders(other, 0, 10)).total == 0
    assert (await of(shop).orders(other, 0, 10, kept.id)).total == 0
    for asked in (of(shop).subscription(other, kept.id), of(shop).order(other, orders.rows[0].id)):
        with pytest.raises(Problem) as raised:
            await asked
        assert raised.value.code is Code.NOT_FOUND


async def test_pages_are_the_newest_first(shop: Shop) -> None:
    buyer = await shop.customer()
    items = [await shop.place(buyer, line(rates=rates(3))) for _ in range(3)]
    page = await of(shop).orders(owner(buyer), 1, 1)
    assert ([order.id for order in page.rows], page.total) == ([items[1].id], 3)


async def test_an_order_tells_whose_turn_it_is(shop: Shop) -> None:
    buyer = await shop.customer("pending")
    item = await shop.place(buyer, line(rates=rates(3)))
    assert (await of(shop).order(owner(buyer), item.id)).turn == "customer"
    by_hand = await shop.place(await shop.customer(), line(MANUAL.id, rates=rates(3)))
    await shop.run()
    order = await shop.order(by_hand)
    assert (await of(shop).order(owner(order.customer_id), by_hand.id)).turn == "operator"
