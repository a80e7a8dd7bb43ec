"""How PostgreSQL says what both databases are asked, and how it drives a write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

import asyncpg

from emporion.store import statements
from emporion.store.database import Write
from emporion.store.postgres.connections import Connection
from emporion.store.postgres.locks import CATALOGUING, FEEDING, GROWING

T = TypeVar("T")

# Beyond every list, and small enough to be added to.
FARTHEST = 2**62

# The resellers that a list is about, by way of an array: of those the planner expects few, and looks each up by itself.
IDS_BELOW = """
    unnest(ARRAY (
        SELECT b.reseller_id FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
        WHERE t.reseller_id = {}
    ))
"""
BELOW = f"WITH RECURSIVE below (id) AS MATERIALIZED (SELECT {IDS_BELOW.format('$1')})"


def few_below(root_id: str) -> str:
    """The same for one of many questions: whether they are too many to be looked at one by one, and else their ids."""
    return f"""
        SELECT cardinality(l.ids) > {statements.FEW_RESELLERS} AS many, l.ids FROM (
            SELECT ARRAY (
                SELECT b.reseller_id
                FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
                WHERE t.reseller_id = {root_id} LIMIT {statements.FEW_RESELLERS + 1}
            ) AS ids OFFSET 0
        ) l
    """  # noqa: S608


# A statement begins with it, so its value is the first.
_BELOW = statements.BELOW.replace("?", "$1")


# See `emporion.store.statements`.
_MARKS = {
    "login_is": 'l.folded = lower(? COLLATE "C")',
    "email_is_of_customer": "c.reseller_id = e.reseller_id AND c.ordinal = e.ordinal",
    "next_account_id": "coalesce(?, nextval('account_ids'))",
    "new_id": "nextval('account_ids')",
    "add_login": """
        INSERT INTO logins (folded, login, reseller_id, customer_id, position, password_hash)
        VALUES (lower($1 COLLATE "C"), $1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1
    """,
    "for_update": "FOR NO KEY UPDATE",
    "skip_locked": "FOR UPDATE SKIP LOCKED",
    "lock_tree": f"SELECT pg_advisory_xact_lock({GROWING})",
    "lock_feed": f"SELECT pg_advisory_xact_lock({FEEDING})",
    "try_lock_catalogue": f"SELECT pg_try_advisory_xact_lock({CATALOGUING})",
    "numbers_by_name": """
        SELECT number FROM listings WHERE name_parts(name_folded) @> name_parts($1) AND strpos(name_folded, $1) > 0
    """,
}


@lru_cache(1024)
def translated(sql: str) -> str:
    """A statement as PostgreSQL reads it: its placeholders have numbers."""
    numbers = count(1)
    marked = sql.format(**_MARKS)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", marked).replace(_BELOW, BELOW)


async def run(connection: asyncpg.Connection[Any] | Connection, write: Write[T]) -> T:
    """What the write gives. Raises what it raises, and what the driver does. The caller has begun a transaction."""
    try:
        sql, values, many = next(write)
        while True:
            rows: Sequence[Any] = ()
            if many:
                await connection.executemany(translated(sql), [_writable(row) for row in values])
            else:
                rows = await connection.fetch(translated(sql), *_writable(values))
            sql, values, many = write.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


def _writable(values: Sequence[Any]) -> list[Any]:
    """Values without the letter that PostgreSQL does not take, which a client may send in a header."""
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]
