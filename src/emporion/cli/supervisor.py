"""The process that starts the workers, and starts those that end again."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from granian.server.mp import MPServer

from emporion.logs import log
from emporion.workers.parent_watch import GRACE
from emporion.workers.starting import PARENT

# Seconds for which a worker lives that did not end because of how it began.
SETTLED = 10.0
# Seconds between its end and the next start, at most.
LONGEST_PAUSE = 8.0
# Seconds without any worker that could be started, after which the server ends.
PATIENCE = 30.0


class Restarts:
    """When the next worker is started. now: seconds that only ever increase."""

    def __init__(self, now: float) -> None:
        self._good_at = now
        self._pause = 0.0

    def started(self, now: float) -> None:
        """A worker could be started, or has been there for long."""
        self._good_at = now

    def ended(self, now: float, lived: float) -> float | None:
        """Seconds until a worker is started in the place of one that has ended; None if there is no use in it."""
        if lived >= SETTLED:
            self._good_at, self._pause = now, 0.0
        if now - self._good_at > PATIENCE:
            return None
        pause = self._pause
        self._pause = min(2 * pause or 1.0, LONGEST_PAUSE)
        return pause


class Supervisor(MPServer):
    """Granian's server, but for what happens when workers end by themselves: its own ends after two in six seconds."""

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Begin to listen, and start the workers."""
        self._restarts = Restarts(time.monotonic())
        signal.signal(signal.SIGUSR1, lambda *_: self._restarts.started(time.monotonic()))
        os.environ[PARENT] = str(os.getpid())
        self.workers_kill_timeout = GRACE  # type: ignore[assignment]  # what it does with it takes a part of a second
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        self._started = dict.fromkeys(range(self.workers), time.monotonic())

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        """Start workers again that have ended, until told to stop, or until none can be started."""
        due: dict[int, float] = {}
        while True:
            self.main_loop_interrupt.wait(_left(due))
            self.main_loop_interrupt.clear()
            if self.interrupt_signal:
                return
            while self.interrupt_children:
                worker = self.interrupt_children.pop()
                pause = self._pause_after(worker, others=set(self._started) - due.keys() - {worker})
                if pause is None:
                    self.interrupt_children.append(worker)  # for the exit status
                    return
                due[worker] = time.monotonic() + pause
            for worker in [worker for worker, at in due.items() if at <= time.monotonic()]:
                del due[worker]
                self._respawn_workers([worker], spawn_target, target_loader)
                self._started[worker] = time.monotonic()

    def _pause_after(self, worker: int, others: set[int]) -> float | None:
        """Seconds until a worker that has ended is started again; None if the server is to end. The log says which."""
        now = time.monotonic()
        if any(now - self._started[other] >= SETTLED for other in others):
            self._restarts.started(now)
        pause = self._restarts.ended(now, now - self._started[worker])
        why = _how_ended(self.wrks[worker].inner.exitcode)
        if pause is None:
            log.error(f"no worker could be started for {PATIENCE:.0f} seconds, the server ends", why=why)
        else:
            log.error("a worker has ended and is started again", why=why, seconds=pause)
        return pause


def _left(due: dict[int, float]) -> float | None:
    return max(0.0, min(due.values()) - time.monotonic()) if due else None


def _how_ended(status: int | None) -> str:
    """As multiprocessing has it: negative for a signal."""
    if status is not None and status < 0:
        known = {-number.value: number.name for number in signal.Signals}
        return f"it was ended by {known.get(status, f'signal {-status}')}"
    return f"it ended with exit status {status}"
