"""Orders as clients see them: each with the amounts of the caller's own level of the chain."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from emporion.catalogue.parameters import ParameterValue
from emporion.orders import shown
from emporion.orders.kept import Charge, KeptOrder, OrderError, OrderLine
from emporion.periods import Period
from tests.orders.catalogue import MONTH, YEAR, rates


def charge(amount: str) -> Charge:
    return Charge(
        type="recurring",
        product_id="1001",
        mpn="STD",
        description="Acme STD Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17",
        quantity=Decimal("12.0"),
        unit_price=Decimal("4.500"),
        amount=Decimal(amount),
        duration=Period("month", 1),
        start="2026-09-18",
        end="2026-10-18",
    )


LINE = OrderLine(
    product_id="1001",
    mpn="STD",
    vendor="acme",
    name="Acme Standard",
    plan_id=101,
    billing_period=MONTH,
    subscription_period=YEAR,
    quantity=Decimal("12.0"),
    subscription_id="1000177",
    rates=rates(Decimal("4.5"), 4),
    parameters=[ParameterValue("domain", "example.com"), ParameterValue("secret", "s3cret")],
    secrets=["secret"],
)
ORDER = KeptOrder(
    id="1000410",
    order_number="SO000012",
    type="sales",
    customer_id=1000001,
    chain=[999999, 20, 30],
    currency="EUR",
    created_at=1_789_719_302_750,
    day="2026-09-18",
    status="completed",
    status_code="CP",
    po_number="T-17",
    provisioned_at=1_789_719_303_000,
    lines=[LINE],
    charges=[[charge("30")], [charge("36.00")], [charge("48")], [charge("54")]],
)
CHANGE = structs.replace(
    ORDER,
    type="change",
    subscription_id="1000177",
    lines=[structs.replace(LINE, quantity=Decimal(11), previous_quantity=Decimal(12))],
)


def as_json(order: KeptOrder, level: int = 2) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown.encode(shown.detailed(order, level)))
    return found


def test_members_come_in_the_order_of_the_document() -> None:
    assert list(as_json(ORDER)) == [
        "id", "orderNumber", "type", "customerId", "poNumber", "creationDate", "provisioningDate", "status",
        "statusCode", "total", "details", "products", "subscriptionId",
    ]  # fmt: skip
    assert as_json(ORDER)["creationDate"] == "2026-09-18T08:15:02Z"


@pytest.mark.parametrize(("level", "amount"), [(0, "36"), (1, "48"), (2, "54")])
def test_each_level_sees_what_it_takes_and_nothing_else(level: int, amount: str) -> None:
    order = as_json(ORDER, level)
    assert order["total"] == {"currency": "EUR", "amount": amount}
    assert order["details"][0]["extendedPrice"]["amount"] == amount
    assert order["products"][0]["extendedPrice"]["amount"] == amount
    text = shown.encode(shown.detailed(ORDER, level)) + shown.encode(shown.row(ORDER, level))
    assert all(f'"{other}"'.encode() not in text for other in {"30", "36", "48", "54"} - {amount})


def test_whole_quantities_are_whole_numbers_and_amounts_strings() -> None:
    text = shown.encode(shown.detailed(ORDER, 2)).decode()
    assert '"quantity":12,' in text
    assert '"amount":"4.5"' in text
    half = structs.replace(ORDER, lines=[structs.replace(LINE, quantity=Decimal("0.50"))])
    assert as_json(half)["products"][0]["quantity"] == 0.5


def test_a_change_shows_the_signed_difference_and_both_totals() -> None:
    (line,) = as_json(CHANGE)["products"]
    assert (line["quantity"], line["previousQuantity"], line["newQuantity"]) == (-1, 12, 11)
    assert "previousQuantity" not in as_json(ORDER)["products"][0]


@pytest.mark.parametrize("type_", ["renewal", "cancellation"])
def test_renewals_and_cancellations_have_neither_products_nor_details(type_: Any) -> None:
    order = as_json(structs.replace(CHANGE, type=type_))
    assert "products" not in order
    assert "details" not in order
    assert (order["subscriptionId"], order["total"]["amount"]) == ("1000177", "54")


def test_every_type_names_its_subscription() -> None:
    for type_ in ("sales", "migration"):
        assert as_json(structs.replace(ORDER, type=type_))["subscriptionId"] == "1000177"
    for type_ in ("change", "renewal", "cancellation"):
        assert as_json(structs.replace(CHANGE, type=type_))["subscriptionId"] == "1000177"


def test_passwords_are_never_shown() -> None:
    assert as_json(ORDER)["products"][0]["parameters"] == [{"name": "domain", "value": "example.com"}]
    assert "s3cret" not in json.dumps([as_json(ORDER), shown.in_events(ORDER)])


def test_why_it_failed_is_told() -> None:
    failed = structs.replace(ORDER, status="error", status_code="PF", error=OrderError("VENDOR", "No licence is left."))
    assert as_json(failed)["error"] == {"code": "VENDOR", "message": "No licence is left."}


def test_rows_have_more_members_in_the_later_version() -> None:
    earlier = json.loads(shown.encode(shown.summary(ORDER)))
    assert list(earlier) == [
        "id", "orderNumber", "type", "customerId", "creationDate", "provisioningDate", "status", "statusCode",
        "subscriptionId",
    ]  # fmt: skip
    later = json.loads(shown.encode(shown.row(structs.replace(ORDER, attributes={"a": "b"}, credit_check=False), 2)))
    assert set(later) - set(earlier) == {"poNumber", "total", "attributes", "creditCheck"}
    assert "details" not in later


def test_an_estimate_has_neither_id_nor_status() -> None:
    estimate = json.loads(shown.encode(shown.estimated(structs.replace(ORDER, id="", order_number=""), 2, "x")))
    assert list(estimate) == [
        "type", "customerId", "poNumber", "total", "details", "products", "subscriptionId", "estimateId"
    ]  # fmt: skip


def test_the_log_of_events_has_no_amounts() -> None:
    logged = shown.in_events(ORDER)
    assert logged["products.STD"] == 12
    assert "54" not in json.dumps(logged)
    assert "total" not in logged
