"""What stands in reports of what was sold: of orders, subscriptions and charges, as one account sees their amounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import to_builtins

from emporion import times
from emporion.marketplace.exports import reseller_ids
from emporion.money import amount
from emporion.orders import pricing
from emporion.orders.shown import detailed, encode
from emporion.orders.subscription_shown import number, shown_subscription

if TYPE_CHECKING:
    from emporion.orders.kept import KeptOrder
    from emporion.orders.ledger import LedgerCharge
    from emporion.store.base import Store
    from emporion.store.sales import ScannedCharge
    from emporion.subscriptions import KeptSubscription

Rows = list[dict[str, Any]]

# How many rows are read at a time.
AT_ONCE = 200
# Of how many customers it is remembered who they are.
MOST_CUSTOMERS_KNOWN = 10_000
# What rows have of a customer.
_OF_CUSTOMER = ("externalId", "name", "taxRegId")
_OF_ORDER = ("id", "orderNumber", "type", "poNumber", "creationDate", "provisioningDate", "subscriptionId")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class SalesRows:
    """The rows of reports about an account and all below it, with the amounts of that account.

    A seller's `…Price` is what it takes of whom it sells to, which may be a reseller below; `…Cost` is what it pays.
    """

    def __init__(self, store: Store, account_id: int) -> None:
        self._store = store
        self._account_id = account_id
        self._customers: dict[int, dict[str, Any]] = {}

    async def orders(self, start: int, end: int) -> AsyncIterator[Rows]:
        """A row for each line of the orders that were completed in the period."""
        for reseller_id in await reseller_ids(self._store.resellers, self._account_id):
            after: int | None = 0
            while after is not None:
                page = await self._store.sales.orders(reseller_id, after, end, AT_ONCE)
                after = page[-1][0] if page else None
                rows: Rows = []
                for _, order in page:
                    if order.status == "completed" and order.provisioned_at and start <= order.provisioned_at < end:
                        who = await self._who(reseller_id, order.customer_id)
                        rows += self._order(order, who)
                yield rows

    async def subscriptions(self, start: int, end: int) -> AsyncIterator[Rows]:
        """A row for each product of the subscriptions that there were in the period, as they are now."""
        begin = times.shown(start)[:10]
        for reseller_id in await reseller_ids(self._store.resellers, self._account_id):
            after: int | None = 0
            while after is not None:
                page = await self._store.sales.subscriptions(reseller_id, after, end, AT_ONCE)
                after = page[-1][0] if page else None
                rows: Rows = []
                for _, subscription in page:
                    if subscription.ended is None or subscription.ended >= begin:
                        who = await self._who(reseller_id, subscription.customer_id)
                        rows += self._subscription(subscription, who)
                yield rows

    async def charges(self, start: int, end: int) -> AsyncIterator[Rows]:
        """A row for each charge that was written in the period."""
        for reseller_id in await reseller_ids(self._store.resellers, self._account_id):
            waiting: list[ScannedCharge] = []
            after: int | None = 0
            while after is not None:
                page = await self._store.sales.charges(reseller_id, after, AT_ONCE)
                after = page[-1].number if page else None
                rows: Rows = []
                # What one order is charged stands together; the last may go on behind this page.
                for one in page:
                    if waiting and (waiting[0].charge.order_id, waiting[0].at) != (one.charge.order_id, one.at):
                        rows += await self._charged(reseller_id, waiting, start, end)
                        waiting = []
                    waiting.append(one)
                yield rows
            if waiting:
                yield await self._charged(reseller_id, waiting, start, end)

    async def _charged(self, reseller_id: int, together: Sequence[ScannedCharge], start: int, end: int) -> Rows:
        at = together[0].at
        if not start <= at < end:
            return []
        who = await self._who(reseller_id, together[0].charge.customer_id)
        return [{"date": times.shown(at), **who, **row} for row in self._charges([one.charge for one in together])]

    def _charges(self, together: Sequence[LedgerCharge]) -> Iterator[dict[str, Any]]:
        """The charges of an order: what the account takes, each beside what it pays for the same."""
        costs: dict[tuple[object, ...], list[LedgerCharge]] = {}
        for one in together:
            if one.buyer_id == self._account_id:
                costs.setdefault(_same(one), []).append(one)
        for one in together:
            if one.seller_id == self._account_id:
                same = costs.get(_same(one))
                yield _charge(one, same.pop(0) if same else None)

    def _order(self, order: KeptOrder, who: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The lines of an order, one row each; of an order without lines one row."""
        if self._account_id not in order.chain:
            return
        level = order.chain.index(self._account_id)
        shown = _decode(encode(detailed(order, level, whole=True)))
        row = {name: shown[name] for name in _OF_ORDER if name in shown} | who
        costs = order.charges[level] if level < len(order.charges) else []
        for line in shown["products"] or [None]:
            if line:
                cost = amount(pricing.extended(costs, line["id"]), order.currency)
                line = {name: value for name, value in line.items() if name != "parameters"}
                yield row | {"product": line | {"extendedCost": to_builtins(cost)}}
            else:
                yield row

    def _subscription(self, subscription: KeptSubscription, who: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if self._account_id not in subscription.chain:
            return
        level = subscription.chain.index(self._account_id)
        shown = to_builtins(shown_subscription(subscription, level))
        products = shown.pop("products", None) or [None]
        for name in ("customerId", "orderParameters", "fulfillmentParameters"):
            shown.pop(name, None)
        for product in products:
            yield shown | who | ({"product": product} if product else {})

    async def _who(self, reseller_id: int, customer_id: int) -> dict[str, Any]:
        """Whose it is."""
        if customer_id not in self._customers:
            if len(self._customers) >= MOST_CUSTOMERS_KNOWN:
                self._customers.clear()
            found = await self._store.customers.document(reseller_id, customer_id)
            members = _decode(found.document) if found else {}
            self._customers[customer_id] = {name: members[name] for name in _OF_CUSTOMER if name in members}
        customer = {"id": str(customer_id), **self._customers[customer_id]}
        return {"customer": customer, "resellerId": str(reseller_id)}


def _same(charge: LedgerCharge) -> tuple[object, ...]:
    """What charges on different links have in common that are for the same."""
    return charge.type, charge.subscription_id, charge.product_id, charge.start, charge.end, charge.quantity > 0


def _charge(charge: LedgerCharge, cost: LedgerCharge | None) -> dict[str, Any]:
    row = {
        "orderId": charge.order_id,
        "orderNumber": charge.order_number,
        "orderType": charge.order_type,
        "subscriptionId": charge.subscription_id,
        "planId": None if charge.plan_id is None else str(charge.plan_id),
        "productId": charge.product_id,
        "mpn": charge.mpn,
        "name": charge.name,
        "type": charge.type,
        "description": charge.description,
        "startDate": charge.start,
        "endDate": charge.end,
        "quantity": number(charge.quantity),
        "unitPrice": amount(charge.unit_price, charge.currency),
        "extendedPrice": amount(charge.amount, charge.currency),
        "unitCost": amount(cost.unit_price, cost.currency) if cost else None,
        "extendedCost": amount(cost.amount, cost.currency) if cost else None,
    }
    return {name: to_builtins(value) for name, value in row.items() if value is not None}
