"""Every store that there is. The conformance suite runs against each; a new one is added here."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emporion.accounts.resellers import Reseller
from emporion.events import EventType, NewEvent, Origin
from emporion.store.base import Store
from emporion.store.migrations import Migration, migrations
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres import schema as postgres_schema
from emporion.store.postgres.connections import Limits
from emporion.store.resellers import NewResellerRecord
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite import schema as sqlite_schema
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.postgres import Databases, in_a_thread

Open = Callable[[], Awaitable[Store]]

PROVIDER, ONE, TWO, BELOW_ONE = 10, 20, 30, 40


def new_reseller(name: str, parent_id: int | None, id: int | None = None, **members: Any) -> NewResellerRecord:  # noqa: A002
    """An active reseller to be added, with these members."""
    account = Reseller(**{"id": "", "name": name, "status": "active", "language": "en", **members})
    return NewResellerRecord(parent_id, account, (), Origin("api", "command line"), 1000, id)


def event(reseller_id: int, type: EventType = "user.created") -> NewEvent:  # noqa: A002
    """An entry for the log of a reseller, about itself."""
    return NewEvent(reseller_id, reseller_id, type, 1000, Origin("api", "api", "correlation"))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database that is up to date, to be copied: to migrate takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    in_a_thread(migrate(SqliteStore(path)))
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: Databases) -> Iterator[str]:
    """The same on PostgreSQL: the name of a template."""
    with postgres.temporary() as name:
        in_a_thread(migrate(PostgresStore(postgres.url(name), Limits())))
        yield name


async def migrate(store: Store) -> None:
    """Bring its database up to date, and let go of it."""
    await store.migrate()
    await store.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens one more store over the test's own database; they all close with the test."""
    stores: list[Store] = []
    with ExitStack() as databases:
        if request.param == "postgres":
            new = databases.enter_context(postgres_stores(request))
        else:
            path = Path(shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "store.db"))
            new = partial(SqliteStore, path)

        async def open_one() -> Store:
            store = new()
            stores.append(store)
            await store.open()
            return store

        yield open_one
        for store in stores:
            await store.close()


@contextmanager
def postgres_stores(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Makes stores over one new database of the tests' PostgreSQL."""
    server: Databases = request.getfixturevalue("postgres")
    with server.temporary(request.getfixturevalue("migrated_database")) as name:
        yield lambda: PostgresStore(server.url(name), Limits())


@pytest.fixture
async def store(open_store: Open) -> Store:
    """A founded platform: a provider, ONE with a reseller BELOW_ONE, and TWO beside it."""
    store = await open_store()
    await store.platform.create(
        Platform(sandbox=False),
        new_reseller("Provider", None, PROVIDER),
        new_reseller("One", PROVIDER, ONE),
        User("api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
    )
    await store.resellers.add(new_reseller("Two", PROVIDER, TWO))
    await store.resellers.add(new_reseller("Below one", ONE, BELOW_ONE))
    return store


@pytest.fixture(params=["sqlite", "postgres"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes stores over one empty database."""
    if request.param == "sqlite":
        yield partial(SqliteStore, tmp_path / "store.db")
    else:
        server: Databases = request.getfixturevalue("postgres")
        with server.temporary() as name:
            yield lambda: PostgresStore(server.url(name), Limits())


def know_all_migrations_but(name: str, patch: pytest.MonkeyPatch) -> None:
    """Let this process be a program that lacks one migration."""
    _know(patch, lambda known: [migration for migration in known if migration.name != name])


def know_only_migrations_before(name: str, patch: pytest.MonkeyPatch) -> None:
    """Let this process be an older program: it has the migrations that came before this one."""
    _know(patch, lambda known: known[: [migration.name for migration in known].index(name)])


def _know(patch: pytest.MonkeyPatch, choose: Callable[[list[Migration]], list[Migration]]) -> None:
    for schema in (sqlite_schema, postgres_schema):
        patch.setattr(schema, "migrations", lambda kind: choose(migrations(kind)))
