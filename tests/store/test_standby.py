"""Lists and searches from a standby: never without what the same reseller has written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from emporion.errors import Problem
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Connections, Limits
from emporion.store.records import Filter
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.postgres import Postgres, in_a_thread, server
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, migrate, new_reseller
from tests.store.test_base import add, change, customer

QUESTIONS = [
    Filter(), Filter(name="acme"), Filter(name="ac"), Filter(email="anna@example.com"), Filter(status="active"),
    Filter(name="acme", status="active"),
]  # fmt: skip


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    with server() as running:
        standby = running.standby()
        standby.start()
        yield running


@pytest.fixture(scope="module")
def migrated(primary: Postgres) -> Iterator[str]:
    """The name of an empty database that is up to date."""
    with primary.temporary() as name:
        in_a_thread(migrate(PostgresStore(primary.url(name), Limits())))
        yield name


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    (standby,) = primary.standbys
    yield standby
    if not standby.running:
        standby.start()
    standby.resume_replay()


@pytest.fixture
async def store(primary: Postgres, standby: Postgres, migrated: str) -> AsyncIterator[PostgresStore]:
    """A platform of which the standby has all."""
    with primary.temporary(migrated) as name:
        store = PostgresStore(primary.url(name), Limits(connections=3), standby.url(name))
        primary.wait_until_followed(standby)
        await store.open()
        await store.platform.create(
            Platform(sandbox=False),
            new_reseller("Provider", None, PROVIDER),
            new_reseller("One", PROVIDER, ONE),
            User("api", ONE, "us", "hash"),
            SubscriptionKey(b"digest", ONE),
        )
        await store.resellers.add(new_reseller("Two", PROVIDER, TWO))
        await store.resellers.add(new_reseller("Below one", ONE, BELOW_ONE))
        for reseller in (ONE, TWO):
            await add(store, reseller)
        primary.wait_until_followed(standby)
        yield store
        await store.close()


async def names(store: PostgresStore, reseller: int, wanted: Filter) -> list[str]:
    listing = await store.customers.page(reseller, wanted, 0, 10, whole=False)
    return [item["name"] for item in msgspec.json.decode(listing.data)]


def mark(store: PostgresStore, primary: Postgres) -> None:
    """Let readers of the primary see it, behind the store's back."""
    primary.query("UPDATE customers SET summary = convert_to(replace(convert_from(summary, 'UTF8'), 'Acme', 'Marked'),"
                  " 'UTF8')", store._database.primary._url.rpartition("/")[2])  # fmt: skip


@pytest.mark.parametrize("wanted", QUESTIONS, ids=str)
async def test_a_list_comes_from_the_standby(
    store: PostgresStore, primary: Postgres, standby: Postgres, wanted: Filter
) -> None:
    standby.pause_replay()
    mark(store, primary)
    assert await names(store, TWO, wanted) == ["Acme"]
    assert await names(store, PROVIDER, wanted) == ["Acme", "Acme"]


@pytest.mark.parametrize("wanted", QUESTIONS, ids=str)
async def test_a_writer_reads_from_the_primary_until_the_standby_has_it(
    store: PostgresStore, primary: Postgres, standby: Postgres, wanted: Filter
) -> None:
    standby.pause_replay()
    await add(store, ONE, "Acme of one")
    assert await names(store, ONE, wanted) == ["Acme of one", "Acme"]
    mark(store, primary)
    assert await names(store, ONE, wanted) == ["Marked of one", "Marked"]
    assert await names(store, PROVIDER, wanted) == ["Marked of one", "Marked", "Marked"]
    assert await names(store, TWO, wanted) == ["Acme"]
    standby.resume_replay()
    primary.wait_until_followed(standby)
    standby.pause_replay()
    primary.query("UPDATE customers SET summary = '{}'", store._database.primary._url.rpartition("/")[2])
    assert await names(store, ONE, wanted) == ["Marked of one", "Marked"]


async def test_a_change_counts_as_well(store: PostgresStore, standby: Postgres) -> None:
    record = await add(store, BELOW_ONE)
    standby.pause_replay()
    await store.customers.update(change(record, customer("Acme changed")))
    assert (await names(store, ONE, Filter()))[0] == "Acme changed"
    assert (await names(store, BELOW_ONE, Filter()))[0] == "Acme changed"


async def test_another_process_reads_what_this_one_has_written(
    store: PostgresStore, primary: Postgres, standby: Postgres
) -> None:
    url = store._database.primary._url
    other = PostgresStore(url, Limits(connections=3), standby.url(url.rpartition("/")[2]))
    await other.open()
    standby.pause_replay()
    await add(store, ONE, "Acme of one")
    assert await names(other, ONE, Filter()) == ["Acme of one", "Acme"]
    await other.close()


async def test_without_the_standby_the_primary_answers(
    store: PostgresStore, standby: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby.kill()
    for wanted in QUESTIONS:
        assert await names(store, TWO, wanted) == ["Acme"]


async def test_a_standby_that_hangs_delays_no_reader_for_long(store: PostgresStore, standby: Postgres) -> None:
    standby.pause()
    assert await names(store, TWO, Filter()) == ["Acme"]
    standby.resume()


async def lists(read_url: str, primary: Postgres, store: PostgresStore) -> list[str]:
    """The names that ONE's list has where lists may be read from `read_url`."""
    other = PostgresStore(store._database.primary._url, Limits(connections=3), read_url)
    await other.open()
    try:
        return await names(other, ONE, Filter()) + await names(other, ONE, Filter(name="acme"))
    finally:
        await other.close()


async def test_what_is_no_standby_is_not_read(store: PostgresStore, primary: Postgres) -> None:
    """Another platform, a database without one, our own primary of yesterday: the primary answers."""
    with primary.temporary() as name:
        assert await lists(primary.url(name), primary, store) == ["Acme", "Acme"]
        another = PostgresStore(primary.url(name), Limits())
        await another.migrate()
        await another.open()
        await another.platform.create(
            Platform(sandbox=False),
            new_reseller("Provider", None, PROVIDER),
            new_reseller("One", PROVIDER, ONE),
            User("api", ONE, "us", "hash"),
            SubscriptionKey(b"digest", ONE),
        )
        for _ in range(5):
            await add(another, ONE, "Acme of another platform")
        primary.wait_until_followed(primary.standbys[0])
        assert await lists(primary.url(name), primary, store) == ["Acme", "Acme"]
        assert await lists(primary.standbys[0].url(name), primary, store) == ["Acme", "Acme"]
        await another.close()


async def test_a_search_that_takes_too_long_does_not_turn_the_standby_off(
    store: PostgresStore, primary: Postgres, standby: Postgres
) -> None:
    assert store._database.standby
    with pytest.raises(Problem, match="takes the database too long"):
        await store._database.standby.read(_slow)
    standby.pause_replay()
    mark(store, primary)
    assert await names(store, TWO, Filter()) == ["Acme"]


async def _slow(connections: Connections) -> None:
    async with connections.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 10")
        await connection.execute("SELECT pg_sleep(9)")


async def test_many_lists_at_once_open_the_standby_once(store: PostgresStore, standby: Postgres) -> None:
    url = store._database.primary._url
    other = PostgresStore(url, Limits(connections=3), standby.url(url.rpartition("/")[2]))
    await other.open()
    before = standby.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")[0][0]
    for listed in await asyncio.gather(*(names(other, TWO, Filter()) for _ in range(40))):
        assert listed == ["Acme"]
    during = standby.query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")[0][0]
    assert during - before <= 3
    await other.close()
