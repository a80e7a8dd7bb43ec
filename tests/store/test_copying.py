"""A platform moves from one store to another with all that it has, also when it is cut short on its way."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from emporion.catalogue.own_prices import OwnPrice
from emporion.credentials import SigningKey
from emporion.errors import Problem
from emporion.limits import Limit
from emporion.store import copying
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.clients import Client
from emporion.store.events import Entry
from emporion.store.idempotency import IdempotentRequest
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.prices import OwnPriceChange
from emporion.store.product_lists import ProductFilter
from emporion.store.records import Filter
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.tables import TABLES, Digest
from emporion.store.usage import Usage, Uses
from emporion.store.users import User
from tests.catalogue_samples import put_catalogue, sample_catalogue
from tests.postgres import Databases
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, event, new_reseller
from tests.store.test_base import add, change, customer, ids, new, person
from tests.store.test_resellers import put

New = Callable[[str], Store]


@pytest.fixture
async def new_store(
    postgres: Databases, migrated_database: str, migrated_file: Path, tmp_path: Path
) -> AsyncIterator[New]:
    """Makes a store of either kind over an empty database of its own; they all close with the test."""
    stores: list[Store] = []
    with ExitStack() as databases:

        def make(kind: str) -> Store:
            if kind == "sqlite":
                stores.append(SqliteStore(Path(shutil.copy(migrated_file, tmp_path / f"{len(stores)}.db"))))
            else:
                url = postgres.url(databases.enter_context(postgres.temporary(migrated_database)))
                stores.append(PostgresStore(url, Limits(connections=2)))
            return stores[-1]

        yield make
        for store in stores:
            await store.close()


CLIENT = Client("realm", "shop", ONE, b"\0\xff", "editor", "Shop", 2, 5, None, 7)
ONCE = structs.replace(new(ONE, customer("Once")), once=IdempotentRequest("a" * 64, b"\0" * 32, 0))
RESELLER_ONCE = structs.replace(
    new_reseller("Once", TWO, status="pending"),
    once=IdempotentRequest("b" * 64, b"\xff" * 32, 0),
    logins=[AdministratorLogin(2, "B", "h")],
)


async def furnished(store: Store) -> Store:
    """A platform with something in each table."""
    await store.open()
    await store.platform.create(
        Platform(sandbox=True),
        new_reseller("Provider", None, PROVIDER),
        new_reseller("One", PROVIDER, ONE),
        User("Api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
    )
    await store.resellers.add(new_reseller("Two", PROVIDER, TWO, external_id="two", contact_persons=[person()]))
    await store.resellers.add(new_reseller("Below one", ONE, BELOW_ONE))
    await store.subscription_keys.add(
        SubscriptionKey(b"pinned\0\xff", TWO, "1.15", "shop", Limit(1, 2, 3), 5), event(TWO)
    )
    await store.users.add(User("Reader", TWO, "eu", "hash", "reader", 3, 5, None, 7), event(TWO))
    await store.clients.add(CLIENT, event(ONE))
    for key_id, at in (("a", 1), ("b", 2)):
        await store.signing_keys.add(SigningKey(key_id, b"\0" * 32, at), 9, event(PROVIDER))
    await store.usage.record_uses(Uses(8, [(ONE, "Api")], [b"digest"], [("realm", "shop")]))
    await store.login_failures.record([b"subject"], 100, 0)
    await store.usage.record([Usage(TWO, "", 5, 0, 3), *(Usage(ONE, "a", day, day, 1) for day in range(12))])
    for root, limit in ((ONE, 1), (PROVIDER, 3)):  # part of the logs is in the feed
        await store.events.feed(root, 0, limit)
    for number in range(30):
        reseller = (ONE, TWO, BELOW_ONE)[number % 3]
        wanted = customer(f"Zoë {number}", f"e{number}", "active", person(f"p{number}@example.com"), person())
        await store.customers.add(new(reseller, wanted, AdministratorLogin(0, f"Login{number}", None)))
    record = await add(store, ONE, "日本")
    await store.customers.update(change(record, customer("日本 2"), changes={"name": ("日本", "日本 2")}))
    await store.customers.add(new(TWO, customer("Waiting", status="pending")))
    await put_catalogue(store, sample_catalogue())
    margin = OwnPrice(currency="USD", margin=Decimal("12.5"))
    await store.prices.set(TWO, [OwnPriceChange("2101", margin, 5, lambda _: event(TWO))])
    await store.events.feed(TWO, 0, 1)
    await store.resellers.add(RESELLER_ONCE)
    await store.customers.add(ONCE)
    await put(store, ONE, status="adminHold", logins=[AdministratorLogin(0, "Boss", "hash")])
    return store


async def copied(source: Store, target: Store) -> None:
    await target.open()
    await copied_whole(source, target)


async def copied_whole(source: Store, target: Store) -> None:
    """As `copied`, into a store that is open."""
    await copying.copy(source, target, lambda _: None)
    checked = [one async for one in copying.check(source, target, lambda _: None)]
    assert [one.table for one in checked] == list(TABLES[:-1])
    await copying.finish(source, target)


async def answers(store: Store) -> list[object]:
    given: list[object] = [
        await store.platform.get(),
        await store.customers.count_pending(),
        await store.users.get("aPI"),
    ]
    given += [await store.subscription_keys.get(digest) for digest in (b"digest", b"pinned\0\xff")]
    given += [
        await store.signing_keys.all(),
        await store.resellers.pending(10),
        await store.clients.get("realm", "shop"),
    ]
    given += [await store.events.feed_end(), await store.administrators.get("loGin7")]
    given += [
        await store.administrators.by_email("p7@example.com", 9),
        await store.administrators.by_email("anna@example.com", 9),
    ]
    for chain in ([PROVIDER], [PROVIDER, TWO]):
        for sold in (ProductFilter(), ProductFilter(name="MAIL"), ProductFilter(vendor="disks")):
            given.append(await store.product_lists.products(chain, "USD", sold, 0, 10))
    given.append(await store.prices.of([ONE, TWO], ["2101"]))
    for root in (PROVIDER, ONE, TWO, BELOW_ONE):
        given += [await store.events.log(root, 0, 1000), await store.events.by_account(root, root, 0, 1000)]
        given += [
            await store.resellers.get(root),
            await store.resellers.is_suspended(root),
            await store.administrators.logins(root, root),
        ]
        given += [
            await store.users.by_reseller(root),
            await store.subscription_keys.by_reseller(root),
            await store.clients.by_reseller(root),
        ]
        given += [await store.resellers.is_within(root, other) for other in (PROVIDER, ONE, TWO, BELOW_ONE)]
        given += [await store.events.log_position(root), await store.customers.counts(root, 0)]
        given += [await store.usage.by_day(root, 3), await store.usage.by_day(root, 0, "a")]
        for wanted in (Filter(), Filter(name="one"), Filter(email="anna@example.com"), Filter(external_id="two")):
            given.append(await store.resellers.page(root, wanted, 0, 10))
        for wanted in (Filter(), Filter(name="zoe 1"), Filter(name="日本"), Filter(email="p7@example.com"),
                       Filter(external_id="e4"), Filter(status="active"),
                       Filter(name="zoe", status="pending")):  # fmt: skip
            listing = await store.customers.page(root, wanted, 1, 7, whole=True)
            given.append(listing)
            for item in msgspec.json.decode(listing.data):
                given.append(await store.customers.owner(int(item["id"])))
                given.append(
                    [await store.administrators.logins(owner, int(item["id"])) for owner in (ONE, TWO, BELOW_ONE)]
                )
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
        assert (await store.events.log(ONE, 0, 100))[-1].account_id == added.id
        assert (await ids(store, ONE))[0] == added.id
        assert await store.customers.verify(5, lambda record: change(record, customer("Waiting"))) == 1
        assert (await store.customers.counts(PROVIDER, 0)).by_status == {"active": 34}


class Cut(Exception):
    """The copy was cut short."""


async def fed(store: Store, root: int, after: int = 0) -> list[Entry]:
    """All of the feed above a position."""
    entries: list[Entry] = []
    while part := await store.events.feed(root, entries[-1].position if entries else after, 5):
        entries += part
    return entries


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_the_feed_goes_on_in_the_copy(
    new_store: New, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART", 3)
    original, copy = await furnished(new_store(source)), new_store(target)
    read = await original.events.feed(TWO, 0, 3)
    await original.events.add([event(TWO), event(ONE)])
    await copied(original, copy)
    assert await copy.events.feed_end() == await original.events.feed_end()
    await copy.events.add([event(ONE), event(TWO)])
    read += await fed(copy, TWO, after=read[-1].position)
    assert [entry.event.sequence for entry in read if entry.event.reseller_id == TWO] == list(
        range(1, len(await copy.events.log(TWO, 0, 1000)) + 1)
    )
    whole = await fed(copy, PROVIDER)
    assert [entry.position for entry in whole] == list(range(1, len(whole) + 1))
    assert len(whole) == await copy.events.log_position(PROVIDER)
    assert [entry for entry in whole if entry in read] == read


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_what_was_done_once_is_not_done_again_in_the_copy(new_store: New, source: str, target: str) -> None:
    original, copy = await furnished(new_store(source)), new_store(target)
    await copied(original, copy)
    for store in (original, copy):
        assert (await store.customers.add(ONCE)).replayed
        assert (await store.resellers.add(RESELLER_ONCE)).replayed
    assert await copy.customers.add(ONCE) == await original.customers.add(ONCE)
    assert await copy.resellers.add(RESELLER_ONCE) == await original.resellers.add(RESELLER_ONCE)


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_resellers_and_those_who_get_in_go_on_in_the_copy(new_store: New, source: str, target: str) -> None:
    original, copy = await furnished(new_store(source)), new_store(target)
    await copied(original, copy)
    for store in (original, copy):
        below = await store.resellers.add(new_reseller("Next", BELOW_ONE))
        assert await store.resellers.is_within(below.id, ONE)
        assert await store.resellers.is_suspended(below.id)
        await put(store, ONE, status="active")
        assert not await store.resellers.is_suspended(below.id)
        for taken in (new_reseller("Again", PROVIDER, external_id="two"), structs.replace(RESELLER_ONCE, once=None)):
            with pytest.raises(Problem, match="is taken"):
                await store.resellers.add(taken)
        assert await store.clients.update(structs.replace(CLIENT, version=3), 2, event(ONE, "client.updated"))
        assert not await store.clients.update(structs.replace(CLIENT, version=3), 2, event(ONE, "client.updated"))
    assert await answers(copy) == await answers(original)


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_a_copy_that_is_cut_short_again_and_again_ends_whole(
    new_store: New, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PART", 5)
    original, copy = await furnished(new_store(source)), new_store(target)
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
            assert await copy.platform.get() is None
    assert steps > 20
    await copied_whole(original, copy)
    assert await answers(copy) == await answers(original)


async def test_what_changed_meanwhile_is_told(new_store: New) -> None:
    original, copy = await furnished(new_store("sqlite")), new_store("postgres")
    await copy.open()
    await copying.copy(original, copy, lambda _: None)
    record = await original.customers.get(ONE, (await ids(original, ONE))[0])
    assert record
    await original.customers.update(change(record, customer("Other")))
    with pytest.raises(Problem, match="it was changed meanwhile"):
        async for _ in copying.check(original, copy, lambda _: None):
            pass
    assert await copy.platform.get() is None


async def test_nothing_is_copied_over_another_platform_or_from_none(new_store: New) -> None:
    original, other = await furnished(new_store("sqlite")), await furnished(new_store("postgres"))
    empty = new_store("sqlite")
    await empty.open()
    with pytest.raises(Problem, match="it must be empty"):
        await copying.copy(original, other, lambda _: None)
    with pytest.raises(Problem, match="no platform in the database to copy from"):
        await copying.copy(empty, original, lambda _: None)


def test_every_table_of_the_embedded_store_is_copied_or_derived(tmp_path: Path) -> None:
    asyncio.run(SqliteStore(tmp_path / "store.db").migrate())
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        assert {table for table in tables if not table.startswith(("customer_", "listing_names"))} == {
            *(table.name for table in TABLES),
            "schema_migrations",
            "copies",
            "login_failures",
            "sessions",
            "links",
            "imports",
            "import_parts",
            "import_faults",
            "document_counts",
            "subscription_vendor_ids",
        }
        for table in TABLES:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
            assert columns - set(table.columns) <= {"one", "place", "name_folded"}
            assert set(table.columns) - columns <= {"ordinal"}


def test_the_digest_of_rows_is_the_same_in_any_order_and_another_for_other_rows() -> None:
    rows = [(1, "a", None, b"\0"), (2, "b", None, b"\0"), (2, "b", None, b"\0")]
    digests = []
    for some in (rows, rows[::-1], rows[:2], [rows[0], rows[0], rows[1]], [(1, "a", None, b"\1"), *rows[1:]]):
        digest = Digest()
        digest.add(some)
        digests.append(digest)
    assert digests[0] == digests[1]
    assert all(one != other for one, other in pairwise(digests[1:]))
