"""Work that is repeated for as long as the process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from emporion.errors import Problem
from emporion.logs import log


async def run_periodically(
    work: Callable[[], Awaitable[bool | None]],
    interval: float,
    *,
    waits: str,
    failed: str,
    level: Literal["debug", "warning"] = "debug",
) -> None:
    """Call `work` again and again, until cancelled; that ends it at once, also in the middle of a round.

    interval: seconds between the end of a round and the next one; none where `work` has returned True, for there may be
    more to do. A round that fails is retried after the interval. A Problem, such as a database that is away, is logged
    as `waits` with this level, once until a round goes well; any other exception is logged as `failed`, each time.
    """
    waiting = False
    while True:
        more: bool | None = False
        try:
            more = await work()
            waiting = False
        except Problem as problem:
            if not waiting:
                getattr(log, level)(waits, why=problem.why)
            waiting = True
        except Exception:
            log.exception(failed)
        await asyncio.sleep(0 if more else interval)
