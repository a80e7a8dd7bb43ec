"""Subscriptions and orders in the control panel: what an account has, what that costs, and how far orders are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emporion.workers import orders as worker
from tests.conftest import Caller, new_contact
from tests.document import CheckedClient
from tests.web import test_panel_pages
from tests.web.selling import until
from tests.web.test_panel_pages import Browser, House, house_of

pytestmark = pytest.mark.stocked
house = test_panel_pages.house
MAIL = {"mpn": "ACME-MAIL-BASIC", "quantity": 12}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks often for what is to be done."""
    monkeypatch.setattr(worker, "INTERVAL", 0.02)


def order(house: House, **members: Any) -> str:
    """The id of an order that the reseller places for the customer."""
    body = {"customerId": house.customer, "products": [MAIL], **members}
    answer = house.client.post("/orders", house.callers["sandbox"], json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_an_account_without_purchases_says_what_will_stand_there(house: House) -> None:
    browser = house.signed_in()
    assert "No subscriptions yet" in browser.get("/panel/subscriptions").text
    assert "No orders yet" in browser.get("/panel/orders").text


def test_what_was_bought_is_shown_with_its_price_its_renewal_and_no_cost(house: House) -> None:
    placed = order(house, poNumber="T-17", attributes={"margin": "internal-note"})
    browser = house.signed_in()
    page = until(browser, f"/panel/orders/{placed}", "Your order has been carried out.")
    assert "T-17" in page.text
    assert page.rows[0][:2] + page.rows[0][3:] == ["Acme Mail Basic", "Subscription fee", "12", "3.00 USD", "36.00 USD"]
    listed = browser.get("/panel/orders").rows[0]
    assert (listed[1:3], listed[4]) == (["Purchase", "Done"], "36.00 USD")
    row = browser.get("/panel/subscriptions").rows[0]
    assert row[:2] + row[3:] == ["Acme Mail Basic", "Active", "1 month", "36.00 USD"]
    assert re.fullmatch(r"Renews on \w+ \d+, \d{4}", row[2])
    one = browser.get(browser.get("/panel/subscriptions").links["Acme Mail Basic"])
    assert one.rows[0] == ["Acme Mail Basic", "12", "3.00 USD", "36.00 USD"]
    assert f"/panel/orders/{placed}" in one.html
    # What the reseller pays, and what it has written down for itself.
    for shown in (page, one, browser.get("/panel/orders"), browser.get("/panel/subscriptions")):
        assert not any(text in shown.html for text in ("2.40", "28.80", "2.00 USD", "internal-note"))


def test_what_others_have_answers_as_if_it_did_not_exist(
    house: House, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    placed = order(house)
    twin = new_contact(login="twin-login", password="Twin-pass-1")
    house_of(client, callers, contactPersons=[twin])
    browser = Browser(client)
    browser.sign_in("twin-login", "Twin-pass-1")
    mine = house.signed_in()
    until(mine, f"/panel/orders/{placed}", "Your order has been carried out.")
    subscription = mine.get("/panel/subscriptions").links["Acme Mail Basic"]
    for path in (f"/panel/orders/{placed}", subscription):
        nothing = browser.get(re.sub(r"\d+$", "1", path))
        foreign = browser.get(path)
        assert nothing.status == foreign.status == 404
        assert re.sub(r"[0-9a-f-]{36}", "", nothing.text) == re.sub(r"[0-9a-f-]{36}", "", foreign.text)


def test_amounts_and_days_are_written_as_the_reader_does(house: House) -> None:
    placed = order(house)
    browser = house.signed_in(headers={"accept-language": "de"})
    browser.post("/panel/language", {"language": "de", "to": ""})
    page = until(browser, f"/panel/orders/{placed}", "Ihre Bestellung wurde ausgeführt.")
    assert "36,00 USD" in page.text
    assert re.search(r"\d\d\.\d\d\.\d{4} – \d\d\.\d\d\.\d{4}", page.text)
    assert "1 Monat" in browser.get("/panel/subscriptions").text


def test_an_order_says_why_it_waits(client: CheckedClient, callers: dict[str, Caller]) -> None:
    house = house_of(client, callers, status="pending")
    page = house.signed_in().get(f"/panel/orders/{order(house)}")
    assert "Your order waits until your account has been checked." in page.text


@pytest.mark.parametrize("offset", ["1000", "x", "-1", "9" * 30])
def test_a_page_behind_the_end_leads_to_the_newest(house: House, offset: str) -> None:
    order(house)
    page = house.signed_in().get(f"/panel/orders?offset={offset}")
    assert page.status == 200
    assert ("Show the newest orders" in page.links) == (offset == "1000")
