"""A process that outlives the one that started it ends."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal

import pytest

from emporion.workers import parent_watch


class Parent:
    """The process that started this one, as multiprocessing knows it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What this process would have sent itself; SIGKILL for an end at the latest."""
    sent: list[int] = []
    monkeypatch.setattr(parent_watch, "exit_after_grace", lambda: sent.append(signal.SIGKILL))
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    monkeypatch.setattr(parent_watch, "INTERVAL", 0)
    return sent


async def test_a_process_whose_parent_was_gone_before_it_looked_ends(
    monkeypatch: pytest.MonkeyPatch, signals: list[int]
) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Parent(os.getppid() + 1))
    await parent_watch.exit_with_parent()
    assert signals == [signal.SIGKILL, signal.SIGTERM]


@pytest.mark.parametrize("known", [True, False])
async def test_a_process_lives_until_its_parent_is_gone(
    monkeypatch: pytest.MonkeyPatch, signals: list[int], known: bool
) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: Parent(os.getppid()) if known else None)
    living = asyncio.create_task(parent_watch.exit_with_parent())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not living.done()
    another = os.getppid() + 1
    monkeypatch.setattr(os, "getppid", lambda: another)
    await living
    assert signals == [signal.SIGKILL, signal.SIGTERM]
