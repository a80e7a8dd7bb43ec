"""What is sold, by whom and for how much: what orders ask of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from emporion.catalogue.own_prices import chain_rates, target_of_item

if TYPE_CHECKING:
    from emporion.catalogue.own_prices import OwnPrice
    from emporion.catalogue.plans import Plan
    from emporion.catalogue.products import CatalogueProduct
    from emporion.catalogue.rates import Rates
    from emporion.store.catalogue import CatalogueStore
    from emporion.store.prices import PriceStore
    from emporion.store.product_lists import ProductListStore, Seller


class Catalogue:
    """The catalogue as a seller sees it. A seller is a reseller or the provider; a chain comes down to it from there.

    What a seller sells is published, delegated to it, and has prices in its currency.
    """

    def __init__(self, store: CatalogueStore, prices: PriceStore, lists: ProductListStore) -> None:
        self._store = store
        self._prices = prices
        self._lists = lists

    async def candidates(self, seller: Seller, mpn: str) -> list[CatalogueProduct]:
        """What a seller sells under exactly this MPN, oldest first."""
        return await self._sold(seller, await self._store.by_mpn(mpn, seller.version))

    async def product(self, seller: Seller, product_id: str) -> CatalogueProduct | None:
        """A product, if the seller sells it."""
        product = await self._store.product(product_id, seller.version)
        sold = await self._sold(seller, [product] if product else [])
        return sold[0] if sold else None

    async def known_product(self, product_id: str) -> CatalogueProduct | None:
        """A product in any state, for subscriptions that have it."""
        return await self._store.product(product_id)

    async def plan(self, plan_id: int, seller: Seller | None = None) -> Plan | None:
        """A plan in any state. seller: as it was just read, if it was: then what is remembered may count."""
        return await self._store.plan(plan_id, seller.version if seller else None)

    async def plan_products(self, plan_id: int) -> list[CatalogueProduct]:
        """The products of a plan in any state, oldest first."""
        return await self._store.by_plan(plan_id)

    async def rates(
        self, seller: Seller, product_ids: Collection[str], currency: str
    ) -> dict[str, list[Rates]]:  # fmt: skip
        """What products cost on each link of a seller's chain: first vendor → provider, last seller → customer.

        currency: that of the chain, or of a subscription that was bought in another one. A product without prices in it
        is left out.
        """
        products = await self._store.products(product_ids) if seller.priced else []
        own = await self.own_prices(seller.priced, products)
        found = await self._store.rates(product_ids, currency, seller.version)
        return {id_: chain_rates(rates, currency, seller.chain, own.get(id_, {})) for id_, rates in found.items()}

    async def currency(self, chain: Sequence[int]) -> str | None:
        """The currency in which a chain sells: that of the reseller right below the provider, or the provider's own.

        None where a reseller further below has another one, or none: then nothing is delegated to the last.
        """
        return (await self._lists.seller(chain[-1])).currency

    async def seller(self, seller_id: int) -> Seller:
        """A seller as it is now, which what it sells is asked with."""
        return await self._lists.seller(seller_id)

    async def own_prices(
        self, sellers: Sequence[int], products: Sequence[CatalogueProduct]
    ) -> Mapping[str, Mapping[int, OwnPrice]]:
        """The prices that sellers have set for products, by the products' ids: one of a product before its item's."""
        if not sellers:
            return {}
        items = {product.id: target_of_item(product.plan_id, product.mpn) for product in products}
        prices = await self._prices.of(sellers, {*items, *items.values()})
        found: dict[str, dict[int, OwnPrice]] = {}
        for id_, item in items.items():
            for seller in sellers:
                price = prices.get((seller, id_)) or prices.get((seller, item))
                if price:
                    found.setdefault(id_, {})[seller] = price
        return found

    async def _sold(self, seller: Seller, products: Sequence[CatalogueProduct]) -> list[CatalogueProduct]:
        """Those of these products that a seller sells."""
        if not products:
            return []
        sold = await self._lists.among(seller, [product.id for product in products])
        return [product for product in products if product.id in sold]
