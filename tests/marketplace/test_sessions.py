"""Who is signed in, while the account changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.events import Origin
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.store.records import Record
from emporion.store.sqlite import SqliteStore
from tests.conftest import new_contact, new_customer, settings_for

SELLER = Actor(RESELLER_ID, "sandbox", "console")
PANEL = Origin(None, "panel", address="192.0.2.7")
PASSWORD = "Anna-pass-1"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def marketplace(store: SqliteStore, database: Path) -> Marketplace:
    return build_marketplace(settings_for(database), store)


async def account(marketplace: Marketplace) -> Record:
    """A customer whose second contact is the administrator `anna.weiss`."""
    anna = new_contact(email="anna@acme.example", login="anna.weiss", password=PASSWORD)
    berta = new_contact(type="billing", email="berta@acme.example")
    return await marketplace.customers.create(SELLER, new_customer(contactPersons=[berta, anna]))


def losing_its_first_contact(
    monkeypatch: pytest.MonkeyPatch, marketplace: Marketplace, store: SqliteStore, customer_id: int
) -> None:
    """From now on, the account loses its first contact just before it is read."""
    read = store.customers.get

    async def late(*arguments: Any) -> Record | None:
        monkeypatch.setattr(store.customers, "get", read)
        anna = {"type": "admin", "firstName": "Anna", "lastName": "Weiß", "email": "anna@acme.example"}
        persons = [{**anna, "phoneNumber": "+49891234567"}]
        await marketplace.customers.update(SELLER, str(customer_id), {"contactPersons": persons}, stays={0: 1})
        return await read(*arguments)

    monkeypatch.setattr(store.customers, "get", late)


async def test_an_administrator_who_moves_up_among_the_contacts_is_still_the_same(
    monkeypatch: pytest.MonkeyPatch, marketplace: Marketplace, store: SqliteStore
) -> None:
    customer = await account(marketplace)
    secret = (await marketplace.sessions.begin_for_administrator("anna.weiss", PASSWORD, PANEL, "")).secret
    losing_its_first_contact(monkeypatch, marketplace, store, customer.id)
    visitor = await marketplace.sessions.visitor(secret)
    assert visitor
    assert (visitor.administrator.position, visitor.email) == (0, "anna@acme.example")


async def test_a_link_is_used_by_an_administrator_who_moves_up_among_the_contacts(
    monkeypatch: pytest.MonkeyPatch, marketplace: Marketplace, store: SqliteStore
) -> None:
    customer = await account(marketplace)
    link = await marketplace.links.make(SELLER, str(customer.id), 1)
    losing_its_first_contact(monkeypatch, marketplace, store, customer.id)
    used = await marketplace.links.use(link.secret, "Another-pass-1", PANEL)
    assert (used.login, used.position) == ("anna.weiss", 0)
    event = (await store.events.log(RESELLER_ID, 0, 99))[-1]
    assert (event.origin.user, list(event.changes)) == ("anna@acme.example", ["contactPersons[0].password"])
