"""Ends a worker process whose parent is gone, so that it does not hold the port for ever."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading

# Seconds between two looks, and those that requests in flight have to finish.
INTERVAL = 0.5
GRACE = 1.2


async def exit_with_parent() -> None:
    """End this process, as SIGTERM does, once the one that started it was killed; runs until cancelled."""
    # Known from the start: a process that was not forked takes a second to come this far, and may be an orphan by then.
    started_by = multiprocessing.parent_process()
    parent = started_by.pid if started_by else os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process that its parent has gone
        await asyncio.sleep(INTERVAL)
    exit_after_grace()
    signal.raise_signal(signal.SIGTERM)


def exit_after_grace() -> None:
    """End this process GRACE seconds from now, whatever it still waits for: no parent is left that would."""
    end = threading.Timer(GRACE, os._exit, [1])
    end.daemon = True
    end.start()
