"""Orders: estimated and placed in one way, told all that is wrong with them, listed and cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.plans import PlanSwitch, Policies
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.estimates import ESTIMATE_LIFETIME
from emporion.marketplace.order_runner import OrderRunner
from emporion.marketplace.order_steps import OrderSteps
from emporion.marketplace.orders import Orders
from emporion.marketplace.subscriptions import Subscriptions
from emporion.orders.queries import OrderQuery
from emporion.periods import Period
from emporion.store import open_store
from emporion.store.base import Store
from emporion.store.collections import Item
from emporion.store.idempotency import IdempotentRequest
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import KeptSubscription
from tests.clock import DAY, Clock
from tests.conftest import CALLERS, new_customer, settings_for
from tests.orders.catalogue import MONTH, YEAR, CatalogueInMemory

EDITOR = Actor(RESELLER_ID, "anna", "api", "editor")
READER = Actor(RESELLER_ID, "rita", "api", "reader")
BELOW = Actor(CALLERS["below"].reseller_id, "beth", "api", "editor")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "api", "owner")
OPERATOR = Actor(PROVIDER_ID, "operator", "command line")
# Noon of a day whose month is long, and whose next one is shorter.
NOON = datetime(2026, 9, 18, 12, tzinfo=UTC).timestamp()


class Shop:
    """A marketplace that sells from a catalogue in memory; `run` is its worker."""

    def __init__(self, store: Store, marketplace: Marketplace) -> None:
        self.store, self.marketplace, self.clock = store, marketplace, Clock(NOON)
        self.catalogue = CatalogueInMemory(store.resellers)
        self.orders = Orders(store, self.catalogue, marketplace.signing_keys, self.clock)
        self.runner = OrderRunner(store, OrderSteps(store, self.catalogue, self.clock))
        self.subscriptions = Subscriptions(store, marketplace.customers, self.clock)

    @property
    def day(self) -> str:
        return self.today.isoformat()

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()

    async def customer(self, status: str = "active", actor: Actor = EDITOR) -> str:
        created = await self.marketplace.customers.create(actor, new_customer(status="active"))
        if status != "active":
            operator = structs.replace(OPERATOR, source="api")
            await self.marketplace.customers.update(operator, str(created.id), {"status": status})
        return str(created.id)

    async def run(self) -> None:
        while await self.runner.run_next():
            pass

    async def place(
        self, customer: str, *lines: dict[str, Any], actor: Actor = EDITOR, **members: Any
    ) -> dict[str, Any]:
        item = await self.orders.place(actor, body(customer, *lines, **members))
        return shown(item)

    async def estimate(
        self, customer: str, *lines: dict[str, Any], actor: Actor = EDITOR, **members: Any
    ) -> dict[str, Any]:
        estimate: dict[str, Any] = json.loads(await self.orders.estimate(actor, body(customer, *lines, **members)))
        return estimate

    async def bought(self, customer: str, *lines: dict[str, Any], actor: Actor = EDITOR) -> str:
        """The id of an active subscription."""
        order = await self.place(customer, *(lines or (STD,)), actor=actor)
        await self.run()
        return str((await self.get(order["id"], actor))["subscriptionId"])

    async def get(self, order_id: str, actor: Actor = EDITOR) -> dict[str, Any]:
        return shown(await self.orders.get(actor, order_id))

    async def subscription(self, id_: str, owner: int = RESELLER_ID) -> KeptSubscription:
        item = await self.store.subscriptions.get(owner, id_)
        assert item
        return SUBSCRIPTIONS.decode(item.document)

    async def page(
        self, actor: Actor = EDITOR, *, whole: bool = False, reseller_id: str | None = None, **query: Any
    ) -> list[Any]:
        page = await self.orders.page(actor, OrderQuery(**query), whole=whole, reseller_id=reseller_id)
        rows: list[Any] = json.loads(bytes(page.data))
        assert page.pagination.total >= len(rows)
        return rows


STD = {"id": "1001", "quantity": 12}


def body(customer: str, *lines: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"customerId": customer, **({"products": list(lines)} if lines else {}), **members}


def shown(item: Item) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(item.document)
    return document


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store = open_store(settings_for(database))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def shop(database: Path, store: Store) -> Shop:
    return Shop(store, build_marketplace(settings_for(database), store))


@pytest.fixture
async def customer(shop: Shop) -> str:
    return await shop.customer()


async def problem(awaitable: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        await awaitable
    return raised.value


async def faults(awaitable: Any) -> dict[str, str]:
    found = await problem(awaitable)
    assert found.code is Code.INVALID, found.message
    return {fault.field: fault.message for fault in found.faults}


async def conflict(awaitable: Any) -> str:
    found = await problem(awaitable)
    assert found.code is Code.CONFLICT, found.message
    return found.message


# --- sales -----------------------------------------------------------------------------------------------------------


async def test_an_order_is_answered_whole_and_carried_out_after(shop: Shop, customer: str) -> None:
    order = await shop.place(customer, STD, poNumber="T-17", attributes={"a": "b"})
    assert (order["type"], order["status"], order["statusCode"]) == ("sales", "submitted", "OP")
    assert (order["orderNumber"], order["poNumber"], order["attributes"]) == ("SO000001", "T-17", {"a": "b"})
    assert order["total"] == {"currency": "USD", "amount": "174"}
    assert [one["type"] for one in order["details"]] == ["setup", "recurring"]
    assert order["details"][1]["description"].endswith("Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17")
    assert "provisioningDate" not in order
    await shop.run()
    done = await shop.get(order["id"])
    assert (done["status"], done["statusCode"], done["total"]) == ("completed", "CP", order["total"])
    assert done["products"][0]["subscriptionId"] == done["subscriptionId"]


async def test_what_is_ordered_is_what_was_estimated(shop: Shop, customer: str) -> None:
    lines = (
        {"id": "1003", "quantity": "2.0"},
        {"id": "1005", "quantity": 3, "parameters": [{"name": "region", "value": "eu"}]},
    )
    estimate = await shop.estimate(customer, *lines)
    assert not {"id", "orderNumber", "status", "statusCode", "creationDate"} & set(estimate)
    assert await shop.page() == []
    order = await shop.place(customer, *lines)
    assert [order[name] for name in ("total", "details", "products")] == [
        estimate[name] for name in ("total", "details", "products")
    ]
    await shop.run()
    assert (await shop.get(order["id"]))["total"] == estimate["total"]


async def test_what_a_product_depends_on_is_added_and_seen(shop: Shop, customer: str) -> None:
    estimate = await shop.estimate(customer, {"id": "1003", "quantity": 2})
    assert [(one["mpn"], one["quantity"]) for one in estimate["products"]] == [("ADD", 2), ("STD", 1)]
    assert await faults(shop.estimate(customer, {"id": "1007", "quantity": 1})) == {
        "products[0].id": "needs STD (product 1001), on which EXTRA depends: order that as well, or first"
    }
    assert len((await shop.estimate(customer, {"id": "1007", "quantity": 1}, STD))["products"]) == 2
    await shop.bought(customer)
    assert len((await shop.estimate(customer, {"id": "1007", "quantity": 1}))["products"]) == 1


async def test_all_that_is_wrong_is_told_at_once(shop: Shop, customer: str) -> None:
    lines = (
        {"mpn": "STD", "quantity": 1},
        {"mpn": "NONE", "quantity": 1},
        {"id": "1005", "mpn": "STD", "quantity": 1},
        {"mpn": "TOOL", "quantity": 1, "parameters": [{"name": "Region", "value": "eu"}]},
        {"id": "1003", "quantity": "x", "deals": {"a": 1}},
        {"sku": "STD", "quantity": 1},
        {"id": "1008", "quantity": 1, "newMPN": "STD", "subscriptionId": "5"},
        {"id": "1008", "quantity": 2},
    )
    found = await faults(shop.place(customer, *lines, scheduledOn="renewal"))
    assert list(found) == [
        "scheduledOn", "products[0].mpn", "products[1].mpn", "products[2].mpn", "products[3].quantity",
        "products[3].parameters[0].name", "products[3].parameters", "products[4].quantity", "products[4].deals",
        "products[5].mpn", "products[6].newMPN", "products[6].subscriptionId", "products[7].id",
    ]  # fmt: skip
    assert found["products[0].mpn"].startswith("is ambiguous")
    assert found["products[1].mpn"] == "No entity has been found with mpn NONE"
    assert found == await faults(shop.estimate(customer, *lines, scheduledOn="renewal"))
    assert await shop.page() == []


async def test_what_could_not_be_read_is_not_told_twice(shop: Shop, customer: str) -> None:
    half = {"type": "year"}
    assert list(await faults(shop.estimate(customer, STD, subscriptionPeriod=half))) == ["subscriptionPeriod.duration"]
    line = {"mpn": "STD", "quantity": 1, "subscriptionPeriod": half}
    assert list(await faults(shop.estimate(customer, line))) == ["products[0].subscriptionPeriod.duration"]


async def test_the_products_of_one_plan_are_bought_for_one_period(shop: Shop, customer: str) -> None:
    found = await faults(shop.estimate(customer, STD, {"id": "1002", "quantity": 1}))
    assert list(found) == ["products[1].id"]


async def test_parameters_are_those_of_the_plan(shop: Shop, customer: str) -> None:
    line = {"id": "1005", "quantity": 2}
    region = {"name": "region", "structured_value": {"value": "eu"}}
    assert list(await faults(shop.estimate(customer, line))) == ["products[0].parameters"]
    wrong = {**line, "parameters": [{"name": "region", "value": "moon"}]}
    assert list(await faults(shop.estimate(customer, wrong))) == ["products[0].parameters[0].value"]
    order = await shop.place(customer, {**line, "parameters": [region, {"name": "secret", "value": "s3cret"}]})
    assert order["products"][0]["parameters"] == [{"name": "region", "value": "eu"}]
    assert "s3cret" not in json.dumps(await shop.get(order["id"]))


async def test_a_special_price_is_the_sellers_for_the_life_of_the_subscription(shop: Shop, customer: str) -> None:
    price = {"currency": "USD", "amount": "1.25"}
    order = await shop.place(customer, {**STD, "specialPrice": price})
    assert order["total"]["amount"] == "135"
    assert (await shop.get(order["id"], OPERATOR))["total"]["amount"] == "42"
    await shop.run()
    subscription = await shop.subscription((await shop.get(order["id"]))["subscriptionId"])
    assert subscription.items[0].rates[-1].recurring.tiers[0].amount == Decimal("1.25")
    assert list(await faults(shop.estimate(customer, {**STD, "specialPrice": {**price, "currency": "EUR"}}))) == [
        "products[0].specialPrice.currency"
    ]
    assert list(await faults(shop.estimate(customer, {**STD, "specialPrice": price}, actor=OPERATOR))) == [
        "products[0].specialPrice"
    ]


async def test_a_trial_is_had_once(shop: Shop, customer: str) -> None:
    await shop.bought(customer, {"id": "1010", "quantity": 1})
    assert "once" in await conflict(shop.estimate(customer, {"id": "1010", "quantity": 1}))
    await shop.estimate(await shop.customer(), {"id": "1010", "quantity": 1})


async def test_a_trial_that_was_turned_into_more_was_had_as_well(shop: Shop, customer: str) -> None:
    way = PlanSwitch(
        plan_id=102, source_subscription_period=MONTH, subscription_period=YEAR, when_effective="immediately",
        billing_policy="prorate_starting_new_subscription_period", items={"TRY": "PLUS"},
    )  # fmt: skip
    shop.catalogue.plans[107] = structs.replace(shop.catalogue.plans[107], switches=[way])
    id_ = await shop.bought(customer, {"id": "1010", "quantity": 1})
    period = {"type": "year", "duration": 1}
    await shop.place(customer, type="change", subscriptionId=id_, planId="102", subscriptionPeriod=period)
    await shop.run()
    assert not (await shop.subscription(id_)).trial
    assert "once" in await conflict(shop.estimate(customer, {"id": "1010", "quantity": 1}))


async def test_of_many_trials_that_are_ordered_at_once_one_is_had(shop: Shop, customer: str) -> None:
    asked = [shop.place(customer, {"id": "1010", "quantity": 1}) for _ in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (order,) = [one for one in answers if isinstance(one, dict)]
    assert all("once" in one.message for one in answers if isinstance(one, Problem))
    await shop.orders.update(EDITOR, order["id"], {"statusCode": "CL"})
    await shop.estimate(customer, {"id": "1010", "quantity": 1})


# --- who may order, and for whom -------------------------------------------------------------------------------------


async def test_an_unknown_customer_is_not_found(shop: Shop, customer: str) -> None:
    for actor, id_ in ((EDITOR, "77"), (EDITOR, "x"), (OTHER, customer), (BELOW, customer), (EDITOR, str(RESELLER_ID))):
        assert (await problem(shop.place(id_, STD, actor=actor))).code is Code.NOT_FOUND
    assert list(await faults(shop.place("77", {"id": "1001"}))) == ["customerId", "products[0].quantity"]


async def test_a_reader_estimates_and_does_not_order(shop: Shop, customer: str) -> None:
    await shop.estimate(customer, STD, actor=READER)
    with pytest.raises(AccessDenied):
        await shop.place(customer, STD, actor=READER)


@pytest.mark.parametrize("status", ["creditHold", "adminHold", "cancelled"])
async def test_a_customer_that_may_not_order_is_told_how_it_may(shop: Shop, status: str) -> None:
    customer = await shop.customer(status)
    assert status in await conflict(shop.estimate(customer, STD))
    assert "products[0].quantity" in await faults(shop.estimate(customer, {"id": "1001", "quantity": -1}))


async def test_the_order_of_a_pending_customer_waits(shop: Shop) -> None:
    created = await shop.marketplace.customers.create(EDITOR, new_customer())
    order = await shop.place(str(created.id), STD)
    await shop.run()
    assert (await shop.get(order["id"]))["status"] == "submitted"


async def test_those_above_see_the_amounts_of_their_level(shop: Shop) -> None:
    customer = await shop.customer(actor=BELOW)
    order = await shop.place(customer, STD, actor=BELOW)
    amounts = {
        actor.account_id: (await shop.get(order["id"], actor))["total"]["amount"] for actor in (BELOW, EDITOR, OPERATOR)
    }
    assert amounts == {BELOW.account_id: "174", EDITOR.account_id: "42", OPERATOR.account_id: "30"}
    for actor, amount in ((BELOW, "174"), (EDITOR, "42"), (OPERATOR, "30")):
        assert [row["total"]["amount"] for row in await shop.page(actor, whole=True)] == [amount]
    assert (await problem(shop.get(order["id"], OTHER))).code is Code.NOT_FOUND
    assert await shop.page(OTHER) == []
    log = await shop.store.events.log(BELOW.account_id, 0, 100)
    (created,) = [entry for entry in log if entry.type == "order.created"]
    assert not any(amount in str(created.changes) for amount in ("174", "42", "30"))


# --- changes ---------------------------------------------------------------------------------------------------------


async def test_a_change_names_new_totals(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    shop.clock.now += 10 * DAY
    line = {"subscriptionId": id_, "mpn": "STD", "vendor": "acme", "quantity": 15,
            "billingPeriod": {"type": "month", "duration": 1},
            "subscriptionPeriod": {"type": "year", "duration": 1}}  # fmt: skip
    order = await shop.place(customer, line, type="change", poNumber=None)
    assert (order["orderNumber"], order["subscriptionId"], order["total"]["amount"]) == ("CH000001", id_, "39")
    (shown_line,) = order["products"]
    assert [shown_line[name] for name in ("quantity", "previousQuantity", "newQuantity")] == [3, 12, 15]
    await shop.run()
    assert (await shop.subscription(id_)).items[0].quantity == 15
    assert (await shop.get(order["id"]))["total"]["amount"] == "39"


async def test_fewer_give_back_and_are_shown_with_their_sign(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    order = await shop.place(customer, {"id": "1001", "quantity": 11}, type="change", subscriptionId=id_)
    assert (order["products"][0]["quantity"], order["total"]["amount"]) == (-1, "-4.5")


async def test_what_is_no_total_is_told(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)

    async def told(*lines: dict[str, Any]) -> dict[str, str]:
        return await faults(shop.place(customer, *lines, type="change", subscriptionId=id_))

    negative = await told({"id": "1001", "quantity": -1})
    assert negative["products[0].quantity"].startswith("is the new total, not the difference")
    assert list(await told(STD)) == ["products"]
    assert list(await told({"id": "1001", "quantity": 0})) == ["products"]
    assert list(await told({"id": "1009", "quantity": 1})) == ["products[0].id"]
    assert list(await told({"id": "1003", "quantity": 0})) == ["products[0].quantity"]
    assert list(await told({"id": "1002", "quantity": 1})) == ["products[0].id"]
    assert list(await told({"mpn": "TOOL", "quantity": 1})) == ["products[0].mpn"]
    assert list(await told({"id": "1001", "quantity": 5}, {"mpn": "STD", "quantity": 6})) == ["products[1].mpn"]
    assert list(await told({"id": "1001"})) == ["products[0].quantity"]


async def test_a_change_may_come_nearer_to_limits_that_have_moved(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    shop.catalogue.products["1001"] = structs.replace(shop.catalogue.products["1001"], maximum_quantity=Decimal(5))
    told = await faults(shop.place(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_))
    assert told == {"products[0].quantity": "must be 5 or less, or less than the 12 that there are"}
    for quantity in (9, 4):
        await shop.place(customer, {"id": "1001", "quantity": quantity}, type="change", subscriptionId=id_)
        await shop.run()
    assert (await shop.subscription(id_)).items[0].quantity == 4


async def test_what_a_change_tells_the_vendor_is_kept_by_the_subscription(shop: Shop, customer: str) -> None:
    old, new = ([{"name": "domain", "value": value}] for value in ("old.example", "new.example"))
    id_ = await shop.bought(customer, {**STD, "parameters": old})

    async def change(**members: Any) -> dict[str, Any]:
        return await shop.place(customer, {**STD, **members}, type="change", subscriptionId=id_)

    assert list(await faults(change(parameters=old))) == ["products"]
    assert list(await faults(change(parameters=[{"name": "domain", "value": "none"}]))) == [
        "products[0].parameters[0].value"
    ]
    assert list(await faults(change(parameters=[{"name": "Domain", "value": "x"}]))) == [
        "products[0].parameters[0].name"
    ]
    order = await change(parameters=new)
    assert (order["total"]["amount"], order["products"][0]["quantity"]) == ("0", 0)
    assert [one.value for one in (await shop.subscription(id_)).order_parameters] == ["old.example"]
    await shop.run()
    assert [one.value for one in (await shop.subscription(id_)).order_parameters] == ["new.example"]
    log = str(await shop.store.events.log(RESELLER_ID, 0, 100))
    assert "orderParameters.domain" in log
    assert "new.example" not in log
    await shop.place(customer, {"mpn": "STD", "newMPN": "PLUS"}, type="change", subscriptionId=id_, planId="102")
    await shop.run()
    assert [one.value for one in (await shop.subscription(id_)).order_parameters] == ["new.example"]


async def test_secrets_are_told_anew_and_never_kept(shop: Shop, customer: str) -> None:
    tool = shop.catalogue.plans[103]
    region, secret = tool.parameters
    parameters = [region, structs.replace(secret, required=True)]
    shop.catalogue.plans[103] = structs.replace(tool, parameters=parameters)
    told = [{"name": "region", "value": "eu"}, {"name": "secret", "value": "s3cret"}]
    id_ = await shop.bought(customer, {"id": "1005", "quantity": 2, "parameters": told})
    for quantity, again in ((3, []), (3, [{"name": "secret", "value": "0ther"}])):
        line = {"id": "1005", "quantity": quantity, "parameters": again}
        await shop.place(customer, line, type="change", subscriptionId=id_)
        await shop.run()
    after = await shop.subscription(id_)
    assert (after.items[0].quantity, [one.name for one in after.order_parameters]) == (Decimal(3), ["region"])


async def test_an_item_of_the_plan_is_added_and_taken_out(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    order = await shop.place(customer, {"mpn": "ADD", "quantity": 4}, type="change", subscriptionId=id_)
    assert [order["products"][0][name] for name in ("quantity", "previousQuantity", "newQuantity")] == [4, 0, 4]
    await shop.run()
    told = await conflict(shop.place(customer, {"id": "1001", "quantity": 0}, type="change", subscriptionId=id_))
    assert "ADD (product 1003" in told
    await shop.place(customer, {"id": "1003", "quantity": 0}, type="change", subscriptionId=id_)
    await shop.run()
    assert [item.mpn for item in (await shop.subscription(id_)).items] == ["STD"]


async def test_what_another_subscription_depends_on_stays(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer, STD, {"id": "1003", "quantity": 1})
    await shop.bought(customer, {"id": "1007", "quantity": 1})
    assert "EXTRA" in await conflict(shop.place(customer, type="cancellation", subscriptionId=id_))
    assert "EXTRA" in await conflict(shop.estimate(customer, type="change", subscriptionId=id_, planId="102"))
    await shop.bought(customer)
    await shop.estimate(customer, type="cancellation", subscriptionId=id_)
    await shop.estimate(customer, type="change", subscriptionId=id_, planId="102")


async def test_what_has_expired_is_renewed_before_it_is_changed(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    more: dict[str, Any] = {"type": "change", "subscriptionId": id_}
    shop.clock.now += timedelta(days=364).total_seconds()
    await shop.estimate(customer, {"id": "1001", "quantity": 20}, **more)
    shop.clock.now += DAY
    assert "renewal" in await conflict(shop.estimate(customer, {"id": "1001", "quantity": 20}, **more))
    await shop.place(customer, type="renewal", subscriptionId=id_)
    await shop.run()
    await shop.estimate(customer, {"id": "1001", "quantity": 20}, **more)


async def test_a_plan_may_not_let_quantities_fall_yet(shop: Shop, customer: str) -> None:
    line = {"id": "1005", "quantity": 5, "parameters": [{"name": "region", "value": "eu"}]}
    id_ = await shop.bought(customer, line)
    fewer = body(customer, {"id": "1005", "quantity": 4}, type="change", subscriptionId=id_)
    told = await faults(shop.orders.place(EDITOR, fewer))
    assert told["products[0].quantity"].startswith("is not supported yet")
    plan = shop.catalogue.plans[103]
    shop.catalogue.plans[103] = structs.replace(plan, policies=structs.replace(plan.policies, return_days=1))
    await shop.orders.estimate(EDITOR, fewer)
    shop.clock.now += DAY
    assert "products[0].quantity" in await faults(shop.orders.estimate(EDITOR, fewer))


async def test_a_special_price_of_a_change_counts_from_that_day(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    line = {"id": "1001", "quantity": 12, "specialPrice": {"currency": "USD", "amount": "3.5"}}
    order = await shop.place(customer, line, type="change", subscriptionId=id_)
    assert (order["products"][0]["quantity"], order["total"]["amount"]) == (0, "-12")
    await shop.run()
    assert (await shop.subscription(id_)).items[0].rates[-1].recurring.tiers[0].amount == Decimal("3.5")


async def test_a_subscription_keeps_its_currency_when_the_reseller_gets_another(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    shop.catalogue.selling_in = "EUR"
    change: dict[str, Any] = {"type": "change", "subscriptionId": id_}
    added = await shop.estimate(customer, {"id": "1003", "quantity": 1}, **change)
    assert added["details"][-1]["extendedPrice"] == {"currency": "USD", "amount": "4.5"}
    switched = await shop.estimate(customer, **change, planId="102")
    assert switched["total"] == {"currency": "USD", "amount": "0"}
    special = {"id": "1001", "quantity": 12, "specialPrice": {"currency": "EUR", "amount": "3.5"}}
    assert await faults(shop.estimate(customer, special, **change)) == {
        "products[0].specialPrice.currency": "must be USD, that of the subscription"
    }
    special["specialPrice"] = {"currency": "USD", "amount": "3.5"}
    assert (await shop.estimate(customer, special, **change))["total"] == {"currency": "USD", "amount": "-12"}
    shop.clock.now += timedelta(days=335).total_seconds()
    policies = Policies(renewal_point=30, renewal_prices="list")
    shop.catalogue.plans[101] = structs.replace(shop.catalogue.plans[101], policies=policies)
    renewed = await shop.estimate(customer, type="renewal", subscriptionId=id_)
    assert renewed["total"] == {"currency": "USD", "amount": "54"}


async def test_one_order_changes_one_subscription(shop: Shop, customer: str) -> None:
    first, second = await shop.bought(customer), await shop.bought(customer)
    lines = ({**STD, "subscriptionId": first, "quantity": 1}, {"id": "1003", "quantity": 1, "subscriptionId": second})
    assert list(await faults(shop.place(customer, *lines, type="change"))) == ["products[1].subscriptionId"]
    assert list(await faults(shop.place(customer, STD, type="change"))) == ["subscriptionId"]
    assert (await problem(shop.place(customer, STD, type="change", subscriptionId="77"))).code is Code.NOT_FOUND
    strange = await shop.bought(await shop.customer())
    assert (await problem(shop.place(customer, STD, type="change", subscriptionId=strange))).code is Code.NOT_FOUND


async def test_a_change_may_name_the_state_that_it_is_of(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    item = await shop.store.subscriptions.get(RESELLER_ID, id_)
    assert item
    change = body(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_)
    stale = await problem(shop.orders.place(EDITOR, change, expected={item.version - 1}))
    assert stale.code is Code.PRECONDITION_FAILED
    await shop.orders.place(EDITOR, change, expected={item.version})


# --- switches --------------------------------------------------------------------------------------------------------


async def test_a_switch_takes_the_items_along(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer, STD, {"id": "1003", "quantity": 2})
    shop.clock.now += 10 * DAY
    order = await shop.place(customer, type="change", subscriptionId=id_, planId="102")
    assert [(one["mpn"], one["quantity"]) for one in order["products"]] == [("PLUS", 12), ("STD", -12), ("ADD", -2)]
    await shop.run()
    after = await shop.subscription(id_)
    assert (after.plan_id, [(item.mpn, item.quantity) for item in after.items]) == (102, [("PLUS", Decimal(12))])
    assert (await shop.get(order["id"]))["total"] == order["total"]


async def test_a_switch_may_be_asked_for_by_a_product(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    for line in ({"mpn": "STD", "newId": "1004"}, {"id": "1001", "newId": "1004", "quantity": 7}):
        estimate = await shop.estimate(customer, line, type="change", subscriptionId=id_)
        assert estimate["products"][0]["mpn"] == "PLUS"
        assert estimate["products"][0]["quantity"] == line.get("quantity", 12)
    by_mpn = await shop.estimate(
        customer, {"mpn": "STD", "newMPN": "PLUS"}, type="change", subscriptionId=id_, planId="102"
    )
    assert by_mpn["products"][0]["mpn"] == "PLUS"


async def test_a_switch_that_the_plan_does_not_have_is_refused(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)

    async def told(*lines: dict[str, Any], **members: Any) -> dict[str, str]:
        return await faults(shop.place(customer, *lines, type="change", subscriptionId=id_, **members))

    nowhere = await told(planId="103")
    assert nowhere["planId"].endswith("there are: planId 102 for 1 year; planId 102 for 1 month")
    later = await told(planId="102", subscriptionPeriod={"type": "month", "duration": 1})
    assert later["planId"].startswith("is not supported yet")
    assert list(await told({"mpn": "STD", "newId": "77"})) == ["products[0].newId"]
    assert list(await told({"mpn": "STD", "newMPN": "ADD"}, planId="102")) == ["products[0].newMPN"]
    assert list(await told(planId="102", upgradeStartType="FROM_DATE_OF_UPGRADE")) == ["upgradeStartType"]
    most = await told({"mpn": "STD", "quantity": 21}, planId="102")
    assert most == {"products[0].quantity": "must be 20 or less (PLUS)"}


# --- renewals, cancellations, migrations -----------------------------------------------------------------------------


async def test_a_renewal_is_taken_within_the_days_before_the_end(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    assert "2027-08-19" in await conflict(shop.estimate(customer, type="renewal", subscriptionId=id_))
    shop.clock.now += timedelta(days=335).total_seconds()
    order = await shop.place(customer, type="renewal", subscriptionId=id_)
    assert (order["orderNumber"], order["total"]["amount"]) == ("RN000001", "54")
    assert not {"products", "details"} & set(order)
    await shop.run()
    assert (await shop.subscription(id_)).expiration == "2028-09-18"


async def test_prices_of_a_renewal_are_kept_or_those_of_the_list(shop: Shop, customer: str) -> None:
    special = {**STD, "specialPrice": {"currency": "USD", "amount": "1"}}
    ids = [await shop.bought(customer), await shop.bought(customer, special)]
    shop.clock.now += timedelta(days=335).total_seconds()
    shop.catalogue.prices["1001"] = Decimal(9)

    async def totals() -> list[str]:
        found = [await shop.estimate(customer, type="renewal", subscriptionId=id_) for id_ in ids]
        return [one["total"]["amount"] for one in found]

    assert await totals() == ["54", "12"]
    plan = shop.catalogue.plans[101]
    shop.catalogue.plans[101] = structs.replace(plan, policies=Policies(renewal_point=30, renewal_prices="list"))
    assert await totals() == ["108", "12"]


async def test_prices_that_were_set_stay_when_the_rest_renews_at_list_prices(shop: Shop, customer: str) -> None:
    plan = shop.catalogue.plans[101]
    shop.catalogue.plans[101] = structs.replace(plan, policies=Policies(renewal_point=30, renewal_prices="list"))
    id_ = await shop.bought(customer, STD, {"id": "1003", "quantity": 1})
    subscriptions = shop.subscriptions

    async def prices(actor: Actor = EDITOR) -> list[tuple[str, str | None, str]]:
        found = json.loads((await subscriptions.get(actor, id_)).document)["products"]
        return [
            (one["unitPrice"]["amount"], one.get("nextUnitPrice", {}).get("amount"), one["unitCost"]["amount"])
            for one in found
        ]

    def of(amount: str) -> dict[str, Any]:
        return {"products": [{"mpn": "STD", "unitPrice": {"currency": "USD", "amount": amount}}]}

    await subscriptions.set_prices(EDITOR, id_, of("4.1"))
    assert await prices() == [("4.5", "4.1", "3.5"), ("4.5", None, "3.5")]
    for expected in ("9", "20"):
        shop.clock.now += timedelta(days=365).total_seconds()
        shop.catalogue.prices |= {"1001": Decimal(expected), "1003": Decimal(expected)}
        await shop.place(customer, type="renewal", subscriptionId=id_)
        await shop.run()
        cost = str(Decimal(expected) - 1)
        assert await prices() == [("4.1", None, cost), (expected, None, cost)]
    # What is set while a renewal is under way waits for the next one.
    shop.clock.now += timedelta(days=365).total_seconds()
    await shop.place(customer, type="renewal", subscriptionId=id_)
    await subscriptions.set_prices(EDITOR, id_, of("3"))
    await shop.run()
    assert (await prices())[0] == ("4.1", "3", "19")
    # And what the account above has set is its own.
    cost_of_seller = {"products": [{"mpn": "STD", "unitPrice": {"currency": "USD", "amount": "2.5"}}]}
    await subscriptions.set_prices(OPERATOR, id_, cost_of_seller)
    shop.clock.now += timedelta(days=365).total_seconds()
    await shop.place(customer, type="renewal", subscriptionId=id_)
    await shop.run()
    assert await prices() == [("3", None, "2.5"), ("20", None, "19")]


async def test_a_cancellation_ends_a_subscription_and_gives_back(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    shop.clock.now += 10 * DAY
    order = await shop.place(customer, type="cancellation", subscriptionId=id_)
    assert (order["orderNumber"], order["total"]["amount"]) == ("CF000001", "-36")
    await shop.run()
    assert (await shop.subscription(id_)).status == "terminated"
    for type_ in ("change", "renewal", "cancellation"):
        lines = (STD,) if type_ == "change" else ()
        assert "ended" in await conflict(shop.place(customer, *lines, type=type_, subscriptionId=id_))


async def test_a_migration_takes_over_what_runs_already(shop: Shop, customer: str) -> None:
    days: dict[str, Any] = {
        "startDate": "2026-03-01T00:00:00Z",
        "migrationDate": "2026-09-10",
        "expirationDate": "2027-03-01",
    }
    order = await shop.place(customer, STD, type="migration", autorenewal=False, **days)
    assert (order["orderNumber"], order["total"]["amount"]) == ("MG000001", "0")
    assert (order["lastBillingDate"], order["nextBillingDate"]) == ("2026-09-01", "2026-10-01")
    await shop.run()
    subscription = await shop.subscription((await shop.get(order["id"]))["subscriptionId"])
    assert (subscription.expiration, subscription.renews) == ("2027-03-01", False)
    counted = await shop.estimate(
        customer, STD, type="migration", autorenewal=False, migrationProgram="count_migration_billing_period", **days
    )
    assert (counted["total"]["amount"], counted["migrationProgram"]) == ("54", "count_migration_billing_period")
    wrong: dict[str, Any] = {"startDate": "2026-09-17", "migrationDate": "2026-09-16", "expirationDate": "2026-09-18"}
    told = await faults(shop.place(customer, STD, type="migration", autorenewal=True, **wrong))
    assert list(told) == ["migrationDate", "expirationDate"]
    far: dict[str, Any] = {"startDate": "0001-01-01", "migrationDate": "2026-09-10", "expirationDate": "9999-12-31"}
    told = await faults(shop.place(customer, STD, type="migration", autorenewal=True, **far))
    assert list(told) == ["startDate", "expirationDate"]
    late = {**days, "migrationDate": "2026-09-19"}
    assert list(await faults(shop.place(customer, STD, type="migration", autorenewal=True, **late))) == [
        "migrationDate"
    ]


# --- what is in the way ----------------------------------------------------------------------------------------------


async def test_an_unfinished_order_is_in_the_way_of_the_next(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    change = body(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_)
    first = shown(await shop.orders.place(EDITOR, change))
    for asked in (shop.orders.place(EDITOR, change), shop.orders.estimate(EDITOR, change)):
        told = await conflict(asked)
        assert "change order CH000001" in told
        assert f'PATCH /orders/{first["id"]} {{"statusCode": "CL"}}' in told
    await shop.orders.update(EDITOR, first["id"], {"statusCode": "CL"})
    await shop.orders.estimate(EDITOR, change)


async def test_the_same_request_is_done_once(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    once = IdempotentRequest("a" * 64, b"f" * 32, 0)
    change = body(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_)
    first = await shop.orders.place(EDITOR, change, once)
    again = await shop.orders.place(EDITOR, change, once)
    assert again == structs.replace(first, replayed=True)
    await shop.run()
    assert (await shop.orders.place(EDITOR, change, once)).document == first.document
    reused = await problem(shop.orders.place(EDITOR, change, structs.replace(once, fingerprint=b"g" * 32)))
    assert reused.code is Code.IDEMPOTENCY_KEY_REUSED


async def test_of_many_clients_for_one_subscription_one_gets_its_order(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    asked = [
        shop.orders.place(EDITOR, body(customer, {"id": "1001", "quantity": 20 + n}, type="change", subscriptionId=id_))
        for n in range(50)
    ]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Item)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    assert len(refused) == 49
    assert all(one.code is Code.CONFLICT and shown(won)["orderNumber"] in one.message for one in refused)
    await shop.run()
    assert (await shop.subscription(id_)).items[0].quantity == shown(won)["products"][0]["newQuantity"]


# --- estimates that hold ---------------------------------------------------------------------------------------------


async def test_what_is_billed_by_the_statement_day_begins_with_a_part(shop: Shop, customer: str) -> None:
    by_day = Period("statement_day", 1)
    keys = shop.marketplace.signing_keys
    shop.orders = Orders(shop.store, shop.catalogue, keys, shop.clock, statement_day=25)
    shop.catalogue.plans[101] = structs.replace(shop.catalogue.plans[101], billing_period=by_day)
    shop.catalogue.products["1001"] = structs.replace(shop.catalogue.products["1001"], billing_period=by_day)
    estimate = await shop.estimate(customer, STD)
    # 7 of the 31 days from 25 August on, and the setup.
    assert [one["extendedPrice"]["amount"] for one in estimate["details"]] == ["120", "12.19"]
    assert estimate["details"][1]["description"].endswith("from 2026-09-18 through 2026-09-24")
    id_ = await shop.bought(customer)
    assert (await shop.subscription(id_)).statement_day == 25
    # Whatever the operator sets later, it is that of the order.
    shop.orders = Orders(shop.store, shop.catalogue, keys, shop.clock)
    change = await shop.estimate(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_)
    assert change["details"][1]["description"].endswith("from 2026-09-18 through 2026-09-24")
    assert change["details"][1]["extendedPrice"]["amount"] == "1.02"


async def test_an_estimate_holds_its_price(shop: Shop, customer: str) -> None:
    estimate = await shop.estimate(customer, STD)
    shop.catalogue.prices["1001"] = Decimal(100)
    shop.clock.now += ESTIMATE_LIFETIME
    order = await shop.place(customer, STD, estimateId=estimate["estimateId"], poNumber="any")
    assert order["total"] == estimate["total"]
    assert (await shop.get(order["id"], OPERATOR))["total"]["amount"] == "42"
    assert (await shop.estimate(customer, STD))["total"]["amount"] == "1320"
    await shop.run()
    assert (await shop.get(order["id"]))["total"] == estimate["total"]


async def test_an_estimate_holds_its_day(shop: Shop, customer: str) -> None:
    shop.clock.now += 12 * 3600 - 60
    estimate = await shop.estimate(customer, STD)
    shop.clock.now += 120
    order = await shop.place(customer, STD, estimateId=estimate["estimateId"])
    assert order["details"] == estimate["details"]


async def test_an_order_that_is_carried_out_after_midnight_costs_what_was_estimated(shop: Shop, customer: str) -> None:
    id_ = await shop.bought(customer)
    change = {"id": "1001", "quantity": 15}
    shop.clock.now += 10 * DAY + 12 * 3600 - 60
    estimate, day = await shop.estimate(customer, change, type="change", subscriptionId=id_), shop.day
    assert estimate["total"]["amount"] == "39"
    shop.clock.now += 120
    assert (await shop.estimate(customer, change, type="change", subscriptionId=id_))["total"]["amount"] == "38.55"
    held = {"estimateId": estimate["estimateId"]}
    order = await shop.place(customer, change, type="change", subscriptionId=id_, **held)
    await shop.run()
    done = await shop.get(order["id"])
    assert (done["status"], done["details"]) == ("completed", estimate["details"])
    # A sale begins on the day that was estimated, too, and so does one that a worker reaches after midnight.
    shop.clock.now += DAY - 120
    estimate, day = await shop.estimate(customer, STD), shop.day
    order = await shop.place(customer, STD, estimateId=estimate["estimateId"])
    shop.clock.now += 120
    await shop.run()
    done = await shop.get(order["id"])
    assert (shop.day > day, done["details"]) == (True, estimate["details"])
    sold = await shop.subscription(done["subscriptionId"])
    assert (sold.created, sold.anchor) == (day, day)


async def test_an_estimate_does_not_hold_for_what_is_provided_much_later(shop: Shop, customer: str) -> None:
    estimate = await shop.estimate(customer, STD)
    order = await shop.place(customer, STD, estimateId=estimate["estimateId"])
    shop.clock.now += DAY
    await shop.run()
    assert (await shop.subscription((await shop.get(order["id"]))["subscriptionId"])).anchor == shop.day


async def test_an_estimate_is_good_for_its_own_order_only_and_not_for_long(shop: Shop, customer: str) -> None:
    estimate = await shop.estimate(customer, STD)
    id_ = estimate["estimateId"]
    assert (
        "another order" in (await faults(shop.place(customer, {**STD, "quantity": 13}, estimateId=id_)))["estimateId"]
    )
    assert "another order" in (await faults(shop.place(customer, STD, estimateId=id_, actor=OPERATOR)))["estimateId"]
    for wrong in (id_[:-2] + "xx", "x", "\u00e9"):
        assert "15 minutes" in (await faults(shop.place(customer, STD, estimateId=wrong)))["estimateId"]
    shop.clock.now += ESTIMATE_LIFETIME + 1
    assert "15 minutes" in (await faults(shop.place(customer, STD, estimateId=id_)))["estimateId"]


async def test_an_estimate_of_what_has_changed_meanwhile_is_not_held(shop: Shop, customer: str) -> None:
    subscription = await shop.bought(customer)
    asked = body(customer, {"id": "1001", "quantity": 20}, type="change", subscriptionId=subscription)
    estimate = json.loads(await shop.orders.estimate(EDITOR, asked))
    await shop.place(customer, {"id": "1001", "quantity": 15}, type="change", subscriptionId=subscription)
    await shop.run()
    assert "estimate again" in await conflict(
        shop.orders.place(EDITOR, {**asked, "estimateId": estimate["estimateId"]})
    )


async def test_an_estimate_holds_in_its_own_currency_only(shop: Shop, customer: str) -> None:
    estimate = await shop.estimate(customer, STD)
    shop.catalogue.selling_in = "EUR"
    assert "estimate again" in await conflict(shop.place(customer, STD, estimateId=estimate["estimateId"]))


async def test_an_estimate_tells_nothing_of_other_links(shop: Shop, customer: str) -> None:
    shop.catalogue.prices["1001"] = Decimal("77777.5")
    estimate = await shop.estimate(customer, STD)
    assert b"77776" not in json.dumps(estimate).encode()


# --- lists -----------------------------------------------------------------------------------------------------------


async def test_lists_are_filtered(shop: Shop, customer: str) -> None:
    first = await shop.place(customer, STD, poNumber="T-1")
    await shop.run()
    shop.clock.now += 60
    id_ = (await shop.get(first["id"]))["subscriptionId"]
    second = await shop.place(customer, {"id": "1001", "quantity": 13}, type="change", subscriptionId=id_)
    third = await shop.place(await shop.customer(), STD)

    async def found(**query: Any) -> list[str]:
        return [row["id"] for row in await shop.page(**query)]

    assert await found() == [third["id"], second["id"], first["id"]]
    assert await found(limit=1, offset=1) == [second["id"]]
    assert await found(customer_id=customer) == [second["id"], first["id"]]
    assert await found(subscription_id=id_) == [second["id"], first["id"]]
    assert await found(order_number="CH000001") == [second["id"]]
    assert await found(status="completed") == await found(status_code="CP") == [first["id"]]
    assert await found(customer_id=customer, status="submitted") == [second["id"]]
    at = second["creationDate"]
    assert await found(creation_time_from=at) == [third["id"], second["id"]]
    assert await found(creation_time_to=first["creationDate"]) == [first["id"]]
    assert await found(creation_time_from="2026-09-18T15:00:00 03:00") == [third["id"], second["id"], first["id"]]
    assert await found(creation_time_from="2026-09-19") == []
    for query in ({"customer_id": "77"}, {"customer_id": customer, "actor": OTHER}):
        assert (await problem(shop.page(**query))).code is Code.NOT_FOUND


async def test_rows_of_the_later_version_have_more(shop: Shop, customer: str) -> None:
    await shop.place(customer, STD, poNumber="T-1")
    (row,) = await shop.page()
    assert "poNumber" not in row
    for actor in (EDITOR, OPERATOR):
        (row,) = await shop.page(actor, whole=True)
        assert row["poNumber"] == "T-1"


async def test_the_orders_of_a_reseller_below_are_listed_apart(shop: Shop, customer: str) -> None:
    await shop.place(customer, STD)
    lower = await shop.place(await shop.customer(actor=BELOW), STD, actor=BELOW)
    below = str(BELOW.account_id)
    assert [row["id"] for row in await shop.page(reseller_id=below, whole=True)] == [lower["id"]]
    assert (await shop.page(reseller_id=below, whole=True))[0]["total"]["amount"] == "42"
    assert len(await shop.page(reseller_id=str(RESELLER_ID))) == 2
    for actor, id_ in ((BELOW, str(RESELLER_ID)), (OTHER, below), (EDITOR, "x"), (EDITOR, customer)):
        assert (await problem(shop.page(actor, reseller_id=id_))).code is Code.NOT_FOUND
    assert (await problem(shop.page(reseller_id=below, customer_id=customer))).code is Code.NOT_FOUND


# --- PATCH -----------------------------------------------------------------------------------------------------------


async def test_nothing_changes_without_a_member(shop: Shop, customer: str) -> None:
    order = await shop.orders.place(EDITOR, body(customer, STD))
    assert await shop.orders.update(EDITOR, order.id, {}) == structs.replace(order, replayed=False)


async def test_an_order_is_cancelled_as_long_as_nothing_is_provided(shop: Shop, customer: str) -> None:
    waiting = await shop.place(customer, {"id": "1008", "quantity": "0.5"})
    await shop.run()
    assert (await shop.get(waiting["id"]))["status"] == "processing"
    done = shown(await shop.orders.update(EDITOR, waiting["id"], {"statusCode": "CL"}))
    assert (done["status"], done["statusCode"]) == ("cancelled", "CL")
    subscription = (await shop.get(waiting["id"]))["subscriptionId"]
    assert (await shop.subscription(subscription)).status == "removed"
    assert "is cancelled" in await conflict(shop.orders.update(EDITOR, waiting["id"], {"statusCode": "CL"}))
    finished = await shop.place(customer, STD)
    await shop.run()
    assert "is completed" in await conflict(shop.orders.update(EDITOR, finished["id"], {"statusCode": "CL"}))


async def test_only_what_may_be_changed_is_changed(shop: Shop, customer: str) -> None:
    order = await shop.orders.place(EDITOR, body(customer, STD))
    assert await faults(shop.orders.update(EDITOR, order.id, {"statusCode": "CP"})) == {"statusCode": "must be CL"}
    with pytest.raises(AccessDenied):
        await shop.orders.update(READER, order.id, {"statusCode": "CL"})
    assert (await problem(shop.orders.update(OTHER, order.id, {"statusCode": "CL"}))).code is Code.NOT_FOUND
    stale = await problem(shop.orders.update(EDITOR, order.id, {"statusCode": "CL"}, {7}))
    assert stale.code is Code.PRECONDITION_FAILED
    passing = await shop.orders.update(EDITOR, order.id, {"creditCheck": False}, {1})
    assert (shown(passing)["creditCheck"], passing.version) == (False, 2)


async def test_of_a_cancellation_and_a_worker_one_wins_and_says_so(shop: Shop, customer: str) -> None:
    for _ in range(10):
        order = await shop.place(customer, STD)
        cancelling = shop.orders.update(EDITOR, order["id"], {"statusCode": "CL"})
        outcome, _done = await asyncio.gather(cancelling, shop.runner.run_next(), return_exceptions=True)
        status = (await shop.get(order["id"]))["status"]
        if isinstance(outcome, Item):
            assert (shown(outcome)["status"], status) == ("cancelled", "cancelled")
        else:
            assert isinstance(outcome, Problem)
            assert (outcome.code, status) == (Code.CONFLICT, "completed")
