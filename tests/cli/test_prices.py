"""`emporion price`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from emporion.store.sqlite import SqliteStore
from tests.catalogue_samples import put_catalogue, sample_catalogue
from tests.cli.conftest import Command, refused

SET = ("price", "set", "--reseller", "1000000")


@pytest.fixture(autouse=True)
def catalogue(database: Path) -> None:
    async def put() -> None:
        store = SqliteStore(database)
        await store.open()
        await put_catalogue(store, sample_catalogue())
        await store.close()

    asyncio.run(put())


def test_a_price_is_set_listed_and_removed(emporion: Command) -> None:
    assert emporion("price", "list").out == "no prices of resellers' own\n"
    said = emporion(*SET, "--product", "2101", "--amount", "12.50", "--setup", "1").out
    assert said == "reseller 1000000 takes 12.5 USD for product 2101: created\n"
    steps = ("--tiers", "10=4.5 100=4", "--model", "TIERED")
    said = emporion(*SET, "--mpn", "ACME-DISK", "--amount", "5", *steps).out
    price = "5 USD, 4.5 from 10, 4 from 100 (TIERED)"
    assert said == f"reseller 1000000 takes {price} for ACME-DISK of plan 2001: created\n"
    set_for_below = ("price", "set", "--reseller", "900002", "--product", "2101", "--margin", "7.5", "--json")
    assert emporion(*set_for_below).json == {
        "resellerId": "900002",
        "productId": "2101",
        "margin": "7.5",
        "outcome": "created",
    }
    lines = [" ".join(line.split()) for line in emporion("price", "list").out.splitlines()]
    assert lines == [
        "reseller for price setup",
        "900002 product 2101 its cost and 7.5 %",
        f"1000000 ACME-DISK of plan 2001 {price}",
        "1000000 product 2101 12.5 USD 1",
    ]
    assert emporion("price", "list", "--reseller", "900002", "--json").json == [
        {"resellerId": "900002", "productId": "2101", "margin": "7.5"}
    ]
    said = emporion("price", "remove", "--reseller", "1000000", "--product", "2101").out
    assert said == "the price of reseller 1000000 for product 2101 was removed\n"
    assert len(emporion("price", "list", "--json").json) == 2


def test_faults_are_told_by_the_options(emporion: Command) -> None:
    assert refused(emporion(*SET, "--amount", "1")) == "--product is required, or mpn in its place"
    assert refused(emporion(*SET, "--mpn", "ACME-MAIL", "--amount", "1")) == (
        "--plan is required: the MPN ACME-MAIL is in the plans 2001, 2002"
    )
    assert refused(emporion(*SET, "--mpn", "ACME-DISK", "--amount", "1", "--tiers", "10")) == (
        "--tiers must be steps such as '10=4.5 100=4'"
    )
    assert "there is no reseller 5" in refused(emporion("price", "set", "--reseller", "5", "--product", "1"))


def test_a_file_is_checked_and_then_taken_as_a_whole(emporion: Command, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    load = ("price", "import", str(file), "--reseller", "1000000")
    file.write_text(
        "ProductId;mpn;amount;tiers;model;margin;remove\n"
        "2101;;12.5;;;;\n"
        ";ACME-DISK;5;10=4.5 100=4;TIERED;;no\n"
        "2201;;;;;3;\n"
    )
    assert emporion(*load, "--dry-run").out == "3 rows: nothing was set\n"
    assert emporion("price", "list", "--json").json == []
    assert emporion(*load).out == "3 rows: 3 created\n"
    assert emporion(*load, "--json").json == {
        "rows": 3, "set": True, "created": 0, "changed": 0, "removed": 0, "unchanged": 3, "faults": [],
    }  # fmt: skip
    file.write_text("productId,amount,remove\n2101,,yes\n2201,4,\n")
    assert emporion(*load).out == "2 rows: 1 changed, 1 removed\n"


def test_nothing_of_a_file_with_a_faulty_row_is_taken(emporion: Command, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    load = ("price", "import", str(file), "--reseller", "1000000")
    file.write_text("productId,amount,tiers,remove\n2101,1,,\n999,1,,\n2102,a,10,maybe\n2201,1,,,more\n")
    ended = emporion(*load)
    assert ended.status == 1
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines == [
        "line field fault",
        "3 productId names nothing that is sold: there is no product 999",
        "4 tiers must be steps such as 10=4.5 100=4: the quantity from which each counts",
        "4 remove must be yes or no",
        "4 amount must be a number such as 4.5, with 6 digits after the point at most",
        "5 has more cells than the 4 columns of the header",
        "4 rows: nothing was set",
    ]
    assert emporion("price", "list", "--json").json == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"productId,price\n1,2\n", "The column price is not known; there are productId"),
        (b"amount,margin\n1,2\n", "The header must have productId or mpn"),
        (b"mpn,amount,MPN\n1,2,3\n", "The column mpn is there twice"),
        (b"", "The file is empty"),
        (b"PK\x03\x04", "is a workbook (.xlsx"),
    ],
)
def test_a_file_that_is_none_of_prices_is_refused(
    emporion: Command, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "prices.csv"
    file.write_bytes(content)
    assert message in refused(emporion("price", "import", str(file), "--reseller", "1000000"))
    file.unlink()
    assert "cannot be read" in refused(emporion("price", "import", str(file), "--reseller", "1000000"))
