"""The embedded store: one file on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.store.base import Store
from emporion.store.sqlite.copies import SqliteCopies
from emporion.store.sqlite.customers import SqliteCustomers
from emporion.store.sqlite.database import STATEMENT_TIMEOUT, SqliteDatabase
from emporion.store.sqlite.events import SqliteEvents
from emporion.store.sqlite.resellers import SqliteResellers

if TYPE_CHECKING:
    from pathlib import Path


class SqliteStore(Store):
    """See `emporion.store.base.Store`."""

    def __init__(self, path: Path, statement_timeout: float = STATEMENT_TIMEOUT) -> None:
        """statement_timeout: seconds that a long read may take; 0 for any number."""
        database = SqliteDatabase(path, statement_timeout)
        self._database = database
        super().__init__(
            database,
            customers=SqliteCustomers(database),
            resellers=SqliteResellers(database),
            events=SqliteEvents(database),
            copies=SqliteCopies(database),
        )

    async def migrate(self) -> list[str]:
        return await self._database.migrate()

    async def open(self) -> None:
        await self._database.open()

    def stop(self) -> None:
        self._database.stop()

    async def close(self) -> None:
        await self._database.close()
