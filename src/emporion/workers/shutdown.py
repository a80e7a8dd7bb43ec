"""Notices that this process is told to stop, so that a request that only waits for news is answered at once."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_shutdown(callback: Callable[[], None]) -> None:
    """Call `callback` in the event loop when SIGTERM or SIGINT comes, besides what the server does then.

    The server waits until all requests are answered, and tells the application only after that. SIGHUP stops nothing
    here: a terminal that is closed sends it to all processes, and the one that started this one then sends SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are not for us
        return
    loop = asyncio.get_running_loop()

    def also() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(callback)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _both(signal.getsignal(number), also))
        signal.siginterrupt(number, False)
    # A process that was not forked, which is how Python 3.14 starts them, would be killed by it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _both(before: object, also: Callable[[], object]) -> Callable[[int, FrameType | None], None]:
    def handler(number: int, frame: FrameType | None) -> None:
        also()
        if callable(before):
            before(number, frame)

    return handler
