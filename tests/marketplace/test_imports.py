"""Customers come from files: checked, confirmed, written once, and whatever is refused can be sent again."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from structlog.testing import capture_logs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.errors import Code, Problem
from emporion.events import NewEvent
from emporion.files.rows import Format
from emporion.marketplace import Marketplace, customer_rows, import_content, import_runner, imports
from emporion.marketplace.actors import Actor
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.customer_rows import CustomerRows
from emporion.marketplace.customers import Customers
from emporion.marketplace.idempotency import KEPT
from emporion.marketplace.import_content import PART, LeaseLost
from emporion.marketplace.import_runner import CHECKPOINT, HELD, ImportRunner
from emporion.marketplace.imports import Imports
from emporion.marketplace.passwords import Passwords
from emporion.store.external_ids import ExternalIds
from emporion.store.imports import LONGEST_ARRIVAL, Import
from emporion.store.records import Filter
from emporion.store.sqlite import SqliteStore
from emporion.store.users import User
from emporion.validation import DEEPEST
from tests.conftest import CALLERS, ORIGIN, new_contact, new_customer, settings_for

ANNA = Actor(RESELLER_ID, "anna", "console", "editor", address="192.0.2.1")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "console")
BELOW = CALLERS["below"].reseller_id
ONE_LINE = "must be one line, without the line break U+000A in it"
HEADER = (
    "externalId,name,address.streetAddress,address.postalCode,address.city,address.countryCode,"
    "contactPersons[0].firstName,contactPersons[0].lastName,contactPersons[0].email,contactPersons[0].phoneNumber"
)


def line(external_id: str = "", name: str = "Acme", city: str = "Bonn", email: str = "a@example.com") -> str:
    return f"{external_id},{name},Weg 1,1,{city},DE,Anna,Weiß,{email},+49891234567"


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def jsonl_of(*customers: dict[str, Any]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in customers)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    for login in ("anna", "berta"):
        user = User(login, RESELLER_ID, "us", "", "editor")
        await store.users.add(user, NewEvent(RESELLER_ID, RESELLER_ID, "user.created", 1, ORIGIN))
    yield store
    await store.close()


@pytest.fixture
def marketplace(store: SqliteStore, database: Path) -> Marketplace:
    return build_marketplace(settings_for(database), store)


async def sent(marketplace: Marketplace, content: bytes, format: Format = "csv", actor: Actor = ANNA) -> Import:  # noqa: A002
    """An import that has arrived."""

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 100_000):
            yield content[at : at + 100_000]

    return await marketplace.imports.start(actor, RESELLER_ID, "customers.csv", format, parts())


async def checked(marketplace: Marketplace, content: bytes, format: Format = "csv", actor: Actor = ANNA) -> Import:  # noqa: A002
    """An import that was checked."""
    one = await sent(marketplace, content, format, actor)
    assert await marketplace.import_runner.run_next("process")
    return await marketplace.imports.get(actor, one.id)


async def done(marketplace: Marketplace, content: bytes, format: Format = "csv", actor: Actor = ANNA) -> Import:  # noqa: A002
    """An import that was checked, confirmed and written."""
    one = await checked(marketplace, content, format, actor)
    assert one.state == "checked", one.refusal
    await marketplace.imports.confirm(actor, one.id)
    assert await marketplace.import_runner.run_next("process")
    return await marketplace.imports.get(actor, one.id)


def counts(one: Import) -> tuple[str, int, int, int, int]:
    return one.state, one.created, one.changed, one.unchanged, one.rejected


async def faults(marketplace: Marketplace, one: Import) -> list[tuple[int, str, str]]:
    """Line, field and message of each fault."""
    rows = await marketplace.imports.faults(ANNA, one.id)
    return [(row.line, fault.field, fault.message) for row in rows for fault in row.faults]


async def rejected(marketplace: Marketplace, one: Import) -> bytes:
    return b"".join([part async for part in marketplace.imports.rejected(ANNA, one.id)])


async def customers(store: SqliteStore, reseller_id: int = RESELLER_ID) -> list[dict[str, Any]]:
    """The reseller's customers, oldest first, but for those of the sandbox."""
    listing = await store.customers.page(reseller_id, Filter(), 0, 1000, whole=True)
    return [one for one in msgspec.json.decode(listing.data) if int(one["id"]) > 1_000_002][::-1]


async def refusal(awaited: Any) -> Code:
    with pytest.raises(Problem) as raised:
        await awaited
    return raised.value.code


# The way of an import


async def test_an_import_is_checked_confirmed_and_written(marketplace: Marketplace, store: SqliteStore) -> None:
    one = await sent(marketplace, csv_of(line("1"), line("2", "Other")))
    assert (one.state, one.size, one.file_name) == (
        "checking",
        len(csv_of(line("1"), line("2", "Other"))),
        "customers.csv",
    )
    assert await marketplace.import_runner.run_next("process")
    one = await marketplace.imports.get(ANNA, one.id)
    assert (one.state, one.total, one.faulty) == ("checked", 2, 0)
    assert not await marketplace.import_runner.run_next("process")
    assert await customers(store) == []
    running = await marketplace.imports.confirm(ANNA, one.id)
    assert running.state == "running"
    assert await marketplace.import_runner.run_next("process")
    one = await marketplace.imports.get(ANNA, one.id)
    assert counts(one) == ("done", 2, 0, 0, 0)
    assert [(customer["externalId"], customer["name"]) for customer in await customers(store)] == [
        ("1", "Acme"),
        ("2", "Other"),
    ]
    assert await store.imports.part(one, 0) is None
    assert not await marketplace.import_runner.run_next("process")


async def test_the_log_says_who_has_imported(marketplace: Marketplace, store: SqliteStore) -> None:
    one = await done(marketplace, csv_of(line("1")))
    (event,) = [event for event in await store.events.log(RESELLER_ID, 0, 99) if event.origin.correlation_id == one.id]
    assert (event.type, event.origin.user, event.origin.source) == ("customer.created", "anna", "console")
    assert (event.origin.account_id, event.origin.address) == (RESELLER_ID, "192.0.2.1")


async def test_a_customer_with_the_external_id_is_changed(marketplace: Marketplace, store: SqliteStore) -> None:
    await done(marketplace, csv_of(line("1"), line("2")))
    again = await done(marketplace, csv_of(line("1", "New name"), line("2"), line("3")))
    assert counts(again) == ("done", 1, 1, 1, 0)
    assert [customer["name"] for customer in await customers(store)] == ["New name", "Acme", "Acme"]


async def test_an_empty_cell_leaves_a_member_and_a_column_alone_changes_it(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    await done(marketplace, csv_of(line("1")))
    again = await done(marketplace, b"externalid;city;attribute:Tier;companyname\n1;K\xc3\xb6ln;gold;\n")
    assert counts(again) == ("done", 0, 1, 0, 0)
    (customer,) = await customers(store)
    assert customer["address"]["city"] == "Köln"
    assert customer["attributes"] == {"Tier": "gold"}
    assert customer["name"] == "Acme"
    assert customer["address"]["postalCode"] == "1"


async def test_null_clears_a_member_in_json_lines(marketplace: Marketplace, store: SqliteStore) -> None:
    await done(marketplace, jsonl_of(new_customer(externalId="1", taxRegId="DE1")), "jsonl")
    again = await done(marketplace, jsonl_of({"externalId": "1", "taxRegId": None}), "jsonl")
    assert counts(again) == ("done", 0, 1, 0, 0)
    assert "taxRegId" not in (await customers(store))[0]


async def test_a_row_without_external_id_is_created_once_however_often_the_file_is_sent(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    content = csv_of(line(), line(name="Other"), line())
    assert counts(await done(marketplace, content)) == ("done", 3, 0, 0, 0)
    assert counts(await done(marketplace, content)) == ("done", 0, 0, 3, 0)
    assert len(await customers(store)) == 3


async def test_rows_with_the_same_external_id_are_written_in_their_order(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    rows = [line(str(number % 3), f"Name {number}") for number in range(200)]
    one = await done(marketplace, csv_of(*rows))
    assert counts(one) == ("done", 3, 197, 0, 0)
    assert {customer["externalId"]: customer["name"] for customer in await customers(store)} == {
        "0": "Name 198",
        "1": "Name 199",
        "2": "Name 197",
    }


async def notes_of(marketplace: Marketplace, *ids: str) -> tuple[str, ...]:
    """What the check of a file says in which rows have these external ids."""
    return (await checked(marketplace, csv_of(*map(line, ids)))).notes


SAME = "they are one customer, and each changes what the one before it made"


@pytest.mark.parametrize(
    ("ids", "note"),
    [
        (["1", "2", "1"], "externalId 1 is in lines 2 and 4"),
        (["1", "2", "1", "2", "1"], "externalId 1 is in lines 2, 4 and 6; 2 is in lines 3 and 5"),
        (["1"] * 12, "externalId 1 is in lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more"),
        (["491700000000000000", "491700000000000000"], "externalId 491700000000000000 is in lines 2 and 3"),
    ],
)
async def test_a_check_tells_an_external_id_that_several_rows_have(
    marketplace: Marketplace, ids: Sequence[str], note: str
) -> None:
    assert await notes_of(marketplace, *ids) == (f"{note}: {SAME}",)


async def test_of_many_external_ids_that_several_rows_have_the_first_are_told(marketplace: Marketplace) -> None:
    (note,) = await notes_of(marketplace, *map(str, [*range(100, 400), *range(399, 99, -1)]))
    assert "100 is in lines 2 and 601; 101 is in lines 3 and 600;" in note
    assert "; 109 is in lines 11 and 592, and 290 more such ids: they are" in note


async def test_rows_without_an_external_id_or_with_their_own_are_not_told(marketplace: Marketplace) -> None:
    assert await notes_of(marketplace, "", "", "1", "2", "a", "A") == ()


@pytest.mark.parametrize("external_id", ["4.917E+11", "4.91700E+011", "1E+15", "4.9e+12", '"4,917E+11"'])
async def test_an_external_id_that_a_spreadsheet_has_made_of_several_is_refused(
    marketplace: Marketplace, store: SqliteStore, external_id: str
) -> None:
    assert "looks like a long number that a spreadsheet has rounded" in (await notes_of(marketplace, external_id))[0]
    one = await checked(marketplace, csv_of(line(external_id, "First"), line("1"), line(external_id, "Second")))
    assert one.state == "refused"
    assert one.refusal
    assert f"externalId {external_id.strip(chr(34))} is in lines 2 and 4: a spreadsheet has rounded" in one.refusal
    assert not await customers(store)


@pytest.mark.parametrize("external_id", ["1E5", "E+11", "12.5E+11", "DE+11"])
async def test_an_external_id_that_is_no_rounded_number_is_taken_twice(
    marketplace: Marketplace, external_id: str
) -> None:
    assert await notes_of(marketplace, external_id, external_id) == (
        f"externalId {external_id} is in lines 2 and 3: {SAME}",
    )


async def test_external_ids_of_earlier_turns_are_told_too(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_runner, "TURN", 0.0)
    monkeypatch.setattr(import_runner, "CHECKPOINT", 64)
    one = await sent(marketplace, csv_of(*[line(str(number % 199)) for number in range(200)]))
    while await marketplace.import_runner.run_next("process"):
        pass
    one = await marketplace.imports.get(ANNA, one.id)
    assert one.notes == (f"externalId 0 is in lines 2 and 201: {SAME}",)
    await marketplace.imports.confirm(ANNA, one.id)
    while await marketplace.import_runner.run_next("process"):
        pass
    assert (await marketplace.imports.get(ANNA, one.id)).notes == one.notes


async def test_contact_persons_of_a_customer_keep_their_logins(marketplace: Marketplace, store: SqliteStore) -> None:
    two = [new_contact(login="first-1"), new_contact(email="b@example.com", login="second-1")]
    await done(marketplace, jsonl_of(new_customer(externalId="1", contactPersons=two)), "jsonl")
    header = "externalId,contactPersons[1].email,contactPersons[2].email,contactPersons[2].type"
    again = await done(marketplace, csv_of("1,c@example.com,,", header=header))
    assert counts(again) == ("done", 0, 1, 0, 0)
    (customer,) = await customers(store)
    assert [person["email"] for person in customer["contactPersons"]] == ["anna@example.com", "c@example.com"]
    logins = await store.administrators.logins(RESELLER_ID, int(customer["id"]))
    assert [login.login for login in logins] == ["first-1", "second-1"]


async def test_a_status_changes_by_the_rules_of_the_importing_user(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    header = f"{HEADER},status"
    await done(marketplace, csv_of(f"{line('1')},active", f"{line('2')},active", header=header))
    again = await checked(marketplace, b"externalId,status\n1,creditHold\n2,adminHold\n3,creditHold\n")
    found = await faults(marketplace, again)
    assert (3, "status", "cannot change from active to adminHold: from active you can change it to creditHold") in found
    assert (4, "status", "must be active or pending") in found
    assert 2 not in {line for line, *_ in found}
    operator = structs.replace(ANNA, account_id=PROVIDER_ID)
    assert counts(await done(marketplace, b"externalId,status\n2,adminHold\n", actor=operator)) == ("done", 0, 1, 0, 0)


async def test_a_customer_that_was_verified_meanwhile_is_not_made_pending(marketplace: Marketplace) -> None:
    content = csv_of(f"{line('1')},pending", header=f"{HEADER},status")
    await done(marketplace, content)
    await marketplace.customers.verify_waiting()
    assert counts(await done(marketplace, content)) == ("done", 0, 0, 1, 0)


# What is faulty


async def test_a_check_lists_every_fault_by_line_and_column(marketplace: Marketplace, store: SqliteStore) -> None:
    header = (
        "ExternalID,companyname,givenname,familyname,Contactemail,telvoice,streetaddress,postalcode,city,countrycode"
    )
    content = csv_of(
        "1,Acme,A,B,a@example.com,+49891234567,Weg 1,1,Bonn,de",
        "2,Acme,A,B,nonsense,123,Weg 1,1,Bonn,xx",
        '3,"Ac\nme",A,B,a@example.com,+49891234567,Weg 1,1,,de',
        "4,,,,,,,,,",
        header=header,
    )
    one = await checked(marketplace, content)
    assert (one.total, one.faulty) == (4, 3)
    found = await faults(marketplace, one)
    assert [(line, field) for line, field, _ in found] == [
        (3, "countrycode"), (3, "Contactemail"), (3, "telvoice"), (4, "companyname"), (4, "city"),
        (6, "companyname"), (6, "streetaddress"), (6, "postalcode"), (6, "city"), (6, "countrycode"), (6, "givenname"),
        (6, "familyname"), (6, "Contactemail"), (6, "telvoice"),
    ]  # fmt: skip
    assert {(4, "city", "is required"), (4, "companyname", ONE_LINE)} <= {*found}
    assert await customers(store) == []


async def test_faulty_rows_are_rejected_and_the_others_written(marketplace: Marketplace, store: SqliteStore) -> None:
    one = await done(marketplace, csv_of(line("1"), line("2", email="nonsense"), line("3")))
    assert counts(one) == ("done", 2, 0, 0, 1)
    head, row, _ = (await rejected(marketplace, one)).decode().split("\r\n")
    assert head == f"{HEADER},error"
    assert row.startswith(f"{line('2', email='nonsense')[:-13]},'+49891234567,")
    assert "contactPersons[0].email must be an e-mail address" in row
    assert [customer["externalId"] for customer in await customers(store)] == ["1", "3"]


async def test_rejected_rows_can_be_corrected_and_sent_again(marketplace: Marketplace, store: SqliteStore) -> None:
    first = await done(marketplace, csv_of(line("1"), line("2", email="nonsense")))
    corrected = (await rejected(marketplace, first)).replace(b"nonsense,", b"b@example.com,")
    assert counts(await done(marketplace, corrected)) == ("done", 1, 0, 0, 0)
    assert len(await customers(store)) == 2


async def test_rejected_lines_can_be_sent_again_as_they_are(marketplace: Marketplace) -> None:
    first = await done(marketplace, jsonl_of(new_customer(externalId="1", name="")), "jsonl")
    content = await rejected(marketplace, first)
    assert msgspec.json.decode(content)["error"] == "name must not be empty"
    second = await done(marketplace, content, "jsonl")
    assert counts(second) == ("done", 0, 0, 0, 1)
    assert await rejected(marketplace, second) == content


@pytest.mark.parametrize(
    ("levels", "field", "message"),
    [
        (DEEPEST, "attributes.deep", "must be a string, not an array"),
        (DEEPEST + 1, "", "is nested too deeply, more than 512 levels"),
    ],
)
async def test_a_row_that_is_nested_very_deeply_is_rejected_alone(
    marketplace: Marketplace, levels: int, field: str, message: str
) -> None:
    nested = b'{"externalId": "1", "attributes": {"deep": ' + b"[" * (levels - 2) + b"]" * (levels - 2) + b"}}\n"
    one = await done(marketplace, nested + jsonl_of(new_customer()), "jsonl")
    assert counts(one) == ("done", 1, 0, 0, 1)
    assert (1, field, message) in await faults(marketplace, one)
    assert b"[[[[" in await rejected(marketplace, one)


async def test_what_only_writing_shows_rejects_the_row(marketplace: Marketplace) -> None:
    header = f"{HEADER},login"
    one = await checked(marketplace, csv_of(f"{line('1')},same-login", f"{line('2')},same-login", header=header))
    assert one.faulty == 0
    await marketplace.imports.confirm(ANNA, one.id)
    await marketplace.import_runner.run_next("process")
    one = await marketplace.imports.get(ANNA, one.id)
    assert counts(one) == ("done", 1, 0, 0, 1)
    assert [(field, message) for _, field, message in await faults(marketplace, one)] == [
        ("login", "is taken; choose another")
    ]


async def test_passwords_are_checked_and_never_kept(
    marketplace: Marketplace, store: SqliteStore, database: Path
) -> None:
    header = f"{HEADER},contactPersons[0].password"
    one = await done(marketplace, csv_of(f"{line('1')},weak", f"{line('')},Good-one-1", header=header))
    assert counts(one) == ("done", 1, 0, 0, 1)
    assert [field for _, field, _ in await faults(marketplace, one)] == [
        "contactPersons[0].password", "contactPersons[0].password"
    ]  # fmt: skip
    content = await rejected(marketplace, one)
    assert b"weak" not in content
    assert b"is not kept here; enter it again" in content
    (login,) = await store.administrators.logins(RESELLER_ID, int((await customers(store))[0]["id"]))
    assert login.password_hash


async def test_of_many_faulty_rows_the_first_are_listed_and_all_counted(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (imports, import_runner):
        monkeypatch.setattr(module, "LISTED", 70)
    monkeypatch.setattr(import_runner, "CHECKPOINT", 10)
    one = await checked(marketplace, csv_of(*[line(str(number), email="x") for number in range(200)]))
    assert one.faulty == 200
    assert [row.number for row in await marketplace.imports.faults(ANNA, one.id)] == list(range(1, 71))


@pytest.mark.parametrize("content", [b"", b"nmae,city\nA,B\n", "name\nKöln\n".encode("latin-1"), b'name\n"A\n'])
async def test_a_file_of_which_nothing_can_be_taken_is_refused(marketplace: Marketplace, content: bytes) -> None:
    one = await checked(marketplace, content)
    assert one.state == "refused"
    assert one.refusal
    assert await refusal(marketplace.imports.confirm(ANNA, one.id)) is Code.CONFLICT


async def test_the_sender_is_told_what_is_not_done(marketplace: Marketplace) -> None:
    one = await checked(marketplace, csv_of(f"{line('1')},yes", header=f"{HEADER},sendinvitation"))
    assert one.faulty == 0
    assert "nothing is sent" in one.notes[0]


async def test_a_file_that_is_too_large_is_not_taken(marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_content, "LARGEST", 1000)
    assert await refusal(sent(marketplace, b"x" * 1001)) is Code.TOO_LARGE
    (one,) = await marketplace.imports.of(ANNA)
    assert one.state == "cancelled"


async def test_an_upload_that_breaks_off_is_cancelled(marketplace: Marketplace) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"name\n"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await marketplace.imports.start(ANNA, RESELLER_ID, "x.csv", "csv", parts())
    assert [one.state for one in await marketplace.imports.of(ANNA)] == ["cancelled"]


async def test_only_some_imports_of_a_reseller_wait_at_a_time(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_STORED", 2)
    for _ in range(2):
        one = await sent(marketplace, csv_of(line("1")))
    assert await refusal(sent(marketplace, csv_of(line("1")))) is Code.CONFLICT
    await marketplace.imports.cancel(ANNA, one.id)
    await sent(marketplace, csv_of(line("1")))


async def test_of_files_that_are_sent_together_no_more_are_taken(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_STORED", 2)
    outcomes = await asyncio.gather(*(sent(marketplace, csv_of(line("1"))) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, Import) for one in outcomes) == 2
    assert {one.code for one in outcomes if isinstance(one, Problem)} == {Code.CONFLICT}


# Who may


async def test_a_reseller_does_not_reach_an_import_of_others(marketplace: Marketplace) -> None:
    one = await checked(marketplace, csv_of(line("1", email="x")))
    below = structs.replace(ANNA, account_id=BELOW)
    for actor in (OTHER, below):
        for asked in (
            marketplace.imports.get,
            marketplace.imports.faults,
            marketplace.imports.confirm,
            marketplace.imports.cancel,
        ):
            assert await refusal(asked(actor, one.id)) is Code.NOT_FOUND
        assert await refusal(anext(marketplace.imports.rejected(actor, one.id))) is Code.NOT_FOUND
        assert await marketplace.imports.of(actor) == []
        assert await refusal(sent(marketplace, b"", actor=actor)) is Code.NOT_FOUND
    above = structs.replace(ANNA, account_id=PROVIDER_ID)
    assert await marketplace.imports.get(above, one.id) == one
    assert await marketplace.imports.of(above) == [one]


async def test_a_reader_may_not_import(marketplace: Marketplace) -> None:
    one = await checked(marketplace, csv_of(line("1")))
    reader = structs.replace(ANNA, role="reader")
    assert await refusal(sent(marketplace, b"", actor=reader)) is Code.FORBIDDEN
    for asked in (
        marketplace.imports.get,
        marketplace.imports.faults,
        marketplace.imports.confirm,
        marketplace.imports.cancel,
    ):
        assert await refusal(asked(reader, one.id)) is Code.FORBIDDEN
    assert await refusal(marketplace.imports.of(reader)) is Code.FORBIDDEN


async def test_customers_of_others_are_not_touched(marketplace: Marketplace, store: SqliteStore) -> None:
    operator = structs.replace(ANNA, account_id=PROVIDER_ID)

    async def parts() -> AsyncIterator[bytes]:
        yield csv_of(line("1", "Below"))

    one = await marketplace.imports.start(operator, BELOW, "x.csv", "csv", parts())
    await marketplace.import_runner.run_next("process")
    await marketplace.imports.confirm(operator, one.id)
    await marketplace.import_runner.run_next("process")
    await done(marketplace, csv_of(line("1", "Own")))
    assert [customer["name"] for customer in await customers(store, BELOW)] == ["Below"]


# Confirming, cancelling, forgetting


async def test_an_import_is_confirmed_once_and_only_when_it_was_checked(marketplace: Marketplace) -> None:
    one = await sent(marketplace, csv_of(line("1")))
    assert await refusal(marketplace.imports.confirm(ANNA, one.id)) is Code.CONFLICT
    await marketplace.import_runner.run_next("process")
    confirmed = await asyncio.gather(
        *(marketplace.imports.confirm(ANNA, one.id) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, Import) for each in confirmed) == 1


async def test_the_user_who_confirms_is_in_the_log(marketplace: Marketplace, store: SqliteStore) -> None:
    one = await checked(marketplace, csv_of(line("1")))
    await marketplace.imports.confirm(structs.replace(ANNA, user="berta"), one.id)
    await marketplace.import_runner.run_next("process")
    users = {
        event.origin.user
        for event in await store.events.log(RESELLER_ID, 0, 99)
        if event.origin.correlation_id == one.id
    }
    assert users == {"berta"}


async def test_what_is_cancelled_stops(
    marketplace: Marketplace, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_runner, "CHECKPOINT", 64)
    one = await checked(marketplace, csv_of(*[line(str(number)) for number in range(300)]))
    await marketplace.imports.confirm(ANNA, one.id)
    held = await marketplace.import_runner.hold(one.id, "process")
    assert held
    with pytest.raises(LeaseLost):
        await marketplace.import_runner.run(held, cancelling(marketplace, held))
    assert (await marketplace.imports.get(ANNA, one.id)).state == "cancelled"
    assert 0 < len(await customers(store)) < 300
    assert await refusal(marketplace.imports.cancel(ANNA, one.id)) is Code.CONFLICT


def cancelling(marketplace: Marketplace, held: Import) -> Any:
    """The content of an import, which a user cancels when a part of it was read."""

    async def source(position: int) -> AsyncIterator[bytes]:
        content = csv_of(*[line(str(number)) for number in range(300)])
        yield content[position : len(content) // 2]
        await marketplace.imports.cancel(ANNA, held.id)
        yield content[len(content) // 2 :]

    return source


async def test_an_import_ends_when_its_reseller_is_put_on_hold(marketplace: Marketplace) -> None:
    one = await checked(marketplace, csv_of(line("1")))
    await marketplace.imports.confirm(ANNA, one.id)
    operator = Actor(PROVIDER_ID, "operator", "command line")
    await marketplace.resellers.update(operator, str(RESELLER_ID), {"status": "adminHold"})
    assert await marketplace.import_runner.run_next("process")
    one = await marketplace.imports.get(operator, one.id)
    assert counts(one) == ("refused", 0, 0, 0, 0)
    assert one.refusal == "The reseller, or one above it, is on hold or cancelled."


@pytest.mark.parametrize("change", ["disable", "demote"])
async def test_an_import_ends_when_its_user_may_no_more(
    marketplace: Marketplace, store: SqliteStore, change: str
) -> None:
    one = await checked(marketplace, csv_of(line("1")))
    await marketplace.imports.confirm(ANNA, one.id)
    owner = Actor(RESELLER_ID, "sandbox", "console")
    if change == "disable":
        await marketplace.users.disable(owner, "anna")
    else:
        await marketplace.users.change_role(owner, "anna", "reader")
    assert await marketplace.import_runner.run_next("process")
    one = await marketplace.imports.get(ANNA, one.id)
    assert counts(one) == ("refused", 0, 0, 0, 0)
    assert one.refusal == "The user anna may not import any more."
    assert not await customers(store)


async def test_what_was_cancelled_while_it_was_sent_is_not_done_nor_kept(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    asked_for: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        yield b"x" * PART
        (one,) = await marketplace.imports.of(ANNA)
        await marketplace.imports.cancel(ANNA, one.id)
        for number in range(9):
            asked_for.append(number)
            yield b"x" * PART

    assert await refusal(marketplace.imports.start(ANNA, RESELLER_ID, "x.csv", "csv", parts())) is Code.CONFLICT
    assert not await marketplace.import_runner.run_next("process")
    (one,) = await marketplace.imports.of(ANNA)
    assert [await store.imports.part(one, number) for number in range(10)] == [None] * 10
    assert asked_for == [0], "what is cancelled is read no further"


class Clock:
    now = 1_795_417_952.0

    def __call__(self) -> float:
        return self.now


def with_clock(marketplace: Marketplace, store: SqliteStore, clock: Clock) -> Marketplace:
    administrators = Administrators(Passwords("medium"), clock)
    rows = CustomerRows(store, Customers(store, administrators, clock), administrators)
    runner = ImportRunner(store, rows, clock)
    return dataclasses.replace(marketplace, imports=Imports(store, rows, clock), import_runner=runner)


async def test_imports_are_forgotten_after_thirty_days(marketplace: Marketplace, store: SqliteStore) -> None:
    clock = Clock()
    marketplace = with_clock(marketplace, store, clock)
    one = await done(marketplace, csv_of(line("1")))
    clock.now += 29 * 86_400
    await marketplace.imports.forget()
    assert await marketplace.imports.of(ANNA) == [one]
    clock.now += 2 * 86_400
    await marketplace.imports.forget()
    assert await marketplace.imports.of(ANNA) == []


async def test_an_import_whose_content_never_came_is_cancelled_and_nothing_of_it_kept(
    marketplace: Marketplace, store: SqliteStore
) -> None:
    clock = Clock()
    marketplace = with_clock(marketplace, store, clock)
    one = structs.replace(
        await marketplace.imports.draft(ANNA, RESELLER_ID, "x.csv", "csv"), state="arriving", stored=True
    )
    await store.imports.add(one, 0)
    assert await store.imports.add_part(one, 0, b"x")
    clock.now += LONGEST_ARRIVAL / 1000
    await marketplace.imports.end_arrivals()
    assert await marketplace.imports.get(ANNA, one.id) == one
    clock.now += 0.001
    await marketplace.imports.end_arrivals()
    assert (await marketplace.imports.get(ANNA, one.id)).state == "cancelled"
    assert await store.imports.part(one, 0) is None


# Going on


class Killed(Exception):
    """What stands for the end of a process."""


def cut_short(content: bytes, at: int) -> Any:
    """The content, until the process ends that reads it."""

    async def source(position: int) -> AsyncIterator[bytes]:
        yield content[position:at]
        raise Killed

    return source


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("with_external_ids", [True, False])
async def test_another_process_goes_on_without_a_duplicate(
    marketplace: Marketplace,
    store: SqliteStore,
    monkeypatch: pytest.MonkeyPatch,
    format: Format,  # noqa: A002
    with_external_ids: bool,
) -> None:
    monkeypatch.setattr(import_runner, "CHECKPOINT", 150)
    clock = Clock()
    marketplace = with_clock(marketplace, store, clock)
    names = [f"Name {number}" for number in range(700)]
    ids: Sequence[str] = [str(number) if with_external_ids else "" for number in range(700)]
    if format == "csv":
        content = csv_of(*map(line, ids, names))
    else:
        content = jsonl_of(
            *(new_customer(externalId=id_ or None, name=name) for id_, name in zip(ids, names, strict=True))
        )
    one = await checked(marketplace, content, format)
    await marketplace.imports.confirm(ANNA, one.id)
    for number in range(1, 4):
        held = await marketplace.import_runner.hold(one.id, f"process {number}")
        assert held
        with pytest.raises(Killed):
            await marketplace.import_runner.run(held, cut_short(content, number * len(content) // 4))
        assert await marketplace.import_runner.hold(one.id, "too early") is None
        clock.now += HELD / 1000 + 1
    assert await marketplace.import_runner.run_next("last process")
    one = await marketplace.imports.get(ANNA, one.id)
    assert (one.state, one.rejected) == ("done", 0)
    assert one.created + one.unchanged >= 700
    assert one.at.rows == 700
    assert sorted(customer["name"] for customer in await customers(store)) == sorted(names)


async def test_rows_that_may_have_been_written_long_ago_are_told(marketplace: Marketplace, store: SqliteStore) -> None:
    clock = Clock()
    marketplace = with_clock(marketplace, store, clock)
    content = csv_of(*[line(name=f"Name {number}") for number in range(CHECKPOINT + 200)])
    one = await checked(marketplace, content)
    await marketplace.imports.confirm(ANNA, one.id)
    held = await marketplace.import_runner.hold(one.id, "process")
    assert held
    with pytest.raises(Killed):
        await marketplace.import_runner.run(held, cut_short(content, 20_000))
    written = {customer["name"] for customer in await customers(store)}
    assert written
    clock.now += KEPT + 1
    await store.idempotency.purge(int(clock.now * 1000), 10_000)
    assert await marketplace.import_runner.run_next("later")
    one = await marketplace.imports.get(ANNA, one.id)
    names = [customer["name"] for customer in await customers(store)]
    assert len(set(names)) == len(names)
    assert one.rejected == CHECKPOINT + 64
    assert {message for *_, message in await faults(marketplace, one)} == {
        "may have been created when the import was cut short, more than a day ago; look for it before you send it again"
    }


async def test_two_processes_never_do_the_same_import(marketplace: Marketplace) -> None:
    for number in range(4):
        await sent(marketplace, csv_of(line(str(number))))
    assert (
        sum(await asyncio.gather(*(marketplace.import_runner.run_next(f"process {number}") for number in range(4))))
        >= 1
    )
    while await marketplace.import_runner.run_next("process"):
        pass
    assert {one.state for one in await marketplace.imports.of(ANNA)} == {"checked"}


async def test_an_import_that_fails_on_our_side_does_not_keep_others_waiting(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await sent(marketplace, csv_of(line("1")))
    second = await sent(marketplace, csv_of(line("2")))
    with monkeypatch.context() as patched:
        patched.setattr(customer_rows, "customer_reader", lambda _: None)
        with pytest.raises(AttributeError):
            await marketplace.import_runner.run_next("process")
    assert await marketplace.import_runner.run_next("process")
    states = {one.id: one.state for one in await marketplace.imports.of(ANNA)}
    assert sorted(states.values()) == ["checked", "refused"]
    assert set(states) == {first.id, second.id}


async def test_a_check_without_room_for_its_ids_is_done_later_and_the_log_has_one_line(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnFullDisk(ExternalIds):
        def __init__(self) -> None:
            super().__init__()
            self._connection.execute("PRAGMA max_page_count = 3")

    one = await sent(marketplace, csv_of(*[line(str(number) * 50) for number in range(200)]))
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(import_runner, "ExternalIds", OnFullDisk)
        for _ in range(2):
            assert await refusal(marketplace.import_runner.run_next("process")) is Code.UNAVAILABLE
        assert (await marketplace.imports.get(ANNA, one.id)).state == "checking"
    assert [(entry["log_level"], entry["why"]) for entry in logs] == [
        ("error", "OperationalError: database or disk is full")
    ]
    assert await marketplace.import_runner.run_next("process")
    assert (await marketplace.imports.get(ANNA, one.id)).state == "checked"


# What was exported


async def exported(marketplace: Marketplace, format: Format, actor: Actor = ANNA) -> bytes:  # noqa: A002
    return b"".join([part async for part in marketplace.exports.export(actor, None, format)])


@pytest.mark.parametrize("format", ["csv", "jsonl"])
async def test_what_was_exported_changes_nothing(
    marketplace: Marketplace,
    store: SqliteStore,
    format: Format,  # noqa: A002
) -> None:
    odd = new_customer(
        externalId="007",
        name="=SUM(1)",
        attributes={"empty": "", "quote": "'=x", "Straße": 'a,"b"\n;c'},
        contactPersons=[new_contact(), new_contact(type="billing", email="b@example.com")],
        language="de_DE",
        status="active",
    )
    await done(marketplace, jsonl_of(odd, new_customer(name="No external id")), "jsonl")
    before = await exported(marketplace, format)
    again = await done(marketplace, before, format)
    # Those below are not of this reseller; the sandbox has none there.
    assert counts(again) == ("done", 0, 0, 4, 0)
    assert await exported(marketplace, format) == before
    assert len(await customers(store)) == 2


async def test_a_customer_without_external_id_is_found_by_its_id(marketplace: Marketplace, store: SqliteStore) -> None:
    await done(marketplace, jsonl_of(new_customer(name="No external id")), "jsonl")
    content = (await exported(marketplace, "csv")).replace("München,".encode(), "Köln,".encode())
    again = await done(marketplace, content)
    assert again.created == 0
    assert (await customers(store))[0]["address"]["city"] == "Köln"


async def test_an_id_of_another_platform_is_no_customer_here(marketplace: Marketplace, store: SqliteStore) -> None:
    rows: Iterable[dict[str, Any]] = (
        new_customer(id=str(number), resellerId=str(RESELLER_ID), name=f"Other {number}")
        for number in range(1_000_001, 1_000_011)
    )
    one = await done(
        marketplace,
        jsonl_of(*({**row, "contactPersons": [new_contact(email="o@example.com")]} for row in rows)),
        "jsonl",
    )
    assert counts(one) == ("done", 10, 0, 0, 0)
    assert len(await customers(store)) == 10


async def test_a_file_with_more_faulty_rows_than_can_be_given_back_is_not_confirmed(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_REFUSED", 1)
    one = await checked(marketplace, b"{}\n{}\n", "jsonl")
    assert one.faulty == 2
    assert await refusal(marketplace.imports.confirm(ANNA, one.id)) is Code.CONFLICT


async def test_a_long_import_lets_others_have_their_turn(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_runner, "TURN", 0.0)
    monkeypatch.setattr(import_runner, "CHECKPOINT", 64)
    long = await sent(marketplace, csv_of(*[line(str(number)) for number in range(500)]))
    short = await sent(marketplace, csv_of(line("x")))
    assert await marketplace.import_runner.run_next("process")
    assert (await marketplace.imports.get(ANNA, long.id)).state == "checking"
    assert await marketplace.import_runner.run_next("process")
    assert (await marketplace.imports.get(ANNA, short.id)).state == "checked"
    while await marketplace.import_runner.run_next("process"):
        pass
    assert counts(await marketplace.imports.get(ANNA, long.id))[0] == "checked"
    assert (await marketplace.imports.get(ANNA, long.id)).total == 500
