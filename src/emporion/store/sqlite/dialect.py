"""How SQLite says what both databases are asked, and how it drives a write."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

    from emporion.store.database import Write

T = TypeVar("T")

# See `emporion.store.statements`. One transaction writes at a time, so nothing has to be locked.
_MARKS = {
    "login_is": "l.login = ?",
    "email_is_of_customer": "c.place = e.place",
    "next_account_id": "?",
    "new_id": "(SELECT max(id) FROM accounts) + i",
    "add_login": """
        INSERT INTO logins (login, reseller_id, customer_id, position, password_hash) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (login) DO NOTHING RETURNING 1
    """,
    "for_update": "",
    "skip_locked": "",
    "lock_tree": "SELECT 1",
    "lock_feed": "SELECT 1",
    "try_lock_catalogue": "SELECT 1",
    "numbers_by_name": """
        SELECT rowid FROM listing_names WHERE listing_names MATCH '"' || replace(?, '"', '""') || '"'
    """,
}


@lru_cache(1024)
def translated(sql: str) -> str:
    """A statement as SQLite reads it."""
    return sql.format(**_MARKS)


def run(connection: sqlite3.Connection, write: Write[T]) -> T:
    """What the write gives. Raises what it raises, and sqlite3.Error. The caller has begun a transaction."""
    try:
        sql, values, many = next(write)
        while True:
            if many:
                connection.executemany(translated(sql), values)
                rows = []
            else:
                rows = connection.execute(translated(sql), values).fetchall()
            sql, values, many = write.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
