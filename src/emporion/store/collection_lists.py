"""Pages of collections, at a cost that does not grow with the list.

One reseller's list stands in the order of its ordinals, which are dense: a page begins where its ordinal says. Among
the documents of one status some are missing in between, so triggers count them (`document_counts`) in blocks of WIDTH
ordinals, in blocks of WIDTH of those, and so on: the counts tell in which block a page begins, and the total. What is
found by another column that has an index is mostly a handful, which is looked at here and now. Only where it is not,
and for other filters, many are looked at (`Collection.page`).
"""
# ruff: noqa: S608 - put together from declarations

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from emporion.store.customers import SHORT_PAGE
from emporion.store.records import Listing
from emporion.store.statements import BELOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.store.collections import Collection, Condition
    from emporion.store.database import Database, Rows

# Beyond every list.
LAST_POSITION = 2**62
# How many blocks are one of the next level, from 0 to HIGHEST; see the triggers in migrations/.
WIDTH, HIGHEST = 32, 2
# So many documents are looked at while other requests wait.
FEW = 256
# Up to so far from the beginning, a page of several resellers' lists is looked for among the newest of each.
NEAR = 2000
# By how many positions documents of one reseller may have come at another time than their ordinals say.
ASTRAY = 64

_HAS_BELOW = "EXISTS (SELECT b.reseller_id FROM resellers b WHERE b.parent_id = ?)"
_OF_VALUE = "c.collection = ? AND c.value = ?"
_BLOCKS = f"""
    SELECT c.block, c.documents FROM document_counts c
    WHERE c.reseller_id = ? AND {_OF_VALUE} AND c.level = ? AND c.block BETWEEN ? AND ? ORDER BY c.block DESC
"""


class Asked(NamedTuple):
    """A page of a collection's list. column: what is read of each document."""

    collection: Collection[Any]
    column: str
    root_id: int
    conditions: Sequence[Condition]
    offset: int
    limit: int


async def list_page(database: Database, asked: Asked) -> Listing:
    """See `CollectionStore.page`."""
    asked = asked._replace(offset=min(asked.offset, LAST_POSITION))
    one, conditions = asked.conditions[0] if len(asked.conditions) == 1 else None, asked.conditions
    own = None
    if not conditions:
        own = await _whole(database, asked)
    elif one and one.column:
        own = await _counted(database, asked) if one.column == asked.collection.counted else await _few(database, asked)
    if own:
        return own
    if not conditions and asked.offset + asked.limit <= NEAR:
        newest = asked.offset + asked.limit + ASTRAY
        sql = _newest(asked.collection.name, asked.column)
        values: tuple[Any, ...] = (asked.collection.name, newest, asked.limit, asked.offset)
    else:
        sql = asked.collection.page(conditions, asked.column)
        values = (*(value for condition in conditions for value in condition.values), asked.limit, asked.offset)
    rows = await database.long_rows(asked.root_id, sql, asked.root_id, *values)
    return _listing(rows[0][0], [row[1] for row in rows])


async def _read(database: Database, asked: Asked, sql: str, *values: Any) -> Rows:
    """The rows of a page: of a short one here and now."""
    if asked.limit <= SHORT_PAGE:
        return await database.rows(sql, *values)
    return await database.long_rows(asked.root_id, sql, *values)


def _own(rows: Rows) -> Listing | None:
    """The page of a reseller's own list; None where there are resellers below, whose documents belong to it."""
    total, has_below, _ = rows[0]
    return None if has_below else _listing(total, [row[2] for row in rows])


async def _whole(database: Database, asked: Asked) -> Listing | None:
    """A page of all documents of a reseller."""
    root_id, name = asked.root_id, asked.collection.name
    values = (root_id, name, root_id, root_id, asked.offset, asked.limit, asked.offset)
    return _own(await _read(database, asked, _all_of(name, asked.column), *values))


async def _counted(database: Database, asked: Asked) -> Listing | None:
    """A page of the documents of a reseller that have one value of the column that is counted."""
    (condition,), root_id = asked.conditions, asked.root_id
    of = (root_id, asked.collection.name, condition.values[0])
    if not database.is_local:
        levels = (value for _ in range(HIGHEST) for value in (*of, asked.offset))
        values = (*of, asked.offset, *levels, root_id, root_id, of[2], asked.limit, asked.offset)
        return _own(
            await _read(
                database, asked, _found_by_counts(asked.collection.name, condition.column, asked.column), *values
            )
        )
    if await database.row(f"SELECT 1 WHERE {_HAS_BELOW}", root_id):
        return None
    rows = await database.rows(_BLOCKS, *of, HIGHEST, 0, LAST_POSITION)
    until = [*accumulate(row[1] for row in rows)]
    total, before, first = until[-1] if until else 0, 0, 0
    if asked.offset >= total:
        return _listing(total, [])
    for level in reversed(range(-1, HIGHEST)):
        place = bisect_right(until, asked.offset - before)
        before += until[place - 1] if place else 0
        first = rows[place][0] * WIDTH
        if level >= 0:
            rows = await database.rows(_BLOCKS, *of, level, first, first + WIDTH - 1)
            until = [*accumulate(row[1] for row in rows)]
    sql = _below(asked.collection.name, condition.column, asked.column)
    values = (root_id, of[2], first + WIDTH, asked.limit, asked.offset - before)
    return _listing(total, [row[0] for row in await _read(database, asked, sql, *values)])


async def _few(database: Database, asked: Asked) -> Listing | None:
    """A page of the documents of a reseller that an index finds."""
    (condition,), root_id, name = asked.conditions, asked.root_id, asked.collection.name
    of = (root_id, *condition.values)
    if database.is_local:
        if await database.row(f"SELECT 1 WHERE {_HAS_BELOW}", root_id):
            return None
        few = sorted((row[0] for row in await database.rows(_ordinals(name, condition.sql), *of)), reverse=True)
        if len(few) <= FEW:
            here = few[asked.offset : asked.offset + asked.limit]
            found = await database.rows(_at(name, asked.column, len(here)), root_id, *here)
            return _listing(len(few), [row[0] for row in found])
    else:
        values = (*of, root_id, asked.limit, asked.offset, root_id)
        rows = await _read(database, asked, _if_few(name, condition.sql, asked.column), *values)
        if rows[0][0] <= FEW or rows[0][1]:
            return _own(rows)
    values = (*of, root_id, *of, asked.limit, asked.offset)
    return _own(await database.long_rows(root_id, _many(name, condition.sql, asked.column), *values))


@lru_cache
def _all_of(table: str, column: str) -> str:
    """A reseller's list: the total, whether there are resellers below, and a document in each row; one at least."""
    return f"""
        SELECT c.last, c.has_below, r.{column} FROM (
            SELECT coalesce((SELECT n.last FROM counters n WHERE n.reseller_id = ? AND n.collection = ?), 0) AS last,
                {_HAS_BELOW} AS has_below
        ) c LEFT JOIN {table} r ON r.reseller_id = ?
            AND r.ordinal BETWEEN c.last - CAST(? AS bigint) - CAST(? AS bigint) + 1 AND c.last - CAST(? AS bigint)
        ORDER BY r.ordinal DESC
    """


@lru_cache
def _found_by_counts(table: str, counted: str, column: str) -> str:
    """The same of the documents with one value of the column that is counted."""
    counts = "SELECT c.block, c.documents, CAST(sum(c.documents) OVER (ORDER BY c.block DESC){} AS bigint) AS until"
    begin = (
        "SELECT block, until - documents AS before FROM {} WHERE until > CAST(? AS bigint) ORDER BY block DESC LIMIT 1"
    )
    levels = "".join(
        f""", begin_{level} AS MATERIALIZED (
            {
            begin.format(f'''(
                {counts.format(" + a.before")} FROM begin_{level + 1} a CROSS JOIN document_counts c
                WHERE c.reseller_id = ? AND {_OF_VALUE} AND c.level = {level}
                    AND c.block BETWEEN a.block * {WIDTH} AND a.block * {WIDTH} + {WIDTH - 1}
            ) n''')
        }
        )"""
        for level in reversed(range(HIGHEST))
    )
    return f"""
        WITH highest AS MATERIALIZED (
            {counts.format("")} FROM document_counts c WHERE c.reseller_id = ? AND {_OF_VALUE} AND c.level = {HIGHEST}
        ), begin_{HIGHEST} AS MATERIALIZED ({begin.format("highest")}){levels}
        SELECT t.total, {_HAS_BELOW}, p.{column}
        FROM (SELECT CAST(coalesce(sum(documents), 0) AS bigint) AS total, 1 AS one FROM highest) t LEFT JOIN (
            SELECT 1 AS one, r.ordinal, r.{column} FROM {table} r
            WHERE r.reseller_id = ? AND r.{counted} = ? AND r.ordinal < (SELECT (block + 1) * {WIDTH} FROM begin_0)
            ORDER BY r.ordinal DESC LIMIT ? OFFSET coalesce((SELECT CAST(? AS bigint) - before FROM begin_0), 0)
        ) p ON p.one = t.one ORDER BY p.ordinal DESC
    """


@lru_cache
def _below(table: str, counted: str, column: str) -> str:
    """Documents with a value of the column that is counted, newest first, from below an ordinal on."""
    return f"""
        SELECT r.{column} FROM {table} r WHERE r.reseller_id = ? AND r.{counted} = ? AND r.ordinal < ?
        ORDER BY r.ordinal DESC LIMIT ? OFFSET ?
    """


@lru_cache
def _ordinals(table: str, condition: str) -> str:
    """The ordinals of documents that fulfil a condition; of FEW and one more where there are more."""
    return f"SELECT r.ordinal FROM {table} r WHERE r.reseller_id = ? AND {condition} LIMIT {FEW + 1}"


@lru_cache
def _at(table: str, column: str, count: int) -> str:
    """So many documents of a reseller, by their ordinals, newest first."""
    ordinals = ", ".join("?" * count) or "NULL"
    at = f"r.reseller_id = ? AND r.ordinal IN ({ordinals})"
    return f"SELECT r.{column} FROM {table} r WHERE {at} ORDER BY r.ordinal DESC"


@lru_cache
def _if_few(table: str, condition: str, column: str) -> str:
    """As `_all_of` of the documents that fulfil a condition, if they are not more than FEW; else the total is more."""
    return f"""
        WITH few AS MATERIALIZED (
            SELECT r.ordinal FROM {table} r WHERE r.reseller_id = ? AND {condition} LIMIT {FEW + 1}
        )
        SELECT t.total, t.has_below, p.{column}
        FROM (SELECT (SELECT count(*) FROM few) AS total, {_HAS_BELOW} AS has_below, 1 AS one) t LEFT JOIN (
            SELECT 1 AS one, r.ordinal, r.{column}
            FROM (SELECT ordinal FROM few ORDER BY ordinal DESC LIMIT ? OFFSET ?) f
            JOIN {table} r ON r.reseller_id = ? AND r.ordinal = f.ordinal
        ) p ON p.one = t.one ORDER BY p.ordinal DESC
    """


@lru_cache
def _many(table: str, condition: str, column: str) -> str:
    """The same, however many there are."""
    return f"""
        SELECT t.total, t.has_below, p.{column}
        FROM (
            SELECT (SELECT count(*) FROM {table} r WHERE r.reseller_id = ? AND {condition}) AS total,
                {_HAS_BELOW} AS has_below, 1 AS one
        ) t LEFT JOIN (
            SELECT 1 AS one, r.ordinal, r.{column} FROM {table} r WHERE r.reseller_id = ? AND {condition}
            ORDER BY r.ordinal DESC LIMIT ? OFFSET ?
        ) p ON p.one = t.one ORDER BY p.ordinal DESC
    """


@lru_cache
def _newest(table: str, column: str) -> str:
    """The total of several resellers' lists, and a document in each row, from among the newest of each."""
    return f"""
        {BELOW}, lists AS MATERIALIZED (
            SELECT c.reseller_id, c.last FROM below CROSS JOIN counters c
            WHERE c.reseller_id = below.id AND c.collection = ?
        ), found AS MATERIALIZED (
            SELECT r.reseller_id, r.ordinal, r.created_at, r.id FROM lists l
            CROSS JOIN {table} r WHERE r.reseller_id = l.reseller_id AND r.ordinal > l.last - CAST(? AS bigint)
        )
        SELECT (SELECT CAST(coalesce(sum(last), 0) AS bigint) FROM lists), p.{column}
        FROM (SELECT 1 AS one) o LEFT JOIN (
            SELECT 1 AS one, f.created_at, f.id, r.{column}
            FROM (SELECT * FROM found ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?) f
            JOIN {table} r ON r.reseller_id = f.reseller_id AND r.ordinal = f.ordinal
        ) p ON p.one = o.one ORDER BY p.created_at DESC, p.id DESC
    """


def _listing(total: int, documents: Sequence[bytes | None]) -> Listing:
    """A page, whose only document is missing where it is empty."""
    return Listing(b"[" + b",".join(document for document in documents if document is not None) + b"]", total)
