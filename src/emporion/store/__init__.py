"""What the platform keeps. `base` has the promises, the other modules keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emporion.settings import Settings
    from emporion.store.base import Store


def open_store(settings: Settings) -> Store:
    """The store that the settings name, not opened yet. Only its own modules are imported: a command is short."""
    if settings.database.path:
        from emporion.store.sqlite import SqliteStore

        return SqliteStore(settings.database.path, settings.statement_timeout)
    from emporion.store.postgres import PostgresStore
    from emporion.store.postgres.connections import Limits

    limits = Limits(settings.database_pool_size, settings.statement_timeout, settings.lock_timeout)
    standby = settings.read_database.url if settings.read_database else None
    return PostgresStore(settings.database.url, limits, standby)
