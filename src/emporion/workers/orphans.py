"""Ends a worker process whose parent is gone, so that it does not hold the port for ever."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal

# Seconds between two looks.
INTERVAL = 0.5


async def end_with_parent() -> None:
    """End this process, as SIGTERM does, once the one that started it was killed; runs until cancelled."""
    # Known from the start: a process that was not forked takes a second to come this far, and may be an orphan by then.
    started_by = multiprocessing.parent_process()
    parent = started_by.pid if started_by else os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent has gone
        await asyncio.sleep(INTERVAL)
    signal.raise_signal(signal.SIGTERM)
