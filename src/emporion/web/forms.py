"""Forms: what a person sent, as the JSON that the API takes, and what was wrong with it at each field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from msgspec import Struct, to_builtins

from emporion.api.requests import LARGEST_BODY, read_bytes
from emporion.errors import Code, Problem, Refused

if TYPE_CHECKING:
    from starlette.types import Receive

    from emporion.accounts import Customer
    from emporion.errors import Fault

URLENCODED = b"application/x-www-form-urlencoded"
# Twenty contacts, sixty-four attributes, and all else.
MOST_FIELDS = 500
# Problems that a form can tell at its fields.
TOLD = (Code.INVALID, Code.CONFLICT)
INDEXED = re.compile(r"(\w+)\[(\d{1,3})\]\.(\w+)")


class Form(Struct, frozen=True):
    """The fields of a form by name, the last of each; browsers send text with CRLF at line ends."""

    fields: Mapping[str, str] = {}

    def text(self, name: str) -> str:
        """A field without white space around it, "" if it is not there."""
        return self.fields.get(name, "").strip()

    def secret(self, name: str) -> str:
        """A password, just as it was typed."""
        return self.fields.get(name, "")

    def rows(self, name: str, *, blank: bool = False) -> list[dict[str, str]]:
        """The rows of a list, such as `contactPersons[0].email`, in order. blank: with those that are."""
        found: dict[int, dict[str, str]] = {}
        for field, value in self.fields.items():
            match = INDEXED.fullmatch(field)
            if match and match[1] == name:
                found.setdefault(int(match[2]), {})[match[3]] = value.strip()
        rows = (found[number] for number in sorted(found))
        return [row for row in rows if blank or any(value for member, value in row.items() if member not in PRESET)]


ADDRESS = ("streetAddress", "addressExtension", "postalCode", "city", "state", "countryCode")
PERSON = ("type", "firstName", "lastName", "email", "phoneNumber")
# What may be left empty.
OPTIONAL = ("externalId", "taxRegId", "addressExtension", "state")
LONGEST_NUMBER = 18
# Members of a row that have a value before anybody has typed something.
PRESET = ("type", "position")


async def read_form(headers: Mapping[bytes, bytes], receive: Receive, largest: int = LARGEST_BODY) -> Form:
    """The form in a request's body, of at most `largest` bytes.

    Raises Problem (UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMEOUT, MALFORMED or UNAVAILABLE).
    """
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != URLENCODED:
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The form must be sent as a browser does it.")
    body = await read_bytes(headers, receive, largest)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(Code.MALFORMED, "The form cannot be read.") from None
    return Form(dict(pairs))


def read_parameters(query: bytes) -> dict[str, str]:
    """The parameters of an address that have a value; what cannot be read is left out."""
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return dict(pairs)


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
    if isinstance(problem, Refused) or problem.code not in TOLD or not problem.faults:
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


def form_values(customer: Customer, version: int) -> dict[str, str]:
    """What the form of a customer shows at first, by the paths of its members."""
    document: dict[str, Any] = to_builtins(customer)
    attributes = document.pop("attributes", {})
    values = dict(flat(document))
    for number in range(len(customer.contact_persons)):
        values[f"contactPersons[{number}].position"] = str(number)
    for number, (name, value) in enumerate(attributes.items()):
        values |= {f"attributes[{number}].name": name, f"attributes[{number}].value": value}
    return {**values, "version": str(version)}


def read_address(form: Form, *, new: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The address of a form, and its values to show it again. new: as for `put`."""
    address: dict[str, Any] = {}
    for name in ADDRESS:
        put(address, name, form.text(f"address.{name}"), new=new)
    return address, {f"address.{name}": form.text(f"address.{name}") for name in ADDRESS}


def read_persons(
    rows: Sequence[Mapping[str, str]], members: Sequence[str]
) -> tuple[list[dict[str, str]], dict[str, str], dict[int, int]]:
    """The contact persons in a form's rows, with those `members` that a person has who is not blank.

    With the values to show them again, and which of them were there before: position after → position before.
    """
    persons = [{name: row[name] for name in members if row.get(name)} for row in rows]
    before = {number: whole(row.get("position", "")) for number, row in enumerate(rows)}
    stays = {number: position for number, position in before.items() if position is not None}
    return persons, row_values("contactPersons", rows), stays


def row_values(name: str, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The values of a list's rows by their paths, without passwords."""
    return {
        f"{name}[{number}].{member}": value
        for number, row in enumerate(rows)
        for member, value in row.items()
        if member != "password"
    }


def put(members: dict[str, Any], name: str, text: str, *, new: bool) -> None:
    """Put a field into a JSON object. new: what is empty is left out, else it is cleared where it can be."""
    if text:
        members[name] = text
    elif not new:
        members[name] = None if name in OPTIONAL else ""
