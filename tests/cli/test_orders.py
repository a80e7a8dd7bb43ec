"""`emporion order` and `emporion subscription`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.marketplace.build import build_marketplace
from emporion.orders.kept import KeptOrder
from emporion.store.orders import ORDERS
from emporion.store.sqlite import SqliteStore
from tests.cli.conftest import Command, refused
from tests.clock import Clock
from tests.conftest import settings_for
from tests.selling import Shop, line

pytestmark = pytest.mark.stocked


@pytest.fixture
def waiting(database: Path) -> KeptOrder:
    """An order of the sandbox's service that is provided by hand."""

    async def place() -> KeptOrder:
        store = SqliteStore(database)
        await store.open()
        marketplace = build_marketplace(settings_for(database), store)
        seller = await marketplace.catalogue.seller(RESELLER_ID)
        (product,) = await marketplace.catalogue.candidates(seller, "CASTLE-REVIEW")
        shop = Shop(store, [PROVIDER_ID, RESELLER_ID], Clock(time.time()))
        bought = line(
            product.plan_id, 1, product.id, billing_period=product.billing_period,
            subscription_period=product.subscription_period,
        )  # fmt: skip
        item = await shop.place(1_000_001, bought)
        while await marketplace.order_runner.run_next():
            pass
        found = await store.orders.get(RESELLER_ID, item.id)
        assert found
        await store.close()
        return ORDERS.decode(found.document)

    return asyncio.run(place())


def test_orders_are_listed_and_shown(emporion: Command, waiting: KeptOrder) -> None:
    assert waiting.status == "processing", waiting.error
    listed = emporion("order", "list", "--json").json
    assert [one["status"] for one in listed] == ["processing", "completed"]
    assert [one["id"] for one in emporion("order", "list", "--status-code", "LO", "--json").json] == [waiting.id]
    assert emporion("order", "list", "--order-number", "SO999999").out == "no orders\n"
    assert emporion("order", "list", "--reseller", "900001").out == "no orders\n"
    shown = emporion("order", "show", waiting.id, "--json").json
    assert shown["requests"][0]["status"] == "pending"
    assert "LO" in emporion("order", "list").out
    assert refused(emporion("order", "list", "--status", "done")).startswith("--status must be ")
    assert "there is no order 4711" in refused(emporion("order", "show", "4711"))


def test_an_order_is_approved(emporion: Command, waiting: KeptOrder) -> None:
    wrong = refused(emporion("order", "approve", waiting.id, "--parameter", "report"))
    assert wrong == "--parameter must be NAME=VALUE, not report"
    assert "is not one that the service gives back" in refused(
        emporion("order", "approve", waiting.id, "--parameter", "site=x")
    )
    report = ("--parameter", "report=https://castle.example/r?id=1")
    said = emporion("order", "approve", waiting.id, "--vendor-subscription-id", "c-1", *report)
    assert said.out == f"The order {waiting.id} ({waiting.order_number}) is completed now.\n"
    subscription = emporion("subscription", "show", waiting.subscription_id or "", "--json").json
    assert subscription["status"] == "active"
    assert subscription["products"][0]["vendorSubscriptionId"] == "c-1"
    assert subscription["fulfillmentParameters"] == [{"name": "report", "value": "https://castle.example/r?id=1"}]
    assert "it is completed" in refused(emporion("order", "fail", waiting.id, "--reason", "No."))


def test_an_order_fails_is_tried_again_and_cancelled(emporion: Command, waiting: KeptOrder) -> None:
    failed = emporion("order", "fail", waiting.id, "--reason", "No such site.", "--parameter", "site", "--json").json
    assert failed["error"] == {"code": "vendorFailed", "message": "No such site.", "parameter": "site"}
    assert failed["status"] == "error"
    assert emporion("order", "retry", waiting.id, "--json").json["status"] == "processing"
    cancelled = emporion("order", "cancel", waiting.id, "--reason", "Ordered twice.")
    assert cancelled.out == f"The order {waiting.id} ({waiting.order_number}) is cancelled now.\n"
    assert emporion("subscription", "list", "--status", "removed", "--json").json[0]["id"] == waiting.subscription_id
    assert refused(emporion("order", "fail", waiting.id, "--reason", " ")).startswith("--reason must have 1 to")


def test_subscriptions_are_listed_by_what_they_have(emporion: Command) -> None:
    (one,) = emporion("subscription", "list", "--json").json
    assert one["id"] in emporion("subscription", "list", "--status", "active").out
    assert emporion("subscription", "list", "--mpn", "X").out == "no subscriptions\n"
    assert emporion("subscription", "list", "--customer-id", one["customerId"], "--json").json == [one]
    assert refused(emporion("subscription", "list", "--expiration-date-to", "soon")).startswith(
        "--expiration-date-to must be a date"
    )
