"""Resellers: their accounts, and the tree in which they stand."""

from __future__ import annotations

from typing import Any

import asyncpg
from msgspec import structs

from emporion.accounts.statuses import SHUT
from emporion.errors import Code, Fault, refuse
from emporion.events import NewEvent, account_subject
from emporion.store import rows
from emporion.store.base import NewResellerRecord, Record, ResellerChange
from emporion.store.faults import no_reseller, taken_external_id
from emporion.store.postgres import answers
from emporion.store.postgres.access import insert_logins
from emporion.store.postgres.columns import transposed
from emporion.store.postgres.connections import Connection, Connections, again
from emporion.store.postgres.events import append, insert_event
from emporion.store.postgres.locks import HOLD_RESELLER, hold_tree
from emporion.store.tree import LAST, Span, span_below, spans

_ADD_RESELLER = """
    INSERT INTO reseller_accounts (
        reseller_id, parent_id, first, last, shuts, external_id, name_folded, emails, status, version, created_at,
        updated_at, document
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10, $11)
    ON CONFLICT (parent_id, external_id) WHERE external_id IS NOT NULL DO NOTHING RETURNING 1
"""
_CHANGE_RESELLER = """
    UPDATE reseller_accounts SET version = version + 1, external_id = $2, name_folded = $3, emails = $4, status = $5,
        updated_at = $6, document = $7
    WHERE reseller_id = $1
"""
_SHUT = "UPDATE reseller_accounts SET shuts = shuts + $1 WHERE first BETWEEN $2 AND $3"
_NUMBER = """
    UPDATE reseller_accounts a SET first = n.first, last = n.last
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS n (reseller_id, first, last)
    WHERE a.reseller_id = n.reseller_id AND (a.first, a.last) IS DISTINCT FROM (n.first, n.last)
"""


async def add_reseller(connections: Connections, new: NewResellerRecord) -> Record:
    """See `emporion.store.base.Store.add_reseller`."""

    async def add() -> Record:
        async with connections.transaction() as connection:
            await hold_tree(connection)
            return await insert_reseller(connection, new)

    return await again(add)


async def insert_reseller(connection: Connection, new: NewResellerRecord) -> Record:
    """Put in a reseller. Raises as `add_reseller`. Whoever calls holds the tree."""
    parent_id = new.parent_id
    if new.once and parent_id is not None and (given := await answers.given(connection, parent_id, new.once)):
        return given
    span, shuts = await _place_in_tree(connection, parent_id)
    reseller_id: int = await connection.fetchval(
        """
        INSERT INTO accounts (id, kind, reseller_id) VALUES (coalesce($1, nextval('account_ids')), 'reseller', $2)
        RETURNING id
        """,
        new.id,
        parent_id,
    )
    above = None if parent_id is None else str(parent_id)
    account = structs.replace(new.account, id=str(reseller_id), reseller_id=above)
    document = rows.document(account)
    faults: list[Fault] = []
    if not await connection.fetchrow(
        _ADD_RESELLER,
        reseller_id,
        parent_id,
        *span,
        shuts + (account.status in SHUT),
        account.external_id,
        rows.folded_name(account),
        rows.email_lines(account),
        account.status,
        new.at,
        document,
    ):
        faults += await _taken_by_reseller(connection, reseller_id, parent_id, account.external_id)
    faults += await insert_logins(connection, reseller_id, new.logins)
    if faults:
        refuse(faults, Code.CONFLICT)
    await connection.execute(
        "INSERT INTO resellers (reseller_id, parent_id, events) VALUES ($1, $2, 1)", reseller_id, parent_id
    )
    event = NewEvent(reseller_id, reseller_id, "reseller.created", new.at, new.origin, new.changes)
    await insert_event(connection, 1, event)
    if new.once and parent_id is not None:
        await answers.keep_answer(
            connection, parent_id, new.once, account_subject(reseller_id, reseller_id), new.at, document
        )
    return Record(reseller_id, reseller_id, 1, document)


async def _place_in_tree(connection: Connection, parent_id: int | None) -> tuple[Span, int]:
    """The span of a new reseller, and how many above it shut. Raises Problem (NOT_FOUND) if there is no such parent."""
    if parent_id is None:
        return Span(0, LAST), 0
    while True:
        row = await connection.fetchrow(
            """
            SELECT first, last, (SELECT max(b.last) FROM reseller_accounts b WHERE b.parent_id = $1), shuts
            FROM reseller_accounts WHERE reseller_id = $1
            """,
            parent_id,
        )
        if not row:
            raise no_reseller(parent_id)
        first, last, taken, shuts = row
        span = span_below(Span(first, last), taken)
        if span:
            return span, shuts
        await number_tree(connection)


async def number_tree(connection: asyncpg.Connection[Any] | Connection) -> None:
    """Give all resellers their spans anew. Whoever calls holds the tree."""
    resellers = await connection.fetch("SELECT reseller_id, parent_id FROM reseller_accounts")
    found = spans({row["reseller_id"]: row["parent_id"] for row in resellers})
    await connection.execute(_NUMBER, list(found), *transposed(list(found.values()), 2))


async def change_reseller(connections: Connections, change: ResellerChange) -> Record | None:
    """See `emporion.store.base.Store.change_reseller`."""

    async def do() -> Record | None:
        async with connections.transaction() as connection:
            await hold_tree(connection)
            return await _update_reseller(connection, change)

    return await again(do)


async def _update_reseller(connection: Connection, change: ResellerChange) -> Record | None:
    """Whoever calls holds the tree."""
    await connection.execute(HOLD_RESELLER, change.id)
    before = await connection.fetchrow(
        "SELECT parent_id, status, first, last FROM reseller_accounts WHERE reseller_id = $1 AND version = $2",
        change.id,
        change.version,
    )
    if not before:
        return None
    parent_id, old_status, *span = before
    account, document = change.account, rows.document(change.account)
    faults = await _taken_by_reseller(connection, change.id, parent_id, account.external_id)
    if change.logins is not None:
        await connection.execute("DELETE FROM logins WHERE reseller_id = $1 AND customer_id = $1", change.id)
        faults += await insert_logins(connection, change.id, change.logins)
    if faults:
        refuse(faults, Code.CONFLICT)
    await connection.execute(
        _CHANGE_RESELLER,
        change.id,
        account.external_id,
        rows.folded_name(account),
        rows.email_lines(account),
        account.status,
        change.at,
        document,
    )
    if step := (account.status in SHUT) - (old_status in SHUT):
        await connection.execute(_SHUT, step, *span)
    await append(connection, NewEvent(change.id, change.id, change.event, change.at, change.origin, change.changes))
    return Record(change.id, change.id, change.version + 1, document)


async def _taken_by_reseller(
    connection: Connection, reseller_id: int, parent_id: int | None, external_id: str | None
) -> list[Fault]:
    """The fault of an external id that another reseller with the same parent has, if there is one."""
    if external_id is None:
        return []
    holder = await connection.fetchval(
        """
        SELECT reseller_id FROM reseller_accounts
        WHERE parent_id IS NOT DISTINCT FROM $1 AND external_id = $2 AND reseller_id <> $3
        """,
        parent_id,
        external_id,
        reseller_id,
    )
    return [] if holder is None else [taken_external_id(holder, "reseller")]
