"""Verifies pending customers and resellers, a moment after they were created and after every restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emporion.errors import Problem
from emporion.logs import log

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks: a customer is verified within two seconds (contract: POST /customers).
INTERVAL = 0.5


async def verify_accounts(marketplace: Marketplace) -> None:
    """Verify whoever is waiting, again and again, until cancelled. Its only memory is the database."""
    away = False
    while True:
        found = 0
        try:
            found = await marketplace.customers.verify_waiting() + await marketplace.resellers.verify_waiting()
            away = False
        except Problem as problem:
            # The database may be away for a while; the next look finds what this one did not.
            if not away:
                log.warning("verification waits for the database", why=problem.why)
            away = True
        except Exception:
            log.exception("verification failed, it will be tried again")
        await asyncio.sleep(0 if found else INTERVAL)
