"""Makes the reports that were asked for, those included that another process has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emporion.errors import Problem
from emporion.logs import log

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks.
INTERVAL = 1.0


async def make_reports(marketplace: Marketplace) -> None:
    """Make one report after the other, until cancelled. What is ready of each is in the database."""
    while True:
        found = False
        try:
            found = await marketplace.report_runner.run_next()
        except Problem as problem:
            log.debug("reports wait for the database, or for room for temporary files", why=problem.why)
        except Exception:
            log.exception("a report failed, it will be tried again")
        await asyncio.sleep(0 if found else INTERVAL)
