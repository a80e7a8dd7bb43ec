"""The feed: a reader gets each event of their resellers once and in order, however many write and read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from emporion.events import Event
from emporion.store.base import Store
from emporion.store.events import Entry
from emporion.store.postgres import PostgresStore
from tests.effort import effort
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, event, new_reseller
from tests.store.test_base import add, change, customer

ALL = (PROVIDER, ONE, TWO, BELOW_ONE)
REACHED = {PROVIDER: ALL, ONE: (ONE, BELOW_ONE), TWO: (TWO,), BELOW_ONE: (BELOW_ONE,)}


async def read(store: Store, root: int, after: int = 0, limit: int = 1000) -> list[Entry]:
    """All that the feed has for `root` above a position, in parts of `limit`."""
    entries: list[Entry] = []
    while part := await store.events.feed(root, entries[-1].position if entries else after, limit):
        assert len(part) <= limit
        entries += part
    return entries


async def logs(store: Store, *reseller_ids: int) -> list[Event]:
    """All that is in the logs of these resellers, one log after the other."""
    return [one for reseller_id in reseller_ids for one in await store.events.log(reseller_id, 0, 10_000)]


def by_reseller(entries: list[Entry]) -> list[Event]:
    """The events as `logs` gives them, each reseller's in the order in which they were read."""
    return sorted((entry.event for entry in entries), key=lambda one: ALL.index(one.reseller_id))


def positions(entries: list[Entry]) -> list[int]:
    return [entry.position for entry in entries]


# One reader


async def test_the_feed_has_every_event_of_a_reseller_and_of_all_below(store: Store) -> None:
    record = await add(store, BELOW_ONE)
    await store.customers.update(change(record, customer("New")))
    await store.events.add([event(TWO), event(ONE, "key.created")])
    for root, reached in REACHED.items():
        assert by_reseller(await read(store, root)) == await logs(store, *reached)
    assert positions(await read(store, PROVIDER)) == list(range(1, 9))
    assert await store.events.feed_end() == 8
    assert await read(store, 99) == []
    assert await read(store, record.id) == []


async def test_nothing_has_a_position_before_it_is_read(store: Store) -> None:
    assert await store.events.feed_end() == 0
    assert positions(await read(store, TWO)) == [1]
    assert await store.events.feed_end() == 1
    assert positions(await read(store, BELOW_ONE)) == [2]
    assert positions(await read(store, ONE)) == [2, 3]
    assert positions(await read(store, PROVIDER)) == [1, 2, 3, 4]
    assert await store.events.feed_end() == 4


async def test_a_position_never_changes(store: Store) -> None:
    luck, known = random.Random(1), dict[int, Event]()
    for _ in range(30):
        await store.events.add([event(luck.choice(ALL)) for _ in range(luck.randrange(4))])
        for position, found in await read(store, luck.choice(ALL), limit=luck.randrange(1, 9)):
            assert known.setdefault(position, found) == found
    assert await read(store, PROVIDER) == [Entry(*one) for one in sorted(known.items())] + await read(
        store, PROVIDER, after=max(known)
    )


async def test_the_feed_is_read_in_parts_of_any_size_from_anywhere(store: Store) -> None:
    for number in range(6):
        await store.events.add([event(owner) for owner in ALL for _ in range(number)])
        await store.events.feed(ALL[number % 4], 0, 1)
    for root in ALL:
        whole = await read(store, root)
        for limit in (1, 2, 3, 7, 100):
            assert await read(store, root, limit=limit) == whole
        for after in range(await store.events.feed_end() + 2):
            assert await store.events.feed(root, after, 4) == [entry for entry in whole if entry.position > after][:4]
        assert await store.events.feed(root, 2**63 - 1, 4) == []


async def test_the_feed_goes_on_after_opening_again(store: Store, open_store: Open) -> None:
    before = await read(store, PROVIDER)
    await add(store)
    await store.close()
    again = await open_store()
    await add(again, TWO)
    assert (await read(again, PROVIDER))[:4] == before
    assert positions(await read(again, PROVIDER)) == [1, 2, 3, 4, 5, 6]
    assert {entry.event.reseller_id for entry in await read(again, PROVIDER, after=4)} == {ONE, TWO}


async def test_a_reseller_that_comes_later_is_read_after_what_was_read_before(store: Store) -> None:
    end = positions(await read(store, ONE))[-1]
    later = (await store.resellers.add(new_reseller("Later", BELOW_ONE))).id
    (entry,) = await read(store, ONE, after=end)
    assert entry.event == (await logs(store, later))[0]
    assert await read(store, TWO, after=end) != [entry]


# Many at once

TURNS = 25


async def write(store: Store, reseller_id: int, luck: random.Random) -> None:
    """Put something into the reseller's log, again and again."""
    for turn in range(TURNS):
        match luck.randrange(3):
            case 0:
                await store.events.add([event(reseller_id) for _ in range(luck.randrange(1, 4))])
            case 1:
                await asyncio.gather(*(add(store, reseller_id, f"{turn} {number}") for number in range(3)))
            case _:
                record = await add(store, reseller_id)
                await store.customers.update(change(record, customer("New")))


async def follow(store: Store, root: int, writing: asyncio.Future[Any], luck: random.Random) -> list[Entry]:
    """Read on in parts of random size, as long as anything is written."""
    entries: list[Entry] = []
    while not writing.done():
        entries += await store.events.feed(root, entries[-1].position if entries else 0, luck.randrange(1, 20))
        await asyncio.sleep(0)
    return entries


async def hold_back(store: PostgresStore, reseller_id: int, others: asyncio.Future[Any]) -> None:
    """Append to a reseller's log and commit only when the feed has gone on with others, as long as these write."""
    connection = await asyncpg.connect(store._database.primary._url)
    try:
        while not others.done():
            async with late(connection, reseller_id):
                end = await store.events.feed_end()
                while await store.events.feed_end() < end + 3 and not others.done():  # noqa: ASYNC110 - others move it
                    await asyncio.sleep(0)
    finally:
        await connection.close()


@asynccontextmanager
async def late(connection: asyncpg.Connection[asyncpg.Record], reseller_id: int) -> AsyncIterator[None]:
    """An event that is written before the block, and committed after it."""
    async with connection.transaction():
        await connection.execute(
            """
            WITH log AS (
                UPDATE resellers SET events = events + 1 WHERE reseller_id = $1 RETURNING reseller_id, events
            )
            INSERT INTO events (reseller_id, sequence, account_id, type, at, source, changes)
            SELECT reseller_id, events, reseller_id, 'user.created', 1, 'worker', '{}' FROM log
            """,
            reseller_id,
        )
        yield


@pytest.mark.parametrize("seed", range(effort(quick=1, thorough=3)))
async def test_readers_get_each_event_of_theirs_once_while_many_write(
    store: Store, open_store: Open, seed: int
) -> None:
    stores = [store, await open_store(), await open_store()]
    writers = [
        asyncio.ensure_future(write(stores[n % 3], owner, random.Random(seed + n))) for n, owner in enumerate(ALL)
    ]
    held = writers.pop(ALL.index(TWO))
    others = asyncio.gather(*writers)
    holding = [hold_back(store, TWO, others)] if isinstance(store, PostgresStore) else []
    writing = asyncio.gather(held, others, *holding)
    # Each of them reads from a store of its own.
    whole, part, _ = await asyncio.gather(
        follow(stores[1], PROVIDER, writing, random.Random(seed)),
        follow(stores[2], ONE, writing, random.Random(seed + 1)),
        writing,
    )
    fresh = await open_store()
    for reader, root, entries in ((stores[1], PROVIDER, whole), (stores[2], ONE, part)):
        entries += await read(reader, root, entries[-1].position, 7)
        assert all(one < other for one, other in pairwise(positions(entries)))
        assert by_reseller(entries) == await logs(fresh, *REACHED[root])
        assert await read(fresh, root, limit=11) == entries
    assert positions(whole) == list(range(1, len(whole) + 1))
    assert await (await open_store()).events.feed_end() == len(whole)


# SQLite has one writer at a time, who commits before the next one begins.
@pytest.mark.parametrize("open_store", ["postgres"], indirect=True)
async def test_what_is_committed_late_is_read_late(store: Store, open_store: Open) -> None:
    assert isinstance(store, PostgresStore)
    other = await open_store()
    connection = await asyncpg.connect(store._database.primary._url)
    async with late(connection, ONE):
        before = await logs(store, ONE)
        await other.events.add([event(TWO), event(BELOW_ONE)])
        seen = await read(store, PROVIDER)
        assert by_reseller(seen) == await logs(store, *ALL)
        assert await logs(store, ONE) == before
    await connection.close()
    (entry,) = await read(other, PROVIDER, after=seen[-1].position)
    assert entry.position == len(seen) + 1
    assert entry.event == (await logs(store, ONE))[-1]
    assert await read(store, PROVIDER) == [*seen, entry]


async def test_readers_who_come_at_once_give_each_event_one_position(store: Store, open_store: Open) -> None:
    stores = [store, await open_store(), await open_store()]
    for turn in range(10):
        await store.events.add([event(owner) for owner in ALL for _ in range(turn)])
        roots = [PROVIDER, ONE, TWO, BELOW_ONE, PROVIDER, ONE]
        found = await asyncio.gather(*(stores[n % 3].events.feed(root, 0, 1000) for n, root in enumerate(roots)))
        whole = await read(store, PROVIDER)
        assert positions(whole) == list(range(1, len(whole) + 1))
        for root, entries in zip(roots, found, strict=True):
            expected = [entry for entry in whole if entry.event.reseller_id in REACHED[root]]
            assert entries == expected[: len(entries)]
