"""What was sold, read from end to end: for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emporion.orders.ledger import LedgerCharge, read_ledger
from emporion.store.orders import ORDERS
from emporion.store.subscriptions import SUBSCRIPTIONS

if TYPE_CHECKING:
    from emporion.orders.kept import KeptOrder
    from emporion.store.database import Database
    from emporion.subscriptions import KeptSubscription

_ORDERS = """
    SELECT ordinal, document FROM orders WHERE reseller_id = ? AND ordinal > ? AND created_at < ? ORDER BY ordinal LIMIT ?
"""
_SUBSCRIPTIONS = """
    SELECT ordinal, document FROM subscriptions WHERE reseller_id = ? AND ordinal > ? AND created_at < ?
    ORDER BY ordinal LIMIT ?
"""
_CHARGES = "SELECT number, at, document FROM charges WHERE reseller_id = ? AND number > ? ORDER BY number LIMIT ?"


class ScannedCharge(NamedTuple):
    """A line of the ledger as a scan meets it. at: when it was written, in milliseconds since 1970."""

    number: int
    at: int
    charge: LedgerCharge


class SalesStore:
    """Orders, subscriptions and charges of a reseller, oldest first.

    A scan that goes on after the last number meets each once, and misses none, while others are added.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def orders(self, reseller_id: int, after: int, until: int, limit: int) -> list[tuple[int, KeptOrder]]:
        """Up to `limit` orders after a number that were placed before a time, each with its number."""
        rows = await self._database.rows(_ORDERS, reseller_id, after, until, limit)
        return [(number, ORDERS.decode(document)) for number, document in rows]

    async def subscriptions(
        self, reseller_id: int, after: int, until: int, limit: int
    ) -> list[tuple[int, KeptSubscription]]:
        """Up to `limit` subscriptions after a number that were made before a time, each with its number."""
        rows = await self._database.rows(_SUBSCRIPTIONS, reseller_id, after, until, limit)
        return [(number, SUBSCRIPTIONS.decode(document)) for number, document in rows]

    async def charges(self, reseller_id: int, after: int, limit: int) -> list[ScannedCharge]:
        """Up to `limit` lines of the ledger after a number."""
        rows = await self._database.rows(_CHARGES, reseller_id, after, limit)
        return [ScannedCharge(number, at, read_ledger(document)) for number, at, document in rows]
