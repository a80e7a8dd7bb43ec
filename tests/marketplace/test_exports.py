"""Customers leave as files: all in reach, each once, oldest first, and harmless to spreadsheets."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.queries import CustomerQuery, CustomerSearch
from emporion.errors import Code, Problem
from emporion.files.rows import Format
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.store.sqlite import SqliteStore
from tests.conftest import CALLERS, new_contact, new_customer, settings_for

ANNA = Actor(RESELLER_ID, "anna", "console", "editor")
READER = structs.replace(ANNA, role="reader")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "console")
BELOW = CALLERS["below"].reseller_id


@pytest.fixture
async def marketplace(database: Path) -> AsyncIterator[Marketplace]:
    store = SqliteStore(database)
    await store.open()
    yield build_marketplace(settings_for(database), store)
    await store.close()


async def exported(
    marketplace: Marketplace,
    format: Format = "jsonl",  # noqa: A002
    actor: Actor = READER,
    reseller_id: int | None = None,
    wanted: CustomerQuery | None = None,
) -> bytes:
    return b"".join([part async for part in marketplace.exports.export(actor, reseller_id, format, wanted)])


def names(content: bytes) -> list[str]:
    return [msgspec.json.decode(line)["name"] for line in content.splitlines()]


async def create(marketplace: Marketplace, reseller_id: int = RESELLER_ID, **members: Any) -> None:
    await marketplace.customers.create(ANNA, new_customer(**members), reseller_id)


async def test_a_line_is_the_whole_customer(marketplace: Marketplace) -> None:
    first = (await exported(marketplace)).splitlines()[0]
    assert first == (await marketplace.customers.find(ANNA, "1000001")).document


async def test_customers_of_all_below_are_exported_oldest_first(marketplace: Marketplace) -> None:
    await create(marketplace, BELOW, name="Below 1")
    await create(marketplace, name="New")
    await create(marketplace, BELOW, name="Below 2")
    content = await exported(marketplace)
    assert names(content) == ["Below 1", "Below 2", "RBCustomer", "RBCustomer2", "New"]
    assert names(await exported(marketplace, reseller_id=BELOW)) == ["Below 1", "Below 2"]
    assert names(await exported(marketplace, wanted=CustomerQuery(reseller_id=str(BELOW)))) == ["Below 1", "Below 2"]
    assert await exported(marketplace, actor=structs.replace(READER, account_id=PROVIDER_ID)) == content
    assert await marketplace.exports.count(READER) == 5


async def test_a_reseller_cannot_export_customers_of_others(marketplace: Marketplace) -> None:
    assert await exported(marketplace, actor=OTHER) == b""
    for reseller_id, wanted in ((RESELLER_ID, None), (None, CustomerQuery(reseller_id=str(RESELLER_ID)))):
        with pytest.raises(Problem) as raised:
            await exported(marketplace, actor=OTHER, reseller_id=reseller_id, wanted=wanted)
        assert raised.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    "wanted",
    [
        CustomerQuery(name="MUNCHEN"),
        CustomerQuery(email="Own@Example.com"),
        CustomerQuery(external_id="007"),
        CustomerQuery(name="munchen", external_id="007"),
        CustomerSearch(status="pending"),
    ],
)
async def test_only_what_is_wanted_is_exported(marketplace: Marketplace, wanted: CustomerQuery) -> None:
    await create(marketplace, externalId="007", contactPersons=[new_contact(email="own@example.com")])
    assert names(await exported(marketplace, wanted=wanted)) == ["München GmbH"]


async def test_no_customer_is_missing_or_twice_while_others_are_created(marketplace: Marketplace) -> None:
    for number in range(100):
        await create(marketplace, name=f"Before {number}")
    content = bytearray()
    async for part in marketplace.exports.export(READER, None, "jsonl"):
        content += part
        await asyncio.gather(*(create(marketplace, name="Meanwhile") for _ in range(3)))
    found = names(bytes(content))
    assert [name for name in found if name.startswith("Before")] == [f"Before {number}" for number in range(100)]
    assert len({msgspec.json.decode(line)["id"] for line in content.splitlines()}) == len(found)


async def test_csv_has_the_columns_that_all_customers_need(marketplace: Marketplace) -> None:
    persons = [new_contact(), new_contact(type="billing", email="b@example.com")]
    await create(marketplace, name="=1+1", attributes={"Tier": "@gold"}, contactPersons=persons)
    rows = list(csv.DictReader(io.StringIO((await exported(marketplace, "csv")).decode(), newline="")))
    assert [row["id"] for row in rows] == ["1000001", "1000002", "1000003"]
    assert rows[2]["name"] == "'=1+1"
    assert rows[2]["attribute:Tier"] == "'@gold"
    assert rows[2]["contactPersons[1].email"] == "b@example.com"
    assert rows[2]["contactPersons[0].phoneNumber"] == "'+49891234567"
    assert rows[0]["contactPersons[1].email"] == rows[0]["attribute:Tier"] == ""
    assert not any("login" in header for header in rows[0])


async def test_an_empty_export_has_a_header(marketplace: Marketplace) -> None:
    content = (await exported(marketplace, "csv", OTHER)).decode()
    assert content.startswith("id,externalId,name,")
    assert content.count("\n") == 1
