"""Usage: when users, keys and clients were last used, and how many requests came with keys, day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import astuple

from emporion.store.database import execute_many, purge
from emporion.store.statements import BELOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.store.database import Database, Write

_RECORD = """
    INSERT INTO usage AS u (reseller_id, key, day, requests, refusals) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (reseller_id, day, key) DO UPDATE SET
        requests = u.requests + excluded.requests, refusals = u.refusals + excluded.refusals
"""
_BY_DAY = f"""
    {BELOW}
    SELECT day, CAST(sum(requests) AS bigint), CAST(sum(refusals) AS bigint)
    FROM below CROSS JOIN usage WHERE reseller_id = below.id AND day >= ? GROUP BY day ORDER BY day
"""  # noqa: S608 - put together from what stands here
_BY_DAY_OF_KEY = """
    SELECT day, requests, refusals FROM usage WHERE reseller_id = ? AND day >= ? AND key = ? ORDER BY day
"""
# Each takes the time, what it is of, and the time again: an earlier time changes nothing.
_USER_USED = """
    UPDATE users SET used_at = ? WHERE reseller_id = ? AND login = (SELECT l.login FROM logins l WHERE {login_is})
        AND (used_at IS NULL OR used_at < ?)
"""
_KEY_USED = "UPDATE subscription_keys SET used_at = ? WHERE digest = ? AND (used_at IS NULL OR used_at < ?)"
_CLIENT_USED = "UPDATE clients SET used_at = ? WHERE realm = ? AND id = ? AND (used_at IS NULL OR used_at < ?)"


class Uses(Struct, frozen=True):
    """What was used at `at`: users by reseller and login, keys by digest, clients by realm and id."""

    at: int
    users: Sequence[tuple[int, str]] = ()
    keys: Sequence[bytes] = ()
    clients: Sequence[tuple[str, str]] = ()


class Usage(Struct, frozen=True):
    """What came with a subscription key within a day, or was refused without a known one.

    key: its id, "" where it is not known. day: since 1970 in UTC. refusals: how many of the requests, and of the tries
    to sign in, were refused.
    """

    reseller_id: int
    key: str
    day: int
    requests: int = 0
    refusals: int = 0


class UsageStore:
    """Usage, as it is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_uses(self, uses: Uses) -> None:
        """Keep when something was last used; a time before the one that is kept changes nothing."""
        await self._database.write(_record_uses, uses)

    async def record(self, usage: Sequence[Usage]) -> None:
        """Add to what is kept of each reseller, key and day."""
        await self._database.write(_record, usage)

    async def by_day(self, root_id: int, since: int, key: str | None = None) -> list[Usage]:
        """What is kept of the reseller `root_id` and of all below it from the day `since` on, by day.

        One entry a day, with the reseller `root_id` and the key "", that sums up all; or, with `key`, what came with
        this key of the reseller `root_id` itself.
        """
        if key is None:
            found = await self._database.long_rows(root_id, _BY_DAY, root_id, since)
        else:
            found = await self._database.long_rows(root_id, _BY_DAY_OF_KEY, root_id, since, key)
        return [Usage(root_id, key or "", *row) for row in found]

    async def purge(self, before: int, limit: int) -> int:
        """Remove up to `limit` entries of days before the day `before`; how many there were."""
        return await self._database.write(purge, "usage", "reseller_id, day, key", "day < ?", "day", limit, before)


# Rows are written in one order, however many nodes record the same at a time.


def _record_uses(uses: Uses) -> Write[None]:
    at = uses.at
    yield from execute_many(_USER_USED, [(at, reseller_id, login, at) for reseller_id, login in sorted(uses.users)])
    yield from execute_many(_KEY_USED, [(at, digest, at) for digest in sorted(uses.keys)])
    yield from execute_many(_CLIENT_USED, [(at, realm, id_, at) for realm, id_ in sorted(uses.clients)])


def _record(usage: Sequence[Usage]) -> Write[None]:
    yield from execute_many(_RECORD, sorted(astuple(one) for one in usage))
