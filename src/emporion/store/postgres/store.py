"""The store for many nodes: a PostgreSQL server."""

from __future__ import annotations

from emporion.store.base import Store
from emporion.store.postgres.connections import Limits
from emporion.store.postgres.copies import PostgresCopies
from emporion.store.postgres.customers import PostgresCustomers
from emporion.store.postgres.database import PostgresDatabase
from emporion.store.postgres.events import PostgresEvents
from emporion.store.postgres.lists import Lists
from emporion.store.postgres.resellers import PostgresResellers


class PostgresStore(Store):
    """See `emporion.store.base.Store`."""

    def __init__(self, url: str, limits: Limits, read_url: str | None = None) -> None:
        """read_url: a standby for lists and searches, which are read there as far as it has followed."""
        database = PostgresDatabase(url, limits, read_url)
        events = PostgresEvents(database)
        lists = Lists(database, events.log_position)
        customers = PostgresCustomers(database, lists)
        self._database, self._events, self._customers, self._lists = database, events, customers, lists
        super().__init__(
            database,
            customers=customers,
            resellers=PostgresResellers(database, lists),
            events=events,
            copies=PostgresCopies(database),
        )

    async def migrate(self) -> list[str]:
        return await self._database.migrate()

    async def open(self) -> None:
        await self._database.open()

    def stop(self) -> None:
        self._database.stop()

    async def close(self) -> None:
        await self._customers.finish()
        await self._lists.finish()
        await self._events.finish()
        await self._database.close()
