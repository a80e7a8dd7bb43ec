"""Files of own prices: CSV with a row for each price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from emporion.errors import Fault
from emporion.files.csv_reader import CsvReader, CsvRecord
from emporion.files.formulas import unescape_formula
from emporion.files.rows import unreadable

# Headers, whatever their case.
COLUMNS = ("productId", "planId", "mpn", "amount", "tiers", "model", "setup", "margin", "remove")
_BY_NAME = {name.casefold(): name for name in COLUMNS}
_TIER = re.compile(r"([^=\s]+)=([^=\s]+)")
_YES = ("yes", "true", "1")
_NO = ("no", "false", "0", "")


class PriceColumns:
    """The columns of a file."""

    def __init__(self, headers: Sequence[str], delimiter: str) -> None:
        """Raises Problem (INVALID) if prices cannot be read by them."""
        self.headers = tuple(headers)
        self.delimiter = delimiter
        self.notes: list[str] = []
        self.names = [_BY_NAME.get(header.strip().casefold()) for header in headers]
        unknown = [header for header, name in zip(headers, self.names, strict=True) if header and not name]
        if unknown:
            raise unreadable(f"The column {unknown[0]} is not known; there are {', '.join(COLUMNS)}")
        twice = [name for name in self.names if name and self.names.count(name) > 1]
        if twice:
            raise unreadable(f"The column {twice[0]} is there twice")
        if not {"productId", "mpn"} & set(self.names):
            raise unreadable("The header must have productId or mpn")


class PriceRow(NamedTuple):
    """A row of a file. members: of a `NewPrice`. line: in which it begins, from 1."""

    members: dict[str, Any]
    line: int
    faults: list[Fault]


def price_reader() -> CsvReader[PriceColumns, PriceRow]:
    """Reads a file of prices."""
    return CsvReader(lambda header: header.strip().casefold() in _BY_NAME, PriceColumns, _row)


def tiers_of(text: str) -> list[dict[str, str]] | None:
    """Tiers that are written as `10=4.5 100=4`; None if they are not."""
    found = [_TIER.fullmatch(word) for word in text.split()]
    if not all(found):
        return None
    return [{"lowerLimit": tier[1], "amount": tier[2]} for tier in found if tier]


def _row(columns: PriceColumns, record: CsvRecord) -> PriceRow:
    faults = [Fault("", record.fault)] if record.fault else []
    if any(cell.strip() for cell in record.cells[len(columns.names) :]):
        faults.append(Fault("", f"has more cells than the {len(columns.names)} columns of the header"))
    members: dict[str, Any] = {}
    for name, cell in zip(columns.names, record.cells, strict=False):
        text = unescape_formula(cell).strip()
        if not name or not text:
            continue
        if name == "tiers":
            members[name] = tiers_of(text)
            if members[name] is None:
                faults.append(Fault(name, "must be steps such as 10=4.5 100=4: the quantity from which each counts"))
        elif name == "remove":
            members[name] = text.casefold() in _YES
            if text.casefold() not in (*_YES, *_NO):
                faults.append(Fault(name, "must be yes or no"))
        else:
            members[name] = text
    return PriceRow(members, record.line, faults)
