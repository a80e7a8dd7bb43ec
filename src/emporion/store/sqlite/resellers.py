"""Resellers: how they are searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.store.resellers import ResellerStore
from emporion.store.sqlite import lists

if TYPE_CHECKING:
    from emporion.store.records import Filter, Listing
    from emporion.store.sqlite.database import SqliteDatabase


class SqliteResellers(ResellerStore):
    """See `emporion.store.resellers.ResellerStore`."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._file = database

    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        return await lists.resellers(self._file.connections, root_id, wanted, offset, limit)
