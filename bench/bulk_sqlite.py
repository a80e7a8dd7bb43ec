"""Fills a platform in SQLite: in the order of places, without secondary indexes, which are made again as they were."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from bench.bulk import batches, entries, in_order, makers
from bench.bulk_sales import BEFORE, COLUMNS, Before, after_sales, sales_batches, sales_rows
from bench.sold import sales_of
from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.platforms import SANDBOX, found
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite.rowids import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bench.bulk import Batch, Entry
    from bench.sold import Sales, Seller

# Batches that are made while one is written.
AHEAD = 3

# What each customer has in each table; the names get into their index at the end.
TABLES: dict[str, tuple[str, Callable[[Entry], list[tuple[Any, ...]]]]] = {
    "accounts": ("id, kind, reseller_id", lambda e: [(e.id, "customer", RESELLER_ID)]),
    "customers": (
        "place, reseller_id, id, external_id, name_folded, status, version, created_at, updated_at, summary, document",
        lambda e: [(place(RESELLER_ID, e.ordinal), RESELLER_ID, e.id, e.customer.external_id, e.name,
                    e.customer.status, 1, e.at, e.at, e.summary, e.document)],
    ),
    "customer_emails": (
        "reseller_id, email, place",
        lambda e: [(RESELLER_ID, email, place(RESELLER_ID, e.ordinal)) for email in e.emails],
    ),
    "logins": (
        "login, reseller_id, customer_id, position, password_hash",
        lambda e: [(e.login, RESELLER_ID, e.id, 0, None)],
    ),
    "events": (
        "reseller_id, sequence, account_id, type, at, user, source, correlation_id, changes",
        lambda e: [(RESELLER_ID, e.sequence, e.id, "customer.created", e.at, SANDBOX.user, "api",
                    e.correlation_id, "{}")],
    ),
}  # fmt: skip

# The file is not needed if this breaks off. cache_size: 2 GB, so that what is not in order is sorted in memory.
_PRAGMAS = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000", "temp_store = FILE")


async def make(path: Path) -> None:
    """Make an empty sandbox in a new file."""
    store = SqliteStore(path)
    await store.migrate()
    await store.open()
    try:
        await found(store, SANDBOX, int(time.time() * 1000), sandbox=True)
    finally:
        await store.close()


def fill(path: Path, wanted: int, say: Callable[[str], None]) -> None:
    """Add customers to a sandbox that no server has open until it has `wanted` of them. say: told how far it is."""
    with filling(path, say) as connection:
        present, events = connection.execute(
            "SELECT customers, events FROM resellers WHERE reseller_id = ?", (RESELLER_ID,)
        ).fetchone()
        (last_id,) = connection.execute("SELECT max(id) FROM accounts").fetchone()
        with makers(1) as pool:
            todo = batches(present, wanted, last_id + 1, events + 1)
            for batch, rows in zip(todo, in_order(pool, _rows, todo, AHEAD), strict=True):
                for table, (columns, _) in TABLES.items():
                    insert(connection, table, columns, rows[table])
                say(f"{batch.ordinals[-1]:,} customers")
        connection.execute(
            "UPDATE resellers SET customers = ?, events = events + ? - ? WHERE reseller_id = ?",
            (wanted, wanted, present, RESELLER_ID),
        )
        say("index of names")
        connection.execute("INSERT INTO customer_names (customer_names) VALUES ('rebuild')")


@contextmanager
def filling(path: Path, say: Callable[[str], None]) -> Iterator[sqlite3.Connection]:
    """A transaction without secondary indexes, which are made again when the block ends. say: told which."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        connection.execute("BEGIN")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        yield connection
        for name, statement in indexes:
            say(name)
            connection.execute(statement)
        connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows."""
    values = ", ".join("?" for _ in columns.split(","))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)


def fill_sales(path: Path, sellers: Sequence[Seller], say: Callable[[str], None]) -> list[Sales]:
    """Add the subscriptions and orders of resellers to a platform that no server has open; what was added."""
    made = []
    with filling(path, say) as connection, makers(1) as pool:
        for seller in sellers:
            (last_id,) = connection.execute("SELECT max(id) FROM accounts").fetchone()
            numbers = dict(connection.execute("SELECT prefix, last FROM order_numbers").fetchall())
            sales = sales_of(seller, last_id + 1, numbers)
            before = Before(*(connection.execute(question, (seller.id,)).fetchone()[0] for question in BEFORE))
            todo = sales_batches(sales, before)
            for batch, rows in zip(todo, in_order(pool, sales_rows, todo, AHEAD), strict=True):
                for table, found in rows.items():
                    insert(connection, table, ", ".join(COLUMNS[table]), found)
                say(f"{'orders' if batch.orders else 'subscriptions'} up to {batch.positions[-1] + 1:,}")
            for statement, values in after_sales(sales):
                connection.execute(statement, values)
            made.append(sales)
    return made


def _rows(batch: Batch) -> dict[str, list[tuple[Any, ...]]]:
    made = list(entries(batch))
    return {table: [row for entry in made for row in rows(entry)] for table, (_, rows) in TABLES.items()}
