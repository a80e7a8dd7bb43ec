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

    def __call__(self) -> float:
        return self.now


def told_time(patch: pytest.MonkeyPatch, now: float | None = None) -> Clock:
    """The clock of all that is put together from now on, in this process."""
    clock = Clock(now)
    told = SimpleNamespace(time=clock, monotonic=time.monotonic)
    for module in (app, build):
        patch.setattr(module, "time", told)
    return clock
