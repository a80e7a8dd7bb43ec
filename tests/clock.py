"""The time that a platform is told."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from emporion import app
from emporion.marketplace import build

DAY = 86_400


class Clock:
    """Seconds since 1970 that pass when the test says so; they begin at noon, so that no day ends by chance."""

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() // DAY * DAY + DAY / 2 if now is None else now

        self._jumped = 0.0

    def __call__(self) -> float:
        return self.now

    def jump(self, seconds: float) -> None:
        """Set the clock, as an operator does; no time passes."""
        self.now += seconds
        self._jumped += seconds

    def passed(self) -> float:
        """Seconds that have passed, as of time.monotonic."""
        return self.now - self._jumped


def told_time(patch: pytest.MonkeyPatch, now: float | None = None) -> Clock:
    """The clock of all that is put together from now on, in this process."""
    clock = Clock(now)
    told = SimpleNamespace(time=clock, monotonic=clock.passed)
    for module in (app, build):
        patch.setattr(module, "time", told)
    return clock
