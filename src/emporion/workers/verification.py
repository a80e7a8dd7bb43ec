"""Verifies pending customers and resellers, a moment after they were created and after every restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.workers.periodic import run_periodically

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks: a customer is verified within two seconds (contract: POST /customers).
INTERVAL = 0.5


async def verify_accounts(marketplace: Marketplace) -> None:
    """Verify the accounts that wait for it, until cancelled. The only memory of it is the database."""

    async def verify() -> bool:
        found = await marketplace.customers.verify_waiting() + await marketplace.resellers.verify_waiting()
        return found > 0

    await run_periodically(
        verify,
        INTERVAL,
        waits="verification waits for the database",
        failed="verification failed, it will be tried again",
        level="warning",
    )
