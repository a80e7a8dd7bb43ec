"""What requests with an Idempotency-Key were answered (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from emporion.store.database import execute, fetch_row, purge
from emporion.store.faults import used_for_another

if TYPE_CHECKING:
    from emporion.events import Subject
    from emporion.store.database import Database, Row, Write

_SELECT = "SELECT fingerprint, subject_id, document FROM answers WHERE reseller_id = ? AND key = ? AND at >= ?"
_KEEP = """
    INSERT INTO answers (reseller_id, key, fingerprint, subject_type, subject_id, at, document)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (reseller_id, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, subject_type = excluded.subject_type, subject_id = excluded.subject_id,
        at = excluded.at, document = excluded.document
"""


class IdempotentRequest(Struct, frozen=True):
    """What makes a request that is sent twice be done once.

    key: 64 hexadecimal digits for who asks for what under which Idempotency-Key. fingerprint: 32 bytes for what was
    sent. since: answers given before this time are forgotten.
    """

    key: str
    fingerprint: bytes
    since: int


class Kept(NamedTuple):
    """What a request was answered. subject_id: of what it made. document: the body of the answer."""

    subject_id: str
    document: bytes


class IdempotencyStore:
    """Answers to requests with an Idempotency-Key, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, reseller_id: int, once: IdempotentRequest) -> Kept | None:
        """What the same request was answered before, of those kept under a reseller.

        Raises Problem (IDEMPOTENCY_KEY_REUSED) if it was another request. Whether it is done now is decided where it is
        done.
        """
        row = await self._database.row(_SELECT, reseller_id, once.key, once.since)
        return _kept(once, row)

    async def purge(self, before: int, limit: int) -> int:
        """Remove up to `limit` answers, of whatever request, that were given before `before`; how many there were."""
        return await self._database.write(purge, "answers", "reseller_id, key", "at < ?", "at", limit, before)


def kept_answer(reseller_id: int, once: IdempotentRequest) -> Write[Kept | None]:
    """What the same request was answered before. Raises Problem (IDEMPOTENCY_KEY_REUSED) if it was another one.

    The caller has locked the reseller's row.
    """
    row = yield from fetch_row(_SELECT, reseller_id, once.key, once.since)
    return _kept(once, row)


def keep_answer(reseller_id: int, once: IdempotentRequest, subject: Subject, at: int, document: bytes) -> Write[None]:
    """Keep what a request is answered, in place of what was kept under its key before."""
    yield from execute(_KEEP, reseller_id, once.key, once.fingerprint, *subject, at, document)


def _kept(once: IdempotentRequest, row: Row | None) -> Kept | None:
    """The answer of a row of `_SELECT`. Raises Problem (IDEMPOTENCY_KEY_REUSED) if it was to another request."""
    if row is None:
        return None
    fingerprint, subject_id, document = row
    if fingerprint != once.fingerprint:
        raise used_for_another()
    return Kept(subject_id, document)
