"""Failed logins are throttled: each failure lengthens the wait, but a third party cannot lock a user out for good.

Counted are the failures of an address, of a login, and of a login from an address, in the database, so for all nodes
together. An address from which the login went well before does not wait for what others do to that login.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from emporion.errors import AccessDenied, Code

if TYPE_CHECKING:
    from emporion.store.login_failures import Failures, LoginFailureStore

# Failures that cost nothing: typos of a person, and of the many persons behind one address.
FREE = 5
FREE_OF_MANY = 20
# The longest wait, in seconds.
LONGEST_WAIT = 60
# Seconds without a failure after which all begins anew.
FORGOTTEN = 900
# Seconds for which an address is known from which a login went well.
KNOWN = 30 * 86_400
# A login that goes well is noted no more often than this, in seconds.
NOTED = 3600
# How many subjects are removed in one go.
FORGOTTEN_AT_ONCE = 1000
# How many may try for one login, or from one address, at a time; each takes as long as a password's digest.
MOST_IN_TURN = 64
# How many logins are tried for one name: each takes as long as a digest.
MOST_TRIED = 4


class Subjects(NamedTuple):
    """Whose failures are counted: digests, since what is typed as a login may be a password."""

    both: bytes
    address: bytes
    login: bytes


class Attempt(NamedTuple):
    """A turn to sign in. known: whether this login went well from there not long ago."""

    login: str
    subjects: Subjects
    known: bool


class LoginThrottle:
    """Counts failed logins. clock: seconds since 1970."""

    def __init__(self, store: LoginFailureStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._turns: dict[bytes, asyncio.Lock] = {}
        self._waiting: dict[bytes, int] = {}

    @asynccontextmanager
    async def attempt(self, login: str, address: str | None, account_id: int | None) -> AsyncIterator[Attempt]:
        """Wait for the turn to try a login: one at a time for each login and for each address.

        So those who try many at once do not get more tries. A known user has a separate turn, also behind one
        address with strangers. account_id: in whose log a refusal goes. Raises AccessDenied
        (LIMITED) if the user must wait.
        """
        async with self.attempts([login], address, account_id) as (attempt,):
            yield attempt

    @asynccontextmanager
    async def attempts(
        self, logins: Sequence[str], address: str | None, account_id: int | None
    ) -> AsyncIterator[list[Attempt]]:
        """Wait for the turn to try several logins: yields those that may be tried now, MOST_TRIED at most.

        Those that are known from this address come first, so that strangers cannot push them out. Raises AccessDenied
        (LIMITED) if all of them must wait.
        """
        subjects = [_subjects(login, address) for login in logins]
        kept = await self._store.get([one.both for one in subjects])
        known = [self._is_known(both) for both in kept]
        attempts = [Attempt(*one) for one in zip(logins, subjects, known, strict=True)]
        attempts = sorted(attempts, key=lambda attempt: not attempt.known)[:MOST_TRIED]
        async with AsyncExitStack() as turns:
            # In one order everywhere, so that no two wait for each other.
            for queue in sorted({queue for attempt in attempts for queue in _queues(attempt)}):
                await turns.enter_async_context(self._turn(queue, account_id))
            waits = [await self._wait(attempt.subjects) for attempt in attempts]
            if min(waits) > 0:
                raise _too_many(math.ceil(min(waits)), account_id)
            yield [attempt for attempt, wait in zip(attempts, waits, strict=True) if wait <= 0]

    async def failed(self, *attempts: Attempt) -> None:
        """Count a failure with each of some logins, and one from their address."""
        now = self._now()
        subjects = list({subject: None for attempt in attempts for subject in attempt.subjects})
        await self._store.record(subjects, now, now - FORGOTTEN * 1000)

    async def succeeded(self, attempt: Attempt) -> None:
        """Note that it went well."""
        subjects = attempt.subjects
        (kept,) = await self._store.get([subjects.both])
        now = self._now()
        if kept.count or kept.good_at is None or now - kept.good_at > NOTED * 1000:
            await self._store.reset(subjects.both, now)

    async def forget(self) -> None:
        """Remove some of what is of no more use. Raises Problem (UNAVAILABLE)."""
        now = self._now()
        await self._store.purge(now - FORGOTTEN * 1000, now - KNOWN * 1000, FORGOTTEN_AT_ONCE)

    async def _wait(self, subjects: Subjects) -> float:
        """Seconds until there is another try."""
        both, address, login = await self._store.get(subjects)
        now = self._now()
        if self._is_known(both):
            return _wait(both, FREE, now)
        return max(_wait(both, FREE, now), _wait(address, FREE_OF_MANY, now), _wait(login, FREE_OF_MANY, now))

    @asynccontextmanager
    async def _turn(self, subject: bytes, account_id: int | None) -> AsyncIterator[None]:
        if self._waiting.get(subject, 0) >= MOST_IN_TURN:
            message = "Too many are logging in at the same time; try again in a second."
            raise AccessDenied(Code.LIMITED, message, account_id, headers={"Retry-After": "1"})
        lock = self._turns.setdefault(subject, asyncio.Lock())
        self._waiting[subject] = self._waiting.get(subject, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[subject] -= 1
            if not self._waiting[subject]:
                del self._waiting[subject], self._turns[subject]

    def _is_known(self, both: Failures) -> bool:
        """Whether the login went well from this address not long ago."""
        return both.good_at is not None and self._now() - both.good_at < KNOWN * 1000

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _queues(attempt: Attempt) -> tuple[bytes, ...]:
    """Whom an attempt must not overtake."""
    return (attempt.subjects.both,) if attempt.known else (attempt.subjects.address, attempt.subjects.login)


def _wait(failures: Failures, free: int, now: int) -> float:
    """Seconds for which there is no other try; now: in milliseconds."""
    passed = (now - failures.last_at) / 1000
    # A failure that far ahead is of a clock that was set back since: do not wait until it is that time again.
    if failures.count < free or passed < -LONGEST_WAIT:
        return 0
    return float(min(2 ** min(failures.count - free, 10), LONGEST_WAIT)) - max(passed, 0)


def _too_many(seconds: int, account_id: int | None) -> AccessDenied:
    return AccessDenied(
        Code.LIMITED,
        f"There were too many failed logins; try again in {seconds} seconds.",
        account_id,
        headers={"Retry-After": str(seconds)},
    )


def _subjects(login: str, address: str | None) -> Subjects:
    name, place = login.lower().encode("utf-8", "surrogatepass"), network(address).encode()
    return Subjects(
        hashlib.sha256(b"both\0" + place + b"\0" + name).digest(),
        hashlib.sha256(b"address\0" + place).digest(),
        hashlib.sha256(b"login\0" + name).digest(),
    )


def network(address: str | None) -> str:
    """An address, or of IPv6 the /64 that one customer of a provider has."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
