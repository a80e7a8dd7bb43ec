"""Sessions of people, and what their passwords are set with."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from emporion.events import NewEvent
from emporion.store import rows, statements
from emporion.store.base import Administrator, Link, Session
from emporion.store.postgres.connections import Connections
from emporion.store.postgres.dialect import numbered
from emporion.store.postgres.events import append, noted

LOGIN_IS = 'l.folded = lower(? COLLATE "C")'

# Rows are locked in one order, however many nodes end the same at a time.
_END_SESSIONS = """
    WITH held AS MATERIALIZED (
        SELECT digest FROM sessions
        WHERE {which} AND folded = lower($1 COLLATE "C") AND ended_at IS NULL AND ends_at > $3
        ORDER BY digest FOR NO KEY UPDATE
    ), ended AS (
        UPDATE sessions s SET ended_at = $3 FROM held h WHERE s.digest = h.digest RETURNING 1
    )
    SELECT count(*) FROM ended
"""
_END_THESE = _END_SESSIONS.format(which="digest = ANY ($2::bytea[])")
_END_OTHERS = _END_SESSIONS.format(which="digest <> $2")
_FORGET_SESSIONS = """
    WITH old AS MATERIALIZED (
        SELECT digest FROM sessions WHERE ends_at < $1 ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM sessions s USING old WHERE s.digest = old.digest RETURNING 1
    )
    SELECT count(*) FROM gone
"""
_FORGET_LINKS = """
    WITH old AS MATERIALIZED (
        SELECT digest FROM links WHERE ends_at < $1 ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM links k USING old WHERE k.digest = old.digest RETURNING 1
    )
    SELECT count(*) FROM gone
"""
_ADMINISTRATORS = f"""
    SELECT l.login, l.reseller_id, l.customer_id, l.position, l.password_hash, c.document
    FROM customer_emails e
    JOIN customers c ON c.reseller_id = e.reseller_id AND c.ordinal = e.ordinal
    JOIN logins l ON l.reseller_id = c.reseller_id AND l.customer_id = c.id
    WHERE e.email = $1 AND {numbered(statements.FEW_SHARE)} ORDER BY l.customer_id, l.position
"""  # noqa: S608 - put together from what stands here
_CHANGE_LOGIN = """
    UPDATE logins SET password_hash = $1
    WHERE folded = lower($2 COLLATE "C") AND reseller_id = $3 AND customer_id = $4 AND position = $5
        AND password_hash IS NOT DISTINCT FROM $6
    RETURNING 1
"""
_USE_LINK = """
    WITH used AS (
        UPDATE links k SET used_at = $2 FROM logins l
        WHERE k.digest = $1 AND k.used_at IS NULL AND k.ends_at > $2
            AND l.folded = k.folded AND l.reseller_id = k.reseller_id AND l.customer_id = k.customer_id
        RETURNING k.folded, k.reseller_id
    )
    UPDATE logins l SET password_hash = $3 FROM used u WHERE l.folded = u.folded AND l.reseller_id = u.reseller_id
    RETURNING 1
"""


async def add_session(connections: Connections, session: Session) -> None:
    """See `emporion.store.base.Store.add_session`."""
    # PostgreSQL does not take this letter, and a browser may name itself as it likes.
    kept = structs.replace(session, agent=session.agent.replace("\0", "\ufffd"))
    await connections.call(numbered(statements.ADD_SESSION), *structs.astuple(kept))


async def use_session(connections: Connections, digest: bytes, at: int) -> None:
    """See `emporion.store.base.Store.use_session`."""
    await connections.call(numbered(statements.USE_SESSION), at, digest, at)


async def end_sessions(connections: Connections, login: str, digests: Sequence[bytes], at: int) -> int:
    """See `emporion.store.base.Store.end_sessions`."""
    return await connections.count(_END_THESE, login, list(digests), at)


async def end_other_sessions(connections: Connections, login: str, digest: bytes, at: int) -> int:
    """See `emporion.store.base.Store.end_other_sessions`."""
    return await connections.count(_END_OTHERS, login, digest, at)


async def forget_sessions(connections: Connections, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_sessions`."""
    return await connections.count(_FORGET_SESSIONS, before, limit)


async def administrators(connections: Connections, email: str, limit: int) -> list[Administrator]:
    """See `emporion.store.base.Store.administrators`."""
    return rows.administrators(email, limit, await connections.rows(_ADMINISTRATORS, email))


async def set_password(connections: Connections, before: Administrator, password_hash: str, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.set_password`."""
    return await noted(connections, event, _CHANGE_LOGIN, password_hash, *structs.astuple(before))


async def add_link(connections: Connections, link: Link, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_link`."""
    async with connections.transaction() as connection:
        await append(connection, event)
        await connection.execute(numbered(statements.DROP_LINKS.format(login_is=LOGIN_IS)), link.login)
        await connection.execute(numbered(statements.ADD_LINK), *structs.astuple(link))


async def use_link(connections: Connections, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.use_link`."""
    return await noted(connections, event, _USE_LINK, link.digest, at, password_hash)


async def forget_links(connections: Connections, before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_links`."""
    return await connections.count(_FORGET_LINKS, before, limit)
