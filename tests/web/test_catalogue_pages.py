"""Plans, products and prices in the console."""

from __future__ import annotations

import pytest

from tests.web.conftest import Console, OpenConsole
from tests.web.selling import SEAT, TALK, customer_of, product_ids, with_product

pytestmark = pytest.mark.stocked
PRICES = "/console/prices"


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def price_path(browser: Console, name: str = SEAT) -> str:
    """The path of the form of a price."""
    return f"{PRICES}/set?productId={product_ids(browser)[name]}"


def row(browser: Console, name: str = SEAT) -> list[str]:
    """Term, cost, price, margin and own price of a product."""
    (found,) = [row for row in browser.get(f"{PRICES}?name={name.replace(' ', '+')}").rows if row[0].startswith(name)]
    return found[1:]


def test_products_have_prices_costs_and_terms_and_are_searched(browser: Console) -> None:
    page = browser.get("/console/products?name=seat")
    assert [found[2:] for found in page.rows] == [["1 year", "monthly", "6.00 USD", "4.80 USD"]]
    page = browser.get(page.links[SEAT])
    assert ["Each, monthly", "6.00 USD", "4.80 USD", "25 %"] in page.rows
    assert "1 or more, 300 at most" in page.text
    assert "Needs Acme Workspace Seat" in browser.get(browser.get("/console/products").links["Acme Archive"]).text


def test_a_plan_has_its_products_and_where_it_can_be_switched_to(browser: Console) -> None:
    page = browser.get(browser.get("/console/plans").links["Acme Mail Basic"])
    assert "Acme Mail Plus : 1 year to 1 year" in page.text
    assert [found[0] for found in page.rows] == ["Acme Mail Basic"]


def test_a_price_is_set_counts_for_orders_and_has_a_history(browser: Console) -> None:
    path = price_path(browser)
    page = browser.submit(path, {"amount": "7.5", "do": "set"})
    assert "The price is set." in page.text
    assert row(browser) == ["1 year, monthly", "4.80 USD", "7.50 USD", "56.3 %", "set · Set"]
    assert (
        "10 × Acme Workspace Seat for 1 year, billed monthly: now 175.00 USD"
        in with_product(browser, SEAT, None, "10").text
    )
    assert "Price set by sandbox, console" in browser.get(path).text
    page = browser.submit(path, {"do": "remove"})
    assert "the catalogue's counts again" in page.text
    assert row(browser)[2] == "6.00 USD"


def test_a_margin_counts_on_the_cost(browser: Console) -> None:
    browser.submit(price_path(browser), {"margin": "50", "do": "set"})
    assert row(browser) == ["1 year, monthly", "4.80 USD", "7.20 USD", "50 %", "50 % on the cost · Set"]


def test_a_price_that_was_not_touched_stays_as_it_is(browser: Console) -> None:
    path = price_path(browser)
    fields = {"amount": "7.5", "setup": "0", "tiers": "10=7 100=6.25", "model": "TIERED", "do": "set"}
    browser.submit(path, fields)
    before = browser.get(path)
    shown = before.form({"amount": ""}, "/set").fields
    assert {name: shown[name] for name in fields if name != "do"} == {
        name: value for name, value in fields.items() if name != "do"
    }
    browser.press(before, {"do": "set"}, "/set")
    assert browser.get(path).text.count("Price changed by") == 0
    browser.submit(path, {"amount": "8", "do": "set"})
    after = browser.get(path).form({"amount": ""}, "/set").fields
    assert {name: after[name] for name in ("amount", "setup", "tiers", "model")} == {
        "amount": "8",
        "setup": "0",
        "tiers": "10=7 100=6.25",
        "model": "TIERED",
    }


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"amount": "x"}, {"amount": "Must be a number such as 4.5, with 6 digits after the point at most."}),
        ({"amount": "5", "margin": "5"}, {"margin": "Must be left out where amount is given."}),
        (
            {"amount": "5", "tiers": "many"},
            {"tiers": "Must be steps such as 10=4.5 100=4: the quantity from which each counts."},
        ),
        ({"setup": "5"}, {"amount": "Is required, or margin in its place."}),
    ],
)
def test_faults_of_a_price_stand_at_their_fields(
    browser: Console, fields: dict[str, str], faults: dict[str, str]
) -> None:
    page = browser.submit(price_path(browser), {**fields, "do": "set"})
    assert (page.status, page.faults) == (400, faults)
    assert {name: page.fields[name] for name in fields} == fields


def test_a_price_that_another_user_has_set_meanwhile_is_not_lost(browser: Console, console: OpenConsole) -> None:
    path = price_path(browser)
    old = browser.get(path)
    console().submit(path, {"amount": "7", "do": "set"})
    late = browser.press(old, {"amount": "9", "do": "set"}, "/set")
    assert late.status == 409
    assert "Another user has set this price since you opened the form" in late.text
    assert row(browser)[2] == "7.00 USD"


def test_an_editor_sees_prices_and_sets_none(console: OpenConsole, browser: Console) -> None:
    editor = console(role="editor")
    assert row(editor)[4] == "none"
    assert editor.get(price_path(browser)).status == 200
    assert editor.post(price_path(browser), {"amount": "9", "version": "0"}).status == 403


def test_prices_of_another_reseller_are_not_there(console: OpenConsole, browser: Console) -> None:
    product = product_ids(browser)[SEAT]
    other = console("other")
    for path in (f"{PRICES}?resellerId=1000000", f"{PRICES}/set?productId={product}&resellerId=1000000"):
        assert other.get(path).status == 404
    assert other.post(f"{PRICES}/set?productId={product}&resellerId=1000000", {"amount": "9"}).status == 404
    assert row(other)[1:3] == ["4.80 USD", "6.00 USD"]  # its own, of the same catalogue


def test_the_account_above_sees_and_sets_the_prices_of_a_reseller(console: OpenConsole, browser: Console) -> None:
    operator = console("provider")
    page = operator.get(f"{PRICES}?resellerId=1000000&name=seat")
    assert page.rows[0][2:4] == ["4.80 USD", "6.00 USD"]
    operator.submit(f"{price_path(browser)}&resellerId=1000000", {"amount": "6.25", "do": "set"})
    assert row(browser)[2] == "6.25 USD"


def test_what_an_account_does_not_sell_is_not_there(console: OpenConsole, browser: Console) -> None:
    products, plans = product_ids(browser), browser.get("/console/plans").links
    other = console("provider")  # no price is in its currency
    assert other.get(f"/console/products/{products[TALK]}").status == 404
    assert other.get(plans["Borealis Talk"]).status == 404
    # Of these a reseller below it has a subscription.
    for path in (f"/console/products/{products[SEAT]}", plans["Acme Workspace"]):
        page = other.get(path)
        assert page.status == 200
        assert "not sold" in page.text
        assert "not sold" not in browser.get(path).text
    assert "No products yet" in other.get("/console/products").text
    assert "No plans yet" in other.get("/console/plans").text


def test_the_places_are_in_groups_and_the_place_is_kept(browser: Console, console: OpenConsole) -> None:
    page = browser.get("/console/orders")
    assert page.html.count('href="/console/orders" aria-current="page"') == 2  # in the line, and in the menu
    assert "Menu · Orders Dashboard Sell Customers Orders Subscriptions Catalogue" in page.text
    detail = browser.get(f"{customer_of(browser)}/order")
    assert detail.html.count('href="/console/customers" aria-current="page"') == 2
    assert "Imports" not in console(role="reader").get("/console").links
