"""What is sold, by whom and for how much: what orders ask of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from emporion.accounts.resellers import Reseller
from emporion.catalogue.rates import Rates, flat

if TYPE_CHECKING:
    from emporion.catalogue.kept import ProductRates
    from emporion.catalogue.plans import Plan
    from emporion.catalogue.products import CatalogueProduct
    from emporion.store.catalogue import CatalogueStore
    from emporion.store.resellers import ResellerStore

# So many products with one MPN are looked at, for whichever plans and periods.
MOST_CANDIDATES = 500

_NOTHING = Decimal(0)
_decode = msgspec.json.Decoder(Reseller).decode


class Catalogue:
    """The catalogue as a seller sees it. A seller is a reseller or the provider; a chain comes down to it from there.

    What a seller sells is published, delegated to it, and has prices in its currency.
    """

    def __init__(self, store: CatalogueStore, resellers: ResellerStore) -> None:
        self._store = store
        self._resellers = resellers

    async def candidates(self, seller_id: int, mpn: str) -> list[CatalogueProduct]:
        """What a seller sells under exactly this MPN, oldest first."""
        return await self._sold(seller_id, await self._store.by_mpn(mpn, MOST_CANDIDATES))

    async def product(self, seller_id: int, product_id: str) -> CatalogueProduct | None:
        """A product, if the seller sells it."""
        product = await self._store.product(product_id)
        sold = await self._sold(seller_id, [product] if product else [])
        return sold[0] if sold else None

    async def known_product(self, product_id: str) -> CatalogueProduct | None:
        """A product in any state, for subscriptions that have it."""
        return await self._store.product(product_id)

    async def plan(self, plan_id: int) -> Plan | None:
        """A plan in any state."""
        return await self._store.plan(plan_id)

    async def plan_products(self, plan_id: int) -> list[CatalogueProduct]:
        """The products of a plan in any state, oldest first."""
        return await self._store.by_plan(plan_id)

    async def rates(self, chain: Sequence[int], product_ids: Collection[str]) -> dict[str, list[Rates]]:
        """What products cost on each link of a chain: first vendor → provider, last seller → customer.

        A product without prices in the currency of the chain is left out.
        """
        currency = await self.currency(chain)
        if not currency:
            return {}
        found = await self._store.rates(product_ids, currency)
        return {id_: _of_chain(rates, len(chain)) for id_, rates in found.items()}

    async def currency(self, chain: Sequence[int]) -> str | None:
        """The currency in which a chain sells: that of the reseller right below the provider, or the provider's own.

        None where a reseller further below has another one, or none: then nothing is delegated to the last.
        """
        currencies = [await self._currency(reseller_id) for reseller_id in chain[1:] or chain]
        return currencies[0] if len(set(currencies)) == 1 else None

    async def _currency(self, reseller_id: int) -> str | None:
        record = await self._resellers.get(reseller_id)
        return _decode(record.document).currency if record else None

    async def _sold(self, seller_id: int, products: Sequence[CatalogueProduct]) -> list[CatalogueProduct]:
        """Those of these products that a seller sells."""
        published = [product for product in products if product.state == "published"]
        if not published:
            return []
        chain = await self._resellers.chain(seller_id)
        currency = await self.currency(chain)
        if not currency:
            return []
        delegated = {id_ for id_ in {product.plan_id for product in published} if await self._is_delegated(id_, chain)}
        offered = [product for product in published if product.plan_id in delegated]
        priced = await self._store.rates([product.id for product in offered], currency)
        return [product for product in offered if product.id in priced]

    async def _is_delegated(self, plan_id: int, chain: Sequence[int]) -> bool:
        delegation = await self._store.delegation(plan_id)
        return delegation is not None and delegation.is_to(chain)


def _of_chain(rates: ProductRates, links: int) -> list[Rates]:
    """What a product costs on each link of a chain of so many accounts."""
    costs = [rates.cost(level) for level in range(1, links)]
    return [rates.provider_cost or Rates(flat(_NOTHING)), *costs, rates.price]
