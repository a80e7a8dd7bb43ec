"""Makes the reports that were asked for, those included that another process has left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.workers.periodic import run_periodically

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks.
INTERVAL = 1.0


async def make_reports(marketplace: Marketplace) -> None:
    """Make one report after the other, until cancelled. What is ready of each is in the database."""
    await run_periodically(
        marketplace.report_runner.run_next,
        INTERVAL,
        waits="reports wait for the database, or for room for temporary files",
        failed="a report failed, it will be tried again",
    )
