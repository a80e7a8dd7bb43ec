"""The search over everything, as a page of the console."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.web.conftest import Console, OpenConsole
from tests.web.selling import ARCHIVE, ORDERS, SEAT, customer_of, ordered, with_product

pytestmark = pytest.mark.stocked


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def test_a_search_over_everything_leads_to_what_was_sold_and_to_no_one_elses(
    console: OpenConsole, browser: Console
) -> None:
    page = with_product(browser, SEAT)
    placed = ordered(browser, browser.press(page, {"poNumber": "PO <4711>", "change": "estimate"}, "/order"))
    path = placed.path.partition("?")[0]
    number = next(name for name, link in browser.get(ORDERS).links.items() if link == path)
    for text in (number.lower(), quote("PO <4711>")):
        found = browser.get(f"/console/search?q={text}")
        assert found.links[number] == path
        assert "Sale, RBCustomer PO <4711>" in found.text
        assert "Nothing fits" in console("below").get(f"/console/search?q={text}").text
    assert len(browser.get(f"{ORDERS}?poNumber={quote('PO <4711>')}").rows) == 1
    assert customer_of(browser) in browser.get("/console/search?q=bcustom").links.values()
    assert ARCHIVE in browser.get("/console/search?q=acme").text
    assert console(role="reader").get("/console/search?q=").fields == {"everything": ""}
