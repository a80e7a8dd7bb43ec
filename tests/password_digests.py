"""Passwords whose digests take hardly any time, unless a test is about how long they take."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from emporion import credentials

_REAL = {name: getattr(credentials, name) for name in ("password_hasher", "decoy_digest")}


def use_argon2(patch: pytest.MonkeyPatch, *, memory_cost: int = 8) -> None:
    """Digest passwords from now on in one pass over so many KiB, in this process."""
    hasher = PasswordHasher(time_cost=1, memory_cost=memory_cost, parallelism=1)
    decoy = hasher.hash("decoy")
    patch.setattr(credentials, "password_hasher", lambda: hasher)
    patch.setattr(credentials, "decoy_digest", lambda: decoy)


def use_real_argon2(patch: pytest.MonkeyPatch) -> None:
    """Digest passwords from now on as the program does."""
    for name, function in _REAL.items():
        patch.setattr(credentials, name, function)
