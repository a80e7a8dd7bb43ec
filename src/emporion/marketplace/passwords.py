"""Passwords by the platform's rules, digested outside the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from emporion.credentials import PasswordQuality, hash_password, password_fault, verify_password
from emporion.errors import Code, Problem

# Each digest takes 64 MiB while it is made, which bounds how many are made at a time. Logins have threads of their own:
# whoever creates accounts with many passwords must not keep others from signing in.
VERIFIED_AT_ONCE = 2
HASHED_AT_ONCE = 1
# New passwords that wait for their digests at most.
MOST_WAITING = 64


class Passwords:
    """Hashes and verifies; quality: how hard a password must be to guess."""

    def __init__(self, quality: PasswordQuality) -> None:
        self._quality = quality
        self._verifying = ThreadPoolExecutor(VERIFIED_AT_ONCE, "verify")
        self._hashing = ThreadPoolExecutor(HASHED_AT_ONCE, "hash")
        self._waiting = 0

    def fault(self, password: str) -> str | None:
        """What a new password lacks, or None."""
        return password_fault(password, self._quality)

    async def hash(self, password: str) -> str:
        """The Argon2id digest of `password`. Raises Problem (LIMITED) if too many wait for theirs."""
        if self._waiting >= MOST_WAITING:
            message = "Too many new passwords are being set at the same time; try again in a few seconds."
            raise Problem(Code.LIMITED, message, headers={"Retry-After": "5"})
        self._waiting += 1
        digest = asyncio.get_running_loop().run_in_executor(self._hashing, hash_password, password)
        # It counts until it is done, even if whoever asked for it goes away.
        digest.add_done_callback(self._done)
        return await asyncio.shield(digest)

    async def verify(self, digest: str | None, password: str) -> bool:
        """Whether `password` is the one of `digest`; takes as long where there is no digest."""
        return await asyncio.get_running_loop().run_in_executor(self._verifying, verify_password, digest, password)

    def _done(self, _: object) -> None:
        self._waiting -= 1
