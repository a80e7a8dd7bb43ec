"""The promises of `emporion.store.base.Store`, held against every store."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.addresses import Address
from emporion.accounts.contacts import ContactPerson, ContactType
from emporion.accounts.customers import Customer
from emporion.accounts.folding import fold
from emporion.accounts.statuses import Status
from emporion.errors import Code, Problem
from emporion.events import Changes, Event, NewEvent, Origin, Subject
from emporion.store.administrators import AdministratorLogin
from emporion.store.base import Store
from emporion.store.customers import CustomerChange, NewRecord, VersionedDocument
from emporion.store.platform import Platform
from emporion.store.records import Filter, Listing, Record
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, event, new_reseller

ORIGIN = Origin("api", "api", "correlation")
EVERYTHING = Filter()


def person(email: str = "anna@example.com", kind: ContactType = "admin") -> ContactPerson:
    return ContactPerson(type=kind, first_name="Anna", last_name="B", email=email, phone_number="+4912345678")


def customer(
    name: str = "Acme", external_id: str | None = None, status: Status = "active", *persons: ContactPerson
) -> Customer:
    return Customer(
        id="",
        external_id=external_id,
        name=name,
        status=status,
        address=Address(street_address="Weg 1", postal_code="1", city="Bonn", country_code="DE"),
        contact_persons=list(persons) or [person()],
        language="en",
        reseller_id="20",
    )


def new(reseller_id: int, wanted: Customer, *logins: AdministratorLogin) -> NewRecord:
    return NewRecord(reseller_id, wanted, logins, ORIGIN, at=1000)


async def add(store: Store, reseller_id: int = ONE, name: str = "Acme", external_id: str | None = None) -> Record:
    return await store.customers.add(new(reseller_id, customer(name, external_id)))


def decoded(document: bytes) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(document)
    return value


async def shown(store: Store, record: Record) -> dict[str, Any]:
    """What is to be read of a customer now."""
    found = await store.customers.document(record.reseller_id, record.id)
    assert found
    return decoded(found.document)


def change(record: Record, wanted: Customer, **more: Any) -> CustomerChange:
    values: dict[str, Any] = {
        "reseller_id": record.reseller_id,
        "id": record.id,
        "version": record.version,
        "customer": structs.replace(wanted, id=str(record.id)),
        "logins": None,
        "event": "customer.updated",
        "changes": {"name": ("Acme", wanted.name)},
        "origin": ORIGIN,
        "at": 2000,
    }
    return CustomerChange(**{**values, **more})


async def ids(store: Store, root: int, wanted: Filter = EVERYTHING, offset: int = 0, limit: int = 10) -> list[int]:
    listing = await store.customers.page(root, wanted, offset, limit, whole=False)
    return [int(item["id"]) for item in msgspec.json.decode(listing.data)]


# The platform


async def test_a_new_database_has_no_platform(open_store: Open) -> None:
    assert await (await open_store()).platform.get() is None


async def test_a_platform_is_founded_once(store: Store) -> None:
    assert await store.platform.get() == Platform(sandbox=False)
    with pytest.raises(Problem) as raised:
        await store.platform.create(
            Platform(sandbox=True),
            new_reseller("P", None, 50),
            new_reseller("R", 50, 51),
            User("api2", 51, "us", "hash"),
            SubscriptionKey(b"other", 51),
        )
    assert raised.value.code is Code.CONFLICT
    assert await store.platform.get() == Platform(sandbox=False)
    assert await store.users.get("api2") is None
    assert await store.resellers.get(50) is None
    assert await store.events.log(51, 0, 10) == []


async def test_a_founded_platform_has_a_log(open_store: Open) -> None:
    store = await open_store()
    events = (event(ONE, "user.created"), event(ONE, "key.created"))
    first = User("api", ONE, "us", "hash"), SubscriptionKey(b"digest", ONE)
    await store.platform.create(
        Platform(sandbox=False), new_reseller("P", None, PROVIDER), new_reseller("R", PROVIDER, ONE), *first, events
    )
    log = [(entry.sequence, entry.type) for entry in await store.events.log(ONE, 0, 10)]
    assert log == [(1, "reseller.created"), (2, "user.created"), (3, "key.created")]


async def test_what_was_written_is_there_after_opening_again(store: Store, open_store: Open) -> None:
    record = await add(store)
    await store.close()
    again = await open_store()
    assert await again.customers.get(ONE, record.id) == record


async def test_closing_twice_is_no_harm_and_ends_all_writing(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(Problem) as raised:
        await add(store)
    assert raised.value.code is Code.UNAVAILABLE
    with pytest.raises(Problem):
        await store.customers.document(ONE, 1)


# Customers


async def test_ids_increase_over_all_resellers(store: Store) -> None:
    records = [await add(store, reseller) for reseller in (ONE, TWO, BELOW_ONE, ONE)]
    assert [record.id for record in records] == sorted({record.id for record in records})


async def test_a_customer_is_given_back_whole(store: Store) -> None:
    record = await store.customers.add(new(ONE, customer("Zoë", "ext")))
    assert record.version == 1
    assert decoded(record.document)["id"] == str(record.id)
    assert decoded(record.document)["name"] == "Zoë"
    assert await store.customers.document(ONE, record.id) == VersionedDocument(record.document, 1)
    assert await store.customers.get(ONE, record.id) == record
    assert await store.customers.owner(record.id) == ONE


async def test_only_its_own_reseller_reads_a_customer(store: Store) -> None:
    record = await add(store)
    for other in (TWO, PROVIDER, BELOW_ONE):
        assert await store.customers.document(other, record.id) is None
        assert await store.customers.get(other, record.id) is None
        assert await store.administrators.logins(other, record.id) == []


async def test_an_unknown_customer_is_none(store: Store) -> None:
    assert await store.customers.document(ONE, 10**17) is None
    assert await store.customers.get(ONE, 10**17) is None
    assert await store.customers.owner(10**17) is None
    assert await store.customers.owner(ONE) is None


async def test_a_taken_external_id_names_the_customer_who_has_it(store: Store) -> None:
    first = await add(store, external_id="x")
    with pytest.raises(Problem) as raised:
        await add(store, external_id="x")
    assert raised.value.code is Code.CONFLICT
    assert raised.value.faults[0].field == "externalId"
    assert str(first.id) in raised.value.faults[0].message
    assert await ids(store, ONE) == [first.id]


async def test_an_external_id_is_unique_within_one_reseller_only(store: Store) -> None:
    await add(store, ONE, external_id="x")
    await add(store, TWO, external_id="x")
    await add(store, ONE, external_id="X")
    await add(store, ONE)
    await add(store, ONE)


async def test_taken_logins_are_all_named_by_their_contact(store: Store) -> None:
    two_admins = customer("A", None, "active", person("a@example.com"), person("b@example.com"))
    await store.customers.add(
        new(ONE, two_admins, AdministratorLogin(0, "one", None), AdministratorLogin(1, "two", "h"))
    )
    with pytest.raises(Problem) as raised:
        await store.customers.add(
            new(TWO, two_admins, AdministratorLogin(0, "TWO", None), AdministratorLogin(1, "ONE", None))
        )
    assert [fault.field for fault in raised.value.faults] == ["contactPersons[0].login", "contactPersons[1].login"]
    assert not any(character.isdigit() for fault in raised.value.faults for character in fault.message)


async def test_a_conflict_leaves_nothing_behind(store: Store) -> None:
    await store.customers.add(new(ONE, customer("Acme", "x"), AdministratorLogin(0, "login", None)))
    for conflicting in (
        new(ONE, customer("Half", "x"), AdministratorLogin(0, "free", None)),
        new(ONE, customer("Half", "y"), AdministratorLogin(0, "login", None)),
    ):
        with pytest.raises(Problem):
            await store.customers.add(conflicting)
    assert await ids(store, ONE, Filter(name="half")) == []
    assert [event.type for event in await store.events.log(ONE, 0, 10)] == ["reseller.created", "customer.created"]
    after = await store.customers.add(new(ONE, customer("After", "y"), AdministratorLogin(0, "free", None)))
    assert await ids(store, ONE) == [after.id, after.id - 1]


async def test_one_writes_conflict_does_not_fail_its_neighbours(store: Store) -> None:
    await add(store, external_id="taken")
    results = await asyncio.gather(
        *(add(store, external_id="taken" if number % 3 == 0 else str(number)) for number in range(60)),
        return_exceptions=True,
    )
    assert [isinstance(result, Problem) for result in results] == [number % 3 == 0 for number in range(60)]
    assert (await store.customers.page(ONE, EVERYTHING, 0, 1, whole=False)).total == 41


async def test_many_at_once_get_dense_ordinals_in_the_order_of_ids(store: Store) -> None:
    records = await asyncio.gather(*(add(store, random.choice((ONE, TWO)), f"N{n}") for n in range(200)))
    for reseller in (ONE, TWO):
        mine = sorted((record.id for record in records if record.reseller_id == reseller), reverse=True)
        assert await ids(store, reseller, limit=200) == mine
        for offset in range(0, len(mine), 7):
            assert await ids(store, reseller, offset=offset, limit=7) == mine[offset : offset + 7]


async def test_a_writer_that_leaves_does_not_undo_the_write(store: Store) -> None:
    leaving = asyncio.create_task(add(store, external_id="left"))
    await asyncio.sleep(0)  # it has been handed over, and not more
    leaving.cancel()
    await add(store, external_id="stayed")
    assert len(await ids(store, ONE)) == 2


# Changes


async def test_a_change_moves_the_version(store: Store) -> None:
    record = await add(store)
    changed = await store.customers.update(change(record, customer("New", "ext")))
    assert changed is not None
    assert changed.version == 2
    assert (await shown(store, record))["name"] == "New"
    assert await store.customers.get(ONE, record.id) == changed


async def test_a_change_of_an_older_version_does_nothing(store: Store) -> None:
    record = await add(store)
    await store.customers.update(change(record, customer("First")))
    assert await store.customers.update(change(record, customer("Second"))) is None
    assert (await shown(store, record))["name"] == "First"
    assert [event.type for event in await store.events.log(ONE, 1, 10)] == ["customer.created", "customer.updated"]


async def test_another_reseller_changes_nothing(store: Store) -> None:
    record = await add(store)
    assert await store.customers.update(change(record, customer("Mine"), reseller_id=TWO)) is None
    assert (await shown(store, record))["name"] == "Acme"


async def test_of_many_changes_to_one_version_just_one_gets_through(store: Store) -> None:
    record = await add(store)
    results = await asyncio.gather(
        *(store.customers.update(change(record, customer(f"Name {number}"))) for number in range(20))
    )
    assert sum(changed is not None for changed in results) == 1


async def test_a_change_is_found_by_its_new_members_only(store: Store) -> None:
    record = await store.customers.add(new(ONE, customer("Acme", "old", "active", person("old@example.com"))))
    wanted = customer("Zenith", "new", "creditHold", person("new@example.com"))
    before = [{"email": "old@example.com"}]
    changes = {"name": ("Acme", "Zenith"), "externalId": ("old", "new"), "contactPersons": (before, [])}
    await store.customers.update(change(record, wanted, changes=changes))
    for gone in (Filter(name="acme"), Filter(name="ac"), Filter(external_id="old"), Filter(email="old@example.com")):
        assert await ids(store, ONE, gone) == []
    for there in (Filter(name="zenith"), Filter(name="ze"), Filter(external_id="new"), Filter(email="new@example.com")):
        assert await ids(store, ONE, there) == [record.id]
    listing = await store.customers.page(ONE, EVERYTHING, 0, 10, whole=False)
    assert msgspec.json.decode(listing.data) == [
        {"id": str(record.id), "externalId": "new", "name": "Zenith", "status": "creditHold"}
    ]


async def test_an_external_id_is_free_once_it_was_given_up(store: Store) -> None:
    record = await add(store, external_id="x")
    await store.customers.update(change(record, customer("A", None), changes={"externalId": ("x", None)}))
    await add(store, external_id="x")


async def test_a_change_to_a_taken_external_id_or_login_changes_nothing(store: Store) -> None:
    first = await store.customers.add(new(ONE, customer("First", "first"), AdministratorLogin(0, "first", None)))
    second = await store.customers.add(new(ONE, customer("Second", "second"), AdministratorLogin(0, "second", None)))
    for wanted, logins, field in (
        (customer("New", "first"), None, "externalId"),
        (customer("New", "second"), [AdministratorLogin(0, "FIRST", None)], "contactPersons[0].login"),
    ):
        changes = {"name": ("Second", "New"), "externalId": ("second", wanted.external_id)}
        with pytest.raises(Problem) as raised:
            await store.customers.update(change(second, wanted, logins=logins, changes=changes))
        assert [fault.field for fault in raised.value.faults] == [field]
    assert await store.customers.get(ONE, second.id) == second
    assert await store.administrators.logins(ONE, second.id) == [AdministratorLogin(0, "second", None)]
    assert await ids(store, ONE, Filter(name="new")) == []
    assert await store.customers.get(ONE, first.id) == first


async def test_logins_are_replaced_or_stay(store: Store) -> None:
    logins = [AdministratorLogin(0, "first", "hash"), AdministratorLogin(1, "second", None)]
    two = customer("A", None, "active", person("a@example.com"), person("b@example.com"))
    record = await store.customers.add(new(ONE, two, *logins))
    assert await store.administrators.logins(ONE, record.id) == logins
    record_2 = await store.customers.update(change(record, two))
    assert record_2
    assert await store.administrators.logins(ONE, record.id) == logins
    swapped = [AdministratorLogin(0, "second", "new"), AdministratorLogin(1, "third", None)]
    await store.customers.update(change(record_2, two, logins=swapped))
    assert await store.administrators.logins(ONE, record.id) == swapped
    await store.users.add(User("first", TWO, "us", "hash"), event(TWO))  # free again


# Lists


async def test_a_list_has_the_caller_and_all_below_newest_first(store: Store) -> None:
    owners = [ONE, BELOW_ONE, TWO, PROVIDER, BELOW_ONE, ONE]
    records = [await add(store, owner, f"N{number}") for number, owner in enumerate(owners)]
    newest = records[::-1]

    def owned(*owners: int) -> list[int]:
        return [record.id for record in newest if record.reseller_id in owners]

    assert await ids(store, PROVIDER) == [record.id for record in newest]
    assert await ids(store, ONE) == owned(ONE, BELOW_ONE)
    assert await ids(store, BELOW_ONE) == owned(BELOW_ONE)
    assert await ids(store, TWO) == owned(TWO)
    assert await ids(store, 99) == []
    for root, expected in ((ONE, owned(ONE, BELOW_ONE)), (PROVIDER, [record.id for record in newest])):
        for offset in range(8):
            listing = await store.customers.page(root, EVERYTHING, offset, 2, whole=True)
            assert [int(item["id"]) for item in msgspec.json.decode(listing.data)] == expected[offset : offset + 2]
            assert listing.total == len(expected)


async def test_an_empty_list(store: Store) -> None:
    for root in (ONE, TWO, PROVIDER):
        for wanted in (EVERYTHING, Filter(name="acme"), Filter(name="a"), Filter(email="x"), Filter(external_id="x")):
            assert await store.customers.page(root, wanted, 0, 10, whole=False) == Listing(b"[]", 0)


async def test_offsets_and_limits_at_their_ends(store: Store) -> None:
    records = [await add(store) for _ in range(3)]
    all_ids = [record.id for record in records[::-1]]
    for wanted in (EVERYTHING, Filter(name="acme"), Filter(name="ac"), Filter(email="anna@example.com")):
        assert await ids(store, ONE, wanted, 0, 1000) == all_ids
        assert await ids(store, ONE, wanted, 2, 1000) == all_ids[2:]
        assert await ids(store, ONE, wanted, 3, 1) == []
        assert (await store.customers.page(ONE, wanted, 2**63 - 1, 1000, whole=False)).total == 3


async def test_every_filter_finds_what_a_plain_comparison_finds(store: Store) -> None:
    names = ["München GmbH", "munich", "100% Cloud", "a_b", 'say "hi"', "ÅNGSTRÖM", "x", "日本語カ", "it's -- OR 1"]
    owners = [ONE, BELOW_ONE, TWO]
    kept = []
    for number, name in enumerate(names * 2):
        owner, external_id = owners[number % 3], f"e{number}"
        email = f"p{number % 4}@example.com"
        record = await store.customers.add(new(owner, customer(name, external_id, "active", person(email))))
        kept.append((record.id, owner, name, external_id, email))
    below = {PROVIDER: owners, ONE: [ONE, BELOW_ONE], BELOW_ONE: [BELOW_ONE], TWO: [TWO]}
    parts = [
        "m",
        "un",
        "munch",
        "%",
        "_",
        '"',
        "hi",
        "ang",
        "日",
        "日本語",
        "'",
        "-- o",
        "ö",
        "",
        "x",
        "zzz",
        "0% c",
        "*",
    ]
    others: list[tuple[str | None, str | None]] = [
        (None, None),
        ("p1@example.com", None),
        (None, "e4"),
        ("p1@example.com", "e5"),
    ]
    for root, reached in below.items():
        for part in parts:
            for only_email, only_id in others:
                expected = [
                    number
                    for number, owner, name, kept_id, kept_email in reversed(kept)
                    if owner in reached
                    and fold(part) in fold(name)
                    and only_email in (None, kept_email)
                    and only_id in (None, kept_id)
                ]
                wanted = Filter(fold(part), only_email, only_id)
                assert await ids(store, root, wanted, 0, 100) == expected
                assert await ids(store, root, wanted, 1, 2) == expected[1:3]
                listing = await store.customers.page(root, wanted, 1, 2, whole=True)
                assert listing.total == len(expected)


async def test_an_email_address_of_any_contact_is_found_once(store: Store) -> None:
    persons = [person("A@Example.com"), person("a@example.COM", "billing"), person("b@example.com", "technical")]
    record = await store.customers.add(new(ONE, customer("A", None, "active", *persons)))
    for email in ("a@example.com", "b@example.com"):
        assert await ids(store, ONE, Filter(email=email)) == [record.id]


async def test_those_who_wait_come_oldest_first_from_all_resellers(store: Store) -> None:
    waiting = [
        await store.customers.add(new(owner, customer(status="pending"))) for owner in (ONE, TWO, BELOW_ONE, ONE)
    ]
    await add(store)
    assert await store.customers.count_pending() == 4
    handed_out: list[Record] = []

    def verified(record: Record) -> CustomerChange:
        handed_out.append(record)
        return change(record, customer(), event="customer.verified", changes={"status": ("pending", "active")})

    assert await store.customers.verify(3, verified) == 3
    assert handed_out == waiting[:3]
    assert await store.customers.verify(3, verified) == 1
    assert await store.customers.verify(3, verified) == 0
    assert await store.customers.count_pending() == 0
    for record in waiting:
        assert (await shown(store, record))["status"] == "active"


async def test_each_waiting_customer_is_handed_to_one_of_many(store: Store, open_store: Open) -> None:
    waiting = [(await store.customers.add(new(ONE, customer(status="pending")))).id for _ in range(40)]
    nodes = [store, await open_store()]
    handed_out: list[int] = []

    def verified(record: Record) -> CustomerChange:
        handed_out.append(record.id)
        return change(record, customer(), changes={"status": ("pending", "active")})

    async def work(node: Store) -> None:
        while await store.customers.count_pending():
            await node.customers.verify(7, verified)
            await asyncio.sleep(0)  # reads that share a view see nothing new before the loop has its turn

    await asyncio.gather(*(work(node) for node in nodes * 2))
    assert sorted(handed_out) == waiting


async def test_who_is_pending_no_more_is_not_handed_out(store: Store) -> None:
    record = await store.customers.add(new(ONE, customer(status="pending")))
    await store.customers.update(change(record, customer(), changes={"status": ("pending", "active")}))
    assert await store.customers.count_pending() == 0

    def verified(record: Record) -> CustomerChange:
        raise AssertionError(record)

    while await store.customers.verify(10, verified):
        pass


# Events


async def test_events_are_a_log_for_each_reseller_without_gaps(store: Store) -> None:
    first = await add(store)
    await add(store, TWO)
    await store.customers.update(change(first, customer("New")))
    await asyncio.gather(*(add(store, ONE, str(number)) for number in range(20)))
    events = await store.events.log(ONE, 0, 100)
    assert [one.sequence for one in events] == list(range(1, 24))
    assert (events[0].type, events[0].account_id) == ("reseller.created", ONE)
    assert (events[1].type, events[1].account_id, events[1].at) == ("customer.created", first.id, 1000)
    assert (events[2].type, events[2].at, events[2].origin) == ("customer.updated", 2000, ORIGIN)
    assert events[2].changes == {"name": ("Acme", "New")}
    assert [one.sequence for one in await store.events.log(ONE, 21, 1)] == [22]
    assert [one.account_id for one in await store.events.log(TWO, 0, 100)] == [TWO, first.id + 1]


async def test_an_event_keeps_who_did_what_from_where_and_why(store: Store) -> None:
    origin = Origin("client:acme/1", "api", "correlation", account_id=PROVIDER, address="2001:db8::1")
    refused = NewEvent(ONE, BELOW_ONE, "access.refused", 1234, origin, {}, "GET /customers/5: not below")
    await store.events.add([refused])
    assert await store.events.log(ONE, 1, 10) == [
        Event(
            ONE,
            2,
            BELOW_ONE,
            "access.refused",
            1234,
            origin,
            {},
            "GET /customers/5: not below",
            Subject("customer", str(BELOW_ONE)),
        )
    ]
    record = await store.customers.add(structs.replace(new(ONE, customer()), origin=origin))
    await store.customers.update(change(record, customer("New"), origin=origin))
    assert [one.origin for one in await store.events.log(ONE, 2, 10)] == [origin, origin]


async def test_a_creation_may_say_more_than_that(store: Store) -> None:
    more: Changes = {"contactPersons[0].login": (None, "(hidden)")}
    await store.customers.add(structs.replace(new(ONE, customer()), changes=more))
    below = await store.resellers.add(structs.replace(new_reseller("Next", ONE), changes=more))
    for owner, created in ((ONE, "customer.created"), (below.id, "reseller.created")):
        assert [(one.type, one.changes) for one in await store.events.log(owner, 0, 10)][-1] == (created, more)
    await asyncio.gather(
        *(store.customers.add(structs.replace(new(TWO, customer()), changes={str(n): (n, None)})) for n in range(5))
    )
    assert sorted(name for one in await store.events.log(TWO, 1, 10) for name in one.changes) == list("01234")


async def test_events_are_put_into_many_logs_at_once(store: Store) -> None:
    await store.events.add([event(ONE), event(TWO), event(99), event(ONE, "key.created"), event(BELOW_ONE)])
    await store.events.add([])
    assert [one.type for one in await store.events.log(ONE, 1, 10)] == ["user.created", "key.created"]
    assert [one.sequence for one in await store.events.log(TWO, 0, 10)] == [1, 2]
    assert [one.sequence for one in await store.events.log(BELOW_ONE, 0, 10)] == [1, 2]
    assert await store.events.log(99, 0, 10) == []


async def test_events_for_the_same_logs_do_not_hold_each_other_up(store: Store, open_store: Open) -> None:
    stores = [store, await open_store()]
    owners = [ONE, TWO, BELOW_ONE, PROVIDER]
    orders = [owners, owners[::-1], owners[1:], owners[:2]]
    await asyncio.gather(*(stores[n % 2].events.add([event(owner) for owner in orders[n % 4]]) for n in range(40)))
    for owner in owners:
        log = await store.events.log(owner, 0, 100)
        assert [one.sequence for one in log] == list(range(1, len(log) + 1))
        assert len(log) == 1 + 10 * sum(owner in order for order in orders)


async def test_the_log_of_one_account_is_a_part_of_its_resellers(store: Store) -> None:
    first, second = await add(store), await add(store)
    for name in ("A", "B"):
        record = await store.customers.get(ONE, first.id)
        assert record
        await store.customers.update(change(record, customer(name)))
    mine = await store.events.by_account(ONE, first.id, 0, 10)
    assert mine == [one for one in await store.events.log(ONE, 0, 10) if one.account_id == first.id]
    assert [one.type for one in mine] == ["customer.created", "customer.updated", "customer.updated"]
    assert await store.events.by_account(ONE, first.id, mine[0].sequence, 1) == mine[1:2]
    assert [one.type for one in await store.events.by_account(ONE, second.id, 0, 10)] == ["customer.created"]
    assert [one.type for one in await store.events.by_account(ONE, ONE, 0, 10)] == ["reseller.created"]
    assert await store.events.by_account(TWO, first.id, 0, 10) == []


async def test_how_far_the_logs_go_is_told_of_a_reseller_and_all_below(store: Store) -> None:
    before = {root: await store.events.log_position(root) for root in (PROVIDER, ONE, TWO, BELOW_ONE, 99)}
    assert before == {PROVIDER: 4, ONE: 2, TWO: 1, BELOW_ONE: 1, 99: 0}
    await add(store, BELOW_ONE)
    await store.events.add([event(ONE), event(TWO)])
    after = {root: await store.events.log_position(root) for root in before}
    assert after == {PROVIDER: 7, ONE: 4, TWO: 2, BELOW_ONE: 2, 99: 0}


async def test_two_stores_over_one_database_see_and_wait_for_each_other(store: Store, open_store: Open) -> None:
    second = await open_store()
    records = await asyncio.gather(
        *(add((store, second)[number % 2], ONE, str(number), f"e{number % 90}") for number in range(100)),
        return_exceptions=True,
    )
    added = sorted((record.id for record in records if isinstance(record, Record)), reverse=True)
    assert len(added) == 90
    for one in (store, second):
        assert await ids(one, ONE, limit=100) == added
        assert (await one.customers.page(ONE, EVERYTHING, 0, 1, whole=False)).total == 90


async def test_a_page_of_whole_customers_that_no_client_could_take_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"emporion.store.{module}.lists.LARGEST_PAGE_BYTES", 60_000)
    large = structs.replace(customer(), attributes={"a": "x" * 1000})
    for _ in range(70):
        await store.customers.add(new(BELOW_ONE, large))
    for root, wanted in itertools.product((ONE, BELOW_ONE, PROVIDER), (EVERYTHING, Filter(name="acme"))):
        with pytest.raises(Problem) as raised:
            await store.customers.page(root, wanted, 0, 70, whole=True)
        assert [fault.field for fault in raised.value.faults] == ["limit"]
        assert len(msgspec.json.decode((await store.customers.page(root, wanted, 0, 40, whole=True)).data)) == 40
        assert len(msgspec.json.decode((await store.customers.page(root, wanted, 0, 70, whole=False)).data)) == 70
