"""The schema of the database: its migrations, and whether it is up to date."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec

from emporion.accounts.resellers import Reseller
from emporion.errors import Code, Problem
from emporion.store import rows
from emporion.store.migrations import check_schema, migrations
from emporion.store.postgres.dialect import run
from emporion.store.postgres.locks import MIGRATING
from emporion.store.postgres.ngrams import name_grams, salt
from emporion.store.resellers import lock_tree, number_tree

OLDEST_SERVER = 150000


async def check_server(connection: asyncpg.Connection[Any]) -> None:
    """Raise Problem (UNAVAILABLE) if it is too old, or keeps no Unicode."""
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    encoding = await connection.fetchval("SHOW server_encoding")
    if version < OLDEST_SERVER:
        raise Problem(
            Code.UNAVAILABLE, f"PostgreSQL {OLDEST_SERVER // 10000} or newer is needed; this is {version // 10000}."
        )
    if encoding != "UTF8":
        raise Problem(Code.UNAVAILABLE, f"The database must have the encoding UTF8; it has {encoding}.")


async def check(connection: asyncpg.Connection[Any]) -> None:
    """Raise Problem (UNAVAILABLE) if this is no server to write to, or the schema is not up to date."""
    await check_server(connection)
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise Problem(Code.UNAVAILABLE, "This is a standby; --database must name the primary.")
    check_schema(migrations("postgres"), await _applied(connection))


async def migrate(connection: asyncpg.Connection[Any]) -> list[str]:
    """Run what this database has not seen yet, also while others start. Within a transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
    await connection.execute(
        "SET LOCAL client_min_messages = warning;"
        "CREATE TABLE IF NOT EXISTS emporion_migrations (number int PRIMARY KEY, name text NOT NULL)"
    )
    applied, done = await _applied(connection), []
    for migration in migrations("postgres"):
        if migration.number not in applied:
            await connection.execute(migration.sql)
            if migration.name in STEPS:
                await STEPS[migration.name](connection)
            await connection.execute(
                "INSERT INTO emporion_migrations VALUES ($1, $2)", migration.number, migration.name
            )
            applied.add(migration.number)
            done.append(migration.title)
    check_schema(migrations("postgres"), applied)
    return done


async def _fold_names_anew(connection: asyncpg.Connection[Any]) -> None:
    """Put names where they are looked for now."""
    concerned = "(name_folded ~ '[^ -~]' OR convert_from(document, 'UTF8') ~ '[`\u00b4\u02ca\u02cb\uff40]')"
    key = await connection.fetchval("SELECT key FROM search_key")
    moved = [
        (after, name_grams(salt(key, reseller_id), after), reseller_id, ordinal)
        async for reseller_id, ordinal, before, document in connection.cursor(
            f"""
            SELECT reseller_id, ordinal, name_folded, document
            FROM customer_names JOIN customers USING (reseller_id, ordinal) WHERE {concerned}
            """  # noqa: S608
        )
        if (after := rows.folded_anew(document)) != before
    ]
    await connection.executemany(
        "UPDATE customer_names SET name_folded = $1, grams = $2 WHERE reseller_id = $3 AND ordinal = $4", moved
    )
    resellers = await connection.fetch(
        f"SELECT document, reseller_id FROM reseller_accounts WHERE {concerned}"  # noqa: S608
    )
    await connection.executemany(
        "UPDATE reseller_accounts SET name_folded = $1 WHERE reseller_id = $2",
        [(rows.folded_anew(document), reseller_id) for document, reseller_id in resellers],
    )


async def _fold_emails_anew(connection: asyncpg.Connection[Any]) -> None:
    """Put addresses where they are looked for now."""
    gone, there = [], []
    async for reseller_id, ordinal, document in connection.cursor(
        "SELECT reseller_id, ordinal, document FROM customers "
        r"""WHERE convert_from(document, 'UTF8') ~ '"email":"[^"]*[^\u0001-\u007f]'"""
    ):
        before, after = rows.emails_folded_anew(document)
        gone += [(reseller_id, email, ordinal) for email in before - after]
        there += [(reseller_id, email, ordinal) for email in after - before]
    await connection.executemany(
        "DELETE FROM customer_emails WHERE reseller_id = $1 AND email = $2 AND ordinal = $3", gone
    )
    await connection.executemany("INSERT INTO customer_emails (reseller_id, email, ordinal) VALUES ($1, $2, $3)", there)
    await connection.executemany(
        "UPDATE reseller_accounts SET emails = $1 WHERE reseller_id = $2",
        [
            (rows.email_lines(msgspec.json.decode(row["document"], type=Reseller)), row["reseller_id"])
            for row in await connection.fetch("SELECT reseller_id, document FROM reseller_accounts")
            if rows.EMAIL_BEYOND_ASCII.search(row["document"])
        ],
    )


# What some migrations do beside their SQL, by their names.
STEPS: dict[str, Callable[[asyncpg.Connection[Any]], Awaitable[None]]] = {
    "names_in_one_spelling": _fold_names_anew,
    "names_with_typed_accents": _fold_names_anew,
    "addresses_in_one_spelling": _fold_emails_anew,
}


async def number_new_tree(connection: asyncpg.Connection[Any]) -> None:
    """Number the resellers of a database from before they had numbers, and fold their names as others' are."""
    await run(connection, lock_tree())
    new = await connection.fetch("SELECT reseller_id, document FROM reseller_accounts WHERE first IS NULL")
    if new:
        names = [rows.folded_name(msgspec.json.decode(row["document"], type=Reseller)) for row in new]
        await connection.execute(
            """
            UPDATE reseller_accounts a SET name_folded = n.name FROM unnest($1::bigint[], $2::text[]) AS n (id, name)
            WHERE a.reseller_id = n.id
            """,
            [row["reseller_id"] for row in new],
            names,
        )
        await run(connection, number_tree())


async def _applied(connection: asyncpg.Connection[Any]) -> set[int]:
    """The numbers of the migrations that have run."""
    if await connection.fetchval("SELECT to_regclass('emporion_migrations')") is None:
        return set()
    return {number for (number,) in await connection.fetch("SELECT number FROM emporion_migrations")}
