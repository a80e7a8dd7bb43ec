"""What the columns of a customer file mean: the contract's names, those of other platforms, and hints for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct, structs

from emporion.accounts.addresses import Address
from emporion.accounts.contacts import NewContactPerson
from emporion.accounts.customers import NewCustomer
from emporion.customer_files.header_aliases import advice, expected_content, likely_paths, normalized
from emporion.errors import Code, Fault, Problem
from emporion.files.formulas import text_formula, text_in_formula, unescape_formula
from emporion.files.rejected_rows import ERROR

# Contact persons of a customer at most, as the contract has it.
MOST_PERSONS = 20
# What an export has and an import does not put in.
READ_ONLY = ("id", "resellerId", ERROR)
# How many unknown headers or members are told.
MOST_TOLD = 20
_PERSON = re.compile(r"contactpersons\[(0|[1-9][0-9]?)\]\.([a-z]+)")
_ATTRIBUTE = re.compile(r"attributes?[:.](.*)", re.IGNORECASE | re.DOTALL)


def _members(struct: type[Struct]) -> dict[str, str]:
    """A Struct's public names by their names in lower case."""
    return {field.encode_name.lower(): field.encode_name for field in structs.fields(struct)}


CUSTOMER_MEMBERS = _members(NewCustomer)
ADDRESS_MEMBERS, CONTACT_MEMBERS = _members(Address), _members(NewContactPerson)
_NESTED = ("attributes", "address", "contactPersons")
# Columns by their headers in lower case, but for those of contact persons and attributes.
_COLUMNS = {
    **{low: name for low, name in CUSTOMER_MEMBERS.items() if name not in _NESTED},
    **{f"address.{low}": f"address.{name}" for low, name in ADDRESS_MEMBERS.items()},
    **{name.lower(): name for name in READ_ONLY},
}
ACCOUNT_TYPE, INVITATION = "accounttype", "sendinvitation"
# The headers that resellers have in their files for other platforms.
_ALIASES = {
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
_NAMES_THEMSELVES = {name: name for name in _ALIASES}


class FileColumn(NamedTuple):
    """A column. header: as it stands in the file. path: of the member of a customer."""

    header: str
    path: str


class CustomerColumns:
    """What the columns of a CSV file mean. Raises Problem (INVALID) if that cannot be said of one of them."""

    def __init__(self, headers: Sequence[str], delimiter: str = ",") -> None:
        self.headers = tuple(headers)
        self.delimiter = delimiter
        self._columns = [FileColumn(header, member_path(header) or "") for header in headers]
        _check_columns(self._columns)
        self._headers = {column.path: column.header for column in reversed(self._columns)}
        self._aliases = {header.lower() for header in headers if header.lower() in _ALIASES}

    @property
    def notes(self) -> list[str]:
        """What the sender of the file should know."""
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

    def has_alias(self, name: str) -> bool:
        """Whether a column is called by this name of other platforms."""
        return name in self._aliases

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells that are not empty, by the paths of their members."""
        return {
            column.path: unescape_formula(cell)
            for column, cell in zip(self._columns, cells, strict=False)
            if cell.strip() and column.path != ERROR
        }

    def passwords_with_blanks(self, cells: Sequence[str]) -> list[str]:
        """The headers of passwords with blanks around them, which may be meant or not."""
        return [
            column.header
            for column, cell in zip(self._columns, cells, strict=False)
            if column.path.endswith(".password") and cell.strip() and cell != cell.strip()
        ]

    def without_passwords(self, cells: Sequence[str]) -> list[str]:
        """The cells to be sent again, without passwords."""
        filled = [*cells, *[""] * (len(self._columns) - len(cells))]
        return [
            "" if column.path.endswith(".password") else cell
            for column, cell in zip(self._columns, filled, strict=False)
        ]


def member_path(header: str) -> str | None:
    """The path of the member that a column is for, by its header in any case; None for an unknown one."""
    name = header.strip()
    low = name.lower()
    if path := _COLUMNS.get(low) or _ALIASES.get(low):
        return path
    if found := _ATTRIBUTE.fullmatch(name):
        attribute = _attribute(found[1])
        return f"attributes.{attribute}" if attribute.strip() else None
    person = _PERSON.fullmatch(low)
    if person and int(person[1]) < MOST_PERSONS and (member := CONTACT_MEMBERS.get(person[2])):
        return f"contactPersons[{person[1]}].{member}"
    return None


def _attribute(name: str) -> str:
    """The name of an attribute, as `attribute_header` was given it."""
    bare = name.strip()
    text = text_in_formula(bare)
    return bare if text is None else text


def attribute_header(name: str) -> str:
    """The header for an attribute: what an import would not take for its name is a text formula."""
    return f"attribute:{name if _attribute(name) == name else text_formula(name)}"


def _check_columns(columns: Sequence[FileColumn]) -> None:
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
        told = "; ".join(f"{fault.field} {fault.message}" for fault in faults[:MOST_TOLD])
        more = f"; and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
        other = "" if all(hints.values()) else "; call a column for something else attribute:NAME, or leave it out"
        raise Problem(Code.INVALID, f"The header cannot be used: {told}{more}{other}", faults)


def _hints(unknown: Sequence[str], seen: Mapping[str, str]) -> Iterator[str]:
    """What each unknown header may be meant for. seen: the headers that are known, by their paths."""
    paths = [tuple(path for path in likely_paths(header, _known()) if member_path(path)) for header in unknown]
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
            only = expected_content(header, path)
            yield f", did you mean {names[0]}{f' ({only})' if only else ''}?"


@lru_cache(maxsize=1)
def _known() -> dict[str, str]:
    """The paths of columns by their normalized headers."""
    persons = [
        f"contactPersons[{number}].{name}" for number in range(MOST_PERSONS) for name in CONTACT_MEMBERS.values()
    ]
    known = {**{path: path for path in (*_COLUMNS.values(), *persons)}, **_ALIASES}
    return {normalized(header): path for header, path in known.items()}


def _short(path: str) -> str:
    """The header for a member that is the easiest to write."""
    return {other: header for header, other in _ALIASES.items() if "." in other}.get(path, path)
