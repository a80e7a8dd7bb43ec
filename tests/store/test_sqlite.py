"""What is particular to the embedded store: its file, its migrations, and reads that share a view."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

import emporion.store
from emporion.accounts.folding import fold
from emporion.accounts.resellers import Reseller
from emporion.errors import Code, Problem
from emporion.fair_semaphore import ACCOUNT
from emporion.store.customers import CustomerCounts
from emporion.store.migrations import Migration, migrations
from emporion.store.platform import Platform
from emporion.store.records import Filter, Listing
from emporion.store.sqlite import SqliteStore, schema
from emporion.store.sqlite.connections import OF_ONE
from emporion.store.sqlite.rowids import ordinal_of, place
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.effort import HANGS
from tests.store.conftest import event, new_reseller

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def found(store: SqliteStore) -> None:
    await store.platform.create(
        Platform(sandbox=False),
        new_reseller("Provider", None, 10),
        new_reseller("One", 10, 20),
        User("api", 20, "us", "hash"),
        SubscriptionKey(b"digest", 20),
    )


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


@pytest.mark.parametrize(("reseller", "ordinal"), [(1, 1), (1_000_000, 1), (2**31 - 1, 2**32 - 1)])
def test_a_place_is_a_reseller_and_an_ordinal(reseller: int, ordinal: int) -> None:
    assert ordinal_of(place(reseller, ordinal)) == ordinal
    assert place(reseller, ordinal) < place(reseller + 1, 0) <= 2**63


def test_no_statement_numbers_its_placeholders() -> None:
    # CPython 3.12.0 to 3.12.3 take ?1 for a name, and warn of each statement that has one and gets a sequence.
    for file in Path(emporion.store.__file__).parent.rglob("*.py"):
        assert not re.search(r"\?\d", file.read_text()), file


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in migrations("sqlite")] == list(range(1, len(migrations("sqlite")) + 1))


async def test_a_migration_runs_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    known = migrations("sqlite")
    await _open_and_close(SqliteStore(path))
    broken = Migration(
        known[-1].number + 1, "broken", "CREATE TABLE half (x INTEGER);\nCREATE TABLE half (x INTEGER);\n"
    )
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, broken])
    with pytest.raises(Problem, match="cannot be opened"):
        await SqliteStore(path).migrate()
    assert "half" not in tables(path)
    mended = Migration(broken.number, "mended", "CREATE TABLE half (x INTEGER);\nINSERT INTO half VALUES (1);\n")
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, mended])
    assert await SqliteStore(path).migrate() == [f"{mended.number:04} mended"]
    assert await SqliteStore(path).migrate() == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM half").fetchone() == (1,)


async def test_many_starts_at_once_migrate_once(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "store.db") for _ in range(8)]
    await asyncio.gather(*(asyncio.to_thread(asyncio.run, _open_and_close(store)) for store in stores))
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        count = connection.execute("SELECT count(*) FROM schema_migrations").fetchone()
    assert count == (len(migrations("sqlite")),)


async def _open_and_close(store: SqliteStore) -> None:
    await store.migrate()
    await store.open()
    await store.close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await _open_and_close(SqliteStore(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'from the future')")
        connection.commit()
    with pytest.raises(Problem, match="made by a newer Emporion: it has migration 9999"):
        await SqliteStore(path).open()
    with pytest.raises(Problem, match="made by a newer Emporion"):
        await SqliteStore(path).migrate()


async def test_a_database_that_is_behind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    await _open_and_close(SqliteStore(path))
    known = migrations("sqlite")
    next_one = Migration(known[-1].number + 1, "one_more", "CREATE TABLE more (x INTEGER);\n")
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, next_one])
    with pytest.raises(Problem, match=rf"it lacks {next_one.number:04} one more.*emporion migrate"):
        await SqliteStore(path).open()


async def test_what_an_older_database_has_is_kept_and_gets_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    names = {10: ("Provider", None), 20: ('Zoë "ÄÖÜ" \\ \n', 10), 30: ("Deep", 20), 40: ("Beside", 10)}
    known = migrations("sqlite")
    monkeypatch.setattr(schema, "migrations", lambda _: known[:2])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection)
        connection.execute("INSERT INTO platform VALUES (1, x'00', 0)")
        for reseller_id, (name, parent_id) in names.items():
            connection.execute("INSERT INTO accounts VALUES (?, 'reseller', ?)", (reseller_id, parent_id))
            connection.execute("INSERT INTO resellers VALUES (?, ?, ?, 0, 1)", (reseller_id, parent_id, name))
            connection.execute(
                "INSERT INTO events VALUES (?, 1, ?, 'customer.updated', 5, NULL, 'api', NULL, '{}')",
                (reseller_id, reseller_id),
            )
        connection.execute("INSERT INTO logins VALUES ('Api', 20, NULL, NULL, 'hash')")
        connection.execute("INSERT INTO users VALUES (20, 'Api', 'us')")
        connection.execute("INSERT INTO subscription_keys VALUES (x'01', 20, '1.15')")
    monkeypatch.undo()
    store = SqliteStore(path)
    assert await store.migrate() == [migration.title for migration in known[2:]]
    await store.open()
    assert await store.platform.get() == Platform(sandbox=False)
    assert await store.signing_keys.all() == []
    assert await store.users.get("api") == User("Api", 20, "us", "hash")
    assert await store.subscription_keys.get(b"\1") == SubscriptionKey(b"\1", 20, "1.15")
    for reseller_id, (name, parent_id) in names.items():
        record = await store.resellers.get(reseller_id)
        assert record
        above = None if parent_id is None else str(parent_id)
        account = Reseller(id=str(reseller_id), name=name, status="active", language="en", reseller_id=above)
        assert (record.version, msgspec.json.decode(record.document, type=Reseller)) == (1, account)
        assert (await store.resellers.page(reseller_id, Filter(name=fold(name)), 0, 10)).total == 1
        assert not await store.resellers.is_suspended(reseller_id)
        assert await store.resellers.is_within(reseller_id, 20) is (reseller_id in (20, 30))
        assert len(await store.events.log(reseller_id, 0, 10)) == 1
    assert [entry.position for entry in await store.events.feed(10, 0, 10)] == [1, 2, 3, 4]
    below = await store.resellers.add(new_reseller("Next", 30))
    assert await store.resellers.is_within(below.id, 20)
    await store.close()


async def test_the_customers_of_an_older_database_are_counted_and_listed_by_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, day = tmp_path / "store.db", 86_400_000
    known = migrations("sqlite")
    monkeypatch.setattr(schema, "migrations", lambda _: known[:3])
    await SqliteStore(path).migrate()
    monkeypatch.undo()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO reseller_accounts (reseller_id, first, last, name_folded, document)"
            " VALUES (20, 0, 9, '', x''), (30, 5, 5, '', x'')"
        )
        for reseller_id, number, status, at in (
            (20, 1, "active", day),
            (20, 2, "active", 2 * day - 1),
            (20, 3, "error", 2 * day),
            (20, 4, "active", 5),
            (30, 5, "error", 9),
        ):
            connection.execute(
                "INSERT INTO customers VALUES (?, ?, ?, NULL, '', ?, 1, ?, 1, x'7b7d', x'7b7d')",
                (place(reseller_id, number), reseller_id, number, status, at),
            )
            connection.execute("INSERT INTO accounts VALUES (?, 'customer', ?)", (number, reseller_id))
    store = SqliteStore(path)
    await store.migrate()
    await store.open()
    assert await store.customers.counts(20, 0) == CustomerCounts({"active": 3, "error": 2}, {0: 2, 1: 2, 2: 1})
    assert await store.customers.counts(30, 0) == CustomerCounts({"error": 1}, {0: 1})
    assert await store.customers.page(20, Filter(status="error"), 0, 9, whole=True) == Listing(b"[{},{}]", 2)
    await store.close()


@pytest.fixture
async def founded(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """The store of a process that serves a platform from `store.db`."""
    store = SqliteStore(tmp_path / "store.db")
    await store.migrate()
    await store.open()
    await found(store)
    yield store
    await store.close()


def add_by_command(path: Path, login: str) -> None:
    """Add a user over another connection; the event loop stands still meanwhile."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO logins (login, reseller_id, password_hash) VALUES (?, 20, 'hash')", (login,))
        connection.execute("INSERT INTO users (reseller_id, login, marketplace) VALUES (20, ?, 'us')", (login,))


async def test_a_request_sees_what_a_command_wrote_before_it_was_sent(founded: SqliteStore, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    seen: asyncio.Future[User | None] = loop.create_future()

    async def request() -> None:
        seen.set_result(await founded.users.get("late"))

    # A request reads; before the event loop turns to anything else, a command writes and another request is sent.
    assert await founded.users.get("late") is None
    add_by_command(tmp_path / "store.db", "late")
    loop.call_soon(lambda: loop.create_task(request()))
    assert await seen


async def test_requests_of_one_turn_share_a_view(founded: SqliteStore, tmp_path: Path) -> None:
    assert await founded.users.get("late") is None
    add_by_command(tmp_path / "store.db", "late")
    assert await founded.users.get("late") is None
    await asyncio.sleep(0)
    assert await founded.users.get("late")


async def test_the_log_does_not_grow_while_reads_and_writes_alternate(founded: SqliteStore, tmp_path: Path) -> None:
    users = 0
    while times_begun_anew(tmp_path / "store.db-wal") < 3:
        users += 1
        await founded.users.add(User(f"user{users}", 20, "us", "h" * 100), event(20))
        assert await founded.users.get(f"user{users}")
        assert users < 3000


def times_begun_anew(log: Path) -> int:
    """How often the log has been written over from its beginning: the fourth number of its header."""
    with log.open("rb") as file:
        return int.from_bytes(file.read(16)[12:])


async def test_nothing_is_held_of_a_file_that_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 1000)
    made: list[sqlite3.Connection] = []

    class Kept(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, **options, factory=Kept))
    for opened in (SqliteStore(path).migrate, SqliteStore(path).open):
        with pytest.raises(Problem, match="cannot be opened"):
            await opened()
    assert len(made) == 2
    for connection in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            connection.execute("SELECT 1")


async def test_nothing_is_held_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    await store.migrate()
    await store.open()
    await found(store)
    await store.events.log(20, 0, 10)
    await store.close()
    assert not (tmp_path / "store.db-wal").exists()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # needs the file for itself alone


async def test_a_long_read_ends_after_its_time_and_the_next_one_has_its_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db", statement_timeout=0.05)
    await store.migrate()
    await store.open()
    try:
        for _ in range(2):
            with pytest.raises(Problem) as raised:
                await store._database.connections.in_thread(1, lambda c: c.execute(ENDLESS).fetchone())
            assert "takes the database too long" in raised.value.message
        assert await store._database.connections.in_thread(1, lambda c: c.execute("SELECT 1").fetchone()) == (1,)
    finally:
        await store.close()


async def test_a_caller_who_asks_about_many_resellers_has_one_queue(founded: SqliteStore) -> None:
    held, read = threading.Event(), founded._database.connections.in_thread
    ACCOUNT.set(10)
    asked = [asyncio.create_task(read(reseller, lambda _: held.wait(HANGS))) for reseller in (20, 30, 40, 50)]
    await asyncio.sleep(0)
    assert len(founded._database.connections._threads._threads) == OF_ONE
    ACCOUNT.set(20)
    async with asyncio.timeout(HANGS):
        assert await read(20, lambda _: True)
    held.set()
    assert all(await asyncio.gather(*asked))


async def test_reads_that_wait_while_all_is_closed_are_refused(founded: SqliteStore) -> None:
    held = threading.Event()
    reads = [
        asyncio.create_task(founded._database.connections.in_thread(reseller, lambda _: held.wait(HANGS)))
        for reseller in (1, 2, 3, 4)
    ]
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(founded._database.connections.close())
    with pytest.raises(Problem) as raised:
        await reads[3]
    assert raised.value.code is Code.UNAVAILABLE
    held.set()
    await closing_
    assert await asyncio.gather(*reads[:3]) == [True] * 3


async def test_short_reads_do_not_say_that_long_ones_work(founded: SqliteStore, tmp_path: Path) -> None:
    with capture_logs() as logs:
        (tmp_path / "store.db").rename(tmp_path / "away.db")
        for _ in range(2):
            with pytest.raises(Problem):
                await founded._database.connections.in_thread(1, lambda c: c.execute("SELECT 1").fetchone())
            assert await founded.users.get("api")
        (tmp_path / "away.db").rename(tmp_path / "store.db")
        assert await founded._database.connections.in_thread(1, lambda c: c.execute("SELECT 1").fetchone()) == (1,)
    told = [entry["event"] for entry in logs if "reads" in entry["event"]]
    assert told == ["long reads fail, and are tried again with each request", "long reads work again"]
