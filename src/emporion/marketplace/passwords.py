"""Passwords by the platform's rules, digested outside the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from emporion.credentials import PasswordQuality, hash_password, password_fault, verify_password

# Each digest takes 64 MiB while it is made, which bounds how many are made at a time.
AT_ONCE = 2


class Passwords:
    """Hashes and verifies; quality: how hard a password must be to guess."""

    def __init__(self, quality: PasswordQuality) -> None:
        self._quality = quality
        self._threads = ThreadPoolExecutor(AT_ONCE, "argon2")

    def fault(self, password: str) -> str | None:
        """What a new password lacks, or None."""
        return password_fault(password, self._quality)

    async def hash(self, password: str) -> str:
        """The Argon2id digest of `password`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, hash_password, password)

    async def verify(self, digest: str | None, password: str) -> bool:
        """Whether `password` is the one of `digest`; takes as long where there is no digest."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, verify_password, digest, password)
