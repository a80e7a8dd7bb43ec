"""A row says how a customer is created or changed, and keeps no password."""

from __future__ import annotations

import msgspec
import pytest

from emporion.validation import DEEPEST
from tests.customer_files.files import fault, rows_of

BEFORE = {
    "id": "1",
    "name": "Acme",
    "contactPersons": [
        {"type": "admin", "email": "a@x.test", "firstName": "A"},
        {"type": "billing", "email": "b@x.test", "firstName": "B"},
    ],
}


def test_an_empty_cell_leaves_a_member_as_it_is() -> None:
    header = "name,address.city,address.state,contactPersons[1].email,contactPersons[1].firstName"
    first, second = rows_of(f"{header}\n,Berlin,,,\nNew,,,c@x.test,\n")
    assert first.patch(BEFORE) == {"address": {"city": "Berlin"}}
    assert second.patch(BEFORE) == {
        "name": "New",
        "contactPersons": [
            BEFORE["contactPersons"][0],
            {"type": "billing", "email": "c@x.test", "firstName": "B"},
        ],
    }


def test_what_is_as_it_was_asks_for_no_change_of_contact_persons() -> None:
    (row,) = rows_of("contactPersons[0].email,contactPersons[1].firstName\na@x.test,B\n")
    assert row.patch(BEFORE) == {}


def test_null_clears_in_json_lines() -> None:
    (row,) = rows_of('{"id": "1", "externalId": "x", "taxRegId": null, "error": "y"}', "jsonl")
    assert row.patch(BEFORE) == {"externalId": "x", "taxRegId": None}


def test_blanks_around_a_password_are_not_taken_away_unasked() -> None:
    header = "name,contactPersons[0].password"
    assert fault(f"{header}\nA,Secret-1 \n")[1].startswith("has blanks around it: take them away; if they belong")
    (row,) = rows_of(f'{header}\nA,"="" Secret-1 """\n')
    assert row.faults == []
    assert row.new()["contactPersons"][0]["password"] == " Secret-1 "


def test_passwords_are_not_kept() -> None:
    (row,) = rows_of("name,contactPersons[0].password\nA,Secret-1\n")
    assert row.passwords == ["contactPersons[0].password"]
    assert b"Secret" not in row.redacted
    person = {"email": "a@x.test", "password": "Secret-1"}
    (row,) = rows_of(msgspec.json.encode({"contactPersons": [person]}), "jsonl")
    assert row.passwords == ["contactPersons[0].password"]
    assert b"Secret" not in row.redacted


@pytest.mark.parametrize("row", ["Acme, Inc,Secret-1", '"Ac"me,Secret-1', '"Ac"me",Secret-1"', "A\0,Secret-1"])
def test_a_password_that_has_gone_astray_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(f"name,contactPersons[0].password\n{row}\n")
    assert read.faults
    assert b"Secret" not in read.redacted
    assert "Secret" not in str(read.faults)


@pytest.mark.parametrize(
    "row", ['[{"password": "Secret-1"}]', '{"password" : "Secret\\"-1", ', '{"password":"Secret-1']
)
def test_a_password_in_what_is_no_json_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(row, "jsonl")
    assert read.faults
    assert b"Secret" not in read.redacted


@pytest.mark.parametrize(
    "row",
    [
        '{"Password": "Secret-1"}',
        '{"contactPersons": {"password": "Secret-1"}}',
        '{"contactPersons": [[{"password": "Secret-1"}]]}',
        '{"contactPersons[0].password": "Secret-1"}',
        '{"attributes": {"password": "Secret-1"}}',
        "{'password': 'Secret-1'}",
        '{"pass\\u0077ord": "Secret-1"',
        '{"password": ["Secret-1"',
    ],
)
def test_a_password_in_an_odd_place_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(row, "jsonl")
    assert b"Secret" not in read.redacted


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_a_row_is_kept_without_its_passwords_however_deep_it_is_nested(opening: str) -> None:
    closing, levels = {"{": "}", "[": "]"}[opening[0]], DEEPEST - 2
    inner = '{"password": "Secret-1", "b": 1}'
    (row,) = rows_of(f'{{"attributes": {opening * levels}{inner}{closing * levels}}}', "jsonl")
    assert not row.faults
    assert row.redacted == f'{{"attributes":{opening * levels}{{"b":1}}{closing * levels}}}'.encode()
