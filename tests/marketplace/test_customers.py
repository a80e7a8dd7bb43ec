"""What the marketplace keeps of a customer and never shows: logins, passwords, and the log of what happened."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.credentials import verify_password
from emporion.errors import Code, Problem
from emporion.events import Origin
from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.customers import Customers
from emporion.marketplace.passwords import Passwords
from emporion.store.administrators import AdministratorLogin
from emporion.store.sqlite import SqliteStore
from tests.conftest import new_contact, new_customer

ACTOR = Actor(RESELLER_ID, "sandbox", "api", "editor", "correlation", "192.0.2.7")
NOW = 1_795_417_952.0


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def customers(store: SqliteStore) -> Customers:
    return Customers(store, Administrators(Passwords("medium"), lambda: NOW), lambda: NOW)


async def create(customers: Customers, *contacts: dict[str, Any], **members: Any) -> str:
    body = new_customer(contactPersons=list(contacts) or [new_contact()], **members)
    return str((await customers.create(ACTOR, body)).id)


async def read(customers: Customers, customer_id: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((await customers.find(ACTOR, customer_id)).document)
    return found


async def logins(store: SqliteStore, customer_id: str) -> list[AdministratorLogin]:
    return await store.administrators.logins(RESELLER_ID, int(customer_id))


def admin(email: str, **members: Any) -> dict[str, Any]:
    return new_contact(email=email, **members)


async def test_a_password_is_kept_as_argon2id_and_can_be_verified(
    customers: Customers, store: SqliteStore, real_argon2: None
) -> None:
    customer = await create(customers, admin("a@example.com", login="anna.a", password="Ecx$cvdazv"))
    (login,) = await logins(store, customer)
    assert login.login == "anna.a"
    assert login.password_hash
    assert login.password_hash.startswith("$argon2id$v=19$m=65536,t=3,")
    assert verify_password(login.password_hash, "Ecx$cvdazv")
    assert not verify_password(login.password_hash, "Ecx$cvdazw")


async def test_a_patch_with_login_and_password_sets_both(customers: Customers, store: SqliteStore) -> None:
    patch = {"contactPersons": [admin("jane@example.com", login="some@example.com", password="Ecx$cvdazv")]}
    document = (await customers.update(ACTOR, "1000001", patch)).document
    assert b"some@example.com" not in document
    assert b"Ecx" not in document
    (login,) = await logins(store, "1000001")
    assert login.login == "some@example.com"
    assert verify_password(login.password_hash, "Ecx$cvdazv")


async def test_an_admin_without_a_login_is_given_one_that_differs(customers: Customers, store: SqliteStore) -> None:
    customer = await create(
        customers, admin("a@example.com"), admin("b@example.com"), admin("c@example.com", type="billing")
    )
    first, second = await logins(store, customer)
    assert (first.position, second.position) == (0, 1)
    assert first.login != second.login
    assert first.password_hash is None


async def test_the_only_admin_keeps_login_and_password_under_a_new_address(
    customers: Customers, store: SqliteStore
) -> None:
    customer = await create(customers, admin("a@example.com", login="anna.a", password="Ecx$cvdazv"))
    before = await logins(store, customer)
    contacts = [admin("z@example.com", type="billing"), admin("new@example.com")]
    await customers.update(ACTOR, customer, {"contactPersons": contacts})
    (after,) = await logins(store, customer)
    assert after == AdministratorLogin(1, "anna.a", before[0].password_hash)


async def test_of_several_admins_each_keeps_their_login_by_their_address(
    customers: Customers, store: SqliteStore
) -> None:
    customer = await create(
        customers,
        admin("a@example.com", login="login-a", password="Ecx$cvdazA"),
        admin("b@example.com", login="login-b", password="Ecx$cvdazB"),
    )
    a, b = await logins(store, customer)
    contacts = [admin("new@example.com"), admin("B@Example.com"), admin("a@example.com", login="login-aa")]
    await customers.update(ACTOR, customer, {"contactPersons": contacts})
    new, kept, renamed = await logins(store, customer)
    assert new.login not in ("login-a", "login-b")
    assert new.password_hash is None
    assert kept == AdministratorLogin(1, "login-b", b.password_hash)
    assert renamed == AdministratorLogin(2, "login-aa", a.password_hash)
    await create(customers, admin("x@example.com", login="login-a"))  # given up, so free again


async def test_an_admin_who_left_cannot_be_followed_by_address_of_another_type(
    customers: Customers, store: SqliteStore
) -> None:
    customer = await create(customers, admin("a@example.com", login="login-a"), admin("b@example.com", login="login-b"))
    contacts = [admin("b@example.com"), admin("a@example.com", type="technical"), admin("c@example.com")]
    await customers.update(ACTOR, customer, {"contactPersons": contacts})
    kept, new = await logins(store, customer)
    assert kept == AdministratorLogin(0, "login-b", None)
    assert new.login not in ("login-a", "login-b")


async def test_a_new_password_alone_keeps_the_login(customers: Customers, store: SqliteStore) -> None:
    customer = await create(customers, admin("a@example.com", login="anna.a", password="Ecx$cvdazv"))
    await customers.update(ACTOR, customer, {"contactPersons": [admin("a@example.com", password="New$passw0rd")]})
    (login,) = await logins(store, customer)
    assert login.login == "anna.a"
    assert verify_password(login.password_hash, "New$passw0rd")


async def test_a_patch_that_changes_nothing_leaves_no_trace(customers: Customers, store: SqliteStore) -> None:
    customer = await create(customers, admin("a@example.com", login="anna.a", password="Ecx$cvdazv"))
    before = await store.events.log(RESELLER_ID, 0, 100)
    record = await store.customers.get(RESELLER_ID, int(customer))
    for patch in ({}, {"name": "München GmbH"}, {"contactPersons": [admin("a@example.com")]}, {"unknown": 1}):
        await customers.update(ACTOR, customer, patch)
    assert await store.customers.get(RESELLER_ID, int(customer)) == record
    assert await store.events.log(RESELLER_ID, 0, 100) == before


async def test_what_was_stored_before_a_rule_stays_until_it_is_changed(
    customers: Customers, store: SqliteStore, database: Path
) -> None:
    customer = await create(customers, admin("a@example.com"), admin("b@example.com"), attributes={"a": "1"})
    old = {"München GmbH": " Old\u2028GmbH ", "Weg 1": "Hof 1\\nHaus B", "a@example.com": "a", '"a":': '" a ":'}
    with closing(sqlite3.connect(database)) as file, file:
        for right, wrong in old.items():
            file.execute(
                "UPDATE customers SET document = CAST(replace(CAST(document AS TEXT), ?, ?) AS BLOB)", (right, wrong)
            )
    before = await read(customers, customer)
    assert before["contactPersons"][0]["email"] == "a"

    await customers.update(ACTOR, customer, before)
    assert (await store.events.log(RESELLER_ID, 0, 100))[-1].type == "customer.created"
    moved = [*reversed(before["contactPersons"])]
    await customers.update(ACTOR, customer, {"address": {"city": "Bonn"}, "contactPersons": moved})
    after = await read(customers, customer)
    assert after == {**before, "address": {**before["address"], "city": "Bonn"}, "contactPersons": moved}
    with pytest.raises(Problem, match=r"contactPersons\[1\].email must be an e-mail address"):
        await customers.update(ACTOR, customer, {"contactPersons": [admin("b@example.com"), admin("aa")]})


async def test_the_log_tells_what_changed_and_no_secret(customers: Customers, store: SqliteStore) -> None:
    customer = await create(customers, admin("a@example.com"), attributes={"a": "1", "b": "2"})
    await customers.update(
        ACTOR,
        customer,
        {
            "name": "New",
            "address": {"city": "Bonn", "addressExtension": "Hof"},
            "attributes": {"a": None, "c": "3"},
            "contactPersons": [admin("a@example.com", login="secret-login", password="Ecx$cvdazv")],
        },
    )
    created, updated = (await store.events.log(RESELLER_ID, 0, 100))[-2:]
    assert (created.type, created.account_id) == ("customer.created", int(customer))
    assert created.changes == {
        "attributes.a": (None, "1"),
        "attributes.b": (None, "2"),
        "name": (None, "München GmbH"),
        "status": (None, "pending"),
        **{f"address.{member}": (None, value) for member, value in new_customer()["address"].items()},
        "contactPersons": (None, [admin("a@example.com")]),
        "language": (None, "en"),
        "contactPersons[0].login": (None, "(hidden)"),
    }
    assert updated.type == "customer.updated"
    assert updated.at == NOW * 1000
    assert updated.origin == created.origin == Origin("sandbox", "api", "correlation", RESELLER_ID, "192.0.2.7")
    assert updated.changes == {
        "name": ("München GmbH", "New"),
        "address.city": ("München", "Bonn"),
        "address.addressExtension": (None, "Hof"),
        "attributes.a": ("1", None),
        "attributes.c": (None, "3"),
        "contactPersons[0].login": ("(hidden)", "(hidden)"),
        "contactPersons[0].password": (None, "(hidden)"),
    }


@pytest.mark.parametrize("login", ["first-admin", "FIRST-admin"])
async def test_no_admin_is_given_the_login_that_a_neighbour_keeps(customers: Customers, login: str) -> None:
    first, second = admin("a@example.com", login="first-admin"), admin("b@example.com", login="second-admin")
    customer = await create(customers, first, second)
    patch = {"contactPersons": [admin("a@example.com"), admin("b@example.com", login=login)]}
    with pytest.raises(Problem) as raised:
        await customers.update(ACTOR, customer, patch)
    assert raised.value.code is Code.CONFLICT
    assert [fault.field for fault in raised.value.faults] == ["contactPersons[1].login"]


async def test_changes_at_the_same_time_are_all_kept(customers: Customers) -> None:
    patches = [{"attributes": {str(number): "x"}} for number in range(20)]
    await asyncio.gather(*(customers.update(ACTOR, "1000001", patch) for patch in patches))
    document = await read(customers, "1000001")
    assert document["attributes"] == {str(number): "x" for number in range(20)}


async def test_a_pending_customer_is_verified_once(customers: Customers, store: SqliteStore) -> None:
    customer = await create(customers)
    found = await asyncio.gather(customers.verify_waiting(), customers.verify_waiting())
    assert sorted(found) in ([0, 1], [1, 1])
    assert await customers.verify_waiting() == 0
    assert (await read(customers, customer))["status"] == "active"
    verified = [event for event in await store.events.log(RESELLER_ID, 0, 100) if event.type == "customer.verified"]
    assert [(event.account_id, event.origin) for event in verified] == [(int(customer), Origin(None, "worker"))]
    assert verified[0].changes == {"status": ("pending", "active")}


async def test_verification_does_not_undo_what_came_between(customers: Customers, store: SqliteStore) -> None:
    customer = await create(customers)
    await customers.update(ACTOR, customer, {"status": "active", "name": "Changed"})
    await customers.update(ACTOR, customer, {"status": "creditHold"})
    assert await customers.verify_waiting() == 0
    document = await read(customers, customer)
    assert (document["name"], document["status"]) == ("Changed", "creditHold")


async def test_a_weak_password_is_told_beside_all_other_faults(customers: Customers) -> None:
    with pytest.raises(Problem) as raised:
        await create(customers, admin("x", password="weak"), name=5)
    assert [fault.field for fault in raised.value.faults] == [
        "name",
        "contactPersons[0].email",
        "contactPersons[0].password",
    ]
    assert "weak" not in str(raised.value.faults)
