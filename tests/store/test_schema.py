"""The schema can be distributed by reseller: every table, unique index and statement names it."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from emporion import store
from emporion.store import events
from emporion.store import postgres as server
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from tests.postgres import Databases

# What must be unique or found on the whole platform, and what is about the database itself.
PLATFORM_WIDE = {
    "platform", "accounts", "reseller_accounts", "logins", "subscription_keys", "clients", "signing_keys",
    "login_failures", "sessions", "links", "search_key", "emporion_migrations", "copies",
    "imports", "catalogue", "catalogue_parts", "plans", "plan_delegations", "plan_items", "products", "product_rates",
    "delegations", "listings", "listing_bits", "listing_state", "order_numbers",
}  # fmt: skip
# Unique on the whole platform, beside ids: the number of an order.
PLATFORM_WIDE_COLUMNS = {("orders", "order_number")}
# Where statements stand.
FILES = [file for package in (store, server) for file in Path(str(package.__file__)).parent.glob("*.py")]
# What is asked of all resellers at once.
ACROSS = {events.FEED_END}


@pytest.fixture
async def database(postgres: Databases) -> AsyncIterator[str]:
    with postgres.temporary() as name:
        await PostgresStore(postgres.url(name), Limits()).migrate()
        yield name


def tables(postgres: Databases, database: str) -> set[str]:
    found = postgres.query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
                           "'public'::regnamespace", database)  # fmt: skip
    return {name for (name,) in found}


def unique_indexes(postgres: Databases, database: str) -> list[tuple[str, bool, list[str]]]:
    """Table, whether it is the primary key, and columns."""
    return [
        (table, primary, list(columns))
        for table, primary, columns in postgres.query(
            """
            SELECT t.relname, i.indisprimary, array_agg(coalesce(a.attname, '') ORDER BY k.place)
            FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
            LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0
            WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace
            GROUP BY i.indexrelid, t.relname, i.indisprimary
            """,
            database,
        )
    ]


async def test_every_table_has_the_reseller_at_the_head_of_its_key(postgres: Databases, database: str) -> None:
    keys = {table: columns for table, primary, columns in unique_indexes(postgres, database) if primary}
    distributed = tables(postgres, database) - PLATFORM_WIDE
    assert distributed >= {
        "resellers", "users", "customers", "customer_names", "customer_emails", "customer_counts", "events", "feed",
        "answers", "usage",
    }  # fmt: skip
    assert {table: keys[table][0] for table in distributed} == dict.fromkeys(distributed, "reseller_id")


async def test_every_unique_index_contains_the_reseller(postgres: Databases, database: str) -> None:
    for table, _, columns in unique_indexes(postgres, database):
        is_wide = table in PLATFORM_WIDE or (table, *columns) in PLATFORM_WIDE_COLUMNS
        assert is_wide or "reseller_id" in columns, table


async def test_only_tables_that_exist_are_platform_wide(postgres: Databases, database: str) -> None:
    assert tables(postgres, database) >= PLATFORM_WIDE


async def test_every_statement_names_the_reseller(postgres: Databases, database: str) -> None:
    distributed = tables(postgres, database) - PLATFORM_WIDE
    wanted = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:{'|'.join(distributed)})\b")
    bodies = [body for (body,) in postgres.query("SELECT prosrc FROM pg_proc WHERE pronamespace = "
                                                 "'public'::regnamespace", database)]  # fmt: skip
    found = [
        statement
        for text in [*(text for file in FILES for text in _strings(file)), *bodies]
        for statement in text.split(";")
        if wanted.search(statement)
    ]
    assert len(found) > 20
    for statement in found:
        assert "reseller_id" in statement or statement in ACROSS, statement


def _strings(file: Path) -> Iterator[str]:
    """The strings of a Python file, with a blank for each value that is put in."""
    tree = ast.parse(file.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value
