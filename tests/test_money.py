from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion import money

AMOUNTS = st.decimals(min_value=0, max_value=10**15 - 1, places=6, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("text", ["0", "70.5", "7.50", "0.000001", "999999999999999.999999", "007"])
def test_an_amount_is_read_as_it_is_written(text: str) -> None:
    assert money.read(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", ".5", "5.", "1,5", "1e3", "1E3", "NaN", "Infinity", "-", "٣", "1_000", "0x1", 1, 1.5, None,
     True, Decimal(1), "1\n"],
)  # fmt: skip
def test_what_is_no_decimal_number_in_a_string_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a decimal number in a string"):
        money.read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.0000001", "at most 6 decimals"),
        ("1000000000000000", "at most 15 digits before the point"),
        ("-1", "must not be below 0"),
        ("-0", "must not be below 0"),
    ],
)
def test_an_amount_that_is_too_long_or_below_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        money.read(text)


@given(AMOUNTS)
def test_what_is_shown_is_read_as_the_same(value: Decimal) -> None:
    assert money.read(money.shown(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("70.50", "70.5"),
        ("0", "0"),
        ("-0.00", "0"),
        ("-6.67", "-6.67"),
        ("1E+3", "1000"),
        ("1E-6", "0.000001"),
        ("100", "100"),
    ],
)
def test_an_amount_is_shown_in_its_shortest_form(value: str, text: str) -> None:
    assert money.shown(Decimal(value)) == text


@pytest.mark.parametrize(
    ("currency", "value", "expected"),
    [
        ("JPY", "0.5", "1"), ("JPY", "0.49", "0"), ("JPY", "-0.5", "-1"), ("JPY", "2.5", "3"),
        ("EUR", "0.005", "0.01"), ("EUR", "0.0049", "0"), ("EUR", "-0.005", "-0.01"), ("EUR", "-6.665", "-6.67"),
        ("KWD", "0.0005", "0.001"), ("KWD", "-1.2345", "-1.235"), ("KWD", "0.00049", "0"),
        ("CLF", "0.00005", "0.0001"),
    ],
)  # fmt: skip
def test_half_of_the_smallest_unit_is_rounded_up_away_from_zero(currency: str, value: str, expected: str) -> None:
    assert money.rounded(Decimal(value), currency) == Decimal(expected)


def test_a_third_is_rounded_from_its_exact_value() -> None:
    assert money.rounded(Fraction(2, 3), "EUR") == Decimal("0.67")
    # Half of a cent less the smallest thing: any decimal of 28 digits would say half.
    assert money.rounded(Fraction(1, 200) - Fraction(1, 10**40), "EUR") == 0


@given(AMOUNTS, st.sampled_from(["JPY", "EUR", "KWD"]))
def test_what_is_given_back_is_rounded_as_what_is_paid(value: Decimal, currency: str) -> None:
    assert money.rounded(-value, currency) == -money.rounded(value, currency)


@given(st.lists(st.integers(-(10**30), 10**30).map(lambda units: Fraction(units, 1000)), max_size=5))
def test_sums_are_exact_at_any_size(values: list[Fraction]) -> None:
    assert Fraction(money.total(money.rounded(value, "KWD") for value in values)) == sum(values)


def test_each_currency_has_its_smallest_unit() -> None:
    assert [money.minor_units(currency) for currency in ("JPY", "EUR", "KWD", "CLF")] == [0, 2, 3, 4]
    known = {currency.alpha_3 for currency in pycountry.currencies}
    # UYW is younger than the list of some releases of pycountry.
    assert money._MINOR_UNITS.keys() - {"UYW"} <= known
