"""Resellers: their accounts, and the tree in which they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from emporion.accounts.statuses import SHUT
from emporion.errors import Code, Fault, refuse
from emporion.events import NewEvent, account_subject
from emporion.store import rows
from emporion.store.base import NewResellerRecord, Record, ResellerChange
from emporion.store.faults import no_reseller, taken_external_id
from emporion.store.sqlite import answers
from emporion.store.sqlite.access import insert_logins
from emporion.store.sqlite.events import append
from emporion.store.tree import LAST, Span, span_below, spans

if TYPE_CHECKING:
    import sqlite3


def insert_reseller(connection: sqlite3.Connection, new: NewResellerRecord) -> Record:
    """See `emporion.store.base.Store.add_reseller`."""
    parent_id = new.parent_id
    if new.once and parent_id is not None and (given := answers.given(connection, parent_id, new.once)):
        return structs.replace(given, reseller_id=given.id)
    span, shuts = _place_in_tree(connection, parent_id)
    reseller_id: int = connection.execute(
        "INSERT INTO accounts (id, kind, reseller_id) VALUES (?, 'reseller', ?) RETURNING id", (new.id, parent_id)
    ).fetchone()[0]
    above = None if parent_id is None else str(parent_id)
    account = structs.replace(new.account, id=str(reseller_id), reseller_id=above)
    document = rows.document(account)
    taken: list[Fault] = []
    if not connection.execute(
        """
        INSERT INTO reseller_accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)
        ON CONFLICT (parent_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
        """,
        (
            reseller_id,
            parent_id,
            *span,
            shuts + (account.status in SHUT),
            account.external_id,
            rows.folded_name(account),
            rows.email_lines(account),
            account.status,
            new.at,
            new.at,
            document,
        ),
    ).rowcount:
        taken.append(_taken_by_reseller(connection, parent_id, account.external_id))
    taken += insert_logins(connection, reseller_id, reseller_id, new.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
    connection.execute("INSERT INTO resellers (reseller_id, parent_id) VALUES (?, ?)", (reseller_id, parent_id))
    append(connection, NewEvent(reseller_id, reseller_id, "reseller.created", new.at, new.origin, new.changes))
    if new.once and parent_id is not None:
        answers.keep_answer(
            connection, parent_id, new.once, account_subject(reseller_id, reseller_id), new.at, document
        )
    return Record(reseller_id, reseller_id, 1, document)


def _place_in_tree(connection: sqlite3.Connection, parent_id: int | None) -> tuple[Span, int]:
    """The span of a new reseller, and how many above it shut. Raises Problem (NOT_FOUND) if there is no such parent."""
    if parent_id is None:
        return Span(0, LAST), 0
    while True:
        parent = connection.execute(
            "SELECT first, last, shuts FROM reseller_accounts WHERE reseller_id = ?", (parent_id,)
        ).fetchone()
        if not parent:
            raise no_reseller(parent_id)
        (taken,) = connection.execute(
            "SELECT max(last) FROM reseller_accounts WHERE parent_id = ?", (parent_id,)
        ).fetchone()
        span = span_below(Span(*parent[:2]), taken)
        if span:
            return span, parent[2]
        number_tree(connection)


def number_tree(connection: sqlite3.Connection) -> None:
    """Give all resellers their spans anew."""
    parents = dict(connection.execute("SELECT reseller_id, parent_id FROM reseller_accounts").fetchall())
    connection.executemany(
        "UPDATE reseller_accounts SET first = ?, last = ? WHERE reseller_id = ?",
        [(*span, reseller_id) for reseller_id, span in spans(parents).items()],
    )


def update_reseller(connection: sqlite3.Connection, change: ResellerChange) -> Record | None:
    """See `emporion.store.base.Store.change_reseller`."""
    row = connection.execute(
        "SELECT parent_id, status, first, last FROM reseller_accounts WHERE reseller_id = ? AND version = ?",
        (change.id, change.version),
    ).fetchone()
    if not row:
        return None
    parent_id, old_status, *span = row
    account, document = change.account, rows.document(change.account)
    taken: list[Fault] = []
    if not connection.execute(
        """
        UPDATE OR IGNORE reseller_accounts SET version = version + 1, external_id = ?, name_folded = ?, emails = ?,
            status = ?, updated_at = ?, document = ?
        WHERE reseller_id = ?
        """,
        (
            account.external_id,
            rows.folded_name(account),
            rows.email_lines(account),
            account.status,
            change.at,
            document,
            change.id,
        ),
    ).rowcount:
        taken.append(_taken_by_reseller(connection, parent_id, account.external_id))
    if change.logins is not None:
        connection.execute("DELETE FROM logins WHERE reseller_id = ? AND customer_id = ?", (change.id, change.id))
        taken += insert_logins(connection, change.id, change.id, change.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
    step = (account.status in SHUT) - (old_status in SHUT)
    if step:
        connection.execute("UPDATE reseller_accounts SET shuts = shuts + ? WHERE first BETWEEN ? AND ?", (step, *span))
    append(connection, NewEvent(change.id, change.id, change.event, change.at, change.origin, change.changes))
    return Record(change.id, change.id, change.version + 1, document)


def _taken_by_reseller(connection: sqlite3.Connection, parent_id: int | None, external_id: str | None) -> Fault:
    (holder,) = connection.execute(
        "SELECT reseller_id FROM reseller_accounts WHERE parent_id = ? AND external_id = ?", (parent_id, external_id)
    ).fetchone()
    return taken_external_id(holder, "reseller")
