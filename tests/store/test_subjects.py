"""What an event is about, and the events that are about one thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from emporion.events import Event, NewEvent, Subject, account_subject
from emporion.store.base import Store
from emporion.store.events import Entry
from emporion.store.idempotency import IdempotentRequest, Kept
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.sqlite import SqliteStore
from tests.postgres import Databases
from tests.store import before_subjects
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, event
from tests.store.test_base import change, customer, new

ANNA, KEY = Subject("user", "anna"), Subject("key", "0123456789ab")
FARTHEST = 2**62


def about(subject: Subject | None, reseller_id: int = ONE) -> NewEvent:
    return structs.replace(event(reseller_id, "user.updated"), subject=subject)


def sequences(entries: list[Entry]) -> list[int]:
    return [entry.event.sequence for entry in entries]


async def test_an_event_keeps_what_it_is_about(store: Store) -> None:
    await store.events.add([about(ANNA), about(KEY), about(None)])
    added = await store.customers.add(new(ONE, customer()))
    below = (await store.events.log(BELOW_ONE, 0, 1))[0]
    assert [one.subject for one in await store.events.log(ONE, 1, 10)] == [
        ANNA,
        KEY,
        Subject("reseller", str(ONE)),
        Subject("customer", str(added.id)),
    ]
    assert below.subject == Subject("reseller", str(BELOW_ONE))
    assert [entry.event.subject for entry in await store.events.feed(PROVIDER, 0, 100)].count(ANNA) == 1


async def test_the_last_events_about_one_thing_are_newest_first(store: Store) -> None:
    await store.events.add([about(ANNA), about(KEY), about(ANNA), about(ANNA), about(ANNA, TWO)])
    assert [one.sequence for one in await store.events.last_by_subject(ONE, ANNA, FARTHEST, 2)] == [5, 4]
    assert [one.sequence for one in await store.events.last_by_subject(ONE, ANNA, 4, 10)] == [2]
    assert await store.events.last_by_subject(ONE, Subject("key", "anna"), FARTHEST, 10) == []


async def test_the_feed_of_one_thing_has_its_events_by_position_and_no_others(store: Store) -> None:
    await store.events.add([about(ANNA), about(KEY), about(ANNA)])
    whole = await store.events.feed(PROVIDER, 0, 100)
    await store.events.add([about(None), about(ANNA)])
    found = await store.events.subject_feed(PROVIDER, ANNA, 0, 100)
    assert sequences(found) == [2, 4, 6]
    whole += await store.events.feed(PROVIDER, whole[-1].position, 100)
    assert found == [entry for entry in whole if entry.event.subject == ANNA]
    for number, entry in enumerate(found):
        assert await store.events.subject_feed(ONE, ANNA, entry.position - 1, 1) == [entry]
        assert await store.events.subject_feed(ONE, ANNA, entry.position, 100) == found[number + 1 :]
    assert await store.events.subject_feed(ONE, ANNA, FARTHEST, 10) == []


async def test_the_feed_of_an_account_has_what_is_about_itself(store: Store) -> None:
    first, second = [await store.customers.add(new(ONE, customer())) for _ in range(2)]
    await store.customers.update(change(first, customer("New"), changes={"name": ("Acme", "New")}))
    await store.events.add([about(ANNA), about(None)])
    types = [
        entry.event.type for entry in await store.events.subject_feed(ONE, Subject("customer", str(first.id)), 0, 10)
    ]
    assert types == ["customer.created", "customer.updated"]
    assert sequences(await store.events.subject_feed(ONE, Subject("customer", str(second.id)), 0, 10)) == [3]
    assert sequences(await store.events.subject_feed(ONE, Subject("reseller", str(ONE)), 0, 10)) == [1, 6]
    for nothing in (str(first.id), "0", "x", "99", "9" * 30, ""):
        assert await store.events.subject_feed(ONE, Subject("reseller", nothing), 0, 10) == []


async def test_no_reader_reads_what_is_about_something_beside_or_above(store: Store) -> None:
    mine, theirs = Subject("user", "mine"), Subject("user", "theirs")
    await store.events.add([about(mine, BELOW_ONE), about(theirs, TWO)])
    account = (await store.customers.add(new(BELOW_ONE, customer()))).id
    for root, count in ((PROVIDER, 1), (ONE, 1), (BELOW_ONE, 1), (TWO, 0)):
        assert len(await store.events.subject_feed(root, mine, 0, 10)) == count
        assert len(await store.events.subject_feed(root, Subject("customer", str(account)), 0, 10)) == count
        assert len(await store.events.subject_feed(root, Subject("reseller", str(BELOW_ONE)), 0, 10)) == count
    assert len(await store.events.subject_feed(TWO, theirs, 0, 10)) == 1
    assert await store.events.subject_feed(ONE, theirs, 0, 10) == []
    assert await store.events.subject_feed(ONE, Subject("reseller", str(PROVIDER)), 0, 10) == []


async def test_an_answer_that_is_given_again_is_of_what_was_made(store: Store) -> None:
    once = IdempotentRequest("0" * 64, b"f" * 32, 0)
    made = await store.customers.add(structs.replace(new(ONE, customer()), once=once))
    assert await store.idempotency.get(ONE, once) == Kept(str(made.id), made.document)


@pytest.fixture(params=["sqlite", "postgres"])
async def older(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store over the database of a program from before events had subjects."""
    if request.param == "sqlite":
        await before_subjects.make_file(tmp_path / "older.db")
        store: Store = SqliteStore(tmp_path / "older.db")
        yield store
        await store.close()
    else:
        server: Databases = request.getfixturevalue("postgres")
        with server.temporary() as name:
            await before_subjects.make_database(server.url(name))
            store = PostgresStore(server.url(name), Limits())
            yield store
            await store.close()


async def test_events_and_answers_of_an_older_database_get_their_subjects(older: Store) -> None:
    assert "subjects" in " ".join(await older.migrate())
    assert await older.migrate() == []
    await older.open()
    found = [one for log in before_subjects.LOGS for one in await older.events.log(log, 0, 100)]
    assert [as_before(one) for one in found] == before_subjects.TABLES["events"]["rows"]
    for one in found:
        own = account_subject(one.reseller_id, one.account_id)
        assert one.subject == before_subjects.SUBJECTS.get((one.reseller_id, one.sequence), own)
    kept = before_subjects.TABLES["answers"]["rows"]
    for reseller_id, key, fingerprint, account_id, at, _ in kept:
        given = await older.idempotency.get(
            reseller_id, IdempotentRequest(key, fingerprint["bytes"].encode("latin-1"), at)
        )
        assert given
        assert given.subject_id == str(account_id)
    feed = await older.events.subject_feed(before_subjects.OPERATOR, ANNA, 0, 100)
    assert sequences(feed) == [7, 8, 9, 10, 11, 12, 23]


def as_before(event: Event) -> list[object]:
    """The row that the older program had of it."""
    origin = event.origin
    changes = msgspec.json.encode(event.changes).decode()
    return [
        *(event.reseller_id, event.sequence, event.account_id, event.type, event.at, origin.user, origin.source),
        *(origin.correlation_id, changes, origin.account_id, origin.address, event.reason),
    ]
