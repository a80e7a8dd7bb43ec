"""What the pages that sell are tried with: a stocked sandbox, and orders that are carried out soon."""

from __future__ import annotations

import re
import time

from tests.server import PATIENCE
from tests.web.conftest import Console, Shown

CUSTOMERS = "/console/customers"
ORDERS = "/console/orders"
SUBSCRIPTIONS = "/console/subscriptions"
SEAT = "Acme Workspace Seat"
ARCHIVE = "Acme Archive"
TALK = "Borealis Talk Line"
REVIEW = "Castle Security Review"


def customer_of(browser: Console) -> str:
    """The path of a customer."""
    return browser.get(CUSTOMERS).links["RBCustomer"]


def product_ids(browser: Console) -> dict[str, str]:
    """The ids of the first product of each name."""
    links = browser.get("/console/products?limit=100").links
    return {name: link.rpartition("/")[2] for name, link in links.items() if link.startswith("/console/products/")}


def with_product(browser: Console, name: str, page: Shown | None = None, quantity: str = "") -> Shown:
    """The form of a new order with a product more."""
    page = page or browser.get(f"{customer_of(browser)}/order")
    shown = browser.press(page, {"change": f"add {product_ids(browser)[name]}"}, "/order")
    if not quantity:
        return shown
    (at,) = [field for field in shown.form({}, "/order").fields if field.endswith(".quantity")][-1:]
    return browser.press(shown, {at: quantity, "change": "estimate"}, "/order")


def seen(page: Shown) -> str:
    """What the button that orders sends."""
    match = re.search(r'name="seen" value="(\w+)"', page.html)
    assert match, page.text
    return match[1]


def ordered(browser: Console, page: Shown) -> Shown:
    """The page of the order that a form places which has told what it costs."""
    placed = browser.press(page, {"seen": seen(page)}, page.path.partition("?")[0])
    assert placed.path.startswith(f"{ORDERS}/"), placed.text
    return placed


def until(browser: Console, path: str, text: str) -> Shown:
    """A page once it has a text."""
    deadline = time.monotonic() + PATIENCE
    while text not in (page := browser.get(path)).text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.02)  # until the worker has done it
    return page
