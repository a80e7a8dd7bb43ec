"""Orders in the console: placed, listed, followed and cancelled."""

from __future__ import annotations

import re

import pytest

from emporion.marketplace.order_runner import OrderRunner
from emporion.workers import orders as worker
from tests.web.conftest import Console, OpenConsole
from tests.web.selling import (
    ARCHIVE,
    CUSTOMERS,
    ORDERS,
    REVIEW,
    SEAT,
    SUBSCRIPTIONS,
    TALK,
    customer_of,
    ordered,
    product_ids,
    seen,
    until,
    with_product,
)

pytestmark = pytest.mark.stocked


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks often for what is to be done."""
    monkeypatch.setattr(worker, "INTERVAL", 0.02)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders stay as they were placed."""

    async def run_next(_: OrderRunner) -> bool:
        return False

    monkeypatch.setattr(OrderRunner, "run_next", run_next)


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def test_an_order_is_told_in_plain_words_placed_and_done(browser: Console) -> None:
    page = with_product(browser, SEAT, quantity="10")
    assert "10 × Acme Workspace Seat for 1 year, billed monthly: now 160.00 USD, then 60.00 USD on the" in page.text
    assert "Order: now 160.00 USD" in page.text
    placed = ordered(browser, page)
    done = until(browser, placed.path.partition("?")[0], "It is done.")
    assert "Sale for RBCustomer , 160.00 USD" in done.text
