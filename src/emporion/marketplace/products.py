"""Plans and products that a reseller sees, each with the reseller's own prices and costs (contract: GET /products)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from emporion.accounts.ids import account_number
from emporion.catalogue.shown import (
    Product,
    ProductDetailed,
    ServicePlanDetailed,
    parameters_shown,
    plan_shown,
    plan_switches_shown,
    product_shown,
)
from emporion.errors import not_found
from emporion.marketplace.customers import ListPage
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.store.product_lists import ListedPage, ProductFilter

if TYPE_CHECKING:
    from emporion.catalogue.plans import Plan
    from emporion.catalogue.products import CatalogueProduct
    from emporion.catalogue.rates import Rates
    from emporion.catalogue.shown import PlanQuery, ProductQuery
    from emporion.errors import Problem
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.catalogue import Catalogue
    from emporion.store.base import Store


# After so many products, of 50 µs each, the event loop turns to others.
WITHOUT_PAUSE = 50


class OfferedProduct(NamedTuple):
    """A product that a seller can sell. price: what the actor takes for it, as the seller or above it; cost: what it
    pays."""

    product: CatalogueProduct
    plan: Plan
    currency: str
    price: Rates
    cost: Rates


class Products:
    """The catalogue as each reseller sees it: what is published, delegated to it, and has prices in its currency."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store = store.catalogue
        self._lists = store.product_lists
        self._catalogue = catalogue

    async def page(self, actor: Actor, query: ProductQuery) -> ListPage:
        """The products that the actor's account sells, newest first."""
        limit = min(query.limit, LARGEST_PAGE)
        chain, currency = await self._catalogue.seller(actor.account_id)
        listed = ListedPage([], 0)
        shown: list[msgspec.Raw] = []
        if currency:
            wanted = ProductFilter(query.name, query.service_name, query.vendor, query.mpn)
            listed = await self._lists.products(chain, currency, wanted, query.offset, limit)
            ids = [str(id_) for id_ in listed.ids]
            for first in range(0, len(ids), WITHOUT_PAUSE):
                shown += await self._rendered(chain, currency, ids[first : first + WITHOUT_PAUSE])
                await asyncio.sleep(0)
        return ListPage(msgspec.Raw(msgspec.json.encode(shown)), Pagination(query.offset, limit, listed.total))

    async def get(self, actor: Actor, product_id: str) -> ProductDetailed:
        """A product with its parameters. Raises Problem (NOT_FOUND) if the actor's account does not sell it."""
        chain, currency = await self._catalogue.seller(actor.account_id)
        if not currency or not await self._lists.sells(chain, currency, product_id):
            raise no_product(product_id)
        product = await self._store.product(product_id)
        shown = await self._shown(chain, currency, [product]) if product else []
        plan = await self._store.plan(product.plan_id) if product else None
        if not shown or not plan:
            raise no_product(product_id)
        members = {name: getattr(shown[0], name) for name in Product.__struct_fields__}
        return ProductDetailed(**members, parameters=parameters_shown(plan.parameters))

    async def plans(self, actor: Actor, query: PlanQuery) -> ListPage:
        """The plans that the actor's account sells, newest first."""
        limit = min(query.limit, LARGEST_PAGE)
        chain, currency = await self._catalogue.seller(actor.account_id)
        listed = await self._lists.plans(chain, currency, query.offset, limit) if currency else ListedPage([], 0)
        plans = {plan.id: plan for plan in await self._store.plans(listed.ids)}
        shown = [plan_shown(plans[id_]) for id_ in listed.ids]
        return ListPage(msgspec.Raw(msgspec.json.encode(shown)), Pagination(query.offset, limit, listed.total))

    async def plan(self, actor: Actor, plan_id: str) -> ServicePlanDetailed:
        """A plan. Raises Problem (NOT_FOUND) if the actor's account does not sell it.

        Of the ways to other plans it has those that lead to one which the account sells.
        """
        chain, currency = await self._catalogue.seller(actor.account_id)
        number = account_number(plan_id)
        if not currency or number is None or not await self._lists.sees("plan", chain, currency, number):
            raise no_plan(plan_id)
        plan = await self._store.plan(number)
        if not plan:
            raise no_plan(plan_id)
        targets = {way.plan_id for way in plan.switches}
        seen = [target for target in targets if await self._lists.sees("plan", chain, currency, target)]
        shown = plan_shown(plan)
        members = {name: getattr(shown, name) for name in shown.__struct_fields__}
        return ServicePlanDetailed(**members, plan_switches=plan_switches_shown(plan, seen))

    async def _rendered(self, chain: Sequence[int], currency: str, ids: Sequence[str]) -> list[msgspec.Raw]:
        """Products as JSON, in the order of their ids."""
        products = {product.id: product for product in await self._store.products(ids)}
        shown = await self._shown(chain, currency, [products[id_] for id_ in ids])
        return [msgspec.Raw(msgspec.json.encode(product)) for product in shown]

    async def find(self, actor: Actor, seller_id: int, text: str, limit: int) -> list[OfferedProduct]:
        """Products that a seller sells, the actor's account or one below it: by a part of the name, or by the MPN."""
        chain, currency = await self._chain(actor, seller_id)
        if not currency:
            return []
        found: list[int] = []
        for wanted in (ProductFilter(mpn=text), ProductFilter(name=text)):
            found += (await self._lists.products(chain, currency, wanted, 0, limit)).ids
        return await self._offered(actor, chain, currency, [*map(str, dict.fromkeys(found))][:limit])

    async def offered(self, actor: Actor, seller_id: int, ids: Sequence[str]) -> list[OfferedProduct]:
        """Those of these products that a seller sells, the actor's account or one below it, in this order."""
        chain, currency = await self._chain(actor, seller_id)
        if not currency:
            return []
        sold = [id_ for id_ in ids if await self._lists.sells(chain, currency, id_)]
        return await self._offered(actor, chain, currency, sold)

    async def _chain(self, actor: Actor, seller_id: int) -> tuple[list[int], str | None]:
        """The chain down to a seller, and its currency. Raises Problem (NOT_FOUND) unless the actor reaches it."""
        chain, currency = await self._catalogue.seller(seller_id)
        if actor.account_id not in chain:
            raise not_found(f"there is no reseller {seller_id}")
        return chain, currency

    async def _offered(
        self, actor: Actor, chain: Sequence[int], currency: str, ids: Sequence[str]
    ) -> list[OfferedProduct]:
        products = {product.id: product for product in await self._store.products(ids)}
        plans = {plan.id: plan for plan in await self._store.plans({one.plan_id for one in products.values()})}
        rates = await self._catalogue.rates(chain, ids)
        level = chain.index(actor.account_id)
        return [
            OfferedProduct(
                products[id_], plans[products[id_].plan_id], currency, rates[id_][level + 1], rates[id_][level]
            )
            for id_ in ids
            if id_ in rates and id_ in products
        ]

    async def _shown(self, chain: Sequence[int], currency: str, products: Sequence[CatalogueProduct]) -> list[Product]:
        """Products with what the last account of the chain takes and pays."""
        rates = await self._catalogue.rates(chain, [product.id for product in products])
        return [
            product_shown(product, currency, price=rates[product.id][-1], cost=rates[product.id][-2])
            for product in products
            if product.id in rates
        ]


def no_product(product_id: str) -> Problem:
    """For an id that no product has, or one that the reseller does not sell: it shall not learn which of both."""
    return not_found(f"there is no product {product_id}")


def no_plan(plan_id: str) -> Problem:
    """The same for a plan."""
    return not_found(f"there is no plan {plan_id}")
