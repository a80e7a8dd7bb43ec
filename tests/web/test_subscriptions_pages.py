"""Subscriptions in the console: listed, shown, and changed by orders whose costs are told first."""

from __future__ import annotations

import pytest

from emporion.workers import orders as worker
from tests.web.conftest import Console, OpenConsole
from tests.web.selling import ORDERS, SEAT, SUBSCRIPTIONS, ordered, seen, until, with_product

pytestmark = pytest.mark.stocked
KINDS = ("change", "switch", "renew", "cancel", "renewal")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks often for what is to be done."""
    monkeypatch.setattr(worker, "INTERVAL", 0.02)


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def workspace(browser: Console) -> str:
    """The path of the subscription that the sandbox has."""
    return browser.get(SUBSCRIPTIONS).links["Acme Workspace"]


def quantity_of(browser: Console, path: str, name: str = SEAT) -> str:
    """The field of a quantity."""
    product = browser.get("/console/products?limit=100").links[name].rpartition("/")[2]
    assert f"quantity.p{product}" in browser.get(f"{path}/change").fields
    return f"quantity.p{product}"


def finished(browser: Console, placed: str) -> None:
    """Wait until an order is done."""
    until(browser, placed.partition("?")[0], "It is done.")


def test_a_subscription_says_what_it_has_costs_and_which_orders_touched_it(browser: Console) -> None:
    page = browser.get(workspace(browser))
    assert "5 × Acme Workspace Seat for 1 year, billed monthly: 30.00 USD on the" in page.text
    assert "Whole term 360.00 USD, of which you pay 288.00 USD" in page.text
    assert page.rows[0][1:] == ["5", "6.00 USD", "4.80 USD", "30.00 USD"]
    assert [row[:3] for row in page.rows if row[0].startswith("SO")] == [["SO000001", "Sale", "done"]]
    assert "Provided by the platform" in page.text


def test_a_quantity_is_changed_once_its_cost_is_told(browser: Console) -> None:
    path = workspace(browser)
    page = browser.submit(f"{path}/change", {quantity_of(browser, path): "8", "change": "estimate"})
    assert "8 × Acme Workspace Seat for 1 year, billed monthly: now 48.00 USD, then 48.00 USD on the" in page.text
    placed = browser.press(page, {"seen": seen(page)}, "/change")
    assert "5 before, 8 after" in placed.text
    finished(browser, placed.path)
    assert browser.get(path).rows[0][1] == "8"


def test_fewer_give_back_and_that_is_told(browser: Console) -> None:
    path = workspace(browser)
    page = browser.submit(f"{path}/change", {quantity_of(browser, path): "4", "change": "estimate"})
    assert "6.00 USD is given back now, then 24.00 USD" in page.text


def test_a_form_of_quantities_that_was_not_touched_orders_nothing(browser: Console) -> None:
    path = workspace(browser)
    for fields in ({}, {quantity_of(browser, path): " 5 "}):
        page = browser.submit(f"{path}/change", fields)
        assert page.path == f"{path}/change"
    assert len(browser.get(ORDERS).rows) == 1


def test_only_quantities_that_were_touched_are_ordered(browser: Console) -> None:
    path = workspace(browser)
    archive = quantity_of(browser, path, "Acme Archive")
    page = browser.submit(f"{path}/change", {archive: "2", "change": "estimate"})
    placed = browser.press(page, {"seen": seen(page)}, "/change")
    assert "0 before, 2 after" in placed.text
    assert "5 before" not in placed.text


def test_what_cannot_be_is_told_at_its_field(browser: Console) -> None:
    path = workspace(browser)
    field = quantity_of(browser, path)
    page = browser.submit(f"{path}/change", {field: "1000"})
    assert page.status == 400
    assert page.faults[field].startswith("Must be")
    assert page.fields[field] == "1000"


@pytest.mark.parametrize("kind", ["change", "cancel", "renewal"])
def test_a_form_of_a_subscription_that_was_changed_meanwhile_does_nothing(browser: Console, kind: str) -> None:
    path = workspace(browser)
    field = quantity_of(browser, path)
    old = browser.get(f"{path}/{kind}")
    browser.submit(f"{path}/renewal", {}, "/renewal")
    late = browser.press(old, {field: "9"} if kind == "change" else {}, f"/{kind}")
    assert late.status == 409
    assert "was changed by another user or by the platform since you opened the form" in late.text
    assert late.fields.get(field, "5") == "5"
    assert len(browser.get(ORDERS).rows) == 1


def test_renewal_is_turned_off_and_on_again_without_an_order(browser: Console) -> None:
    path = workspace(browser)
    page = browser.get(f"{path}/renewal")
    assert "ends then, instead of renewing for another year at 360.00 USD" in page.text
    page = browser.press(page, {}, "/renewal")
    assert "without renewal" in page.text
    assert "Turn renewal on" in page.links
    assert "Turn renewal off" in browser.submit(f"{path}/renewal", {}, "/renewal").links
    assert len(browser.get(ORDERS).rows) == 1


def test_a_cancellation_says_what_it_gives_back(browser: Console) -> None:
    path = workspace(browser)
    page = browser.get(f"{path}/cancel")
    assert "30.00 USD is given back now, then nothing: it ends on" in page.text
    placed = browser.press(page, {"seen": seen(page)}, "/cancel")
    finished(browser, placed.path)
    page = browser.get(path)
    assert "ended" in page.text
    assert "Change quantities" not in page.links


def test_a_renewal_that_is_too_early_is_told(browser: Console) -> None:
    page = browser.get(f"{workspace(browser)}/renew")
    assert "can be renewed from" in page.text
    assert "Order the renewal" not in page.text


def test_a_plan_is_switched_once_its_cost_is_told(browser: Console) -> None:
    finished(browser, ordered(browser, with_product(browser, "Acme Mail Basic", quantity="10")).path)
    path = browser.get(SUBSCRIPTIONS).links["Acme Mail Basic"]
    page = browser.get(f"{path}/switch")
    (plan,) = [link for name, link in browser.get("/console/plans").links.items() if name == "Acme Mail Plus"]
    page = browser.press(page, {"to": f"{plan.rpartition('/')[2]} year 1", "change": "estimate"}, "/switch")
    assert "10 × Acme Mail Plus for 1 year, billed monthly: now 20.00 USD, then 50.00 USD on the" in page.text
    placed = browser.press(page, {"seen": seen(page)}, "/switch")
    finished(browser, placed.path)
    assert "10 × Acme Mail Plus" in browser.get(path).text


def test_a_plan_without_another_one_cannot_be_switched(browser: Console) -> None:
    path = workspace(browser)
    assert "cannot be switched to another plan" in browser.get(f"{path}/switch").text
    assert browser.post(f"{path}/switch", {"to": "1 year 1"}).status == 409  # no version of it


def test_a_reader_looks_and_changes_nothing(console: OpenConsole) -> None:
    reader = console(role="reader")
    path = workspace(reader)
    assert "Change quantities" not in reader.get(path).links
    for kind in KINDS:
        assert reader.get(f"{path}/{kind}").status == 403
        assert reader.post(f"{path}/{kind}").status == 403
    assert reader.post(f"{path}/change/costs").status == 403


@pytest.mark.parametrize("login", ["other", "below"])
def test_subscriptions_of_others_are_not_there(console: OpenConsole, browser: Console, login: str) -> None:
    path = workspace(browser)
    other = console(login)
    assert "No subscriptions yet" in other.get(SUBSCRIPTIONS).text
    assert other.get(path).status == 404
    for kind in KINDS:
        assert other.get(f"{path}/{kind}").status == 404
        assert other.post(f"{path}/{kind}", {"version": "1", "renews": "no"}).status == 404


def test_the_account_above_sees_its_own_amounts_only(console: OpenConsole, browser: Console) -> None:
    page = console("provider").get(workspace(browser))
    assert page.rows[0][1:] == ["5", "4.80 USD", "3.90 USD", "24.00 USD"]
    assert "6.00 USD" not in page.text


def test_the_list_is_filtered_by_what_its_address_says(browser: Console) -> None:
    assert [row[:3] for row in browser.get(f"{SUBSCRIPTIONS}?status=active").rows] == [
        ["Acme Workspace", "RBCustomer", "active"]
    ]
    assert "No subscription fits" in browser.get(f"{SUBSCRIPTIONS}?mpn=unknown").text
    assert browser.get(f"{SUBSCRIPTIONS}?customerId=1").faults == {"customerId": "Names none that you reach."}
