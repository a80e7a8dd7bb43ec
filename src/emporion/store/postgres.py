"""The store for many nodes: PostgreSQL 15 or newer.

Customers are written by two functions of the schema, each with many customers at a time: one round trip, one
transaction, one flush of the log (migrations/postgres/).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import asyncpg
import msgspec

from emporion.errors import Code, Problem, not_found, refuse
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
from emporion.store.coalescing import Coalescer, Lanes
from emporion.store.columns import ADD_CUSTOMERS, CHANGE_CUSTOMERS, change_columns, new_columns, transposed
from emporion.store.connections import Connection, Connections, Limits
from emporion.store.faults import (
    Away,
    busy,
    founded_already,
    taken_external_id,
    taken_login,
    taken_user,
    too_large,
    unfinished_copy,
    written_by_others,
)
from emporion.store.grams import name_grams, salt, search_grams
from emporion.store.lookups import Lookups
from emporion.store.migrations import check_schema, migrations
from emporion.store.standby import Standby
from emporion.store.tables import Part, Row, Table
from emporion.store.turns import Turns

# The most customers that share one transaction, and the most that one query reads.
LARGEST_GROUP = 128
# How often a group is tried again that lost a race against another node's.
ATTEMPTS = 5
OLDEST_SERVER = 150000
# Beyond every list, and small enough to be added to.
FARTHEST = 2**62
# Names the lock for migrations among the advisory locks of a database: the letters of "emporion".
MIGRATING = int.from_bytes(b"emporion", "big")


# Seconds for which the customers of a reseller whose row somebody holds are not verified.
HELD = 5.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class Question(NamedTuple):
    """What a list is asked for. search_key: of this database."""

    root_id: int
    wanted: Filter
    offset: int
    limit: int
    search_key: bytes

    @property
    def page(self) -> tuple[int, int, int, bytes]:
        """The first values of each statement for lists."""
        return self.root_id, self.offset, self.limit, self.search_key


class PostgresStore(Lookups):
    """See `emporion.store.base.Store` for what each method promises."""

    _login_is = 'l.folded = lower(?1 COLLATE "C")'

    def __init__(self, url: str, limits: Limits, read_url: str | None = None) -> None:
        """read_url: a standby for lists and searches, which are read there as far as it has followed."""
        self._primary = Connections(url, limits)
        self._standby = Standby(Connections(read_url, limits)) if read_url else None
        self._written = Coalescer(self._read_written, LARGEST_GROUP)
        self._search_key = b""
        self._searches = Turns(max(1, limits.connections // 2), limits.statement_timeout)
        # Resellers whose rows somebody holds, and until when their customers are not verified.
        self._held: dict[int, float] = {}
        self._documents = Coalescer(self._read_documents, LARGEST_GROUP)
        self._additions = Lanes(lambda: Coalescer(self._add, LARGEST_GROUP, _keys_of_new))
        self._changes = Lanes(lambda: Coalescer(self._change, LARGEST_GROUP, _keys_of_change))

    async def migrate(self) -> list[str]:
        async with self._primary.alone(patient=True) as connection:
            await _check_server(connection)
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
                return await _migrate(connection)

    async def open(self) -> None:
        async with self._primary.alone() as connection:
            await _check_server(connection)
            if await connection.fetchval("SELECT pg_is_in_recovery()"):
                raise Problem(Code.UNAVAILABLE, "This is a standby; --database must name the primary.")
            check_schema(migrations("postgres"), await _applied(connection))
            self._search_key = await connection.fetchval("SELECT key FROM search_key")
        await self._primary.open()
        if self._standby:  # whoever starts the program is told now if it cannot be read
            await self._standby.read(lambda connections: connections.row("SELECT 1"))

    async def close(self) -> None:
        for under_way in (self._documents, self._additions, self._changes, self._written):
            await under_way.finish()
        await self._primary.close()
        if self._standby:
            await self._standby.close()

    async def _row(self, sql: str, *values: Any) -> Any:
        return await self._primary.row(_numbered(sql), *values)

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return await self._primary.rows(_numbered(sql), *values)

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewReseller,
        reseller: NewReseller,
        user: User,
        key: SubscriptionKey,
    ) -> None:
        async with self._primary.transaction() as connection:
            if not await connection.fetchrow(
                "INSERT INTO platform (signing_key, sandbox) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
                platform.signing_key,
                platform.sandbox,
            ):
                raise founded_already()
            if await connection.fetchrow("SELECT 1 FROM copies LIMIT 1"):
                raise unfinished_copy()
            await _insert_reseller(connection, provider)
            await _insert_reseller(connection, reseller)
            await _insert_user(connection, user)
            await _insert_key(connection, key)

    # Resellers and their credentials

    async def add_reseller(self, reseller: NewReseller) -> int:
        async with self._primary.transaction() as connection:
            return await _insert_reseller(connection, reseller)

    async def user(self, login: str) -> User | None:
        # PostgreSQL takes no such letter, and no login has it.
        return None if "\0" in login else await super().user(login)

    async def add_user(self, user: User) -> None:
        async with self._primary.transaction() as connection:
            await _insert_user(connection, user)

    async def add_key(self, key: SubscriptionKey) -> None:
        async with self._primary.transaction() as connection:
            await _insert_key(connection, key)

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        return await self._additions.do(new.reseller_id, new)

    async def change_customer(self, change: Change) -> Record | None:
        return await self._changes.do(change.reseller_id, change)

    async def _add(self, group: list[NewRecord]) -> list[Record | Exception]:
        columns = new_columns(group, self._search_key)
        try:
            found = await self._write(ADD_CUSTOMERS, *columns)
        except asyncpg.UniqueViolationError as error:
            return await _each(self._add, group, error)
        return [
            Record(new.reseller_id, id_, 1, rows.with_id(document, id_)) if id_ else _conflict(holder, taken)
            for new, document, (id_, holder, taken) in zip(group, columns.documents, found, strict=True)
        ]

    async def _change(self, group: list[Change]) -> list[Record | Exception | None]:
        columns = change_columns(group, self._search_key)
        try:
            found = await self._write(CHANGE_CUSTOMERS, *columns)
        except asyncpg.UniqueViolationError as error:
            return await _each(self._change, group, error)
        return [
            _outcome(change, document, *row)
            for change, document, row in zip(group, columns.documents, found, strict=True)
        ]

    async def _write(self, sql: str, *values: Any) -> list[Any]:
        """The answer of one of the schema's functions, tried again where another transaction was in its way.

        Raises UniqueViolationError where a login was free each time that the function looked.
        """
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                return await self._primary.call(sql, *values)
            except asyncpg.UniqueViolationError:
                if last:
                    raise
            except Problem as problem:
                if last or not isinstance(problem.__cause__, asyncpg.TransactionRollbackError):
                    raise
        raise AssertionError

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        now = time.monotonic()
        self._held = {reseller_id: until for reseller_id, until in self._held.items() if until > now}
        oldest: dict[int, list[int]] = {}
        for reseller_id, customer_id in await self._primary.rows(_OLDEST, limit, list(self._held)):
            oldest.setdefault(reseller_id, []).append(customer_id)
        count = 0
        for reseller_id, ids in oldest.items():
            try:
                count += await self._verify(reseller_id, ids, verified)
            except Away:
                raise
            except Problem:  # one reseller's trouble must not keep the others waiting
                self._held[reseller_id] = now + HELD
        return count

    async def _verify(self, reseller_id: int, ids: list[int], verified: Callable[[Record], Change]) -> int:
        """The same for those customers of one reseller that nobody else is verifying."""
        async with self._primary.transaction() as connection:
            found = await connection.fetch(_CLAIM, reseller_id, ids)
            if not found:
                return 0
            await connection.execute(_RELEASE, reseller_id, [row["id"] for row in found])
            group = [verified(Record(*row[:4])) for row in found if row["status"] == "pending"]
            if group:
                outcomes = await connection.fetch(CHANGE_CUSTOMERS, *change_columns(group, self._search_key))
                # Changed by somebody else since they were read: the next look shows whether they are pending still.
                moved = [change.id for change, row in zip(group, outcomes, strict=True) if row[0] is None]
                if moved:
                    await connection.execute(_WAIT_AGAIN, reseller_id, moved)
            return len(group)

    async def waiting(self) -> int:
        row = await self._primary.row(_WAITING)
        return row[0] if row else 0

    async def document(self, reseller_id: int, customer_id: int) -> bytes | None:
        return await self._documents.do((reseller_id, customer_id))

    async def _read_documents(self, wanted: list[tuple[int, int]]) -> list[bytes | None]:
        if len(wanted) == 1:
            row = await self._row(statements.DOCUMENT, *wanted[0])
            return [row[0] if row else None]
        found = await self._primary.rows(_DOCUMENTS, *transposed(wanted, 2))
        documents = {(reseller_id, customer_id): document for reseller_id, customer_id, document in found}
        return [documents.get(one) for one in wanted]

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        asked = Question(root_id, wanted, min(offset, FARTHEST), limit, self._search_key)
        if wanted == Filter():
            return await self._list(asked, whole=whole)
        async with self._searches.turn(root_id):
            return await self._list(asked, whole=whole)

    async def _list(self, asked: Question, *, whole: bool) -> Listing:
        column = "document" if whole else "summary"
        if whole and asked.limit > SMALL_PAGE:
            _, size, *_ = await self._read(asked, f"sum(octet_length(c.{column}))")
            if (size or 0) > LARGEST_PAGE:
                raise too_large()
        total, items, *_ = await self._read(asked, _items(f"c.{column}"))
        return Listing(items or b"[]", total)

    async def _read(self, asked: Question, aggregate: str) -> Sequence[Any]:
        """The total, the aggregate of the page, and how far the resellers' logs go in what was read."""

        async def read(connections: Connections) -> Sequence[Any]:
            if asked.wanted == Filter():
                row = await connections.row(_page(aggregate), *asked.page)
                if row and row["has_resellers"]:
                    row = await connections.row(_page_across(aggregate), *asked.page)
            else:
                sql, values = _filtered(aggregate, asked.wanted)
                row = await connections.row(sql, *asked.page, *values)
            return row or (0, None, 0)

        return await self._read_followed(asked.root_id, read) or await read(self._primary)

    async def _read_followed(
        self, root_id: int, read: Callable[[Connections], Awaitable[Sequence[Any]]]
    ) -> Sequence[Any] | None:
        """What `read` gives on the standby, if that has all that was written for these resellers until now."""
        if not self._standby:
            return None
        written, row = await asyncio.gather(self._written.do(root_id), self._standby.read(read))
        return row if row and row[2] >= written else None

    async def _read_written(self, root_ids: list[int]) -> list[int]:
        """How far the logs of each reseller and of all below it go, as the sum of their sequences."""
        found = dict(await self._primary.rows(_WRITTEN, list(set(root_ids))))
        return [found.get(root_id, 0) for root_id in root_ids]

    # Copies

    async def count(self, table: Table) -> int:
        async with self._primary.alone(patient=True) as connection:
            return int(await connection.fetchval(f"SELECT count(*) FROM {table.name}"))  # noqa: S608

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        columns = ", ".join(f'"{name}"' for name in table.columns)
        if not table.long:
            return Part(list(map(tuple, await self._primary.rows(f"SELECT {columns} FROM {table.name}"))), None)  # noqa: S608
        key = _KEYS[table.name]
        values = msgspec.json.decode(after) if after else []
        behind = f"WHERE ({', '.join(key)}) > ({', '.join(f'${n}' for n in range(2, len(key) + 2))})" if after else ""
        sql = f"SELECT {', '.join(key)}, {columns} FROM {table.name} {behind} ORDER BY {', '.join(key)} LIMIT $1"  # noqa: S608
        found = await self._primary.rows(sql, limit, *values)
        last = rows.encode(found[-1][: len(key)]).decode() if len(found) == limit else None
        return Part([tuple(row)[len(key) :] for row in found], last)

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        async with self._primary.alone(patient=True) as connection, connection.transaction():
            try:
                await _load(connection, table, rows)
            except asyncpg.UniqueViolationError as error:
                raise written_by_others() from error
            if table.name == "platform":  # the last one
                await connection.execute("DELETE FROM copies")
                await connection.execute("SELECT setval('account_ids', max(id)) FROM accounts")
            else:
                await connection.execute(
                    "INSERT INTO copies VALUES ($1, $2, $3)"
                    " ON CONFLICT (name) DO UPDATE SET after = excluded.after, rows = excluded.rows",
                    table.name,
                    after,
                    count,
                )

    async def copied(self) -> dict[str, tuple[str, int]]:
        return {name: (after, count) for name, after, count in await self._primary.rows("SELECT * FROM copies")}


# Schema


async def _check_server(connection: asyncpg.Connection[Any]) -> None:
    """Raise Problem (UNAVAILABLE) if it is too old, or keeps no Unicode."""
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    encoding = await connection.fetchval("SHOW server_encoding")
    if version < OLDEST_SERVER:
        raise Problem(
            Code.UNAVAILABLE, f"PostgreSQL {OLDEST_SERVER // 10000} or newer is needed; this is {version // 10000}."
        )
    if encoding != "UTF8":
        raise Problem(Code.UNAVAILABLE, f"The database must have the encoding UTF8; it has {encoding}.")


async def _applied(connection: asyncpg.Connection[Any]) -> set[int]:
    """The numbers of the migrations that have run."""
    if await connection.fetchval("SELECT to_regclass('emporion_migrations')") is None:
        return set()
    return {number for (number,) in await connection.fetch("SELECT number FROM emporion_migrations")}


async def _migrate(connection: asyncpg.Connection[Any]) -> list[str]:
    """Run what this database has not seen yet."""
    await connection.execute(
        "SET LOCAL client_min_messages = warning;"
        "CREATE TABLE IF NOT EXISTS emporion_migrations (number int PRIMARY KEY, name text NOT NULL)"
    )
    applied, done = await _applied(connection), []
    for migration in migrations("postgres"):
        if migration.number not in applied:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO emporion_migrations VALUES ($1, $2)", migration.number, migration.name
            )
            applied.add(migration.number)
            done.append(migration.title)
    check_schema(migrations("postgres"), applied)
    return done


@lru_cache
def _numbered(sql: str) -> str:
    """A statement of `statements` as PostgreSQL reads it."""
    return sql.replace("?", "$")


# Writes


async def _insert_reseller(connection: Connection, reseller: NewReseller) -> int:
    if reseller.parent_id is not None and not await connection.fetchrow(
        "SELECT 1 FROM resellers WHERE reseller_id = $1", reseller.parent_id
    ):
        raise not_found(f"reseller {reseller.parent_id}")
    reseller_id: int = await connection.fetchval(
        """
        INSERT INTO accounts (id, kind, reseller_id) VALUES (coalesce($1, nextval('account_ids')), 'reseller', $2)
        RETURNING id
        """,
        reseller.id,
        reseller.parent_id,
    )
    await connection.execute(
        "INSERT INTO resellers (reseller_id, parent_id, name) VALUES ($1, $2, $3)",
        reseller_id,
        reseller.parent_id,
        reseller.name,
    )
    return reseller_id


async def _insert_user(connection: Connection, user: User) -> None:
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
        "INSERT INTO users (reseller_id, login, marketplace) VALUES ($1, $2, $3)",
        user.reseller_id,
        user.login,
        user.marketplace,
    )


async def _insert_key(connection: Connection, key: SubscriptionKey) -> None:
    await connection.execute(
        "INSERT INTO subscription_keys (digest, reseller_id, api_version) VALUES ($1, $2, $3)",
        key.digest,
        key.reseller_id,
        key.api_version,
    )


def _keys_of_new(new: NewRecord) -> Iterator[Hashable]:
    """What no two customers added at a time may have in common."""
    yield from _unique(new.reseller_id, new.customer.external_id, new.logins)


def _keys_of_change(change: Change) -> Iterator[Hashable]:
    yield change.id
    yield from _unique(change.reseller_id, change.customer.external_id, change.logins or ())


def _unique(reseller_id: int, external_id: str | None, logins: Sequence[AdministratorLogin]) -> Iterator[Hashable]:
    if external_id is not None:
        yield reseller_id, external_id
    for login in logins:
        yield login.login.lower()


async def _each(
    send: Callable[[list[Item]], Awaitable[list[Result | Exception]]], group: list[Item], error: Exception
) -> list[Result | Exception]:
    """The results of a group that failed as a whole with `error`, sent one after the other."""
    if len(group) == 1:
        return [busy(error)]
    return [result for item in group for result in await send([item])]


def _outcome(change: Change, document: bytes, ordinal: int | None, holder: int | None, taken: list[int] | None) -> Any:
    """What `change_customer` gives or raises."""
    if ordinal is None:
        return None
    if holder or taken:
        return _conflict(holder, taken)
    return Record(change.reseller_id, change.id, change.version + 1, document)


def _conflict(holder: int | None, taken: Sequence[int] | None) -> Exception:
    """The Problem for what is taken, as a result."""
    faults = [] if holder is None else [taken_external_id(holder)]
    faults += [taken_login(position) for position in taken or ()]
    try:
        refuse(faults, Code.CONFLICT)
    except Problem as problem:
        return problem


_OLDEST = """
    SELECT reseller_id, id FROM waiting_customers WHERE reseller_id <> ALL ($2::bigint[]) ORDER BY id LIMIT $1
"""
_CLAIM = """
    SELECT c.reseller_id, c.id, c.version, c.document, c.status
    FROM waiting_customers w JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
    WHERE w.reseller_id = $1 AND w.id = ANY ($2::bigint[]) ORDER BY w.id FOR UPDATE OF w SKIP LOCKED
"""
_RELEASE = "DELETE FROM waiting_customers WHERE reseller_id = $1 AND id = ANY ($2::bigint[])"
_WAIT_AGAIN = "INSERT INTO waiting_customers (reseller_id, id) SELECT $1, id FROM unnest($2::bigint[]) AS c (id)"
_WAITING = """
    SELECT count(*) FROM waiting_customers w JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
    WHERE c.status = 'pending'
"""

# Reads

_DOCUMENTS = """
    SELECT c.reseller_id, c.id, c.document
    FROM unnest($1::bigint[], $2::bigint[]) AS w (reseller_id, id)
    JOIN customers c ON c.reseller_id = w.reseller_id AND c.id = w.id
"""

_WRITTEN = """
    WITH RECURSIVE below (root_id, id) AS (
        SELECT w.id, w.id FROM unnest($1::bigint[]) AS w (id)
        UNION ALL SELECT b.root_id, r.reseller_id FROM resellers r JOIN below b ON r.parent_id = b.id
    )
    SELECT b.root_id, sum(r.events)::bigint FROM below b JOIN resellers r ON r.reseller_id = b.id GROUP BY b.root_id
"""


def _known(events: str) -> str:
    """How far a log goes in what a standby has; nowhere if it follows no primary, or that of another platform."""
    return f"CASE WHEN pg_is_in_recovery() AND (SELECT key FROM search_key) = $4 THEN {events} ELSE -1 END"  # noqa: S608


# The same, of the resellers of a list.
_EVENTS = _known("(SELECT coalesce(sum(r.events), 0)::bigint FROM resellers r JOIN below ON r.reseller_id = below.id)")


def _items(column: str) -> str:
    """An aggregate that makes a JSON array of a column of documents, newest first."""
    return f"'['::bytea || string_agg({column}, ','::bytea ORDER BY c.id DESC) || ']'::bytea"


@lru_cache
def _page(aggregate: str) -> str:
    """One reseller's page, at any offset a walk over consecutive rows, and what else is asked for with it."""
    return f"""
        SELECT r.customers,
            (
                SELECT {aggregate} FROM customers c
                WHERE c.reseller_id = r.reseller_id AND c.ordinal
                    BETWEEN greatest(r.customers - $2::bigint - $3::bigint + 1, 1)
                    AND greatest(r.customers - $2::bigint, 0)
            ),
            {_known("r.events")}, EXISTS (SELECT 1 FROM resellers b WHERE b.parent_id = r.reseller_id) AS has_resellers
        FROM resellers r WHERE r.reseller_id = $1
    """  # noqa: S608


@lru_cache
def _page_across(aggregate: str) -> str:
    """A page over several resellers, whose cost grows with their number and not with the offset.

    Ids and ordinals have the same order within a reseller, so the number of customers above an id is a matter of one
    look-up for each reseller, and the id where the page begins is found by bisection.
    """
    return f"""
        {_numbered(statements.BELOW)}, counts AS MATERIALIZED (
            SELECT r.reseller_id, r.customers FROM resellers r JOIN below ON r.reseller_id = below.id
            WHERE r.customers > 0
        ), search (low, high) AS (
            SELECT 0::bigint, (SELECT max(id) FROM accounts)
            UNION ALL
            SELECT CASE WHEN s.above > $2::bigint THEN s.middle + 1 ELSE s.low END,
                CASE WHEN s.above > $2::bigint THEN s.high ELSE s.middle END
            FROM (
                SELECT low, high, (low + high) / 2 AS middle, (
                    SELECT coalesce(sum(n.customers - coalesce((
                        SELECT c.ordinal FROM customers c
                        WHERE c.reseller_id = n.reseller_id AND c.id <= (low + high) / 2 ORDER BY c.id DESC LIMIT 1
                    ), 0)), 0) FROM counts n
                ) AS above
                FROM search WHERE low < high
            ) s
        ), first AS MATERIALIZED (
            SELECT low AS id FROM search WHERE low = high
        ), newest AS (
            SELECT c.* FROM counts n CROSS JOIN first CROSS JOIN LATERAL (
                SELECT c.id, c.summary, c.document FROM customers c
                WHERE c.reseller_id = n.reseller_id AND c.id <= first.id ORDER BY c.id DESC LIMIT $3::bigint
            ) c
            ORDER BY c.id DESC LIMIT $3::bigint
        )
        SELECT t.total, CASE WHEN $2::bigint < t.total THEN (SELECT {aggregate} FROM newest c) END, {_EVENTS}
        FROM (SELECT coalesce(sum(customers), 0)::bigint AS total FROM counts) t
    """  # noqa: S608


def _filtered(aggregate: str, wanted: Filter) -> tuple[str, list[Any]]:
    """The statement for any filters over any resellers, and its values from $5 on."""
    sources, conditions, values = ["below b"], [], []  # type: list[str], list[str], list[Any]

    def value(of: Any) -> str:
        values.append(of)
        return f"${len(values) + 4}"

    if wanted.external_id is not None:
        sources.append("customers c ON c.reseller_id = b.id")
        conditions.append(f"c.external_id = {value(wanted.external_id)}::text")
    if wanted.email is not None:
        ordinal = " AND e.ordinal = c.ordinal" if len(sources) > 1 else ""
        sources.append(f"customer_emails e ON e.reseller_id = b.id{ordinal}")
        conditions.append(f"e.email = {value(wanted.email)}::text")
    if len(sources) > 1:
        other = "c" if wanted.external_id is not None else "e"
        sources.append(f"customer_names n ON n.reseller_id = b.id AND n.ordinal = {other}.ordinal")
    elif (grams := search_grams(0, wanted.name or "")) is None:
        # Each row is looked at: an index for this alone would cost every new customer too much.
        sources.append("customer_names n ON n.reseller_id = b.id")
    else:
        # The numbers are those of the reseller; + 0 keeps the planner from walking through all its customers.
        mine = "('x' || left(encode(sha256($4::bytea || int8send(b.id)), 'hex'), 8))::bit(32)::int"
        own = f"SELECT g.number # {mine} FROM unnest({value(grams)}::int[]) AS g (number)"  # noqa: S608
        sources.append(f"customer_names n ON n.reseller_id + 0 = b.id AND n.grams @> ARRAY ({own})")
    if wanted.name is not None:
        conditions.append(f"strpos(n.name_folded, {value(wanted.name)}::text) > 0")
    sql = f"""
        {_numbered(statements.BELOW)}, found AS MATERIALIZED (
            SELECT n.reseller_id, n.ordinal, n.id FROM {" JOIN ".join(sources)} WHERE {" AND ".join(conditions)}
        )
        SELECT (SELECT count(*) FROM found), (
            SELECT {aggregate}
            FROM (SELECT * FROM found ORDER BY id DESC OFFSET $2::bigint LIMIT $3::bigint) p
            JOIN customers c ON c.reseller_id = p.reseller_id AND c.ordinal = p.ordinal
        ), {_EVENTS}
    """  # noqa: S608
    return sql, values


# Copies

# By what a table that is dumped in parts is ordered.
_KEYS = {
    "accounts": ("id",),
    "logins": ("folded",),
    "customers": ("reseller_id", "ordinal"),
    "events": ("reseller_id", "sequence"),
}


async def _load(connection: asyncpg.Connection[Any], table: Table, new: Sequence[Row]) -> None:
    columns = list(table.columns)
    if table.name == "platform":
        new = [(key, bool(sandbox)) for key, sandbox in new]
    elif table.name == "logins":
        columns, new = ["folded", *columns], [(rows.folded_login(row[0]), *row) for row in new]
    elif table.name == "customers":
        await _load_derived(connection, new)
    await connection.copy_records_to_table(table.name, columns=columns, records=new)


async def _load_derived(connection: asyncpg.Connection[Any], new: Sequence[Row]) -> None:
    """What is searched and who waits, from rows of the table `customers`."""
    key = await connection.fetchval("SELECT key FROM search_key")
    names, emails, waiting = [], [], []
    for reseller_id, ordinal, customer_id, _, status, *_, document in new:
        customer = rows.decode(document)
        name = rows.folded_name(customer)
        names.append((reseller_id, ordinal, customer_id, name, list(name_grams(salt(key, reseller_id), name))))
        emails += [(reseller_id, email, ordinal) for email in rows.folded_emails(customer)]
        if status == "pending":
            waiting.append((reseller_id, customer_id))
    for table, columns, records in (
        ("customer_names", ["reseller_id", "ordinal", "id", "name_folded", "grams"], names),
        ("customer_emails", ["reseller_id", "email", "ordinal"], emails),
        ("waiting_customers", ["reseller_id", "id"], waiting),
    ):
        await connection.copy_records_to_table(table, columns=columns, records=records)
