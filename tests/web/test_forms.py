"""What a form stands for: what the user has changed in it, and nothing else."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from emporion.web.forms import (
    PERSON,
    Form,
    form_values,
    put,
    put_attributes,
    put_persons,
    read_address,
    typed_values,
)

CONTACT = {
    "type": "admin",
    "firstName": "Jane\nMary",
    "lastName": " Doe ",
    "email": "Jane@BU\u0308cher.example",
    "phoneNumber": "+49 30 1234567",
}
BEFORE: dict[str, Any] = {
    "name": "Acme\u2028Inc.",
    "externalId": " erp 7 ",
    "address": {"streetAddress": "Hof 1\r\nHaus B", "city": "A\u030a", "postalCode": "1", "countryCode": "DE"},
    "contactPersons": [CONTACT, {**CONTACT, "type": "billing"}],
    "attributes": {" a": "\t1", "a": "", "long": "x" * 2048},
    "language": "EN",
}


def sent(**typed: str) -> Form:
    """The form of BEFORE as a browser sends it after `typed`, with CRLF at line ends and none in fields of one line."""
    values = {name: value.replace("\n", "").replace("\r", "") for name, value in form_values(BEFORE, 3).items()}
    return Form(dict(parse_qsl(urlencode(values | typed), keep_blank_values=True))).over(BEFORE)


def patch(form: Form) -> dict[str, Any]:
    """What a form changes."""
    body: dict[str, Any] = {}
    for name in ("name", "externalId", "taxRegId", "language"):
        put(body, name, form, name)
    body |= {"address": address} if (address := read_address(form)) else {}
    put_persons(body, form, form.rows("contactPersons"), PERSON)
    put_attributes(body, form, form.rows("attributes"))
    return body


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    assert patch(sent()) == {}


@pytest.mark.parametrize("members", [{"attributes": {}}, {"attributes": None}, {"externalId": None}])
def test_what_is_absent_or_empty_stays_so(members: dict[str, Any]) -> None:
    before = {name: value for name, value in {**BEFORE, **members}.items() if value is not None}
    assert patch(Form(form_values(before, 1)).over(before)) == {}


def test_letters_that_a_browser_has_composed_are_the_same() -> None:
    assert not sent(**{"address.city": "\u00c5"}).is_touched("address.city")


def test_a_line_break_is_shown_as_a_blank() -> None:
    assert form_values(BEFORE, 3)["address.streetAddress"] == "Hof 1 Haus B"


@pytest.mark.parametrize(
    ("typed", "changed"),
    [
        ({"externalId": " erp 8 "}, {"externalId": "erp 8"}),
        ({"externalId": "erp 7"}, {"externalId": "erp 7"}),
        ({"externalId": ""}, {"externalId": None}),
        ({"taxRegId": "DE1"}, {"taxRegId": "DE1"}),
        ({"name": ""}, {"name": ""}),
        ({"address.streetAddress": "Hof 1 Haus C"}, {"address": {"streetAddress": "Hof 1 Haus C"}}),
        ({"attributes[0].name": "b"}, {"attributes": {" a": None, "b": "\t1"}}),
        ({"attributes[0].value": "2"}, {"attributes": {" a": "2"}}),
        ({"attributes[1].name": "", "attributes[1].value": ""}, {"attributes": {"a": None}}),
        ({"attributes[9].name": "new", "attributes[9].position": ""}, {"attributes": {"new": ""}}),
        (
            {"contactPersons[1].lastName": "Roe"},
            {"contactPersons": [CONTACT, {**CONTACT, "type": "billing", "lastName": "Roe"}]},
        ),
    ],
)
def test_what_the_user_has_changed_is_all_that_is_sent_on(typed: dict[str, str], changed: dict[str, Any]) -> None:
    assert patch(sent(**typed)) == changed


def test_a_form_shown_again_has_what_was_typed_and_knows_what_was_not_touched() -> None:
    form = sent(**{"address.city": " Bonn ", "contactPersons[0].firstName": ""})
    rows = form.rows("contactPersons")
    again = typed_values(form, contactPersons=[rows[1]], attributes=form.rows("attributes"))
    assert again["address.city"] == " Bonn "
    assert patch(Form(again).over(BEFORE)) == {
        "address": {"city": "Bonn"},
        "contactPersons": [BEFORE["contactPersons"][1]],
    }


def test_a_password_is_taken_as_it_was_typed_and_not_shown_again() -> None:
    form = sent(**{"contactPersons[0].password": " Secret 1 "})
    (row, _) = form.rows("contactPersons")
    assert row.kept["password"] == " Secret 1 "
    assert "contactPersons[0].password" not in typed_values(form, contactPersons=[row])


def test_one_who_takes_the_place_of_another_with_the_same_name_is_another_person() -> None:
    form = sent(**{"contactPersons[0].position": ""})
    form = Form({**form.fields, **{f"contactPersons[0].{name}": value for name, value in CONTACT.items()}}, form.before)
    body: dict[str, Any] = {}
    assert put_persons(body, form, form.rows("contactPersons"), PERSON) == {1: 1}
    assert len(body["contactPersons"]) == 2
