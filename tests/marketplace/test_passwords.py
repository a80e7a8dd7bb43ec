"""Digests are dear: whoever asks for many must not keep others from signing in."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from emporion.credentials import hash_password
from emporion.errors import Code, Problem
from emporion.marketplace import passwords as module
from emporion.marketplace.passwords import MOST_WAITING, Passwords


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set, it lets new passwords be digested, which take for ever until then."""
    released = threading.Event()

    def hash_late(password: str) -> str:
        released.wait(60)
        return f"digest of {password}"

    monkeypatch.setattr(module, "hash_password", hash_late)
    return released


async def test_a_login_does_not_wait_for_new_passwords(held: threading.Event) -> None:
    passwords = Passwords("low")
    digest = hash_password("right")
    waiting = [asyncio.create_task(passwords.hash(f"new {number}")) for number in range(20)]
    await asyncio.sleep(0)
    assert await passwords.verify(digest, "right")
    assert not any(task.done() for task in waiting)
    held.set()
    assert await asyncio.gather(*waiting) == [f"digest of new {number}" for number in range(20)]


async def test_no_more_new_passwords_wait_than_there_is_time_for(held: threading.Event) -> None:
    passwords = Passwords("low")
    waiting = [asyncio.create_task(passwords.hash("new")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    for task in waiting[:10]:  # who goes away does not make room: what he asked for is done all the same
        task.cancel()
    for task in waiting[:10]:
        with suppress(asyncio.CancelledError):
            await task
    with pytest.raises(Problem) as refused:
        await passwords.hash("one more")
    assert refused.value.code is Code.LIMITED
    assert refused.value.headers["Retry-After"]
    held.set()
    await asyncio.gather(*waiting[10:])
    assert await passwords.hash("later") == "digest of later"
