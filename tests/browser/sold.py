"""Orders and subscriptions of the showroom, in each state that lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from emporion.accounts.customers import CustomerSummary
from emporion.accounts.queries import CustomerSearch
from emporion.accounts.statuses import Status
from emporion.catalogue.shown import PlanQuery, Product, ProductQuery, ServicePlan
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.fulfillment import Refusal
from emporion.marketplace.sandbox import SANDBOX_MPN
from emporion.orders.shown import OrderDetailed
from tests.clock import Clock

_customers = msgspec.json.Decoder(list[CustomerSummary]).decode
_products = msgspec.json.Decoder(list[Product]).decode
_plans = msgspec.json.Decoder(list[ServicePlan]).decode
_order = msgspec.json.Decoder(OrderDetailed).decode
REVIEWED = {"mpn": "CASTLE-REVIEW", "quantity": 1, "parameters": [{"name": "site", "value": "https://shop.example"}]}
CALLED = [{"name": "company", "value": "Bergmann & Söhne"}, {"name": "region", "value": "eu"}]
STORED = {"mpn": "ACME-STORAGE-100", "quantity": 2, "subscriptionPeriod": {"type": "month", "duration": 1}}
MOST_ROUNDS = 50


@dataclass
class SoldWork:
    """What sellers and operators have done. put: keeps ids by the names of their places."""

    marketplace: Marketplace
    clock: Clock
    put: Callable[..., None]
    seller: Actor
    operator: Actor

    async def all(self, begin: float) -> None:
        """All orders, from a time in seconds since 1970 on."""
        self.clock.now = begin
        active = await self._customers("active")
        for number, customer in enumerate(active[:14]):
            seats = {"mpn": SANDBOX_MPN, "quantity": 3 + number * 4}
            await self._done(customer.id, products=[seats], poNumber=f"PO-{2200 + number}")
        anna = next(one for one in active if one.name.startswith("Bergmann"))
        lines = [{"mpn": SANDBOX_MPN, "quantity": 24}, {"mpn": "ACME-ARCHIVE", "quantity": 24}]
        lines += [{"mpn": "BOREALIS-TALK", "quantity": 12, "parameters": CALLED}]
        sold = await self._done(anna.id, products=lines, poNumber="4711-B")
        workspace = next(one.subscription_id for one in sold.products or [] if one.mpn == SANDBOX_MPN)
        change = {"subscriptionId": workspace, "products": [{"mpn": SANDBOX_MPN, "quantity": 30}]}
        changed = await self._done(anna.id, type="change", **change)
        mail = await self._done(anna.id, products=[{"mpn": "ACME-MAIL-BASIC", "quantity": 30}])
        by_hand = await self._done(anna.id, products=[REVIEWED])
        failed = await self._done(active[0].id, products=[REVIEWED])
        await self.marketplace.fulfillment.fail(self.operator, failed.id or "", Refusal("The site cannot be reached."))
        cancelled = await self._done(active[1].id, products=[REVIEWED])
        await self.marketplace.fulfillment.cancel(self.seller, cancelled.id or "", None, "Ordered twice")
        waiting = (await self._customers("pending"))[0]
        unverified = await self._done(waiting.id, products=[STORED])
        self.put(sold=sold.id, changed=changed.id, by_hand=by_hand.id, order_failed=failed.id, unverified=unverified.id)
        self.put(order_cancelled=cancelled.id, subscription=workspace, mail=mail.subscription_id)
        products = _products((await self.marketplace.products.page(self.seller, ProductQuery(limit=100))).data)
        plans = _plans((await self.marketplace.products.plans(self.seller, PlanQuery(limit=100))).data)
        seat = next(one for one in products if one.mpn == SANDBOX_MPN)
        await self.marketplace.prices.set(self.seller, self.seller.account_id, {"productId": seat.id, "amount": "6.5"})
        self.put(product=seat.id, plan=next(plan.id for plan in plans if plan.name == "Acme Mail Basic"))

    async def _customers(self, status: Status) -> list[CustomerSummary]:
        query = CustomerSearch(status=status, limit=100)
        return _customers((await self.marketplace.customers.page(self.seller, query, whole=False)).data)

    async def _done(self, customer_id: str, **members: Any) -> OrderDetailed:
        """An order after what the workers do of it."""
        self.clock.now += 20_000
        placed = await self.marketplace.orders.place(self.seller, {"customerId": customer_id, **members})
        for _ in range(MOST_ROUNDS):
            if not await self.marketplace.order_runner.run_next():
                break
        return _order((await self.marketplace.orders.get(self.seller, placed.id)).document)
