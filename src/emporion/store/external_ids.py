"""The external ids of a file and their lines, however many: in a file without a name, not in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from emporion.errors import Problem
from emporion.store.faults import temporary_files
from emporion.store.outages import Outage

_outage = Outage("temporary files of imports")


class RepeatedId(NamedTuple):
    """An external id of a file. lines: of its first rows. rows: how many have it."""

    external_id: str
    lines: list[int]
    rows: int


@contextmanager
def _told() -> Iterator[None]:
    """Errors as Problem (UNAVAILABLE); the log has each reason once, however often a check is tried again."""
    try:
        with temporary_files():
            yield
    except Problem as problem:
        _outage.problem(problem)
        raise


class ExternalIds:
    """Keeps them until it is closed. SQLite writes into a temporary file what two megabytes do not hold.

    All of it raises Problem (UNAVAILABLE) where that cannot be written; then what was kept is lost.
    """

    @_told()
    def __init__(self) -> None:
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute(
            """
            CREATE TABLE ids (external_id TEXT, line INTEGER, doubtful INTEGER, PRIMARY KEY (external_id, line))
            WITHOUT ROWID
            """
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: object, *_: object) -> None:
        self._connection.close()
        if raised is None:
            _outage.over()

    @_told()
    def add(self, ids: Iterable[tuple[str, int, bool]]) -> None:
        """Keep external ids, each with the line of its row, and whether it is doubtful."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?, ?)", ids)
        self._connection.execute("COMMIT")

    @_told()
    def count_doubled(self) -> int:
        """How many several rows have."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM ids GROUP BY external_id HAVING count(*) > 1)"
        ).fetchone()
        return int(count)

    @_told()
    def found(self, limit: int, *, doubled: bool = False, doubtful: bool = False) -> list[RepeatedId]:
        """The first `limit` in the order of the file, each with up to `limit` of its lines.

        doubled: those only that several rows have. doubtful: those only that are.
        """
        ids = self._connection.execute(
            """
            SELECT external_id, count(*) FROM ids WHERE doubtful >= ?
            GROUP BY external_id HAVING count(*) > ? ORDER BY min(line) LIMIT ?
            """,
            (doubtful, doubled, limit),
        ).fetchall()
        lines = "SELECT line FROM ids WHERE external_id = ? ORDER BY line LIMIT ?"
        return [
            RepeatedId(external_id, [line for (line,) in self._connection.execute(lines, (external_id, limit))], rows)
            for external_id, rows in ids
        ]
