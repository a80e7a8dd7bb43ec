"""The newest customers by a part of their names, without how many there are."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from emporion.store import statements
from emporion.store.sqlite.rowids import place

if TYPE_CHECKING:
    import sqlite3

    from emporion.store.sqlite.connections import Connections

# Whether a reseller is above all others, then which below it have customers.
_SELLING = f"""
    {statements.BELOW} SELECT (SELECT count(*) FROM below) = (SELECT count(*) FROM resellers)
    UNION ALL SELECT reseller_id FROM below CROSS JOIN resellers WHERE reseller_id = below.id AND customers > 0
"""  # noqa: S608
_NEWEST = """
    SELECT c.id, c.summary FROM (
        SELECT rowid AS place FROM customer_names f WHERE customer_names MATCH ? AND rowid BETWEEN ? AND ?
        ORDER BY rowid DESC LIMIT ?
    ) f CROSS JOIN customers c WHERE c.place = f.place
"""


async def named(connections: Connections, root_id: int, name: str, limit: int) -> bytes:
    """See `emporion.store.customers.CustomerStore.named`: the index of names is read from its end."""
    phrase = '"' + name.replace('"', '""') + '"'

    def read(connection: sqlite3.Connection) -> bytes:
        is_above_all, *resellers = (row[0] for row in connection.execute(_SELLING, (root_id,)).fetchall())
        ranges = [(place(id_, 1), place(id_ + 1, 0) - 1) for id_ in resellers]
        if is_above_all and len(ranges) > statements.FEW_RESELLERS:
            # Each range costs a look at the index, and in between every customer is of that account.
            ranges = [(0, 2**63 - 1)]
        newest = (row for ends in ranges for row in connection.execute(_NEWEST, (phrase, *ends, limit)))
        return b"[" + b",".join(summary for _, summary in heapq.nlargest(limit, newest)) + b"]"

    return await connections.in_thread(root_id, read)
