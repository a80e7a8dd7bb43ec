"""A platform moves from one store to another with all that it has, also when it is cut short on its way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from emporion.errors import Problem
from emporion.store import copying
from emporion.store.base import AdministratorLogin, Filter, NewReseller, Platform, Store, SubscriptionKey, User
from emporion.store.connections import Limits
from emporion.store.postgres import PostgresStore
from emporion.store.sqlite import SqliteStore
from emporion.store.tables import TABLES, Digest
from tests.postgres import Databases
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO
from tests.store.test_base import add, change, customer, ids, new, person

New = Callable[[str], Store]


@pytest.fixture
async def new_store(postgres: Databases, tmp_path: Path) -> AsyncIterator[New]:
    """Makes a store of either kind over a database of its own; they all close with the test."""
    stores: list[Store] = []
    with ExitStack() as databases:

        def make(kind: str) -> Store:
            if kind == "sqlite":
                stores.append(SqliteStore(tmp_path / f"{len(stores)}.db"))
            else:
                url = postgres.url(databases.enter_context(postgres.temporary()))
                stores.append(PostgresStore(url, Limits(connections=2)))
            return stores[-1]

        yield make
        for store in stores:
            await store.close()


async def furnished(store: Store) -> Store:
    """A platform with something in each table."""
    await store.migrate()
    await store.open()
    await store.found(
        Platform(b"k" * 32, sandbox=True),
        NewReseller("Provider", None, PROVIDER),
        NewReseller("One", PROVIDER, ONE),
        User("Api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
    )
    await store.add_reseller(NewReseller("Two", PROVIDER, TWO))
    await store.add_reseller(NewReseller("Below one", ONE, BELOW_ONE))
    await store.add_key(SubscriptionKey(b"pinned\0\xff", TWO, "1.15"))
    for number in range(30):
        reseller = (ONE, TWO, BELOW_ONE)[number % 3]
        wanted = customer(f"Zoë {number}", f"e{number}", "active", person(f"p{number}@example.com"), person())
        await store.add_customer(new(reseller, wanted, AdministratorLogin(0, f"Login{number}", None)))
    record = await add(store, ONE, "日本")
    await store.change_customer(change(record, customer("日本 2"), changes={"name": ("日本", "日本 2")}))
    await store.add_customer(new(TWO, customer("Waiting", status="pending")))
    return store


async def copied(source: Store, target: Store) -> None:
    await target.migrate()
    await target.open()
    await copying.copy(source, target, lambda _: None)
    checked = [one async for one in copying.check(source, target, lambda _: None)]
    assert [one.table for one in checked] == list(TABLES[:-1])
    await copying.finish(source, target)


async def answers(store: Store) -> list[object]:
    given: list[object] = [await store.platform(), await store.waiting(), await store.user("aPI")]
    given += [await store.key(digest) for digest in (b"digest", b"pinned\0\xff")]
    for root in (PROVIDER, ONE, TWO, BELOW_ONE):
        given.append(await store.events(root, 0, 1000))
        for wanted in (Filter(), Filter(name="zoe 1"), Filter(name="日本"), Filter(email="p7@example.com"),
                       Filter(external_id="e4")):  # fmt: skip
            listing = await store.customers(root, wanted, 1, 7, whole=True)
            given.append(listing)
            for item in msgspec.json.decode(listing.data):
                given.append(await store.owner(int(item["id"])))
                given.append([await store.logins(owner, int(item["id"])) for owner in (ONE, TWO, BELOW_ONE)])
    return given


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_the_copy_answers_as_the_original_and_goes_on_where_that_ended(
    new_store: New, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART", 7)
    original, copy = await furnished(new_store(source)), new_store(target)
    await copied(original, copy)
    assert await answers(copy) == await answers(original)
    newest = (await ids(original, PROVIDER))[0]
    for store in (original, copy):
        added = await add(store, ONE, "Next")
        assert added.id == newest + 1
        assert (await store.events(ONE, 0, 100))[-1].account_id == added.id
        assert (await ids(store, ONE))[0] == added.id
        assert await store.verify(5, lambda record: change(record, customer("Waiting"))) == 1


class Cut(Exception):
    """The copy was cut short."""


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_a_copy_that_is_cut_short_again_and_again_ends_whole(
    new_store: New, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART", 5)
    original, copy = await furnished(new_store(source)), new_store(target)
    await copy.migrate()
    await copy.open()
    steps = 0

    def cut_short(rows: int) -> None:
        nonlocal steps
        steps += rows > 0
        if rows > 0 and steps % 4 == 0:
            raise Cut

    for _ in range(100):
        try:
            await copying.copy(original, copy, cut_short)
            break
        except Cut:
            assert await copy.platform() is None
    assert steps > 20
    await copied(original, copy)
    assert await answers(copy) == await answers(original)


async def test_what_changed_meanwhile_is_told(new_store: New) -> None:
    original, copy = await furnished(new_store("sqlite")), new_store("postgres")
    await copy.migrate()
    await copy.open()
    await copying.copy(original, copy, lambda _: None)
    record = await original.customer(ONE, (await ids(original, ONE))[0])
    assert record
    await original.change_customer(change(record, customer("Other")))
    with pytest.raises(Problem, match="it was changed meanwhile"):
        async for _ in copying.check(original, copy, lambda _: None):
            pass
    assert await copy.platform() is None


async def test_nothing_is_copied_over_another_platform_or_from_none(new_store: New) -> None:
    original, other = await furnished(new_store("sqlite")), await furnished(new_store("postgres"))
    empty = new_store("sqlite")
    await empty.migrate()
    await empty.open()
    with pytest.raises(Problem, match="it must be empty"):
        await copying.copy(original, other, lambda _: None)
    with pytest.raises(Problem, match="no platform in the database to copy from"):
        await copying.copy(empty, original, lambda _: None)


def test_every_table_of_the_embedded_store_is_copied_or_derived(tmp_path: Path) -> None:
    asyncio.run(SqliteStore(tmp_path / "store.db").migrate())
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert {table for table in tables if not table.startswith("customer_")} == {
            *(table.name for table in TABLES),
            "schema_migrations",
            "copies",
        }
        for table in TABLES:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            derived = {"one", "place", "name_folded"}
            assert columns - derived == set(table.columns) - {"ordinal"}


def test_the_digest_of_rows_is_the_same_in_any_order_and_another_for_other_rows() -> None:
    rows = [(1, "a", None, b"\0"), (2, "b", None, b"\0"), (2, "b", None, b"\0")]
    digests = []
    for some in (rows, rows[::-1], rows[:2], [rows[0], rows[0], rows[1]], [(1, "a", None, b"\1"), *rows[1:]]):
        digest = Digest()
        digest.add(some)
        digests.append(digest)
    assert digests[0] == digests[1]
    assert all(one != other for one, other in pairwise(digests[1:]))
