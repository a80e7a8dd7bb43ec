"""Customers: how they are written."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from msgspec import structs

from emporion.errors import Code, Fault, refuse
from emporion.events import NewEvent, account_subject
from emporion.store import rows
from emporion.store.base import Change, NewRecord, Record
from emporion.store.faults import taken_external_id
from emporion.store.sqlite import answers
from emporion.store.sqlite.access import insert_logins
from emporion.store.sqlite.events import append, insert_event
from emporion.store.sqlite.places import place

if TYPE_CHECKING:
    from collections.abc import Callable

_WAITING = """
    SELECT reseller_id, id, version, document FROM customers WHERE status = 'pending' ORDER BY id LIMIT ?
"""


def insert_customer(connection: sqlite3.Connection, new: NewRecord) -> Record:
    """See `emporion.store.base.Store.add_customer`."""
    customer, reseller_id = new.customer, new.reseller_id
    if new.once and (given := answers.given(connection, reseller_id, new.once)):
        return given
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
    taken += insert_logins(connection, reseller_id, customer_id, new.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
    connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
    insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
    insert_event(
        connection, sequence, NewEvent(reseller_id, customer_id, "customer.created", new.at, new.origin, new.changes)
    )
    if new.once:
        answers.keep_answer(
            connection, reseller_id, new.once, account_subject(reseller_id, customer_id), new.at, document
        )
    return Record(reseller_id, customer_id, 1, document)


def update_customer(connection: sqlite3.Connection, change: Change) -> Record | None:
    """See `emporion.store.base.Store.change_customer`."""
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
        taken += insert_logins(connection, reseller_id, change.id, change.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
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
    append(connection, NewEvent(reseller_id, change.id, change.event, change.at, change.origin, change.changes))
    return Record(reseller_id, change.id, change.version + 1, document)


def verify(connection: sqlite3.Connection, limit: int, verified: Callable[[Record], Change]) -> int:
    """See `emporion.store.base.Store.verify`."""
    found = connection.execute(_WAITING, (limit,)).fetchall()
    for row in found:
        update_customer(connection, verified(Record(*row)))
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
