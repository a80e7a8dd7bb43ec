"""Many own prices by one percentage: what becomes of the price of each product."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct

from emporion.catalogue.new_prices import not_a_margin
from emporion.catalogue.own_prices import UNIT_DIGITS
from emporion.catalogue.shown import Product, ProductPrice
from emporion.errors import Fault
from emporion.money import shown

RepricingKind = Literal["margin", "cost", "price"]
Rounding = Literal["0.01", "0.05", "0.1", "1", "0.99"]
_SMALLEST = Decimal(1).scaleb(-UNIT_DIGITS)
_CENT = Decimal("0.01")
_STEPS_IN_ONE: dict[Rounding, int] = {"0.01": 100, "0.05": 20, "0.1": 10, "1": 1}


class Repricing(Struct, frozen=True, kw_only=True):
    """What is to become of many prices.

    by: a margin on the cost as that is at the time, an amount from the cost of today, or one from the price of today.
    percent: what is added. rounding: the step to which amounts are rounded, or 0.99: up to the next that ends so.
    """

    by: RepricingKind
    percent: Annotated[str, Meta(max_length=40, extra={"clean": str.strip, "rule": not_a_margin})]
    rounding: Rounding | None = None

    def faults(self) -> Iterator[Fault]:
        """What is wrong between its members."""
        given: tuple[object, ...] = (self.by, self.rounding)
        if UNSET not in given and self.by == "margin" and self.rounding:
            yield Fault("rounding", "must be left out with a margin: it counts on the cost as that is at the time")

    def members(self, product: Product) -> dict[str, Any] | None:
        """The own price of a product, as a `NewPrice` has it, without setup; None where there is nothing to raise."""
        if self.by == "margin":
            return {"productId": product.id, "margin": self.percent} if _recurring(product.costs) else None
        prices = _recurring(product.costs if self.by == "cost" else product.prices)
        if not prices:
            return None
        first, *steps = prices
        found: dict[str, Any] = {"productId": product.id, "amount": self._raised(first)}
        if steps:
            tiers = [{"lowerLimit": shown(Decimal(str(one.lower_limit))), "amount": self._raised(one)} for one in steps]
            found |= {"model": first.model, "tiers": tiers}
        return found

    def _raised(self, price: ProductPrice) -> str:
        amount = Decimal(price.amount) * (1 + Decimal(self.percent).scaleb(-2))
        return shown(rounded(amount, self.rounding))


def rounded(amount: Decimal, rounding: Rounding | None) -> Decimal:
    """An amount by a rule of rounding; one of nothing stays nothing."""
    if not amount or rounding is None:
        return amount.quantize(_SMALLEST, ROUND_HALF_UP)
    if rounding == "0.99":
        return (amount + _CENT).to_integral_value(ROUND_CEILING) - _CENT
    return (amount * _STEPS_IN_ONE[rounding]).to_integral_value(ROUND_HALF_UP) * Decimal(rounding)


def _recurring(prices: list[ProductPrice]) -> list[ProductPrice]:
    """What units cost per billing period, by step, the first one first."""
    return sorted((one for one in prices if one.type == "recurring"), key=lambda one: one.lower_limit or 0)
