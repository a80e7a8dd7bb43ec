"""Writes down what is only remembered, and forgets what is over."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from emporion.errors import Problem
from emporion.logs import log

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# Seconds between two rounds, and how many of them there are for each in which something is forgotten.
INTERVAL = 5.0
ROUNDS = 12


async def keep_house(marketplace: Marketplace) -> None:
    """Do it again and again, until cancelled. What cannot be done now is done later."""
    for number in itertools.count(1):
        await asyncio.sleep(INTERVAL)
        try:
            marketplace.refusals.sum_up()
            await marketplace.visits.keep()
            if number % ROUNDS == 0:
                await marketplace.guesses.forget()
                await marketplace.repeats.forget()
                await marketplace.sessions.forget()
                await marketplace.links.forget()
                await marketplace.statistics.forget()
                await marketplace.imports.end_arrivals()
        except Problem as problem:
            log.debug("housekeeping waits for the database", why=problem.why)
        except Exception:
            log.exception("housekeeping failed, it will be tried again")
