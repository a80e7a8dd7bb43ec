"""Digests are dear: a user who asks for many must not keep others from signing in."""

from __future__ import annotations

import asyncio
import threading

import pytest

from emporion import fair_semaphore
from emporion.credentials import hash_password
from emporion.errors import Code, Problem
from emporion.marketplace import passwords as module
from emporion.marketplace.passwords import MOST_NEW, MOST_STRANGERS, Passwords
from tests.effort import HANGS

ONE, OTHER = 10, 20


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
    waiting = [asyncio.create_task(passwords.hash(f"new {number}", ONE)) for number in range(20)]
    await asyncio.sleep(0)
    assert await passwords.verify(digest, "right", known=False)
    assert not any(task.done() for task in waiting)
    held.set()
    assert await asyncio.gather(*waiting) == [f"digest of new {number}" for number in range(20)]


async def test_no_more_new_passwords_wait_than_there_is_time_for(held: threading.Event) -> None:
    passwords = Passwords("low")
    waiting = [asyncio.create_task(passwords.hash("new", ONE)) for _ in range(1 + MOST_NEW)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # whose digest is being made: it is made all the same, and no other takes its place before
    with pytest.raises(Problem) as refused:
        await passwords.hash("one more", ONE)
    assert refused.value.code is Code.LIMITED
    assert refused.value.headers["Retry-After"]
    waiting[1].cancel()
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(passwords.hash("new", ONE)))
    held.set()
    await asyncio.gather(*waiting[2:])
    assert await passwords.hash("later", ONE) == "digest of later"


async def test_one_who_sets_many_passwords_holds_up_no_other(held: threading.Event) -> None:
    passwords = Passwords("low")
    made: list[int] = []

    async def make(account: int) -> None:
        await passwords.hash("new", account)
        made.append(account)

    many = [asyncio.create_task(make(ONE)) for _ in range(20)]
    await asyncio.sleep(0)
    other = asyncio.create_task(make(OTHER))
    await asyncio.sleep(0)
    held.set()
    await asyncio.gather(other, *many)
    assert made.index(OTHER) <= 1


async def test_strangers_are_few_and_do_not_hold_up_known_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_semaphore, "PAUSE", 0)
    passwords = Passwords("low")
    released = threading.Event()

    def verify(_digest: str | None, password: str) -> bool:
        return password == "right" or not released.wait(60)

    monkeypatch.setattr(module, "verify_password", verify)
    strangers = [asyncio.create_task(passwords.verify(None, "wrong", known=False)) for _ in range(MOST_STRANGERS + 11)]
    assert await passwords.verify(None, "right", known=True)
    refused = [task.exception() for task in strangers if task.done()]
    assert [error.code for error in refused if isinstance(error, Problem)] == [Code.LIMITED] * 10
    released.set()
    await asyncio.gather(*strangers, return_exceptions=True)


async def test_who_waits_for_a_digest_is_refused_when_the_server_stops(held: threading.Event) -> None:
    passwords = Passwords("low")
    waiting = [asyncio.create_task(passwords.hash("new", ONE)) for _ in range(3)]
    await asyncio.sleep(0)
    passwords.stop()
    done, _ = await asyncio.wait(waiting[1:])
    assert all(isinstance(task.exception(), Problem) for task in done)
    held.set()
    assert await waiting[0] == "digest of new"


async def test_a_digest_that_cannot_be_started_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords("low")
    digest = hash_password("right")
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", _no_more_threads)
        with pytest.raises(RuntimeError):
            await passwords.verify(digest, "right", known=True)
    async with asyncio.timeout(HANGS):
        assert await passwords.verify(digest, "right", known=True)


def _no_more_threads(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
