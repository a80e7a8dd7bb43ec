"""The database of a program from before events had subjects, with events of every type.

`before_subjects.json` has what that program gave for `emporion copy`, but for customers and logins: a sandbox with a
second reseller, in which users, keys and clients came, changed and went.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from emporion.events import Subject
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.postgres.dialect import translated
from emporion.store.sqlite import SqliteStore
from tests.store.conftest import know_only_migrations_before

NAME = "subjects"
TABLES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
LOGS = OPERATOR, SANDBOX, BELOW = 999999, 1000000, 1000004
# Of each event that is not about its account, by its log and sequence.
SUBJECTS = {
    (OPERATOR, 2): Subject("signingKey", "1475bc7466f596f0"),
    (OPERATOR, 3): Subject("signingKey", "596cd4a0afda8adc"),
    (OPERATOR, 4): Subject("signingKey", "1475bc7466f596f0"),
    (SANDBOX, 2): Subject("user", "sandbox"),
    (SANDBOX, 3): Subject("key", "a9f326ee5991"),
    (SANDBOX, 4): Subject("client", "sandbox/sandbox-client"),
    **dict.fromkeys([(SANDBOX, sequence) for sequence in range(7, 13)], Subject("user", "anna")),
    **dict.fromkeys([(SANDBOX, sequence) for sequence in range(13, 17)], Subject("key", "d42f08c15956")),
    (SANDBOX, 15): Subject("key", "0a27c4debcbf"),
    **dict.fromkeys([(SANDBOX, sequence) for sequence in range(17, 19)], Subject("client", "acme/shop")),
    (SANDBOX, 23): Subject("user", "anna"),
    (BELOW, 4): Subject("user", "beth"),
}


def _inserts() -> Iterator[tuple[str, list[list[Any]]]]:
    for table, content in TABLES.items():
        columns = ", ".join(f'"{column}"' for column in content["columns"])
        marks = ", ".join("?" * len(content["columns"]))
        rows = [
            [value["bytes"].encode("latin-1") if isinstance(value, dict) else value for value in row]
            for row in content["rows"]
        ]
        yield f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows


async def make_file(path: Path) -> None:
    """The database as a file."""
    with pytest.MonkeyPatch.context() as older:
        know_only_migrations_before(NAME, older)
        await SqliteStore(path).migrate()
    with closing(sqlite3.connect(path)) as connection:
        for sql, rows in _inserts():
            connection.executemany(sql, rows)
        connection.commit()


async def make_database(url: str) -> None:
    """The database on PostgreSQL."""
    store = PostgresStore(url, Limits())
    with pytest.MonkeyPatch.context() as older:
        know_only_migrations_before(NAME, older)
        await store.migrate()
    await store.close()
    connection = await asyncpg.connect(url)
    for sql, rows in _inserts():
        await connection.executemany(translated(sql), [[bool(*row)] for row in rows] if "platform" in sql else rows)
    await connection.close()
