"""When workers that have ended are started again, and when there is no use in it."""

from __future__ import annotations

import signal

from emporion.cli.supervisor import LONGEST_PAUSE, PATIENCE, SETTLED, Restarts, _how_ended


def test_a_worker_that_lived_is_replaced_at_once() -> None:
    restarts = Restarts(0)
    for now in range(1000, 10_000, 1000):
        assert restarts.ended(now, SETTLED) == 0


def test_those_that_end_soon_are_started_after_longer_pauses_until_none_came_up_for_long() -> None:
    restarts, now, pauses = Restarts(0), 0.0, []
    while (pause := restarts.ended(now, 0.5)) is not None:
        pauses.append(pause)
        now += pause + 0.5
    assert pauses == [0, 1, 2, 4, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert now > PATIENCE


def test_workers_that_come_up_and_end_are_started_for_ever() -> None:
    restarts, now = Restarts(0), 0.0
    for _ in range(100):
        restarts.started(now)
        now += 1
        pause = restarts.ended(now, 1)
        assert pause is not None
        now += pause
    assert restarts.ended(now, SETTLED) == 0
    assert restarts.ended(now, 1) == 1, "the pauses begin anew"


def test_a_worker_that_any_signal_ended_is_told() -> None:
    assert _how_ended(-signal.SIGKILL) == "it was ended by SIGKILL"
    assert _how_ended(-40) == "it was ended by signal 40"
    assert _how_ended(3) == "it ended with exit status 3"
