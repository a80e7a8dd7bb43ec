"""The one loop of all that runs by itself: its intervals, what it does about failures, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal

import pytest
from structlog.testing import capture_logs

from emporion.errors import Code, Problem
from emporion.workers.periodic import run_periodically

INTERVAL = 3600.0
AWAY = Problem(Code.UNAVAILABLE, "away")


class Rounds:
    """Work whose rounds end one after the other as they are told here, and then cancel the loop."""

    def __init__(self, *ends: bool | Exception | None) -> None:
        self._ends = iter(ends)

    async def __call__(self) -> bool | None:
        for end in self._ends:
            if isinstance(end, Exception):
                raise end
            return end
        raise asyncio.CancelledError


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds for which the loop has slept after each round; they take no time."""
    seconds: list[float] = []

    async def sleep(duration: float) -> None:
        seconds.append(duration)
        assert len(seconds) < 100, "a loop that is not cancelled"

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        yield seconds


async def run(work: Rounds, level: Literal["debug", "warning"] = "debug") -> list[tuple[str, str]]:
    """Run the loop until the work cancels it; the level and text of what it has logged."""
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await run_periodically(work, INTERVAL, waits="work waits", failed="work failed", level=level)
    return [(entry["log_level"], entry["event"]) for entry in logs]


async def test_a_round_follows_at_once_where_there_is_more_to_do(slept: list[float]) -> None:
    assert await run(Rounds(True, True, False, None, True)) == []
    assert slept == [0, 0, INTERVAL, INTERVAL, 0]


async def test_a_round_that_fails_is_retried_after_the_interval(slept: list[float]) -> None:
    assert await run(Rounds(True, AWAY, RuntimeError("bad"), True)) == [
        ("debug", "work waits"),
        ("error", "work failed"),
    ]
    assert slept == [0, INTERVAL, INTERVAL, 0]


@pytest.mark.parametrize("level", ["debug", "warning"])
async def test_waiting_is_told_once_until_a_round_goes_well_and_other_failures_each_time(
    slept: list[float], level: Literal["debug", "warning"]
) -> None:
    bad = RuntimeError("bad")
    told = await run(Rounds(AWAY, AWAY, bad, AWAY, bad, False, AWAY), level)
    assert told == [(level, "work waits"), ("error", "work failed"), ("error", "work failed"), (level, "work waits")]
    assert len(slept) == 7


async def test_why_it_waits_is_told() -> None:
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await run_periodically(Rounds(AWAY), 0, waits="work waits", failed="work failed")
    assert logs == [{"event": "work waits", "log_level": "debug", "why": "away"}]


async def test_it_ends_at_once_when_it_is_cancelled_between_two_rounds() -> None:
    went = asyncio.Event()

    async def work() -> None:
        went.set()

    await _is_ended(work, went)


async def test_it_ends_at_once_when_it_is_cancelled_in_the_middle_of_a_round() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    await _is_ended(work, began)


async def _is_ended(work: Callable[[], Awaitable[None]], ready: asyncio.Event) -> None:
    with capture_logs() as logs:
        task = asyncio.create_task(run_periodically(work, INTERVAL, waits="work waits", failed="work failed"))
        await ready.wait()
        await asyncio.sleep(0)
        task.cancel()
        # One turn of the event loop is all that it may take.
        await asyncio.sleep(0)
    assert task.cancelled()
    assert logs == []
