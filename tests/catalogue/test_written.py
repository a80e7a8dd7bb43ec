"""Definitions are written so that reading them gives the same again."""

from __future__ import annotations

import io
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emporion.catalogue.definitions import (
    AmountsDefinition,
    DefinedPlan,
    DependencyDefinition,
    ItemDefinition,
    PlanDefinition,
    PriceDefinition,
    ServiceDefinition,
    SwitchDefinition,
    VendorDefinition,
)
from emporion.catalogue.kept import Delegation
from emporion.catalogue.parameters import Choice, Parameter
from emporion.catalogue.plans import Policies, SubscriptionPeriod
from emporion.catalogue.products import Coterming
from emporion.catalogue.rates import Rate, Tier, flat
from emporion.catalogue.written import entry, section, service_form, vendor_form, written_plan
from emporion.catalogue.yaml_file import References, read_catalogue
from emporion.catalogue.yaml_nodes import Faults
from emporion.periods import Period

line = (
    st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
lines = st.lists(line, min_size=1, max_size=3).map("\n".join)
amount = st.decimals(0, 10**9, places=6).map(lambda value: value.quantize(Decimal("0.01")))
tiered = st.builds(
    lambda model, first, rest: Rate(
        model, [Tier(Decimal(0), first), *(Tier(Decimal(n), rest[n]) for n in sorted(rest))]
    ),
    st.sampled_from(["TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER"]),
    amount,
    st.dictionaries(st.integers(1, 1000), amount, min_size=1, max_size=3),
)
rate = st.one_of(amount.map(flat), tiered)
optional_rate = st.none() | rate
setup = st.builds(AmountsDefinition, price=rate, cost=st.lists(rate, max_size=2), provider_cost=optional_rate)
price = st.builds(
    PriceDefinition, price=rate, cost=st.lists(rate, max_size=3), provider_cost=optional_rate, setup=st.none() | setup
)
prices = st.dictionaries(st.sampled_from(["EUR", "USD", "JPY"]), price, min_size=1)
PERIODS = [SubscriptionPeriod("month", 1), SubscriptionPeriod("year", 1), SubscriptionPeriod("day", 14, trial=True)]
NAMES = ["1 month", "1 year", "14 days"]
item = st.builds(
    ItemDefinition,
    mpn=line,
    name=line,
    minimum=st.integers(0, 5).map(Decimal),
    maximum=st.none() | st.integers(5, 500).map(Decimal),
    fractions=st.booleans(),
    periods=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    coterming=st.sampled_from([Coterming("RESTRICTED"), Coterming("ALLOWED"), Coterming("ALLOWED", "SUBSCRIPTION")]),
    prices=prices,
    prices_by_period=st.dictionaries(st.sampled_from(NAMES), prices, max_size=1),
)
policies = st.builds(
    Policies,
    return_days=st.integers(0, 99),
    renewal_prices=st.sampled_from(["keep", "list"]),
    automatic_renewal=st.booleans(),
    cancellation=st.sampled_from(["immediately", "at_term_end"]),
)
parameter = st.builds(
    lambda name, title, choices: Parameter(
        name=name, type="choice" if choices else "text", title=title, choices=choices
    ),
    line,
    line,
    st.lists(line, max_size=3, unique=True).map(lambda some: [Choice(v, f"{v}!", n == 0) for n, v in enumerate(some)]),
)
plan = st.builds(
    PlanDefinition,
    key=st.just("mail"),
    service=st.just("MAIL"),
    name=line,
    short_description=st.just("") | line,
    long_description=st.just("") | lines,
    state=st.sampled_from(["draft", "published", "retired"]),
    periods=st.just(PERIODS),
    billing_period=st.sampled_from([Period("month", 1), Period("statement_day", 1)]),
    delegation=st.sampled_from([Delegation(), Delegation([1000000, 1000005]), Delegation(None, [1000001])]),
    policies=policies,
    switches=st.sampled_from(
        [[], [SwitchDefinition(plan="mail", source="1 month", target="1 year", billing_policy="no_refund")]]
    ),
)
PLAN = PlanDefinition(key="mail", service="MAIL", name="Mail", periods=PERIODS[:1], billing_period=Period("month", 1))
service = st.builds(
    ServiceDefinition,
    key=st.just("MAIL"),
    vendor=st.just("acme"),
    fulfillment=st.sampled_from(["automatic", "manual"]),
    parameters=st.lists(parameter, max_size=3, unique_by=lambda one: one.name),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plan, st.lists(item, min_size=1, max_size=3, unique_by=lambda one: one.mpn), service, line)
def test_what_is_written_is_read_again(
    plan: PlanDefinition, items: list[ItemDefinition], service: ServiceDefinition, vendor: str
) -> None:
    defined = DefinedPlan(plan, items)
    text = b"".join(
        [
            section("vendors"),
            entry("acme", vendor_form(VendorDefinition("acme", vendor))),
            section("services"),
            entry("MAIL", service_form(service)),
            section("plans"),
            written_plan(defined),
        ]
    )
    faults = Faults()
    read = list(read_catalogue(io.BytesIO(text), faults, References()))
    assert faults.kept == []
    assert read == [VendorDefinition("acme", vendor), service, defined]


def test_a_dependency_on_another_plan_is_written() -> None:
    one = ItemDefinition(mpn="X", name="X", prices={"EUR": PriceDefinition(price=flat(Decimal(1)))},
                         depends_on=[DependencyDefinition("Y", "other"), DependencyDefinition("Z")])  # fmt: skip
    text = written_plan(DefinedPlan(PLAN, [one])).decode()
    assert "dependsOn: [{plan: other, mpn: Y}, Z]" in text


def test_short_things_are_written_short() -> None:
    one = ItemDefinition(mpn="007", name="X", prices={"EUR": PriceDefinition(price=flat(Decimal("4.50")))})
    text = written_plan(DefinedPlan(PLAN, [one])).decode()
    assert text.endswith("    items: {'007': {name: X, prices: {EUR: '4.50'}}}\n")
