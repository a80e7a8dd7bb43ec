"""Resellers: their documents, the tree they stand in, and who is shut. Held against every store."""

from __future__ import annotations

import asyncio
import itertools
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.folding import fold
from emporion.accounts.resellers import Reseller
from emporion.accounts.statuses import Status
from emporion.errors import Code, Problem
from emporion.events import Origin
from emporion.store import copying
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Connections, Limits
from emporion.store.records import Filter, Listing, Record
from emporion.store.resellers import ResellerChange
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite.connections import Connections as SqliteConnections
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.effort import effort
from tests.postgres import Databases
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, event, new_reseller
from tests.store.test_base import add, customer, ids, new, person

ORIGIN = Origin("jane", "api", "correlation", ONE, "192.0.2.1")
EVERYTHING = Filter()


def reseller_of(record: Record) -> Reseller:
    return msgspec.json.decode(record.document, type=Reseller)


def reseller_change(record: Record, logins: list[AdministratorLogin] | None = None, **members: Any) -> ResellerChange:
    """A change of these members."""
    before = reseller_of(record)
    changes = {name: (getattr(before, name), value) for name, value in members.items() if name != "contact_persons"}
    return ResellerChange(
        record.id,
        record.version,
        structs.replace(before, **members),
        logins,
        "reseller.updated",
        changes,
        ORIGIN,
        at=2000,
    )


async def put(store: Store, reseller_id: int, **members: Any) -> Record:
    """The reseller after a change of these members."""
    record = await store.resellers.get(reseller_id)
    assert record
    changed = await store.resellers.update(reseller_change(record, **members))
    assert changed
    return changed


async def below(store: Store, parent_id: int, name: str = "Next", **members: Any) -> int:
    """The id of a new reseller."""
    return (await store.resellers.add(new_reseller(name, parent_id, **members))).id


async def listed(store: Store, root: int, wanted: Filter = EVERYTHING, offset: int = 0, limit: int = 100) -> list[int]:
    listing = await store.resellers.page(root, wanted, offset, limit)
    return [int(item["id"]) for item in msgspec.json.decode(listing.data)]


async def shut(store: Store, *reseller_ids: int) -> list[bool]:
    return [await store.resellers.is_suspended(reseller_id) for reseller_id in reseller_ids]


async def refused(answer: Awaitable[object]) -> Problem:
    with pytest.raises(Problem) as raised:
        await answer
    return raised.value


def fields(problem: Problem) -> list[str]:
    return [fault.field for fault in problem.faults]


# New ones


async def test_a_reseller_is_given_back_whole(store: Store) -> None:
    members: dict[str, Any] = {"external_id": "e", "status": "pending", "contact_persons": [person()], "language": "de"}
    record = await store.resellers.add(new_reseller("Zoë", ONE, **members))
    assert (record.reseller_id, record.version, record.replayed) == (record.id, 1, False)
    account = reseller_of(record)
    assert (account.id, account.reseller_id, account.name) == (str(record.id), str(ONE), "Zoë")
    assert (account.external_id, account.status, account.language) == ("e", "pending", "de")
    assert account.contact_persons == [person()]
    assert await store.resellers.get(record.id) == record


async def test_the_store_gives_a_reseller_its_id_and_the_account_above(store: Store) -> None:
    wanted = new_reseller("Next", ONE)
    account = structs.replace(wanted.account, id="7", reseller_id="8")
    record = await store.resellers.add(structs.replace(wanted, account=account))
    assert (reseller_of(record).id, reseller_of(record).reseller_id) == (str(record.id), str(ONE))
    provider = await store.resellers.get(PROVIDER)
    assert provider
    assert b"resellerId" not in provider.document


async def test_a_reseller_without_an_id_gets_the_next_one_of_all_accounts(store: Store) -> None:
    first = await add(store)
    reseller_id = await below(store, ONE)
    last = await add(store)
    assert first.id < reseller_id < last.id


async def test_a_reseller_may_be_given_an_id(store: Store) -> None:
    record = await store.resellers.add(new_reseller("Named", BELOW_ONE, 50))
    assert record.id == 50
    assert await store.resellers.is_within(50, ONE)


async def test_a_resellers_log_begins_with_its_creation(store: Store) -> None:
    wanted = new_reseller("Next", ONE)
    reseller_id = (await store.resellers.add(structs.replace(wanted, origin=ORIGIN, at=77))).id
    (first,) = await store.events.log(reseller_id, 0, 10)
    assert (first.sequence, first.account_id, first.type) == (1, reseller_id, "reseller.created")
    assert (first.at, first.origin) == (77, ORIGIN)
    assert await store.events.log(ONE, 1, 10) == []
    for founded in (PROVIDER, ONE):
        assert [one.type for one in await store.events.log(founded, 0, 1)] == ["reseller.created"]


async def test_an_unknown_reseller_is_none(store: Store) -> None:
    record = await add(store)
    for unknown in (99, record.id, 10**17):
        assert await store.resellers.get(unknown) is None
        assert await store.resellers.page(unknown, EVERYTHING, 0, 10) == Listing(b"[]", 0)
        assert await store.resellers.is_suspended(unknown)
        assert not await store.resellers.is_within(unknown, unknown)
        assert not await store.resellers.is_within(unknown, PROVIDER)
        assert not await store.resellers.is_within(PROVIDER, unknown)


async def test_a_reseller_needs_a_parent_that_exists(store: Store) -> None:
    record = await add(store)
    logins = [AdministratorLogin(0, "admin", "hash")]
    for parent_id in (99, record.id):
        problem = await refused(
            store.resellers.add(structs.replace(new_reseller("Orphan", parent_id), id=50, logins=logins))
        )
        assert problem.code is Code.NOT_FOUND
    assert await store.resellers.get(50) is None
    assert await store.administrators.logins(50, 50) == []
    await store.resellers.add(structs.replace(new_reseller("Next", ONE), id=50, logins=logins))


# What is taken


async def test_a_taken_external_id_names_the_reseller_who_has_it(store: Store) -> None:
    first = await below(store, ONE, external_id="x")
    problem = await refused(below(store, ONE, external_id="x"))
    assert problem.code is Code.CONFLICT
    assert fields(problem) == ["externalId"]
    assert f"reseller {first} " in problem.faults[0].message
    assert await listed(store, ONE) == [first, BELOW_ONE, ONE]


async def test_an_external_id_is_unique_among_those_with_the_same_parent_only(store: Store) -> None:
    for parent_id, external_id in ((ONE, "x"), (ONE, "X"), (TWO, "x"), (PROVIDER, "x"), (BELOW_ONE, "x")):
        await below(store, parent_id, external_id=external_id)
    await add(store, ONE, external_id="x")
    await below(store, ONE)
    await below(store, ONE)


async def test_all_that_is_taken_is_named_and_nothing_is_left(store: Store) -> None:
    await below(store, ONE, external_id="x")
    admin = AdministratorLogin(1, "API", None)
    free = AdministratorLogin(0, "free", None)
    wanted = structs.replace(new_reseller("Half", ONE, external_id="x"), logins=[free, admin])
    problem = await refused(store.resellers.add(wanted))
    assert problem.code is Code.CONFLICT
    assert fields(problem) == ["externalId", "contactPersons[1].login"]
    assert await listed(store, ONE, Filter(name="half")) == []
    assert await store.events.log_position(PROVIDER) == 5
    assert await store.users.get("free") is None
    await store.users.add(User("free", TWO, "us", "hash"), event(TWO))


async def test_administrators_of_a_reseller_have_logins(store: Store) -> None:
    logins = [AdministratorLogin(0, "first", "hash"), AdministratorLogin(2, "second", None)]
    reseller_id = (await store.resellers.add(structs.replace(new_reseller("Next", ONE), logins=logins))).id
    assert await store.administrators.logins(reseller_id, reseller_id) == logins
    for other in (ONE, PROVIDER, BELOW_ONE):
        assert await store.administrators.logins(other, reseller_id) == []
        assert await store.administrators.logins(reseller_id, other) == []
    assert await store.users.get("first") is None
    assert (await refused(store.users.add(User("FIRST", ONE, "us", "hash"), event(ONE)))).code is Code.CONFLICT
    problem = await refused(store.customers.add(new(ONE, customer(), AdministratorLogin(0, "Second", None))))
    assert fields(problem) == ["contactPersons[0].login"]


# Changes


async def test_a_change_moves_the_version_and_is_in_the_log(store: Store) -> None:
    record = await store.resellers.get(ONE)
    assert record
    change = reseller_change(record, name="New", external_id="e")
    changed = await store.resellers.update(change)
    assert changed
    assert (changed.reseller_id, changed.id, changed.version) == (ONE, ONE, 2)
    assert reseller_of(changed) == change.account
    assert await store.resellers.get(ONE) == changed
    (logged,) = await store.events.log(ONE, 1, 10)
    assert (logged.account_id, logged.type, logged.at, logged.origin) == (ONE, "reseller.updated", 2000, ORIGIN)
    assert logged.changes == {"name": ("One", "New"), "external_id": (None, "e")}


async def test_a_change_of_an_older_version_or_of_no_reseller_does_nothing(store: Store) -> None:
    record = await store.resellers.get(ONE)
    assert record
    changed = await put(store, ONE, name="First")
    held = reseller_change(record, status="adminHold")
    assert await store.resellers.update(held) is None
    assert await store.resellers.update(structs.replace(held, id=99)) is None
    assert await store.resellers.get(ONE) == changed
    assert not await store.resellers.is_suspended(BELOW_ONE)
    assert len(await store.events.log(ONE, 1, 10)) == 1


async def test_of_many_changes_to_one_version_just_one_gets_through(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    record = await store.resellers.get(ONE)
    assert record
    results = await asyncio.gather(
        *(stores[n % 2].resellers.update(reseller_change(record, name=str(n), status="adminHold")) for n in range(20))
    )
    (changed,) = [result for result in results if result]
    assert await store.resellers.get(ONE) == changed
    assert len(await store.events.log(ONE, 1, 100)) == 1
    await put(store, ONE, status="active")
    assert await shut(stores[1], ONE, BELOW_ONE) == [False, False]


async def test_a_change_to_what_is_taken_changes_nothing(store: Store) -> None:
    first = await below(store, ONE, external_id="x")
    mine = [AdministratorLogin(0, "mine", "hash")]
    record = await store.resellers.add(structs.replace(new_reseller("Second", ONE, external_id="y"), logins=mine))
    takes_id = reseller_change(record, name="New", external_id="x", status="adminHold")
    takes_login = reseller_change(record, [AdministratorLogin(3, "Api", None)], name="New", status="cancelled")
    for change, field in ((takes_id, "externalId"), (takes_login, "contactPersons[3].login")):
        problem = await refused(store.resellers.update(change))
        assert problem.code is Code.CONFLICT
        assert fields(problem) == [field]
    assert f"reseller {first} " in (await refused(store.resellers.update(takes_id))).faults[0].message
    assert await store.resellers.get(record.id) == record
    assert await store.administrators.logins(record.id, record.id) == mine
    assert len(await store.events.log(record.id, 0, 10)) == 1
    assert not await store.resellers.is_suspended(record.id)


async def test_an_external_id_is_free_once_it_was_given_up(store: Store) -> None:
    first = await below(store, ONE, external_id="x")
    await put(store, first, external_id="x", name="Still")
    await put(store, first, external_id=None)
    assert await below(store, ONE, external_id="x") > first
    assert await listed(store, ONE, Filter(external_id="x")) == [first + 1]


async def test_logins_are_replaced_or_stay(store: Store) -> None:
    logins = [AdministratorLogin(0, "first", "hash"), AdministratorLogin(1, "second", None)]
    record = await store.resellers.add(structs.replace(new_reseller("Next", ONE), logins=logins))
    await put(store, record.id, name="New")
    assert await store.administrators.logins(record.id, record.id) == logins
    swapped = [AdministratorLogin(0, "second", "new"), AdministratorLogin(1, "third", None)]
    await put(store, record.id, logins=swapped)
    assert await store.administrators.logins(record.id, record.id) == swapped
    await store.users.add(User("first", TWO, "us", "hash"), event(TWO))
    await put(store, record.id, logins=[])
    assert await store.administrators.logins(record.id, record.id) == []
    assert await store.users.get("api")


async def test_changes_of_resellers_do_not_touch_their_customers_logins(store: Store) -> None:
    record = await store.customers.add(new(ONE, customer(), AdministratorLogin(0, "admin", None)))
    await put(store, ONE, logins=[AdministratorLogin(0, "mine", None)])
    assert await store.administrators.logins(ONE, record.id) == [AdministratorLogin(0, "admin", None)]


# Lists


async def test_a_list_has_the_reseller_and_all_below_newest_first(store: Store) -> None:
    deep = await below(store, BELOW_ONE)
    beside = await below(store, TWO)
    assert await listed(store, PROVIDER) == [beside, deep, BELOW_ONE, TWO, ONE, PROVIDER]
    assert await listed(store, ONE) == [deep, BELOW_ONE, ONE]
    assert await listed(store, TWO) == [beside, TWO]
    assert await listed(store, deep) == [deep]
    everyone = await listed(store, PROVIDER)
    for offset, limit in itertools.product(range(8), (1, 2, 6, 1000)):
        assert await listed(store, PROVIDER, EVERYTHING, offset, limit) == everyone[offset : offset + limit]
        assert (await store.resellers.page(PROVIDER, EVERYTHING, offset, limit)).total == 6
    assert await store.resellers.page(PROVIDER, EVERYTHING, 2**63 - 1, 10) == Listing(b"[]", 6)


async def test_a_list_has_whole_documents(store: Store) -> None:
    record = await store.resellers.add(new_reseller("Zoë", TWO, external_id="e", contact_persons=[person()]))
    two = await store.resellers.get(TWO)
    assert two
    listing = await store.resellers.page(TWO, EVERYTHING, 0, 10)
    assert listing.data == b"[" + record.document + b"," + two.document + b"]"


async def test_every_filter_finds_what_a_plain_comparison_finds(store: Store) -> None:
    names = ["München GmbH", "munich", "100% Cloud", "a_b", 'say "hi"', "ÅNGSTRÖM", "x", "日本語カ", "it's -- OR 1"]
    parents = [ONE, BELOW_ONE, TWO]
    kept = []
    for number, name in enumerate(names * 2):
        parent_id, external_id = parents[number % 3], f"e{number}"
        persons = [person(f"P{number % 4}@Example.com"), person("all@example.com", "billing")]
        record = await store.resellers.add(
            new_reseller(name, parent_id, external_id=external_id, contact_persons=persons)
        )
        kept.append((record.id, parent_id, name, external_id, {f"p{number % 4}@example.com", "all@example.com"}))
    reached = {PROVIDER: parents, ONE: [ONE, BELOW_ONE], BELOW_ONE: [BELOW_ONE], TWO: [TWO]}
    parts = [None, "m", "un", "munch", "%", "_", '"', "ang", "日本", "'", "-- o", "", "zzz", "*"]
    emails = [None, "p1@example.com", "all@example.com", "p1@example.co", "1@example.com", "\n"]
    for root, part, email, only_id in itertools.product(reached, parts, emails, (None, "e4", "e5")):
        if part is email is only_id is None:
            continue
        expected = [
            number
            for number, parent_id, name, kept_id, addresses in reversed(kept)
            if parent_id in reached[root]
            and (part is None or fold(part) in fold(name))
            and (email is None or email in addresses)
            and only_id in (None, kept_id)
        ]
        wanted = Filter(None if part is None else fold(part), email, only_id)
        found = [one for one in await listed(store, root, wanted) if one > BELOW_ONE]
        assert found == expected, wanted


async def test_a_change_is_found_by_its_new_members_only(store: Store) -> None:
    reseller_id = await below(store, ONE, external_id="old", contact_persons=[person("old@example.com")])
    await put(store, reseller_id, name="Zenith", external_id="new", contact_persons=[person("new@example.com")])
    for gone in (Filter(name="next"), Filter(external_id="old"), Filter(email="old@example.com")):
        assert await listed(store, ONE, gone) == []
    for there in (Filter(name="zenith"), Filter(external_id="new"), Filter(email="new@example.com")):
        assert await listed(store, ONE, there) == [reseller_id]


async def test_those_who_wait_come_oldest_first_from_everywhere(store: Store) -> None:
    assert await store.resellers.pending(10) == []
    waiting = [await below(store, parent_id, status="pending") for parent_id in (TWO, BELOW_ONE, ONE, PROVIDER)]
    await below(store, ONE)
    found = await store.resellers.pending(3)
    assert [record.id for record in found] == waiting[:3]
    assert found[0] == await store.resellers.get(waiting[0])
    await put(store, waiting[0], status="active")
    await put(store, waiting[2], status="error")
    assert [record.id for record in await store.resellers.pending(10)] == [waiting[1], waiting[3]]
    await put(store, ONE, status="pending")
    assert [record.id for record in await store.resellers.pending(1)] == [ONE]


# The tree


@pytest.mark.parametrize(
    ("reseller", "root", "within"),
    [
        (ONE, ONE, True),
        (ONE, PROVIDER, True),
        (BELOW_ONE, ONE, True),
        (BELOW_ONE, PROVIDER, True),
        (PROVIDER, ONE, False),
        (TWO, ONE, False),
        (ONE, BELOW_ONE, False),
        (BELOW_ONE, TWO, False),
        (99, ONE, False),
        (99, 99, False),
    ],
)
async def test_a_reseller_is_within_itself_and_all_above(store: Store, reseller: int, root: int, within: bool) -> None:
    assert await store.resellers.is_within(reseller, root) is within


async def test_a_tree_that_grows_anywhere_stays_the_same_tree(store: Store) -> None:
    luck = random.Random(1)
    parents: dict[int, int | None] = {PROVIDER: None, ONE: PROVIDER, TWO: PROVIDER, BELOW_ONE: ONE}
    for number in range(150):  # more in one line than there are halves of the numbers
        deepest = max(parents)
        parent_id = deepest if number % 2 else luck.choice([ONE, *parents])
        parents[await below(store, parent_id)] = parent_id
    everyone = sorted(parents, reverse=True)
    above = {reseller_id: set(_line(parents, reseller_id)) for reseller_id in parents}
    for root in everyone:
        assert await listed(store, root, limit=1000) == [one for one in everyone if root in above[one]]
    for one, root in zip(luck.choices(everyone, k=300), luck.choices(everyone, k=300), strict=True):
        assert await store.resellers.is_within(one, root) is (root in above[one])


def _line(parents: dict[int, int | None], reseller_id: int | None) -> Iterator[int]:
    """The reseller and those above it."""
    while reseller_id is not None:
        yield reseller_id
        reseller_id = parents[reseller_id]


async def test_resellers_added_at_once_stand_where_they_belong(store: Store, open_store: Open) -> None:
    stores = [store, await open_store(), await open_store()]
    owners = [ONE, TWO, BELOW_ONE, PROVIDER]
    added = await asyncio.gather(*(below(stores[n % 3], owners[n % 4], f"N{n}") for n in range(72)))
    for n, reseller_id in enumerate(added):
        assert [await store.resellers.is_within(reseller_id, root) for root in owners] == [
            owners[n % 4] in (ONE, BELOW_ONE),
            owners[n % 4] == TWO,
            owners[n % 4] == BELOW_ONE,
            True,
        ]
        assert [one.type for one in await store.events.log(reseller_id, 0, 10)] == ["reseller.created"]
    assert await listed(store, PROVIDER) == sorted([*owners, *added], reverse=True)


# Who is shut


@pytest.mark.parametrize("status", ["adminHold", "cancelled"])
async def test_a_held_reseller_shuts_all_below(store: Store, status: Status) -> None:
    deep = await below(store, BELOW_ONE)
    assert await shut(store, PROVIDER, ONE, TWO, BELOW_ONE, deep) == [False] * 5
    await put(store, ONE, status=status)
    assert await shut(store, PROVIDER, ONE, TWO, BELOW_ONE, deep) == [False, True, False, True, True]
    await put(store, ONE, status="active")
    assert await shut(store, PROVIDER, ONE, TWO, BELOW_ONE, deep) == [False] * 5


@pytest.mark.parametrize("status", ["pending", "creditHold", "error"])
async def test_other_statuses_shut_no_reseller(store: Store, status: Status) -> None:
    await put(store, ONE, status=status)
    assert await shut(store, ONE, BELOW_ONE, await below(store, ONE, status=status)) == [False] * 3


async def test_a_reseller_held_twice_is_shut_until_both_have_let_go(store: Store) -> None:
    deep = await below(store, BELOW_ONE)
    for held in (PROVIDER, BELOW_ONE):
        await put(store, held, status="adminHold")
    await put(store, PROVIDER, status="cancelled")  # from one that shuts to the other
    await put(store, PROVIDER, name="Renamed")
    assert await shut(store, PROVIDER, ONE, BELOW_ONE, deep) == [True] * 4
    await put(store, PROVIDER, status="creditHold")
    assert await shut(store, PROVIDER, ONE, BELOW_ONE, deep) == [False, False, True, True]
    await put(store, BELOW_ONE, status="active")
    assert await shut(store, PROVIDER, ONE, BELOW_ONE, deep) == [False] * 4


async def test_a_new_reseller_below_a_held_one_is_shut(store: Store) -> None:
    await put(store, ONE, status="adminHold")
    new_one = await below(store, BELOW_ONE)
    held = await below(store, BELOW_ONE, status="adminHold")
    assert await shut(store, new_one, held, await below(store, held)) == [True] * 3
    await put(store, ONE, status="active")
    assert await shut(store, new_one, held) == [False, True]
    await put(store, held, status="active")
    assert await shut(store, *await listed(store, PROVIDER)) == [False] * 7


async def test_who_comes_while_others_are_held_is_shut_as_well(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    for turn in range(5):
        parents = [ONE, BELOW_ONE] * 6
        added = asyncio.gather(*(below(stores[n % 2], parent, f"{turn} {n}") for n, parent in enumerate(parents)))
        await put(store, ONE, status="adminHold")
        assert await shut(store, BELOW_ONE, *await added) == [True] * 13
        await put(store, ONE, status="active")
        assert await shut(store, *await listed(store, PROVIDER)) == [False] * (4 + 12 * (turn + 1))


# Ten thousand of them

MANY, GROUP = effort(quick=1_000, thorough=10_000), 100
# The top of the tree of many, with ids from there on.
TOP = 1000
DEEPEST = TOP + MANY - 1
SHAPES: dict[str, Callable[[int], int]] = {"chain": lambda reseller_id: reseller_id - 1, "fan": lambda _: TOP}


def tell(line: str) -> None:
    """For readers who run it with -s."""
    print(line)  # noqa: T201


class CountedSqlite(SqliteConnections):
    """Keeps what SQLite is asked, and counts the steps of its machine."""

    def __init__(self, path: Path, _statement_timeout: float) -> None:
        super().__init__(path, statement_timeout=0)  # which looks at the time by counting steps itself
        self.statements: list[str] = []
        self.steps = 0

    def connect(self, *, reading: bool = False) -> sqlite3.Connection:
        connection = super().connect(reading=reading)
        if reading:
            connection.set_trace_callback(self.statements.append)
            connection.set_progress_handler(self._count, 1)
        return connection

    def _count(self) -> None:
        self.steps += 1

    async def looked_up(self, answer: Awaitable[object]) -> tuple[object, int]:
        """An answer, and how many steps it took."""
        before = self.steps
        return await answer, self.steps - before


class CountedConnections(Connections):
    """Keeps what PostgreSQL is asked."""

    def __init__(self, url: str, limits: Limits) -> None:
        super().__init__(url, limits)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    async def row(self, sql: str, *values: Any) -> Any:
        self.asked.append((sql, values))
        return await super().row(sql, *values)

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        self.asked.append((sql, values))
        return await super().rows(sql, *values)

    async def looked_up(self, answer: Awaitable[object]) -> tuple[object, int]:
        """An answer, and how many pages were looked into for it. Its plans have no recursion over resellers."""
        self.asked.clear()
        found, pages = await answer, 0
        for sql, values in self.asked:
            (text,) = await super().row(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *values)
            plan = msgspec.json.decode(text)[0]["Plan"]
            assert not _recursive(plan) & {"resellers", "reseller_accounts"}, sql
            pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return found, pages


def _recursive(plan: dict[str, Any], *, within: bool = False) -> set[str]:
    """The tables that a plan reads in the turns of a recursion."""
    within = within or plan["Node Type"] == "Recursive Union"
    found = {plan["Relation Name"]} if within and "Relation Name" in plan else set()
    return found.union(*(_recursive(part, within=within) for part in plan.get("Plans", ())))


async def founded(store: Store) -> None:
    await store.migrate()
    await store.open()
    await store.platform.create(
        Platform(sandbox=False),
        new_reseller("Provider", None, PROVIDER),
        new_reseller("One", PROVIDER, ONE),
        User("api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
    )


async def grow(store: Store, shape: str) -> None:
    """Many resellers below ONE, and TWO beside it; the deepest and TWO have a customer each."""
    await founded(store)
    await store.resellers.add(new_reseller("Two", PROVIDER, TWO))
    await store.resellers.add(new_reseller("Top", ONE, TOP))
    started = time.perf_counter()
    for first in range(TOP + 1, TOP + MANY, GROUP):
        some = range(first, min(first + GROUP, TOP + MANY))
        await asyncio.gather(*(store.resellers.add(new_reseller("Next", SHAPES[shape](one), one)) for one in some))
    tell(f"\n{shape} of {MANY}: added in {time.perf_counter() - started:.1f} s")
    for owner in (TWO, DEEPEST):
        await add(store, owner)
    await store.events.feed(PROVIDER, 0, 1)


def leaf_questions(store: Store, leaf: int) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is asked of a reseller with none below it."""
    return {
        "is_within": lambda: store.resellers.is_within(leaf, PROVIDER),
        "is_shut": lambda: store.resellers.is_suspended(leaf),
        "resellers": lambda: store.resellers.page(leaf, EVERYTHING, 0, 10),
        "customers": lambda: store.customers.page(leaf, EVERYTHING, 0, 10, whole=False),
        "written": lambda: store.events.log_position(leaf),
        "feed": lambda: store.events.feed(leaf, 0, 10),
    }


async def look_around(store: Store) -> None:
    """Everything at the top of the tree and at its end, with the time that it takes."""
    asked: dict[str, tuple[Awaitable[object], object]] = {
        "is_within(deepest, top)": (store.resellers.is_within(DEEPEST, TOP), True),
        "is_within(top, deepest)": (store.resellers.is_within(TOP, DEEPEST), False),
        "is_within(deepest, beside)": (store.resellers.is_within(DEEPEST, TWO), False),
        "is_shut(deepest)": (store.resellers.is_suspended(DEEPEST), False),
        "resellers(top, 10)": (listed(store, TOP, limit=10), list(range(DEEPEST, DEEPEST - 10, -1))),
        "resellers(top, last page)": (listed(store, TOP, offset=MANY - 9), list(range(TOP + 8, TOP - 1, -1))),
        "resellers(top, name)": (listed(store, TOP, Filter(name="top")), [TOP]),
        "resellers(deepest)": (listed(store, DEEPEST), [DEEPEST]),
        "customers(top)": (ids(store, TOP), await ids(store, DEEPEST)),
        "customers(top, name)": (ids(store, TOP, Filter(name="acme")), await ids(store, DEEPEST)),
        "written(top)": (store.events.log_position(TOP), MANY + 1),
        "written(deepest)": (store.events.log_position(DEEPEST), 2),
    }
    for what, (answer, expected) in asked.items():
        started = time.perf_counter()
        assert await answer == expected, what
        tell(f"{what:30} {(time.perf_counter() - started) * 1000:8.2f} ms")


async def hold_the_top(store: Store) -> None:
    for status, expected in (("adminHold", True), ("active", False)):
        started = time.perf_counter()
        await put(store, TOP, status=status)
        tell(f"{status:30} {(time.perf_counter() - started) * 1000:8.2f} ms")
        assert await shut(store, TOP, TOP + 1, DEEPEST) == [expected] * 3
        assert await shut(store, PROVIDER, ONE, TWO) == [False] * 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", SHAPES)
async def test_many_resellers_are_looked_up_like_one_on_sqlite(
    tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emporion.store.sqlite.database.Connections", CountedSqlite)
    store = SqliteStore(tmp_path / "store.db")
    counted = store._database.connections
    assert isinstance(counted, CountedSqlite)
    await grow(store, shape)
    await look_around(store)
    await hold_the_top(store)
    shallow, deep = leaf_questions(store, TWO), leaf_questions(store, DEEPEST)
    for what in shallow:
        (_, at_the_top), (_, at_the_end) = [await counted.looked_up(ask[what]()) for ask in (shallow, deep)]
        tell(f"{what:30} {at_the_top:5} steps at the top, {at_the_end:5} at the end")
        assert 0 < at_the_end <= at_the_top + 5, what
        assert at_the_end < 500, what
    await store.close()
    plans = _plans(tmp_path / "store.db", set(counted.statements))
    assert not any("RECURSIVE" in text.upper() for text in [*plans, *plans.values()])
    by_key = [plan for sql, plan in plans.items() if "FROM reseller_accounts b JOIN" in sql or "SELECT shuts" in sql]
    assert len(by_key) > 3
    assert not any("SCAN" in plan for plan in by_key), by_key


def _plans(path: Path, asked: set[str]) -> dict[str, str]:
    """How SQLite answers each statement."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            sql: " / ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))
            for sql in asked
            if sql.lstrip().startswith(("SELECT", "WITH"))
        }


@pytest.fixture
async def grown_postgres(
    postgres: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str], Awaitable[PostgresStore]]]:
    """Gives a store with the resellers that another one has grown."""
    stores: list[Store] = []
    monkeypatch.setattr("emporion.store.postgres.database.Connections", CountedConnections)
    with ExitStack() as databases:

        async def grown(shape: str) -> PostgresStore:
            source = SqliteStore(tmp_path / "store.db")
            store = PostgresStore(postgres.url(databases.enter_context(postgres.temporary())), Limits())
            stores.extend((source, store))
            await grow(source, shape)
            await store.migrate()
            await store.open()
            await copying.copy(source, store, lambda _: None)
            await copying.finish(source, store)
            return store

        yield grown
        for store in stores:
            await store.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", SHAPES)
async def test_many_resellers_are_looked_up_like_one_on_postgres(
    grown_postgres: Callable[[str], Awaitable[PostgresStore]], shape: str
) -> None:
    store = await grown_postgres(shape)
    await look_around(store)
    counted = store._database.primary
    assert isinstance(counted, CountedConnections)
    shallow, deep = leaf_questions(store, TWO), leaf_questions(store, DEEPEST)
    for what in shallow:
        (_, at_the_top), (_, at_the_end) = [await counted.looked_up(ask[what]()) for ask in (shallow, deep)]
        tell(f"{what:30} {at_the_top:5} pages at the top, {at_the_end:5} at the end")
        assert 0 < at_the_end <= at_the_top + 5, what
        assert at_the_end < 200, what
    for of_the_top in leaf_questions(store, TOP).values():
        await counted.looked_up(of_the_top())
    await hold_the_top(store)
