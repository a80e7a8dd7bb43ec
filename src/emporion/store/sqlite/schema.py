"""The schema of the file: its migrations, and whether it is up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.accounts.resellers import Reseller
from emporion.errors import Code, Problem
from emporion.store import rows
from emporion.store.migrations import Migration, check_schema, migrations
from emporion.store.resellers import number_tree
from emporion.store.sqlite.dialect import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# STRICT tables, RETURNING and the trigram tokenizer.
OLDEST_SQLITE = (3, 37, 0)


def check_version() -> None:
    """Raise Problem (UNAVAILABLE) if SQLite is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise Problem(
            Code.UNAVAILABLE, f"SQLite {wanted} or newer is needed; this Python has {sqlite3.sqlite_version}."
        )


def create_for_owner_only(path: Path) -> None:
    """Make the file, if there is none.

    It holds digests and the key that signs tokens; its companions -wal and -shm get the same mode.
    """
    # A file that is there is left alone: closing it would drop the locks that SQLite has on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def check(connection: sqlite3.Connection) -> None:
    """Raise Problem (UNAVAILABLE) if the schema is not up to date."""
    check_schema(migrations("sqlite"), _applied(connection))


def whose(row: Callable[[str], Any]) -> tuple[Any, Any]:
    """What tells one platform from another: whether it is a sandbox, and its oldest event. row: reads the first row."""
    oldest = "SELECT reseller_id, at, changes FROM events ORDER BY reseller_id, sequence LIMIT 1"
    return row("SELECT sandbox FROM platform"), row(oldest)


def migrate(connection: sqlite3.Connection) -> list[str]:
    """Run what this database has not seen yet, each migration once and whole, also while others start."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    known = migrations("sqlite")
    done = [migration.title for migration in known if _run(connection, migration)]
    check_schema(known, _applied(connection))
    return done


def _run(connection: sqlite3.Connection, migration: Migration) -> bool:
    """Whether the migration was still to be done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        new = connection.execute(
            "INSERT INTO schema_migrations VALUES (?, ?) ON CONFLICT DO NOTHING", (migration.number, migration.name)
        ).rowcount
        if new:
            for statement in _statements(migration.sql):
                connection.execute(statement)
            if migration.name in STEPS:
                STEPS[migration.name](connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return bool(new)


def _statements(script: str) -> list[str]:
    """The statements of an SQL script; `executescript` would commit the transaction around them."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


def _fold_names_anew(connection: sqlite3.Connection) -> None:
    """Put names where they are looked for now."""
    concerned = "(name_folded GLOB '*[^ -~]*' OR CAST(document AS TEXT) GLOB '*[`\u00b4\u02ca\u02cb\uff40]*')"
    moved = [
        (place, before, after)
        for place, before, document in connection.execute(
            f"SELECT place, name_folded, document FROM customers WHERE {concerned}"  # noqa: S608
        )
        if (after := rows.folded_anew(document)) != before
    ]
    for place, before, after in moved:
        connection.execute(
            "INSERT INTO customer_names (customer_names, rowid, name_folded) VALUES ('delete', ?, ?)", (place, before)
        )
        connection.execute("UPDATE customers SET name_folded = ? WHERE place = ?", (after, place))
        connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (place, after))
    resellers = connection.execute(f"SELECT document, reseller_id FROM reseller_accounts WHERE {concerned}")  # noqa: S608
    connection.executemany(
        "UPDATE reseller_accounts SET name_folded = ? WHERE reseller_id = ?",
        [(rows.folded_anew(document), reseller_id) for document, reseller_id in resellers.fetchall()],
    )


def _fold_emails_anew(connection: sqlite3.Connection) -> None:
    """Put addresses where they are looked for now."""
    gone, there = [], []
    for reseller_id, place, document in connection.execute("SELECT reseller_id, place, document FROM customers"):
        before, after = rows.emails_folded_anew(document)
        gone += [(reseller_id, email, place) for email in before - after]
        there += [(reseller_id, email, place) for email in after - before]
    connection.executemany("DELETE FROM customer_emails WHERE reseller_id = ? AND email = ? AND place = ?", gone)
    connection.executemany("INSERT INTO customer_emails (reseller_id, email, place) VALUES (?, ?, ?)", there)
    accounts = connection.execute("SELECT reseller_id, document FROM reseller_accounts").fetchall()
    connection.executemany(
        "UPDATE reseller_accounts SET emails = ? WHERE reseller_id = ?",
        [
            (rows.email_lines(msgspec.json.decode(document, type=Reseller)), reseller_id)
            for reseller_id, document in accounts
            if rows.EMAIL_BEYOND_ASCII.search(document)
        ],
    )


# What some migrations do beside their SQL, by their names.
STEPS: dict[str, Callable[[sqlite3.Connection], None]] = {
    "names_in_one_spelling": _fold_names_anew,
    "names_with_typed_accents": _fold_names_anew,
    "addresses_in_one_spelling": _fold_emails_anew,
}


def number_new_tree(connection: sqlite3.Connection) -> None:
    """Number the resellers of a database from before they had numbers, and fold their names, which SQL cannot."""
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("SELECT document, reseller_id FROM reseller_accounts WHERE first IS NULL").fetchall()
    if found:
        connection.executemany(
            "UPDATE reseller_accounts SET name_folded = ? WHERE reseller_id = ?",
            [(rows.folded_name(msgspec.json.decode(document, type=Reseller)), id_) for document, id_ in found],
        )
        run(connection, number_tree())
    connection.execute("COMMIT")


def _applied(connection: sqlite3.Connection) -> set[int]:
    """The numbers of the migrations that have run."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone():
        return set()
    return {number for (number,) in connection.execute("SELECT number FROM schema_migrations")}
