"""What the store of a noun asks of its database, and how a write is written once for both databases.

A write is a generator of statements: it yields each one and is sent its rows. The database drives it within one
transaction, in the SQL of its own (`emporion.store.statements` says what both understand).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

Row: TypeAlias = Sequence[Any]
Rows: TypeAlias = Sequence[Row]


# How many long reads of one account may wait.
MOST_WAITING = 128


class Statement(NamedTuple):
    """A statement and its values. many: `values` are rows, with each of which it is executed; it gives no rows."""

    sql: str
    values: Sequence[Any]
    many: bool = False


Write: TypeAlias = Generator[Statement, Rows, T]


class Database(Protocol):
    """A database: all methods raise Problem (UNAVAILABLE) if it cannot be reached or written in time.

    is_local: a statement costs no round trip, so that several simple ones are better than one that does it all.
    """

    is_local: bool

    async def row(self, sql: str, *values: Any) -> Row | None:
        """The first row of a statement that reads one or a few by an index."""

    async def point(self, sql: str, *values: int | str | bytes) -> Row | None:
        """The first row, as of `row`, of a statement that many ask at a time: then they share a round trip."""

    async def points(self, sql: str, *values: int | str | bytes) -> Rows:
        """All rows, likewise; there is no placeholder in its LIMIT or OFFSET."""

    async def rows(self, sql: str, *values: Any) -> Rows:
        """All rows of a statement that reads a few by an index."""

    async def long_rows(self, asked: int | str, sql: str, *values: Any) -> Rows:
        """All rows of a statement for which many may be looked at, when it is the turn of the account that asks.

        asked: what is asked about, which stands for the account where no user has signed in.
        """

    async def write(self, write: Callable[P, Write[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the write gives, once it is on disk; if it raises, nothing of it is left. It may be run repeatedly."""

    async def write_each(
        self,
        write: Callable[[Sequence[T]], Write[Sequence[R | Exception]]],
        lane: int,
        item: T,
        keys: Sequence[Hashable],
    ) -> R:
        """What the write gives for an item, as `write`, or raises what it gives for it.

        Items of a lane, which is a reseller, may share a transaction where they come while others are under way; but
        not those that have a key in common.
        """


def fetch(sql: str, *values: Any) -> Write[Rows]:
    """The rows that a statement gives."""
    return (yield Statement(sql, values))


def fetch_row(sql: str, *values: Any) -> Write[Row | None]:
    """The first row that a statement gives."""
    rows = yield Statement(sql, values)
    return rows[0] if rows else None


def execute(sql: str, *values: Any) -> Write[None]:
    """Execute a statement whose rows, if any, are of no interest."""
    yield Statement(sql, values)


def execute_many(sql: str, values: Sequence[Row]) -> Write[None]:
    """Execute a statement with each row of values, in their order."""
    if values:
        yield Statement(sql, values, many=True)


def purge(table: str, key: str, condition: str, order: str, limit: int, *values: Any) -> Write[int]:
    """Delete up to `limit` rows of a table that fulfil the condition, the first by `order`; how many there were.

    key: the columns of the primary key. values: of the condition. Rows that another transaction has locked are left.
    """
    deleted = yield Statement(
        f"""
        WITH old AS MATERIALIZED (
            SELECT {key} FROM {table} WHERE {condition} ORDER BY {order}, {key} LIMIT ? {{skip_locked}}
        )
        DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM old) RETURNING 1
        """,  # noqa: S608 - put together from what stands in the store
        (*values, limit),
    )
    return len(deleted)


def placeholders(count: int) -> str:
    """A list of so many placeholders, in brackets; one that is equal to nothing where there are none."""
    return f"({', '.join('?' * count) or 'NULL'})"
