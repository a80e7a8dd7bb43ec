"""Who gets in: logins, users, subscription keys, OAuth clients, failures, and what tokens are signed with."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from emporion.credentials import SigningKey
from emporion.errors import Fault
from emporion.events import NewEvent
from emporion.store import rows
from emporion.store.base import AdministratorLogin, Client, Failures, SubscriptionKey, User, Uses
from emporion.store.faults import taken_client, taken_login, taken_user
from emporion.store.postgres.columns import transposed
from emporion.store.postgres.connections import Connection, Connections
from emporion.store.postgres.events import append, noted

_ADD_LOGINS = """
    INSERT INTO logins (folded, login, reseller_id, customer_id, position, password_hash)
    SELECT lower(n.login COLLATE "C"), n.login, $1, $1, n.position, n.password_hash
    FROM unnest($2::int[], $3::text[], $4::text[]) AS n (position, login, password_hash) ORDER BY 1
    ON CONFLICT DO NOTHING RETURNING position
"""
_CHANGE_USER = """
    WITH changed AS (
        UPDATE users SET marketplace = $4, role = $5, version = $6, disabled_at = $7
        WHERE reseller_id = $1 AND lower(login) = lower($2 COLLATE "C") AND version = $3 RETURNING reseller_id, login
    )
    UPDATE logins l SET password_hash = $8 FROM changed c
    WHERE l.folded = lower($2 COLLATE "C") AND l.reseller_id = c.reseller_id RETURNING 1
"""
_ADD_CLIENT = """
    INSERT INTO clients (
        realm, id, reseller_id, secret_digest, role, name, version, created_at, used_at, disabled_at
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT DO NOTHING RETURNING 1
"""

# Rows are locked in one order, however many nodes note uses of the same at a time.
_USERS_USED = """
    WITH held AS MATERIALIZED (
        SELECT u.reseller_id, u.login FROM unnest($2::bigint[], $3::text[]) AS w (reseller_id, login)
        JOIN users u ON u.reseller_id = w.reseller_id AND lower(u.login) = lower(w.login COLLATE "C")
        ORDER BY 1, 2 FOR NO KEY UPDATE OF u
    )
    UPDATE users u SET used_at = greatest(u.used_at, $1::bigint) FROM held h
    WHERE u.reseller_id = h.reseller_id AND u.login = h.login
"""
_KEYS_USED = """
    WITH held AS MATERIALIZED (
        SELECT digest FROM subscription_keys WHERE digest = ANY ($2::bytea[]) ORDER BY 1 FOR NO KEY UPDATE
    )
    UPDATE subscription_keys k SET used_at = greatest(k.used_at, $1::bigint) FROM held h WHERE k.digest = h.digest
"""
_CLIENTS_USED = """
    WITH held AS MATERIALIZED (
        SELECT c.realm, c.id FROM unnest($2::text[], $3::text[]) AS w (realm, id)
        JOIN clients c ON c.realm = w.realm AND c.id = w.id
        ORDER BY 1, 2 FOR NO KEY UPDATE OF c
    )
    UPDATE clients c SET used_at = greatest(c.used_at, $1::bigint) FROM held h
    WHERE c.realm = h.realm AND c.id = h.id
"""

_FAILURES = "SELECT subject, count, last_at, good_at FROM login_failures WHERE subject = ANY ($1::bytea[])"
_NOTE_FAILURE = """
    INSERT INTO login_failures AS f (subject, count, last_at, kept_at)
    SELECT n.subject, count(*), $2::bigint, $2::bigint FROM unnest($1::bytea[]) AS n (subject)
    GROUP BY n.subject ORDER BY n.subject
    ON CONFLICT (subject) DO UPDATE SET
        count = CASE WHEN f.last_at < $3::bigint THEN excluded.count ELSE f.count + excluded.count END,
        last_at = excluded.last_at, kept_at = excluded.kept_at
"""
_NOTE_SUCCESS = """
    INSERT INTO login_failures (subject, count, last_at, good_at, kept_at) VALUES ($1, 0, 0, $2, $2)
    ON CONFLICT (subject) DO UPDATE SET
        count = 0, last_at = 0, good_at = excluded.good_at, kept_at = excluded.kept_at
"""
_FORGET_FAILURES = """
    WITH old AS MATERIALIZED (
        SELECT subject FROM login_failures WHERE kept_at < $1 AND coalesce(good_at, -1) < $2
        ORDER BY kept_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM login_failures f USING old WHERE f.subject = old.subject RETURNING 1
    )
    SELECT count(*) FROM gone
"""


async def add_signing_key(connections: Connections, key: SigningKey, until: int, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_signing_key`."""
    async with connections.transaction() as connection:
        await append(connection, event)
        await connection.execute("UPDATE signing_keys SET until = $1 WHERE until IS NULL", until)
        await connection.execute(
            "INSERT INTO signing_keys (id, private, created_at) VALUES ($1, $2, $3)",
            key.id,
            key.private,
            key.created_at,
        )


async def end_signing_key(connections: Connections, key_id: str, at: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.end_signing_key`."""
    return await noted(connections, event, "UPDATE signing_keys SET until = $2 WHERE id = $1 RETURNING 1", key_id, at)


async def insert_logins(connection: Connection, reseller_id: int, logins: Sequence[AdministratorLogin]) -> list[Fault]:
    """Faults for those of a reseller's own logins that are taken; the others are in."""
    if not logins:
        return []
    columns = transposed([structs.astuple(login) for login in logins], 3)
    added = {row["position"] for row in await connection.fetch(_ADD_LOGINS, reseller_id, *columns)}
    return [taken_login(login.position) for login in logins if login.position not in added]


async def add_user(connections: Connections, user: User, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_user`."""
    async with connections.transaction() as connection:
        await append(connection, event)
        await insert_user(connection, user)


async def insert_user(connection: Connection, user: User) -> None:
    """Put in an API user. Raises Problem (CONFLICT) if the login is taken."""
    if not await connection.fetchrow(
        """
        INSERT INTO logins (folded, login, reseller_id, password_hash) VALUES (lower($1 COLLATE "C"), $1, $2, $3)
        ON CONFLICT DO NOTHING RETURNING 1
        """,
        user.login,
        user.reseller_id,
        user.password_hash,
    ):
        raise taken_user()
    await connection.execute(
        """
        INSERT INTO users (reseller_id, login, marketplace, role, version, created_at, used_at, disabled_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        user.reseller_id,
        user.login,
        user.marketplace,
        user.role,
        user.version,
        user.created_at,
        user.used_at,
        user.disabled_at,
    )


async def change_user(connections: Connections, user: User, version: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.change_user`."""
    return await noted(
        connections,
        event,
        _CHANGE_USER,
        user.reseller_id,
        user.login,
        version,
        user.marketplace,
        user.role,
        user.version,
        user.disabled_at,
        user.password_hash,
    )


async def add_key(connections: Connections, key: SubscriptionKey, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_key`."""
    async with connections.transaction() as connection:
        await append(connection, event)
        await insert_key(connection, key)


async def insert_key(connection: Connection, key: SubscriptionKey) -> None:
    """Put in a subscription key."""
    await connection.execute(
        """
        INSERT INTO subscription_keys (
            digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *rows.key_values(key),
    )


async def change_key(connections: Connections, key: SubscriptionKey, event: NewEvent) -> None:
    """See `emporion.store.base.Store.change_key`."""
    await noted(
        connections,
        event,
        """
        UPDATE subscription_keys
        SET api_version = $3, name = $4, rate = $5, burst = $6, per_day = $7,
            revoked_at = coalesce(revoked_at, $8)
        WHERE digest = $1 AND reseller_id = $2 RETURNING 1
        """,
        key.digest,
        key.reseller_id,
        key.api_version,
        key.name,
        key.limit.rate,
        key.limit.burst,
        key.limit.per_day,
        key.revoked_at,
    )


async def add_client(connections: Connections, client: Client, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_client`."""
    async with connections.transaction() as connection:
        await append(connection, event)
        if not await connection.fetchrow(_ADD_CLIENT, *structs.astuple(client)):
            raise taken_client()


async def change_client(connections: Connections, client: Client, version: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.change_client`."""
    return await noted(
        connections,
        event,
        """
        UPDATE clients SET secret_digest = $5, role = $6, name = $7, version = $8, disabled_at = $9
        WHERE realm = $1 AND id = $2 AND reseller_id = $3 AND version = $4 RETURNING 1
        """,
        client.realm,
        client.id,
        client.reseller_id,
        version,
        client.secret_digest,
        client.role,
        client.name,
        client.version,
        client.disabled_at,
    )


async def note_uses(connections: Connections, uses: Uses) -> None:
    """See `emporion.store.base.Store.note_uses`."""
    async with connections.transaction() as connection:
        if uses.users:
            await connection.execute(_USERS_USED, uses.at, *transposed(uses.users, 2))
        if uses.keys:
            await connection.execute(_KEYS_USED, uses.at, list(uses.keys))
        if uses.clients:
            await connection.execute(_CLIENTS_USED, uses.at, *transposed(uses.clients, 2))


async def failures(connections: Connections, subjects: Sequence[bytes]) -> list[Failures]:
    """See `emporion.store.base.Store.failures`."""
    kept = await connections.rows(_FAILURES, list(subjects))
    found = {subject: Failures(*rest) for subject, *rest in kept}
    return [found.get(subject, Failures()) for subject in subjects]


async def note_failure(connections: Connections, subjects: Sequence[bytes], at: int, since: int) -> None:
    """See `emporion.store.base.Store.note_failure`."""
    await connections.call(_NOTE_FAILURE, list(subjects), at, since)


async def note_success(connections: Connections, subject: bytes, at: int) -> None:
    """See `emporion.store.base.Store.note_success`."""
    await connections.call(_NOTE_SUCCESS, subject, at)


async def forget_failures(connections: Connections, before: int, good_before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_failures`."""
    return await connections.count(_FORGET_FAILURES, before, good_before, limit)
