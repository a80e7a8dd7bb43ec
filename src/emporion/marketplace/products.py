"""Plans and products that a reseller sees, each with the reseller's own prices and costs (contract: GET /products)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import structs

from emporion.accounts.ids import account_number
from emporion.catalogue.kept import ProductRates
from emporion.catalogue.own_prices import chain_rates
from emporion.catalogue.plans import Plan
from emporion.catalogue.products import CatalogueProduct
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
from emporion.store.memory import VersionedMemory
from emporion.store.product_lists import ListedPage, ProductFilter, Seller

if TYPE_CHECKING:
    from msgspec import Struct

    from emporion.catalogue.rates import Rates
    from emporion.catalogue.shown import PlanQuery, ProductQuery
    from emporion.errors import Problem
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.catalogue import Catalogue
    from emporion.store.base import Store


# After so many products, of 50 µs each, the event loop turns to others.
WITHOUT_PAUSE = 50
# How many bytes the answers that are remembered may have together.
MOST_BYTES_OF_ANSWERS = 16 << 20

_product = msgspec.json.Decoder(CatalogueProduct).decode
_rates = msgspec.json.Decoder(ProductRates).decode
_plan = msgspec.json.Decoder(Plan).decode


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
        self._subscriptions = store.subscriptions
        self._catalogue = catalogue
        self._answers: VersionedMemory[bytes] = VersionedMemory(MOST_BYTES_OF_ANSWERS)

    async def page(self, actor: Actor, query: ProductQuery) -> ListPage:
        """The products that the actor's account sells, newest first."""
        limit = min(query.limit, LARGEST_PAGE)
        seller = await self._lists.seller(actor.account_id)
        wanted = ProductFilter(query.name, query.service_name, query.vendor, query.mpn)
        sold = await self._lists.sold(seller, wanted, query.offset, limit)
        shown: list[msgspec.Raw] = []
        for first in range(0, len(sold.products), WITHOUT_PAUSE):
            part = [(_product(one), _rates(rates)) for one, rates in sold.products[first : first + WITHOUT_PAUSE]]
            shown += [msgspec.Raw(msgspec.json.encode(product)) for product in await self._shown(seller, part)]
            await asyncio.sleep(0)
        return ListPage(msgspec.Raw(msgspec.json.encode(shown)), Pagination(query.offset, limit, sold.total))

    async def get(self, actor: Actor, product_id: str) -> ProductDetailed:
        """A product with its parameters.

        Raises Problem (NOT_FOUND) if the actor's account neither sells it nor has, itself or below it, a subscription
        of its plan.
        """
        return await self._get(await self._lists.seller(actor.account_id), product_id)

    async def answer(self, actor: Actor, product_id: str) -> bytes:
        """What `get` gives, as JSON."""
        seller = await self._lists.seller(actor.account_id)
        if seller.priced:  # what they take may change without the catalogue
            return msgspec.json.encode(await self._get(seller, product_id))
        return await self._remembered(seller, "product", product_id, self._get)

    async def _get(self, seller: Seller, product_id: str) -> ProductDetailed:
        if sold := await self._lists.product(seller, product_id):
            plan = _plan(sold.plan)
            (shown,) = await self._shown(seller, [(_product(sold.product), _rates(sold.rates))])
        else:
            plan, shown = await self._sold_once(seller, product_id)
        members = {name: getattr(shown, name) for name in Product.__struct_fields__}
        return ProductDetailed(**members, parameters=parameters_shown(plan.parameters), published=sold is not None)

    async def _sold_once(self, seller: Seller, product_id: str) -> tuple[Plan, Product]:
        """What a seller sells no more, but has sold. Raises Problem (NOT_FOUND)."""
        product = await self._store.product(product_id)
        plan = await self._plan_sold_once(seller, product.plan_id if product else None)
        if not product or not plan:
            raise no_product(product_id)
        currency = seller.currency or ""
        if rates := (await self._store.rates([product_id], currency)).get(product_id):
            return plan, (await self._shown(seller, [(product, rates)]))[0]
        return plan, product_shown(product, currency)

    async def _plan_sold_once(self, seller: Seller, plan_id: int | None) -> Plan | None:
        """A plan of which a seller, or one below it, has ever sold a subscription."""
        if plan_id is None or not await self._subscriptions.any_of_plan(seller.chain[-1], plan_id):
            return None
        return await self._store.plan(plan_id)

    async def plans(self, actor: Actor, query: PlanQuery) -> ListPage:
        """The plans that the actor's account sells, newest first."""
        limit = min(query.limit, LARGEST_PAGE)
        chain, currency, *_ = await self._lists.seller(actor.account_id)
        listed = await self._lists.plans(chain, currency, query.offset, limit) if currency else ListedPage([], 0)
        plans = {plan.id: plan for plan in await self._store.plans(listed.ids)}
        shown = [plan_shown(plans[id_]) for id_ in listed.ids]
        return ListPage(msgspec.Raw(msgspec.json.encode(shown)), Pagination(query.offset, limit, listed.total))

    async def plan(self, actor: Actor, plan_id: str) -> ServicePlanDetailed:
        """A plan. Raises Problem (NOT_FOUND) if the actor's account neither sells it nor has, itself or below it, a
        subscription of it.

        Of the ways to other plans it has those that lead to one which the account sells.
        """
        return await self._plan(await self._lists.seller(actor.account_id), plan_id)

    async def plan_answer(self, actor: Actor, plan_id: str) -> bytes:
        """What `plan` gives, as JSON."""
        return await self._remembered(await self._lists.seller(actor.account_id), "plan", plan_id, self._plan)

    async def _plan(self, seller: Seller, plan_id: str) -> ServicePlanDetailed:
        document = await self._lists.plan(seller, plan_id)
        plan = _plan(document) if document else await self._plan_sold_once(seller, account_number(plan_id))
        if not plan:
            raise no_plan(plan_id)
        targets = {way.plan_id for way in plan.switches}
        seen = [target for target in targets if await self._lists.plan(seller, str(target))]
        shown = structs.replace(plan_shown(plan), published=document is not None)
        members = {name: getattr(shown, name) for name in shown.__struct_fields__}
        return ServicePlanDetailed(**members, plan_switches=plan_switches_shown(plan, seen))

    async def find(self, actor: Actor, seller_id: int, text: str, limit: int) -> list[OfferedProduct]:
        """Products that a seller sells, the actor's account or one below it: by a part of the name, or by the MPN.

        Raises Problem (NOT_FOUND) unless the actor reaches the seller.
        """
        seller = await self._seller(actor, seller_id)
        found: dict[str, CatalogueProduct] = {}
        for wanted in [ProductFilter(mpn=text), ProductFilter(name=text)] if text else [ProductFilter()]:
            sold = await self._lists.sold(seller, wanted, 0, limit)
            found |= {product.id: product for product in (_product(one) for one, _ in sold.products)}
        return await self._offered(actor, seller, list(found.values())[:limit])

    async def offered(self, actor: Actor, seller_id: int, ids: Sequence[str]) -> list[OfferedProduct]:
        """Those of these products that a seller sells, the actor's account or one below it, in this order.

        Raises Problem (NOT_FOUND) unless the actor reaches the seller.
        """
        seller = await self._seller(actor, seller_id)
        products = {product.id: product for product in await self._store.products(ids)} if ids else {}
        sold = await self._lists.among(seller, list(products)) if products else ()
        return await self._offered(actor, seller, [products[id_] for id_ in ids if id_ in products and id_ in sold])

    async def _seller(self, actor: Actor, seller_id: int) -> Seller:
        """A seller. Raises Problem (NOT_FOUND) unless the actor reaches it."""
        seller = await self._lists.seller(seller_id)
        if actor.account_id not in seller.chain:
            raise not_found(f"there is no reseller {seller_id}")
        return seller

    async def _offered(
        self, actor: Actor, seller: Seller, products: Sequence[CatalogueProduct]
    ) -> list[OfferedProduct]:
        plans = {plan.id: plan for plan in await self._store.plans({one.plan_id for one in products})}
        rates = await self._catalogue.rates(seller, [product.id for product in products], seller.currency or "")
        level = seller.chain.index(actor.account_id)
        return [
            OfferedProduct(
                product,
                plans[product.plan_id],
                seller.currency or "",
                rates[product.id][level + 1],
                rates[product.id][level],
            )
            for product in products
            if product.id in rates and product.plan_id in plans
        ]

    async def _remembered(
        self, seller: Seller, noun: str, id_: str, read: Callable[[Seller, str], Awaitable[Struct]]
    ) -> bytes:
        """What is read for a seller, as JSON, as long as the catalogue is the same and it sells in the same way.

        Whether it has had a subscription of a plan does not change back.
        """
        key = noun, id_, seller.currency, *seller.chain
        found = self._answers.get(seller.version, key)
        if found is None:
            found = msgspec.json.encode(await read(seller, id_))
            self._answers.put(seller.version, key, found, len(found))
        return found

    async def _shown(self, seller: Seller, products: Sequence[tuple[CatalogueProduct, ProductRates]]) -> list[Product]:
        """Products with what the seller takes and pays."""
        own = await self._catalogue.own_prices(seller.priced, [product for product, _ in products])
        currency = seller.currency or ""
        shown = []
        for product, rates in products:
            *_, cost, price = chain_rates(rates, currency, seller.chain, own.get(product.id, {}))
            shown.append(product_shown(product, currency, price=price, cost=cost))
        return shown


def no_product(product_id: str) -> Problem:
    """For an id that no product has, or one that the reseller does not sell: it shall not learn which of both."""
    return not_found(f"there is no product {product_id}")


def no_plan(plan_id: str) -> Problem:
    """The same for a plan."""
    return not_found(f"there is no plan {plan_id}")
