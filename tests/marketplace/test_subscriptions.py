"""Subscriptions: what each level of the chain sees of them, how they are found, and what of them can be changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.plans import BillingModel
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.subscriptions import Subscriptions
from emporion.orders.subscription_shown import Subscription, SubscriptionDetailed, SubscriptionQuery
from emporion.store import open_store
from emporion.store.base import Store
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import KeptSubscription
from emporion.validation import read
from tests.conftest import CALLERS, settings_for
from tests.selling import DOMAIN, Shop, line, plan, rates

BELOW = CALLERS["below"].reseller_id
PROVIDER = Actor(PROVIDER_ID, "operator", "api", "editor")
PARENT = Actor(RESELLER_ID, "anna", "api", "editor")
SELLER = Actor(BELOW, "beth", "api", "editor")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "api")


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store: Store = open_store(settings_for(database))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def marketplace(database: Path, store: Store) -> Marketplace:
    return build_marketplace(settings_for(database), store)


@pytest.fixture
def shop(store: Store) -> Shop:
    """Sells through three accounts; each pays one less than it takes."""
    return Shop(store, [PROVIDER_ID, RESELLER_ID, BELOW])


@pytest.fixture
def subscriptions(store: Store, marketplace: Marketplace, shop: Shop) -> Subscriptions:
    return Subscriptions(store, marketplace.customers, shop.clock)


@pytest.fixture
async def kept(shop: Shop) -> KeptSubscription:
    """Ten at 4.5 for the customer."""
    item = await shop.place(await shop.customer(), line(1, 10, rates=rates(4), parameters=[DOMAIN]), po_number="T-17")
    await shop.run()
    return await shop.subscription((await shop.order(item)).subscription_id)


async def seen(subscriptions: Subscriptions, actor: Actor, id_: str) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode((await subscriptions.get(actor, id_)).document)
    return document


async def found(subscriptions: Subscriptions, actor: Actor, **query: str) -> list[str]:
    """The ids of a list."""
    wanted, faults = read(SubscriptionQuery, query)
    assert not faults
    return [one["id"] for one in msgspec.json.decode((await subscriptions.page(actor, wanted)).data)]


def usd(amount: str) -> dict[str, str]:
    return {"currency": "EUR", "amount": amount}


async def test_each_level_sees_what_it_takes_and_what_it_pays(
    subscriptions: Subscriptions, kept: KeptSubscription
) -> None:
    for actor, price, cost, provider_cost in ((SELLER, 45, 35, None), (PARENT, 35, 25, None), (PROVIDER, 25, 15, 15)):
        shown = await seen(subscriptions, actor, kept.id)
        (product,) = shown["products"]
        assert shown["totalPrice"] == product["extendedPrice"] == usd(str(price))
        assert product["unitPrice"] == usd(str(price / 10))
        assert product["unitCost"] == usd(str(cost / 10))
        assert product.get("unitProviderCost") == (provider_cost and usd(str(provider_cost / 10)))
        for name, amount in (("Price", price), ("Cost", cost), ("ProviderCost", provider_cost)):
            total = amount and usd(str(amount * 12))
            assert shown.get(f"totalSubscription{name}") == product.get(f"totalSubscription{name}") == total
    for actor in (SELLER, PARENT):
        assert "rovider" not in str(await seen(subscriptions, actor, kept.id))
    with pytest.raises(Problem) as raised:
        await subscriptions.get(OTHER, kept.id)
    assert raised.value.code is Code.NOT_FOUND


async def test_members_stand_in_the_order_of_the_document(subscriptions: Subscriptions, kept: KeptSubscription) -> None:
    shown = await seen(subscriptions, SELLER, kept.id)
    members = [field.encode_name for field in structs.fields(SubscriptionDetailed)]
    assert list(shown) == [name for name in members if name in shown]
    assert (shown["planId"], shown["products"][0]["quantity"]) == (1, 10)
    assert shown["attributes"] == {"PONumber": "T-17"}
    assert shown["orderParameters"] == [{"name": "domain", "value": "example.com"}]
    page = await subscriptions.page(PARENT, SubscriptionQuery())
    (row,) = msgspec.json.decode(page.data)
    assert list(row) == [field.encode_name for field in structs.fields(Subscription)]
    assert row == {name: shown[name] for name in row}
    assert page.data == (await subscriptions.page(SELLER, SubscriptionQuery())).data


async def test_the_seller_is_answered_what_is_kept(
    subscriptions: Subscriptions, kept: KeptSubscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SUBSCRIPTIONS.__dict__, "decode", None)
    assert (await seen(subscriptions, SELLER, kept.id))["id"] == kept.id
    assert await found(subscriptions, PROVIDER) == [kept.id]


async def test_every_filter_finds_what_it_names(
    subscriptions: Subscriptions, shop: Shop, kept: KeptSubscription
) -> None:
    shop.clock.now += 3 * 86_400
    other = await shop.bought(2, 1)
    both = [other.id, kept.id]
    assert await found(subscriptions, PROVIDER) == both
    finds_kept: list[dict[str, str]] = [
        {"customerId": str(kept.customer_id)},
        {"status": "active"},
        {"creationDateTo": kept.created},
        {"expirationDateFrom": kept.expiration or "", "expirationDateTo": kept.expiration or ""},
        {"renewalDateFrom": kept.renewal_date or "", "renewalDateTo": kept.renewal_date or ""},
        {"mpn": "MPN-501"},
        {"vendorSubscriptionId": f"v-{kept.customer_id}"},
    ]
    for query in finds_kept:
        assert await found(subscriptions, PARENT, **query) == [kept.id], query
    assert await found(subscriptions, PARENT, creationDateFrom=other.created) == [other.id]
    assert await found(subscriptions, PARENT, mpn="mpn-501") == []
    assert await found(subscriptions, PARENT, mpn="MPN") == []
    assert await found(subscriptions, PARENT, resellerId=str(BELOW)) == both
    for query in ({"customerId": "1"}, {"resellerId": str(OTHER.account_id)}, {"customerId": "x"}):
        with pytest.raises(Problem) as raised:
            await found(subscriptions, PARENT, **query)
        assert raised.value.code is Code.NOT_FOUND


async def test_attributes_merge_and_renewal_is_stopped(
    subscriptions: Subscriptions, store: Store, kept: KeptSubscription
) -> None:
    body = {"attributes": {"a": "1", "b": "2"}, "renewalStatus": False}
    first = await subscriptions.update(SELLER, kept.id, body)
    second = await subscriptions.update(SELLER, kept.id, {"attributes": {"a": None, "c": "3"}})
    shown = await seen(subscriptions, SELLER, kept.id)
    assert msgspec.json.decode(second.document) == shown
    assert shown["attributes"] == {"PONumber": "T-17", "b": "2", "c": "3"}
    assert shown["renewalStatus"] is False
    assert await subscriptions.update(SELLER, kept.id, {}) == second
    log = (await store.events.log(BELOW, 0, 100))[-2:]
    assert [entry.type for entry in log] == ["subscription.updated"] * 2
    assert log[0].changes["renewalStatus"] == (True, False)
    assert log[1].changes == {"attributes.a": ("1", None), "attributes.c": (None, "3")}
    with pytest.raises(Problem) as raised:
        await subscriptions.update(SELLER, kept.id, body, [first.version])
    assert raised.value.code is Code.PRECONDITION_FAILED


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"status": "terminated"}, {"status": "is not changed here: place an order of type cancellation"}),
        ({"quantity": 3}, {"quantity": "is not changed here: place an order of type change"}),
        (
            {"products": [{"mpn": "MPN-501", "quantity": 3}]},
            {"products[0].quantity": "is not changed here", "products[0].unitPrice": "is required, or one of"},
        ),
        ({"renewalStatus": None}, {"renewalStatus": "cannot be cleared"}),
        ({"attributes": {"a": 1}}, {"attributes.a": "must be a string"}),
        ({"products": [{"mpn": "X", "unitPrice": usd("1")}]}, {"products[0].mpn": "No entity has been found"}),
        ({"products": [{"unitPrice": usd("1")}]}, {"products[0].id": "is required, or mpn"}),
        (
            {"products": [{"mpn": "MPN-501", "unitPrice": {"currency": "USD", "amount": "1"}}]},
            {"products[0].unitPrice.currency": "must be EUR"},
        ),
        (
            {"products": [{"mpn": "MPN-501", "unitPrice": usd("-1")}]},
            {"products[0].unitPrice.amount": "must "},
        ),
    ],
)
async def test_what_cannot_be_changed_says_where_it_is_done(
    subscriptions: Subscriptions, kept: KeptSubscription, body: dict[str, Any], faults: dict[str, str]
) -> None:
    with pytest.raises(Problem) as raised:
        await subscriptions.update(SELLER, kept.id, body)
    assert raised.value.code is Code.INVALID
    told = {fault.field: fault.message for fault in raised.value.faults}
    assert told.keys() == faults.keys()
    for field, message in faults.items():
        assert told[field].startswith(message), told


async def test_what_has_ended_cannot_change(subscriptions: Subscriptions, shop: Shop, kept: KeptSubscription) -> None:
    await shop.set_status(kept.customer_id, "cancelled")
    await shop.run()
    for change in (
        subscriptions.update(SELLER, kept.id, {"renewalStatus": True}),
        subscriptions.set_prices(SELLER, kept.id, {"products": [{"mpn": "MPN-501", "unitPrice": usd("1")}]}),
    ):
        with pytest.raises(Problem, match=f"is terminated since {(await shop.subscription(kept.id)).ended}") as raised:
            await change
        assert raised.value.code is Code.CONFLICT


PRICES: list[tuple[Actor, str, int | None]] = [
    (SELLER, "unitPrice", 3),
    (PARENT, "unitPrice", 2),
    (PROVIDER, "unitPrice", 1),
    (PARENT, "unitCost", 2),
    (PROVIDER, "unitProviderCost", 0),
    (SELLER, "unitCost", None),
    (PROVIDER, "unitCost", None),
    (SELLER, "unitProviderCost", None),
    (PARENT, "unitProviderCost", None),
]


@pytest.mark.parametrize(("actor", "member", "link"), PRICES)
async def test_each_sets_what_it_takes(
    subscriptions: Subscriptions, shop: Shop, kept: KeptSubscription, actor: Actor, member: str, link: int | None
) -> None:
    body = {"products": [{"id": "501", member: usd("9.125")}]}
    if link is None:
        with pytest.raises(AccessDenied, match=f"products.0..{member} is not yours to set"):
            await subscriptions.set_prices(actor, kept.id, body)
        return
    await subscriptions.set_prices(actor, kept.id, body)
    (item,) = (await shop.subscription(kept.id)).items
    assert item.rates == kept.items[0].rates, "they count from the next billing period on"
    assert item.next_rates
    changed = [number for number, (old, new) in enumerate(zip(item.rates, item.next_rates, strict=True)) if old != new]
    assert changed == [link]
    assert str(item.next_rates[link].recurring.tiers[0].amount) == "9.125"
    # To set it as it was takes it back.
    before = str(item.rates[link].recurring.tiers[0].amount)
    await subscriptions.set_prices(actor, kept.id, {"products": [{"id": "501", member: usd(before)}]})
    assert (await shop.subscription(kept.id)).items == kept.items


def by_text(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(changes, key=str)


async def test_prices_are_told_to_those_alone_who_have_them(
    subscriptions: Subscriptions, marketplace: Marketplace, kept: KeptSubscription
) -> None:
    for actor, member, amount in (
        (SELLER, "unitPrice", "9"),
        (PARENT, "unitCost", "3"),
        (PROVIDER, "unitProviderCost", "1"),
    ):
        await subscriptions.set_prices(actor, kept.id, {"products": [{"id": "501", member: usd(amount)}]})
    hidden = ("(hidden)", "(hidden)")

    async def told(actor: Actor) -> list[dict[str, Any]]:
        news = await marketplace.events.feed(actor, 0, 1000, ["subscription.updated"], 0)
        return sorted((entry.event.changes for entry in news.entries), key=str)

    cost = "products.MPN-501.unitProviderCost"
    assert await told(SELLER) == by_text(
        {"products.MPN-501.unitPrice": ("4.5", "9")},
        {"products.MPN-501.unitCost": ("3.5", "3")},
        {cost: hidden},
    )
    assert await told(PARENT) == by_text(
        {"products.MPN-501.unitPrice": hidden},
        {"products.MPN-501.unitCost": hidden},
        {"products.MPN-501.unitCost": ("3.5", "3")},
        {cost: hidden},
    )
    assert {cost: ("1.5", "1")} in await told(PROVIDER)
    assert {cost: ("1.5", "1")} not in await told(SELLER)


async def test_tiers_are_set_in_the_model_of_the_price(
    subscriptions: Subscriptions, shop: Shop, kept: KeptSubscription
) -> None:
    price = {**usd("4"), "priceTiers": [{"lowerLimit": "11", "amount": "3.5"}]}
    await subscriptions.update(SELLER, kept.id, {"products": [{"mpn": "MPN-501", "unitPrice": price}]})
    (item,) = (await shop.subscription(kept.id)).items
    assert item.next_rates
    assert item.next_rates[-1].recurring.model == "TIERED"
    renewed = await shop.change(await shop.subscription(kept.id), line(1, 10, rates=item.next_rates), type="renewal")
    await shop.run()
    assert (await shop.order(renewed)).status == "completed"
    (product,) = (await seen(subscriptions, SELLER, kept.id))["products"]
    assert product["unitPrice"] == {
        **usd("4"),
        "priceTiers": [{"lowerLimit": "0", "amount": "4"}, {"lowerLimit": "11", "amount": "3.5"}],
    }


@pytest.mark.parametrize("model", ["chargeBeforeSubscriptionPeriod", "chargeAfterBillingPeriod"])
async def test_both_periods_are_shown_whatever_the_billing_model(
    subscriptions: Subscriptions, shop: Shop, model: BillingModel
) -> None:
    shop.plans.plans[1] = plan(billing_model=model)
    item = await shop.place(await shop.customer(), line(1, 2, rates=rates(4)))
    await shop.run()
    shown = await seen(subscriptions, SELLER, (await shop.order(item)).subscription_id or "")
    assert (shown["billingModel"], shown["billingPeriod"], shown["subscriptionPeriod"]) == (
        model,
        {"type": "month", "duration": 1},
        {"type": "year", "duration": 1},
    )
    assert shown["totalSubscriptionPrice"] == usd("108")


async def test_a_reader_changes_nothing(subscriptions: Subscriptions, kept: KeptSubscription) -> None:
    reader = structs.replace(SELLER, role="reader")
    for change in (subscriptions.update, subscriptions.set_prices):
        with pytest.raises(AccessDenied):
            await change(reader, kept.id, {"renewalStatus": False})
