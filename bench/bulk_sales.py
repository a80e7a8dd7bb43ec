"""Subscriptions and orders in bulk: the rows that the product would write for each, by its own declarations."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from bench.bulk import BATCH
from bench.sold import FIRST_AT, STEP, Sales
from emporion.marketplace.platforms import SANDBOX
from emporion.store.collections import Collection, encode
from emporion.store.orders import ORDERS
from emporion.store.subscriptions import SUBSCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emporion.orders.kept import KeptOrder
    from emporion.subscriptions import KeptSubscription

D = TypeVar("D", bound="KeptOrder | KeptSubscription")
Row = tuple[Any, ...]
# By the name of a table.
Rows = dict[str, list[Row]]

COLUMNS = {
    "accounts": ("id", "kind", "reseller_id"),
    "subscriptions": SUBSCRIPTIONS.all_columns,
    "orders": ORDERS.all_columns,
    "order_subscriptions": ("reseller_id", "subscription_id", "order_id"),
    "events": (
        "reseller_id", "sequence", "account_id", "type", "at", "user", "source", "correlation_id", "changes",
        "subject_type", "subject_id",
    ),
}  # fmt: skip

# What there is before; each takes the reseller's id.
BEFORE = (
    "SELECT coalesce(max(ordinal), 0) FROM subscriptions WHERE reseller_id = ?",
    "SELECT coalesce(max(ordinal), 0) FROM orders WHERE reseller_id = ?",
    "SELECT events FROM resellers WHERE reseller_id = ?",
)

_COUNT = """
    INSERT INTO counters AS c (reseller_id, collection, last) VALUES (?, ?, ?)
    ON CONFLICT (reseller_id, collection) DO UPDATE SET last = c.last + excluded.last
"""
_NUMBER = """
    INSERT INTO order_numbers (prefix, last) VALUES (?, ?) ON CONFLICT (prefix) DO UPDATE SET last = excluded.last
"""


class Before(Struct, frozen=True):
    """What there is of a reseller's before: the last ordinal of each collection, and the last sequence of its log."""

    subscriptions: int
    orders: int
    events: int


class SalesBatch(Struct, frozen=True):
    """Subscriptions or orders of a reseller that are made at a time. positions: among all of them."""

    sales: Sales
    before: Before
    orders: bool
    positions: range

    @property
    def reseller_id(self) -> int:
        """The seller's."""
        return self.sales.seller.id


def sales_batches(sales: Sales, before: Before) -> list[SalesBatch]:
    """All that is to be added."""
    return [
        SalesBatch(sales, before, orders, range(start, min(start + BATCH, count)))
        for orders, count in ((False, len(sales.subscriptions)), (True, len(sales.orders)))
        for start in range(0, count, BATCH)
    ]


def sales_rows(batch: SalesBatch) -> Rows:
    """The rows of a batch, by table, in the order of their keys."""
    sales, reseller_id = batch.sales, batch.reseller_id
    if batch.orders:
        orders = [sales.order(position) for position in batch.positions]
        rows = _documents(ORDERS, batch, orders, batch.before.orders)
        rows["order_subscriptions"] = sorted((reseller_id, order.subscription_id, order.id) for order in orders)
        return rows
    subscriptions = [sales.subscription(position) for position in batch.positions]
    return _documents(SUBSCRIPTIONS, batch, subscriptions, batch.before.subscriptions)


def _documents(collection: Collection[D], batch: SalesBatch, documents: Sequence[D], before: int) -> Rows:
    """What any document has in the tables: it was added with one event, and has not been changed since."""
    first = batch.before.events + 1 + (len(batch.sales.subscriptions) if batch.orders else 0)
    chance = random.Random(batch.positions.start)
    rows: Rows = {"accounts": [], collection.name: [], "events": []}
    for position, document in zip(batch.positions, documents, strict=True):
        at = FIRST_AT + position * STEP
        head = (batch.reseller_id, before + position + 1, document.id, 1, at)
        rows["accounts"].append((int(document.id), collection.noun, batch.reseller_id))
        rows[collection.name].append((*head, *collection.row(document), encode(document)))
        correlation_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        rows["events"].append(
            (batch.reseller_id, first + position, batch.reseller_id, f"{collection.noun}.created", at, SANDBOX.user,
             "api", correlation_id, "{}", collection.noun, document.id)
        )  # fmt: skip
    return rows


def after_sales(sales: Sales) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Statements that count what was added, and their values."""
    seller = sales.seller
    counts = {SUBSCRIPTIONS.name: seller.subscriptions, ORDERS.name: seller.orders}
    for collection, count in counts.items():
        yield _COUNT, (seller.id, collection, count)
    yield "UPDATE resellers SET events = events + ? WHERE reseller_id = ?", (sum(counts.values()), seller.id)
    for prefix, last in sales.last_numbers().items():
        yield _NUMBER, (prefix, last)
