"""Own prices and what each reseller sees of products: its own prices and costs, and those of no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.price_files import PriceRow
from emporion.catalogue.shown import PlanQuery, ProductQuery
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.store.sqlite import SqliteStore
from tests.catalogue_samples import put_catalogue, sample_catalogue
from tests.conftest import CALLERS, new_customer, settings_for

BELOW, OTHER = CALLERS["below"].reseller_id, CALLERS["other"].reseller_id
ANNA, BERT, CARA = (Actor(id_, "anna", "api") for id_ in (RESELLER_ID, BELOW, OTHER))
OPERATOR = Actor(PROVIDER_ID, "operator", "command line")
MAIL, DISK = "2101", "2102"
NUMBER = "must be a number such as 4.5, with 6 digits after the point at most"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    await put_catalogue(store, sample_catalogue())
    yield store
    await store.close()


@pytest.fixture
def marketplace(store: SqliteStore, database: Path) -> Marketplace:
    return build_marketplace(settings_for(database), store)


async def amounts(marketplace: Marketplace, actor: Actor, product_id: str = MAIL) -> tuple[list[str], list[str]]:
    """What an account sells a product for, and what it pays."""
    product = await marketplace.products.get(actor, product_id)
    return [price.amount for price in product.prices], [cost.amount for cost in product.costs]


async def names(marketplace: Marketplace, actor: Actor, **query: Any) -> list[str]:
    page = await marketplace.products.page(actor, ProductQuery(**query))
    return [product["name"] for product in msgspec.json.decode(page.data)]


async def refusal(call: Any) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        await call
    assert refused.value.code is Code.INVALID
    return [(fault.field, fault.message) for fault in refused.value.faults]


async def test_each_sees_its_own_price_and_cost(marketplace: Marketplace) -> None:
    assert await amounts(marketplace, ANNA) == (["10", "5"], ["8", "4"])
    assert await amounts(marketplace, BERT) == (["10", "5"], ["9"])
    assert await amounts(marketplace, ANNA, DISK) == (["3", "2.5"], ["2"])


async def test_an_own_price_is_the_cost_of_those_below_and_nothing_to_others(marketplace: Marketplace) -> None:
    body = {"productId": MAIL, "amount": "12.50", "setup": "1"}
    shown, outcome = await marketplace.prices.set(ANNA, RESELLER_ID, body)
    assert outcome == "created"
    assert msgspec.to_builtins(shown) == {"productId": MAIL, "currency": "USD", "amount": "12.5", "setup": "1"}
    await marketplace.prices.set(BERT, BELOW, {"mpn": "ACME-MAIL", "planId": "2001", "margin": "10"})
    assert await amounts(marketplace, ANNA) == (["12.5", "1"], ["8", "4"])
    assert await amounts(marketplace, BERT) == (["13.75", "1.1"], ["12.5", "1"])
    assert await amounts(marketplace, CARA) == (["10", "5"], ["8", "4"])
    page = await marketplace.products.page(BERT, ProductQuery(mpn="ACME-MAIL"))
    assert [product["prices"][0]["amount"] for product in msgspec.json.decode(page.data)] == ["10", "13.75"]
    rates = await marketplace.catalogue.rates(await marketplace.catalogue.seller(BELOW), [MAIL, "999"], "USD")
    assert [str(link.recurring.tiers[0].amount) for link in rates[MAIL]] == ["6", "8", "12.50", "13.750000"]
    assert list(rates) == [MAIL]


async def test_a_margin_moves_with_the_cost(marketplace: Marketplace) -> None:
    await marketplace.prices.set(BERT, BELOW, {"productId": MAIL, "margin": "100"})
    assert (await amounts(marketplace, BERT))[0] == ["18"]
    await marketplace.prices.set(ANNA, RESELLER_ID, {"mpn": "ACME-MAIL", "planId": "2001", "margin": "-25"})
    assert await amounts(marketplace, BERT) == (["12", "6"], ["6", "3"])


async def test_the_price_of_a_product_comes_before_that_of_its_item(marketplace: Marketplace) -> None:
    await marketplace.prices.set(ANNA, RESELLER_ID, {"productId": MAIL, "amount": "1"})
    await marketplace.prices.set(ANNA, RESELLER_ID, {"mpn": "ACME-MAIL", "planId": "2001", "amount": "2"})
    assert (await amounts(marketplace, ANNA))[0] == ["1", "5"]
    _, outcome = await marketplace.prices.set(ANNA, RESELLER_ID, {"productId": MAIL, "remove": True})
    assert outcome == "removed"
    assert (await amounts(marketplace, ANNA))[0] == ["2", "5"]


async def test_tiers_are_shown_row_by_row(marketplace: Marketplace) -> None:
    steps = [{"lowerLimit": "10", "amount": "4.5"}, {"lowerLimit": "100", "amount": "4"}]
    body = {"productId": MAIL, "amount": "5", "tiers": steps, "model": "VOLUME_SUBSCRIPTION"}
    await marketplace.prices.set(ANNA, RESELLER_ID, body)
    product = await marketplace.products.get(ANNA, MAIL)
    assert [(price.amount, price.model, price.lower_limit) for price in product.prices] == [
        ("5", "VOLUME_SUBSCRIPTION", 0),
        ("4.5", "VOLUME_SUBSCRIPTION", 10),
        ("4", "VOLUME_SUBSCRIPTION", 100),
        ("5", "FLAT", None),
    ]


async def test_only_the_reseller_itself_and_those_above_set_and_read_prices(marketplace: Marketplace) -> None:
    body = {"productId": MAIL, "amount": "1"}
    for actor, reseller_id in ((BERT, RESELLER_ID), (CARA, RESELLER_ID), (ANNA, OTHER)):
        for call in (marketplace.prices.set(actor, reseller_id, body), marketplace.prices.of(actor, reseller_id)):
            with pytest.raises(Problem) as refused:
                await call
            assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(AccessDenied):
        await marketplace.prices.set(Actor(RESELLER_ID, "ed", "api", "editor"), RESELLER_ID, body)
    for actor in (OPERATOR, ANNA, BERT):
        assert (await marketplace.prices.set(actor, BELOW, body))[1] in ("created", "unchanged")
    assert [price.product_id for price in await marketplace.prices.of(ANNA, BELOW)] == [MAIL]
    assert await marketplace.prices.of(ANNA, RESELLER_ID) == []


async def test_each_change_is_an_event_with_old_and_new_price(marketplace: Marketplace, store: SqliteStore) -> None:
    for body in ({"amount": "1"}, {"amount": "1"}, {"margin": "5"}, {"remove": True}):
        await marketplace.prices.set(ANNA, RESELLER_ID, {"productId": MAIL, **body})
    events = [event for event in await store.events.log(RESELLER_ID, 0, 1000) if event.subject.type == "price"]
    assert [(event.type, event.subject.id, event.changes) for event in events] == [
        ("price.created", MAIL, {"productId": (None, MAIL), "currency": (None, "USD"), "amount": (None, "1")}),
        ("price.updated", MAIL, {"currency": ("USD", None), "amount": ("1", None), "margin": (None, "5")}),
        ("price.updated", MAIL, {"margin": ("5", None)}),
    ]
    assert events[0].origin.user == "anna"


async def test_what_is_not_delegated_is_not_there_for_prices_either(marketplace: Marketplace) -> None:
    there_is_none = await refusal(marketplace.prices.set(CARA, OTHER, {"productId": "999", "amount": "1"}))
    hidden = await refusal(marketplace.prices.set(CARA, OTHER, {"productId": "2301", "amount": "1"}))
    assert there_is_none == [("productId", "names nothing that is sold: there is no product 999")]
    assert hidden == [("productId", "names nothing that is sold: there is no product 2301")]
    assert await refusal(marketplace.prices.set(CARA, OTHER, {"mpn": "MPN-2301", "amount": "1"})) == [
        ("mpn", "names nothing that is sold: there is no item MPN-2301")
    ]
    assert await refusal(marketplace.prices.set(CARA, OTHER, {"productId": "2301", "remove": True})) == [
        ("productId", "has no price of this reseller's own")
    ]


async def test_an_item_in_several_plans_needs_its_plan(marketplace: Marketplace) -> None:
    body = {"mpn": "ACME-MAIL", "margin": "1"}
    assert await refusal(marketplace.prices.set(ANNA, RESELLER_ID, body)) == [
        ("planId", "is required: the MPN ACME-MAIL is in the plans 2001, 2002")
    ]
    for plan_id in ("2001", "2002"):
        await marketplace.prices.set(ANNA, RESELLER_ID, {**body, "planId": plan_id})
    gone = {"mpn": "ACME-MAIL", "remove": True}
    assert await refusal(marketplace.prices.set(ANNA, RESELLER_ID, gone)) == [
        ("planId", "is required: there are prices for this MPN in the plans 2001, 2002")
    ]
    await marketplace.prices.set(ANNA, RESELLER_ID, {**gone, "planId": "2001"})
    assert (await marketplace.prices.set(ANNA, RESELLER_ID, gone))[0].plan_id == "2002"


async def test_a_price_goes_even_where_nothing_is_sold_any_more(marketplace: Marketplace, store: SqliteStore) -> None:
    await marketplace.prices.set(ANNA, RESELLER_ID, {"productId": MAIL, "amount": "1"})
    plan = sample_catalogue()[0]
    retired = msgspec.structs.replace(plan.plan, state="retired")
    products = [one._replace(product=msgspec.structs.replace(one.product, state="retired")) for one in plan.products]
    await put_catalogue(store, [plan._replace(plan=retired, products=products)])
    assert (await marketplace.prices.set(ANNA, RESELLER_ID, {"productId": MAIL, "remove": True}))[1] == "removed"


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("productId", "is required, or mpn in its place"), ("amount", "is required, or margin in its place")]),
        ({"productId": MAIL, "mpn": "A", "amount": "1"}, [("mpn", "must be left out where productId is given")]),
        ({"productId": MAIL, "amount": "1", "margin": "1"}, [("margin", "must be left out where amount is given")]),
        (
            {"productId": MAIL, "amount": "-1", "setup": "1e3", "margin": "-100"},
            [
                ("amount", NUMBER),
                ("setup", NUMBER),
                ("margin", "must be per cents above -100, such as 12.5, with 4 digits after the point at most"),
            ],
        ),
        ({"productId": MAIL, "amount": "1.0000001"}, [("amount", NUMBER)]),
        (
            {"productId": MAIL, "amount": "1", "tiers": [{"lowerLimit": "5", "amount": "1"}]},
            [("model", "must be one of TIERED, VOLUME_SUBSCRIPTION, VOLUME_ORDER with tiers, and be left out without")],
        ),
        (
            {
                "productId": MAIL,
                "amount": "1",
                "model": "TIERED",
                "tiers": [{"lowerLimit": "5", "amount": "1"}, {"lowerLimit": "5.0", "amount": "1"}],
            },
            [("tiers", "must have growing lower limits")],
        ),
        (
            {"productId": MAIL, "amount": "1", "model": "TIERED", "tiers": [{"lowerLimit": "0", "amount": "x"}]},
            [
                ("tiers[0].lowerLimit", "must be a quantity above 0, such as 10"),
                ("tiers[0].amount", NUMBER),
            ],
        ),
        (
            {"productId": MAIL, "amount": "1", "model": "TIERED",
             "tiers": [{"lowerLimit": "2147483647", "amount": "1"}, {"lowerLimit": "2147483648", "amount": "1"}]},
            [("tiers[1].lowerLimit", "must be 2147483647 or less")],
        ),
        ({"productId": MAIL, "amount": "1", "remove": True}, [("amount", "must be left out to remove a price")]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_at_once(
    marketplace: Marketplace, body: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    assert await refusal(marketplace.prices.set(ANNA, RESELLER_ID, body)) == faults


async def test_the_provider_and_those_who_sell_nothing_have_no_own_prices(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    body = {"productId": MAIL, "amount": "1"}
    with pytest.raises(Problem, match="stand in the catalogue"):
        await marketplace.prices.set(OPERATOR, PROVIDER_ID, body)
    poor = await marketplace.resellers.create(ANNA, new_customer(name="Euro", currency="EUR"))
    assert await names(marketplace, Actor(poor.id, "x", "api")) == []
    assert await marketplace.catalogue.currency([PROVIDER_ID, RESELLER_ID, poor.id]) is None
    assert await marketplace.catalogue.rates(await marketplace.catalogue.seller(poor.id), [MAIL], "EUR") == {}
    with pytest.raises(Problem, match="Nothing is delegated to reseller"):
        await marketplace.prices.set(ANNA, poor.id, body)


async def test_a_part_of_a_file_is_checked_without_setting_anything(marketplace: Marketplace) -> None:
    rows = [
        PriceRow({"productId": MAIL, "amount": "1"}, 2, []),
        PriceRow({"productId": "999", "amount": "1"}, 3, []),
        PriceRow({"mpn": "ACME-DISK", "margin": "x"}, 4, []),
    ]
    checked = await marketplace.prices.check(ANNA, RESELLER_ID, rows)
    assert [(one.line, one.target, len(one.faults)) for one in checked] == [(2, MAIL, 0), (3, "", 1), (4, "", 1)]
    assert await marketplace.prices.of(ANNA, RESELLER_ID) == []
    assert await marketplace.prices.apply(ANNA, RESELLER_ID, checked[:1]) == ["created"]


async def test_what_was_planned_is_set_as_a_whole_or_not_at_all(marketplace: Marketplace) -> None:
    rows = [PriceRow({"productId": id_, "amount": "9"}, line, []) for line, id_ in enumerate((MAIL, DISK), 1)]
    prices = marketplace.prices
    planned = await prices.plan(ANNA, RESELLER_ID, await prices.check(ANNA, RESELLER_ID, rows))
    assert [(one.checked.target, one.before) for one in planned.changes] == [(MAIL, None), (DISK, None)]
    await prices.set(ANNA, RESELLER_ID, {"productId": DISK, "amount": "2"})
    with pytest.raises(Problem) as refused:
        await prices.carry_out(ANNA, RESELLER_ID, planned)
    assert refused.value.code is Code.CONFLICT
    assert await amounts(marketplace, ANNA) == (["10", "5"], ["8", "4"])
    again = await prices.plan(ANNA, RESELLER_ID, await prices.check(ANNA, RESELLER_ID, rows))
    assert again.digest != planned.digest
    await prices.carry_out(ANNA, RESELLER_ID, again)
    assert (await amounts(marketplace, ANNA))[0] == ["9", "5"]
    same = await prices.plan(ANNA, RESELLER_ID, await prices.check(ANNA, RESELLER_ID, [*rows, rows[0]]))
    assert (same.changes, same.same) == ([], 2)


async def test_a_user_plans_and_sets_prices_of_its_own_account_only_and_as_an_owner(marketplace: Marketplace) -> None:
    row = [PriceRow({"productId": MAIL, "amount": "1"}, 1, [])]
    checked = await marketplace.prices.check(ANNA, RESELLER_ID, row)
    planned = await marketplace.prices.plan(ANNA, RESELLER_ID, checked)
    for call in (
        marketplace.prices.plan(BERT, RESELLER_ID, checked),
        marketplace.prices.carry_out(BERT, RESELLER_ID, planned),
    ):
        with pytest.raises(Problem) as refused:
            await call
        assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(AccessDenied):
        await marketplace.prices.carry_out(Actor(RESELLER_ID, "eve", "console", "editor"), RESELLER_ID, planned)


async def test_a_list_shows_what_is_sold_in_the_currency_of_the_reseller(marketplace: Marketplace) -> None:
    seen = [
        "For some",
        "Acme Mail Monthly",
        "Größerer Speicher",
        "Acme Mail Standard",
    ]
    assert await names(marketplace, ANNA) == seen
    assert await names(marketplace, BERT) == seen
    assert (await names(marketplace, CARA))[0] == "For others"
    assert await names(marketplace, ANNA, name="SPEICHER", vendor="disks") == ["Größerer Speicher"]
    assert await names(marketplace, ANNA, offset=10**18, limit=5) == []
    euro = await marketplace.resellers.create(OPERATOR, new_customer(name="Euro", currency="EUR"))
    assert await names(marketplace, Actor(euro.id, "x", "api")) == ["In euros"]


async def test_what_is_not_seen_is_not_found_in_the_same_words(marketplace: Marketplace) -> None:
    for get, hidden in (
        (marketplace.products.get, ("2301", "2501", "2601")),
        (marketplace.products.plan, ("2003", "2005")),
    ):
        told = set()
        for id_ in (*hidden, "999", "x", "0" * 30):
            with pytest.raises(Problem) as refused:
                await get(CARA, id_)
            assert refused.value.code is Code.NOT_FOUND
            told.add(refused.value.message.replace(id_, "ID"))
        assert len(told) == 1


async def test_a_plan_leads_to_plans_that_are_seen(marketplace: Marketplace) -> None:
    page = await marketplace.products.plans(ANNA, PlanQuery())
    assert [plan["id"] for plan in msgspec.json.decode(page.data)] == ["2003", "2002", "2001"]
    assert page.pagination.total == 3
    plan = await marketplace.products.plan(ANNA, "2001")
    assert [way.plan_id for way in plan.plan_switches] == [2002]
    assert [way.plan_id for way in (await marketplace.products.plan(CARA, "2001")).plan_switches] == [2002, 2004]
