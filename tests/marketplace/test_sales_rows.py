"""Reports of what was sold: each account finds the amounts of its own level, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.sales_rows import SalesRows
from emporion.marketplace.sandbox import SANDBOX_MPN
from emporion.store import open_store
from emporion.store.base import Store
from tests.conftest import CALLERS, new_customer, settings_for

pytestmark = pytest.mark.stocked

SELLER = Actor(RESELLER_ID, SANDBOX.user, "api")
BELOW = Actor(CALLERS["below"].reseller_id, "beth", "api")
FIRST, LAST = 0, 1 << 45
ALWAYS = (FIRST, LAST)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store = open_store(settings_for(database))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def marketplace(database: Path, store: Store) -> Marketplace:
    return build_marketplace(settings_for(database), store)


async def all_of(rows: AsyncIterator[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row async for some in rows for row in some]


def usd(amount: str) -> dict[str, str]:
    return {"currency": "USD", "amount": amount}


async def placed(marketplace: Marketplace, actor: Actor, body: dict[str, Any]) -> dict[str, Any]:
    """An order, when it is completed."""
    item = await marketplace.orders.place(actor, body)
    while await marketplace.order_runner.run_next():
        pass
    order: dict[str, Any] = msgspec.json.decode((await marketplace.orders.get(actor, item.id)).document)
    assert order["status"] == "completed", order
    return order


async def changed(marketplace: Marketplace, subscription_id: str, quantity: int) -> dict[str, Any]:
    line = {"mpn": SANDBOX_MPN, "quantity": quantity}
    body = {"type": "change", "customerId": "1000001", "subscriptionId": subscription_id, "products": [line]}
    return await placed(marketplace, SELLER, body)


async def test_a_charge_has_what_the_account_takes_and_what_it_pays(store: Store) -> None:
    setup, recurring = await all_of(SalesRows(store, RESELLER_ID).charges(*ALWAYS))
    assert (setup["type"], setup["unitPrice"], setup["extendedPrice"]) == ("setup", usd("10"), usd("50"))
    assert (setup["unitCost"], setup["extendedCost"]) == (usd("8"), usd("40"))
    assert (recurring["type"], recurring["extendedPrice"], recurring["extendedCost"]) == (
        "recurring",
        usd("30"),
        usd("24"),
    )
    assert recurring["unitCost"] == usd("4.8")
    assert recurring["customer"] == {"id": "1000001", "externalId": "externalId1", "name": "RBCustomer"}
    assert (recurring["orderNumber"], recurring["quantity"], recurring["resellerId"]) == ("SO000001", 5, "1000000")
    assert recurring["startDate"] < recurring["endDate"]


async def test_those_above_find_the_amounts_of_their_own_level(store: Store) -> None:
    _, recurring = await all_of(SalesRows(store, PROVIDER_ID).charges(*ALWAYS))
    assert (recurring["unitPrice"], recurring["unitCost"]) == (usd("4.8"), usd("3.9"))
    (order,) = await all_of(SalesRows(store, PROVIDER_ID).orders(*ALWAYS))
    assert (order["product"]["extendedPrice"], order["product"]["extendedCost"]) == (usd("64"), usd("44.5"))
    (item,) = await all_of(SalesRows(store, PROVIDER_ID).subscriptions(*ALWAYS))
    assert item["totalPrice"] == usd("24")


@pytest.mark.parametrize("name", ["below", "other"])
async def test_nobody_else_finds_anything(store: Store, name: str) -> None:
    rows = SalesRows(store, CALLERS[name].reseller_id)
    assert [await all_of(kind(*ALWAYS)) for kind in (rows.orders, rows.subscriptions, rows.charges)] == [[], [], []]


async def test_an_order_has_a_row_for_each_line_and_a_subscription_for_each_product(
    store: Store, marketplace: Marketplace
) -> None:
    order = await placed(
        marketplace,
        SELLER,
        {"customerId": "1000002", "poNumber": "T-1", "products": [{"mpn": "ACME-ARCHIVE", "quantity": 2}]},
    )
    rows = await all_of(SalesRows(store, RESELLER_ID).orders(*ALWAYS))
    mine = [row for row in rows if row["id"] == order["id"]]
    assert [(row["product"]["mpn"], row["product"]["quantity"]) for row in mine] == [
        ("ACME-ARCHIVE", 2),
        (SANDBOX_MPN, 1),
    ]
    assert {(row["poNumber"], row["customer"]["id"], row["type"]) for row in mine} == {("T-1", "1000002", "sales")}
    items = await all_of(SalesRows(store, RESELLER_ID).subscriptions(*ALWAYS))
    assert [(item["customer"]["id"], item["product"]["mpn"]) for item in items] == [
        ("1000001", SANDBOX_MPN),
        ("1000002", "ACME-ARCHIVE"),
        ("1000002", SANDBOX_MPN),
    ]


async def test_what_is_given_back_is_below_nothing(store: Store, marketplace: Marketplace) -> None:
    (subscription,) = await all_of(SalesRows(store, RESELLER_ID).subscriptions(*ALWAYS))
    await changed(marketplace, subscription["id"], 2)
    refund = (await all_of(SalesRows(store, RESELLER_ID).charges(*ALWAYS)))[-1]
    assert refund["type"] == "recurringRefund"
    assert (refund["extendedPrice"], refund["extendedCost"]) == (usd("-18"), usd("-14.4"))
    order = (await all_of(SalesRows(store, RESELLER_ID).orders(*ALWAYS)))[-1]
    assert (order["product"]["previousQuantity"], order["product"]["newQuantity"]) == (5, 2)


async def test_only_what_falls_into_the_period_is_in_it(store: Store) -> None:
    rows = SalesRows(store, RESELLER_ID)
    (charge, _), (order,) = await all_of(rows.charges(*ALWAYS)), await all_of(rows.orders(*ALWAYS))
    assert charge["date"] == order["provisioningDate"]
    for kind in (rows.orders, rows.subscriptions, rows.charges):
        assert await all_of(kind(FIRST, 1)) == []
    for kind in (rows.orders, rows.charges):
        assert await all_of(kind(LAST - 1, LAST)) == []
    assert len(await all_of(rows.subscriptions(LAST - 1, LAST))) == 1


async def test_what_was_sold_below_costs_whoever_is_above_what_they_pay(store: Store, marketplace: Marketplace) -> None:
    customer = await marketplace.customers.create(BELOW, new_customer(status="active"))
    line = {"mpn": "ACME-MAIL-BASIC", "quantity": 10}
    await placed(marketplace, BELOW, {"customerId": str(customer.id), "products": [line]})
    found = {}
    for account in (PROVIDER_ID, RESELLER_ID, BELOW.account_id):
        rows = await all_of(SalesRows(store, account).charges(*ALWAYS))
        (charge,) = [row for row in rows if row["mpn"] == "ACME-MAIL-BASIC"]
        found[account] = Decimal(charge["extendedPrice"]["amount"]), Decimal(charge["extendedCost"]["amount"])
    # The price of one level is the cost of the next, from the vendor down to the customer.
    assert found[PROVIDER_ID] == (Decimal(24), Decimal(20))
    assert found[RESELLER_ID][1] == found[PROVIDER_ID][0]
    assert found[BELOW.account_id] == (Decimal(30), found[RESELLER_ID][0])


async def test_many_charges_are_read_a_page_at_a_time(
    store: Store, marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (subscription,) = await all_of(SalesRows(store, RESELLER_ID).subscriptions(*ALWAYS))
    for quantity in (6, 7, 8):
        await changed(marketplace, subscription["id"], quantity)
    whole = await all_of(SalesRows(store, RESELLER_ID).charges(*ALWAYS))
    assert len(whole) == 8
    for page in (1, 4, 5):
        monkeypatch.setattr("emporion.marketplace.sales_rows.AT_ONCE", page)
        assert await all_of(SalesRows(store, RESELLER_ID).charges(*ALWAYS)) == whole
