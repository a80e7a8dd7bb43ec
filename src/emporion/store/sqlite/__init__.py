"""The embedded store: one SQLite file in WAL mode, for any number of processes on one machine."""

from emporion.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
