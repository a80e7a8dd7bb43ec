"""Customers as rows of a file, CSV or JSON Lines: what each asks for, and what is wrong with it as a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from emporion.customer_files.columns import (
    ACCOUNT_TYPE,
    ADDRESS_MEMBERS,
    CONTACT_MEMBERS,
    CUSTOMER_MEMBERS,
    INVITATION,
    MOST_PERSONS,
    MOST_TOLD,
    READ_ONLY,
    CustomerColumns,
    member_path,
)
from emporion.customer_files.header_aliases import likely_paths, normalized
from emporion.errors import Fault
from emporion.files.csv_reader import CsvReader, CsvRecord
from emporion.files.json_lines import JsonLinesReader, JsonRecord
from emporion.files.rows import Format, Row, RowReader

_PERSON_PATH = re.compile(r"contactPersons\[([0-9]+)\](.*)")
# What a member is called that may have a password in it, and what may hide one in what is no JSON.
_PASSWORD = re.compile(r"passw", re.IGNORECASE)
_MAYBE_PASSWORD = re.compile(r"pass|\\\\", re.IGNORECASE)
_CUSTOMER_TYPES = ("customer", "business", "personal", "residential", "corporate")
# What others call the members of a customer that have members themselves.
_NESTED_ALIASES = {
    **dict.fromkeys(("contact", "contacts", "contact person", "persons", "people"), "contactPersons"),
    **dict.fromkeys(("address", "addresses", "location"), "address"),
    **dict.fromkeys(("attribute", "custom fields", "custom attributes", "metadata"), "attributes"),
}


class CustomerRow(Row, Protocol):
    """A customer in a file. numbered_persons: its contact persons have the numbers that they have in the customer."""

    numbered_persons: bool

    @property
    def exported_ids(self) -> tuple[str | None, str | None]:
        """The ids of the customer and of its reseller that an export has written."""

    def new(self) -> dict[str, Any]:
        """The JSON object by which it is created."""

    def patch(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON Merge Patch by which the customer that is `before` is changed; null where a member is cleared."""


def customer_reader(format: Format) -> RowReader[CustomerRow]:  # noqa: A002 - as people call it
    """Reads customers of a format."""
    if format == "jsonl":
        return JsonLinesReader(JsonCustomerRow)
    return CsvReader(lambda header: member_path(header) is not None, CustomerColumns, CsvCustomerRow)


def _could_be_id(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 and "\0" not in value else None


class CsvCustomerRow:
    """See `CustomerRow`."""

    numbered_persons = True

    def __init__(self, columns: CustomerColumns, record: CsvRecord) -> None:
        cells, self.line, self.after, fault = record
        self._columns = columns
        self._cells = cells
        self._values = {} if fault else columns.values(cells)
        # Cells may stand in other columns than their own.
        self._is_astray = fault is not None
        self.faults = [Fault("", fault)] if fault else list(self._faults(cells))
        # The number in the file of each contact person of the customer, as it was last asked for.
        self._numbers: dict[int, int] = {}

    def _faults(self, cells: Sequence[str]) -> Iterator[Fault]:
        for header in self._columns.passwords_with_blanks(cells):
            yield Fault(header, 'has blanks around it: take them away; if they belong to it, write =" … "')
        surplus = [cell for cell in cells[len(self._columns.headers) :] if cell.strip()]
        if surplus:
            self._is_astray = True
            more = "" if self._columns.has_passwords else ": " + ", ".join(cell[:40] for cell in surplus[:3])
            yield Fault("", f"has {len(cells)} cells, but there are {len(self._columns.headers)} columns{more}")
        kind = self._values.get(ACCOUNT_TYPE, "").strip().lower()
        if kind == "reseller":
            message = "must be of a customer: a reseller is added with emporion reseller add or POST /resellers"
            yield Fault(self.column_of(ACCOUNT_TYPE), message)
        elif kind and kind not in _CUSTOMER_TYPES:
            yield Fault(self.column_of(ACCOUNT_TYPE), f"must be empty or one of {', '.join(_CUSTOMER_TYPES)}")

    @property
    def redacted(self) -> bytes:
        is_secret = self._is_astray and self._columns.has_passwords
        return msgspec.json.encode(self._columns.without_passwords([] if is_secret else self._cells))

    @property
    def passwords(self) -> list[str]:
        return [path for path in self._values if path.endswith(".password")]

    @property
    def key(self) -> str | None:
        return _could_be_id(self._values.get("externalId"))

    @property
    def exported_ids(self) -> tuple[str | None, str | None]:
        return self._values.get("id"), self._values.get("resellerId")

    def new(self) -> dict[str, Any]:
        body = self._nested()
        body.setdefault("address", {})
        contacts = self._contacts() or {0: {}}
        self._numbers = dict(enumerate(contacts))
        first, *others = contacts.values()
        body["contactPersons"] = [{"type": "admin", **first}, *others]
        if "name" not in body and self._columns.has_alias("familyname"):
            names = (self._values.get(f"contactPersons[0].{member}", "") for member in ("firstName", "lastName"))
            if name := " ".join(filter(None, names)):
                body["name"] = name
        return body

    def patch(self, before: Mapping[str, Any]) -> dict[str, Any]:
        self._numbers = {}
        patch = self._nested()
        persons = [dict(person) for person in before.get("contactPersons", ())]
        for number, members in self._contacts().items():
            if number < len(persons):
                persons[number] |= members
            else:
                self._numbers[len(persons)] = number
                persons.append(members)
        if persons != before.get("contactPersons"):
            patch["contactPersons"] = persons
        return patch

    def _nested(self) -> dict[str, Any]:
        """All members but the contact persons."""
        body: dict[str, Any] = {}
        for path, value in self._values.items():
            first, _, rest = path.partition(".")
            if rest and first in ("address", "attributes"):
                is_other = path == "address.countryCode" and self._columns.has_alias("countrycode")
                body.setdefault(first, {})[rest] = value.upper() if is_other else value
            elif not rest and first not in (*READ_ONLY, ACCOUNT_TYPE, INVITATION):
                body[path] = value
        return body

    def _contacts(self) -> dict[int, dict[str, str]]:
        """The contact persons by their numbers in the file."""
        persons: dict[int, dict[str, str]] = {}
        for path, value in self._values.items():
            if found := _PERSON_PATH.fullmatch(path):
                persons.setdefault(int(found[1]), {})[found[2][1:]] = value
        return dict(sorted(persons.items()))

    def column_of(self, path: str) -> str:
        found = _PERSON_PATH.fullmatch(path)
        if found:
            position = int(found[1])
            path = f"contactPersons[{self._numbers.get(position, position)}]{found[2]}"
        return self._columns.header(path) or path


class JsonCustomerRow:
    """See `CustomerRow`."""

    numbered_persons = False

    def __init__(self, record: JsonRecord) -> None:
        self._value, self.line, self.after, sent, fault = record
        self.faults = [Fault("", fault)] if fault else list(_unknown_members(self._value))
        self._sent = ("" if _MAYBE_PASSWORD.search(sent) else sent) if fault else None

    @property
    def redacted(self) -> bytes:
        return msgspec.json.encode(_without_passwords(self._value) if self._sent is None else {"row": self._sent})

    @property
    def passwords(self) -> list[str]:
        persons = self._value.get("contactPersons")
        some = persons if isinstance(persons, list) else []
        return [
            f"contactPersons[{number}].password"
            for number, one in enumerate(some)
            if isinstance(one, dict) and one.get("password") is not None
        ]

    @property
    def key(self) -> str | None:
        return _could_be_id(self._value.get("externalId"))

    @property
    def exported_ids(self) -> tuple[str | None, str | None]:
        id_, reseller_id = self._value.get("id"), self._value.get("resellerId")
        return id_ if isinstance(id_, str) else None, reseller_id if isinstance(reseller_id, str) else None

    def new(self) -> dict[str, Any]:
        return {name: value for name, value in self._value.items() if name not in READ_ONLY}

    def patch(self, before: Mapping[str, Any]) -> dict[str, Any]:
        patch = self.new()
        if patch.get("contactPersons") == before.get("contactPersons"):
            patch.pop("contactPersons", None)
        return patch

    def column_of(self, path: str) -> str:
        return path


def _unknown_members(value: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of members that are not known: what is ignored is a wrong answer."""
    parts: list[tuple[str, object, dict[str, str]]] = [
        ("", value, {**CUSTOMER_MEMBERS, **{name.lower(): name for name in READ_ONLY}}),
        ("address.", value.get("address"), ADDRESS_MEMBERS),
    ]
    persons = value.get("contactPersons")
    if isinstance(persons, list):
        parts += [
            (f"contactPersons[{number}].", one, CONTACT_MEMBERS) for number, one in enumerate(persons[:MOST_PERSONS])
        ]
    for prefix, part, known in parts:
        unknown = [name for name in part if name not in known.values()] if isinstance(part, dict) else []
        for name in unknown[:MOST_TOLD]:
            yield Fault(f"{prefix}{name[:64]}", f"is no member that is known{_member_hint(name[:64], prefix)}")


@lru_cache(maxsize=512)
def _member_hint(name: str, prefix: str) -> str:
    """What an unknown member may be meant for. prefix: of the members beside it."""
    first = re.sub(r"\[[0-9]+\]", "[0]", prefix)
    here = {"": CUSTOMER_MEMBERS, "address.": ADDRESS_MEMBERS}.get(first, CONTACT_MEMBERS)
    known = {normalized(member): f"{first}{member}" for member in here.values()}
    if not prefix:
        known |= {normalized(other): member for other, member in _NESTED_ALIASES.items()}
    likely = [path.removeprefix(first) for path in likely_paths(name, known) if path.startswith(first)]
    if len(likely) > 1:
        return f", it could be {' or '.join(likely)}: call it what it is"
    return f", did you mean {likely[0]}?" if likely else ""


def _without_passwords(value: dict[str, Any]) -> dict[str, Any]:
    """A copy without members, at any depth, that may have a password in them."""
    kept: dict[str, Any] = _bare(value)
    # No function calls itself here: a row may be nested deeper than Python lets one.
    waiting: list[Any] = [kept]
    while waiting:
        one = waiting.pop()
        for key, item in one.items() if isinstance(one, dict) else enumerate(one):
            if isinstance(item, (dict, list)):
                one[key] = _bare(item)
                waiting.append(one[key])
    return kept


def _bare(value: Any) -> Any:
    """An object without its own members that may have a password in them, or an array; not what it was made of."""
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if not _PASSWORD.search(name)}
    return [*value]
