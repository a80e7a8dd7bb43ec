"""Definitions as they are written into a file: for the export, and for telling what differs in the file's own words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

import yaml
from msgspec import structs, to_builtins

from emporion.catalogue.definitions import (
    AmountsDefinition,
    DefinedPlan,
    ItemDefinition,
    PlanDefinition,
    PriceDefinition,
    Prices,
    ServiceDefinition,
    SwitchDefinition,
    VendorDefinition,
    period_text,
)
from emporion.catalogue.parameters import Parameter
from emporion.catalogue.plans import Policies, SubscriptionPeriod
from emporion.catalogue.rates import Rate

Form = dict[str, Any]

# Columns of an exported file.
WIDTH = 120
_LONGEST_IN_LINE = 90


def section(name: str) -> bytes:
    """The line with which a section of a file begins."""
    return f"{name}:\n".encode()


def entry(key: str, form: object) -> bytes:
    """A member of a section as it is written below it."""
    text = yaml.dump({key: form}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH - 2)
    return "".join(f"  {line}\n" for line in text.rstrip("\n").split("\n")).encode()


def vendor_form(vendor: VendorDefinition) -> str:
    """A vendor as a file has it, below its key."""
    return vendor.name


def service_form(service: ServiceDefinition) -> Form:
    """A service as a file has it, below its key."""
    form: Form = {"vendor": service.vendor, "fulfillment": service.fulfillment}
    if service.parameters:
        form["parameters"] = {parameter.name: _parameter(parameter) for parameter in service.parameters}
    return form


def plan_form(plan: PlanDefinition) -> Form:
    """A plan as a file has it, below its key, without its items."""
    form: Form = {"service": plan.service, "name": plan.name}
    if plan.short_description:
        form["shortDescription"] = plan.short_description
    if plan.long_description:
        form["longDescription"] = plan.long_description
    form["state"] = plan.state
    form["periods"] = [_period(period) for period in plan.periods]
    form["billingPeriod"] = period_text(plan.billing_period)
    form["billingModel"] = plan.billing_model
    if plan.delegation.resellers is not None:
        form["resellers"] = [*map(str, plan.delegation.resellers)]
    if plan.delegation.withheld:
        form["except"] = [*map(str, plan.delegation.withheld)]
    usual = to_builtins(Policies())
    if policies := {name: value for name, value in to_builtins(plan.policies).items() if value != usual[name]}:
        form["policies"] = policies
    if plan.switches:
        switches: dict[str, list[Form]] = {}
        for switch in plan.switches:
            switches.setdefault(switch.plan, []).append(_switch(switch))
        form["switches"] = switches
    return form


def item_form(item: ItemDefinition, *, short: bool = True) -> Form:
    """An item as a file has it, below its MPN. short: prices that are one amount are written as that alone."""
    form: Form = {"name": item.name}
    if item.minimum:
        form["minimum"] = _number(item.minimum)
    if item.maximum is not None:
        form["maximum"] = _number(item.maximum)
    if item.fractions:
        form["fractions"] = True
    if item.periods is not None:
        form["periods"] = item.periods
    if item.depends_on:
        form["dependsOn"] = [
            {"plan": needed.plan, "mpn": needed.mpn} if needed.plan else needed.mpn for needed in item.depends_on
        ]
    if item.coterming.required != "RESTRICTED":
        form["coterming"] = to_builtins(item.coterming) if item.coterming.type else item.coterming.required
    form["prices"] = _prices(item.prices, short=short)
    if item.prices_by_period:
        form["pricesByPeriod"] = {
            period: _prices(prices, short=short) for period, prices in item.prices_by_period.items()
        }
    return form


def written_plan(defined: DefinedPlan) -> bytes:
    """A plan with its items as it stands in a file."""
    form = plan_form(defined.plan)
    form["items"] = {item.mpn: item_form(item) for item in defined.items}
    return entry(defined.plan.key, form)


class _Dumper(yaml.CSafeDumper):
    """Writes what the reader takes: no aliases, and short mappings on one line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as yaml calls it
        return True

    def represent(self, data: Any) -> None:
        node = cast("yaml.MappingNode", self.represent_data(data))
        node.flow_style = False
        self.serialize(node)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = _is_short(node)
        return node

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(isinstance(inner, yaml.ScalarNode) or inner.flow_style for inner in node.value)
        return node


def _is_short(node: yaml.MappingNode) -> bool:
    """Whether a mapping, such as that of prices, fits on a line."""
    inner = [part for pair in node.value for part in pair]
    if not all(isinstance(part, yaml.ScalarNode) or part.flow_style for part in inner):
        return False
    return _length(node) <= _LONGEST_IN_LINE


def _length(node: yaml.Node) -> int:
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + 2
    parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
    return sum(map(_length, parts)) + 2


def _parameter(parameter: Parameter) -> Form:
    form: Form = to_builtins(parameter)
    usual = {field.encode_name: field.default for field in structs.fields(Parameter)}
    form = {name: value for name, value in form.items() if name != "name" and value != usual[name]}
    form.pop("choices", None)
    if parameter.choices:
        form["choices"] = {choice.value: choice.label for choice in parameter.choices}
        form |= [("default", choice.value) for choice in parameter.choices if choice.default]
    return form


def _period(period: SubscriptionPeriod) -> str | Form:
    text = f"{period_text(period)}{' trial' if period.trial else ''}"
    return text if period.active else {"period": period_text(period), "trial": period.trial, "active": False}


def _switch(switch: SwitchDefinition) -> Form:
    form: Form = {"from": switch.source, "to": switch.target, "billingPolicy": switch.billing_policy}
    if switch.items:
        form["items"] = switch.items
    return form


def _prices(prices: Prices, *, short: bool) -> Form:
    return {currency: _price(price, short=short) for currency, price in prices.items()}


def _price(price: PriceDefinition, *, short: bool) -> object:
    form = _amounts(price)
    if price.setup:
        setup = _amounts(price.setup)
        form["setup"] = setup["price"] if short and [*setup] == ["price"] else setup
    return form["price"] if short and [*form] == ["price"] else form


def _amounts(amounts: AmountsDefinition) -> Form:
    form: Form = {"price": _rate(amounts.price)}
    if amounts.cost:
        costs = [_rate(rate) for rate in amounts.cost]
        form["cost"] = costs[0] if len(costs) == 1 else costs
    if amounts.provider_cost:
        form["providerCost"] = _rate(amounts.provider_cost)
    return form


def _rate(rate: Rate) -> object:
    if rate.model == "FLAT":
        return str(rate.tiers[0].amount)
    return {"model": rate.model, "tiers": {_number(tier.lower_limit): str(tier.amount) for tier in rate.tiers}}


def _number(value: Decimal) -> int | str:
    return int(value) if value == value.to_integral_value() else str(value)
