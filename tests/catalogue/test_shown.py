"""Plans and products as clients see them: amounts and ids are strings, and each tier is a row of its own."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from emporion.catalogue.plans import PlanSwitch, SubscriptionPeriod
from emporion.catalogue.products import Coterming, Dependency
from emporion.catalogue.rates import Rates
from emporion.catalogue.shown import parameters_shown, plan_shown, plan_switches_shown, product_shown
from tests.catalogue_samples import MONTH, YEAR, price, sample_catalogue, sample_plan, sample_product, tiers

PRODUCT = sample_product(
    1000301,
    1000305,
    mpn="ACME-MAIL-STD",
    name="Acme Mail Standard",
    maximum_quantity=Decimal(300),
    depends_on=[Dependency("ACME-BASE", "1000300", 1000299)],
).product


def test_a_product_is_shown_as_the_contract_has_it() -> None:
    shown = product_shown(PRODUCT, "EUR", price=price("4.50", "10"), cost=price("3.9"))
    assert msgspec.json.decode(msgspec.json.encode(shown)) == {
        "mpn": "ACME-MAIL-STD",
        "vendor": "acme",
        "id": "1000301",
        "serviceName": "ACME_MAIL",
        "name": "Acme Mail Standard",
        "minimumQuantity": "1",
        "maximumQuantity": "300",
        "prices": [
            {"currency": "EUR", "amount": "4.5", "type": "recurring", "model": "FLAT"},
            {"currency": "EUR", "amount": "10", "type": "setup", "model": "FLAT"},
        ],
        "costs": [{"currency": "EUR", "amount": "3.9", "type": "recurring", "model": "FLAT"}],
        "billingPeriod": {"type": "month", "duration": 1},
        "subscriptionPeriod": {"type": "year", "duration": 1},
        "billingModel": "chargeBeforeBillingPeriod",
        "dependsOn": [{"mpn": "ACME-BASE", "id": "1000300"}],
        "coterming": {"required": "RESTRICTED"},
    }


def test_each_tier_is_a_row_with_its_lower_limit() -> None:
    rate = tiers("TIERED", (0, "4"), (10, "3.333333"))
    shown = product_shown(PRODUCT, "EUR", price=Rates(rate, tiers("VOLUME_ORDER", (0, "1"))), cost=price("0"))
    assert msgspec.to_builtins(shown.prices) == [
        {"currency": "EUR", "amount": "4", "type": "recurring", "model": "TIERED", "lowerLimit": 0},
        {"currency": "EUR", "amount": "3.333333", "type": "recurring", "model": "TIERED", "lowerLimit": 10},
        {"currency": "EUR", "amount": "1", "type": "setup", "model": "VOLUME_ORDER", "lowerLimit": 0},
    ]
    assert b'"lowerLimit":10,' in msgspec.json.encode(shown).replace(b"}", b",")


def test_what_there_is_not_is_left_out() -> None:
    product = sample_product(
        1, 2, minimum_quantity=Decimal("0.50"), coterming=Coterming("ALLOWED", "END_OF_MONTH")
    ).product
    shown = msgspec.to_builtins(product_shown(product, "EUR", price=price("1"), cost=price("1")))
    assert "maximumQuantity" not in shown
    assert (shown["minimumQuantity"], shown["dependsOn"]) == ("0.5", [])
    assert shown["coterming"] == {"required": "ALLOWED", "type": "END_OF_MONTH"}


def test_only_parameters_of_orders_are_shown() -> None:
    plan = sample_catalogue()[0].plan
    assert msgspec.to_builtins(parameters_shown(plan.parameters)) == [
        {
            "name": "domain",
            "type": "domain",
            "phase": "ordering",
            "required": True,
            "title": "Domain",
            "description": "Where mail is received.",
        },
        {
            "name": "region",
            "type": "choice",
            "phase": "ordering",
            "required": False,
            "choices": [
                {"value": "eu", "label": "Europe", "default": True},
                {"value": "us", "label": "America", "default": False},
            ],
        },
        {"name": "code", "type": "text", "phase": "ordering", "required": False, "pattern": "^[a-z]+$"},
    ]


def test_a_plan_is_shown_as_the_contract_has_it() -> None:
    plan = sample_plan(
        10005,
        [],
        name="Acme Mail",
        short_description="Mail for teams",
        subscription_periods=[SubscriptionPeriod("year", 1), SubscriptionPeriod("month", 1, trial=True, active=False)],
    ).plan
    assert msgspec.to_builtins(plan_shown(plan)) == {
        "id": "10005",
        "name": "Acme Mail",
        "shortDescription": "Mail for teams",
        "longDescription": "",
        "published": True,
        "subscriptionPeriods": [
            {"type": "year", "duration": 1, "trial": False, "active": True},
            {"type": "month", "duration": 1, "trial": True, "active": False},
        ],
        "billingPeriod": {"type": "month", "duration": 1},
        "billingModel": "chargeBeforeBillingPeriod",
    }


def test_ways_to_plans_that_are_not_seen_are_left_out() -> None:
    ways = [
        PlanSwitch(
            plan_id=plan_id,
            subscription_period=MONTH,
            source_subscription_period=YEAR,
            billing_policy="no_refund",
            when_effective="next_billing_period",
            items={"A": "B"},
        )
        for plan_id in (1, 2, 3)
    ]
    shown = plan_switches_shown(sample_plan(1, [], switches=ways).plan, seen=[3])
    assert [way.plan_id for way in shown] == [1, 3]
    assert msgspec.to_builtins(shown[1]) == {
        "planId": 3,
        "subscriptionPeriod": {"type": "month", "duration": 1},
        "billingPolicy": "no_refund",
        "whenEffective": "next_billing_period",
        "sourceSubscriptionPeriod": {"type": "year", "duration": 1},
    }
