"""Sessions of people, and what their passwords are set with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from emporion.store import rows, statements
from emporion.store.sqlite.events import append, noted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.events import NewEvent
    from emporion.store.base import Administrator, Link, Session

LOGIN_IS = "l.login = ?"

_ADMINISTRATORS = f"""
    SELECT l.login, l.reseller_id, l.customer_id, l.position, l.password_hash, c.document
    FROM customer_emails e CROSS JOIN customers c CROSS JOIN logins l
    WHERE e.email = ? AND {statements.FEW_SHARE}
        AND c.place = e.place AND l.reseller_id = c.reseller_id AND l.customer_id = c.id
    ORDER BY l.customer_id, l.position
"""  # noqa: S608 - put together from what stands here


def add_session(connection: sqlite3.Connection, session: Session) -> None:
    """See `emporion.store.base.Store.add_session`."""
    connection.execute(statements.ADD_SESSION, structs.astuple(session))


def use_session(connection: sqlite3.Connection, digest: bytes, at: int) -> None:
    """See `emporion.store.base.Store.use_session`."""
    connection.execute(statements.USE_SESSION, (at, digest, at))


def end_sessions(connection: sqlite3.Connection, login: str, digests: Sequence[bytes], at: int) -> int:
    """See `emporion.store.base.Store.end_sessions`."""
    return connection.executemany(
        "UPDATE sessions SET ended_at = ? WHERE digest = ? AND login = ? AND ended_at IS NULL AND ends_at > ?",
        [(at, digest, login, at) for digest in digests],
    ).rowcount


def end_other_sessions(connection: sqlite3.Connection, login: str, digest: bytes, at: int) -> int:
    """See `emporion.store.base.Store.end_other_sessions`."""
    return connection.execute(
        "UPDATE sessions SET ended_at = ? WHERE digest <> ? AND login = ? AND ended_at IS NULL AND ends_at > ?",
        (at, digest, login, at),
    ).rowcount


def forget_sessions(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_sessions`."""
    return connection.execute(
        "DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE ends_at < ? ORDER BY ends_at LIMIT ?)",
        (before, limit),
    ).rowcount


def administrators(connection: sqlite3.Connection, email: str, limit: int) -> list[Administrator]:
    """See `emporion.store.base.Store.administrators`."""
    return rows.administrators(email, limit, connection.execute(_ADMINISTRATORS, (email, email)))


def set_password(connection: sqlite3.Connection, before: Administrator, password_hash: str, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.set_password`."""
    changed = connection.execute(
        """
        UPDATE logins SET password_hash = ?
        WHERE login = ? AND reseller_id = ? AND customer_id = ? AND position = ? AND password_hash IS ?
        """,
        (password_hash, *structs.astuple(before)),
    ).rowcount
    return noted(connection, event, changed)


def add_link(connection: sqlite3.Connection, link: Link, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_link`."""
    append(connection, event)
    connection.execute(statements.DROP_LINKS.format(login_is=LOGIN_IS), (link.login,))
    connection.execute(statements.ADD_LINK, structs.astuple(link))


def use_link(connection: sqlite3.Connection, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.use_link`."""
    used = connection.execute(
        """
        UPDATE links SET used_at = ? WHERE digest = ? AND used_at IS NULL AND ends_at > ? AND EXISTS (
            SELECT 1 FROM logins l
            WHERE l.login = links.login AND l.reseller_id = links.reseller_id AND l.customer_id = links.customer_id
        )
        RETURNING login, reseller_id
        """,
        (at, link.digest, at),
    ).fetchall()
    changed = connection.executemany(
        "UPDATE logins SET password_hash = ? WHERE login = ? AND reseller_id = ?",
        [(password_hash, *row) for row in used],
    ).rowcount
    return noted(connection, event, changed)


def forget_links(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_links`."""
    return connection.execute(
        "DELETE FROM links WHERE digest IN (SELECT digest FROM links WHERE ends_at < ? ORDER BY ends_at LIMIT ?)",
        (before, limit),
    ).rowcount
