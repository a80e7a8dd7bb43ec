"""To find by an external id or an address, and to ask for news, is as quick as to read; and it finds the same."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from msgspec import structs

from emporion.errors import Problem
from emporion.store.base import Store
from emporion.store.customers import SHORT_PAGE
from emporion.store.postgres import PostgresStore
from emporion.store.records import Filter, Record
from emporion.store.statements import FEW_RESELLERS
from tests.effort import effort
from tests.statements import sent_statements
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, event, new_reseller
from tests.store.test_base import customer, ids, new, person

ROOTS = (PROVIDER, ONE, TWO, BELOW_ONE)
# What is part of all names, so that a search for it is one for all.
NAME = "acme"
AROUND = {"BEGIN", "COMMIT", "ROLLBACK"}


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[str]]:
    """The statements that the store sends; here, since it must begin before there is a store."""
    with sent_statements() as sent:
        yield sent


def asked(sent: list[str]) -> list[str]:
    """Those that ask for something."""
    return [statement for statement in sent if statement not in AROUND]


async def add(store: Store, owner: int, external_id: str | None, *emails: str) -> Record:
    persons = [person(email) for email in emails]
    return await store.customers.add(new(owner, customer(f"{NAME} {owner}", external_id, "active", *persons)))


async def with_many_below(store: Store) -> list[int]:
    """Put so many resellers below TWO that they are not looked at while others wait; their ids."""
    return [(await store.resellers.add(new_reseller(f"Reseller {n}", TWO))).id for n in range(FEW_RESELLERS)]


async def same(store: Store, root: int, wanted: Filter) -> None:
    """The list by one value alone is that of a search which asks for it as well."""
    searched = structs.replace(wanted, name=NAME)
    for offset, limit, whole in itertools.product((0, 1, 7, 2**63 - 1), (1, 3, 1000), (False, True)):
        found = await store.customers.page(root, wanted, offset, limit, whole=whole)
        assert found == await store.customers.page(root, searched, offset, limit, whole=whole), (root, wanted, offset)


# Customers


async def test_an_equality_finds_what_a_search_finds(store: Store) -> None:
    luck = random.Random(1)
    addresses = [f"{name}@example.com" for name in "abc"]
    for number in range(effort(quick=24, thorough=200)):
        owner = luck.choice(ROOTS)
        external_id = f"x-{number // 4}" if not number % 3 else f"{owner}-{number}"
        with suppress(Problem):  # its reseller has one with this id
            await add(store, owner, external_id, *luck.sample(addresses, luck.randrange(1, 3)))
    for root in (*ROOTS, 12345):
        for value in ("x-0", "x-1", "X-1", f"{ONE}-1", "nothing", ""):
            await same(store, root, Filter(external_id=value))
        for value in (*addresses, "d@example.com"):
            await same(store, root, Filter(email=value))


@pytest.mark.parametrize("many", [SHORT_PAGE - 1, SHORT_PAGE, SHORT_PAGE + 1, 3 * SHORT_PAGE])
async def test_an_address_of_many_is_found_with_all_of_them(store: Store, many: int) -> None:
    records = [await add(store, (ONE, BELOW_ONE)[number % 2], None, "all@example.com") for number in range(many)]
    await same(store, ONE, Filter(email="all@example.com"))
    newest = [record.id for record in reversed(records)]
    assert await ids(store, ONE, Filter(email="all@example.com"), 0, 1000) == newest
    assert await ids(store, ONE, Filter(email="all@example.com"), 5, 7) == newest[5:12]


async def test_an_external_id_that_very_many_resellers_have_is_found_with_all_of_them(store: Store) -> None:
    below = await with_many_below(store)
    records = [await add(store, owner, "same") for owner in (TWO, *below)]
    for root in (PROVIDER, TWO, below[0], ONE):
        await same(store, root, Filter(external_id="same"))
    assert await ids(store, TWO, Filter(external_id="same"), 0, 1000) == [record.id for record in reversed(records)]


@pytest.mark.parametrize("wanted", [Filter(external_id="it"), Filter(email="it@example.com")])
async def test_what_is_found_at_once_is_of_one_look(store: Store, sent: list[str], wanted: Filter) -> None:
    record = await add(store, BELOW_ONE, "it", "it@example.com")
    for root in (PROVIDER, ONE, BELOW_ONE):
        assert await ids(store, root, wanted) == [record.id]
        await asyncio.sleep(0)  # what has been learned and begun is over
        sent.clear()
        assert await ids(store, root, wanted) == [record.id]
        # SQLite is asked whether there are many resellers first, and both questions have one view.
        assert len(asked(sent)) == (1 if isinstance(store, PostgresStore) else 2)
        assert sent.count("BEGIN") <= 1
        await asyncio.sleep(0)


async def test_who_is_looked_for_at_a_time_is_looked_up_together(store: Store, sent: list[str]) -> None:
    records = [await add(store, ONE, f"x-{number}", f"{number}@example.com") for number in range(40)]
    for wanted in (
        [Filter(external_id=f"x-{n}") for n in range(40)],
        [Filter(email=f"{n}@example.com") for n in range(40)],
    ):
        sent.clear()
        found = await asyncio.gather(*(ids(store, ONE, one) for one in wanted))
        assert found == [[record.id] for record in records]
        if isinstance(store, PostgresStore):
            assert len(sent) <= 2  # the first one, and all that have come meanwhile
        else:
            assert sent.count("BEGIN") == 1


# Resellers


async def test_resellers_are_found_whether_they_are_few_or_many(store: Store) -> None:
    members: dict[str, Any] = {"contact_persons": [person("r@example.com")]}
    few = [
        (await store.resellers.add(new_reseller(f"Few {n}", ONE, external_id=f"r-{n}", **members))).id for n in range(5)
    ]
    for number in range(FEW_RESELLERS):
        await store.resellers.add(new_reseller(f"Many {number}", TWO, external_id=f"r-{number}", **members))
    for wanted in (
        Filter(), Filter(name="few"), Filter(external_id="r-3"), Filter(email="r@example.com"),
        Filter(name="few 3", external_id="r-3", email="r@example.com"), Filter(email="r@example"),
    ):  # fmt: skip
        everything = await store.resellers.page(PROVIDER, wanted, 0, 1000)
        shown = [int(found) for found in re.findall(rb'"id":"(\d+)"', everything.data)]
        assert everything.total == len(shown)
        mine = [one for one in shown if one in (ONE, BELOW_ONE, *few)]
        for offset, limit in itertools.product((0, 1, 4, 2**63 - 1), (1, 3, 1000)):
            page = await store.resellers.page(ONE, wanted, offset, limit)
            assert page.total == len(mine)
            assert [int(one) for one in re.findall(rb'"id":"(\d+)"', page.data)] == mine[offset : offset + limit]


async def test_few_resellers_are_read_by_one_look(store: Store, sent: list[str]) -> None:
    for _ in range(2):  # a connection learns types the first time
        sent.clear()
        assert (await store.resellers.page(PROVIDER, Filter(), 0, 10)).total == len(ROOTS)
        await asyncio.sleep(0)
    assert len(asked(sent)) == (1 if isinstance(store, PostgresStore) else 2)


# News

WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|advisory|IMMEDIATE)\b")


@pytest.mark.parametrize("many", [False, True])
async def test_a_look_without_news_reads_little_and_writes_nothing(store: Store, sent: list[str], many: bool) -> None:
    if many:
        await with_many_below(store)
    await store.events.feed(PROVIDER, 0, 1000)
    end = await store.events.feed_end()
    await store.events.look_ahead(ONE, end)  # a connection learns types the first time
    for root in ROOTS:
        sent.clear()
        assert await store.events.look_ahead(root, end) == (False, end)
        assert not [statement for statement in sent if WRITES.search(statement)]
        if not (many and root in (PROVIDER, TWO)):
            assert len(asked(sent)) == (1 if isinstance(store, PostgresStore) else 2)
        await asyncio.sleep(0)


@pytest.mark.parametrize("many", [False, True])
async def test_a_look_sees_each_event_that_was_written_before_it(store: Store, many: bool) -> None:
    below = await with_many_below(store) if many else []
    luck, owners = random.Random(1), (*ROOTS, *below)
    read = {root: [entry.event for entry in await store.events.feed(root, 0, 1000)] for root in ROOTS}
    after = dict.fromkeys(ROOTS, await store.events.feed_end())
    for _ in range(effort(quick=20, thorough=400)):
        await store.events.add([event(luck.choice(owners)) for _ in range(luck.randrange(3))])
        root = luck.choice(ROOTS)
        ahead = await store.events.look_ahead(root, after[root])
        entries = await store.events.feed(root, after[root], 1000)
        assert ahead.is_more == bool(entries)
        read[root] += [entry.event for entry in entries]
        after[root] = entries[-1].position if entries else after[root]
        assert len(read[root]) == await store.events.log_position(root)
        assert len({(one.reseller_id, one.sequence) for one in read[root]}) == len(read[root])


async def test_news_are_what_stands_above_a_position(store: Store) -> None:
    await store.events.add([event(owner) for owner in (ONE, TWO, BELOW_ONE, ONE)])
    for root in ROOTS:
        positions = [entry.position for entry in await store.events.feed(root, 0, 1000)]
        for after in range(await store.events.feed_end() + 2):
            ahead = await store.events.look_ahead(root, after)
            assert ahead == (any(position > after for position in positions), await store.events.feed_end())
