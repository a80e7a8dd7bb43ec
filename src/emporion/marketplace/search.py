"""Search: a few of everything that a text may mean, for those who reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from emporion.accounts.customers import CustomerSummary
from emporion.accounts.folding import fold
from emporion.accounts.queries import CustomerQuery
from emporion.errors import Code, Problem
from emporion.marketplace.customers import decode
from emporion.store.orders import ORDERS
from emporion.store.product_lists import SHORTEST_PART
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.validation import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emporion.catalogue.products import CatalogueProduct
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import Customers
    from emporion.marketplace.products import Products
    from emporion.orders.kept import KeptOrder
    from emporion.store.base import Store
    from emporion.subscriptions import KeptSubscription

# Of each noun.
SHOWN = 5
LONGEST = 255

_summaries = msgspec.json.Decoder(list[CustomerSummary]).decode


Named = TypeVar("Named", CustomerSummary, "KeptOrder", "KeptSubscription")


class Found(NamedTuple):
    """What a text may mean: up to SHOWN of each noun, first what it names in full, then the newest."""

    customers: list[CustomerSummary]
    orders: list[KeptOrder]
    subscriptions: list[KeptSubscription]
    products: list[CatalogueProduct]


class Search:
    """Finds by indexes only, so that it costs the same however much there is."""

    def __init__(self, store: Store, customers: Customers, products: Products) -> None:
        self._store = store
        self._customers = customers
        self._products = products

    async def find(self, actor: Actor, text: str) -> Found:
        """What a text may mean of all that the actor reaches; nothing for an empty one.

        Customers by id, external id, e-mail address or a part of the name; orders by number or the customer's own one;
        subscriptions by id or a vendor's one; products that the actor's account sells by MPN or a part of the name.
        """
        text = text.strip()[:LONGEST]
        if not text:
            return Found([], [], [], [])
        # One after the other: each takes a moment, and a reseller has few places for what may take long.
        customers = await self._of_customers(actor, text)
        orders = await self._store.orders.sought(actor.account_id, text, SHOWN)
        subscriptions = await self._store.subscriptions.sought(actor.account_id, text, SHOWN)
        return Found(
            customers,
            _first(ORDERS.decode(item.document) for item in orders),
            _first(SUBSCRIPTIONS.decode(item.document) for item in subscriptions),
            await self._of_products(actor, text),
        )

    async def _of_customers(self, actor: Actor, text: str) -> list[CustomerSummary]:
        found = await self._by_id(actor, text)
        found += await self._by_member(actor, "externalId", text)
        if "@" in text:
            found += await self._by_member(actor, "email", text)
        if len(name := fold(text)) >= SHORTEST_PART:
            found += _summaries(await self._store.customers.named(actor.account_id, name, SHOWN))
        return _first(found)

    async def _by_id(self, actor: Actor, text: str) -> list[CustomerSummary]:
        try:
            customer = decode((await self._customers.find(actor, text)).document)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return []
        return [
            CustomerSummary(
                id=customer.id, external_id=customer.external_id, name=customer.name, status=customer.status
            )
        ]

    async def _by_member(self, actor: Actor, member: str, text: str) -> list[CustomerSummary]:
        """Those whom a member of the list's query finds just this; none where it cannot be such a one."""
        query, faults = read(CustomerQuery, {"limit": SHOWN, member: text})
        return [] if faults else _summaries((await self._customers.page(actor, query, whole=False)).data)

    async def _of_products(self, actor: Actor, text: str) -> list[CatalogueProduct]:
        text = text if len(fold(text)) >= SHORTEST_PART else ""
        return [one.product for one in await self._products.find(actor, actor.account_id, text, SHOWN)] if text else []


def _first(found: Iterable[Named]) -> list[Named]:
    """The first SHOWN, each once."""
    return list({one.id: one for one in found}.values())[:SHOWN]
