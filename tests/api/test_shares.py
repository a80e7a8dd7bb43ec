"""Keys that are busy together share the event loop, however many requests one of them sends."""

from __future__ import annotations

import asyncio

import pytest

from emporion.api import shares as module
from emporion.api.shares import TOGETHER, Shares
from emporion.errors import Code, Problem
from tests.clock import Clock

MANY, FEW = b"many", b"few"


@pytest.fixture
def shares(clock: Clock) -> Shares:
    return Shares(clock)


@pytest.fixture
def clock() -> Clock:
    return Clock(1000)


async def _request(shares: Shares, key: bytes, served: list[bytes]) -> None:
    if not shares.is_due(key):
        await shares.wait(key)
    served.append(key)


async def test_a_key_that_is_busy_alone_never_waits(shares: Shares, clock: Clock) -> None:
    assert shares.is_due(FEW)
    assert shares.is_due(MANY)
    await asyncio.sleep(0)
    clock.now += TOGETHER * 2
    assert all(shares.is_due(MANY) for _ in range(100))


async def test_a_client_with_few_requests_is_served_beside_one_with_many(shares: Shares) -> None:
    served: list[bytes] = []
    flood = [asyncio.create_task(_request(shares, MANY, served)) for _ in range(100)]
    few = [asyncio.create_task(_request(shares, FEW, served)) for _ in range(3)]
    more = [asyncio.create_task(_request(shares, MANY, served)) for _ in range(100)]
    await asyncio.gather(*flood, *few, *more)
    assert served.count(MANY) == 200
    # The flood began before another client was seen; from then on it is one of each.
    last = max(number for number, key in enumerate(served) if key == FEW)
    assert last < 100 + 2 * len(few) + 2


async def test_a_client_that_gives_up_does_not_stop_the_others(shares: Shares) -> None:
    served: list[bytes] = []
    assert shares.is_due(FEW)
    tasks = [asyncio.create_task(_request(shares, MANY, served)) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(served) == 4


async def test_no_more_of_one_key_wait_than_there_is_room_for(shares: Shares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_OF_KEY", 3)
    served: list[bytes] = []
    assert shares.is_due(FEW)
    tasks = [asyncio.create_task(_request(shares, MANY, served)) for _ in range(6)]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [error for error in found if isinstance(error, Problem)]
    assert [error.code for error in refused] == [Code.UNAVAILABLE] * 2
    assert refused[0].headers == {"Retry-After": "1"}
    assert len(served) == 4
