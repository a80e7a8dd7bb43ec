"""Writes down what is only remembered, and purges what is over."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from emporion.workers.periodic import run_periodically

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two rounds, and how many of them there are for each in which something is purged.
INTERVAL = 5.0
ROUNDS = 12


async def run_housekeeping(marketplace: Marketplace) -> None:
    """Write down uses and refusals in each round, and purge in some, until cancelled."""
    numbers = itertools.count(1)

    async def keep_and_purge() -> None:
        marketplace.security_log.sum_up()
        await marketplace.usage.keep()
        if next(numbers) % ROUNDS == 0:
            await _purge(marketplace)

    await run_periodically(
        keep_and_purge,
        INTERVAL,
        waits="housekeeping waits for the database",
        failed="housekeeping failed, it will be tried again",
    )


async def _purge(marketplace: Marketplace) -> None:
    """Remove what is over. Raises Problem (UNAVAILABLE)."""
    await marketplace.login_throttle.forget()
    await marketplace.idempotency.forget()
    await marketplace.sessions.forget()
    await marketplace.links.forget()
    await marketplace.statistics.forget()
    await marketplace.imports.forget()
    await marketplace.imports.end_arrivals()
