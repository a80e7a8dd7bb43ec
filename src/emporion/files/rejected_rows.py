"""Rejected rows as a file of the same format: what was sent, without passwords, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from emporion.errors import Fault
from emporion.files.csv_writer import csv_header, csv_line
from emporion.files.rows import Format

# The column or member that says what is wrong.
ERROR = "error"


def rejected_header(format: Format, headers: Sequence[str], delimiter: str) -> bytes:  # noqa: A002 - as people call it
    """The first line of the file; JSON Lines have none."""
    return b"" if format == "jsonl" else csv_header([*_without_error(headers, headers), ERROR], delimiter)


def rejected_row(
    format: Format,  # noqa: A002
    headers: Sequence[str],
    delimiter: str,
    redacted: bytes,
    faults: Iterable[Fault],
) -> bytes:
    """A line of the file. redacted: as `Row.redacted`."""
    told = "; ".join(f"{fault.field} {fault.message}".strip() for fault in faults)
    if format == "jsonl":
        return msgspec.json.encode({**msgspec.json.decode(redacted), ERROR: told}) + b"\n"
    cells = _without_error(headers, msgspec.json.decode(redacted, type=list[str]))
    return csv_line([*cells, told], delimiter)


def _without_error(headers: Sequence[str], cells: Sequence[str]) -> list[str]:
    return [cell for header, cell in zip(headers, cells, strict=True) if header.strip().lower() != ERROR]
