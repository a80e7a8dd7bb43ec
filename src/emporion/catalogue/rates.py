"""What a product costs, for each link of the chain in which it is sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

PriceModel = Literal["FLAT", "TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER"]


class Tier(Struct, frozen=True):
    """A step of a price. lower_limit: the quantity from which it counts; 0 for the first. amount: for each unit."""

    lower_limit: Decimal
    amount: Decimal


class Rate(Struct, frozen=True):
    """A price for each unit (contract: ProductPrice.model). tiers: by their lower limits; FLAT has one, from 0."""

    model: PriceModel
    tiers: list[Tier]


class Rates(Struct, frozen=True):
    """What a seller takes of a buyer for a product. recurring: per billing period. setup: once for each added unit."""

    recurring: Rate
    setup: Rate | None = None


def flat(amount: Decimal) -> Rate:
    """One price, whatever the quantity."""
    return Rate("FLAT", [Tier(Decimal(0), amount)])
