"""Customers: how they are written, and read by id."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from emporion.errors import Code, Fault, raise_invalid
from emporion.events import NewEvent, account_subject
from emporion.store import rows, statements
from emporion.store.administrators import insert_logins
from emporion.store.customers import CustomerChange, CustomerStore, NewRecord, ScannedCustomer, VersionedDocument
from emporion.store.events import ADD_EVENT, append
from emporion.store.faults import taken_external_id
from emporion.store.idempotency import keep_answer, kept_answer
from emporion.store.records import Record
from emporion.store.sqlite import lists, names
from emporion.store.sqlite.dialect import run
from emporion.store.sqlite.rowids import ordinal_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emporion.store.records import Filter, Listing
    from emporion.store.sqlite.database import SqliteDatabase

_WAITING = """
    SELECT reseller_id, id, version, document FROM customers WHERE status = 'pending' ORDER BY id LIMIT ?
"""


_BY_EXTERNAL_IDS = """
    SELECT external_id, id, version, document FROM customers
    WHERE reseller_id = ? AND external_id IN (SELECT value FROM json_each(?))
"""
_SCAN = """
    SELECT place, document, created_at, updated_at FROM customers NOT INDEXED
    WHERE reseller_id = ? AND place > ? AND place < ? ORDER BY place LIMIT ?
"""


class SqliteCustomers(CustomerStore):
    """See `emporion.store.customers.CustomerStore`."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._file = database

    async def add(self, new: NewRecord) -> Record:
        return await self._file.commit(lambda c: _add(c, new))

    async def update(self, change: CustomerChange) -> Record | None:
        return await self._file.commit(lambda c: _update(c, change))

    async def verify(self, limit: int, verified: Callable[[Record], CustomerChange]) -> int:
        if not await self.count_pending():  # no writer needs to be held up for that
            return 0
        return await self._file.commit(lambda c: _verify(c, limit, verified))

    async def count_pending(self) -> int:
        row = await self._file.row("SELECT count(*) FROM customers WHERE status = 'pending'")
        return int(row[0]) if row else 0

    async def document(self, reseller_id: int, customer_id: int) -> VersionedDocument | None:
        row = self._file.connections.row(statements.DOCUMENT, reseller_id, customer_id)
        return VersionedDocument(*row) if row else None

    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        return await lists.customers(self._file.connections, root_id, wanted, offset, limit, whole=whole)

    async def named(self, root_id: int, name: str, limit: int) -> bytes:
        return await names.named(self._file.connections, root_id, name, limit)

    async def scan(self, reseller_id: int, after: int, limit: int) -> list[ScannedCustomer]:
        values = (reseller_id, place(reseller_id, after), place(reseller_id + 1, 0), limit)
        found = await self._file.long_rows(reseller_id, _SCAN, *values)
        return [ScannedCustomer(ordinal_of(at), *rest) for at, *rest in found]

    async def by_external_ids(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        wanted = msgspec.json.encode(external_ids).decode()
        found = await self._file.rows(_BY_EXTERNAL_IDS, reseller_id, wanted)
        return {external_id: Record(reseller_id, *rest) for external_id, *rest in found}


def _add(connection: sqlite3.Connection, new: NewRecord) -> Record:
    customer, reseller_id = new.customer, new.reseller_id
    if new.once and (kept := run(connection, kept_answer(reseller_id, new.once))):
        return Record(reseller_id, int(kept.subject_id), 1, kept.document, replayed=True)
    ordinal, sequence = connection.execute(
        """
        UPDATE resellers SET customers = customers + 1, events = events + 1 WHERE reseller_id = ?
        RETURNING customers, events
        """,
        (reseller_id,),
    ).fetchone()
    customer_id = connection.execute(
        "INSERT INTO accounts (kind, reseller_id) VALUES ('customer', ?)", (reseller_id,)
    ).lastrowid
    assert customer_id is not None
    customer = structs.replace(customer, id=str(customer_id))
    document = rows.document(customer)
    at = place(reseller_id, ordinal)
    name = rows.folded_name(customer)
    taken: list[Fault] = []
    if not connection.execute(
        """
        INSERT INTO customers (
            place, reseller_id, id, external_id, name_folded, status, version,
            created_at, updated_at, summary, document
        ) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)
        ON CONFLICT (reseller_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
        """,
        (
            at,
            reseller_id,
            customer_id,
            customer.external_id,
            name,
            customer.status,
            new.at,
            new.at,
            rows.summary(customer),
            document,
        ),
    ).rowcount:
        taken.append(_taken_external_id(connection, reseller_id, customer.external_id))
    if new.logins:
        taken += run(connection, insert_logins(reseller_id, customer_id, new.logins))
    if taken:
        raise_invalid(taken, Code.CONFLICT)
    connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
    insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
    event = NewEvent(reseller_id, customer_id, "customer.created", new.at, new.origin, new.changes)
    connection.execute(ADD_EVENT, rows.event_values(sequence, event))  # as `append` does, for each customer
    if new.once:
        subject = account_subject(reseller_id, customer_id)
        run(connection, keep_answer(reseller_id, new.once, subject, new.at, document))
    return Record(reseller_id, customer_id, 1, document)


def _update(connection: sqlite3.Connection, change: CustomerChange) -> Record | None:
    customer, reseller_id = change.customer, change.reseller_id
    row = connection.execute(
        "SELECT place, name_folded, status FROM customers WHERE reseller_id = ? AND id = ? AND version = ?",
        (reseller_id, change.id, change.version),
    ).fetchone()
    if not row:
        return None
    at, old_name, old_status = row
    document, name = rows.document(customer), rows.folded_name(customer)
    taken: list[Fault] = []
    values: dict[str, object] = {
        "updated_at": change.at,
        "summary": rows.summary(customer),
        "document": document,
    }
    # Indexed columns are written only where they change: the index entry would be made anew all the same.
    if customer.status != old_status:
        values["status"] = customer.status
    if name != old_name:
        values["name_folded"] = name
    if "externalId" in change.changes:
        values["external_id"] = customer.external_id
    if not connection.execute(
        f"UPDATE OR IGNORE customers SET version = version + 1, {', '.join(f'{column} = ?' for column in values)}"  # noqa: S608
        " WHERE reseller_id = ? AND place = ?",
        (*values.values(), reseller_id, at),
    ).rowcount:
        taken.append(_taken_external_id(connection, reseller_id, customer.external_id))
    if change.logins is not None:
        connection.execute("DELETE FROM logins WHERE reseller_id = ? AND customer_id = ?", (reseller_id, change.id))
        taken += run(connection, insert_logins(reseller_id, change.id, change.logins))
    if taken:
        raise_invalid(taken, Code.CONFLICT)
    if name != old_name:
        connection.execute(
            "INSERT INTO customer_names (customer_names, rowid, name_folded) VALUES ('delete', ?, ?)",
            (at, old_name),
        )
        connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
    if "contactPersons" in change.changes:
        connection.executemany(
            "DELETE FROM customer_emails WHERE reseller_id = ? AND email = ? AND place = ?",
            [(reseller_id, email, at) for email in rows.emails_before(change)],
        )
        insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
    event = NewEvent(reseller_id, change.id, change.event, change.at, change.origin, change.changes)
    run(connection, append(event))
    return Record(reseller_id, change.id, change.version + 1, document)


def _verify(connection: sqlite3.Connection, limit: int, verified: Callable[[Record], CustomerChange]) -> int:
    found = connection.execute(_WAITING, (limit,)).fetchall()
    for row in found:
        _update(connection, verified(Record(*row)))
    return len(found)


def insert_emails(connection: sqlite3.Connection, reseller_id: int, place: int, emails: set[str]) -> None:
    """Put in the folded addresses by which a customer is found."""
    connection.executemany(
        "INSERT INTO customer_emails (reseller_id, email, place) VALUES (?, ?, ?)",
        [(reseller_id, email, place) for email in emails],
    )


def _taken_external_id(connection: sqlite3.Connection, reseller_id: int, external_id: str | None) -> Fault:
    (holder,) = connection.execute(
        "SELECT id FROM customers WHERE reseller_id = ? AND external_id = ?", (reseller_id, external_id)
    ).fetchone()
    return taken_external_id(holder)
