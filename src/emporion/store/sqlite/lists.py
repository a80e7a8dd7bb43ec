"""Lists: pages of customers and resellers, and searches among them."""

from __future__ import annotations

import heapq
import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from emporion.store import statements
from emporion.store.customers import LARGEST_PAGE_BYTES, SHORT_PAGE, SMALL_PAGE
from emporion.store.faults import too_large
from emporion.store.records import Filter, Listing
from emporion.store.sqlite.rowids import ordinal_of, place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emporion.store.sqlite.connections import Connections

# A trigram index finds nothing shorter.
SHORTEST_INDEXED = 3
# So few customers of a status are looked at one by one, whatever else is asked of them.
FEW = 1000

# One reseller's page, at any offset a walk over consecutive rows, and what else is asked for with it. It comes as
# one row, since each row that SQLite hands out costs a change of threads. SQLite keeps the order of a subquery within
# an aggregate. NOT INDEXED keeps the planner from an index on reseller_id; the range of row ids it uses all the same.
_ITEMS = "CAST('[' || group_concat(CAST(item AS TEXT)) || ']' AS BLOB)"
_PAGE = """
    SELECT
        r.customers,
        (
            SELECT {aggregate} FROM (
                SELECT {column} AS item FROM customers NOT INDEXED
                WHERE reseller_id = r.reseller_id AND place
                    BETWEEN (r.reseller_id << 32) + max(r.customers - ? - ? + 1, 1)
                    AND (r.reseller_id << 32) + max(r.customers - ?, 0)
                ORDER BY place DESC
            )
        ),
        EXISTS (SELECT 1 FROM resellers c WHERE c.parent_id = r.reseller_id)
    FROM resellers r WHERE r.reseller_id = ?
"""
# Where the last customer of a reseller stands that has at most an id.
_LAST_UP_TO = """
    coalesce((SELECT c.place FROM customers c WHERE c.reseller_id = ? AND c.id <= ? ORDER BY c.id DESC LIMIT 1), 0)
"""


async def customers(
    connections: Connections, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool
) -> Listing:
    """See `emporion.store.customers.CustomerStore.page`."""
    column = "document" if whole else "summary"
    listing = _equal(connections, column, root_id, wanted, offset, limit)
    if listing is not None:
        return listing
    if wanted != Filter():
        return await connections.in_thread(root_id, lambda c: _by_filter(c, column, root_id, wanted, offset, limit))
    values = (offset, limit, offset, root_id)
    if whole and limit > SMALL_PAGE:
        measure = _PAGE.format(column=column, aggregate="sum(length(item))")
        row = await connections.in_thread(root_id, lambda c: c.execute(measure, values).fetchone())
        if row and (row[1] or 0) > LARGEST_PAGE_BYTES:
            raise too_large()
    sql = _PAGE.format(column=column, aggregate=_ITEMS)
    if limit <= SHORT_PAGE:
        row = connections.row(sql, *values)
    else:
        row = await connections.in_thread(root_id, lambda c: c.execute(sql, values).fetchone())
    total, data, has_resellers = row or (0, None, False)
    if has_resellers:
        return await connections.in_thread(root_id, lambda c: _across_resellers(c, column, root_id, offset, limit))
    return Listing(data or b"[]", total)


def _equal(
    connections: Connections, column: str, root_id: int, wanted: Filter, offset: int, limit: int
) -> Listing | None:
    """Customers by one external id or address, read here and now; None for other filters and where they may be many."""
    if wanted.external_id is not None and wanted == Filter(external_id=wanted.external_id):
        sql, value = _by_external_id(column), wanted.external_id
    elif wanted.email is not None and wanted == Filter(email=wanted.email):
        sql, value = _by_email(column), wanted.email
    else:
        return None
    if connections.row(statements.MANY_BELOW, root_id):
        return None
    found = connections.rows(sql, root_id, value)
    if len(found) > SHORT_PAGE:
        return None
    found.sort(reverse=True)
    return Listing(_array((item,) for _, item in found[offset : offset + limit]), len(found))


@lru_cache
def _by_external_id(column: str) -> str:
    """The ids and a column of those with an external id, one of each reseller at most."""
    return f"""
        {statements.BELOW}
        SELECT c.id, c.{column} FROM below CROSS JOIN customers c WHERE c.reseller_id = below.id AND c.external_id = ?
    """  # noqa: S608


@lru_cache
def _by_email(column: str) -> str:
    """The ids and a column of those with an address, until they are too many for a short page."""
    return f"""
        {statements.BELOW}
        SELECT c.id, c.{column} FROM (
            SELECT e.place FROM below CROSS JOIN customer_emails e WHERE e.reseller_id = below.id AND e.email = ?
            LIMIT {SHORT_PAGE + 1}
        ) e CROSS JOIN customers c WHERE c.place = e.place
    """  # noqa: S608


def _by_filter(
    connection: sqlite3.Connection, column: str, root_id: int, wanted: Filter, offset: int, limit: int
) -> Listing:
    """Any filters over any resellers."""
    if wanted.status is not None and wanted == Filter(status=wanted.status):
        return _by_status(connection, column, root_id, wanted.status, offset, limit)
    has_resellers = connection.execute("SELECT 1 FROM resellers WHERE parent_id = ?", (root_id,)).fetchone()
    if wanted.name is not None and wanted == Filter(name=wanted.name, status=wanted.status) and not has_resellers:
        return _by_name(connection, column, root_id, wanted.name, wanted.status, offset, limit)
    conditions = ["c.reseller_id IN below"]
    values: list[Any] = [root_id]
    if wanted.external_id is not None:
        conditions.append("c.external_id = ?")
        values.append(wanted.external_id)
    if wanted.email is not None:
        conditions.append("c.place IN (SELECT place FROM customer_emails WHERE reseller_id IN below AND email = ?)")
        values.append(wanted.email)
    if wanted.name is not None and len(wanted.name) >= SHORTEST_INDEXED and len(conditions) == 1:
        # Range by range: neither cost nor time may tell of customers of other resellers.
        conditions.append(
            "c.place IN (SELECT f.rowid FROM below CROSS JOIN customer_names f WHERE f.customer_names MATCH ?"
            " AND f.rowid BETWEEN below.id << 32 AND ((below.id + 1) << 32) - 1)"
        )
        values.append(_phrase(wanted.name))
    elif wanted.name is not None:
        conditions.append("instr(c.name_folded, ?)")
        values.append(wanted.name)
    if wanted.status is not None:
        # The plus keeps the planner from an index that finds many more than the others.
        conditions.append("+c.status = ?")
        values.append(wanted.status)
    where = f"FROM customers c WHERE {' AND '.join(conditions)}"
    (total,) = connection.execute(f"{statements.BELOW} SELECT count(*) {where}", values).fetchone()
    if offset >= total:
        return Listing(b"[]", total)
    found = connection.execute(
        f"{statements.BELOW} SELECT {column} {where} ORDER BY c.id DESC LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return Listing(_array(found), total)


def _by_name(
    connection: sqlite3.Connection,
    column: str,
    reseller_id: int,
    name: str,
    status: str | None,
    offset: int,
    limit: int,
) -> Listing:
    """One reseller's customers by name, and by status: the index of names keeps them by place, newest last."""
    if status is not None and _counted(connection, reseller_id, status).get(reseller_id, 0) <= FEW:
        matching = (
            "SELECT place FROM customers INDEXED BY customers_by_status WHERE reseller_id = ? AND status = ?"
            " AND instr(name_folded, ?)"
        )
        values: list[object] = [reseller_id, status, name]
    elif len(name) >= SHORTEST_INDEXED:
        matching = "SELECT rowid AS place FROM customer_names f WHERE customer_names MATCH ? AND rowid BETWEEN ? AND ?"
        values = [_phrase(name), place(reseller_id, 1), place(reseller_id + 1, 0) - 1]
        if status is not None:
            matching += (
                " AND EXISTS (SELECT 1 FROM customers c INDEXED BY customers_by_status"
                " WHERE c.reseller_id = ? AND c.status = ? AND c.place = f.rowid)"
            )
            values += [reseller_id, status]
    else:
        # Each row is looked at: an index for this alone would cost every new customer a fifth of its insert.
        matching = (
            "SELECT place FROM customers NOT INDEXED WHERE reseller_id = ? AND instr(name_folded, ?)"
            " AND place BETWEEN ? AND ?"
        )
        values = [reseller_id, name, place(reseller_id, 1), place(reseller_id + 1, 0) - 1]
        if status is not None:
            matching += " AND status = ?"
            values.append(status)
    (total,) = connection.execute(f"SELECT count(*) FROM ({matching})", values).fetchone()  # noqa: S608
    if offset >= total:
        return Listing(b"[]", total)
    found = connection.execute(
        f"""
        SELECT {column} FROM customers NOT INDEXED WHERE reseller_id = ? AND place IN (
            {matching} ORDER BY place DESC LIMIT ? OFFSET ?
        ) ORDER BY place DESC
        """,  # noqa: S608
        [reseller_id, *values, limit, offset],
    )
    return Listing(_array(found), total)


def _by_status(
    connection: sqlite3.Connection, column: str, root_id: int, status: str, offset: int, limit: int
) -> Listing:
    """The customers of any resellers by status alone: those of each reseller stand together, newest last."""
    counts = _counted(connection, root_id, status)
    total = sum(counts.values())
    if offset >= total:
        return Listing(b"[]", total)
    (first,) = connection.execute("SELECT max(id) FROM accounts").fetchone()
    skipped = offset
    if offset * len(counts) > FEW:
        first, skipped = _id_at(connection, list(counts), status, offset, first), 0
    newest = (
        row
        for reseller_id in counts
        for row in connection.execute(
            f"""
            SELECT id, reseller_id, place FROM customers INDEXED BY customers_by_status
            WHERE reseller_id = ? AND status = ? AND place <= {_LAST_UP_TO}
            ORDER BY place DESC LIMIT ?
            """,  # noqa: S608
            (reseller_id, status, reseller_id, first, skipped + limit),
        )
    )
    items = (
        connection.execute(
            f"SELECT {column} FROM customers NOT INDEXED WHERE reseller_id = ? AND place = ?",  # noqa: S608
            row[1:],
        ).fetchone()
        for row in heapq.nlargest(skipped + limit, newest)[skipped:]
    )
    return Listing(_array(items), total)


def _counted(connection: sqlite3.Connection, root_id: int, status: str) -> dict[int, int]:
    """How many customers of a status each reseller has, of those that have any."""
    return dict(
        connection.execute(
            f"""
            {statements.BELOW} SELECT reseller_id, customers FROM below CROSS JOIN customer_counts
            WHERE reseller_id = below.id AND day = 0 AND status = ? AND customers > 0
            """,  # noqa: S608
            (root_id, status),
        ).fetchall()
    )


def _id_at(connection: sqlite3.Connection, resellers: list[int], status: str, offset: int, last: int) -> int:
    """The id of the customer of a status that has `offset` others above its own. last: no customer has a higher id.

    Found by bisection, in steps that grow until they are beyond it: so what is counted is some times `offset` at most.
    """
    low, high, above, width = 0, last, 0, offset
    while low < high:
        middle, width = max((low + high) // 2, high - width), width * 2
        between = sum(_between(connection, reseller_id, status, middle, high) for reseller_id in resellers)
        if above + between > offset:
            low = middle + 1
        else:
            high = middle
            above += between
    return low


def _between(connection: sqlite3.Connection, reseller_id: int, status: str, low: int, high: int) -> int:
    """How many of the reseller's customers of a status have ids above `low` and up to `high`."""
    (found,) = connection.execute(
        f"""
        SELECT count(*) FROM customers INDEXED BY customers_by_status
        WHERE reseller_id = ? AND status = ?
            AND place > {_LAST_UP_TO} AND place <= {_LAST_UP_TO}
        """,  # noqa: S608
        (reseller_id, status, reseller_id, low, reseller_id, high),
    ).fetchone()
    return int(found)


def _phrase(text: str) -> str:
    """An FTS5 string, in which no character means anything but itself."""
    return '"' + text.replace('"', '""') + '"'


def _across_resellers(connection: sqlite3.Connection, column: str, root_id: int, offset: int, limit: int) -> Listing:
    """A page over several resellers, whose cost grows with their number and not with the offset.

    Ids and ordinals have the same order within a reseller, so the number of customers above an id is a matter of
    one look-up for each reseller, and the id where the page begins is found by bisection.
    """
    counts: dict[int, int] = dict(
        connection.execute(
            f"{statements.BELOW} SELECT reseller_id, customers FROM resellers WHERE reseller_id IN below AND customers",  # noqa: S608
            (root_id,),
        ).fetchall()
    )
    total = sum(counts.values())
    if offset >= total:
        return Listing(b"[]", total)

    def above(customer_id: int) -> int:
        return sum(count - _rank(connection, reseller_id, customer_id) for reseller_id, count in counts.items())

    low, (high,) = 0, connection.execute("SELECT max(id) FROM accounts").fetchone()
    while low < high:
        middle = (low + high) // 2
        if above(middle) > offset:
            low = middle + 1
        else:
            high = middle
    newest = [
        row
        for reseller_id in counts
        for row in connection.execute(
            "SELECT id, reseller_id FROM customers WHERE reseller_id = ? AND id <= ? ORDER BY id DESC LIMIT ?",
            (reseller_id, low, limit),
        )
    ]
    items = (
        connection.execute(
            f"SELECT {column} FROM customers WHERE reseller_id = ? AND id = ?",  # noqa: S608
            (reseller_id, customer_id),
        ).fetchone()
        for customer_id, reseller_id in heapq.nlargest(limit, newest)
    )
    return Listing(_array(items), total)


def _rank(connection: sqlite3.Connection, reseller_id: int, customer_id: int) -> int:
    """How many of the reseller's customers have this id or a lower one."""
    row = connection.execute(
        "SELECT place FROM customers WHERE reseller_id = ? AND id <= ? ORDER BY id DESC LIMIT 1",
        (reseller_id, customer_id),
    ).fetchone()
    return ordinal_of(row[0]) if row else 0


async def resellers(connections: Connections, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
    """See `emporion.store.resellers.ResellerStore.page`."""
    conditions = ["a.reseller_id IN below"]
    values: list[Any] = [root_id]
    if wanted.name is not None:
        conditions.append("instr(a.name_folded, ?)")
        values.append(wanted.name)
    if wanted.email is not None:
        conditions.append("instr(a.emails, ?)")
        values.append(f"\n{wanted.email}\n")
    if wanted.external_id is not None:
        conditions.append("a.external_id = ?")
        values.append(wanted.external_id)
    where = f"FROM reseller_accounts a WHERE {' AND '.join(conditions)}"
    page = f"{statements.BELOW} SELECT a.document {where} ORDER BY a.reseller_id DESC LIMIT ? OFFSET ?"
    if not connections.row(statements.MANY_BELOW, root_id):
        found = connections.rows(page, *values, statements.FEW_RESELLERS, 0)
        return Listing(_array(found[offset : offset + limit]), len(found))

    def read(connection: sqlite3.Connection) -> Listing:
        (total,) = connection.execute(f"{statements.BELOW} SELECT count(*) {where}", values).fetchone()
        return Listing(_array(connection.execute(page, [*values, limit, offset])), total)

    return await connections.in_thread(root_id, read)


def _array(items: Iterable[tuple[bytes]]) -> bytes:
    """A JSON array of documents. Raises Problem (INVALID) if it is too large for a page."""
    taken, size = [], 0
    for (item,) in items:
        size += len(item)
        if size > LARGEST_PAGE_BYTES:
            raise too_large()
        taken.append(item)
    return b"[" + b",".join(taken) + b"]"
