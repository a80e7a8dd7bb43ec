"""The catalogue's file: what it may say, and how its faults are told."""

from __future__ import annotations

import io
from decimal import Decimal
from textwrap import dedent, indent

import pytest

from emporion.catalogue.definitions import DefinedPlan, ServiceDefinition, VendorDefinition
from emporion.catalogue.kept import Delegation
from emporion.catalogue.plans import Policies, SubscriptionPeriod
from emporion.catalogue.products import Coterming
from emporion.catalogue.rates import Rate, Tier, flat
from emporion.catalogue.yaml_file import Definition, References, read_catalogue
from emporion.catalogue.yaml_nodes import MOST_FAULTS, Faults, Unreadable
from emporion.periods import Period

HEAD = """
vendors: {acme: Acme GmbH}
services:
  MAIL: {vendor: acme, fulfillment: automatic}
"""
PLAN = """
plans:
  mail:
    service: MAIL
    name: Mail
    periods: 1 year
    items:
      STD: {name: Standard, prices: {EUR: 4.50}}
"""


def read(text: str | bytes) -> tuple[list[Definition], list[str]]:
    """What stands in a file, and its faults, each as `line path message`."""
    faults, references = Faults(), References()
    content = text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode()
    definitions = list(read_catalogue(io.BytesIO(content), faults, references))
    plans = {plan.plan.key: plan for plan in definitions if isinstance(plan, DefinedPlan)}
    references.check(plans.__getitem__, faults)
    return definitions, [f"{line} {path} {message}" for line, path, message in faults.in_order()]


def faults_of(text: str) -> list[str]:
    return read(text)[1]


def fault_of(text: str) -> str:
    """The only fault of a file."""
    (fault,) = faults_of(text)
    return fault


def plan(**members: str) -> str:
    """A file with one plan that has these members beside, or instead of, the usual ones."""
    usual = {
        "service": "MAIL",
        "name": "Mail",
        "periods": "1 year",
        "items": "{STD: {name: Standard, prices: {EUR: 1}}}",
    }
    lines = "".join(f"    {name}: {value}\n" for name, value in {**usual, **members}.items())
    return f"{HEAD}plans:\n  mail:\n{lines}"


def item(**members: str) -> str:
    """A file with one plan for a year and a month, and one item."""
    usual = {"name": "Standard", "prices": "{EUR: 1}"}
    lines = ", ".join(f"{name}: {value}" for name, value in {**usual, **members}.items())
    return plan(periods="[1 year, 1 month]", items=f"{{STD: {{{lines}}}}}")


def parameter(text: str, fulfillment: str = "automatic") -> str:
    """A file with a service that has one parameter."""
    head = f"services:\n  S: {{vendor: acme, fulfillment: {fulfillment}, parameters: {{p: {text}}}}}"
    return f"vendors: {{acme: A}}\n{head}{PLAN.replace('service: MAIL', 'service: S')}"


def the_plan(text: str) -> DefinedPlan:
    definitions, faults = read(text)
    assert faults == []
    (found,) = [one for one in definitions if isinstance(one, DefinedPlan)]
    return found


def test_a_file_gives_its_vendors_services_and_plans() -> None:
    vendor, service, defined = read(HEAD + PLAN)[0]
    assert vendor == VendorDefinition("acme", "Acme GmbH")
    assert service == ServiceDefinition(key="MAIL", vendor="acme", fulfillment="automatic")
    assert isinstance(defined, DefinedPlan)
    assert defined.plan.key == "mail"
    assert defined.plan.periods == [SubscriptionPeriod("year", 1)]
    assert (defined.plan.state, defined.plan.policies) == ("draft", Policies())
    (sold,) = defined.items
    assert (sold.mpn, sold.name) == ("STD", "Standard")
    assert sold.prices["EUR"].price == flat(Decimal("4.50"))


def test_sections_may_stand_in_any_order() -> None:
    assert faults_of(PLAN + HEAD) == []


def test_an_amount_is_its_text() -> None:
    amounts = {"EUR": "0.1", "USD": "'4.50'", "GBP": "0.000001", "CHF": "999999999999.999999"}
    listed = ", ".join(f"{currency}: {amount}" for currency, amount in amounts.items())
    (sold,) = the_plan(item(prices=f"{{{listed}}}")).items
    for currency, amount in amounts.items():
        assert str(sold.prices[currency].price.tiers[0].amount) == amount.strip("'")


@pytest.mark.parametrize(
    "amount", ["4,50", "1e3", "-1", "+1", ".5", "5.", "0x10", "1_000", "NaN", "1.0000001", "yes", "''", "1 000", "1:30"]
)
def test_what_is_no_plain_decimal_is_no_amount(amount: str) -> None:
    assert "must be an amount such as 4.50" in fault_of(item(prices=f"{{EUR: {amount!r}}}"))


def test_an_amount_with_a_comma_is_told_though_yaml_takes_it_for_two() -> None:
    assert fault_of(item(prices="{EUR: 4,50}")).endswith("such as EUR; write an amount with a point, such as 4.50")
    said = fault_of(item(prices="{EUR: {price: 4,50}}"))
    assert said.endswith("50 is unknown; write an amount with a point, such as 4.50")


def test_an_mpn_is_its_text() -> None:
    for mpn in ("007", "1e3", "yes", "0x1F", "12:30", "2026-01-01", "true"):
        (sold,) = the_plan(plan(items=f"{{{mpn}: {{name: N, prices: {{EUR: 1}}}}}}")).items
        assert sold.mpn == mpn


def test_prices_have_short_and_long_forms() -> None:
    (sold,) = the_plan(
        item(
            prices="{EUR: {price: 5, cost: [4, 4.5], providerCost: 3, setup: {price: 10, cost: 8}}, "
            "USD: {price: 6, setup: 7}, CHF: {model: TIERED, tiers: {0: 5, 100: 4}}}",
            pricesByPeriod="{1 month: {EUR: 6}}",
        )
    ).items
    euro, dollar, franc = sold.prices.values()
    assert euro.cost == [flat(Decimal(4)), flat(Decimal("4.5"))]
    assert euro.provider_cost == flat(Decimal(3))
    assert euro.setup
    assert (euro.setup.price, euro.setup.cost) == (flat(Decimal(10)), [flat(Decimal(8))])
    assert dollar.setup
    assert dollar.setup.price == flat(Decimal(7))
    assert franc.price == Rate("TIERED", [Tier(Decimal(0), Decimal(5)), Tier(Decimal(100), Decimal(4))])
    assert sold.prices_by_period["1 month"]["EUR"].price == flat(Decimal(6))


def test_periods_have_short_and_long_forms() -> None:
    defined = the_plan(plan(periods="[1 month, 12 months, 14 days trial, {period: 2 years, active: false}]"))
    assert defined.plan.periods == [
        SubscriptionPeriod("month", 1),
        SubscriptionPeriod("month", 12),
        SubscriptionPeriod("day", 14, trial=True),
        SubscriptionPeriod("year", 2, active=False),
    ]


def test_a_plan_is_delegated_to_all_or_some() -> None:
    assert the_plan(plan(resellers="all")).plan.delegation == Delegation()
    assert the_plan(plan(resellers="[1000002, 1000000]", **{"except": "1000005"})).plan.delegation == Delegation(
        [1000000, 1000002], [1000005]
    )
    assert "1000000, and withheld from it" in fault_of(plan(resellers="1000000", **{"except": "1000000"}))
    assert "must be the id of a reseller" in fault_of(plan(resellers="Acme"))


def test_policies_and_coterming_are_read() -> None:
    defined = the_plan(plan(policies="{returnDays: 7, cancellation: at_term_end, automaticRenewal: no}"))
    assert defined.plan.policies == Policies(return_days=7, cancellation="at_term_end", automatic_renewal=False)
    (sold,) = the_plan(item(coterming="{required: ALLOWED, type: END_OF_MONTH}")).items
    assert sold.coterming == Coterming("ALLOWED", "END_OF_MONTH")


def test_all_faults_are_told_with_their_lines_and_paths() -> None:
    text = """
        vendors: {acme: Acme GmbH}
        services:
          MAIL:
            vendor: acne
            fulfilment: automatic
        plans:
          mail:
            service: MIAL
            name: Mail
            periods: [1 yaer]
            items:
              STD:
                nmae: Standard
                minimum: 5
                maximum: 3
                prices:
                  eur: 4.50
                  USD: 4,50
          other: {service: MAIL, name: Other, periods: 1 year, items: {X: {name: X, prices: {EUR: 1}, dependsOn: Y}}}
    """
    faults = faults_of(text)
    assert [fault.split()[0] for fault in faults] == ["4", "5", "10", "13", "13", "15", "17", "18", "19"]
    assert "5 services.MAIL.fulfilment is unknown; did you mean fulfillment?" in faults
    assert "13 plans.mail.items.STD.nmae is unknown; did you mean name?" in faults
    assert any(
        fault.startswith("17 plans.mail.items.STD.prices.eur") and "did you mean EUR?" in fault for fault in faults
    )


def test_what_names_others_must_name_what_is_there() -> None:
    assert fault_of(HEAD.replace("vendor: acme", "vendor: acne") + PLAN) == (
        "3 services.MAIL.vendor is acne, which is no vendor of the file; did you mean acme?"
    )
    assert "is MIAL, which is no service of the file; did you mean MAIL?" in fault_of(plan(service="MIAL"))
    assert "names mial, which is no plan of the file; did you mean mail?" in fault_of(
        item(dependsOn="{plan: mial, mpn: STD}")
    )
    assert "names SDT, which is no item of mail; did you mean STD?" in fault_of(
        item(dependsOn="{plan: mail, mpn: SDT}")
    )
    assert "depends on itself" in fault_of(item(dependsOn="STD"))


def test_a_dependency_must_be_sold_for_the_same_periods() -> None:
    items = "{A: {name: A, prices: {EUR: 1}, dependsOn: B}, B: {name: B, prices: {EUR: 1}, periods: 1 year}}"
    assert "depends on B, which is not sold for 1 month" in fault_of(plan(periods="[1 year, 1 month]", items=items))


def test_a_plan_may_be_billed_by_the_statement_day() -> None:
    definitions, faults = read(plan(billingPeriod="1 statement_day"))
    (found,) = [one for one in definitions if isinstance(one, DefinedPlan)]
    assert (found.plan.billing_period, faults) == (Period("statement_day", 1), [])


@pytest.mark.parametrize(
    ("state", "other", "is_faulty"),
    [
        ("published", "draft", True),
        ("published", "published", False),
        ("published", "retired", False),  # who has it still may buy what is added to it
        ("draft", "draft", False),
        ("retired", "draft", False),
    ],
)
def test_what_is_published_depends_on_no_draft(state: str, other: str, is_faulty: bool) -> None:
    items = "{A: {name: A, prices: {EUR: 1}, dependsOn: {plan: plus, mpn: C}}}"
    plus = f"service: MAIL, name: Plus, state: {other}, periods: 1 year, items: {{C: {{name: C, prices: {{EUR: 1}}}}}}"
    told = [
        "5 plans.mail.items.A.dependsOn names C of plus, a draft, which is not sold; publish plus as well, or make "
        "mail a draft, too"
    ]
    assert faults_of(plan(state=state, items=items) + f"  plus: {{{plus}}}\n") == (told if is_faulty else [])


def test_items_must_not_depend_on_each_other_in_a_circle() -> None:
    items = "{A: {name: A, prices: {EUR: 1}, dependsOn: B}, B: {name: B, prices: {EUR: 1}, dependsOn: A}}"
    assert "items.A.dependsOn leads back to A by way of B of mail" in fault_of(plan(items=items))
    items = items.replace("A}}", "{plan: plus, mpn: C}}}")
    other = "service: MAIL, name: Plus, periods: 1 year, items: {C: {name: C, prices: {EUR: 1}"
    assert faults_of(plan(items=items) + f"  plus: {{{other}}}}}}}\n") == []
    assert " leads back to " in fault_of(
        plan(items=items) + f"  plus: {{{other}, dependsOn: {{plan: mail, mpn: A}}}}}}}}\n"
    )


def test_a_switch_maps_every_item() -> None:
    switch = "{other: {from: 1 year, to: 1 year, billingPolicy: no_refund%s}}"
    other = "  other: {service: MAIL, name: O, periods: 1 year, items: {PLUS: {name: P, prices: {EUR: 1}}}}\n"
    fault = fault_of(plan(switches=switch % "") + other)
    assert "is STD, which is no item of other; name one of its items, or null" in fault
    defined = read(plan(switches=switch % ", items: {STD: PLUS}") + other)
    assert defined[1] == []
    assert faults_of(plan(switches=switch % ", items: {STD: ~}") + other) == []
    assert "leads to 1 month, which is none of the periods of other: 1 year" in fault_of(
        plan(switches=(switch % ", items: {STD: PLUS}").replace("to: 1 year", "to: 1 month")) + other
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (plan(billingPeriod="30 days"), "not supported: plans billed by days"),
        (plan(billingModel="chargeExternalRating"), "not supported yet: chargeExternalRating"),
        (plan(policies="{decrease: next_billing_period}"), "not supported yet: next_billing_period"),
        (plan(policies="{decrease: next_subscription_period}"), "not supported yet: next_subscription_period"),
        (
            plan(switches="{mail: {from: 1 year, to: 1 year, billingPolicy: period_change}}"),
            "not supported yet: period_change",
        ),
        (
            plan(
                switches="{mail: {from: 1 year, to: 2 years, billingPolicy: no_refund, "
                "whenEffective: next_billing_period}}",
                periods="[1 year, 2 years]",
            ),
            "not supported yet: next_billing_period",
        ),
        (
            item(prices="{EUR: {model: VOLUME_RESOURCE_AGGREGATED, tiers: {0: 1}}}"),
            "not supported yet: VOLUME_RESOURCE_AGGREGATED",
        ),
        (item(prices="{EUR: {price: 1, overuse: 2}}"), "not supported yet: overuse"),
        (HEAD.replace("automatic", "connector") + PLAN, "not supported yet: connector"),
        (item(coterming="MANDATORY"), "not supported yet: MANDATORY"),
        (parameter("{type: object}"), "not supported yet: object"),
        (parameter("{type: text, phase: configuration}"), "not supported yet: configuration"),
    ],
)  # fmt: skip
def test_what_is_not_supported_yet_is_refused_by_name(text: str, said: str) -> None:
    assert any(said in fault for fault in faults_of(text)), faults_of(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (plan(periods="[1 month, 30 days]"), "is counted in days, which only a trial can be"),
        (plan(periods="[1 month, 1 month trial]"), "is there twice: 1 month; a trial needs a length of its own"),
        (plan(periods="3 months", billingPeriod="1 year"), "which is no multiple of its billing period"),
        (plan(periods="[]"), "has no period"),
        (plan(periods="0 months"), "must be a period such as 1 month"),
        (plan(periods="1201 months"), "must be a period such as 1 month"),
        (plan(periods="1 statement_day"), "is a billing period, and no length of a term"),
        (plan(periods="1 year", billingPeriod="5 statement_days"), "which is no multiple of its billing period"),
        (plan(items="{}"), "has no item"),
        (plan(items="[STD]"), "must be a mapping from the MPN of each item to what it is, not a list"),
        (plan(state="publisht"), "must be draft, published or retired, not 'publisht'; did you mean published?"),
        (plan(name="''"), "must not be empty"),
        (plan(name="[a]"), "must be a text, not a list"),
        (plan(published="true"), "did you mean state?"),
        (plan(policies="{returnDays: 1.5}"), "must be a whole number from 0 to 3,650, not 1.5"),
        (item(minimum="1.5"), "must be a whole number, not 1.5, unless the item says fractions: true"),
        (item(minimum="2147483648"), "minimum must be 2147483647 or less, not 2147483648"),
        (item(maximum="99999999999"), "maximum must be 2147483647 or less, not 99999999999"),
        (item(prices="{EUR: {model: TIERED, tiers: {0: 5, 2147483648: 4}}}"),
         "must be 2147483647 or less where the tier begins, not 2147483648"),
        (item(prices="{EUR: {model: TIERED, tiers: {0: 5, ten: 4}}}"), "must be a quantity such as 1 or 300"),
        (item(maximum="0"), "has the maximum 0; leave it out"),
        (item(periods="2 years"), "is 2 years, which is none of the periods of the plan: 1 year, 1 month"),
        (item(prices="{}"), "has no currency"),
        (item(prices="{EUR: {cost: 1}}"), "has no price"),
        (item(prices="{EUR: {model: TIERED, tiers: {1: 5}}}"), "must begin at 0, not at 1"),
        (item(prices="{EUR: {model: TIERED, tiers: {}}}"), "prices.EUR.tiers has no tiers"),
        (item(prices="{EUR: {price: 1, cost: {model: TIERED, tiers: {}}}}"), "prices.EUR.cost.tiers has no tiers"),
        (item(prices="{EUR: {model: TIERED, tiers: {0: 5, 0.0: 4}}}"), "begins where another tier begins"),
        (item(prices="{EUR: {model: FLAT, tiers: {0: 5, 10: 4}}}"), "is FLAT, which has no tiers"),
        (parameter("{type: choice}"), "has no choices, which the type choice needs"),
        (parameter("{type: text, choices: [a]}"), "has choices, which the type text does not have"),
        (parameter("{type: choice, choices: [a], default: b}"), "has the default b, which is none of its choices"),
        (parameter("{type: text, pattern: '('}"), "services.S.parameters.p.pattern"),
        (parameter("{type: text, phase: fulfillment}"), "has no template, though an automatic service gives it back"),
        (parameter("{type: text, phase: fulfillment, template: x}", "manual"), "has a template, which only"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    assert said in fault_of(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("# nothing\n", "is empty"),
        ("- a\n", "is no catalogue"),
        ("a text", "is no catalogue"),
        ("plans: {a: [}\n", "is no YAML"),
        (b"\tplans: 1\n", "is no YAML"),
        (HEAD + PLAN + "---\na: 1\n", "has a second document"),
        ("plans:\n  a: " + "[" * 100 + "]" * 100, "is nested more than 16 deep"),
        ("plans: " + "[" * 100_000, "is nested more than 16 deep"),
        ("others: " + "[" * 100_000, "is nested more than 16 deep"),
        (b"plans: \xff\xfe\n", "is no text in UTF-8"),
        (b"plans: {a: '\x01'}\n", "has a control character, U+0001"),
    ],
)
def test_what_is_no_catalogue_is_told_as_such(text: str | bytes, said: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(text)
    assert said in raised.value.message


def test_a_fault_of_the_yaml_has_its_line() -> None:
    with pytest.raises(Unreadable) as raised:
        read("vendors:\n  a: A\nservices:\n  b: 'x\n")
    assert raised.value.line == 5


def test_what_hides_more_than_it_tells_is_refused() -> None:
    text = plan(items="{STD: &x {name: Standard, prices: {EUR: 1}}, B: *x}")
    anchor, alias, *_ = faults_of(text)
    assert "has an anchor (&x); anchors and aliases are not supported: write it out" in anchor
    assert "is an alias (*x), which is not supported: write it out" in alias
    assert "has a tag (!)" in fault_of(plan(name="!!python/name:os.system Mail"))
    assert "has a merge (<<)" in fault_of(plan(**{"<<": "{name: x}"}))
    assert "has a key that is no text" in fault_of(plan(**{"? [a]\n    ": "b"}))


def test_a_bomb_of_aliases_is_not_expanded() -> None:
    lines = ["vendors:", "  a0: &a0 [x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    faults = faults_of("\n".join([*lines, PLAN]))
    assert len(faults) < MOST_FAULTS


def test_what_is_there_twice_is_told_with_both_lines() -> None:
    assert "is there twice, on line 7 as well" in fault_of(plan() + "    name: Again\n")
    assert faults_of(HEAD + PLAN + indent("STD: {name: Again, prices: {EUR: 1}}\n", "      "))[0].startswith(
        "12 plans.mail.items.STD is there twice, on line 11 as well"
    )
    assert "mail is there twice" in fault_of(HEAD + PLAN + "  mail: {}\n")
    assert "plans is there twice" in fault_of(HEAD + PLAN + "plans: {}\n")


def test_a_file_without_plans_is_refused_since_it_would_retire_all() -> None:
    assert "a catalogue without plans would retire all" in fault_of(HEAD)


def test_faults_beyond_a_number_are_counted_only() -> None:
    faults = Faults()
    for line in range(MOST_FAULTS + 5):
        faults.add(line, "", "")
    assert (len(faults.kept), faults.count) == (MOST_FAULTS, MOST_FAULTS + 5)
