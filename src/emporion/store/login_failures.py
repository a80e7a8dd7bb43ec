"""Failed logins, by whatever they are counted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.store.database import execute, execute_many, placeholders, purge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.store.database import Database, Write

_RECORD = """
    INSERT INTO login_failures AS f (subject, count, last_at, kept_at) VALUES (?, 1, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET count = CASE WHEN f.last_at < ? THEN 1 ELSE f.count + 1 END,
        last_at = excluded.last_at, kept_at = excluded.kept_at
"""
_RESET = """
    INSERT INTO login_failures (subject, count, last_at, good_at, kept_at) VALUES (?, 0, 0, ?, ?)
    ON CONFLICT (subject) DO UPDATE SET count = 0, last_at = 0, good_at = excluded.good_at, kept_at = excluded.kept_at
"""
_OLD = "kept_at < ? AND coalesce(good_at, -1) < ?"


class Failures(Struct, frozen=True):
    """How often a subject failed to sign in. good_at: when it last succeeded, if it ever did."""

    count: int = 0
    last_at: int = 0
    good_at: int | None = None


class LoginFailureStore:
    """Failed logins, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, subjects: Sequence[bytes]) -> list[Failures]:
        """What is kept of each of `subjects`, in their order."""
        sql = "SELECT subject, count, last_at, good_at FROM login_failures WHERE subject IN "
        kept = await self._database.rows(sql + placeholders(len(subjects)), *subjects)
        found = {subject: Failures(*rest) for subject, *rest in kept}
        return [found.get(subject, Failures()) for subject in subjects]

    async def record(self, subjects: Sequence[bytes], at: int, since: int) -> None:
        """Count one more failure for each; those whose last one was before `since` begin at one again."""
        await self._database.write(_record, subjects, at, since)

    async def reset(self, subject: bytes, at: int) -> None:
        """Forget the subject's failures, and keep that it succeeded at `at`."""
        await self._database.write(execute, _RESET, subject, at, at)

    async def purge(self, before: int, good_before: int, limit: int) -> int:
        """Remove up to `limit` subjects of which nothing was kept since `before`, and no success since `good_before`;
        how many there were.
        """
        return await self._database.write(
            purge, "login_failures", "subject", _OLD, "kept_at", limit, before, good_before
        )


def _record(subjects: Sequence[bytes], at: int, since: int) -> Write[None]:
    # In one order, however many nodes record failures of the same subjects at a time.
    yield from execute_many(_RECORD, [(subject, at, at, since) for subject in sorted(subjects)])
