"""Many own prices by a percentage: each step of each price, rounded as asked."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emporion.catalogue.repricing import Repricing, Rounding, rounded
from emporion.catalogue.shown import Product, ProductPrice


def prices(*steps: tuple[float | None, str]) -> list[ProductPrice]:
    model: Any = "FLAT" if len(steps) == 1 else "TIERED"
    recurring = [
        ProductPrice(currency="EUR", amount=amount, type="recurring", model=model, lower_limit=limit)
        for limit, amount in steps
    ]
    return [*recurring, ProductPrice(currency="EUR", amount="99", type="setup", model="FLAT")]


def product(**members: Any) -> Product:
    return cast(Product, SimpleNamespace(**{"id": "7", "prices": [], "costs": [], **members}))


@pytest.mark.parametrize(
    ("amount", "rounding", "expected"),
    [
        ("1.2345675", None, "1.234568"),
        ("1.005", "0.01", "1.01"),
        ("1.02", "0.05", "1"),
        ("1.025", "0.05", "1.05"),
        ("1.25", "0.1", "1.3"),
        ("1.5", "1", "2"),
        ("4.2", "0.99", "4.99"),
        ("4.99", "0.99", "4.99"),
        ("5", "0.99", "5.99"),
        ("0", "0.99", "0"),
        ("0.001", "0.01", "0"),
    ],
)
def test_amounts_are_rounded(amount: str, rounding: Rounding | None, expected: str) -> None:
    assert rounded(Decimal(amount), rounding) == Decimal(expected)


def test_each_step_is_raised() -> None:
    steps = product(costs=prices((0, "4"), (10.5, "3"), (100, "2")))
    assert Repricing(by="cost", percent="25").members(steps) == {
        "productId": "7",
        "amount": "5",
        "model": "TIERED",
        "tiers": [{"lowerLimit": "10.5", "amount": "3.75"}, {"lowerLimit": "100", "amount": "2.5"}],
    }


def test_what_there_is_nothing_to_raise_of_has_no_price() -> None:
    priced = product(prices=prices((None, "4")))
    assert Repricing(by="price", percent="-50").members(priced) == {"productId": "7", "amount": "2"}
    assert Repricing(by="cost", percent="5").members(priced) is None
    assert Repricing(by="margin", percent="5").members(priced) is None
