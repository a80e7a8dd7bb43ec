"""What an order and all that comes of it are after a step, and what that step writes into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.store.database import execute_many, fetch_row
from emporion.store.subscriptions import subscription_of

if TYPE_CHECKING:
    from emporion.accounts.statuses import Status
    from emporion.events import NewEvent
    from emporion.orders.kept import KeptOrder
    from emporion.store.collections import Item
    from emporion.store.database import Write
    from emporion.subscriptions import KeptSubscription

_CUSTOMER_STATUS = "SELECT status FROM customers WHERE reseller_id = ? AND id = ?"
_COUNT_CHARGES = """
    INSERT INTO counters AS c (reseller_id, collection, last) VALUES (?, 'charges', ?)
    ON CONFLICT (reseller_id, collection) DO UPDATE SET last = c.last + excluded.last RETURNING last
"""
_ADD_CHARGE = """
    INSERT INTO charges (reseller_id, number, order_id, link, at, document) VALUES (?, ?, ?, ?, ?, ?)
"""


class SubscriptionWrite(Struct, frozen=True):
    """A subscription that is added, where `item` is None, or changed."""

    item: Item | None
    subscription: KeptSubscription


class ChargeRow(Struct, frozen=True):
    """A line of the ledger. link: of the chain of the order, from 0, which is vendor and provider."""

    link: int
    at: int
    document: bytes


class OrderStep(Struct, frozen=True):
    """What an order and all that comes of it are after a step. customer_status: in which its customer must be for it,
    None for any. events: of the order, then of each subscription, then any others."""

    order: KeptOrder
    customer_status: Status | None = None
    events: Sequence[NewEvent | None] = ()
    subscriptions: Sequence[SubscriptionWrite] = ()
    charges: Sequence[ChargeRow] = ()


def are_as_they_were(item: Item, step: OrderStep) -> Write[bool]:
    """Whether an order, its customer, and the subscriptions that are changed with it are as they were read."""
    row = yield from fetch_row("SELECT version FROM orders WHERE reseller_id = ? AND id = ?", item.reseller_id, item.id)
    if not row or row[0] != item.version:
        return False
    if step.customer_status:
        status = yield from fetch_row(_CUSTOMER_STATUS, item.reseller_id, step.order.customer_id)
        if not status or status[0] != step.customer_status:
            return False
    for write in step.subscriptions:
        if write.item:
            now = yield from subscription_of(item.reseller_id, write.item.id)
            if not now or now.version != write.item.version:
                return False
    return True


def write_charges(item: Item, charges: Sequence[ChargeRow]) -> Write[None]:
    """Add the charges of an order to its reseller's ledger, under the next numbers."""
    if not charges:
        return
    row = yield from fetch_row(_COUNT_CHARGES, item.reseller_id, len(charges))
    assert row
    first = row[0] - len(charges) + 1
    yield from execute_many(
        _ADD_CHARGE,
        [
            (item.reseller_id, first + position, item.id, charge.link, charge.at, charge.document)
            for position, charge in enumerate(charges)
        ],
    )
