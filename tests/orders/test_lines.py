"""Which product a line means, how many there may be, and what must be there as well."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from emporion.catalogue.products import CatalogueProduct, Dependency
from emporion.errors import Fault
from emporion.orders.lines import (
    MOST_CANDIDATES_TOLD,
    Chosen,
    Dependent,
    Held,
    Narrowing,
    complete,
    identify,
    sale_fault,
    total_fault,
    twice,
)
from emporion.orders.new import OrderProductRequest
from tests.orders.catalogue import BY_ID, MONTH, PRODUCTS, YEAR, product

STD_YEAR, STD_MONTH, ADD, STD_TWIN = (BY_ID[id_] for id_ in ("1001", "1002", "1003", "1006"))
ALL_STD = [STD_YEAR, STD_MONTH, STD_TWIN]


def sent(**members: Any) -> OrderProductRequest:
    return OrderProductRequest(**members)


def fault(found: CatalogueProduct | Fault) -> tuple[str, str]:
    assert isinstance(found, Fault)
    return found.field, found.message


# --- identifying -----------------------------------------------------------------------------------------------------


def test_an_id_alone_decides() -> None:
    line = sent(id="1001", vendor="another", subscription_period=MONTH)
    assert identify(line, "products[0]", PRODUCTS) == STD_YEAR
    assert fault(identify(sent(id="77"), "products[0]", PRODUCTS)) == (
        "products[0].id",
        "No entity has been found with id 77",
    )


def test_an_id_and_an_mpn_that_contradict_each_other_are_told() -> None:
    assert identify(sent(id="1001", mpn="STD"), "products[0]", PRODUCTS) == STD_YEAR
    field, message = fault(identify(sent(id="1001", mpn="ADD"), "products[0]", PRODUCTS))
    assert (field, message.partition(":")[0]) == ("products[0].mpn", "contradicts id")


@pytest.mark.parametrize(
    ("members", "narrowing", "found"),
    [
        ({"vendor": "OTHER"}, Narrowing(), STD_TWIN),
        ({"subscription_period": MONTH}, Narrowing(), STD_MONTH),
        ({"vendor": "acme", "subscription_period": YEAR}, Narrowing(), STD_YEAR),
        ({}, Narrowing(plan_id="104"), STD_TWIN),
        ({"subscription_period": YEAR}, Narrowing(plan_id="101"), STD_YEAR),
        ({}, Narrowing(subscription_period=MONTH), STD_MONTH),
    ],
)
def test_an_mpn_is_narrowed_by_what_the_line_says(
    members: dict[str, Any], narrowing: Narrowing, found: CatalogueProduct
) -> None:
    assert identify(sent(mpn="STD", **members), "products[0]", ALL_STD, narrowing) == found


def test_an_mpn_keeps_its_case() -> None:
    assert isinstance(identify(sent(mpn="std"), "products[0]", ALL_STD), Fault)


def test_what_is_not_found_names_all_that_was_asked_for() -> None:
    line = sent(mpn="STD", vendor="acme", subscription_period=MONTH, billing_period=YEAR)
    field, message = fault(identify(line, "products[2]", ALL_STD, Narrowing(plan_id="9")))
    assert field == "products[2].mpn"
    assert message.startswith(
        "No entity has been found with mpn STD, vendor acme, subscriptionPeriod 1 month, billingPeriod 1 year, planId 9"
    )
    assert "1001 (" in message  # what there is with this MPN


def test_what_is_ambiguous_names_what_would_decide_and_lists_the_candidates() -> None:
    field, message = fault(identify(sent(mpn="STD"), "products[0]", ALL_STD))
    assert field == "products[0].mpn"
    assert message.startswith("is ambiguous, send vendor or subscriptionPeriod or planId, or id as well; there are: ")
    assert all(one.id in message for one in ALL_STD)
    _, message = fault(identify(sent(mpn="STD", vendor="acme"), "products[0]", ALL_STD))
    assert message.startswith("is ambiguous, send subscriptionPeriod, or id as well")
    same = [STD_YEAR, structs.replace(STD_YEAR, id="7")]
    assert fault(identify(sent(mpn="STD"), "products[0]", same))[1].startswith("is ambiguous, send id as well")


def test_only_some_of_many_candidates_are_listed() -> None:
    many = [structs.replace(STD_YEAR, id=f"id-{number}") for number in range(MOST_CANDIDATES_TOLD + 3)]
    _, message = fault(identify(sent(mpn="STD"), "products[0]", many))
    assert message.endswith("and 3 more")


def test_a_line_that_occurs_twice_is_told() -> None:
    lines = [
        Chosen("products[0]", sent(mpn="STD"), STD_YEAR),
        Chosen("products[1]", sent(mpn="ADD"), ADD),
        Chosen("products[2]", sent(id="1001"), STD_YEAR),
    ]
    (found,) = twice(lines)
    assert found.field == "products[2].id"
    assert found.message.startswith("is in the order twice: products[0] is product 1001 as well")


# --- quantities ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("0", "must be 2 or more"),
        ("-3", "must be 2 or more"),
        ("1", "must be 2 or more"),
        ("2", None),
        ("300", None),
        ("301", "must be 300 or less"),
        ("2.5", "must be a whole number"),
    ],
)
def test_what_is_bought_lies_between_least_and_most(quantity: str, message: str | None) -> None:
    assert sale_fault(BY_ID["1005"], Decimal(quantity)) == message


def test_the_sum_of_a_switch_is_no_more_than_the_contract_holds() -> None:
    endless = structs.replace(STD_YEAR, maximum_quantity=None)
    for fault_of in (sale_fault, total_fault):
        assert fault_of(endless, Decimal(2**31 - 1)) is None
        assert fault_of(endless, Decimal(2**31)) == "must be 2147483647 or less"


def test_what_has_no_least_is_bought_once_at_least() -> None:
    assert sale_fault(STD_YEAR, Decimal(0)) == "must be 1 or more"
    assert sale_fault(BY_ID["1008"], Decimal(0)) == "must be more than 0"
    assert sale_fault(BY_ID["1008"], Decimal("0.25")) is None


@pytest.mark.parametrize(
    ("id_", "quantity", "message"),
    [
        ("1001", "-1", "is the new total, not the difference: must be 0 or more"),
        ("1001", "0", None),
        ("1001", "5", None),
        ("1001", "0.5", "must be a whole number"),
        ("1001", "301", "must be 300 or less"),
        ("1005", "0", "must be 2 or more: "),
        ("1005", "1", "must be 2 or more"),
        ("1008", "0.5", None),
    ],
)
def test_a_change_names_the_new_total(id_: str, quantity: str, message: str | None) -> None:
    found = total_fault(BY_ID[id_], Decimal(quantity))
    assert found == message if message is None else (found or "").startswith(message)


@pytest.mark.parametrize(
    ("present", "quantity", "message"),
    [
        ("15", "12", None),
        ("15", "10", None),
        ("15", "4", None),
        ("15", "15", None),
        ("15", "16", "must be 10 or less, or less than the 15 that there are"),
        ("15", "3", "must be 4 or more"),
        ("15", "12.5", "must be a whole number"),
        ("2", "3", None),
        ("2", "4", None),
        ("2", "2", None),
        ("2", "1", "must be 4 or more, or more than the 2 that there are"),
        ("2", "0", "must be 4 or more: "),
        ("2", "11", "must be 10 or less"),
        ("2", "-1", "is the new total"),
        ("5", "11", "must be 10 or less"),
        ("5", "3", "must be 4 or more"),
    ],
)
def test_a_total_may_come_nearer_to_limits_that_have_moved(present: str, quantity: str, message: str | None) -> None:
    moved = structs.replace(STD_YEAR, minimum_quantity=Decimal(4), maximum_quantity=Decimal(10))
    found = total_fault(moved, Decimal(quantity), Decimal(present))
    assert found == message if message is None else (found or "").startswith(message)


# --- dependencies ----------------------------------------------------------------------------------------------------

ADD_LINE = Dependent(ADD, "products[0]")


def test_what_is_missing_in_the_same_plan_is_added_with_its_least() -> None:
    done = complete([ADD_LINE], ["1003"], {101: PRODUCTS}, [], [ADD])
    assert ([(one.id, many) for one, many in done.added], done.faults) == ([("1001", Decimal(1))], [])
    least = structs.replace(STD_YEAR, minimum_quantity=Decimal(5))
    assert complete([ADD_LINE], ["1003"], {101: [least]}, [], [ADD]).added == [(least, Decimal(5))]


def test_nothing_is_added_where_it_is_there() -> None:
    assert complete([ADD_LINE], ["1003", "1001"], {101: PRODUCTS}, [], [ADD]) == ([], [])


def test_what_is_added_brings_what_it_depends_on_itself() -> None:
    base = product("1", 1, "BASE")
    middle = product("2", 1, "MIDDLE", depends_on=[Dependency("BASE", "1")])
    top = product("3", 1, "TOP", depends_on=[Dependency("MIDDLE", "2")])
    done = complete([Dependent(top, "products[0]")], ["3"], {1: [base, middle, top]}, [], [top])
    assert [one.id for one, _ in done.added] == ["2", "1"]


def test_what_another_plan_must_have_is_held_or_bought_as_well() -> None:
    extra = BY_ID["1007"]
    wanting = [Dependent(extra, "products[3]")]
    plans = {105: [extra]}
    (found,) = complete(wanting, ["1007"], plans, [], [extra]).faults
    assert found.field == "products[3].id"
    assert found.message.startswith("needs STD (product 1001), on which EXTRA depends")
    assert complete(wanting, ["1007"], plans, [Held("1002", 101, "STD", "1000177")], [extra]).faults == []
    assert complete(wanting, ["1007"], plans, [], [extra, STD_MONTH]).faults == []
    assert complete(wanting, ["1007"], plans, [Held("1006", 104, "STD", "1")], [extra, STD_TWIN]).faults == [found]


def test_what_is_not_sold_any_more_is_not_added() -> None:
    retired = structs.replace(STD_YEAR, state="retired")
    done = complete([ADD_LINE], ["1003"], {101: [retired]}, [], [ADD])
    assert (done.added, [one.field for one in done.faults]) == ([], ["products[0].id"])
