"""What a client sends to have an order placed: every quirk of the contract, and what is refused by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from emporion.catalogue.parameters import given
from emporion.errors import Fault
from emporion.orders.new import MOST_PRODUCTS, OrderRequest, read_order
from emporion.periods import Period

LINE: dict[str, Any] = {"mpn": "STD", "quantity": 1}


def order(**members: Any) -> dict[str, Any]:
    return {"customerId": "1000001", "products": [LINE], **members}


def right(**members: Any) -> OrderRequest:
    request, faults = read_order(order(**members))
    assert faults == []
    return request


def wrong(**members: Any) -> dict[str, str]:
    return {fault.field: fault.message for fault in read_order(order(**members))[1]}


def test_without_a_type_it_is_a_sale() -> None:
    assert right().type == "sales"
    assert right(type=None).type == "sales"
    assert wrong(type="unknown") == {"type": "must be cancellation, change, migration, renewal or sales"}


@pytest.mark.parametrize("sent", [2, 2.0, "2", "2.0", " 2.00 "])
def test_a_quantity_is_a_number_or_a_string_that_holds_one(sent: Any) -> None:
    request = right(products=[{**LINE, "quantity": sent}])
    assert request.products
    assert request.products[0].quantity == Decimal(2)


@pytest.mark.parametrize("sent", ["two", "", True, [], "1e3", "NaN", "0x2", "+2", "２"])
def test_what_holds_no_number_is_no_quantity(sent: Any) -> None:
    assert "products[0].quantity" in wrong(products=[{**LINE, "quantity": sent}])


@pytest.mark.parametrize("sent", [2**31, "2147483648", "2147483647.5", 10**10, "9" * 40])
def test_a_quantity_is_no_more_than_the_contract_holds(sent: Any) -> None:
    told = "must be 2147483647 or less"
    assert wrong(products=[{**LINE, "quantity": sent}]) == {"products[0].quantity": told}
    price = {"currency": "EUR", "amount": "1", "priceTiers": [{"lowerLimit": sent, "amount": "1"}]}
    assert wrong(products=[{**LINE, "specialPrice": price}]) == {
        "products[0].specialPrice.priceTiers[0].lowerLimit": told
    }
    assert right(products=[{**LINE, "quantity": 2**31 - 1}]).products


def test_a_quantity_far_below_nothing_is_told_so() -> None:
    assert wrong(products=[{**LINE, "quantity": -(10**10)}]) == {"products[0].quantity": "must be 0 or more"}


def test_null_is_absence_everywhere() -> None:
    nothing = dict.fromkeys(
        ("id", "poNumber", "creationDate", "status", "planId", "subscriptionId", "scheduledOn", "attributes", "deals")
    )
    line = {**LINE, "name": None, "subscriptionId": None, "parameters": None, "specialPrice": None, "id": None}
    request = right(**nothing, type=None, products=[line])
    assert request == right()


def test_read_only_members_that_are_sent_back_are_ignored() -> None:
    sent_back = {
        "id": "1",
        "orderNumber": "SO000001",
        "status": "completed",
        "statusCode": "CP",
        "total": {"currency": "USD", "amount": "1"},
        "details": [],
        "creditCheck": True,
        "lastBillingDate": "2026-09-18",
        "nextBillingDate": "2026-10-18T00:00:00Z",
    }
    assert right(**sent_back, products=[{**LINE, "name": "x", "extendedPrice": {}}]) == right()


def test_a_line_may_name_its_subscription_and_its_periods() -> None:
    line = {
        "subscriptionId": "1000177",
        "mpn": "STD",
        "vendor": "acme",
        "quantity": 12,
        "billingPeriod": {"type": "month", "duration": 1},
        "subscriptionPeriod": {"type": "year", "duration": 1},
    }
    request = right(type="change", products=[line])
    assert request.products
    assert request.products[0].subscription_id == "1000177"
    assert request.products[0].subscription_period == Period("year", 1)


def test_values_of_parameters_come_as_strings_or_in_objects() -> None:
    parameters = [
        {"name": "a", "value": "x"},
        {"name": "b", "structured_value": {"value": "y"}},
        {"name": "c", "value": {"value": "z"}},
        {"name": "d", "value": 5},
        {"name": "e", "value": True},
    ]
    request = right(products=[{**LINE, "parameters": parameters}])
    assert request.products
    values = given(request.products[0].parameters or [])
    assert [(one.name, one.value) for one in values] == [("a", "x"), ("b", "y"), ("c", "z"), ("d", "5"), ("e", "true")]
    assert "products[0].parameters[0].value" in wrong(
        products=[{**LINE, "parameters": [{"name": "a", "value": {"x": 1, "y": 2}}]}]
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("scheduledOn", "renewal"),
        ("targetSubscriptionId", "1000178"),
        ("alignExpirationDate", {"alignmentType": "MATCH_END_OF_CALENDAR_MONTH"}),
        ("placementType", "MOVE"),
        ("vendorBillingSettings", {"vendorBillingPeriod": {"type": "month", "duration": 1}}),
    ],
)
def test_what_an_order_cannot_have_yet_is_refused_by_its_name(member: str, value: Any) -> None:
    assert wrong(**{member: value})[member].startswith("is not supported yet: ")
    nothing: tuple[Any, ...] = (None, "", [], {})
    for empty in nothing:
        assert wrong(**{member: empty}) == {}


@pytest.mark.parametrize(
    "member",
    [
        "deals", "margins", "vendorDiscounts", "specialCost", "specialProviderCost", "tcvs", "targetSubscriptionId",
        "vendorRatedExtendedCost", "vendorAlreadyAccountedTcvs", "newSubscription",
    ],
)  # fmt: skip
def test_what_a_line_cannot_have_yet_is_refused_by_its_name(member: str) -> None:
    fault = wrong(products=[LINE, {**LINE, member: {"any": 1}}])
    assert list(fault) == [f"products[1].{member}"]
    assert fault[f"products[1].{member}"].startswith("is not supported yet: ")


def test_other_names_of_a_member_are_recognized() -> None:
    faults = wrong(products=[{"sku": "STD", "qty": 2}, {"productId": "1"}, {"mpn": "A", "quantity": 1, "seats": 3}])
    assert faults["products[0].mpn"] == "is required, or id: sku is ignored, did you mean mpn?"
    assert faults["products[0].quantity"] == "is absent: qty is ignored, did you mean quantity?"
    assert faults["products[1].id"] == "is absent: productId is ignored, did you mean id?"
    for name in ("items", "lineItems"):
        sent = {"customerId": "1000001", name: [LINE]}
        assert read_order(sent)[1] == [Fault("products", f"is required: {name} is ignored, did you mean products?")]
    period = wrong(products=[{**LINE, "billingPeriod": {"unit": "month", "duration": 1}}])
    assert period == {"products[0].billingPeriod.type": "is required: unit is ignored, did you mean type?"}
    migration = wrong(type="migration", startDate="2026-01-01", migrationDate="2026-01-02", expirationDate="2027-01-01",
                      autoRenew=True)  # fmt: skip
    assert migration["autorenewal"].endswith("autoRenew is ignored, did you mean autorenewal?")


def test_parameters_of_the_whole_order_are_told_where_they_belong() -> None:
    assert wrong(orderParameters=[{"name": "domain", "value": "example.com"}]) == {
        "orderParameters": "is ignored, did you mean products[].parameters?"
    }
    assert wrong(orderParameters=[]) == {}


def test_a_number_of_an_order_is_not_taken_for_one_of_a_purchase_order() -> None:
    assert list(wrong(orderNumber="SO000001", type="no")) == ["type"]


def test_all_faults_come_at_once() -> None:
    line = {**LINE, "deals": {"a": 1}, "quantity": "x"}
    assert list(wrong(customerId=5, poNumber="x" * 256, products=[line, {}])) == [
        "customerId",
        "poNumber",
        "products[0].quantity",
        "products[0].deals",
        "products[1].mpn",
    ]


def test_sizes_have_limits() -> None:
    assert wrong(products=[LINE] * MOST_PRODUCTS) == {}
    assert "products" in wrong(products=[LINE] * (MOST_PRODUCTS + 1))
    many = [{"name": f"n{number}", "value": "x"} for number in range(101)]
    assert "products[0].parameters" in wrong(products=[{**LINE, "parameters": many}])
    assert "attributes" in wrong(attributes={f"n{number}": "x" for number in range(65)})


def test_a_migration_needs_its_days() -> None:
    assert list(wrong(type="migration")) == ["autorenewal", "startDate", "migrationDate", "expirationDate"]
    days = {
        "startDate": "2026-01-01",
        "migrationDate": "2026-01-02T12:00:00Z",
        "expirationDate": "2027-01-01T00:00:00+02:00",
    }
    assert wrong(type="migration", autorenewal=True, **days) == {}
    assert "startDate" in wrong(type="migration", autorenewal=True, **{**days, "startDate": "soon"})


@pytest.mark.parametrize("type_", ["sales", "change"])
def test_only_a_migration_has_days(type_: str) -> None:
    for member in ("startDate", "migrationDate", "expirationDate"):
        assert list(wrong(type=type_, **{member: "2026-01-01"})) == [member]
    assert "PATCH /subscriptions/{id}" in wrong(type=type_, autorenewal=False)["autorenewal"]
    assert wrong(type=type_, autorenewal=True) == {}


def test_renewals_and_cancellations_name_no_products() -> None:
    for type_ in ("renewal", "cancellation"):
        assert list(wrong(type=type_)) == ["products"]
        only_the_subscription = {"customerId": "1", "type": type_, "products": [{"subscriptionId": "2"}]}
        assert read_order(only_the_subscription)[1] == []


@pytest.mark.parametrize("sent", ["from_old_start_date", "FROM_OLD_START_DATE", "FROM_DATE_OF_UPGRADE"])
def test_the_start_of_an_upgrade_comes_in_both_cases(sent: str) -> None:
    assert right(upgradeStartType=sent).upgrade_start_type == sent.lower()


@pytest.mark.parametrize("amount", ["-1", "0.1234567", "x", True, "1" * 13])
def test_a_special_price_is_no_negative_amount_with_six_decimals(amount: Any) -> None:
    price = {"currency": "USD", "amount": amount}
    assert list(wrong(products=[{**LINE, "specialPrice": price}])) == ["products[0].specialPrice.amount"]


def test_a_special_price_may_have_steps() -> None:
    price = {"currency": "USD", "amount": 4.5, "priceTiers": [{"lowerLimit": "10", "amount": "4"}]}
    request = right(products=[{**LINE, "specialPrice": price}])
    assert request.products
    special = request.products[0].special_price
    assert special
    assert (special.amount, special.price_tiers and special.price_tiers[0].lower_limit) == (Decimal("4.5"), Decimal(10))
