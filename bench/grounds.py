"""Where platforms of many customers are kept: one database for each kind of store, which grows from size to size."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from tests.postgres import Databases, Postgres, guarded_folder

from bench import bulk_postgres, bulk_sqlite, on_postgres, on_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from bench.sold import Sales, Seller

# Names what was put aside.
KEPT = "kept"

# While customers are put in, nothing needs to survive, and no other program needs the memory.
FILLING: dict[str, str | int] = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "autovacuum": "off",
    "maintenance_work_mem": "2GB",
    "max_parallel_maintenance_workers": 0,
}
# As an operator sets them for a machine of this kind; what is committed is on disk.
SERVING: dict[str, str | int] = {
    "fsync": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_wal_senders": 10,
    "autovacuum": "on",
    "maintenance_work_mem": "64MB",
    "max_parallel_maintenance_workers": 2,
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
}


class Ground(Protocol):
    """A place for a platform. url: as `emporion serve` takes it. fact: the database's name and version.

    databases: where others are kept beside it, if it is on a server.
    """

    url: str
    fact: str
    databases: Databases | None

    def grow(self, wanted: int, say: Callable[[str], None]) -> None:
        """See that there are at least `wanted` customers. No client may be served meanwhile."""

    def sell(self, sellers: Sequence[Seller], say: Callable[[str], None]) -> list[Sales]:
        """Add the subscriptions and orders of resellers; what was added. No client may be served meanwhile."""

    def keep(self) -> None:
        """Put a copy of the platform aside. No client may be served meanwhile."""

    def kept(self) -> str:
        """The URL of a new copy of what was put aside."""

    def size(self) -> int:
        """Bytes on disk."""


class OnPostgres:
    """A server of our own."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.databases: Databases | None = server
        self.url = server.url()
        self.fact = on_postgres.fact(server)
        asyncio.run(bulk_postgres.make(self.url))

    def grow(self, wanted: int, say: Callable[[str], None]) -> None:
        with self._filling():
            asyncio.run(bulk_postgres.fill(self.url, wanted, say))

    def sell(self, sellers: Sequence[Seller], say: Callable[[str], None]) -> list[Sales]:
        with self._filling():
            return asyncio.run(bulk_postgres.fill_sales(self.url, sellers, say))

    @contextmanager
    def _filling(self) -> Iterator[None]:
        self._restart(FILLING)
        yield
        self._restart(SERVING)
        os.sync()  # nothing was, while it was filled; and later it would disturb what is measured

    def keep(self) -> None:
        self._server.create(KEPT, urlsplit(self.url).path.removeprefix("/"))

    def kept(self) -> str:
        name = f"{KEPT}_{secrets.token_hex(4)}"
        self._server.create(name, KEPT)
        return self._server.url(name)

    def size(self) -> int:
        [(found,)] = self._server.query("SELECT pg_database_size(current_database())")
        return int(found)

    def _restart(self, settings: dict[str, str | int]) -> None:
        self._server.settings.update(settings)
        self._server.restart()


class OnSqlite:
    """A file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "scale.db"
        self.databases: Databases | None = None
        self.fact = on_sqlite.fact()
        self.url = f"sqlite:///{self._path}"
        asyncio.run(bulk_sqlite.make(self._path))

    def grow(self, wanted: int, say: Callable[[str], None]) -> None:
        bulk_sqlite.fill(self._path, wanted, say)
        os.sync()

    def sell(self, sellers: Sequence[Seller], say: Callable[[str], None]) -> list[Sales]:
        made = bulk_sqlite.fill_sales(self._path, sellers, say)
        os.sync()
        return made

    def keep(self) -> None:
        shutil.copyfile(self._path, self._path.with_name(KEPT))

    def kept(self) -> str:
        path = self._path.with_name(f"{secrets.token_hex(4)}.db")
        shutil.copyfile(self._path.with_name(KEPT), path)
        return f"sqlite:///{path}"

    def size(self) -> int:
        return self._path.stat().st_size


@contextmanager
def postgres(folder: Path) -> Iterator[Ground]:
    """A server of our own, whose files are in `folder`; gone when the block ends."""
    with _temporary_files_in(folder), guarded_folder() as own:
        server = Postgres(own)
        try:
            server.settings.update(SERVING)
            server.start()
            yield OnPostgres(server)
        finally:
            server.end()


@contextmanager
def sqlite(folder: Path) -> Iterator[Ground]:
    """A file in `folder`; gone when the block ends."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        yield OnSqlite(type(folder)(own))


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


GROUNDS = {"postgres": postgres, "sqlite": sqlite}
