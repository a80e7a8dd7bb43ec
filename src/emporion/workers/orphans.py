"""Ends a worker process whose parent is gone, so that it does not hold the port for ever."""

from __future__ import annotations

import asyncio
import os
import signal

# Seconds between two looks.
INTERVAL = 0.5


async def end_with_parent() -> None:
    """End this process, as SIGTERM does, once the one that started it was killed; runs until cancelled."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent has gone
        await asyncio.sleep(INTERVAL)
    signal.raise_signal(signal.SIGTERM)
