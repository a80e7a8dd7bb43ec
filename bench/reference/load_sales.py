"""Fills the reference build's tables with Emporion's catalogue, subscriptions and orders."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from bench.bulk import in_order, makers
from bench.bulk_sales import Before, sales_batches
from bench.reference.load import copy
from emporion.accounts.folding import fold
from emporion.catalogue.kept import ProductRates
from emporion.catalogue.plans import Plan
from emporion.catalogue.products import CatalogueProduct

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.bulk_sales import SalesBatch
    from bench.reference.load import Row
    from bench.sold import Sales
    from emporion.orders.kept import KeptOrder
    from emporion.subscriptions import KeptSubscription

AT_ONCE = 2
_plan = msgspec.json.Decoder(Plan).decode
_product = msgspec.json.Decoder(CatalogueProduct).decode
_rates = msgspec.json.Decoder(ProductRates).decode


async def load_sales(ours: str, theirs: str, sales: Sales, say: Callable[[str], None], to: asyncpg.Connection) -> None:
    """Put what is in our database, and the sales of the large reseller, into theirs, over a connection to it."""
    connection = await asyncpg.connect(ours)
    try:
        plans = [_plan(row[0]) for row in await connection.fetch("SELECT document FROM plans")]
        products = [_product(row[0]) for row in await connection.fetch("SELECT document FROM products")]
        rates = await connection.fetch("SELECT product_id, currency, document FROM product_rates")
        numbers = await connection.fetch("SELECT prefix, last FROM order_numbers")
    finally:
        await connection.close()
    await copy(to, "plans", [_plan_row(plan) for plan in plans])
    await copy(to, "products", [_product_row(product) for product in products])
    await copy(to, "product_rates", [_rates_row(*row) for row in rates])
    await copy(to, "order_numbers", [dict(row) for row in numbers])
    # What stands in other tables must be there before.
    for orders in (False, True):
        todo = [batch for batch in sales_batches(sales, Before(0, 0, 0)) if batch.orders is orders]
        await asyncio.to_thread(_copy_all, theirs, todo, say)


def _copy_all(url: str, todo: list[SalesBatch], say: Callable[[str], None]) -> None:
    with makers(AT_ONCE) as pool:
        for last in in_order(pool, partial(_copy_batch, url), todo, ahead=2 * AT_ONCE):
            say(f"reference: {last:,}")


def _copy_batch(url: str, batch: SalesBatch) -> int:
    """Copy a batch; its last position."""
    asyncio.run(_copy_rows(url, _rows(batch)))
    return batch.positions[-1] + 1


async def _copy_rows(url: str, rows: dict[str, list[Row]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, some in rows.items():
            await copy(connection, table, some)
    finally:
        await connection.close()


def _rows(batch: SalesBatch) -> dict[str, list[Row]]:
    sales = batch.sales
    if not batch.orders:
        return {"subscriptions": [_subscription_row(sales.subscription(position)) for position in batch.positions]}
    orders = [sales.order(position) for position in batch.positions]
    return {
        "orders": [_order_row(order) for order in orders],
        "order_lines": [row for order in orders for row in _line_rows(order)],
        "order_charges": [row for order in orders for row in _charge_rows(order)],
    }


def _plan_row(plan: Plan) -> Row:
    return {
        "id": plan.id,
        "name": plan.name,
        "service_name": plan.service_name,
        "vendor": plan.vendor,
        "is_published": plan.state == "published",
        "is_for_all": True,
        "billing_model": plan.billing_model,
        "billing_type": plan.billing_period.type,
        "billing_duration": plan.billing_period.duration,
    }


def _product_row(product: CatalogueProduct) -> Row:
    return {
        "id": int(product.id),
        "plan_id": product.plan_id,
        "mpn": product.mpn,
        "name": product.name,
        "name_folded": fold(product.name),
        "is_published": product.state == "published",
        "minimum_quantity": product.minimum_quantity,
        "maximum_quantity": product.maximum_quantity,
        "subscription_type": product.subscription_period.type,
        "subscription_duration": product.subscription_period.duration,
    }


def _rates_row(product_id: int, currency: str, document: bytes) -> Row:
    rates = _rates(document)
    return {
        "product_id": product_id,
        "currency": currency,
        "price": rates.price.recurring.tiers[0].amount,
        "cost": rates.cost(1).recurring.tiers[0].amount,
    }


def _subscription_row(kept: KeptSubscription) -> Row:
    return {
        "id": int(kept.id),
        "reseller_id": kept.chain[-1],
        "customer_id": kept.customer_id,
        "plan_id": kept.plan_id,
        "name": kept.name,
        "status": kept.status,
        "renews": kept.renews,
        "created": date.fromisoformat(kept.created),
        "expiration": date.fromisoformat(kept.expiration) if kept.expiration else None,
    }


def _order_row(order: KeptOrder) -> Row:
    return {
        "id": int(order.id),
        "reseller_id": order.chain[-1],
        "customer_id": order.customer_id,
        "order_number": order.order_number,
        "type": order.type,
        "status": order.status,
        "status_code": order.status_code,
        "currency": order.currency,
        "po_number": order.po_number,
        "created_at": _time(order.created_at),
        "provisioned_at": None if order.provisioned_at is None else _time(order.provisioned_at),
        "subscription_id": int(order.subscription_id or 0),
        "error_code": order.error.code if order.error else None,
        "error_message": order.error.message if order.error else None,
    }


def _line_rows(order: KeptOrder) -> list[Row]:
    return [
        {
            "order_id": int(order.id),
            "position": position,
            "product_id": int(line.product_id),
            "mpn": line.mpn,
            "vendor": line.vendor,
            "name": line.name,
            "billing_type": line.billing_period.type,
            "billing_duration": line.billing_period.duration,
            "subscription_type": line.subscription_period.type,
            "subscription_duration": line.subscription_period.duration,
            "quantity": line.quantity,
            "previous_quantity": line.previous_quantity,
            "extended_price": sum((charge.amount for charge in order.charges[-1]), Decimal(0)),
        }
        for position, line in enumerate(order.lines)
    ]


def _charge_rows(order: KeptOrder) -> list[Row]:
    if not order.charges:
        return []
    return [
        {
            "order_id": int(order.id),
            "position": position,
            "type": price.type,
            "product_id": int(price.product_id),
            "mpn": price.mpn,
            "description": price.description,
            "duration_type": price.duration.type if price.duration else None,
            "duration": price.duration.duration if price.duration else None,
            "quantity": price.quantity,
            "unit_price": price.unit_price,
            "amount": price.amount,
            "unit_cost": cost.unit_price,
            "cost": cost.amount,
        }
        for position, (price, cost) in enumerate(zip(order.charges[-1], order.charges[-2], strict=True))
    ]


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
