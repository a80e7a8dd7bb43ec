from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from emporion.catalogue.rates import Rate, Rates, flat
from emporion.orders.rates import added_units, changed_units, special_rate, unit_price, units_of, with_special_price
from tests.orders.examples import QUANTITIES, RATES, many, steps

TIERED = steps("TIERED", ("0", "5"), ("10", "4"), ("50", "3"))
VOLUME = steps("VOLUME_SUBSCRIPTION", ("0", "5"), ("10", "4"), ("50", "3"))
ORDERED = steps("VOLUME_ORDER", ("0", "5"), ("10", "4"), ("50", "3"))


def _shown(units: dict[Decimal, Decimal]) -> dict[str, str]:
    return {str(unit): str(many) for unit, many in units.items()}


@pytest.mark.parametrize(
    ("quantity", "tiered", "volume"),
    [
        ("0", {}, {}),
        ("1", {"5": "1"}, {"5": "1"}),
        ("9", {"5": "9"}, {"5": "9"}),
        ("10", {"5": "9", "4": "1"}, {"4": "10"}),
        ("49", {"5": "9", "4": "40"}, {"4": "49"}),
        ("50", {"5": "9", "4": "40", "3": "1"}, {"3": "50"}),
        ("9.5", {"5": "9", "4": "0.5"}, {"5": "9.5"}),
    ],
)
def test_a_step_counts_from_its_lower_limit_on(quantity: str, tiered: dict[str, str], volume: dict[str, str]) -> None:
    assert _shown(units_of(TIERED, Decimal(quantity))) == tiered
    assert _shown(units_of(VOLUME, Decimal(quantity))) == volume
    assert _shown(units_of(ORDERED, Decimal(quantity))) == volume


def test_a_first_step_from_one_is_as_one_from_nothing() -> None:
    assert units_of(steps("TIERED", ("1", "5"), ("10", "4")), Decimal(10)) == units_of(TIERED, Decimal(10))
    assert unit_price(steps("VOLUME_ORDER", ("5", "2")), Decimal(1)) == 2


def test_the_first_unit_may_have_a_price_of_its_own() -> None:
    assert _shown(units_of(steps("TIERED", ("0", "9"), ("1", "2")), Decimal(3))) == {"2": "3"}
    assert _shown(units_of(steps("TIERED", ("0", "9"), ("2", "2")), Decimal(3))) == {"9": "1", "2": "2"}


@many
@given(RATES, QUANTITIES)
def test_each_unit_has_one_price(rate: Rate, quantity: Decimal) -> None:
    units = units_of(rate, quantity)
    assert sum(units.values()) == quantity
    assert all(many > 0 for many in units.values())
    assert not quantity or unit_price(rate, quantity) in units


@many
@given(RATES, QUANTITIES)
def test_steps_cost_what_each_unit_costs_for_itself(rate: Rate, quantity: Decimal) -> None:
    numbers = range(1, int(quantity) + 1)
    each = sum((unit_price(rate, Decimal(number)) for number in numbers), Decimal(0))
    whole = sum((unit * many for unit, many in units_of(rate, quantity).items()), Decimal(0))
    assert whole == (each if rate.model == "TIERED" else unit_price(rate, quantity) * quantity if quantity else 0)


@many
@given(RATES, QUANTITIES, QUANTITIES)
def test_a_change_is_the_difference_and_the_way_back_its_opposite(rate: Rate, one: Decimal, other: Decimal) -> None:
    there = changed_units(units_of(rate, one), units_of(rate, other))
    back = changed_units(units_of(rate, other), units_of(rate, one))
    assert there == {unit: -many for unit, many in back.items()}
    assert sum(there.values()) == other - one


def test_units_of_another_step_are_given_back_and_bought_anew() -> None:
    changed = changed_units(units_of(VOLUME, Decimal(9)), units_of(VOLUME, Decimal(10)))
    assert list(_shown(changed).items()) == [("5", "-9"), ("4", "10")]


def test_only_added_units_are_set_up() -> None:
    assert _shown(added_units(TIERED, Decimal(8), Decimal(11))) == {"5": "1", "4": "2"}
    assert _shown(added_units(VOLUME, Decimal(8), Decimal(11))) == {"4": "3"}
    assert added_units(TIERED, Decimal(11), Decimal(8)) == {}


def test_a_special_price_is_of_the_last_link_and_of_what_recurs() -> None:
    own = Rates(TIERED, flat(Decimal(10)))
    first, last = with_special_price([own, own], special_rate(TIERED, Decimal("3.5")))
    assert first == own
    assert last == Rates(flat(Decimal("3.5")), own.setup)


def test_a_special_price_with_tiers_has_the_model_of_its_product() -> None:
    tiers = [(Decimal(50), Decimal(2)), (Decimal(10), Decimal(3))]
    assert special_rate(VOLUME, Decimal(4), tiers) == steps("VOLUME_SUBSCRIPTION", ("0", "4"), ("10", "3"), ("50", "2"))
    assert special_rate(flat(Decimal(5)), Decimal(4), tiers).model == "TIERED"
