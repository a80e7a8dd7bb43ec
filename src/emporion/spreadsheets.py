"""Customers as rows of a file, CSV or JSON Lines: columns and their headers, faults, and cells that could be formulas.

A reader gets the bytes of a file in pieces and gives its rows; it can go on at the place after any of them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct, structs

from emporion.accounts import Address, NewContactPerson, NewCustomer
from emporion.errors import Code, Fault, Problem
from emporion.file_types import ENOUGH, no_text
from emporion.headers import advice, meanings, restriction, squashed
from emporion.validation import DEEPEST, TooDeep, decode

Format = Literal["csv", "jsonl"]

# The most bytes that a row may have, as many as the body of a request.
LARGEST_ROW = 1 << 20
# Columns of a file at most: a customer has some two hundred members.
MOST_COLUMNS = 500
# Empty lines before the header.
MOST_BLANK = 1000
# Lines that a header spans at most.
MOST_HEADER_LINES = 100
# Contact persons of a customer at most, as the contract has it.
MOST_PERSONS = 20
_LARGEST_CELL = f"{csv.field_size_limit() >> 10} KiB"
DELIMITERS = (",", ";", "\t")
ERROR = "error"
# What an export has and an import does not put in.
NOT_TAKEN = ("id", "resellerId", ERROR)

# What spreadsheets run where a cell begins with it, or with an apostrophe and then it; an apostrophe alone is a value
# that is there and empty.
_FORMULA = re.compile("'*(?:\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]|$)")
# The same after what some spreadsheets take for the end of a cell: which they do depends on their language.
_INSIDE = re.compile("([,;\t\r\n]\"*)(?='*[=+\\-@])")
_INSIDE_PLAIN = re.compile('([,;\t\r\n]"*)(?=[=+\\-@])')
_INSIDE_HARMLESS = re.compile("([,;\t\r\n]\"*)'(?='*[=+\\-@])")
# By which Excel is kept from taking a text for a number.
_TEXT = re.compile(r'=\s*"((?:[^"]|"")*)"')
_PERSON = re.compile(r"contactpersons\[(0|[1-9][0-9]?)\]\.([a-z]+)")
_PERSON_PATH = re.compile(r"contactPersons\[([0-9]+)\](.*)")
# What a member is called that may have a password in it, and what may hide one in what is no JSON.
_PASSWORD = re.compile(r"passw", re.IGNORECASE)
_MAYBE_PASSWORD = re.compile(r"pass|\\\\", re.IGNORECASE)
# The line by which Excel knows what separates the cells; other programs have put cells of their own after it.
_SEPARATOR = re.compile(r' *"? *sep *= *(?P<separator>[^"\w\s]|\t)?"?[ ,;\t"]*', re.IGNORECASE)
_QUOTED = re.compile('"[^"]*"')
_ATTRIBUTE = re.compile(r"attributes?[:.](.*)", re.IGNORECASE | re.DOTALL)


def _members(struct: type[Struct]) -> dict[str, str]:
    """A Struct's public names by their names in lower case."""
    return {field.encode_name.lower(): field.encode_name for field in structs.fields(struct)}


_CUSTOMER, _ADDRESS, _CONTACT = _members(NewCustomer), _members(Address), _members(NewContactPerson)
_NESTED = ("attributes", "address", "contactPersons")
# Columns by their headers in lower case, but for those of contact persons and attributes.
_CONTRACT = {
    **{low: name for low, name in _CUSTOMER.items() if name not in _NESTED},
    **{f"address.{low}": f"address.{name}" for low, name in _ADDRESS.items()},
    **{name.lower(): name for name in NOT_TAKEN},
}
ACCOUNT_TYPE, INVITATION = "accounttype", "sendinvitation"
# The headers that resellers have in their files for other platforms.
_OTHERS = {
    "login": "contactPersons[0].login",
    "contactemail": "contactPersons[0].email",
    "givenname": "contactPersons[0].firstName",
    "familyname": "contactPersons[0].lastName",
    "telvoice": "contactPersons[0].phoneNumber",
    "countrycode": "address.countryCode",
    "postalcode": "address.postalCode",
    "regioncode": "address.state",
    "city": "address.city",
    "streetaddress": "address.streetAddress",
    "taxregistrationid": "taxRegId",
    "locale": "language",
    "companyname": "name",
    ACCOUNT_TYPE: ACCOUNT_TYPE,
    INVITATION: INVITATION,
}
_CUSTOMER_TYPES = ("customer", "business", "personal", "residential", "corporate")
# How many unknown headers or members are told.
_MOST_TOLD = 20
_EACH_LINE = "put one object in each line, as jq -c does"
_NAMES_THEMSELVES = {name: name for name in _OTHERS}
# What others call the members of a customer that have members themselves.
_NESTED_OTHERS = {
    **dict.fromkeys(("contact", "contacts", "contact person", "persons", "people"), "contactPersons"),
    **dict.fromkeys(("address", "addresses", "location"), "address"),
    **dict.fromkeys(("attribute", "custom fields", "custom attributes", "metadata"), "attributes"),
}


def harmless(value: str) -> str:
    """The cell for a value, as `meant` reads it: none that a spreadsheet runs as a formula, however it splits the line.

    With blanks around it the value is a text to spreadsheets (`=" x "`), since blanks around a cell are not meant.
    """
    inside = _INSIDE.sub(r"\1'", value)
    if _FORMULA.match(inside):
        return "'" + inside
    return '="' + inside.replace('"', '""') + '"' if inside != inside.strip() else inside


def meant(cell: str) -> str:
    """The value of a cell: without blanks around it, and without what makes it harmless, or a text to spreadsheets."""
    bare = cell if cell.startswith("'") and _FORMULA.match(cell) else cell.strip()
    if text := _TEXT.fullmatch(bare):
        value = text[1].replace('""', '"')
    else:
        value = bare[1:] if bare.startswith("'") and _FORMULA.match(bare) else bare
    return _INSIDE_HARMLESS.sub(r"\1", value) if "'" in value else value


def bad_file(message: str) -> Problem:
    """For a file of which nothing can be taken."""
    return Problem(Code.INVALID, f"{message}.")


class Place(Struct, frozen=True):
    """A place between two rows: how many bytes, line ends and rows come before it."""

    position: int = 0
    lines: int = 0
    rows: int = 0


class Column(NamedTuple):
    """A column. header: as it stands in the file. path: of the member of a customer."""

    header: str
    path: str


class Columns:
    """What the columns of a CSV file mean. Raises Problem (INVALID) if that cannot be said of one of them."""

    def __init__(self, headers: Sequence[str], delimiter: str = ",") -> None:
        self.headers = tuple(headers)
        self.delimiter = delimiter
        self._columns = [Column(header, path_of(header) or "") for header in headers]
        _check_columns(self._columns)
        self._headers = {column.path: column.header for column in reversed(self._columns)}
        self._others = {header.lower() for header in headers if header.lower() in _OTHERS}

    @property
    def notes(self) -> list[str]:
        """What whoever sent the file should know."""
        notes = []
        if INVITATION in self._headers:
            notes.append(
                "sendinvitation: nothing is sent; hand out a one-time link for the password from the customer's page"
            )
        if set(self._headers) & {"id", "resellerId"}:
            notes.append(
                "id and resellerId are given by the platform and not taken over; where a row has no externalId, they "
                "find the customer that it was exported from"
            )
        return notes

    @property
    def has_passwords(self) -> bool:
        """Whether a column is for passwords."""
        return any(path.endswith(".password") for path in self._headers)

    def header(self, path: str) -> str | None:
        """The header of the column for a member."""
        return self._headers.get(path)

    def has_other(self, name: str) -> bool:
        """Whether a column is called by this name of other platforms."""
        return name in self._others

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells that are not empty, by the paths of their members."""
        return {
            column.path: meant(cell)
            for column, cell in zip(self._columns, cells, strict=False)
            if cell.strip() and column.path != ERROR
        }

    def secrets_with_blanks(self, cells: Sequence[str]) -> list[str]:
        """The headers of passwords of which nobody knows whether blanks around them are meant."""
        return [
            column.header
            for column, cell in zip(self._columns, cells, strict=False)
            if column.path.endswith(".password") and cell.strip() and cell != cell.strip()
        ]

    def kept(self, cells: Sequence[str]) -> list[str]:
        """The cells to be sent again, without passwords."""
        filled = [*cells, *[""] * (len(self._columns) - len(cells))]
        return [
            "" if column.path.endswith(".password") else cell
            for column, cell in zip(self._columns, filled, strict=False)
        ]


def path_of(header: str) -> str | None:
    """The path of the member that a column is for, by its header in any case; None for an unknown one."""
    name = header.strip()
    low = name.lower()
    if path := _CONTRACT.get(low) or _OTHERS.get(low):
        return path
    if found := _ATTRIBUTE.fullmatch(name):
        attribute = _attribute(found[1])
        return f"attributes.{attribute}" if attribute.strip() else None
    person = _PERSON.fullmatch(low)
    if person and int(person[1]) < MOST_PERSONS and (member := _CONTACT.get(person[2])):
        return f"contactPersons[{person[1]}].{member}"
    return None


def _attribute(name: str) -> str:
    """The name of an attribute, as `_attribute_header` has got it."""
    bare = name.strip()
    text = _TEXT.fullmatch(bare)
    return text[1].replace('""', '"') if text else bare


def _attribute_header(name: str) -> str:
    """The header for an attribute: what an import would not take for its name is a text to spreadsheets."""
    return f"attribute:{name}" if _attribute(name) == name else 'attribute:="' + name.replace('"', '""') + '"'


def _check_columns(columns: Sequence[Column]) -> None:
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    unknown = [column.header for column in columns if column.header and not column.path]
    hints = dict(zip(unknown, _hints(unknown, {column.path: column.header for column in columns}), strict=True))
    for number, (header, path) in enumerate(columns, 1):
        if not header:
            faults.append(Fault(f"column {number}", "has no header"))
        elif not path:
            faults.append(Fault(header[:64], f"is no column that is known{hints[header]}"))
        elif path in seen:
            also = "" if seen[path].lower() == header.lower() else f", also as {seen[path]}"
            faults.append(Fault(header, f"is given twice{also}"))
        else:
            seen[path] = header
    if faults:
        told = "; ".join(f"{fault.field} {fault.message}" for fault in faults[:_MOST_TOLD])
        more = f"; and {len(faults) - _MOST_TOLD} more" if len(faults) > _MOST_TOLD else ""
        other = "" if all(hints.values()) else "; call a column for something else attribute:NAME, or leave it out"
        raise Problem(Code.INVALID, f"The header cannot be used: {told}{more}{other}", faults)


def _hints(unknown: Sequence[str], seen: Mapping[str, str]) -> Iterator[str]:
    """What each unknown header may be meant for. seen: the headers that are known, by their paths."""
    paths = [tuple(path for path in meanings(header, _known()) if path_of(path)) for header in unknown]
    for header, meant_for in zip(unknown, paths, strict=True):
        names = [path if "." in header else _short(path) for path in meant_for]
        if _ATTRIBUTE.fullmatch(header.strip()):
            yield ", it is an attribute without a name: call it attribute:NAME"
        elif not meant_for:
            told = advice(header)
            yield f", it {told.format_map(_NAMES_THEMSELVES)}" if told else ""
        elif len(meant_for) > 1:
            yield f", it could be {' or '.join(names)}: call it what it is"
        elif (path := meant_for[0]) in seen:
            yield f", and {names[0]} is there already{'' if seen[path] == names[0] else f' as {seen[path]}'}"
        elif others := [one for one, other in zip(unknown, paths, strict=True) if other == meant_for and one != header]:
            yield f", it could be {names[0]}, and so could {others[0][:64]}: choose one"
        else:
            only = restriction(header, path)
            yield f", did you mean {names[0]}{f' ({only})' if only else ''}?"


@lru_cache(maxsize=1)
def _known() -> dict[str, str]:
    """The paths of columns by their squashed headers."""
    persons = [f"contactPersons[{number}].{name}" for number in range(MOST_PERSONS) for name in _CONTACT.values()]
    known = {**{path: path for path in (*_CONTRACT.values(), *persons)}, **_OTHERS}
    return {squashed(header): path for header, path in known.items()}


def _short(path: str) -> str:
    """The header for a member that is the easiest to write."""
    return {other: header for header, other in _OTHERS.items() if "." in other}.get(path, path)


class Row(Protocol):
    """A customer in a file.

    line: in which it begins, from 1. after: the place where the next one begins. faults: what is wrong with it as a
    row, whatever a customer may be. in_order: its contact persons are those of the customer in their order.
    """

    line: int
    after: Place
    faults: list[Fault]
    in_order: bool

    @property
    def kept(self) -> bytes:
        """Itself, as JSON, to be written by `rejected_row`."""

    @property
    def passwords(self) -> list[str]:
        """The paths of the passwords in it, which are not kept."""

    @property
    def external_id(self) -> str | None:
        """Its externalId, if it could be one."""

    @property
    def exported(self) -> tuple[str | None, str | None]:
        """The id of the customer, and of its reseller, that an export has written."""

    def new(self) -> dict[str, Any]:
        """The JSON object by which it is created."""

    def patch(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON Merge Patch by which the customer that is `before` is changed; null where a member is cleared."""

    def named(self, path: str) -> str:
        """How the file names a member."""


def _could_be_id(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 and "\0" not in value else None


class CsvRow:
    """See `Row`."""

    in_order = True

    def __init__(self, columns: Columns, cells: list[str], line: int, after: Place, fault: str | None = None) -> None:
        self._columns = columns
        self._cells = cells
        self._values = {} if fault else columns.values(cells)
        self.line = line
        self.after = after
        # Cells may stand in other columns than their own.
        self._is_astray = fault is not None
        self.faults = [Fault("", fault)] if fault else list(self._faults(cells))
        # The number in the file of each contact person of the customer, as it was last asked for.
        self._numbers: dict[int, int] = {}

    def _faults(self, cells: Sequence[str]) -> Iterator[Fault]:
        for header in self._columns.secrets_with_blanks(cells):
            yield Fault(header, 'has blanks around it: take them away; if they belong to it, write =" … "')
        surplus = [cell for cell in cells[len(self._columns.headers) :] if cell.strip()]
        if surplus:
            self._is_astray = True
            more = "" if self._columns.has_passwords else ": " + ", ".join(cell[:40] for cell in surplus[:3])
            yield Fault("", f"has {len(cells)} cells, but there are {len(self._columns.headers)} columns{more}")
        kind = self._values.get(ACCOUNT_TYPE, "").strip().lower()
        if kind == "reseller":
            message = "must be of a customer: a reseller is added with emporion reseller add or POST /resellers"
            yield Fault(self.named(ACCOUNT_TYPE), message)
        elif kind and kind not in _CUSTOMER_TYPES:
            yield Fault(self.named(ACCOUNT_TYPE), f"must be empty or one of {', '.join(_CUSTOMER_TYPES)}")

    @property
    def kept(self) -> bytes:
        is_secret = self._is_astray and self._columns.has_passwords
        return msgspec.json.encode(self._columns.kept([] if is_secret else self._cells))

    @property
    def passwords(self) -> list[str]:
        return [path for path in self._values if path.endswith(".password")]

    @property
    def external_id(self) -> str | None:
        return _could_be_id(self._values.get("externalId"))

    @property
    def exported(self) -> tuple[str | None, str | None]:
        return self._values.get("id"), self._values.get("resellerId")

    def new(self) -> dict[str, Any]:
        body = self._nested()
        body.setdefault("address", {})
        contacts = self._contacts() or {0: {}}
        self._numbers = dict(enumerate(contacts))
        first, *others = contacts.values()
        body["contactPersons"] = [{"type": "admin", **first}, *others]
        if "name" not in body and self._columns.has_other("familyname"):
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
                is_other = path == "address.countryCode" and self._columns.has_other("countrycode")
                body.setdefault(first, {})[rest] = value.upper() if is_other else value
            elif not rest and first not in (*NOT_TAKEN, ACCOUNT_TYPE, INVITATION):
                body[path] = value
        return body

    def _contacts(self) -> dict[int, dict[str, str]]:
        """The contact persons by their numbers in the file."""
        persons: dict[int, dict[str, str]] = {}
        for path, value in self._values.items():
            if found := _PERSON_PATH.fullmatch(path):
                persons.setdefault(int(found[1]), {})[found[2][1:]] = value
        return dict(sorted(persons.items()))

    def named(self, path: str) -> str:
        found = _PERSON_PATH.fullmatch(path)
        if found:
            position = int(found[1])
            path = f"contactPersons[{self._numbers.get(position, position)}]{found[2]}"
        return self._columns.header(path) or path


class JsonRow:
    """See `Row`."""

    in_order = False

    def __init__(self, value: object, line: int, after: Place, sent: str, fault: str | None = None) -> None:
        self._value: dict[str, Any] = value if isinstance(value, dict) else {}
        self.line = line
        self.after = after
        self.faults = [Fault("", fault)] if fault else list(_unknown_members(self._value))
        self._sent = ("" if _MAYBE_PASSWORD.search(sent) else sent) if fault else None

    @property
    def kept(self) -> bytes:
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
    def external_id(self) -> str | None:
        return _could_be_id(self._value.get("externalId"))

    @property
    def exported(self) -> tuple[str | None, str | None]:
        id_, reseller_id = self._value.get("id"), self._value.get("resellerId")
        return id_ if isinstance(id_, str) else None, reseller_id if isinstance(reseller_id, str) else None

    def new(self) -> dict[str, Any]:
        return {name: value for name, value in self._value.items() if name not in NOT_TAKEN}

    def patch(self, before: Mapping[str, Any]) -> dict[str, Any]:
        patch = self.new()
        if patch.get("contactPersons") == before.get("contactPersons"):
            patch.pop("contactPersons", None)
        return patch

    def named(self, path: str) -> str:
        return path


def _unknown_members(value: Mapping[str, Any]) -> Iterator[Fault]:
    """Members that we know nothing of: what is ignored is a wrong answer."""
    parts: list[tuple[str, object, dict[str, str]]] = [
        ("", value, {**_CUSTOMER, **{name.lower(): name for name in NOT_TAKEN}}),
        ("address.", value.get("address"), _ADDRESS),
    ]
    persons = value.get("contactPersons")
    if isinstance(persons, list):
        parts += [(f"contactPersons[{number}].", one, _CONTACT) for number, one in enumerate(persons[:MOST_PERSONS])]
    for prefix, part, known in parts:
        unknown = [name for name in part if name not in known.values()] if isinstance(part, dict) else []
        for name in unknown[:_MOST_TOLD]:
            yield Fault(f"{prefix}{name[:64]}", f"is no member that is known{_member_hint(name[:64], prefix)}")


@lru_cache(maxsize=512)
def _member_hint(name: str, prefix: str) -> str:
    """What an unknown member may be meant for. prefix: of the members beside it."""
    first = re.sub(r"\[[0-9]+\]", "[0]", prefix)
    here = {"": _CUSTOMER, "address.": _ADDRESS}.get(first, _CONTACT)
    known = {squashed(member): f"{first}{member}" for member in here.values()}
    if not prefix:
        known |= {squashed(other): member for other, member in _NESTED_OTHERS.items()}
    likely = [path.removeprefix(first) for path in meanings(name, known) if path.startswith(first)]
    if len(likely) > 1:
        return f", it could be {' or '.join(likely)}: call it what it is"
    return f", did you mean {likely[0]}?" if likely else ""


def _without_passwords(value: dict[str, Any]) -> dict[str, Any]:
    """The same without members, at any depth, that may have a password in them."""
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


class CsvRows:
    """Reads CSV (RFC 4180): comma, semicolon or tab, as its first line has it. columns: once that line was read."""

    def __init__(self) -> None:
        self.columns: Columns | None = None
        self._lines = _Lines()
        self._pending: list[bytes] = []
        self._at = Place()
        self._hinted: str | None = None

    def go_on(self, place: Place, columns: Columns | None) -> None:
        """Read on at a place after the header. columns: what that said."""
        self.columns = columns
        self._at = place
        self._pending.clear()
        self._lines = _Lines(place.lines)

    def read(self, data: bytes, *, last: bool = False) -> Iterator[CsvRow]:
        """The rows that are whole now. last: nothing comes after. Raises Problem (INVALID) for what is no such file."""
        self._pending += self._lines.cut(data, last=last)
        if self.columns is None:
            self._read_header(last=last)
        if self.columns is not None:
            yield from self._rows(self.columns, last=last)
        elif last:
            raise bad_file("The file is empty")
        if last and not self._at.rows:
            raise bad_file("The file has a header, but no rows")

    def _read_header(self, *, last: bool) -> None:
        while self._pending and self.columns is None:
            number = _closed(self._pending)
            may_close = len(self._pending) < MOST_HEADER_LINES and sum(map(len, self._pending)) < LARGEST_ROW
            if not number and may_close and not last:
                return
            lines = self._pending[: number or 1]
            del self._pending[: len(lines)]
            texts = [decoded(line, self._at.lines + at) for at, line in enumerate(lines, 1)]
            self._at = Place(self._at.position + sum(map(len, lines)), self._at.lines + len(lines))
            self._take_header("".join(texts).removeprefix("\ufeff").rstrip("\r\n"))

    def _take_header(self, text: str) -> None:
        """Read the columns from what may be the header."""
        if "\r" in _QUOTED.sub("", text):
            raise bad_file("The lines of the file end with a carriage return only; save it with LF or CRLF")
        if hint := _SEPARATOR.fullmatch(text):
            self._hinted = hint["separator"]
        elif text.lstrip().startswith(("{", "[")):
            raise bad_file(f"The file is JSON and no CSV; {_EACH_LINE}, and choose JSON Lines for its format")
        elif text.strip(f" {''.join(DELIMITERS)}"):
            self.columns = _columns(text, self._hinted)
        elif self._at.lines >= MOST_BLANK:
            raise bad_file(f"The file begins with {MOST_BLANK:,} empty lines; its header must come first")

    def _rows(self, columns: Columns, *, last: bool) -> Iterator[CsvRow]:
        """The rows of the lines that wait. A row whose end is not there yet waits for it."""
        pulled = 0
        ended = False

        def texts() -> Iterator[str]:
            nonlocal pulled, ended
            while pulled < len(self._pending):
                pulled += 1
                yield decoded(self._pending[pulled - 1], self._at.lines + pulled - begun)
            ended = True

        begun = 0
        rows = csv.reader(texts(), delimiter=columns.delimiter, skipinitialspace=True, strict=True)
        while True:
            fault = None
            try:
                cells = next(rows)
            except StopIteration:
                break
            except csv.Error as error:
                if ended and not last:
                    break
                if ended:
                    raise bad_file(_unclosed(self._at.lines + 1)) from None
                broken = b"".join(self._pending[begun:pulled]).decode()
                cells, fault = _cells_of_broken(broken, columns.delimiter, error, self._at.lines + 1)
            taken = self._pending[begun:pulled]
            line = self._at.lines + 1
            begun = pulled
            has = any(cell.strip() for cell in cells)
            size = sum(map(len, taken))
            self._at = Place(self._at.position + size, self._at.lines + len(taken), self._at.rows + has)
            if size > LARGEST_ROW:
                raise bad_file(_too_large(line))
            if has:
                if any(b"\0" in part for part in taken):
                    fault = "has a NUL byte in it"
                yield CsvRow(columns, cells, line, self._at, fault)
        del self._pending[:begun]
        if sum(map(len, self._pending)) > LARGEST_ROW:
            raise bad_file(_unclosed(self._at.lines + 1))


def _closed(lines: Sequence[bytes]) -> int:
    """In how many of the first lines all quotation marks are closed; 0 if that cannot be said."""
    marks = 0
    for number, line in enumerate(lines[:MOST_HEADER_LINES], 1):
        marks += line.count(b'"')
        if not marks % 2:
            return number
    return 0


class JsonRows:
    """Reads JSON Lines: an object in each line, as POST /customers takes it."""

    columns: Columns | None = None

    def __init__(self) -> None:
        self._lines = _Lines()
        self._at = Place()

    def go_on(self, place: Place, columns: Columns | None) -> None:  # noqa: ARG002 - it has none
        """Read on at a place."""
        self._at = place
        self._lines = _Lines(place.lines)

    def read(self, data: bytes, *, last: bool = False) -> Iterator[JsonRow]:
        """The rows that are whole now. last: nothing comes after. Raises Problem (INVALID) for what is no such file."""
        for line in self._lines.cut(data, last=last):
            number = self._at.lines + 1
            text = decoded(line, number)
            if number == 1:
                text = text.removeprefix("\ufeff")
            has = bool(text.strip())
            self._at = Place(self._at.position + len(line), number, self._at.rows + has)
            if has:
                if self._at.rows == 1:
                    _check_one_in_each_line(text.strip())
                yield _json_row(text, number, self._at)
        if last and not self._at.rows:
            raise bad_file("The file is empty")


def _check_one_in_each_line(first: str) -> None:
    """Raise Problem (INVALID) if a file that begins with this line is JSON over several lines."""
    if not first.strip("[{ "):
        raise bad_file(f"The file has JSON over several lines; {_EACH_LINE}")
    if first.startswith("[{") and not first.endswith("]"):
        raise bad_file(f"The file is a JSON array; {_EACH_LINE}, without brackets around them and commas between them")


def _json_row(text: str, line: int, after: Place) -> JsonRow:
    value, fault = None, None
    try:
        value = decode(text.encode())
    except TooDeep:
        fault = f"is nested too deeply, more than {DEEPEST} levels"
    except msgspec.DecodeError:
        fault = "is no JSON: each line must have one whole object and nothing else"
    if fault is None and not isinstance(value, dict):
        fault = f"must be a JSON object: {_EACH_LINE}, without brackets around them"
    return JsonRow(value, line, after, text.rstrip("\r\n"), fault)


class _Lines:
    """Cuts bytes into lines, each with its end. lines: how many came before."""

    def __init__(self, lines: int = 0) -> None:
        self._number = lines
        self._rest = b""
        self._is_text = lines > 0

    def cut(self, data: bytes, *, last: bool) -> list[bytes]:
        """The lines that are whole. last: nothing comes after."""
        data = self._rest + data
        if not self._is_text:
            if len(data) < ENOUGH and not last:
                self._rest = data
                return []
            if kind := no_text(data):
                raise bad_file(f"The file is {kind}")
            self._is_text = True
        whole = data.split(b"\n")
        self._rest = whole.pop()
        lines = [line + b"\n" for line in whole]
        if last and self._rest:
            lines.append(self._rest)
            self._rest = b""
        self._number += len(lines)
        if len(self._rest) > LARGEST_ROW:
            raise bad_file(_too_large(self._number + 1))
        return lines


def decoded(line: bytes, number: int) -> str:
    """A line as text. Raises Problem (INVALID) if it is not in UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        likely = line.decode("cp1252", "replace")
        told = re.search(r"\w*[^\W\x00-\x7f]\w*", likely)
        hint = f", in which it says {told[0][:40]}" if told else ""
        raise bad_file(
            f"Line {number} is not in UTF-8, but perhaps in Latin-1 or Windows-1252{hint}; save the file in UTF-8"
        ) from None


def _columns(header: str, hinted: str | None) -> Columns:
    """The columns by the header, with the delimiter by which most are known. hinted: the one of a line before it."""
    found = []
    for delimiter in dict.fromkeys((hinted or ",", *DELIMITERS)):
        try:
            names = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            names = _with_blanks(header, delimiter)
            if not names:
                continue
        headers = [meant(name) for name in names]
        while headers and not headers[-1]:
            headers.pop()
        known = sum(path_of(name) is not None for name in headers)
        found.append((known, delimiter == hinted, len(headers), headers, delimiter))
    if found and max(number for _, _, number, _, _ in found) > MOST_COLUMNS:
        raise bad_file(f"The header has more than {MOST_COLUMNS} columns")
    if not found:
        raise bad_file("The header cannot be read: a quotation mark in it is not closed")
    *_, headers, delimiter = max(found, key=lambda one: one[:3])
    return Columns(headers, delimiter)


def _cells_of_broken(row: str, delimiter: str, error: csv.Error, line: int) -> tuple[list[str], str | None]:
    """The cells of a row that breaks the rules of CSV, as far as can be said, and why it cannot be taken, if so.

    Raises Problem (INVALID) if nobody knows where it ends.
    """
    text = row.rstrip("\r\n")
    if str(error).startswith("field larger than field limit"):
        if '"' in text or "\n" in text:
            raise bad_file(
                f"The row that begins in line {line} has a cell of more than {_LARGEST_CELL}, or a quotation mark in "
                "it is not closed"
            )
        return text.split(delimiter), f"has a cell of more than {_LARGEST_CELL}"
    if cells := _with_blanks(text, delimiter):
        return cells, None
    fault = (
        "cannot be read: a cell with quotation marks in it must stand between quotation marks, "
        "and those in it must be doubled"
    )
    text = re.sub("[\r\n]+", " ", text)
    try:
        return next(csv.reader([text], delimiter=delimiter, skipinitialspace=True)), fault
    except csv.Error:
        return text.split(delimiter), fault


def _with_blanks(text: str, delimiter: str) -> list[str]:
    """The cells of a row that breaks the rules by blanks after quotation marks only; none of any other row."""
    end = re.escape(delimiter)
    cell = re.compile(rf' *(?:"(?P<quoted>(?:[^"]|"")*+)"|(?P<bare>= *"(?:[^"]|"")*+"|[^"{end}\r\n]*+)) *(?:{end}|$)')
    cells, at = [], 0
    while at <= len(text) and (found := cell.match(text, at)):
        cells.append(found["bare"] if found["quoted"] is None else found["quoted"].replace('""', '"'))
        if found.end() == len(text) and not found[0].endswith(delimiter):
            return cells
        at = found.end()
    return []


def _unclosed(line: int) -> str:
    return f"The row that begins in line {line} does not end: a quotation mark in it is not closed"


def _too_large(line: int) -> str:
    return f"The row in line {line} has more than {LARGEST_ROW >> 20} MiB"


def reader(format: Format) -> CsvRows | JsonRows:  # noqa: A002 - as people call it
    """Reads rows of a format."""
    return CsvRows() if format == "csv" else JsonRows()


def told(faults: Iterable[Fault]) -> str:
    """All faults of a row as one text."""
    return "; ".join(f"{fault.field} {fault.message}".strip() for fault in faults)


def rejected_header(format: Format, headers: Sequence[str], delimiter: str) -> bytes:  # noqa: A002
    """The first line of a file of rows that were refused."""
    return b"" if format == "jsonl" else header_line([*_without_error(headers, headers), ERROR], delimiter)


def rejected_row(format: Format, headers: Sequence[str], delimiter: str, kept: bytes, faults: Iterable[Fault]) -> bytes:  # noqa: A002
    """A line of it. kept: as `Row.kept`."""
    if format == "jsonl":
        return msgspec.json.encode({**msgspec.json.decode(kept), ERROR: told(faults)}) + b"\n"
    cells = _without_error(headers, msgspec.json.decode(kept, type=list[str]))
    return line_of([*cells, told(faults)], delimiter)


def _without_error(headers: Sequence[str], cells: Sequence[str]) -> list[str]:
    return [cell for header, cell in zip(headers, cells, strict=True) if path_of(header) != ERROR]


def header_line(headers: Iterable[str], delimiter: str = ",") -> bytes:
    """The first line of CSV."""
    return line_of(map(harmless, headers), delimiter)


def line_of(cells: Iterable[str], delimiter: str = ",") -> bytes:
    """A line of CSV, in which no cell is a formula; an empty one stays so, and what is harmless already."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter).writerow([_as_harmless(cell) for cell in cells])
    return line.getvalue().encode()


def _as_harmless(cell: str) -> str:
    """A cell of a file as it may go out again: its value is the same, and a text stays one for Excel."""
    inside = _INSIDE_PLAIN.sub(r"\1'", cell)
    bare = inside.strip()
    is_formula = bare and _FORMULA.match(bare) and not bare.startswith("'") and not _TEXT.fullmatch(bare)
    out = "'" + bare if is_formula else inside
    return out if meant(out) == meant(cell) else harmless(meant(cell))


class Shape:
    """What columns an export needs, by all customers in it."""

    def __init__(self) -> None:
        self._persons = 0
        self._attributes: dict[str, None] = {}

    def add(self, customer: Mapping[str, Any]) -> None:
        """Make room for a customer."""
        self._persons = max(self._persons, len(customer["contactPersons"]))
        self._attributes |= dict.fromkeys(customer.get("attributes", ()))

    def headers(self) -> list[str]:
        """The headers, by the contract's names."""
        simple = ("id", "externalId", "name", "taxRegId", "status", "language", "resellerId")
        shown = [name for name in _CONTACT.values() if name not in ("login", "password")]
        return [
            *simple,
            *(f"address.{name}" for name in _ADDRESS.values()),
            *(f"contactPersons[{number}].{name}" for number in range(self._persons) for name in shown),
            *(_attribute_header(name) for name in sorted(self._attributes)),
        ]


def cells_of(customer: Mapping[str, Any], headers: Iterable[str]) -> list[str]:
    """A customer's values in the order of the headers, none of them a formula."""
    values = flat(customer)
    return ["" if (value := values.get(header)) is None else harmless(value) for header in headers]


def flat(customer: Mapping[str, Any]) -> dict[str, str]:
    """A customer's values by the headers of their columns."""
    values: dict[str, str] = {}
    for name, value in customer.items():
        if name == "attributes":
            values |= {_attribute_header(key): item for key, item in value.items()}
        elif name == "address":
            values |= {f"address.{key}": item for key, item in value.items()}
        elif name == "contactPersons":
            for number, person in enumerate(value):
                values |= {f"contactPersons[{number}].{key}": item for key, item in person.items()}
        else:
            values[name] = value
    return values
