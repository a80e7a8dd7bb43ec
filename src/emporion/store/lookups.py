"""Reads of a few rows by their key, which both stores do in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import structs

from emporion.accounts.ids import account_number
from emporion.credentials import SigningKey
from emporion.errors import Fault
from emporion.events import Event, Subject
from emporion.store import rows, statements
from emporion.store.base import (
    Administrator,
    AdministratorLogin,
    Child,
    Children,
    Client,
    Counts,
    Entry,
    FaultyRow,
    Import,
    ImportState,
    Link,
    Once,
    Platform,
    Record,
    Session,
    SubscriptionKey,
    Usage,
    User,
)
from emporion.store.holds import too_late

_faults = msgspec.json.Decoder(list[Fault]).decode
_import = msgspec.json.Decoder(Import).decode


class Lookups(ABC):
    """See `emporion.store.base.Store` for what each method promises."""

    # The condition that a login is ?, whatever its case: of the letters of ASCII, and a login has no others.
    _login_is: ClassVar[str]

    @abstractmethod
    async def _row(self, sql: str, *values: Any) -> Sequence[Any] | None:
        """The first row of one of `statements`. Raises Problem (UNAVAILABLE)."""

    @abstractmethod
    async def _rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """All rows of one of `statements`, which must be few. Raises Problem (UNAVAILABLE)."""

    @abstractmethod
    async def _number_events(self, root_id: int) -> None:
        """Give a position to each event of a reseller and of all below it that has none.

        Raises Problem (UNAVAILABLE).
        """

    @abstractmethod
    async def _many(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """All rows of one of `statements`, for which many may be looked at; the first value is whose they are.

        Raises Problem (UNAVAILABLE)."""

    async def platform(self) -> Platform | None:
        row = await self._row(statements.PLATFORM)
        return Platform(bool(row[0])) if row else None

    async def signing_keys(self) -> list[SigningKey]:
        return [SigningKey(*row) for row in await self._rows(statements.SIGNING_KEYS)]

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        return await self._row(statements.IS_WITHIN, reseller_id, root_id) is not None

    async def is_shut(self, reseller_id: int) -> bool:
        row = await self._row(statements.SHUTS, reseller_id)
        return row is None or row[0] > 0

    async def reseller(self, reseller_id: int) -> Record | None:
        row = await self._row(statements.RESELLER, reseller_id)
        return Record(reseller_id, reseller_id, *row) if row else None

    async def children(self, parent_id: int, offset: int, limit: int) -> Children:
        found = await self._many(statements.CHILDREN, parent_id, limit, offset)
        row = await self._row(statements.CHILDREN_COUNT, parent_id)
        return Children([Child(*child) for child in found], row[0] if row else 0)

    async def waiting_resellers(self, limit: int) -> list[Record]:
        found = await self._rows(statements.WAITING_RESELLERS, limit)
        return [Record(reseller_id, reseller_id, *rest) for reseller_id, *rest in found]

    async def user(self, login: str) -> User | None:
        row = await self._row(statements.USER + self._login_is, login)
        return User(*row) if row else None

    async def users(self, reseller_id: int) -> list[User]:
        return [User(*row) for row in await self._rows(statements.USERS, reseller_id)]

    async def key(self, digest: bytes) -> SubscriptionKey | None:
        row = await self._row(statements.KEY, digest)
        return rows.key(*row) if row else None

    async def keys(self, reseller_id: int) -> list[SubscriptionKey]:
        return [rows.key(*row) for row in await self._rows(statements.KEYS, reseller_id)]

    async def client(self, realm: str, client_id: str) -> Client | None:
        row = await self._row(statements.CLIENT, realm, client_id)
        return Client(*row) if row else None

    async def clients(self, reseller_id: int) -> list[Client]:
        return [Client(*row) for row in await self._rows(statements.CLIENTS, reseller_id)]

    async def session(self, digest: bytes) -> Session | None:
        row = await self._row(statements.SESSION, digest)
        return Session(*row) if row else None

    async def sessions(self, login: str, limit: int) -> list[Session]:
        found = await self._rows(statements.SESSIONS.format(login_is=self._login_is), login, limit)
        return [Session(*row) for row in found]

    async def administrator(self, login: str) -> Administrator | None:
        row = await self._row(statements.ADMINISTRATOR.format(login_is=self._login_is), login)
        return Administrator(*row) if row else None

    async def link(self, digest: bytes) -> Link | None:
        row = await self._row(statements.LINK, digest)
        return Link(*row) if row else None

    async def usage(self, root_id: int, since: int, key: str | None = None) -> list[Usage]:
        if key is None:
            found = await self._many(statements.USAGE, root_id, since)
        else:
            found = await self._many(statements.USAGE_OF_KEY, root_id, since, key)
        return [Usage(root_id, key or "", *row) for row in found]

    async def counts(self, root_id: int, since: int) -> Counts:
        by_status, by_day = {}, {}
        for status, day, customers in await self._many(statements.COUNTS, root_id, since):
            if status:
                by_status[status] = customers
            else:
                by_day[day] = customers
        return Counts(by_status, by_day)

    async def owner(self, customer_id: int) -> int | None:
        row = await self._row(statements.OWNER, customer_id)
        return row[0] if row else None

    async def customer(self, reseller_id: int, customer_id: int) -> Record | None:
        row = await self._row(statements.CUSTOMER, reseller_id, customer_id)
        return Record(reseller_id, customer_id, *row) if row else None

    async def logins(self, reseller_id: int, account_id: int) -> list[AdministratorLogin]:
        found = await self._rows(statements.LOGINS, reseller_id, account_id)
        return [AdministratorLogin(*row) for row in found]

    async def given(self, reseller_id: int, once: Once) -> Record | None:
        row = await self._row(statements.ANSWER, reseller_id, once.key, once.since)
        return rows.given(reseller_id, once, row)

    async def events(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        return [rows.event(*row) for row in await self._rows(statements.EVENTS, reseller_id, after, limit)]

    async def account_events(self, reseller_id: int, account_id: int, after: int, limit: int) -> list[Event]:
        found = await self._rows(statements.ACCOUNT_EVENTS, reseller_id, account_id, after, limit)
        return [rows.event(*row) for row in found]

    async def last_account_events(self, reseller_id: int, account_id: int, before: int, limit: int) -> list[Event]:
        found = await self._rows(statements.LAST_ACCOUNT_EVENTS, reseller_id, account_id, before, limit)
        return [rows.event(*row) for row in found]

    async def last_subject_events(self, reseller_id: int, subject: Subject, before: int, limit: int) -> list[Event]:
        found = await self._rows(statements.LAST_SUBJECT_EVENTS, reseller_id, *subject, before, limit)
        return [rows.event(*row) for row in found]

    async def subject_feed(self, root_id: int, subject: Subject, after: int, limit: int) -> list[Entry]:
        about: Sequence[object] = subject
        feed = statements.FEED_OF_SUBJECT
        if subject.type in ("customer", "reseller"):
            about, feed = (account_number(subject.id),), statements.FEED_OF_ACCOUNT
            found = await self._row(statements.ACCOUNT_LOG, root_id, *about, subject.type)
        else:
            found = await self._row(statements.SUBJECT_LOG, root_id, *about)
        if not found:
            return []
        log = found[0]
        await self._number_events(log)
        entries = await self._many(feed, log, *about, after, after, log, after, log, limit)
        return [Entry(position, rows.event(*row)) for position, *row in entries]

    async def feed_end(self) -> int:
        row = await self._row(statements.FEED_END)
        return int(row[0]) if row else 0

    async def part(self, of: Import, number: int) -> bytes | None:
        row = await self._row(statements.PART, of.reseller_id, of.id, number)
        return row[0] if row else None

    async def an_import(self, import_id: str) -> Import | None:
        row = await self._row(statements.IMPORT, import_id)
        return _held(*row) if row else None

    async def imports(self, root_id: int, limit: int) -> list[Import]:
        return [_held(*row) for row in await self._many(statements.IMPORTS, root_id, limit)]

    async def arriving(self, before: int, limit: int) -> list[Import]:
        return [_held(*row) for row in await self._many(statements.ARRIVING, before, limit)]

    async def import_to_do(self, holder: str, now: int) -> str | None:
        row = await self._row(statements.IMPORT_TO_DO, now, too_late(now), holder)
        return row[0] if row else None

    async def faulty_rows(self, of: Import, after: int, limit: int) -> list[FaultyRow]:
        found = await self._many(statements.FAULTY_ROWS, of.reseller_id, of.id, after, limit)
        return [FaultyRow(number, line, _faults(faults), kept) for number, line, faults, kept in found]


def _held(document: bytes, state: ImportState, holder: str) -> Import:
    """An import of which somebody may have got hold since its document was written."""
    return structs.replace(_import(document), state=state, holder=holder)
