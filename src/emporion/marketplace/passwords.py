"""Passwords by the platform's rules, digested outside the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from emporion.credentials import PasswordQuality, hash_password, password_fault, verify_password
from emporion.errors import Code, Problem
from emporion.fair_semaphore import FairSemaphore

T = TypeVar("T")

# Each digest takes 64 MiB while it is made, so few are made at a time. A user who sets many passwords, or guesses, must
# not keep others from signing in: each of the three kinds has a thread of its own.
# How many new passwords of one account wait at most; a customer has twenty administrators.
MOST_NEW = 64
# How many logins wait from addresses that are not known for them.
MOST_STRANGERS = 32
# How many from addresses that are: each waits for itself alone, see `LoginThrottle`.
MOST_KNOWN = 256
# Seconds that a login waits.
PATIENCE = 5.0
# Digests that no known user waits for come after what answers requests (nice(2)), but not after all other programs.
NICENESS = 3


class Passwords:
    """Hashes and verifies; quality: how hard a password must be to guess."""

    def __init__(self, quality: PasswordQuality) -> None:
        self._quality = quality
        self._new = _Digests(MOST_NEW, None, "Too many new passwords are being set at the same time", NICENESS)
        self._strangers = _Digests(MOST_STRANGERS, PATIENCE, "Too many are logging in at the same time", NICENESS)
        self._known = _Digests(MOST_KNOWN, PATIENCE, "Too many are logging in at the same time", 0)

    def fault(self, password: str) -> str | None:
        """What a new password lacks, or None."""
        return password_fault(password, self._quality)

    async def hash(self, password: str, account_id: int) -> str:
        """The Argon2id digest of `password`, when it is the turn of the account for which it is set.

        Raises Problem (LIMITED) if too many of that account wait for theirs.
        """
        return await self._new.make(account_id, hash_password, password)

    async def verify(self, digest: str | None, password: str, *, known: bool) -> bool:
        """Whether `password` is the one of `digest`; takes as long where there is no digest.

        known: whether this login went well before from where it comes. Raises Problem (LIMITED) if too many wait.
        """
        digests = self._known if known else self._strangers
        return await digests.make(None, verify_password, digest, password)

    def stop(self) -> None:
        """Refuse those who wait, since the server stops."""
        for digests in (self._new, self._strangers, self._known):
            digests.turns.stop()


class _Digests:
    """Makes one digest at a time; waiting: how many of one account wait at most, each for `patience` seconds."""

    def __init__(self, waiting: int, patience: float | None, why: str, niceness: int) -> None:
        # On Linux a thread has a niceness of its own, and so have those that Argon2 starts from it.
        self._thread = ThreadPoolExecutor(1, "digest", initializer=os.nice, initargs=(niceness,))
        self._why = why
        self.turns = FairSemaphore(1, 1, waiting, patience, self._refusal)

    async def make(self, account: Hashable, make: Callable[..., T], *values: str | None) -> T:
        """What `make` gives, when it is the account's turn."""
        await self.turns.acquire(account)
        try:
            digest = asyncio.get_running_loop().run_in_executor(self._thread, make, *values)
        except BaseException:
            self.turns.release(account)
            raise
        # The place is taken until it is done, even if the request that asked for it goes away.
        digest.add_done_callback(lambda _: self.turns.release(account))
        return await asyncio.shield(digest)

    def _refusal(self) -> Problem:
        return Problem(Code.LIMITED, f"{self._why}; try again in a few seconds.", headers={"Retry-After": "5"})
