"""Searches take turns."""

from __future__ import annotations

import asyncio

import pytest

from emporion.errors import Code, Problem
from emporion.store.postgres.turns import Turns


async def test_one_reseller_has_half_of_the_turns_and_all_together_have_no_more_than_there_are() -> None:
    turns = Turns(4, 60)
    running: list[int] = []
    most: dict[int, int] = {}
    total = 0
    go_on = asyncio.Event()

    async def search(reseller: int) -> None:
        nonlocal total
        async with turns.turn(reseller):
            running.append(reseller)
            most[reseller] = max(most.get(reseller, 0), running.count(reseller))
            total = max(total, len(running))
            await go_on.wait()
            running.remove(reseller)

    searches = [asyncio.create_task(search(reseller)) for reseller in (1, 1, 1, 1, 2, 2, 2, 3, 3)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert sorted(running) == [1, 1, 2, 2]
    go_on.set()
    await asyncio.gather(*searches)
    assert (most[1], most[2], total) == (2, 2, 4)


async def test_whoever_waits_too_long_for_his_turn_is_told() -> None:
    turns = Turns(2, 0.05)
    async with turns.turn(1):
        with pytest.raises(Problem) as raised:
            async with turns.turn(1):
                pass
        assert raised.value.code is Code.UNAVAILABLE
        async with turns.turn(2):
            pass
    async with turns.turn(1):
        pass
