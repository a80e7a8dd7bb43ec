"""Rate limits: what is allowed, in one process and in many, and while Redis is away."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest
from structlog.testing import capture_logs

from emporion.limits import DAY, UNLIMITED, Limit
from emporion.marketplace import rate_limits
from emporion.marketplace.rate_limits import RateLimits, Verdict
from tests.clock import Clock
from tests.effort import effort, promised
from tests.postgres import PATIENCE
from tests.redis_server import Redis, server

MIDNIGHT = 20_000 * DAY
AWAY = "redis cannot be reached, limits hold for each process by itself"
BACK = "redis is reached again, limits hold for all processes together"


@pytest.fixture
def redis() -> Iterator[Redis]:
    with server() as running:
        yield running


@asynccontextmanager
async def limits_in(url: str | None) -> AsyncIterator[RateLimits]:
    """Rate limits with the real clock; a second one on the same Redis is as one of another process."""
    limits = RateLimits(url, time.time, time.monotonic)
    try:
        yield limits
    finally:
        await limits.close()


async def allowed(limits: RateLimits, subject: str, limit: Limit) -> Verdict:
    """A verdict that allows, or fails the test."""
    verdict = await limits.take(subject, limit)
    assert verdict.allowed, verdict
    return verdict


async def refused(limits: RateLimits, subject: str, limit: Limit) -> Verdict:
    """A verdict that refuses, or fails the test."""
    verdict = await limits.take(subject, limit)
    assert not verdict.allowed, verdict
    assert verdict.retry_after >= 1
    return verdict


def parsed(field: str) -> dict[str, dict[str, int]]:
    """The members of a list of strings with integers as parameters (RFC 9651), each by its name."""
    item = r'"(?P<name>[ !#-\[\]-~]*)"(?P<parameters>(?:; *[a-z*][a-z0-9_.*-]*=-?[0-9]{1,15})*)'
    members = {}
    for member in re.split(r"[ \t]*,[ \t]*", field):
        found = re.fullmatch(item, member)
        assert found, f"no structured field: {field}"
        pairs = (pair.strip().split("=") for pair in found["parameters"].split(";")[1:])
        members[found["name"]] = {name: int(value) for name, value in pairs}
    return members


# --- in one process --------------------------------------------------------------------------------------------------


async def test_the_burst_is_allowed_and_the_next_one_after_the_time_that_it_is_told() -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=2, burst=6)
    for _ in range(5):
        assert (await allowed(limits, "key", limit)).retry_after == 0
    clock.now += 1
    await allowed(limits, "key", limit)
    assert (await refused(limits, "key", limit)).retry_after == 2
    clock.now += 1.5
    assert (await refused(limits, "key", limit)).retry_after == 1
    clock.now += 0.5
    await allowed(limits, "key", limit)


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_a_clock_that_is_set_changes_nothing(hours: int) -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=2, burst=6)
    for _ in range(6):
        await allowed(limits, "key", limit)
    clock.jump(3600 * hours)
    assert (await refused(limits, "key", limit)).retry_after == 3
    clock.now += 3
    for _ in range(6):
        await allowed(limits, "key", limit)


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_where_every_clock_is_set_no_client_is_kept_out_for_longer_than_the_window(hours: int) -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock), Limit(rate=2, burst=6)
    for _ in range(6):
        await allowed(limits, "key", limit)
    clock.jump(3600 * hours)
    clock.now += 3
    for _ in range(6):
        await allowed(limits, "key", limit)
    await refused(limits, "key", limit)


async def test_in_the_long_run_no_more_than_the_rate_is_allowed() -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=5, burst=12)
    times = []
    while clock.now < MIDNIGHT + 60:
        if (await limits.take("key", limit)).allowed:
            times.append(clock.now)
        clock.now += 1 / 64
    assert len(times) == 60 * 5
    assert all(sum(start <= at < start + 3 for at in times) <= 15 for start in times)


async def test_the_limit_of_a_day_ends_with_the_day() -> None:
    clock = Clock(MIDNIGHT - 100.5)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(per_day=3)
    for left in (2, 1, 0):
        assert parsed((await allowed(limits, "key", limit)).state) == {"day": {"r": left, "t": 101}}
    assert (await refused(limits, "key", limit)).retry_after == 101
    clock.now = MIDNIGHT
    await allowed(limits, "key", limit)


async def test_a_limit_that_is_raised_holds_at_once_and_counts_what_was() -> None:
    limits = RateLimits(None, Clock(MIDNIGHT), time.monotonic)
    for _ in range(3):
        await allowed(limits, "key", Limit(per_day=3))
    await refused(limits, "key", Limit(per_day=3))
    assert parsed((await allowed(limits, "key", Limit(per_day=10))).state)["day"]["r"] == 5


async def test_what_one_limit_refuses_does_not_use_up_the_other() -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=4, per_day=5)
    for _ in range(4):
        await allowed(limits, "key", limit)
    for _ in range(10):
        assert parsed((await refused(limits, "key", limit)).state) == {"burst": {"r": 0, "t": 1}}
    clock.now += 1
    assert parsed((await allowed(limits, "key", limit)).state)["day"]["r"] == 0
    for _ in range(10):
        assert parsed((await refused(limits, "key", limit)).state) == {"day": {"r": 0, "t": DAY - 1}}
    # Of the four in this second: the allowed one, the first that the day refused, and this one.
    assert parsed((await allowed(limits, "key", Limit(rate=4))).state)["burst"]["r"] == 1


async def test_two_keys_do_not_share_a_limit() -> None:
    limits, limit = RateLimits(None, Clock(MIDNIGHT), time.monotonic), Limit(rate=1, per_day=1)
    await allowed(limits, "one", limit)
    await refused(limits, "one", limit)
    await allowed(limits, "two", limit)


async def test_the_headers_say_what_holds_and_what_is_left() -> None:
    clock = Clock(MIDNIGHT - 3600)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=10, burst=100, per_day=5000)
    await allowed(limits, "key", limit)
    clock.now += 6.5
    verdict = await allowed(limits, "key", limit)
    assert verdict.policy == '"burst";q=100;w=10, "day";q=5000;w=86400'
    assert verdict.state == '"burst";r=98;t=4, "day";r=4998;t=3594'
    assert parsed(verdict.policy) == {"burst": {"q": 100, "w": 10}, "day": {"q": 5000, "w": DAY}}
    assert parsed(verdict.state) == {"burst": {"r": 98, "t": 4}, "day": {"r": 4998, "t": 3594}}


async def test_no_header_tells_a_client_to_come_back_before_it_may() -> None:
    limits, limit = RateLimits(None, Clock(MIDNIGHT), time.monotonic), Limit(rate=1, burst=30, per_day=30)
    for _ in range(30):
        await allowed(limits, "key", limit)
    verdict = await refused(limits, "key", limit)
    assert [member["t"] for member in parsed(verdict.state).values()] == [verdict.retry_after]


async def test_a_key_without_limits_is_not_counted(redis: Redis) -> None:
    async with limits_in(redis.url()) as limits:
        assert await limits.take("key", UNLIMITED) == Verdict(True, 0, "", "")
    assert redis.ask("DBSIZE") == ":0"


async def test_keys_that_stay_away_take_no_memory() -> None:
    clock = Clock(MIDNIGHT)
    limits, limit = RateLimits(None, clock, clock.passed), Limit(rate=1, burst=10, per_day=1)
    for number in range(1000):
        await allowed(limits, f"key-{number}", limit)
        await refused(limits, f"key-{number}", limit)
    assert len(limits._memory._windows) == len(limits._memory._totals) == len(limits._spent) == 1000
    clock.now += DAY
    await allowed(limits, "another", limit)
    assert len(limits._memory._windows) == len(limits._memory._totals) == 1
    assert not limits._spent


async def test_nothing_is_left_running(redis: Redis) -> None:
    def running() -> set[object]:
        return {*asyncio.all_tasks(), *threading.enumerate()}

    # Threads that other tests have left may end meanwhile.
    before = running()
    for url in (None, redis.url()):
        async with limits_in(url) as limits:
            for number in range(10):
                await limits.take(f"key-{number}", Limit(rate=1, per_day=1))
        assert running() <= before


# --- in many processes -----------------------------------------------------------------------------------------------


async def test_what_one_process_allows_another_one_counts(redis: Redis) -> None:
    limit = Limit(rate=1, burst=60, per_day=1000)
    async with limits_in(redis.url()) as one, limits_in(redis.url()) as other:
        for left in range(59, -1, -1):
            state = parsed((await allowed(one if left % 2 else other, "key", limit)).state)
            assert (state["burst"]["r"], state["day"]["r"]) == (left, 940 + left)
        assert 50 <= (await refused(one, "key", limit)).retry_after <= 60
        await allowed(one, "another key", limit)


async def test_with_redis_too_the_next_one_is_allowed_after_the_time_that_it_is_told(redis: Redis) -> None:
    limit = Limit(rate=5)
    async with limits_in(redis.url()) as limits:
        for _ in range(5):
            await allowed(limits, "key", limit)
        verdict = await refused(limits, "key", limit)
        assert verdict.retry_after == 1
        told = time.monotonic() + verdict.retry_after
        asked = time.monotonic()
        while not (await limits.take("key", limit)).allowed:
            assert asked < told
            asked = time.monotonic()


async def test_with_redis_too_the_limit_of_a_day_is_kept(redis: Redis) -> None:
    limit = Limit(rate=100, per_day=3)
    async with limits_in(redis.url()) as one, limits_in(redis.url()) as other:
        for _ in range(3):
            await allowed(one, "key", limit)
        for limits in (one, other):
            for _ in range(5):
                assert list(parsed((await refused(limits, "key", limit)).state)) == ["day"]
        # Each process asks once more before it knows.
        assert parsed((await allowed(one, "key", Limit(rate=100))).state)["burst"]["r"] == 100 - 3 - 2 - 1


SHARED = Limit(rate=100, burst=200)
# Seconds in which no more than a burst is allowed.
WINDOW = 2.0
PROCESSES = effort(quick=2, thorough=4)
# Seconds from a refusal to the next request, which still are several times as many as are allowed.
PAUSE = effort(quick=0.002, thorough=0.0)
# Long enough for two bursts on any machine that is not too busy, and for one on that.
SECONDS = 3.0
# When requests were sent and answered.
Times = list[tuple[float, float]]


async def _hammer(url: str, barrier: Barrier) -> tuple[Times, Times]:
    """The times of requests that were allowed, and of those that were refused."""
    times: Times = []
    refusals: Times = []
    async with limits_in(url) as limits:
        await limits.take("of this process alone", SHARED)  # so that it is connected
        barrier.wait(PATIENCE)
        end = time.time() + SECONDS
        while (sent := time.time()) < end:
            allowed = (await limits.take("key", SHARED)).allowed
            (times if allowed else refusals).append((sent, time.time()))
            await asyncio.sleep(0 if allowed else PAUSE)
    return times, refusals


def _process(url: str, barrier: Barrier, results: Queue[tuple[Times, Times]]) -> None:
    results.put(asyncio.run(_hammer(url, barrier)))


def test_processes_together_get_what_the_limit_allows(redis: Redis) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=_process, args=(redis.url(), barrier, results)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    found = [results.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join(PATIENCE)
        assert process.exitcode == 0
    results.close()
    results.join_thread()
    times = [both for one, _ in found for both in one]
    for start, _ in times:
        assert sum(start <= sent and answered < start + WINDOW for sent, answered in times) <= 200
    for _, refusals in found:
        assert refusals
        for asked, told in refusals[::50]:  # there are thousands
            assert sum(answered > asked - WINDOW and sent < told for sent, answered in times) >= 200


# --- while Redis is away ---------------------------------------------------------------------------------------------


async def timed(limits: RateLimits, subject: str, limit: Limit) -> float:
    """How many seconds a verdict took."""
    start = time.monotonic()
    await limits.take(subject, limit)
    return time.monotonic() - start


async def test_while_redis_is_down_each_process_goes_on_by_itself(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "PAUSE", 0.0)  # each request asks again
    limit = Limit(rate=1, burst=60)
    with capture_logs() as lines:
        async with limits_in(redis.url()) as limits, limits_in(redis.url()) as another:
            for _ in range(60):
                await allowed(limits, "key", limit)
            await refused(limits, "key", limit)
            redis.kill()
            start = time.monotonic()
            for _ in range(60):
                await allowed(limits, "key", limit)
            await refused(limits, "key", limit)
            assert time.monotonic() - start < promised(1)
            assert [(line["event"], line["log_level"]) for line in lines] == [(AWAY, "warning")]
            assert lines[0]["why"]

            redis.start()
            assert parsed((await allowed(limits, "key", limit)).state)["burst"]["r"] == 59
            assert parsed((await allowed(another, "key", limit)).state)["burst"]["r"] == 58
            assert [line["event"] for line in lines] == [AWAY, BACK]


async def test_a_redis_that_is_down_is_not_asked_again_for_a_while(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Limit(rate=1, burst=60)
    redis.kill()
    with capture_logs() as lines:
        async with limits_in(redis.url()) as limits:
            await allowed(limits, "key", limit)
            redis.start()
            for _ in range(20):
                await allowed(limits, "key", limit)
            assert redis.ask("DBSIZE") == ":0"
            assert 0 < limits._away_until - time.monotonic() <= rate_limits.PAUSE
            monkeypatch.setattr(limits, "_away_until", 0.0)
            assert parsed((await allowed(limits, "key", limit)).state)["burst"]["r"] == 59
    assert redis.ask("DBSIZE") == ":1"
    assert [line["event"] for line in lines] == [AWAY, BACK]


async def test_while_redis_hangs_no_request_waits_a_second(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit(rate=1000, per_day=1000)
    with capture_logs() as lines:
        async with limits_in(redis.url()) as limits:
            await allowed(limits, "key", limit)
            redis.pause()
            times = await asyncio.gather(*(timed(limits, f"key-{number}", limit) for number in range(100)))
            assert max(times) < promised(1)
            # From now on one request in a while asks; the others do not wait at all.
            assert sum([await timed(limits, "key", limit) for _ in range(100)]) < promised(1)
            assert [line["event"] for line in lines] == [AWAY]

            redis.resume()
            monkeypatch.setattr(limits, "_away_until", 0.0)
            await allowed(limits, "key", limit)
            assert [line["event"] for line in lines] == [AWAY, BACK]


async def test_connections_end_soon_while_redis_hangs(redis: Redis) -> None:
    async with limits_in(redis.url()) as limits:
        await asyncio.gather(*(limits.take("key", Limit(rate=1000)) for _ in range(50)))
        redis.pause()
        start = time.monotonic()
    assert time.monotonic() - start < promised(1)
    redis.resume()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"requirepass": "another"}, "invalid"),
        ({"rename_command": 'AUTH ""'}, "unknown command"),
    ],
)
async def test_a_password_is_never_logged(settings: dict[str, str], why: str) -> None:
    with server(**settings) as redis, capture_logs() as lines:
        async with limits_in(redis.url(password="secret-word")) as limits:
            await allowed(limits, "key", Limit(rate=1))
    assert [line["event"] for line in lines] == [AWAY]
    assert why in lines[0]["why"]
    assert "secret-word" not in str(lines)


async def test_a_password_is_used() -> None:
    with server(requirepass="secret-word") as redis, capture_logs() as lines:
        async with limits_in(redis.url(password="secret-word")) as limits:
            await allowed(limits, "key", Limit(rate=1))
    assert lines == []
