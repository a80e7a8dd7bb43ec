"""Sessions of people who have signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import astuple

from emporion.store.database import execute, fetch, fetch_row, purge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emporion.store.database import Database, Write

_SELECT = """
    SELECT digest, login, reseller_id, customer_id, proof, created_at, used_at, ends_at, address, agent, ended_at
    FROM sessions l
"""
_BY_DIGEST = f"{_SELECT} WHERE digest = ?"
_BY_LOGIN = f"{_SELECT} WHERE {{login_is}} ORDER BY created_at DESC, digest LIMIT ?"
_ADD = """
    INSERT INTO sessions (
        digest, login, reseller_id, customer_id, proof, created_at, used_at, ends_at, address, agent, ended_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TOUCH = "UPDATE sessions SET used_at = ? WHERE digest = ? AND used_at < ?"
# Those of a login that have not ended, in one order, however many nodes end the same at a time.
_RUNNING = """
    SELECT digest FROM sessions l WHERE {login_is} AND ended_at IS NULL AND ends_at > ? ORDER BY digest {for_update}
"""
_END = "UPDATE sessions SET ended_at = ? WHERE digest = ? AND ended_at IS NULL RETURNING 1"


class Session(Struct, frozen=True):
    """A session in the console, or in a control panel where there is a customer_id.

    digest: SHA-256 of the secret that the browser keeps. proof: of the credentials at that time, SHA-256; with others
    the session is over. used_at: when it was last seen, to some minutes. address: of the network. agent: how the
    browser names itself. ended_at: when it was ended before its time.
    """

    digest: bytes
    login: str
    reseller_id: int
    customer_id: int | None
    proof: bytes
    created_at: int
    used_at: int
    ends_at: int
    address: str | None = None
    agent: str = ""
    ended_at: int | None = None

    @property
    def id(self) -> str:
        """What it is called by in pages."""
        return self.digest.hex()[:12]


class SessionStore:
    """Sessions, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, digest: bytes) -> Session | None:
        """The session with this digest, also if it is over."""
        row = await self._database.row(_BY_DIGEST, digest)
        return Session(*row) if row else None

    async def by_login(self, login: str, limit: int) -> list[Session]:
        """The last sessions of a login, whatever its case, newest first (by created_at, then digest)."""
        return [Session(*row) for row in await self._database.rows(_BY_LOGIN, login, limit)]

    async def add(self, session: Session) -> None:
        """Keep a session."""
        await self._database.write(execute, _ADD, *astuple(session))

    async def touch(self, digest: bytes, at: int) -> None:
        """Keep when a session was last seen; a time before the one that is kept changes nothing."""
        await self._database.write(execute, _TOUCH, at, digest, at)

    async def end(self, login: str, digests: Sequence[bytes], at: int) -> int:
        """End those of the login's sessions that have one of the digests and have not ended; how many there were."""
        wanted = frozenset(digests)
        return await self._database.write(_end, login, at, lambda digest: digest in wanted)

    async def end_others(self, login: str, digest: bytes, at: int) -> int:
        """End all sessions of the login but the one with the digest; how many had not ended."""
        return await self._database.write(_end, login, at, lambda other: other != digest)

    async def purge(self, before: int, limit: int) -> int:
        """Remove up to `limit` sessions whose time was over before `before`; how many there were."""
        return await self._database.write(purge, "sessions", "digest", "ends_at < ?", "ends_at", limit, before)


def _end(login: str, at: int, is_wanted: Callable[[bytes], bool]) -> Write[int]:
    ended = 0
    for (digest,) in (yield from fetch(_RUNNING, login, at)):
        if is_wanted(digest) and (yield from fetch_row(_END, at, digest)):
            ended += 1
    return ended
