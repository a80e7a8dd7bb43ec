"""Moves orders on, those included that another process has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.workers.periodic import run_periodically

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks.
INTERVAL = 0.5


async def move_orders(marketplace: Marketplace) -> None:
    """Move one order on after the other, until cancelled. How far each has come is in the database."""
    await run_periodically(
        marketplace.order_runner.run_next,
        INTERVAL,
        waits="orders wait for the database",
        failed="an order failed, it will be tried again",
        level="warning",
    )
