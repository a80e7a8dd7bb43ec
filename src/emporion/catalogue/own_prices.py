"""A reseller's own prices, and what a product costs on each link of a chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.catalogue.rates import Rate, Rates, Tier, flat

if TYPE_CHECKING:
    from emporion.catalogue.kept import ProductRates

# Digits after the point of a price for each unit, at most.
UNIT_DIGITS = 6
_SMALLEST = Decimal(1).scaleb(-UNIT_DIGITS)
_NOTHING = Decimal(0)


class OwnPrice(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """What a reseller takes of its buyers, customers and resellers below alike, for a product.

    currency: of its amounts; they count only where the reseller sells in it. margin: in per cent on what the reseller
    pays itself, as that is when it is asked; `recurring` then is None. setup: None for that of the catalogue or,
    with a margin, for that on what the reseller pays for setup.
    """

    currency: str
    recurring: Rate | None = None
    setup: Rate | None = None
    margin: Decimal | None = None

    def rates(self, cost: Rates | None, usual: Rates) -> Rates:
        """What buyers pay. cost: what the reseller pays, None where it is not known. usual: what the catalogue says."""
        if self.margin is None:
            return Rates(self.recurring or usual.recurring, self.setup or usual.setup)
        if cost is None:
            return usual
        setup = self.setup or (_raised(cost.setup, self.margin) if cost.setup else None)
        return Rates(_raised(cost.recurring, self.margin), setup)


def target_of_product(product_id: str) -> str:
    """What the own price of one product is kept under."""
    return product_id


def target_of_item(plan_id: int, mpn: str) -> str:
    """What the own price of an item of a plan is kept under: it counts for all periods that have none themselves."""
    return f"{plan_id} {mpn}"


def chain_rates(
    catalogue: ProductRates, currency: str, chain: Sequence[int], own: Mapping[int, OwnPrice]
) -> list[Rates]:
    """What a product costs on each link of a chain: first vendor → provider, last seller → customer.

    own: own prices for it, by the accounts of the chain that have one. Where the catalogue says not what the provider
    pays, that is 0, and no margin counts on it.
    """
    links = [catalogue.provider_cost or Rates(flat(_NOTHING))]
    for level, seller in enumerate(chain, 1):
        usual = catalogue.cost(level) if level < len(chain) else catalogue.price
        price = own.get(seller)
        if price and (price.margin is not None or price.currency == currency):
            cost = links[-1] if level > 1 else catalogue.provider_cost
            links.append(price.rates(cost, usual))
        else:
            links.append(usual)
    return links


def _raised(rate: Rate, margin: Decimal) -> Rate:
    """A price with a margin in per cent."""
    factor = 1 + margin.scaleb(-2)
    return Rate(
        rate.model,
        [Tier(tier.lower_limit, (tier.amount * factor).quantize(_SMALLEST, ROUND_HALF_UP)) for tier in rate.tiers],
    )
