"""Ours on SQLite: reads beside a bare ASGI application, writes beside bare commits of the same disk."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

from bench.bare import commits
from bench.client import ask, good, sign_in
from bench.drive import CONNECTIONS, Drive, Figures, run
from bench.load import load, wait_until_verified
from bench.raw import raw
from bench.server import emporion
from bench.service import BY_ID, CREATE, CREATION, DEEP_PAGE, FIRST_PAGE, PAGE, SEARCH, Service
from bench.table import Ceiling, Kind
from emporion.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

READ, WRITTEN = "read.db", "written.db"

RAW_BY_ID = "raw ASGI, bytes of GET by id"
RAW_PAGE = "raw ASGI, bytes of the page"
ONE_ROW = "bare sqlite3, commits of 1 row"
MANY_ROWS = f"bare sqlite3, commits of {CONNECTIONS} rows"

KIND = Kind(
    (BY_ID, PAGE, DEEP_PAGE, SEARCH, CREATE, RAW_BY_ID, RAW_PAGE, ONE_ROW, MANY_ROWS),
    {
        BY_ID: [Ceiling(RAW_BY_ID, 0.7)],
        PAGE: [Ceiling(RAW_PAGE, 0.5)],
        DEEP_PAGE: [Ceiling(PAGE, 1 / 1.2)],
        CREATE: [Ceiling(ONE_ROW, 0.7)],
    },
)


def fact() -> str:
    """The database's version."""
    return f"SQLite {sqlite3.sqlite_version}"


def measures(stack: ExitStack, folder: Path, seconds: int, workers: int) -> dict[str, Callable[[], Figures]]:
    """Load, start the servers and give the measurements in order.

    Each stands beside its ceiling, for the machine's speed drifts.
    """
    ids = load(SqliteStore(folder / READ))
    shutil.copyfile(folder / READ, folder / WRITTEN)
    os.sync()  # later it would disturb the commits that are measured
    reading = stack.enter_context(emporion(f"sqlite:///{folder / READ}", folder / "read.log", workers))
    writing = stack.enter_context(emporion(f"sqlite:///{folder / WRITTEN}", folder / "written.log", workers))
    # Each server signs tokens with a key of its own database.
    headers, own = sign_in(reading), sign_in(writing)
    service = Service(reading, headers)
    service.check_pages()
    customer, page = (good(ask(reading, path, headers)) for path in (f"/customers/{ids[len(ids) // 2]}", FIRST_PAGE))
    raw_customer = stack.enter_context(raw(customer, folder / "customer", headers))
    raw_page = stack.enter_context(raw(page, folder / "page", headers))
    by_id = Drive("/customers", "by_id.lua", (str(ids[0]), str(ids[-1])))
    reads = service.reads(ids, seconds)

    def create() -> Figures:
        created = run(writing, CREATION, own, seconds)
        wait_until_verified(SqliteStore(folder / WRITTEN))
        return created

    return {
        RAW_BY_ID: lambda: run(raw_customer, by_id, headers, seconds),
        BY_ID: reads[BY_ID],
        RAW_PAGE: lambda: run(raw_page, Drive(FIRST_PAGE), headers, seconds),
        PAGE: reads[PAGE],
        DEEP_PAGE: reads[DEEP_PAGE],
        SEARCH: reads[SEARCH],
        MANY_ROWS: lambda: commits(folder, customer.body, CONNECTIONS, seconds),
        ONE_ROW: lambda: commits(folder, customer.body, 1, seconds),
        CREATE: create,
    }
