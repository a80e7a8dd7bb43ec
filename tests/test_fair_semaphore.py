"""Searches take turns."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from emporion.errors import Code, Problem
from emporion.fair_semaphore import ACCOUNT, CLIENT, WAITED, FairSemaphore, asking
from emporion.store.faults import busy


async def test_one_reseller_has_half_of_the_turns_and_all_together_have_no_more_than_there_are() -> None:
    turns = FairSemaphore(4, 2, 64, 60, busy)
    running: list[int] = []
    most: dict[int, int] = {}
    total = 0
    go_on = asyncio.Event()

    async def search(reseller: int) -> None:
        nonlocal total
        async with turns.slot(reseller):
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


async def test_work_that_waits_too_long_for_its_turn_is_refused() -> None:
    turns = FairSemaphore(2, 1, 64, 0.05, busy)
    async with turns.slot(1):
        with pytest.raises(Problem) as raised:
            async with turns.slot(1):
                pass
        assert raised.value.code is Code.UNAVAILABLE
        async with turns.slot(2):
            pass
    async with turns.slot(1):
        pass


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_accounts_are_served_in_turn_however_many_wait_of_one() -> None:
    turns = FairSemaphore(1, 1, 64, None, busy)
    served: list[int] = []

    async def work(account: int) -> None:
        async with turns.slot(account):
            served.append(account)

    await turns.acquire(0)
    tasks = [asyncio.create_task(work(account)) for account in (1, 1, 1, 1, 2, 2, 3)]
    await _settled()
    turns.release(0)
    await asyncio.gather(*tasks)
    assert served == [1, 2, 3, 1, 2, 1, 1]


async def test_no_more_of_one_account_wait_than_may() -> None:
    turns = FairSemaphore(1, 1, 2, None, busy)
    await turns.acquire(1)
    waiting = [asyncio.create_task(turns.acquire(1)) for _ in range(2)]
    await _settled()
    with pytest.raises(Problem):
        await turns.acquire(1)
    other = asyncio.create_task(turns.acquire(2))
    await _settled()
    assert not other.done()
    turns.stop()
    assert all(await asyncio.gather(*waiting, other, return_exceptions=True))
    with pytest.raises(Problem):
        await turns.acquire(3)
    turns.release(1)
    await turns.acquire(3)


async def test_a_client_that_hangs_up_while_waiting_leaves_the_queue() -> None:
    turns = FairSemaphore(1, 1, 64, None, busy)
    await turns.acquire(1)
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def waiting() -> None:
        CLIENT.set(messages.get)
        await turns.acquire(1)

    task = asyncio.create_task(waiting())
    messages.put_nowait({"type": "http.request"})
    await _settled()
    assert not task.done()
    messages.put_nowait({"type": "http.disconnect"})
    with pytest.raises(Problem):
        await task
    turns.release(1)
    await turns.acquire(2)


async def test_a_place_that_comes_as_a_client_gives_up_goes_to_the_next() -> None:
    turns = FairSemaphore(1, 1, 64, None, busy)
    await turns.acquire(1)
    first, second = asyncio.create_task(turns.acquire(1)), asyncio.create_task(turns.acquire(2))
    await _settled()
    turns.release(1)
    first.cancel()
    await second
    turns.release(2)
    await turns.acquire(3)


async def test_who_asks_queues_whatever_account_is_asked_about() -> None:
    def asked_by(account: int | None) -> int | str:
        context = contextvars.copy_context()
        context.run(ACCOUNT.set, account)
        return context.run(asking, 1)

    assert asked_by(None) == 1
    assert asked_by(2) == 2


async def test_whether_a_request_has_waited_is_known() -> None:
    turns = FairSemaphore(1, 1, 64, None, busy)

    async def waited() -> bool:
        async with turns.slot(1):
            return WAITED.get()

    async with turns.slot(2):
        waiting = asyncio.create_task(waited())
        await _settled()
    assert await waiting
    assert not await asyncio.create_task(waited())
