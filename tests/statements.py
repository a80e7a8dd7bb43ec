"""The SQL that a store sends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import asyncpg


@contextmanager
def sent_statements() -> Iterator[list[str]]:
    """All statements over connections that are opened within the block, those around transactions among them.

    Those of SQLite have their values in them, those of PostgreSQL have not.
    """
    sent: list[str] = []
    connect, create_pool = sqlite3.connect, asyncpg.create_pool

    def note(statement: str) -> None:
        if not statement.startswith("--"):  # SQLite tells what its triggers do as comments
            sent.append(statement)

    def connect_and_note(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(note)
        return connection

    def create_pool_and_note(*arguments: Any, init: Any, **options: Any) -> Any:
        async def begin(connection: Any) -> None:
            await init(connection)
            connection.add_query_logger(lambda logged: note(logged.query))

        return create_pool(*arguments, init=begin, **options)

    with mock.patch("sqlite3.connect", connect_and_note), mock.patch("asyncpg.create_pool", create_pool_and_note):
        yield sent
