"""Checks and writes the imports that were sent, those included that another process has left."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from emporion.workers.periodic import run_periodically

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks.
INTERVAL = 1.0


async def do_imports(marketplace: Marketplace) -> None:
    """Do one import after the other, until cancelled. What each has done is in the database."""
    holder = secrets.token_hex(8)
    await run_periodically(
        lambda: marketplace.import_runner.run_next(holder),
        INTERVAL,
        waits="imports wait for the database, or for room for temporary files",
        failed="an import failed, it will be tried again",
    )
