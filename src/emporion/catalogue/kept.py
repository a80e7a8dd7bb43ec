"""What is kept of the catalogue beside plans and products: what a product costs, and whom a plan is delegated to."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from emporion.catalogue.rates import Rates


class ProductRates(Struct, rename="camel", frozen=True, omit_defaults=True):
    """What a product costs in one currency.

    price: what is recommended to take of customers. costs: what a reseller pays right below the provider, then one
    level deeper and so on; the last counts for all deeper ones, `price` where there is none. provider_cost: what the
    provider pays the vendor, None where the file does not say.
    """

    price: Rates
    costs: list[Rates] = []
    provider_cost: Rates | None = None

    def cost(self, level: int) -> Rates:
        """What a reseller pays whose level is 1 right below the provider, 2 one deeper."""
        return self.costs[min(level, len(self.costs)) - 1] if self.costs else self.price


class Delegation(Struct, rename="camel", frozen=True, omit_defaults=True):
    """Which resellers may sell a plan: None for all, else these and all below them; but none of `withheld`, nor what is
    below them."""

    resellers: list[int] | None = None
    withheld: list[int] = []

    def is_to(self, chain: Collection[int]) -> bool:
        """Whether a reseller may sell the plan. chain: the accounts from the provider down to it."""
        if any(id_ in chain for id_ in self.withheld):
            return False
        return len(chain) == 1 or self.resellers is None or any(id_ in chain for id_ in self.resellers)
