"""How many commits per second the standard library's sqlite3 reaches on the same disk: the ceiling of writes."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from typing import TYPE_CHECKING

from bench.drive import WARM_UP, Figures

if TYPE_CHECKING:
    from pathlib import Path


def commits(folder: Path, row: bytes, rows: int, seconds: int) -> Figures:
    """Commit `rows` copies of `row` at a time, each commit on disk before the next begins."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as own,
        closing(sqlite3.connect(f"{own}/bare.db", isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE documents (id INTEGER PRIMARY KEY, document BLOB)")
        _commit(connection, row, rows, WARM_UP)
        times = _commit(connection, row, rows, seconds)
    quantiles = statistics.quantiles(times, n=100)
    return Figures(1 / statistics.fmean(times), quantiles[49] * 1000, quantiles[98] * 1000)


def _commit(connection: sqlite3.Connection, row: bytes, rows: int, seconds: int) -> list[float]:
    """Commit for some seconds; the seconds that each commit took."""
    times = []
    end = time.perf_counter() + seconds
    before = time.perf_counter()
    while before < end:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(rows):
            connection.execute("INSERT INTO documents (document) VALUES (?)", (row,))
        connection.execute("COMMIT")
        now = time.perf_counter()
        times.append(now - before)
        before = now
    return times
