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


def test_nothing_is_ordered_that_was_not_told(browser: Console) -> None:
    page = with_product(browser, SEAT, quantity="10")
    again = browser.press(page, {"seen": seen(page), "products[0].quantity": "11"}, "/order")
    assert again.status == 409
    assert "What it costs has changed since you saw it" in again.text
    assert "Order: now 176.00 USD" in again.text
    assert len(browser.get(ORDERS).rows) == 1
    ordered(browser, again)
    assert [row[5] for row in browser.get(ORDERS).rows] == ["176.00 USD", "80.00 USD"]


@pytest.mark.usefixtures("no_worker")
def test_a_form_that_is_sent_twice_orders_once(browser: Console) -> None:
    page = with_product(browser, SEAT, quantity="3")
    first, second = (browser.press(page, {"seen": seen(page)}, "/order") for _ in range(2))
    assert first.path == second.path
    assert len(browser.get(ORDERS).rows) == 2


def test_what_is_missing_is_told_beside_the_form_and_at_the_field_once_it_is_sent(browser: Console) -> None:
    page = with_product(browser, TALK, quantity="2")
    assert page.status == 200
    assert "Borealis Talk Line, Company: Is required." in page.text
    sent = browser.press(page, {"products[0].v2": "12"}, "/order")
    assert sent.status == 400
    assert sent.faults == {
        "products[0].v0": "Is required.",
        "products[0].v2": "Must match the pattern [0-9]{3,5}.",
    }
    done = browser.press(sent, {"products[0].v0": "Hafenkontor", "products[0].v2": "123"}, "/order")
    assert "company Hafenkontor region us extension 123" in done.text


def test_a_product_that_another_one_needs_is_offered_and_added_by_itself(browser: Console) -> None:
    page = with_product(browser, ARCHIVE, quantity="2")
    assert "It needs Acme Workspace Seat" in page.text
    assert "2 × Acme Archive and 1 × Acme Workspace Seat for 1 year" in page.text
    page = with_product(browser, SEAT, page)
    assert "It needs" not in page.text
    assert [name for name in page.form({}, "/order").fields if name.endswith("quantity")] == [
        "products[0].quantity",
        "products[1].quantity",
    ]


def test_a_line_comes_and_goes_and_the_others_keep_what_was_typed(browser: Console) -> None:
    page = with_product(browser, SEAT, quantity="7")
    page = browser.press(page, {"change": f"add {product_ids(browser)[TALK]}", "poNumber": "PO 7"}, "/order")
    page = browser.press(page, {"change": "remove 1"}, "/order")
    assert page.form({}, "/order").fields["products[0].quantity"] == "7"
    assert page.form({}, "/order").fields["poNumber"] == "PO 7"
    assert TALK not in page.text.partition("What it costs")[2]


def test_products_are_found_by_a_part_of_the_name_or_by_the_part_number(browser: Console) -> None:
    path = f"{customer_of(browser)}/order"
    assert "Acme Mail Basic" in browser.get(f"{path}?find=mail+ba").text
    assert "Acme Mail Plus" in browser.get(f"{path}?find=ACME-MAIL-PLUS").text
    page = browser.get(f"{path}?find=nothing")
    assert "Nothing else that is sold to this customer fits." in page.text
    assert page.fields["find"] == "nothing"


def test_a_quantity_beyond_its_limits_is_told(browser: Console) -> None:
    for quantity, told in (("301", "Must be 300 or less"), ("2147483648", "Must be 2147483647 or less")):
        page = with_product(browser, SEAT, quantity=quantity)
        assert f"Acme Workspace Seat, quantity: {told}" in page.text
    assert "1 to 300" in page.text


@pytest.mark.usefixtures("no_worker")
def test_why_an_order_waits_is_told_and_it_can_be_cancelled_with_a_reason(browser: Console) -> None:
    placed = ordered(browser, with_product(browser, SEAT, quantity="1"))
    path = placed.path.partition("?")[0]
    assert "The platform is at it" in placed.text
    page = browser.submit(f"{path}/cancel", {"reason": "Wrong customer"})
    assert "The order is cancelled." in page.text
    assert "It was cancelled: Wrong customer" in page.text
    assert "Cancelled by sandbox, console" in page.text
    assert "It cannot be cancelled any more" in browser.get(f"{path}/cancel").text


def test_an_order_waits_for_a_customer_who_is_not_verified_yet(browser: Console) -> None:
    customer = browser.submit(
        f"{CUSTOMERS}/new",
        {
            "name": "Neu GmbH",
            "address.streetAddress": "Weg 1",
            "address.postalCode": "80331",
            "address.city": "München",
            "address.countryCode": "DE",
            "contactPersons[0].firstName": "Ina",
            "contactPersons[0].lastName": "Kraus",
            "contactPersons[0].email": "ina@neu.example",
            "contactPersons[0].phoneNumber": "+49891234567",
        },
    ).path.partition("?")[0]
    page = with_product(browser, SEAT, browser.get(f"{customer}/order"), "1")
    assert "The customer waits to be verified. You can order already" in page.text
    placed = ordered(browser, page)
    assert "It waits for its customer's verification." in placed.text
    assert placed.links["Go to the customer"] == customer


def test_a_service_is_provided_by_hand_by_one_operator_at_a_time(console: OpenConsole, browser: Console) -> None:
    page = with_product(browser, REVIEW)
    page = browser.press(page, {"products[0].v0": "https://shop.example", "change": "estimate"}, "/order")
    path = ordered(browser, page).path.partition("?")[0]
    number = re.search(r"SO\d+", until(browser, path, "It waits for the operator, who provides").text)
    assert number
    first, second = console("provider"), console("provider")
    queue = first.get(f"{ORDERS}/by-hand")
    assert [row[0] for row in queue.rows] == [number[0]]
    mine, theirs = first.get(f"{path}/decide"), second.get(f"{path}/decide")
    assert "https://shop.example" in mine.text
    fields = {"vendorSubscriptionId": "castle-7", "v0": "https://castle.example/7"}
    done = first.press(mine, fields, "/decide")
    assert "The order is approved." in done.text
    assert "It is done." in done.text
    late = second.press(theirs, {"reason": "Out of stock"}, "/decide")
    assert late.status == 409
    assert "by another operator or the platform, so nothing was done" in late.text
    (subscription,) = {to for to in done.links.values() if to.startswith(f"{SUBSCRIPTIONS}/")}
    page = browser.get(subscription)
    assert "castle-7" in page.text
    assert "report https://castle.example/7" in page.text
    assert "Nothing waits for you" in first.get(f"{ORDERS}/by-hand").text


def test_an_order_fails_with_a_reason_and_is_tried_again(console: OpenConsole, browser: Console) -> None:
    page = with_product(browser, REVIEW)
    page = browser.press(page, {"products[0].v0": "https://shop.example", "change": "estimate"}, "/order")
    path = ordered(browser, page).path.partition("?")[0]
    until(browser, path, "It waits for the operator")
    operator = console("provider")
    blank = operator.press(operator.get(f"{path}/decide"), {"reason": " "}, "/decide")
    assert blank.faults == {"reason": "Must have 1 to 2000 characters."}
    failed = operator.press(blank, {"reason": "The site is away"}, "/decide")
    assert "It has failed: The site is away" in failed.text
    again = browser.submit(path, {}, "/retry")
    assert "The order is tried again." in again.text
    until(browser, path, "It waits for the operator")


@pytest.mark.parametrize("path", ["decide", "../by-hand"])
def test_only_the_operator_decides_what_a_vendor_does(browser: Console, path: str) -> None:
    order = browser.get(ORDERS).links["SO000001"]
    assert browser.get(f"{ORDERS}/by-hand" if ".." in path else f"{order}/{path}").status == 403
    assert browser.post(f"{order}/decide", {"do": "approve"}).status == 403


def test_a_reader_looks_and_orders_nothing(console: OpenConsole) -> None:
    reader = console(role="reader")
    order = reader.get(ORDERS).links["SO000001"]
    assert reader.get(order).status == 200
    assert "Cancel the order" not in reader.get(order).links
    customer = customer_of(reader)
    assert "New order" not in reader.get(customer).links
    for path in (f"{customer}/order", f"{order}/cancel"):
        assert reader.get(path).status == 403
        assert reader.post(path, {}).status == 403
    assert reader.post(f"{order}/retry", {}).status == 403


@pytest.mark.parametrize("login", ["other", "below"])
def test_orders_and_customers_of_others_are_not_there(console: OpenConsole, browser: Console, login: str) -> None:
    order, customer = browser.get(ORDERS).links["SO000001"], customer_of(browser)
    other = console(login)
    assert "No orders yet" in other.get(ORDERS).text
    for path in (order, f"{order}/cancel", f"{customer}/order"):
        assert other.get(path).status == 404
    for path in (f"{order}/cancel", f"{order}/retry", f"{customer}/order", f"{customer}/order/costs"):
        assert other.post(path, {"version": "1"}).status == 404
    page = other.get(f"{ORDERS}?customerId={customer.rpartition('/')[2]}")
    assert (page.status, page.faults) == (400, {"customerId": "Names none that you reach."})


def test_the_list_is_filtered_by_what_its_address_says(browser: Console) -> None:
    customer = customer_of(browser).rpartition("/")[2]
    assert [row[0] for row in browser.get(f"{ORDERS}?status=completed&customerId={customer}").rows] == ["SO000001"]
    assert [row[1:4] for row in browser.get(f"{ORDERS}?orderNumber=SO000001").rows] == [["RBCustomer", "Sale", "done"]]
    assert "No order fits" in browser.get(f"{ORDERS}?status=error").text
    assert browser.get(f"{ORDERS}?status=gone&creationTimeFrom=x").faults.keys() == {"status", "creationTimeFrom"}
