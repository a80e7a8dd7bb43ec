"""The embedded store, method by method: what does it, and whether in the event loop, in a thread or as a write."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from emporion.errors import Code, Problem
from emporion.logs import log
from emporion.store import rows, statements
from emporion.store.base import (
    Administrator,
    Ahead,
    Change,
    Client,
    Entry,
    Failures,
    FaultyRow,
    Filter,
    Found,
    Import,
    Link,
    Listing,
    NewRecord,
    NewResellerRecord,
    Platform,
    Record,
    ResellerChange,
    Session,
    SubscriptionKey,
    Usage,
    User,
    Uses,
    Walked,
)
from emporion.store.lookups import Lookups
from emporion.store.sqlite import (
    access,
    answers,
    copies,
    customers,
    imports,
    lists,
    numbers,
    platforms,
    resellers,
    schema,
    sessions,
)
from emporion.store.sqlite.connections import Connections
from emporion.store.sqlite.events import append_all, look_ahead, number_events, read_feed
from emporion.store.sqlite.file import Replaced
from emporion.store.sqlite.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from emporion.credentials import SigningKey
    from emporion.events import NewEvent
    from emporion.store.tables import Part, Row, Table


# Seconds.
STATEMENT_TIMEOUT = 5.0
# For whom is read what no account has asked for.
NOBODY = 0
# Seconds between two looks at the file.
INTERVAL = 0.5


class SqliteStore(Lookups):
    """See `emporion.store.base.Store` for what each method promises."""

    _login_is = sessions.LOGIN_IS

    def __init__(self, path: Path, statement_timeout: float = STATEMENT_TIMEOUT) -> None:
        """statement_timeout: seconds that a long read may take; 0 for any number."""
        self._path = path
        self._statement_timeout = statement_timeout
        self._connections, self._writer = self._parts()
        self._watch: asyncio.Task[None] | None = None

    def _parts(self) -> tuple[Connections, GroupCommit]:
        connections = Connections(self._path, self._statement_timeout)
        return connections, GroupCommit(connections.connect, connections.file)

    async def migrate(self) -> list[str]:
        schema.check_version()
        with self._connections.telling():
            schema.create_for_owner_only(self._path)
            with closing(self._connections.connect()) as connection:
                done = schema.migrate(connection)
                schema.number_new_tree(connection)
                return done

    async def open(self) -> None:
        schema.check_version()
        with self._connections.telling():
            self._connections.open(schema.check)
            self._writer.start()
        if not self._watch:
            self._watch = asyncio.create_task(self._watch_file())

    async def _watch_file(self) -> None:
        """Notice what happens to the file also while nobody writes, and change over to one that is put in its place."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                self._connections.check_file()
            except Replaced as replaced:
                await self._change_over(replaced)
            except (sqlite3.Error, Problem) as error:
                self._writer.outage.problem(error)

    async def _change_over(self, replaced: Replaced) -> None:
        """Use the file that stands at the path now, if it holds the same platform."""
        connections, writer = self._parts()

        def start(ours: object) -> None:
            def check(new: sqlite3.Connection) -> None:
                schema.check(new)
                if schema.whose(lambda sql: new.execute(sql).fetchone()) != ours:
                    raise Problem(Code.UNAVAILABLE, f"{replaced}, and holds another platform")

            with connections.telling():
                connections.open(check)
                writer.start()

        try:
            await asyncio.to_thread(start, schema.whose(self._connections.row))
        except Problem as problem:
            self._writer.outage.problem(problem)
        else:
            log.warning("the database was replaced, the new file is used from now on", path=str(self._path))
            self._connections, connections = connections, self._connections
            self._writer, writer = writer, self._writer
        await writer.stop()
        await connections.close()

    def stop(self) -> None:
        self._connections.turns.stop()

    async def close(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        await self._writer.stop()
        await self._connections.close()

    async def _row(self, sql: str, *values: Any) -> Any:
        return self._connections.row(sql, *values)

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._connections.rows(sql, *values)

    async def _many(self, sql: str, *values: Any) -> list[Any]:
        return await self._connections.in_thread(values[0], lambda c: c.execute(sql, values).fetchall())

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewResellerRecord,
        reseller: NewResellerRecord,
        user: User,
        key: SubscriptionKey,
        events: Sequence[NewEvent] = (),
    ) -> None:
        await self._writer.run(lambda c: platforms.found(c, platform, provider, reseller, user, key, events))

    async def add_signing_key(self, key: SigningKey, until: int, event: NewEvent) -> None:
        await self._writer.run(lambda c: access.add_signing_key(c, key, until, event))

    async def end_signing_key(self, key_id: str, at: int, event: NewEvent) -> bool:
        return await self._writer.run(lambda c: access.end_signing_key(c, key_id, at, event))

    # Resellers

    async def add_reseller(self, new: NewResellerRecord) -> Record:
        return await self._writer.run(lambda c: resellers.insert_reseller(c, new))

    async def change_reseller(self, change: ResellerChange) -> Record | None:
        return await self._writer.run(lambda c: resellers.update_reseller(c, change))

    async def resellers(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        return await lists.resellers(self._connections, root_id, wanted, offset, limit)

    # Who gets in

    async def add_user(self, user: User, event: NewEvent) -> None:
        await self._writer.run(lambda c: access.add_user(c, user, event))

    async def change_user(self, user: User, version: int, event: NewEvent) -> bool:
        return await self._writer.run(lambda c: access.change_user(c, user, version, event))

    async def add_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        await self._writer.run(lambda c: access.add_key(c, key, event))

    async def change_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        await self._writer.run(lambda c: access.change_key(c, key, event))

    async def add_client(self, client: Client, event: NewEvent) -> None:
        await self._writer.run(lambda c: access.add_client(c, client, event))

    async def change_client(self, client: Client, version: int, event: NewEvent) -> bool:
        return await self._writer.run(lambda c: access.change_client(c, client, version, event))

    async def note_uses(self, uses: Uses) -> None:
        await self._writer.run(lambda c: access.note_uses(c, uses))

    async def failures(self, subjects: Sequence[bytes]) -> list[Failures]:
        return access.failures(self._connections, subjects)

    async def note_failure(self, subjects: Sequence[bytes], at: int, since: int) -> None:
        await self._writer.run(lambda c: access.note_failure(c, subjects, at, since))

    async def note_success(self, subject: bytes, at: int) -> None:
        await self._writer.run(lambda c: access.note_success(c, subject, at))

    async def forget_failures(self, before: int, good_before: int, limit: int) -> int:
        return await self._writer.run(lambda c: access.forget_failures(c, before, good_before, limit))

    async def forget_answers(self, before: int, limit: int) -> int:
        return await self._writer.run(lambda c: answers.forget_answers(c, before, limit))

    # Sessions of people

    async def add_session(self, session: Session) -> None:
        await self._writer.run(lambda c: sessions.add_session(c, session))

    async def use_session(self, digest: bytes, at: int) -> None:
        await self._writer.run(lambda c: sessions.use_session(c, digest, at))

    async def end_sessions(self, login: str, digests: Sequence[bytes], at: int) -> int:
        return await self._writer.run(lambda c: sessions.end_sessions(c, login, digests, at))

    async def end_other_sessions(self, login: str, digest: bytes, at: int) -> int:
        return await self._writer.run(lambda c: sessions.end_other_sessions(c, login, digest, at))

    async def forget_sessions(self, before: int, limit: int) -> int:
        return await self._writer.run(lambda c: sessions.forget_sessions(c, before, limit))

    async def administrators(self, email: str, limit: int) -> list[Administrator]:
        return await self._connections.in_thread(email, lambda c: sessions.administrators(c, email, limit))

    async def set_password(self, before: Administrator, password_hash: str, event: NewEvent) -> bool:
        return await self._writer.run(lambda c: sessions.set_password(c, before, password_hash, event))

    async def add_link(self, link: Link, event: NewEvent) -> None:
        await self._writer.run(lambda c: sessions.add_link(c, link, event))

    async def use_link(self, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
        return await self._writer.run(lambda c: sessions.use_link(c, link, password_hash, at, event))

    async def forget_links(self, before: int, limit: int) -> int:
        return await self._writer.run(lambda c: sessions.forget_links(c, before, limit))

    # Numbers

    async def note_usage(self, usage: Sequence[Usage]) -> None:
        await self._writer.run(lambda c: numbers.note_usage(c, usage))

    async def forget_usage(self, before: int, limit: int) -> int:
        return await self._writer.run(lambda c: numbers.forget_usage(c, before, limit))

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        return await self._writer.run(lambda c: customers.insert_customer(c, new))

    async def change_customer(self, change: Change) -> Record | None:
        return await self._writer.run(lambda c: customers.update_customer(c, change))

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        if not await self.waiting():  # no writer needs to be held up for that
            return 0
        return await self._writer.run(lambda c: customers.verify(c, limit, verified))

    async def waiting(self) -> int:
        row = await self._row("SELECT count(*) FROM customers WHERE status = 'pending'")
        return int(row[0])

    async def document(self, reseller_id: int, customer_id: int) -> Found | None:
        row = self._connections.row(statements.DOCUMENT, reseller_id, customer_id)
        return Found(*row) if row else None

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        return await lists.customers(self._connections, root_id, wanted, offset, limit, whole=whole)

    async def walk(self, reseller_id: int, after: int, limit: int) -> list[Walked]:
        return await self._connections.in_thread(reseller_id, lambda c: imports.walk(c, reseller_id, after, limit))

    async def holders(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        return imports.holders(self._connections, reseller_id, external_ids)

    # Imports

    async def add_import(self, new: Import, until: int, most: int | None = None) -> bool:
        return await self._writer.run(lambda c: imports.add_import(c, new, until, most))

    async def add_part(self, to: Import, number: int, content: bytes) -> bool:
        return await self._writer.run(lambda c: imports.add_part(c, to, number, content))

    async def hold_import(self, import_id: str, holder: str, now: int, until: int) -> bool:
        return await self._writer.run(lambda c: imports.hold_import(c, import_id, holder, now, until))

    async def change_import(
        self,
        changed: Import,
        before: Import,
        faulty: Sequence[FaultyRow] = (),
        *,
        anew: bool = False,
        until: int | None = None,
    ) -> bool:
        return await self._writer.run(
            lambda c: imports.change_import(c, changed, before, faulty, anew=anew, until=until)
        )

    async def forget_imports(self, before: int, limit: int) -> int:
        return await self._writer.run(lambda c: imports.forget_imports(c, before, limit))

    # Events

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        await self._writer.run(lambda c: append_all(c, events))

    async def written(self, root_id: int) -> int:
        row = await self._row(statements.WRITTEN, root_id)
        return int(row[0] or 0)

    async def _number_events(self, root_id: int) -> None:
        if await self._row(statements.NEWS, root_id):
            await self._writer.run(lambda c: number_events(c, root_id))

    async def look_ahead(self, root_id: int, after: int) -> Ahead:
        return await look_ahead(self._connections, root_id, after)

    async def feed(self, root_id: int, after: int, limit: int) -> list[Entry]:
        await self._number_events(root_id)
        found = await self._connections.in_thread(root_id, lambda c: read_feed(c, root_id, after, limit))
        return [Entry(position, rows.event(*row)) for position, *row in found]

    # Copies

    async def count(self, table: Table) -> int:
        return await self._connections.in_thread(NOBODY, lambda c: copies.count(c, table), unlimited=True)

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        return await self._connections.in_thread(NOBODY, lambda c: copies.dump(c, table, after, limit), unlimited=True)

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        await self._writer.run(lambda c: copies.load(c, table, rows, after, count))

    async def copied(self) -> dict[str, tuple[str, int]]:
        found = await self._rows("SELECT name, after, rows FROM copies")
        return {name: (after, count) for name, after, count in found}
