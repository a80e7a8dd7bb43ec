"""Resellers: how they are searched."""

from __future__ import annotations

from emporion.store.postgres.database import PostgresDatabase
from emporion.store.postgres.lists import Lists
from emporion.store.records import Filter, Listing
from emporion.store.resellers import ResellerStore


class PostgresResellers(ResellerStore):
    """See `emporion.store.resellers.ResellerStore`."""

    def __init__(self, database: PostgresDatabase, lists: Lists) -> None:
        super().__init__(database)
        self._lists = lists

    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        return await self._lists.resellers(root_id, wanted, offset, limit)
