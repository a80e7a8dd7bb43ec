"""Copies: what moves to another store, and what comes from one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from emporion.store import rows as rendered
from emporion.store.faults import written_by_others
from emporion.store.postgres.database import PostgresDatabase
from emporion.store.postgres.ngrams import name_grams, salt
from emporion.store.tables import COLLECTIONS, Part, Row, Table

# By what a table that is dumped in parts is ordered.
_KEYS = {
    "accounts": ("id",),
    "logins": ("folded",),
    "customers": ("reseller_id", "ordinal"),
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


class PostgresCopies:
    """See `emporion.store.copying.CopyStore`."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._connections = database.primary

    async def count(self, table: Table) -> int:
        async with self._connections.alone(patient=True) as connection:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table.name}"))  # noqa: S608

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        if not table.long:
            return Part(list(map(tuple, await self._connections.rows(f"SELECT {columns} FROM {table.name}"))), None)  # noqa: S608
        key = _KEYS[table.name]
        values = msgspec.json.decode(after) if after else []
        behind = f"WHERE ({', '.join(key)}) > ({', '.join(f'${n}' for n in range(2, len(key) + 2))})" if after else ""
        sql = f"SELECT {', '.join(key)}, {columns} FROM {table.name} {behind} ORDER BY {', '.join(key)} LIMIT $1"  # noqa: S608
        found = await self._connections.rows(sql, limit, *values)
        last = rendered.encode(found[-1][: len(key)]).decode() if len(found) == limit else None
        return Part([tuple(row)[len(key) :] for row in found], last)

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        async with self._connections.alone(patient=True) as connection, connection.transaction():
            try:
                await _load(connection, table, rows)
            except asyncpg.UniqueViolationError as error:
                raise written_by_others() from error
            if table.name == "platform":  # the last one
                await connection.execute("DELETE FROM copies")
                await connection.execute("SELECT setval('account_ids', max(id)) FROM accounts")
            else:
                await connection.execute(
                    "INSERT INTO copies VALUES ($1, $2, $3)"
                    " ON CONFLICT (name) DO UPDATE SET after = excluded.after, rows = excluded.rows",
                    table.name,
                    after,
                    count,
                )

    async def progress(self) -> dict[str, tuple[str, int]]:
        return {name: (after, count) for name, after, count in await self._connections.rows("SELECT * FROM copies")}


async def _load(connection: asyncpg.Connection[Any], table: Table, new: Sequence[Row]) -> None:
    columns = list(table.columns)
    if table.name == "platform":
        new = [(bool(sandbox),) for (sandbox,) in new]
    elif table.name == "logins":
        columns, new = ["folded", *columns], [(rendered.folded_login(row[0]), *row) for row in new]
    elif table.name == "customers":
        await _load_derived(connection, new)
    await connection.copy_records_to_table(table.name, columns=columns, records=new)


async def _load_derived(connection: asyncpg.Connection[Any], new: Sequence[Row]) -> None:
    """What is searched and who waits, from rows of the table `customers`."""
    key = await connection.fetchval("SELECT key FROM search_key")
    names, emails, waiting = [], [], []
    for reseller_id, ordinal, customer_id, _, status, *_, document in new:
        customer = rendered.decode(document)
        name = rendered.folded_name(customer)
        names.append((reseller_id, ordinal, customer_id, name, list(name_grams(salt(key, reseller_id), name))))
        emails += [(reseller_id, email, ordinal) for email in rendered.folded_emails(customer)]
        if status == "pending":
            waiting.append((reseller_id, customer_id))
    for table, columns, records in (
        ("customer_names", ["reseller_id", "ordinal", "id", "name_folded", "grams"], names),
        ("customer_emails", ["reseller_id", "email", "ordinal"], emails),
        ("waiting_customers", ["reseller_id", "id"], waiting),
    ):
        await connection.copy_records_to_table(table, columns=columns, records=records)
