"""What the sandbox has to begin with, also one of an earlier version and one whose start was cut short."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.shown import ProductQuery
from emporion.errors import Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.catalogue_content import CatalogueContent
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.sandbox import SANDBOX_MPN, stock_sandbox
from emporion.orders.queries import OrderQuery
from emporion.orders.subscription_shown import SubscriptionQuery
from emporion.reports import ReportQuery
from emporion.store import open_store
from tests.conftest import settings_for

SELLER = Actor(RESELLER_ID, SANDBOX.user, "api")
NOW = int(time.time() * 1000)


@pytest.fixture
async def marketplace(database: Path) -> AsyncIterator[Marketplace]:
    """A sandbox of a version that sold nothing."""
    store = open_store(settings_for(database))
    await store.open()
    yield build_marketplace(settings_for(database), store)
    await store.close()


async def all_there(marketplace: Marketplace) -> dict[str, list[Any]]:
    """What a client of the sandbox's reseller finds."""
    pages = {
        "orders": await marketplace.orders.page(SELLER, OrderQuery(), whole=False),
        "subscriptions": await marketplace.subscriptions.page(SELLER, SubscriptionQuery()),
        "reports": await marketplace.reports.page(SELLER, ReportQuery()),
    }
    return {name: msgspec.json.decode(page.data) for name, page in pages.items()}


async def test_it_has_sold_and_reported(marketplace: Marketplace) -> None:
    await stock_sandbox(marketplace, NOW)
    found = await all_there(marketplace)
    (order,), (subscription,), (report,) = found["orders"], found["subscriptions"], found["reports"]
    assert (order["status"], order["customerId"], order["orderNumber"]) == ("completed", "1000001", "SO000001")
    assert (subscription["status"], subscription["id"]) == ("active", order["subscriptionId"])
    assert (report["name"], report["status"]) == ("Subscriptions", "completed")
    assert "downloadUrl" in report
    whole = msgspec.json.decode((await marketplace.subscriptions.get(SELLER, subscription["id"])).document)
    # Clients that read strictly cannot read parameters.
    assert "orderParameters" not in whole
    assert "fulfillmentParameters" not in whole


async def test_another_start_adds_nothing(marketplace: Marketplace) -> None:
    await stock_sandbox(marketplace, NOW)
    before = await all_there(marketplace)
    await stock_sandbox(marketplace, NOW + 1)
    after = await all_there(marketplace)
    assert {name: [one["id"] for one in some] for name, some in after.items()} == {
        name: [one["id"] for one in some] for name, some in before.items()
    }


async def _unavailable(*_: object, **__: object) -> None:
    raise RuntimeError("killed")


@pytest.mark.parametrize(
    "part",
    [
        lambda marketplace: (marketplace.catalogue_files, "apply"),
        lambda marketplace: (marketplace.orders, "place"),
        lambda marketplace: (marketplace.order_runner, "run_next"),
        lambda marketplace: (marketplace.reports, "create"),
        lambda marketplace: (marketplace.report_runner, "run_next"),
    ],
    ids=["catalogue", "order", "provisioning", "report", "file"],
)
async def test_a_start_that_was_cut_short_goes_on(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch, part: Callable[[Marketplace], tuple[Any, str]]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*part(marketplace), _unavailable)
        with pytest.raises(RuntimeError):
            await stock_sandbox(marketplace, NOW)
    await stock_sandbox(marketplace, NOW)
    for runner in (marketplace.order_runner, marketplace.report_runner):  # as workers do once it is served
        while await runner.run_next():
            pass
    found = await all_there(marketplace)
    assert [one["status"] for one in found["orders"]] == ["completed"]
    assert [one["status"] for one in found["subscriptions"]] == ["active"]
    assert [one["status"] for one in found["reports"]] == ["completed"]


async def test_what_a_user_sells_there_stays(marketplace: Marketplace) -> None:
    file = resources.files("emporion.marketplace") / "sandbox.yaml"
    text = file.read_bytes().replace(b"Acme Workspace Seat", b"A seat of mine")
    operator = Actor(PROVIDER_ID, "operator", "command line")
    await stock_sandbox(marketplace, NOW)
    with CatalogueContent(io.BytesIO(text)) as content:
        await marketplace.catalogue_files.apply(operator, content)
    await stock_sandbox(marketplace, NOW)
    page = await marketplace.products.page(SELLER, ProductQuery(mpn=SANDBOX_MPN))
    assert [one["name"] for one in msgspec.json.decode(page.data)] == ["A seat of mine"]


async def test_it_starts_where_its_customer_may_not_order(marketplace: Marketplace) -> None:
    await marketplace.customers.update(SELLER, "1000001", {"status": "creditHold"})
    await stock_sandbox(marketplace, NOW)
    assert (await all_there(marketplace))["orders"] == []


async def test_one_mpn_stands_in_two_plans(marketplace: Marketplace) -> None:
    await stock_sandbox(marketplace, NOW)
    body = {"customerId": "1000001", "products": [{"mpn": "ACME-STORAGE-100", "quantity": 1}]}
    with pytest.raises(Problem, match="is ambiguous, send"):
        await marketplace.orders.estimate(SELLER, body)
