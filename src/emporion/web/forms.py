"""Forms: what a person sent, as the JSON that the API takes, and what was wrong with it at each field."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from msgspec import Struct

from emporion.api.requests import LARGEST_BODY, LARGEST_FORM, read_bytes
from emporion.errors import AccessDenied, Code, Fault, Problem

if TYPE_CHECKING:
    from starlette.types import Receive

# Bytes of a form: letters that JSON has as they are take three times as much in it.
LARGEST = 3 * LARGEST_BODY
URLENCODED = b"application/x-www-form-urlencoded"
# Twenty contacts, sixty-four attributes, and all else.
MOST_FIELDS = 500
# Problems that a form can tell at its fields.
TOLD = (Code.INVALID, Code.CONFLICT)
INDEXED = re.compile(r"(\w+)\[(\d{1,3})\]\.(\w+)")


# Browsers leave line breaks out of a field of one line, which would glue words together.
LINE_BREAK = re.compile("\r\n?|\n")
ADDRESS = ("streetAddress", "addressExtension", "postalCode", "city", "state", "countryCode")
PERSON = ("type", "firstName", "lastName", "email", "phoneNumber")
# What may be left empty.
OPTIONAL = ("externalId", "taxRegId", "addressExtension", "state")
LONGEST_NUMBER = 18
# Members of a row that have a value before the user has typed something.
PRESET = ("type", "position")
# Members that are taken as they were typed, and not shown again.
SECRETS = ("password",)


class FormRow(NamedTuple):
    """A row of a list in a form. typed: as it was sent; kept: as it is to be stored. Both by its members.

    before: which row it was when the form was opened, None for a new one.
    """

    typed: dict[str, str]
    kept: dict[str, str]
    before: int | None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is filled in."""
        return not any(value for member, value in self.kept.items() if member not in PRESET)


class Form(Struct, frozen=True):
    """The fields of a form by name, the last of each; browsers send text with CRLF at line ends.

    before: the JSON object over which it was opened, with its texts by the names of their fields; none for something
    new. A field that was not touched stands for just what is stored, whatever a browser made of it: decision 0021.
    """

    fields: Mapping[str, str] = {}
    before: Mapping[str, Any] = {}
    stored: Mapping[str, str] = {}

    def over(self, before: Mapping[str, Any]) -> Form:
        """This form, opened over a JSON object."""
        return Form(self.fields, before, stored_texts(before))

    def typed(self, name: str) -> str:
        """A field just as it was sent, such as a password; "" if it is not there."""
        return self.fields.get(name, "")

    def text(self, name: str) -> str:
        """A field as it is to be stored: what was typed loses white space around it. "" if it is not there."""
        return self._kept(name, name)

    def is_touched(self, name: str) -> bool:
        """Whether the user has changed a field since the form was opened."""
        return not same(self.fields.get(name), self.stored.get(name, ""))

    def rows(self, name: str, *, blank: bool = False) -> list[FormRow]:
        """The rows of a list, such as `contactPersons[0].email`, in order. blank: with those that are."""
        found: dict[int, dict[str, str]] = {}
        for field, value in self.fields.items():
            match = INDEXED.fullmatch(field)
            if match and match[1] == name:
                found.setdefault(int(match[2]), {})[match[3]] = value
        rows = [self._row(name, number, found[number]) for number in sorted(found)]
        return [row for row in rows if blank or not row.is_blank]

    def _row(self, name: str, number: int, typed: dict[str, str]) -> FormRow:
        before = whole(typed.get("position", ""))
        kept = {
            member: value
            if member in SECRETS
            else self._kept(f"{name}[{number}].{member}", f"{name}[{before}].{member}")
            for member, value in typed.items()
        }
        return FormRow(typed, kept, before)

    def _kept(self, name: str, path: str) -> str:
        """A field as it is to be stored. path: where it was before."""
        typed, stored = self.fields.get(name), self.stored.get(path, "")
        return stored if typed is None or same(typed, stored) else typed.strip()


def shown(text: str) -> str:
    """A stored text as a field of one line shows it."""
    return LINE_BREAK.sub(" ", text)


def same(typed: str | None, stored: str) -> bool:
    """Whether a field is as it was shown, or not there. Safari sends letters composed (NFC), whatever it was given."""
    return typed is None or unicodedata.normalize("NFC", shown(typed)) == unicodedata.normalize("NFC", shown(stored))


async def read_form(headers: Mapping[bytes, bytes], receive: Receive, largest: int = LARGEST) -> Form:
    """The form in a request's body, of at most `largest` bytes.

    Raises Problem (UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMEOUT, MALFORMED or UNAVAILABLE).
    """
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != URLENCODED:
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The form must be sent as a browser does it.")
    body = await read_bytes(headers, receive, largest)
    # A long one takes a second, in which the event loop serves others.
    return await asyncio.to_thread(_parse, body) if len(body) > LARGEST_FORM else _parse(body)


def _parse(body: bytes) -> Form:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(Code.MALFORMED, "The form cannot be read.") from None
    return Form(dict(pairs))


def read_parameters(query: bytes) -> dict[str, str]:
    """The parameters of an address that have a value. Raises ValueError for what cannot be read."""
    return dict(parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=MOST_FIELDS))


def whole(text: str) -> int | None:
    """A whole number of at most 18 digits, None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def by_field(faults: Iterable[Fault]) -> dict[str, str]:
    """What is wrong with each field, as a sentence."""
    told: dict[str, str] = {}
    for fault in faults:
        message = fault.message[:1].upper() + fault.message[1:]
        told[fault.field] = f"{told[fault.field]} {message}." if fault.field in told else f"{message}."
    return told


def faults_of(problem: Problem) -> list[Fault]:
    """What a form can tell at its fields. Raises the problem if it is another one."""
    if isinstance(problem, AccessDenied) or problem.code not in TOLD or not problem.faults:
        raise problem
    return list(problem.faults)


def flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The values of a JSON object by their paths, as a form has them."""
    for name, value in document.items():
        path = prefix + name
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for number, item in enumerate(value):
                yield from flat(item, f"{path}[{number}].")
        elif value is not None:
            yield path, str(value)


def stored_texts(document: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a JSON object by the names of the fields that show them; rows of lists know their positions."""
    texts = dict(flat({name: value for name, value in document.items() if name != "attributes"}))
    for number in range(len(document.get("contactPersons", ()))):
        texts[f"contactPersons[{number}].position"] = str(number)
    for number, (name, value) in enumerate(document.get("attributes", {}).items()):
        at = f"attributes[{number}]."
        texts |= {f"{at}position": str(number), f"{at}name": name, f"{at}value": value}
    return texts


def form_values(document: Mapping[str, Any], version: int | str) -> dict[str, str]:
    """What the form of something shows at first, by the names of its fields."""
    return {**{name: shown(text) for name, text in stored_texts(document).items()}, "version": str(version)}


def typed_values(form: Form, **rows: Sequence[FormRow]) -> dict[str, str]:
    """What was typed, to show it again, with these rows of its lists; without passwords."""
    values = {name: value for name, value in form.fields.items() if "[" not in name and name not in SECRETS}
    for name, found in rows.items():
        for number, row in enumerate(found):
            values |= {f"{name}[{number}].{member}": row.typed[member] for member in row.typed if member not in SECRETS}
    return values


def put(members: dict[str, Any], name: str, form: Form, field: str) -> None:
    """Put a field into a JSON object if the user has touched it; what is empty is cleared, where it can be."""
    if form.is_touched(field):
        members[name] = form.text(field) or (None if name in OPTIONAL else "")


def read_address(form: Form) -> dict[str, Any]:
    """What a form changes of an address, all of a new one."""
    address: dict[str, Any] = {}
    for name in ADDRESS:
        put(address, name, form, f"address.{name}")
    return address


def put_persons(
    members: dict[str, Any], form: Form, rows: Sequence[FormRow], of_person: Sequence[str]
) -> dict[int, int]:
    """Put the contact persons in a form's rows into a JSON object, unless all are as before.

    of_person: the members that each has who is not blank. Returns who was there before: position after → before.
    """
    persons = [{name: row.kept[name] for name in of_person if row.kept.get(name)} for row in rows]
    stays = {number: row.before for number, row in enumerate(rows) if row.before is not None}
    if persons != form.before.get("contactPersons") or list(stays.items()) != [(at, at) for at in range(len(persons))]:
        members["contactPersons"] = persons
    return stays


def name_faults(rows: Sequence[FormRow]) -> list[Fault]:
    """What is wrong with the attributes in a form's rows that a JSON object cannot tell: it has each name once."""
    names = [row.kept.get("name") for row in rows]
    return [
        Fault(f"attributes[{number}].name", "must not be that of another attribute")
        for number, name in enumerate(names)
        if name in names[:number]
    ]


def at_rows(faults: Iterable[Fault], rows: Sequence[FormRow]) -> list[Fault]:
    """Faults that tell an attribute by its name, at the fields of a form's rows."""
    fields = {f"attributes.{row.kept.get('name')}": f"attributes[{number}].value" for number, row in enumerate(rows)}
    return [Fault(fields.get(fault.field, fault.field), fault.message) for fault in faults]


def put_attributes(members: dict[str, Any], form: Form, rows: Sequence[FormRow]) -> None:
    """Put what a form's rows change of the attributes into a JSON object, as a merge patch."""
    before = form.before.get("attributes", {})
    after = {row.kept.get("name", ""): row.kept.get("value", "") for row in rows}
    gone: dict[str, str | None] = {name: None for name in before if name not in after}
    changed = {**gone, **{name: value for name, value in after.items() if before.get(name) != value}}
    if changed:
        members["attributes"] = changed
