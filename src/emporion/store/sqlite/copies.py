"""Copies: what moves to another store, and what comes from one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec

from emporion.store import rows
from emporion.store.faults import written_by_others
from emporion.store.sqlite.customers import insert_emails
from emporion.store.sqlite.rowids import ORDINAL_BITS, place
from emporion.store.tables import COLLECTIONS, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.store.sqlite.database import SqliteDatabase
    from emporion.store.tables import Row, Table

# For whom is read what no account has asked for.
NO_ACCOUNT = 0
# By what a table that is dumped in parts is ordered.
_KEYS = {
    "accounts": ("id",),
    "logins": ("login",),
    "customers": ("place",),
    "events": ("reseller_id", "sequence"),
    "feed": ("reseller_id", "until"),
    "answers": ("reseller_id", "key"),
    "usage": ("reseller_id", "day", "key"),
    "counters": ("reseller_id", "collection"),
    "catalogue_parts": ("kind", "key"),
    "plans": ("id",),
    "plan_delegations": ("plan_id", "reseller_id"),
    "plan_items": ("plan_id", "mpn"),
    "products": ("id",),
    "product_rates": ("product_id", "currency"),
    "prices": ("reseller_id", "target"),
    "listings": ("number",),
    "listing_bits": ("list", "part"),
    "order_subscriptions": ("reseller_id", "subscription_id", "order_id"),
    "charges": ("reseller_id", "number"),
    "report_files": ("reseller_id", "report_id", "number"),
    **{collection.name: ("reseller_id", "ordinal") for collection in COLLECTIONS},
}


class SqliteCopies:
    """See `emporion.store.copying.CopyStore`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def count(self, table: Table) -> int:
        return await self._database.read(NO_ACCOUNT, lambda c: _count(c, table), unlimited=True)

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        return await self._database.read(NO_ACCOUNT, lambda c: _dump(c, table, after, limit), unlimited=True)

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        await self._database.commit(lambda c: _load(c, table, rows, after, count))

    async def progress(self) -> dict[str, tuple[str, int]]:
        found = await self._database.rows("SELECT name, after, rows FROM copies")
        return {name: (after, count) for name, after, count in found}


def _count(connection: sqlite3.Connection, table: Table) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()  # noqa: S608
    return int(found)


def _dump(connection: sqlite3.Connection, table: Table, after: str | None, limit: int) -> Part:
    columns = [f'"{name}"' for name in table.columns]
    if table.name == "customers":
        columns[table.columns.index("ordinal")] = f"place & {(1 << ORDINAL_BITS) - 1}"
    if not table.long:
        return Part(connection.execute(f"SELECT {', '.join(columns)} FROM {table.name}").fetchall(), None)  # noqa: S608
    key = ", ".join(_KEYS[table.name])
    values = msgspec.json.decode(after) if after else []
    behind = f"WHERE ({key}) > ({', '.join('?' * len(values))})" if after else ""
    width = len(_KEYS[table.name])
    found = connection.execute(
        f"SELECT {key}, {', '.join(columns)} FROM {table.name} {behind} ORDER BY {key} LIMIT ?",  # noqa: S608
        [*values, limit],
    ).fetchall()
    last = rows.encode(found[-1][:width]).decode() if len(found) == limit else None
    return Part([row[width:] for row in found], last)


def _load(connection: sqlite3.Connection, table: Table, new: Sequence[Row], after: str, count: int) -> None:
    try:
        _insert(connection, table, new)
    except sqlite3.IntegrityError as error:
        raise written_by_others() from error
    if table.name == "platform":  # the last one
        connection.execute("DELETE FROM copies")
    else:
        connection.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?)", (table.name, after, count))


def _insert(connection: sqlite3.Connection, table: Table, new: Sequence[Row]) -> None:
    if table.name == "customers":
        _load_customers(connection, new)
    else:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        places = ", ".join("?" * len(table.columns))
        if table.name == "platform":
            columns, places = f"one, {columns}", f"1, {places}"
        connection.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", new)  # noqa: S608


def _load_customers(connection: sqlite3.Connection, new: Sequence[Row]) -> None:
    for reseller_id, ordinal, customer_id, external_id, status, version, created, updated, summary, document in new:
        customer = rows.decode(document)
        at, name = place(reseller_id, ordinal), rows.folded_name(customer)
        connection.execute(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, reseller_id, customer_id, external_id, name, status, version, created, updated, summary, document),
        )
        connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
        insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
