"""Files of customers as the tests read them: their rows, why one is refused, and what goes back to its sender."""

from __future__ import annotations

import pytest

from emporion.customer_files.columns import CustomerColumns
from emporion.customer_files.rows import CsvCustomerRow, CustomerRow, customer_reader
from emporion.errors import Fault, Problem
from emporion.files.rejected_rows import rejected_header, rejected_row
from emporion.files.rows import Format


def rows_of(content: bytes | str, format: Format = "csv", piece: int = 7) -> list[CustomerRow]:  # noqa: A002
    """The rows of a file that comes in pieces of so many bytes."""
    data = content.encode() if isinstance(content, str) else content
    rows = customer_reader(format)
    found: list[CustomerRow] = []
    for at in range(0, len(data), piece):
        found += rows.read(data[at : at + piece])
    return [*found, *rows.read(b"", last=True)]


def refusal(content: bytes | str, format: Format = "csv", piece: int = 1 << 18) -> str:  # noqa: A002
    """Why a file is refused as a whole."""
    with pytest.raises(Problem) as raised:
        rows_of(content, format, piece)
    return raised.value.message


def fault(content: str, format: Format = "csv") -> tuple[int, str]:  # noqa: A002
    """The line and the message of the only fault in a file."""
    ((line, message),) = [(row.line, one.message) for row in rows_of(content, format) for one in row.faults]
    return line, message


def rejected(content: str, format: Format = "csv") -> bytes:  # noqa: A002
    """All rows of a file, as if they were refused."""
    rows = rows_of(content, format)
    first = rows[0]
    columns = first._columns if isinstance(first, CsvCustomerRow) else CustomerColumns([])
    head = rejected_header(format, columns.headers, columns.delimiter)
    faults = [Fault("name", "is wrong")]
    return head + b"".join(
        rejected_row(format, columns.headers, columns.delimiter, row.redacted, faults) for row in rows
    )
