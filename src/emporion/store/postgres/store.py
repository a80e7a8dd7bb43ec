"""The store for many nodes, method by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import structs

from emporion.credentials import SigningKey
from emporion.events import NewEvent
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
from emporion.store.postgres import (
    access,
    answers,
    copies,
    imports,
    numbers,
    platforms,
    resellers,
    schema,
    sessions,
)
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer
from emporion.store.postgres.connections import Connections, Limits
from emporion.store.postgres.customers import Customers
from emporion.store.postgres.dialect import FARTHEST, numbered
from emporion.store.postgres.events import append_all, feed, look_ahead, number_events, written
from emporion.store.postgres.lists import Lists
from emporion.store.postgres.standby import Standby
from emporion.store.tables import Part, Row, Table
from emporion.turns import asking


class PostgresStore(Lookups):
    """See `emporion.store.base.Store` for what each method promises."""

    _login_is = sessions.LOGIN_IS

    def __init__(self, url: str, limits: Limits, read_url: str | None = None) -> None:
        """read_url: a standby for lists and searches, which are read there as far as it has followed."""
        self._primary = Connections(url, limits)
        self._standby = Standby(Connections(read_url, limits)) if read_url else None
        self._written = Coalescer(self._read_written, LARGEST_GROUP)
        self._looks = Coalescer(partial(look_ahead, self._primary), LARGEST_GROUP)
        self._customers = Customers(self._primary)
        self._lists = Lists(self._primary, self._standby, self._written.do, limits)

    async def migrate(self) -> list[str]:
        async with self._primary.alone(patient=True) as connection:
            await schema.check_server(connection)
            async with connection.transaction():
                done = await schema.migrate(connection)
                await schema.number_new_tree(connection)
                return done

    async def open(self) -> None:
        async with self._primary.alone() as connection:
            await schema.check(connection)
            search_key = await connection.fetchval("SELECT key FROM search_key")
        self._customers.open(search_key)
        self._lists.open(search_key)
        await self._primary.open()
        if self._standby:  # whoever starts the program is told now if it cannot be read
            await self._standby.read(lambda connections: connections.row("SELECT 1"))

    def stop(self) -> None:
        self._lists.turns.stop()

    async def close(self) -> None:
        await self._customers.finish()
        await self._lists.finish()
        await self._written.finish()
        await self._looks.finish()
        await self._primary.close()
        if self._standby:
            await self._standby.close()

    async def _row(self, sql: str, *values: Any) -> Any:
        return None if _has_nul(values) else await self._primary.row(numbered(sql), *values)

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return [] if _has_nul(values) else await self._primary.rows(numbered(sql), *values)

    async def _many(self, sql: str, *values: Any) -> list[Any]:
        async with self._lists.turns.turn(asking(values[0])):
            return await self._rows(sql, *values)

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
        await platforms.found(self._primary, platform, provider, reseller, user, key, events)

    async def add_signing_key(self, key: SigningKey, until: int, event: NewEvent) -> None:
        await access.add_signing_key(self._primary, key, until, event)

    async def end_signing_key(self, key_id: str, at: int, event: NewEvent) -> bool:
        return await access.end_signing_key(self._primary, key_id, at, event)

    # Resellers

    async def add_reseller(self, new: NewResellerRecord) -> Record:
        return await resellers.add_reseller(self._primary, new)

    async def change_reseller(self, change: ResellerChange) -> Record | None:
        return await resellers.change_reseller(self._primary, change)

    async def resellers(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        if _has_nul(structs.astuple(wanted)):
            return Listing(b"[]", 0)
        return await self._lists.resellers(root_id, wanted, offset, limit)

    # Who gets in

    async def users(self, reseller_id: int) -> list[User]:
        # The table is ordered by bytes, and has capital letters first.
        return sorted(await super().users(reseller_id), key=lambda user: rows.folded_login(user.login))

    async def add_user(self, user: User, event: NewEvent) -> None:
        await access.add_user(self._primary, user, event)

    async def change_user(self, user: User, version: int, event: NewEvent) -> bool:
        return await access.change_user(self._primary, user, version, event)

    async def add_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        await access.add_key(self._primary, key, event)

    async def change_key(self, key: SubscriptionKey, event: NewEvent) -> None:
        await access.change_key(self._primary, key, event)

    async def add_client(self, client: Client, event: NewEvent) -> None:
        await access.add_client(self._primary, client, event)

    async def change_client(self, client: Client, version: int, event: NewEvent) -> bool:
        return await access.change_client(self._primary, client, version, event)

    async def note_uses(self, uses: Uses) -> None:
        await access.note_uses(self._primary, uses)

    async def failures(self, subjects: Sequence[bytes]) -> list[Failures]:
        return await access.failures(self._primary, subjects)

    async def note_failure(self, subjects: Sequence[bytes], at: int, since: int) -> None:
        await access.note_failure(self._primary, subjects, at, since)

    async def note_success(self, subject: bytes, at: int) -> None:
        await access.note_success(self._primary, subject, at)

    async def forget_failures(self, before: int, good_before: int, limit: int) -> int:
        return await access.forget_failures(self._primary, before, good_before, limit)

    async def forget_answers(self, before: int, limit: int) -> int:
        return await answers.forget_answers(self._primary, before, limit)

    # Sessions of people

    async def add_session(self, session: Session) -> None:
        await sessions.add_session(self._primary, session)

    async def use_session(self, digest: bytes, at: int) -> None:
        await sessions.use_session(self._primary, digest, at)

    async def end_sessions(self, login: str, digests: Sequence[bytes], at: int) -> int:
        return 0 if "\0" in login else await sessions.end_sessions(self._primary, login, digests, at)

    async def end_other_sessions(self, login: str, digest: bytes, at: int) -> int:
        return 0 if "\0" in login else await sessions.end_other_sessions(self._primary, login, digest, at)

    async def forget_sessions(self, before: int, limit: int) -> int:
        return await sessions.forget_sessions(self._primary, before, limit)

    async def administrators(self, email: str, limit: int) -> list[Administrator]:
        return [] if "\0" in email else await sessions.administrators(self._primary, email, limit)

    async def set_password(self, before: Administrator, password_hash: str, event: NewEvent) -> bool:
        return await sessions.set_password(self._primary, before, password_hash, event)

    async def add_link(self, link: Link, event: NewEvent) -> None:
        await sessions.add_link(self._primary, link, event)

    async def use_link(self, link: Link, password_hash: str, at: int, event: NewEvent) -> bool:
        return await sessions.use_link(self._primary, link, password_hash, at, event)

    async def forget_links(self, before: int, limit: int) -> int:
        return await sessions.forget_links(self._primary, before, limit)

    # Numbers

    async def note_usage(self, usage: Sequence[Usage]) -> None:
        await numbers.note_usage(self._primary, usage)

    async def forget_usage(self, before: int, limit: int) -> int:
        return await numbers.forget_usage(self._primary, before, limit)

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        return await self._customers.add_customer(new)

    async def change_customer(self, change: Change) -> Record | None:
        return await self._customers.change_customer(change)

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        return await self._customers.verify(limit, verified)

    async def waiting(self) -> int:
        return await self._customers.waiting()

    async def document(self, reseller_id: int, customer_id: int) -> Found | None:
        return await self._customers.document(reseller_id, customer_id)

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        if _has_nul(structs.astuple(wanted)):
            return Listing(b"[]", 0)
        return await self._lists.customers(root_id, wanted, offset, limit, whole=whole)

    async def walk(self, reseller_id: int, after: int, limit: int) -> list[Walked]:
        return await imports.walk(self._primary, reseller_id, after, limit)

    async def holders(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        return await imports.holders(self._primary, reseller_id, external_ids)

    # Imports

    async def add_import(self, new: Import, until: int, most: int | None = None) -> bool:
        return await imports.add_import(self._primary, new, until, most)

    async def add_part(self, to: Import, number: int, content: bytes) -> bool:
        return await imports.add_part(self._primary, to, number, content)

    async def hold_import(self, import_id: str, holder: str, now: int, until: int) -> bool:
        return await imports.hold_import(self._primary, import_id, holder, now, until)

    async def change_import(
        self,
        changed: Import,
        before: Import,
        faulty: Sequence[FaultyRow] = (),
        *,
        anew: bool = False,
        until: int | None = None,
    ) -> bool:
        return await imports.change_import(self._primary, changed, before, faulty, anew=anew, until=until)

    async def forget_imports(self, before: int, limit: int) -> int:
        return await imports.forget_imports(self._primary, before, limit)

    # Events

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        await append_all(self._primary, events)

    async def written(self, root_id: int) -> int:
        return await self._written.do(root_id)

    async def _read_written(self, root_ids: list[int]) -> list[int]:
        return await written(self._primary, root_ids)

    async def _number_events(self, root_id: int) -> None:
        await number_events(self._primary, root_id)

    async def look_ahead(self, root_id: int, after: int) -> Ahead:
        after = min(after, FARTHEST)
        ahead = await self._looks.do((root_id, after))
        if ahead is not None:
            return ahead
        ((is_more, end),) = await self._many(statements.AHEAD, root_id, after)
        return Ahead(is_more, end)

    async def feed(self, root_id: int, after: int, limit: int) -> list[Entry]:
        return await feed(self._primary, root_id, after, limit)

    # Copies

    async def count(self, table: Table) -> int:
        return await copies.count(self._primary, table)

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        return await copies.dump(self._primary, table, after, limit)

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        await copies.load(self._primary, table, rows, after, count)

    async def copied(self) -> dict[str, tuple[str, int]]:
        return await copies.copied(self._primary)


def _has_nul(values: Sequence[Any]) -> bool:
    """Whether one is a text with the letter that PostgreSQL does not take: nothing that is kept is equal to it."""
    return any(isinstance(value, str) and "\0" in value for value in values)
