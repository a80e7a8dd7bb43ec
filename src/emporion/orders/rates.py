"""Which of so many units costs what: flat, tiered and volume prices (docs/decisions/0034)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from msgspec import structs

from emporion.catalogue.rates import Rate, Rates, Tier

Units = dict[Decimal, Decimal]


def unit_price(rate: Rate, quantity: Decimal) -> Decimal:
    """The price of the last unit of so many: that of the step that is reached. Below the first step it is the first."""
    reached = quantity.to_integral_value(ROUND_CEILING) if rate.model == "TIERED" else quantity
    amounts = [tier.amount for tier in rate.tiers if tier.lower_limit <= reached]
    return amounts[-1] if amounts else rate.tiers[0].amount


def units_of(rate: Rate, quantity: Decimal) -> Units:
    """How many of so many units cost how much each, by their price.

    TIERED: the n-th unit has the price of the step that n reaches. Else all have that of the step that all reach;
    VOLUME_ORDER counts what the subscription has afterwards, which is what its order names.
    """
    if not quantity:
        return {}
    if rate.model != "TIERED":
        return {unit_price(rate, quantity): quantity}
    units: Units = {}
    for (begin, end), tier in zip(_steps(rate), rate.tiers, strict=True):
        many = (quantity if end is None else min(quantity, end)) - begin
        if many > 0:
            units[tier.amount] = units.get(tier.amount, Decimal(0)) + many
    return units


def changed_units(before: Mapping[Decimal, Decimal], after: Mapping[Decimal, Decimal]) -> Units:
    """By their price, how many units are there more, or, below nothing, less; what is less comes first."""
    nothing = Decimal(0)
    changed = {unit: after.get(unit, nothing) - before.get(unit, nothing) for unit in [*before, *after]}
    return dict(sorted(((unit, many) for unit, many in changed.items() if many), key=lambda pair: pair[1] > 0))


def added_units(rate: Rate, before: Decimal, after: Decimal) -> Units:
    """By their price, how many units are added, for what is paid once for each of them."""
    if after <= before:
        return {}
    if rate.model != "TIERED":
        return {unit_price(rate, after): after - before}
    return changed_units(units_of(rate, before), units_of(rate, after))


def special_rate(own: Rate, amount: Decimal, tiers: Sequence[tuple[Decimal, Decimal]] = ()) -> Rate:
    """A special price instead of a product's own. tiers: lower limits and amounts; `amount` counts below the first.

    With tiers it has the model of the own price, TIERED where that is FLAT.
    """
    if not tiers:
        return Rate("FLAT", [Tier(Decimal(0), amount)])
    steps = {Decimal(0): amount, **dict(tiers)}
    model = "TIERED" if own.model == "FLAT" else own.model
    return Rate(model, [Tier(limit, steps[limit]) for limit in sorted(steps)])


def with_special_price(rates: Sequence[Rates], special: Rate) -> list[Rates]:
    """The rates of a product with a special price: of the last link only, and not of its setup."""
    return [*rates[:-1], structs.replace(rates[-1], recurring=special)]


def _steps(rate: Rate) -> list[tuple[Decimal, Decimal | None]]:
    """After how many units each step begins, and ends: one from 10 on begins after 9."""
    begins = [max(Decimal(0), tier.lower_limit.to_integral_value(ROUND_CEILING) - 1) for tier in rate.tiers]
    return [*pairwise([Decimal(0), *begins[1:]]), (begins[-1] if begins[1:] else Decimal(0), None)]
