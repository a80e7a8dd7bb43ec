"""What an order of each type costs, from the order itself: an estimate, the order placed and the order completed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec import structs

from emporion.catalogue.plans import Plan, Policies, SubscriptionPeriod
from emporion.catalogue.rates import Rates, flat
from emporion.orders.charging import charges
from emporion.orders.completion import Completing, completed, new_item
from emporion.orders.kept import KeptOrder, OrderLine
from emporion.subscriptions import KeptSubscription, SubscriptionItem
from tests.orders.examples import MONTH, YEAR, lines

DAY = date(2026, 9, 28)
PLAN = Plan(
    id=5, key="mail", vendor="acme", service_name="MAIL", fulfillment="automatic", name="Mail", state="published",
    subscription_periods=[SubscriptionPeriod("year", 1)], billing_period=MONTH,
    billing_model="chargeBeforeBillingPeriod",
)  # fmt: skip
LINE = OrderLine(
    product_id="1000301", mpn="MAIL", vendor="acme", name="Mail", plan_id=5, billing_period=MONTH,
    subscription_period=YEAR, quantity=Decimal(12),
    rates=[Rates(flat(Decimal("3.9"))), Rates(flat(Decimal("4.5")), flat(Decimal(10)))],
)  # fmt: skip
ORDER = KeptOrder(
    id="1", order_number="SO000001", type="sales", customer_id=1, chain=[999999], currency="EUR", created_at=0,
    day="2026-09-18", status="submitted", status_code="OP", lines=[LINE],
)  # fmt: skip
RUNNING = KeptSubscription(
    id="1000177", customer_id=1, chain=[999999], currency="EUR", plan_id=5, name="Mail", status="active",
    billing_model="chargeBeforeBillingPeriod", billing_period=MONTH, subscription_period=YEAR, renews=True,
    created="2026-09-18", last_modified="2026-09-18", anchor="2026-09-18", term_start="2026-09-18",
    expiration="2027-09-18",
)  # fmt: skip


def _of(type_: str, quantity: int, previous: int, policies: Policies | None = None) -> list[tuple[str, str, str, str]]:
    line = structs.replace(LINE, quantity=Decimal(quantity), previous_quantity=Decimal(previous))
    order = structs.replace(ORDER, type=type_, lines=[line], subscription_id=RUNNING.id)
    plans = {5: structs.replace(PLAN, policies=policies or Policies())}
    return lines(charges(order, plans, RUNNING, DAY))


def test_a_sale_costs_its_setup_and_its_first_period() -> None:
    found = charges(ORDER, {5: PLAN}, None, date(2026, 9, 18))
    assert lines(found) == [("setup", "12", "10", "120"), ("recurring", "12", "4.5", "54")]
    assert lines(found[:1]) == [("recurring", "12", "3.9", "46.8")]


def test_each_plan_of_a_sale_costs_what_it_costs_alone() -> None:
    other = structs.replace(LINE, product_id="1000302", plan_id=6)
    both = structs.replace(ORDER, lines=[LINE, other])
    found = charges(both, {5: PLAN, 6: structs.replace(PLAN, id=6)}, None, date(2026, 9, 18))
    assert lines(found) == 2 * [("setup", "12", "10", "120"), ("recurring", "12", "4.5", "54")]


def test_an_order_costs_what_its_estimate_said_on_the_same_day() -> None:
    assert charges(ORDER, {5: PLAN}, None, DAY) == charges(ORDER, {5: PLAN}, None, DAY)


def test_a_change_costs_the_difference() -> None:
    assert _of("change", 15, 12) == [("setup", "3", "10", "30"), ("recurring", "3", "4.5", "9")]


def test_a_renewal_costs_the_period_that_follows() -> None:
    assert _of("renewal", 12, 12) == [("renew", "12", "4.5", "54")]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (Policies(), [("cancellation", "-12", "4.5", "-36")]),
        (Policies(cancellation="at_term_end"), []),
        (Policies(cancellation="at_term_end", return_days=14), [("cancellation", "-12", "4.5", "-36")]),
        (Policies(cancellation_refund="none"), []),
    ],
)
def test_a_cancellation_gives_back_what_its_plan_says(
    policies: Policies, expected: list[tuple[str, str, str, str]]
) -> None:
    assert _of("cancellation", 0, 12, policies) == expected


def test_a_cancellation_gives_back_at_the_price_that_was_paid() -> None:
    dear = [Rates(flat(Decimal(400)))] * 2
    item = SubscriptionItem(
        product_id=LINE.product_id, mpn="MAIL", vendor="acme", name="Mail", quantity=Decimal(12), rates=LINE.rates,
        next_rates=dear,
    )  # fmt: skip
    line = structs.replace(LINE, quantity=Decimal(0), previous_quantity=Decimal(12), rates=dear)
    order = structs.replace(ORDER, type="cancellation", lines=[line], subscription_id=RUNNING.id)
    found = charges(order, {5: PLAN}, structs.replace(RUNNING, items=[item]), DAY)
    assert lines(found) == [("cancellation", "-12", "4.5", "-36")]


def test_an_order_without_lines_has_no_charges_for_each_link() -> None:
    order = structs.replace(ORDER, type="renewal", lines=[], subscription_id=RUNNING.id)
    assert charges(order, {5: PLAN}, RUNNING, DAY) == [[], []]


@pytest.mark.parametrize(
    ("day", "given_back"), [(DAY, "-36"), (date(2026, 10, 17), "-1.8"), (date(2026, 10, 18), None)]
)
def test_what_was_never_charged_is_not_given_back(day: date, given_back: str | None) -> None:
    sold = structs.replace(RUNNING, status="pending", items=[], anchor=None, term_start=None, expiration=None)
    sold = structs.replace(sold, items=[new_item(LINE)])
    plans = {5: PLAN}
    running = completed(Completing(ORDER, {RUNNING.id: sold}, plans, date(2026, 9, 18))).subscriptions[RUNNING.id]
    assert running.charged_until == "2026-10-18"
    line = structs.replace(LINE, quantity=Decimal(0), previous_quantity=Decimal(12), subscription_id=RUNNING.id)
    order = structs.replace(ORDER, type="cancellation", lines=[line], subscription_id=RUNNING.id)
    found = lines(charges(order, plans, running, day))
    assert [amount for *_, amount in found] == ([given_back] if given_back else [])
