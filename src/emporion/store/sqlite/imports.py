"""Imports: files of customers, how far each has come, and their faulty rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from emporion.store import rows
from emporion.store.base import LONGEST_ARRIVAL, OVER, Record, Walked
from emporion.store.holds import too_late
from emporion.store.sqlite.places import ordinal_of, place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.store.base import FaultyRow, Import
    from emporion.store.sqlite.connections import Connections

_WAITING = f"""
    SELECT count(*) FROM imports WHERE reseller_id = ? AND stored AND state NOT IN ({", ".join("?" * len(OVER))})
        AND (state <> 'arriving' OR created_at >= ?)
"""  # noqa: S608 - question marks only
_HOLDERS = """
    SELECT external_id, id, version, document FROM customers
    WHERE reseller_id = ? AND external_id IN (SELECT value FROM json_each(?))
"""


def walk(connection: sqlite3.Connection, reseller_id: int, after: int, limit: int) -> list[Walked]:
    """See `emporion.store.base.Store.walk`."""
    found = connection.execute(
        """
        SELECT place, document FROM customers NOT INDEXED
        WHERE reseller_id = ? AND place > ? AND place < ? ORDER BY place LIMIT ?
        """,
        (reseller_id, place(reseller_id, after), place(reseller_id + 1, 0), limit),
    )
    return [Walked(ordinal_of(at), document) for at, document in found]


def holders(connections: Connections, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
    """See `emporion.store.base.Store.holders`."""
    found = connections.rows(_HOLDERS, reseller_id, msgspec.json.encode(external_ids).decode())
    return {external_id: Record(reseller_id, *rest) for external_id, *rest in found}


def add_import(connection: sqlite3.Connection, new: Import, until: int, most: int | None) -> bool:
    """See `emporion.store.base.Store.add_import`."""
    if most is not None:
        (waiting,) = connection.execute(_WAITING, (new.reseller_id, *OVER, new.created_at - LONGEST_ARRIVAL)).fetchone()
        if waiting >= most:
            return False
    connection.execute(
        """
        INSERT INTO imports (id, reseller_id, state, stored, holder, held_until, created_at, document)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (new.id, new.reseller_id, new.state, new.stored, new.holder, until, new.created_at, rows.encode(new)),
    )
    return True


def add_part(connection: sqlite3.Connection, to: Import, number: int, content: bytes) -> bool:
    """See `emporion.store.base.Store.add_part`."""
    return bool(
        connection.execute(
            """
            INSERT INTO import_parts (reseller_id, import_id, number, content)
            SELECT reseller_id, id, ?, ? FROM imports WHERE id = ? AND reseller_id = ? AND state = 'arriving'
            """,
            (number, content, to.id, to.reseller_id),
        ).rowcount
    )


def hold_import(connection: sqlite3.Connection, import_id: str, holder: str, now: int, until: int) -> bool:
    """See `emporion.store.base.Store.hold_import`."""
    return bool(
        connection.execute(
            """
            UPDATE imports SET holder = ?, held_until = ?
            WHERE id = ? AND state IN ('checking', 'running')
                AND (held_until < ? OR held_until > ? OR holder = ?)
            """,
            (holder, until, import_id, now, too_late(now), holder),
        ).rowcount
    )


def change_import(
    connection: sqlite3.Connection,
    changed: Import,
    before: Import,
    faulty: Sequence[FaultyRow],
    *,
    anew: bool,
    until: int | None,
) -> bool:
    """See `emporion.store.base.Store.change_import`."""
    reseller_id, import_id = changed.reseller_id, changed.id
    if not connection.execute(
        """
        UPDATE imports SET state = ?, holder = ?, held_until = coalesce(?, held_until), document = ?
        WHERE id = ? AND state = ? AND holder = ?
        """,
        (changed.state, changed.holder, until, rows.encode(changed), import_id, before.state, before.holder),
    ).rowcount:
        return False
    if anew:
        connection.execute(
            "DELETE FROM import_faults WHERE reseller_id = ? AND import_id = ?", (reseller_id, import_id)
        )
    connection.executemany(
        """
        INSERT OR REPLACE INTO import_faults (reseller_id, import_id, number, line, faults, kept)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        [(reseller_id, import_id, row.number, row.line, rows.encode(row.faults).decode(), row.kept) for row in faulty],
    )
    if changed.state in OVER:
        connection.execute("DELETE FROM import_parts WHERE reseller_id = ? AND import_id = ?", (reseller_id, import_id))
    return True


def forget_imports(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_imports`."""
    gone = connection.execute(
        "SELECT reseller_id, id FROM imports WHERE created_at < ? ORDER BY created_at LIMIT ?", (before, limit)
    ).fetchall()
    for table in ("import_parts", "import_faults"):
        connection.executemany(f"DELETE FROM {table} WHERE reseller_id = ? AND import_id = ?", gone)  # noqa: S608
    connection.executemany("DELETE FROM imports WHERE reseller_id = ? AND id = ?", gone)
    return len(gone)
