"""The store for many nodes, method by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emporion.credentials import SigningKey
from emporion.events import NewEvent
from emporion.store import rows
from emporion.store.base import (
    Change,
    Client,
    Entry,
    Failures,
    Filter,
    Found,
    Listing,
    NewRecord,
    NewResellerRecord,
    Platform,
    Record,
    ResellerChange,
    SubscriptionKey,
    User,
    Uses,
)
from emporion.store.lookups import Lookups
from emporion.store.postgres import access, answers, copies, platforms, resellers, schema
from emporion.store.postgres.coalescing import LARGEST_GROUP, Coalescer
from emporion.store.postgres.connections import Connections, Limits
from emporion.store.postgres.customers import Customers
from emporion.store.postgres.dialect import numbered
from emporion.store.postgres.events import append_all, feed, written
from emporion.store.postgres.lists import Lists
from emporion.store.postgres.standby import Standby
from emporion.store.tables import Part, Row, Table


class PostgresStore(Lookups):
    """See `emporion.store.base.Store` for what each method promises."""

    _login_is = 'l.folded = lower(?1 COLLATE "C")'

    def __init__(self, url: str, limits: Limits, read_url: str | None = None) -> None:
        """read_url: a standby for lists and searches, which are read there as far as it has followed."""
        self._primary = Connections(url, limits)
        self._standby = Standby(Connections(read_url, limits)) if read_url else None
        self._written = Coalescer(self._read_written, LARGEST_GROUP)
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

    async def close(self) -> None:
        await self._customers.finish()
        await self._written.finish()
        await self._primary.close()
        if self._standby:
            await self._standby.close()

    async def _row(self, sql: str, *values: Any) -> Any:
        return await self._primary.row(numbered(sql), *values)

    async def _rows(self, sql: str, *values: Any) -> list[Any]:
        return await self._primary.rows(numbered(sql), *values)

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewResellerRecord,
        reseller: NewResellerRecord,
        user: User,
        key: SubscriptionKey,
    ) -> None:
        await platforms.found(self._primary, platform, provider, reseller, user, key)

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
        return await self._lists.resellers(root_id, wanted, offset, limit)

    # Who gets in

    async def user(self, login: str) -> User | None:
        # PostgreSQL takes no such letter, and no login has it.
        return None if "\0" in login else await super().user(login)

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

    async def client(self, realm: str, client_id: str) -> Client | None:
        return None if "\0" in realm + client_id else await super().client(realm, client_id)

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
        return await self._lists.customers(root_id, wanted, offset, limit, whole=whole)

    # Events

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        await append_all(self._primary, events)

    async def written(self, root_id: int) -> int:
        return await self._written.do(root_id)

    async def _read_written(self, root_ids: list[int]) -> list[int]:
        return await written(self._primary, root_ids)

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
