"""Rate limits: whether one more request is within its subscription key's limit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple, Protocol, cast

from emporion.limits import DAY, Limit, Quota
from emporion.logs import log

# Seconds that Redis has for one answer, and for all that a request asks.
SILENCE = 0.25
DEADLINE = 0.5
# Seconds before a Redis that was away is asked again.
PAUSE = 5.0
# How many ask at the same time; more would only wait for this process.
CONNECTIONS = 16
KEYS = "emporion:limits"


class Verdict(NamedTuple):
    """Whether a request may pass.

    retry_after: seconds until the next may, 0 where this one does. policy, state: values of the headers
    RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), empty where there is no limit.
    """

    allowed: bool
    retry_after: int
    policy: str
    state: str


UNCOUNTED = Verdict(True, 0, "", "")


class Counts(Protocol):
    """What counts requests, by key; as the storages of the library do it."""

    async def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        """Whether one more makes no more than `limit` in the last `expiry` seconds; it is counted if so."""

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the first that still counts came, in seconds of the storage's clock, and how many count."""

    async def incr(self, key: str, expiry: int) -> int:
        """Count one more, which is forgotten `expiry` seconds after the first; how many there are now."""


class Memory:
    """Counts for this process alone. clock: seconds that only ever increase.

    The library's own needs a thread and walks through all keys for each request, to forget what is over. Here the keys
    that are over first stand first, and each request forgets those that are.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self._totals: dict[str, Total] = {}

    async def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        """As in `Counts`."""
        now = self._clock()
        _forget(self._windows, now)
        times = self._times(key, now - expiry, now)
        if len(times) >= limit:
            return False
        times.append(now)
        self._windows.pop(key, None)
        self._windows[key] = Window(now + expiry, times)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - Counts
        """As in `Counts`."""
        now = self._clock()
        times = self._times(key, now - expiry, now)
        return (times[0], len(times)) if times else (now, 0)

    async def incr(self, key: str, expiry: int) -> int:
        """As in `Counts`."""
        now = self._clock()
        _forget(self._totals, now)
        until, before = self._totals.get(key) or Total(now + expiry, 0)
        self._totals[key] = Total(until, before + 1)
        return before + 1

    def _times(self, key: str, after: float, now: float) -> deque[float]:
        window = self._windows.get(key)
        if window is None:
            return deque()
        # What is ahead of now was counted before the clock was set, if it can be.
        while window.times and not after < window.times[0] <= now:
            window.times.popleft()
        return window.times


class Window(NamedTuple):
    """When requests came, until all of them are over."""

    until: float
    times: deque[float]


class Total(NamedTuple):
    """How many requests came, until they are over."""

    until: float
    requests: int


def _forget(kept: dict[str, Window] | dict[str, Total], now: float) -> None:
    """Forget what is over; what is over first stands first, but for keys whose windows are of other lengths."""
    while kept:
        first = next(iter(kept))
        if kept[first].until > now:
            return
        del kept[first]


class Shared:
    """Counts in Redis for all processes together. Raises ValueError if `url` is none of a Redis."""

    def __init__(self, url: str) -> None:
        # Not above: they take 0.3 s and 27 MB, which an operator without Redis need not spend.
        from limits.aio.storage import RedisStorage
        from redis.asyncio import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        self.failures: tuple[type[Exception], ...] = (RedisError, OSError)
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=SILENCE,
            socket_connect_timeout=SILENCE,
            retry=Retry(NoBackoff(), 0),
            # Version 3 asks for more before the first command, which no answer here needs.
            protocol=2,
        )
        # The pool has all that the URL says. The library passes it on, though it does not name its type.
        pool = cast("Any", self._pool)
        self.counts: Counts = RedisStorage("redis://", implementation="redispy", key_prefix=KEYS, connection_pool=pool)
        # First come, first served, which a pool that is used up does not see to.
        self.turns = asyncio.Semaphore(CONNECTIONS)

    async def close(self) -> None:
        """Let go of all connections. May be called twice."""
        await self._pool.aclose()


class RateLimits:
    """Counts requests against limits: in Redis for all processes together, else in this one.

    redis_url: `redis://`, `rediss://` or `unix://`, None for this process alone. clock: seconds since 1970. passed:
    seconds that only ever increase, also when the clock is set. Where Redis is away, each process goes on by itself.
    Raises ValueError if `redis_url` is not a URL of Redis.
    """

    def __init__(self, redis_url: str | None, clock: Callable[[], float], passed: Callable[[], float]) -> None:
        self._clock = clock
        self._passed = passed
        self._memory = Memory(passed)
        self._redis = None if redis_url is None else Shared(redis_url)
        self._away = False
        self._away_until = 0.0
        self._today = 0
        self._spent: set[tuple[str, Limit]] = set()

    async def take(self, subject: str, limit: Limit) -> Verdict:
        """Whether `subject` may send one more request now; it is counted if so.

        Raises nothing, and takes little more than `DEADLINE` seconds at worst.
        """
        if limit.unlimited:
            return UNCOUNTED
        if self._redis is not None and self._may_be_asked():
            returning = self._away
            try:
                async with asyncio.timeout(DEADLINE), self._redis.turns:
                    verdict = await self._count(self._redis.counts, self._clock, subject, limit)
            except self._redis.failures as error:
                self._leave(error)
            else:
                if returning:
                    self._return()
                return verdict
        return await self._count(self._memory, self._passed, subject, limit)

    async def close(self) -> None:
        """Let go of all connections. May be called twice."""
        if self._redis is not None:
            await self._redis.close()

    async def _count(self, counts: Counts, clock: Callable[[], float], subject: str, limit: Limit) -> Verdict:
        """clock: by which `counts` tells when something came."""
        # What the window refuses does not count for the day. What the day refuses does not count for the window,
        # except once: from then on it is known here.
        now = clock()
        today, second = divmod(int(self._clock()), DAY)
        policy = _policy(limit)
        if (subject, limit) in self._spent_on(today):
            return _refused(policy, "day", DAY - second)
        state = []
        if moving := limit.moving:
            key = f"{subject}/{moving.requests}/{moving.seconds}"
            allowed = await counts.acquire_entry(key, moving.requests, moving.seconds)
            first, used = await counts.get_moving_window(key, moving.requests, moving.seconds)
            wait = min(max(1, ceil(first + moving.seconds - now)), moving.seconds)
            if not allowed:
                return _refused(policy, "burst", wait)
            state.append(_state("burst", moving.requests - used, wait))
        if daily := limit.daily:
            used = await counts.incr(f"{subject}/{today}", DAY)
            if used > daily.requests:
                self._spent_on(today).add((subject, limit))
                return _refused(policy, "day", DAY - second)
            state.append(_state("day", daily.requests - used, DAY - second))
        return Verdict(True, 0, policy, ", ".join(state))

    def _spent_on(self, today: int) -> set[tuple[str, Limit]]:
        """Who has used up this day."""
        if today != self._today:
            self._today, self._spent = today, set()
        return self._spent

    def _may_be_asked(self) -> bool:
        if not self._away:
            return True
        if self._passed() < self._away_until:
            return False
        # One request tries; the others need not wait for it.
        self._away_until = self._passed() + PAUSE
        return True

    def _leave(self, error: Exception) -> None:
        self._away_until = self._passed() + PAUSE
        if not self._away:
            self._away = True
            log.warning("redis cannot be reached, limits hold for each process by itself", why=_why(error))

    def _return(self) -> None:
        if self._away:
            self._away = False
            log.info("redis is reached again, limits hold for all processes together")


def _policy(limit: Limit) -> str:
    quotas: list[tuple[str, Quota | None]] = [("burst", limit.moving), ("day", limit.daily)]
    return ", ".join(f'"{name}";q={quota.requests};w={quota.seconds}' for name, quota in quotas if quota)


def _state(policy: str, remaining: int, seconds: int) -> str:
    return f'"{policy}";r={remaining};t={seconds}'


def _refused(policy: str, by: str, seconds: int) -> Verdict:
    return Verdict(False, seconds, policy, _state(by, 0, seconds))


def _why(error: Exception) -> str:
    """What went wrong, in a line; what Redis says of an unknown command quotes what was sent, the password too."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(error).partition("\n")[0].partition(", with args")[0] or type(error).__name__
