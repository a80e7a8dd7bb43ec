"""Who gets in: logins, users, subscription keys, OAuth clients, failures, and what tokens are signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import astuple

from emporion.store import rows
from emporion.store.base import AdministratorLogin, Client, Failures, SubscriptionKey, User, Uses
from emporion.store.faults import taken_client, taken_login, taken_user
from emporion.store.sqlite.events import append, noted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from emporion.credentials import SigningKey
    from emporion.errors import Fault
    from emporion.events import NewEvent
    from emporion.store.sqlite.connections import Connections


def add_signing_key(connection: sqlite3.Connection, key: SigningKey, until: int, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_signing_key`."""
    connection.execute("UPDATE signing_keys SET until = ? WHERE until IS NULL", (until,))
    connection.execute(
        "INSERT INTO signing_keys (id, private, created_at) VALUES (?, ?, ?)",
        (key.id, key.private, key.created_at),
    )
    append(connection, event)


def end_signing_key(connection: sqlite3.Connection, key_id: str, at: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.end_signing_key`."""
    sql = "UPDATE signing_keys SET until = ? WHERE id = ?"
    return noted(connection, event, connection.execute(sql, (at, key_id)).rowcount)


def insert_logins(
    connection: sqlite3.Connection, reseller_id: int, customer_id: int, logins: Sequence[AdministratorLogin]
) -> list[Fault]:
    """Insert the logins that are free; a fault for each that is taken."""
    return [
        taken_login(login.position)
        for login in logins
        if not connection.execute(
            """
            INSERT INTO logins (login, reseller_id, customer_id, position, password_hash) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (login) DO NOTHING
            """,
            (login.login, reseller_id, customer_id, login.position, login.password_hash),
        ).rowcount
    ]


def add_user(connection: sqlite3.Connection, user: User, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_user`."""
    append(connection, event)
    insert_user(connection, user)


def insert_user(connection: sqlite3.Connection, user: User) -> None:
    """Put in an API user. Raises Problem (CONFLICT) if the login is taken."""
    if not connection.execute(
        "INSERT INTO logins (login, reseller_id, password_hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (user.login, user.reseller_id, user.password_hash),
    ).rowcount:
        raise taken_user()
    connection.execute(
        """
        INSERT INTO users (reseller_id, login, marketplace, role, version, created_at, used_at, disabled_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            user.reseller_id,
            user.login,
            user.marketplace,
            user.role,
            user.version,
            user.created_at,
            user.used_at,
            user.disabled_at,
        ),
    )


def change_user(connection: sqlite3.Connection, user: User, version: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.change_user`."""
    changed = connection.execute(
        """
        UPDATE users SET marketplace = ?, role = ?, version = ?, disabled_at = ?
        WHERE reseller_id = ? AND login = ? AND version = ?
        """,
        (user.marketplace, user.role, user.version, user.disabled_at, user.reseller_id, user.login, version),
    ).rowcount
    if changed:
        connection.execute(
            "UPDATE logins SET password_hash = ? WHERE login = ? AND reseller_id = ?",
            (user.password_hash, user.login, user.reseller_id),
        )
    return noted(connection, event, changed)


def add_key(connection: sqlite3.Connection, key: SubscriptionKey, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_key`."""
    append(connection, event)
    insert_key(connection, key)


def insert_key(connection: sqlite3.Connection, key: SubscriptionKey) -> None:
    """Put in a subscription key."""
    connection.execute(
        """
        INSERT INTO subscription_keys (
            digest, reseller_id, api_version, name, rate, burst, per_day, created_at, used_at, revoked_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        rows.key_values(key),
    )


def change_key(connection: sqlite3.Connection, key: SubscriptionKey, event: NewEvent) -> None:
    """See `emporion.store.base.Store.change_key`."""
    changed = connection.execute(
        """
        UPDATE subscription_keys SET api_version = ?, name = ?, rate = ?, burst = ?, per_day = ?,
            revoked_at = coalesce(revoked_at, ?)
        WHERE digest = ? AND reseller_id = ?
        """,
        (
            key.api_version,
            key.name,
            key.limit.rate,
            key.limit.burst,
            key.limit.per_day,
            key.revoked_at,
            key.digest,
            key.reseller_id,
        ),
    ).rowcount
    noted(connection, event, changed)


def add_client(connection: sqlite3.Connection, client: Client, event: NewEvent) -> None:
    """See `emporion.store.base.Store.add_client`."""
    append(connection, event)
    values = astuple(client)
    if not connection.execute(
        "INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values
    ).rowcount:
        raise taken_client()


def change_client(connection: sqlite3.Connection, client: Client, version: int, event: NewEvent) -> bool:
    """See `emporion.store.base.Store.change_client`."""
    changed = connection.execute(
        """
        UPDATE clients SET secret_digest = ?, role = ?, name = ?, version = ?, disabled_at = ?
        WHERE realm = ? AND id = ? AND reseller_id = ? AND version = ?
        """,
        (
            client.secret_digest,
            client.role,
            client.name,
            client.version,
            client.disabled_at,
            client.realm,
            client.id,
            client.reseller_id,
            version,
        ),
    ).rowcount
    return noted(connection, event, changed)


def note_uses(connection: sqlite3.Connection, uses: Uses) -> None:
    """See `emporion.store.base.Store.note_uses`."""
    for table, condition, names in (
        ("users", "reseller_id = ? AND login = ?", uses.users),
        ("subscription_keys", "digest = ?", [(digest,) for digest in uses.keys]),
        ("clients", "realm = ? AND id = ?", uses.clients),
    ):
        sql = f"UPDATE {table} SET used_at = max(coalesce(used_at, 0), ?) WHERE {condition}"  # noqa: S608
        connection.executemany(sql, [(uses.at, *name) for name in names])


def failures(connections: Connections, subjects: Sequence[bytes]) -> list[Failures]:
    """See `emporion.store.base.Store.failures`."""
    places = ", ".join("?" * len(subjects))
    sql = f"SELECT subject, count, last_at, good_at FROM login_failures WHERE subject IN ({places})"  # noqa: S608
    found = {subject: Failures(*rest) for subject, *rest in connections.rows(sql, *subjects)}
    return [found.get(subject, Failures()) for subject in subjects]


def note_failure(connection: sqlite3.Connection, subjects: Sequence[bytes], at: int, since: int) -> None:
    """See `emporion.store.base.Store.note_failure`."""
    connection.executemany(
        """
        INSERT INTO login_failures (subject, count, last_at, kept_at) VALUES (?, 1, ?, ?)
        ON CONFLICT DO UPDATE SET count = CASE WHEN last_at < ? THEN 1 ELSE count + 1 END,
            last_at = excluded.last_at, kept_at = excluded.kept_at
        """,
        [(subject, at, at, since) for subject in subjects],
    )


def note_success(connection: sqlite3.Connection, subject: bytes, at: int) -> None:
    """See `emporion.store.base.Store.note_success`."""
    connection.execute(
        """
        INSERT INTO login_failures (subject, count, last_at, good_at, kept_at) VALUES (?, 0, 0, ?, ?)
        ON CONFLICT DO UPDATE SET count = 0, last_at = 0, good_at = excluded.good_at,
            kept_at = excluded.kept_at
        """,
        (subject, at, at),
    )


def forget_failures(connection: sqlite3.Connection, before: int, good_before: int, limit: int) -> int:
    """See `emporion.store.base.Store.forget_failures`."""
    return connection.execute(
        """
        DELETE FROM login_failures WHERE subject IN (
            SELECT subject FROM login_failures WHERE kept_at < ? AND coalesce(good_at, -1) < ?
            ORDER BY kept_at LIMIT ?
        )
        """,
        (before, good_before, limit),
    ).rowcount
