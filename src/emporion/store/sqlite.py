"""The embedded store: one SQLite file in WAL mode, for any number of processes on one machine.

Point reads and short pages run in the event loop (10–30 µs); whatever may take longer runs in a thread.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import structs

from emporion.errors import Code, Fault, Problem, not_found, refuse
from emporion.store import rows, statements
from emporion.store.base import (
    LARGEST_PAGE,
    SMALL_PAGE,
    AdministratorLogin,
    Change,
    Filter,
    Listing,
    NewRecord,
    NewReseller,
    Platform,
    Record,
    SubscriptionKey,
    User,
)
from emporion.store.faults import (
    closed,
    founded_already,
    taken_external_id,
    taken_login,
    taken_user,
    too_large,
    unavailable,
    unfinished_copy,
    written_by_others,
)
from emporion.store.group_commit import BUSY_TIMEOUT, GroupCommit
from emporion.store.lookups import Lookups
from emporion.store.migrations import Migration, check_schema, migrations
from emporion.store.tables import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from emporion.events import EventType, Origin
    from emporion.store.tables import Row, Table

T = TypeVar("T")

# STRICT tables, RETURNING and the trigram tokenizer.
OLDEST_SQLITE = (3, 37, 0)
# How many long reads run at a time.
READERS = 2
# The largest unfiltered page that is read in the event loop.
SHORT_PAGE = 20
# For how many seconds reads may share a view of the database.
VIEW = 0.02
# A trigram index finds nothing shorter.
SHORTEST_INDEXED = 3
ORDINAL_BITS = 32


def place(reseller_id: int, ordinal: int) -> int:
    """Where a customer stands: by reseller, then by ordinal."""
    return reseller_id << ORDINAL_BITS | ordinal


def ordinal_of(place: int) -> int:
    """The ordinal within `place`."""
    return place & (1 << ORDINAL_BITS) - 1


class SqliteStore(Lookups):
    """See `emporion.store.base.Store` for what each method promises."""

    _login_is = "l.login = ?1"

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        """alone: no other process serves from this file. Point reads then share a view of it (`_view`)."""
        self._path = path
        self._alone = alone
        self._writer = GroupCommit(self._connect, around=self._end_view)
        self._reader: sqlite3.Connection | None = None
        self._threads = ThreadPoolExecutor(READERS, "reader")
        # Connections that no reading thread is using, the one used last on top.
        self._idle: list[sqlite3.Connection] = []

    async def migrate(self) -> list[str]:
        _check_version()
        try:
            _create_for_owner_only(self._path)
            with closing(self._connect()) as connection:
                return _migrate(connection)
        except (sqlite3.Error, OSError) as error:
            raise self._cannot_be_opened(error) from error

    async def open(self) -> None:
        _check_version()
        try:
            # Opening a file for writing would make it.
            os.close(os.open(self._path, os.O_RDWR))
            self._reader = self._connect(reading=True)
            check_schema(migrations("sqlite"), _applied(self._reader))
        except (sqlite3.Error, OSError) as error:
            raise self._cannot_be_opened(error) from error
        self._writer.start()

    def _cannot_be_opened(self, error: sqlite3.Error | OSError) -> Problem:
        why = error.strerror if isinstance(error, OSError) else error
        if not self._path.parent.exists():
            why = f"there is no folder {self._path.parent}"
        return Problem(Code.UNAVAILABLE, f"The database {self._path} cannot be opened: {why}.")

    async def close(self) -> None:
        await self._writer.stop()
        await asyncio.to_thread(self._threads.shutdown)
        while self._idle:
            self._idle.pop().close()
        if self._reader:
            self._reader.close()
            self._reader = None

    def _connect(self, *, reading: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT / 1000
        )
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "temp_store = MEMORY",
            "mmap_size = 268435456",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if reading:
            connection.execute("PRAGMA query_only = ON")
        return connection

    async def _row(self, sql: str, *values: Any) -> Any:
        return self._row_now(sql, *values)

    def _row_now(self, sql: str, *values: Any) -> Any:
        """The first row, read here and now."""
        try:
            return self._view().execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        try:
            return self._view().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def _view(self) -> sqlite3.Connection:
        """The connection for reads here and now.

        To begin a read costs SQLite three system calls, more than the look-up itself. Whoever is alone keeps the view
        until the next write of his own, and not longer than VIEW seconds, in which a command in another process may
        have written.
        """
        if not self._reader:
            raise closed()
        if self._alone and not self._reader.in_transaction:
            self._reader.execute("BEGIN")
            asyncio.get_running_loop().call_later(VIEW, self._end_view)
        return self._reader

    def _end_view(self) -> None:
        if self._reader and self._reader.in_transaction:
            self._reader.execute("COMMIT")

    async def _in_thread(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """What `read` gives, in a thread and from one snapshot."""

        def work() -> T:
            try:
                connection = self._idle.pop() if self._idle else self._connect(reading=True)
                try:
                    connection.execute("BEGIN")
                    return read(connection)
                finally:
                    connection.rollback()
                    self._idle.append(connection)
            except sqlite3.Error as error:
                raise unavailable(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewReseller,
        reseller: NewReseller,
        user: User,
        key: SubscriptionKey,
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("SELECT 1 FROM copies").fetchone():
                raise unfinished_copy()
            if connection.execute(
                "INSERT INTO platform VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
                (platform.signing_key, platform.sandbox),
            ).rowcount:
                _insert_reseller(connection, provider)
                _insert_reseller(connection, reseller)
                _insert_user(connection, user)
                _insert_key(connection, key)
            else:
                raise founded_already()

        await self._writer.run(work)

    # Resellers and their credentials

    async def add_reseller(self, reseller: NewReseller) -> int:
        return await self._writer.run(lambda connection: _insert_reseller(connection, reseller))

    async def add_user(self, user: User) -> None:
        await self._writer.run(lambda connection: _insert_user(connection, user))

    async def add_key(self, key: SubscriptionKey) -> None:
        await self._writer.run(lambda connection: _insert_key(connection, key))

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        return await self._writer.run(lambda connection: _insert_customer(connection, new))

    async def change_customer(self, change: Change) -> Record | None:
        return await self._writer.run(lambda connection: _update_customer(connection, change))

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        if not await self.waiting():  # no writer needs to be held up for that
            return 0

        def work(connection: sqlite3.Connection) -> int:
            found = connection.execute(_WAITING, (limit,)).fetchall()
            for row in found:
                _update_customer(connection, verified(Record(*row)))
            return len(found)

        return await self._writer.run(work)

    async def waiting(self) -> int:
        row = await self._row("SELECT count(*) FROM customers WHERE status = 'pending'")
        return int(row[0])

    async def document(self, reseller_id: int, customer_id: int) -> bytes | None:
        row = self._row_now(statements.DOCUMENT, reseller_id, customer_id)
        return row[0] if row else None

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        column = "document" if whole else "summary"
        if wanted != Filter():
            return await self._in_thread(lambda c: _by_filter(c, column, root_id, wanted, offset, limit))
        values = (root_id, offset, limit)
        if whole and limit > SMALL_PAGE:
            measure = _PAGE.format(column=column, aggregate="sum(length(item))")
            row = await self._in_thread(lambda c: c.execute(measure, values).fetchone())
            if row and (row[1] or 0) > LARGEST_PAGE:
                raise too_large()
        sql = _PAGE.format(column=column, aggregate=_ITEMS)
        if limit <= SHORT_PAGE:
            row = self._row_now(sql, *values)
        else:
            row = await self._in_thread(lambda c: c.execute(sql, values).fetchone())
        total, data, has_resellers = row or (0, None, False)
        if has_resellers:
            return await self._in_thread(lambda c: _across_resellers(c, column, root_id, offset, limit))
        return Listing(data or b"[]", total)

    # Copies

    async def count(self, table: Table) -> int:
        sql = f"SELECT count(*) FROM {table.name}"  # noqa: S608
        (count,) = await self._in_thread(lambda connection: connection.execute(sql).fetchone())
        return int(count)

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        return await self._in_thread(lambda connection: _dump(connection, table, after, limit))

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        await self._writer.run(lambda connection: _load(connection, table, rows, after, count))

    async def copied(self) -> dict[str, tuple[str, int]]:
        found = await self._rows("SELECT name, after, rows FROM copies")
        return {name: (after, count) for name, after, count in found}


# Schema


def _check_version() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise Problem(
            Code.UNAVAILABLE, f"SQLite {wanted} or newer is needed; this Python has {sqlite3.sqlite_version}."
        )


def _create_for_owner_only(path: Path) -> None:
    """It holds digests and the key that signs tokens; its companions -wal and -shm get the same mode."""
    # A file that is there is left alone: closing it would drop the locks that SQLite has on it in this process.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _applied(connection: sqlite3.Connection) -> set[int]:
    """The numbers of the migrations that have run."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone():
        return set()
    return {number for (number,) in connection.execute("SELECT number FROM schema_migrations")}


def _migrate(connection: sqlite3.Connection) -> list[str]:
    """Run what this database has not seen yet, each migration once and whole, whoever else starts now."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    known = migrations("sqlite")
    done = [migration.title for migration in known if _run(connection, migration)]
    check_schema(known, _applied(connection))
    return done


def _run(connection: sqlite3.Connection, migration: Migration) -> bool:
    """Whether the migration was still to be done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        new = connection.execute(
            "INSERT INTO schema_migrations VALUES (?, ?) ON CONFLICT DO NOTHING", (migration.number, migration.name)
        ).rowcount
        if new:
            for statement in _statements(migration.sql):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return bool(new)


def _statements(script: str) -> list[str]:
    """The statements of an SQL script; `executescript` would commit the transaction around them."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


# Writes, each inside the transaction that the group commit has begun


def _insert_reseller(connection: sqlite3.Connection, reseller: NewReseller) -> int:
    if (
        reseller.parent_id is not None
        and not connection.execute("SELECT 1 FROM resellers WHERE reseller_id = ?", (reseller.parent_id,)).fetchone()
    ):
        raise not_found(f"reseller {reseller.parent_id}")
    (reseller_id,) = connection.execute(
        "INSERT INTO accounts (id, kind, reseller_id) VALUES (?, 'reseller', ?) RETURNING id",
        (reseller.id, reseller.parent_id),
    ).fetchone()
    connection.execute(
        "INSERT INTO resellers (reseller_id, parent_id, name) VALUES (?, ?, ?)",
        (reseller_id, reseller.parent_id, reseller.name),
    )
    return int(reseller_id)


def _insert_user(connection: sqlite3.Connection, user: User) -> None:
    if not connection.execute(
        "INSERT INTO logins (login, reseller_id, password_hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (user.login, user.reseller_id, user.password_hash),
    ).rowcount:
        raise taken_user()
    connection.execute(
        "INSERT INTO users (reseller_id, login, marketplace) VALUES (?, ?, ?)",
        (user.reseller_id, user.login, user.marketplace),
    )


def _insert_key(connection: sqlite3.Connection, key: SubscriptionKey) -> None:
    connection.execute(
        "INSERT INTO subscription_keys (digest, reseller_id, api_version) VALUES (?, ?, ?)",
        (key.digest, key.reseller_id, key.api_version),
    )


def _insert_customer(connection: sqlite3.Connection, new: NewRecord) -> Record:
    customer, reseller_id = new.customer, new.reseller_id
    ordinal, sequence = connection.execute(
        """
        UPDATE resellers SET customers = customers + 1, events = events + 1 WHERE reseller_id = ?
        RETURNING customers, events
        """,
        (reseller_id,),
    ).fetchone()
    customer_id = connection.execute(
        "INSERT INTO accounts (kind, reseller_id) VALUES ('customer', ?)", (reseller_id,)
    ).lastrowid
    assert customer_id is not None
    customer = structs.replace(customer, id=str(customer_id))
    document = rows.document(customer)
    at = place(reseller_id, ordinal)
    name = rows.folded_name(customer)
    taken: list[Fault] = []
    if not connection.execute(
        """
        INSERT INTO customers (
            place, reseller_id, id, external_id, name_folded, status, version,
            created_at, updated_at, summary, document
        ) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)
        ON CONFLICT (reseller_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
        """,
        (
            at,
            reseller_id,
            customer_id,
            customer.external_id,
            name,
            customer.status,
            new.at,
            new.at,
            rows.summary(customer),
            document,
        ),
    ).rowcount:
        taken.append(_taken_external_id(connection, reseller_id, customer.external_id))
    taken += _insert_logins(connection, reseller_id, customer_id, new.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
    connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
    _insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
    _insert_event(connection, reseller_id, sequence, customer_id, "customer.created", new.at, new.origin, {})
    return Record(reseller_id, customer_id, 1, document)


def _update_customer(connection: sqlite3.Connection, change: Change) -> Record | None:
    customer, reseller_id = change.customer, change.reseller_id
    row = connection.execute(
        "SELECT place, name_folded FROM customers WHERE reseller_id = ? AND id = ? AND version = ?",
        (reseller_id, change.id, change.version),
    ).fetchone()
    if not row:
        return None
    at, old_name = row
    document, name = rows.document(customer), rows.folded_name(customer)
    taken: list[Fault] = []
    values: dict[str, object] = {
        "status": customer.status,
        "updated_at": change.at,
        "summary": rows.summary(customer),
        "document": document,
    }
    # Indexed columns are written only where they change: the index entry would be made anew all the same.
    if name != old_name:
        values["name_folded"] = name
    if "externalId" in change.changes:
        values["external_id"] = customer.external_id
    if not connection.execute(
        f"UPDATE OR IGNORE customers SET version = version + 1, {', '.join(f'{column} = ?' for column in values)}"  # noqa: S608
        " WHERE reseller_id = ? AND place = ?",
        (*values.values(), reseller_id, at),
    ).rowcount:
        taken.append(_taken_external_id(connection, reseller_id, customer.external_id))
    if change.logins is not None:
        connection.execute("DELETE FROM logins WHERE reseller_id = ? AND customer_id = ?", (reseller_id, change.id))
        taken += _insert_logins(connection, reseller_id, change.id, change.logins)
    if taken:
        refuse(taken, Code.CONFLICT)
    if name != old_name:
        connection.execute(
            "INSERT INTO customer_names (customer_names, rowid, name_folded) VALUES ('delete', ?, ?)",
            (at, old_name),
        )
        connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
    if "contactPersons" in change.changes:
        connection.executemany(
            "DELETE FROM customer_emails WHERE reseller_id = ? AND email = ? AND place = ?",
            [(reseller_id, email, at) for email in rows.emails_before(change)],
        )
        _insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
    (sequence,) = connection.execute(
        "UPDATE resellers SET events = events + 1 WHERE reseller_id = ? RETURNING events", (reseller_id,)
    ).fetchone()
    _insert_event(connection, reseller_id, sequence, change.id, change.event, change.at, change.origin, change.changes)
    return Record(reseller_id, change.id, change.version + 1, document)


def _insert_emails(connection: sqlite3.Connection, reseller_id: int, place: int, emails: set[str]) -> None:
    connection.executemany(
        "INSERT INTO customer_emails (reseller_id, email, place) VALUES (?, ?, ?)",
        [(reseller_id, email, place) for email in emails],
    )


def _insert_logins(
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


def _insert_event(
    connection: sqlite3.Connection,
    reseller_id: int,
    sequence: int,
    account_id: int,
    kind: EventType,
    at: int,
    origin: Origin,
    changes: dict[str, tuple[object, object]],
) -> None:
    connection.execute(
        """
        INSERT INTO events (reseller_id, sequence, account_id, type, at, user, door, correlation_id, changes)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            reseller_id,
            sequence,
            account_id,
            kind,
            at,
            origin.user,
            origin.door,
            origin.correlation_id,
            rows.encode(changes).decode(),
        ),
    )


def _taken_external_id(connection: sqlite3.Connection, reseller_id: int, external_id: str | None) -> Fault:
    (holder,) = connection.execute(
        "SELECT id FROM customers WHERE reseller_id = ? AND external_id = ?", (reseller_id, external_id)
    ).fetchone()
    return taken_external_id(holder)


# Reads


_WAITING = """
    SELECT reseller_id, id, version, document FROM customers WHERE status = 'pending' ORDER BY id LIMIT ?
"""

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
                    BETWEEN (r.reseller_id << 32) + max(r.customers - ?2 - ?3 + 1, 1)
                    AND (r.reseller_id << 32) + max(r.customers - ?2, 0)
                ORDER BY place DESC
            )
        ),
        EXISTS (SELECT 1 FROM resellers c WHERE c.parent_id = r.reseller_id)
    FROM resellers r WHERE r.reseller_id = ?1
"""


def _array(items: Iterable[tuple[bytes]]) -> bytes:
    """A JSON array of documents. Raises Problem (INVALID) if it is too large for a page."""
    taken, size = [], 0
    for (item,) in items:
        size += len(item)
        if size > LARGEST_PAGE:
            raise too_large()
        taken.append(item)
    return b"[" + b",".join(taken) + b"]"


def _phrase(text: str) -> str:
    """An FTS5 string, in which no character means anything but itself."""
    return '"' + text.replace('"', '""') + '"'


def _by_name(
    connection: sqlite3.Connection, column: str, reseller_id: int, name: str, offset: int, limit: int
) -> Listing:
    """One reseller's customers by name alone: the index keeps them by place, newest last."""
    if len(name) >= SHORTEST_INDEXED:
        matching = "SELECT rowid AS place FROM customer_names WHERE customer_names MATCH ? AND rowid BETWEEN ? AND ?"
        values: list[object] = [_phrase(name), place(reseller_id, 1), place(reseller_id + 1, 0) - 1]
    else:
        # Each row is looked at: an index for this alone would cost every new customer a fifth of its insert.
        matching = (
            "SELECT place FROM customers NOT INDEXED WHERE reseller_id = ? AND instr(name_folded, ?)"
            " AND place BETWEEN ? AND ?"
        )
        values = [reseller_id, name, place(reseller_id, 1), place(reseller_id + 1, 0) - 1]
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


def _by_filter(
    connection: sqlite3.Connection, column: str, root_id: int, wanted: Filter, offset: int, limit: int
) -> Listing:
    """Any filters over any resellers."""
    has_resellers = connection.execute("SELECT 1 FROM resellers WHERE parent_id = ?", (root_id,)).fetchone()
    if wanted.name is not None and wanted == Filter(name=wanted.name) and not has_resellers:
        return _by_name(connection, column, root_id, wanted.name, offset, limit)
    conditions, values = ["c.reseller_id IN below"], [root_id]  # type: list[str], list[Any]
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
    where = f"FROM customers c WHERE {' AND '.join(conditions)}"
    (total,) = connection.execute(f"{statements.BELOW} SELECT count(*) {where}", values).fetchone()
    if offset >= total:
        return Listing(b"[]", total)
    found = connection.execute(
        f"{statements.BELOW} SELECT {column} {where} ORDER BY c.id DESC LIMIT ? OFFSET ?",
        [*values, limit, offset],
    )
    return Listing(_array(found), total)


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


# Copies

# By what a table that is dumped in parts is ordered.
_KEYS = {
    "accounts": ("id",),
    "logins": ("login",),
    "customers": ("place",),
    "events": ("reseller_id", "sequence"),
}


def _dump(connection: sqlite3.Connection, table: Table, after: str | None, limit: int) -> Part:
    columns = [f"place & {(1 << ORDINAL_BITS) - 1}" if name == "ordinal" else f'"{name}"' for name in table.columns]
    if not table.long:
        return Part(connection.execute(f"SELECT {', '.join(columns)} FROM {table.name}").fetchall(), None)  # noqa: S608
    key = ", ".join(_KEYS[table.name])
    values = msgspec.json.decode(after) if after else []
    behind = f"WHERE ({key}) > ({', '.join('?' * len(values))})" if after else ""
    width = len(_KEYS[table.name])
    found = connection.execute(
        f"SELECT {key}, {', '.join(columns)} FROM {table.name} {behind} ORDER BY {key} LIMIT ?",  # noqa: S608
        [*values, limit],
    ).fetchall()
    last = rows.encode(found[-1][:width]).decode() if len(found) == limit else None
    return Part([row[width:] for row in found], last)


def _load(connection: sqlite3.Connection, table: Table, new: Sequence[Row], after: str, count: int) -> None:
    try:
        _insert(connection, table, new)
    except sqlite3.IntegrityError as error:
        raise written_by_others() from error
    if table.name == "platform":  # the last one
        connection.execute("DELETE FROM copies")
    else:
        connection.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?)", (table.name, after, count))


def _insert(connection: sqlite3.Connection, table: Table, new: Sequence[Row]) -> None:
    if table.name == "customers":
        _load_customers(connection, new)
    else:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        places = ", ".join("?" * len(table.columns))
        if table.name == "platform":
            columns, places = f"one, {columns}", f"1, {places}"
        connection.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", new)  # noqa: S608


def _load_customers(connection: sqlite3.Connection, new: Sequence[Row]) -> None:
    for reseller_id, ordinal, customer_id, external_id, status, version, created, updated, summary, document in new:
        customer = rows.decode(document)
        at, name = place(reseller_id, ordinal), rows.folded_name(customer)
        connection.execute(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, reseller_id, customer_id, external_id, name, status, version, created, updated, summary, document),
        )
        connection.execute("INSERT INTO customer_names (rowid, name_folded) VALUES (?, ?)", (at, name))
        _insert_emails(connection, reseller_id, at, rows.folded_emails(customer))
