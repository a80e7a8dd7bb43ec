"""The store for many nodes: PostgreSQL 15 or newer."""

from emporion.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
