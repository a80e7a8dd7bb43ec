"""Checks and writes the imports that were sent, those included that another process has left."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from emporion.errors import Problem
from emporion.logs import log

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two looks, and between two times that something is forgotten.
INTERVAL = 1.0
FORGETTING = 60.0


async def do_imports(marketplace: Marketplace) -> None:
    """Do one import after the other, until cancelled. What each has done is in the database."""
    holder = secrets.token_hex(8)
    forgotten = time.monotonic()
    while True:
        found = False
        try:
            found = await marketplace.import_runner.run_next(holder)
            if time.monotonic() - forgotten > FORGETTING:
                forgotten = time.monotonic()
                await marketplace.imports.forget()
        except Problem as problem:
            log.debug("imports wait for the database, or for room for temporary files", why=problem.why)
        except Exception:
            log.exception("an import failed, it will be tried again")
        await asyncio.sleep(0 if found else INTERVAL)
