"""Customers: how they are written, and read by id.

They are written by two functions of the schema, each with many customers at a time: one round trip, one transaction,
one flush of the log (migrations/postgres/).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Any, TypeVar

import asyncpg

from emporion.errors import Code, Problem, raise_invalid
from emporion.store import rows, statements
from emporion.store.administrators import AdministratorLogin
from emporion.store.customers import CustomerChange, CustomerStore, NewRecord, ScannedCustomer, VersionedDocument
from emporion.store.faults import Away, busy, taken_external_id, taken_login, used_for_another
from emporion.store.postgres.batches import ADD_CUSTOMERS, CHANGE_CUSTOMERS, change_columns, new_columns, transposed
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer, Lanes
from emporion.store.postgres.connections import again
from emporion.store.postgres.database import PostgresDatabase
from emporion.store.postgres.dialect import translated
from emporion.store.postgres.lists import Lists
from emporion.store.records import Filter, Listing, Record

# Seconds for which the customers of a reseller whose row is locked are not verified.
HELD = 5.0

Item = TypeVar("Item")
Result = TypeVar("Result")

_OLDEST = """
    SELECT reseller_id, id FROM waiting_customers WHERE reseller_id <> ALL ($2::bigint[]) ORDER BY id LIMIT $1
"""
_CLAIM = """
    SELECT c.reseller_id, c.id, c.version, c.document, c.status
    FROM waiting_customers w JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
    WHERE w.reseller_id = $1 AND w.id = ANY ($2::bigint[]) ORDER BY w.id FOR UPDATE OF w SKIP LOCKED
"""
_RELEASE = "DELETE FROM waiting_customers WHERE reseller_id = $1 AND id = ANY ($2::bigint[])"
_WAIT_AGAIN = "INSERT INTO waiting_customers (reseller_id, id) SELECT $1, id FROM unnest($2::bigint[]) AS c (id)"
_WAITING = """
    SELECT count(*) FROM waiting_customers w JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
    WHERE c.status = 'pending'
"""

_DOCUMENTS = """
    SELECT c.reseller_id, c.id, c.document, c.version
    FROM unnest($1::bigint[], $2::bigint[]) AS w (reseller_id, id)
    JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
"""


_BY_EXTERNAL_IDS = """
    SELECT external_id, id, version, document FROM customers WHERE reseller_id = $1 AND external_id = ANY ($2::text[])
"""
_SCAN = """
    SELECT ordinal, document, created_at, updated_at FROM customers
    WHERE reseller_id = ? AND ordinal > ? ORDER BY ordinal LIMIT ?
"""


class PostgresCustomers(CustomerStore):
    """Writes customers, many at a time, and reads them by id. See `emporion.store.customers.CustomerStore`."""

    def __init__(self, database: PostgresDatabase, lists: Lists) -> None:
        super().__init__(database)
        self._server = database
        self._primary = database.primary
        self._lists = lists
        # Resellers whose rows are locked, and until when their customers are not verified.
        self._held: dict[int, float] = {}
        self._documents = Coalescer(self._read_documents, LARGEST_GROUP)
        self._additions = Lanes(lambda: Coalescer(self._add, LARGEST_GROUP, _keys_of_new))
        self._changes = Lanes(lambda: Coalescer(self._change, LARGEST_GROUP, _keys_of_change))

    async def finish(self) -> None:
        """Return when nothing is under way."""
        for under_way in (self._documents, self._additions, self._changes):
            await under_way.finish()

    async def add(self, new: NewRecord) -> Record:
        return await self._additions.do(new.reseller_id, new)

    async def update(self, change: CustomerChange) -> Record | None:
        return await self._changes.do(change.reseller_id, change)

    async def _add(self, group: list[NewRecord]) -> list[Record | Exception]:
        columns = new_columns(group, self._server.search_key)
        try:
            found = await self._write(ADD_CUSTOMERS, *columns)
        except asyncpg.UniqueViolationError as error:
            return await _each(self._add, group, error)
        return [_added(new, document, *row) for new, document, row in zip(group, columns.documents, found, strict=True)]

    async def _change(self, group: list[CustomerChange]) -> list[Record | Exception | None]:
        columns = change_columns(group, self._server.search_key)
        try:
            found = await self._write(CHANGE_CUSTOMERS, *columns)
        except asyncpg.UniqueViolationError as error:
            return await _each(self._change, group, error)
        return [
            _outcome(change, document, *row)
            for change, document, row in zip(group, columns.documents, found, strict=True)
        ]

    async def _write(self, sql: str, *values: Any) -> list[Any]:
        """The answer of one of the schema's functions, tried again where another transaction was in its way.

        Raises UniqueViolationError where a login was free each time that the function looked.
        """
        return await again(lambda: self._primary.call(sql, *values))

    async def verify(self, limit: int, verified: Callable[[Record], CustomerChange]) -> int:
        now = time.monotonic()
        self._held = {reseller_id: until for reseller_id, until in self._held.items() if until > now}
        oldest: dict[int, list[int]] = {}
        for reseller_id, customer_id in await self._primary.rows(_OLDEST, limit, list(self._held)):
            oldest.setdefault(reseller_id, []).append(customer_id)
        count = 0
        for reseller_id, ids in oldest.items():
            try:
                count += await self._verify(reseller_id, ids, verified)
            except Away:
                raise
            except Problem:  # one reseller's trouble must not keep the others waiting
                self._held[reseller_id] = now + HELD
        return count

    async def _verify(self, reseller_id: int, ids: list[int], verified: Callable[[Record], CustomerChange]) -> int:
        """Verify those customers of one reseller that no other worker is verifying; how many were read as pending."""
        async with self._primary.transaction() as connection:
            found = await connection.fetch(_CLAIM, reseller_id, ids)
            if not found:
                return 0
            await connection.execute(_RELEASE, reseller_id, [row["id"] for row in found])
            group = [verified(Record(*row[:4])) for row in found if row["status"] == "pending"]
            if group:
                outcomes = await connection.fetch(CHANGE_CUSTOMERS, *change_columns(group, self._server.search_key))
                # Changed by others since they were read: the next look shows whether they are pending still.
                moved = [change.id for change, row in zip(group, outcomes, strict=True) if row[0] is None]
                if moved:
                    await connection.execute(_WAIT_AGAIN, reseller_id, moved)
            return len(group)

    async def count_pending(self) -> int:
        row = await self._primary.row(_WAITING)
        return row[0] if row else 0

    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        return await self._lists.customers(root_id, wanted, offset, limit, whole=whole)

    async def scan(self, reseller_id: int, after: int, limit: int) -> list[ScannedCustomer]:
        return [ScannedCustomer(*row) for row in await self._database.rows(_SCAN, reseller_id, after, limit)]

    async def by_external_ids(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        found = await self._primary.rows(_BY_EXTERNAL_IDS, reseller_id, list(external_ids))
        return {external_id: Record(reseller_id, *rest) for external_id, *rest in found}

    async def document(self, reseller_id: int, customer_id: int) -> VersionedDocument | None:
        return await self._documents.do((reseller_id, customer_id))

    async def _read_documents(self, wanted: list[tuple[int, int]]) -> list[VersionedDocument | None]:
        if len(wanted) == 1:
            row = await self._primary.row(translated(statements.DOCUMENT), *wanted[0])
            return [VersionedDocument(*row) if row else None]
        found = await self._primary.rows(_DOCUMENTS, *transposed(wanted, 2))
        documents = {(reseller_id, customer_id): VersionedDocument(*rest) for reseller_id, customer_id, *rest in found}
        return [documents.get(one) for one in wanted]


def _keys_of_new(new: NewRecord) -> Iterator[Hashable]:
    """What no two customers added at a time may have in common."""
    if new.once:
        yield "once", new.reseller_id, new.once.key
    yield from _unique(new.reseller_id, new.customer.external_id, new.logins)


def _keys_of_change(change: CustomerChange) -> Iterator[Hashable]:
    yield change.id
    yield from _unique(change.reseller_id, change.customer.external_id, change.logins or ())


def _unique(reseller_id: int, external_id: str | None, logins: Sequence[AdministratorLogin]) -> Iterator[Hashable]:
    if external_id is not None:
        yield reseller_id, external_id
    for login in logins:
        yield login.login.lower()


async def _each(
    send: Callable[[list[Item]], Awaitable[list[Result | Exception]]], group: list[Item], error: Exception
) -> list[Result | Exception]:
    """The results of a group that failed as a whole with `error`, sent one after the other."""
    if len(group) == 1:
        return [busy(error)]
    return [result for item in group for result in await send([item])]


def _added(
    new: NewRecord,
    document: bytes,
    id_: int | None,
    holder: int | None,
    taken: Sequence[int] | None,
    answer: bytes | None,
    reused: bool | None,
) -> Record | Exception:
    """What `add` gives or raises."""
    if reused:
        return used_for_another()
    if id_ is None:
        return _conflict(holder, taken)
    if answer is not None:
        return Record(new.reseller_id, id_, 1, answer, replayed=True)
    return Record(new.reseller_id, id_, 1, rows.with_id(document, id_))


def _outcome(
    change: CustomerChange, document: bytes, ordinal: int | None, holder: int | None, taken: list[int] | None
) -> Any:
    """What `update` gives or raises."""
    if ordinal is None:
        return None
    if holder or taken:
        return _conflict(holder, taken)
    return Record(change.reseller_id, change.id, change.version + 1, document)


def _conflict(holder: int | None, taken: Sequence[int] | None) -> Exception:
    """The Problem for what is taken, as a result."""
    faults = [] if holder is None else [taken_external_id(holder)]
    faults += [taken_login(position) for position in taken or ()]
    try:
        raise_invalid(faults, Code.CONFLICT)
    except Problem as problem:
        return problem
