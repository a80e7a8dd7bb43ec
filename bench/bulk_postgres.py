"""Fills a platform in PostgreSQL: COPY without secondary indexes, which are made again as the migration has them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg

from bench.bulk import batches, entries, in_order, makers
from bench.bulk_sales import BEFORE, COLUMNS, Before, after_sales, sales_batches, sales_rows
from bench.sold import sales_of
from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.platforms import SANDBOX, found
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.postgres.dialect import translated
from emporion.store.postgres.ngrams import name_grams, salt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.bulk import Batch, Entry
    from bench.bulk_sales import Rows, SalesBatch
    from bench.sold import Sales, Seller

# Batches and indexes that are made at a time.
AT_ONCE = 2

# What each customer has in each table; the number is the salt of the reseller's search index.
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Entry, int], list[tuple[Any, ...]]]]] = {
    "accounts": (("id", "kind", "reseller_id"), lambda e, _: [(e.id, "customer", RESELLER_ID)]),
    "customers": (
        ("reseller_id", "ordinal", "id", "external_id", "status", "version", "created_at", "updated_at",
         "summary", "document"),
        lambda e, _: [(RESELLER_ID, e.ordinal, e.id, e.customer.external_id, e.customer.status, 1, e.at, e.at,
                    e.summary, e.document)],
    ),
    "customer_names": (
        ("reseller_id", "ordinal", "id", "name_folded", "grams"),
        lambda e, own: [(RESELLER_ID, e.ordinal, e.id, e.name, list(name_grams(own, e.name)))],
    ),
    "customer_emails": (
        ("reseller_id", "email", "ordinal"),
        lambda e, _: [(RESELLER_ID, email, e.ordinal) for email in e.emails],
    ),
    "logins": (
        ("folded", "login", "reseller_id", "customer_id", "position", "password_hash"),
        lambda e, _: [(e.login.lower(), e.login, RESELLER_ID, e.id, 0, None)],
    ),
    "events": (
        ("reseller_id", "sequence", "account_id", "type", "at", "user", "source", "correlation_id", "changes"),
        lambda e, _: [(RESELLER_ID, e.sequence, e.id, "customer.created", e.at, SANDBOX.user, "api",
                    e.correlation_id, "{}")],
    ),
}  # fmt: skip

_SECONDARY = """
    SELECT indexname, indexdef FROM pg_indexes i
    WHERE schemaname = current_schema() AND tablename = ANY ($1)
        AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)
    ORDER BY indexdef LIKE '%USING gin%' DESC, indexname
"""


async def make(url: str) -> None:
    """Make an empty sandbox in a new database."""
    store = PostgresStore(url, Limits())
    await store.migrate()
    await store.open()
    try:
        await found(store, SANDBOX, int(time.time() * 1000), sandbox=True)
    finally:
        await store.close()


async def fill(url: str, wanted: int, say: Callable[[str], None]) -> None:
    """Add customers to a sandbox that no server has open until it has `wanted` of them. say: told how far it is."""
    connection = await asyncpg.connect(url)
    try:
        [(present, events)] = await connection.fetch(
            "SELECT customers, events FROM resellers WHERE reseller_id = $1", RESELLER_ID
        )
        next_id = await connection.fetchval("SELECT last_value + is_called::int FROM account_ids")
        indexes = await connection.fetch(_SECONDARY, list(TABLES))
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        await asyncio.to_thread(_copy_all, url, batches(present, wanted, next_id, events + 1), say)
        more = wanted - present
        await connection.execute(
            "UPDATE resellers SET customers = customers + $1, events = events + $1 WHERE reseller_id = $2",
            more,
            RESELLER_ID,
        )
        await connection.execute("SELECT setval('account_ids', $1)", next_id + more - 1)
        waiting = deque(statement for _, statement in indexes)
        await asyncio.gather(*(_execute_all(url, waiting, say) for _ in range(AT_ONCE)))
        say("vacuum")
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def fill_sales(url: str, sellers: Sequence[Seller], say: Callable[[str], None]) -> list[Sales]:
    """Add the subscriptions and orders of resellers to a platform that no server has open; what was added."""
    connection = await asyncpg.connect(url)
    made = []
    try:
        indexes = await connection.fetch(_SECONDARY, list(COLUMNS))
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        for seller in sellers:
            next_id = await connection.fetchval("SELECT last_value + is_called::int FROM account_ids")
            found = await connection.fetch("SELECT prefix, last FROM order_numbers")
            numbers = {row["prefix"]: row["last"] for row in found}
            sales = sales_of(seller, next_id, numbers)
            before = Before(*[await connection.fetchval(translated(question), seller.id) for question in BEFORE])
            await asyncio.to_thread(_copy_sales, url, sales_batches(sales, before), say)
            for statement, values in after_sales(sales):
                await connection.execute(translated(statement), *values)
            await connection.execute("SELECT setval('account_ids', $1)", sales.orders.stop - 1)
            made.append(sales)
        waiting = deque(statement for _, statement in indexes)
        await asyncio.gather(*(_execute_all(url, waiting, say) for _ in range(AT_ONCE)))
        say("vacuum")
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return made


def _copy_sales(url: str, todo: list[SalesBatch], say: Callable[[str], None]) -> None:
    with makers(AT_ONCE) as pool:
        for last in in_order(pool, partial(_copy_some_sales, url), todo, ahead=2 * AT_ONCE):
            say(last)


def _copy_some_sales(url: str, batch: SalesBatch) -> str:
    """Copy a batch; how far it is."""
    asyncio.run(_copy_rows(url, sales_rows(batch)))
    return f"{'orders' if batch.orders else 'subscriptions'} up to {batch.positions[-1] + 1:,}"


async def _copy_rows(url: str, rows: Rows) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, records in rows.items():
            await connection.copy_records_to_table(table, records=records, columns=COLUMNS[table])
    finally:
        await connection.close()


def _copy_all(url: str, todo: list[Batch], say: Callable[[str], None]) -> None:
    with makers(AT_ONCE) as pool:
        for last in in_order(pool, partial(_copy, url), todo, ahead=2 * AT_ONCE):
            say(f"{last:,} customers")


def _copy(url: str, batch: Batch) -> int:
    """Copy a batch; its last ordinal."""
    asyncio.run(_copy_batch(url, batch))
    return batch.ordinals[-1]


async def _copy_batch(url: str, batch: Batch) -> None:
    connection = await asyncpg.connect(url)
    try:
        own = salt(await connection.fetchval("SELECT key FROM search_key"), RESELLER_ID)
        made = list(entries(batch))
        for table, (columns, rows) in TABLES.items():
            records = [row for entry in made for row in rows(entry, own)]
            await connection.copy_records_to_table(table, records=records, columns=columns)
    finally:
        await connection.close()


async def _execute_all(url: str, waiting: deque[str], say: Callable[[str], None]) -> None:
    """Execute the statements that no other task has taken."""
    connection = await asyncpg.connect(url)
    try:
        while waiting:
            statement = waiting.popleft()
            say(statement)
            await connection.execute(statement)
    finally:
        await connection.close()
