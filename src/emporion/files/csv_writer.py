"""Writes CSV (RFC 4180) in which no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from emporion.files.formulas import escape_cell, escape_formula


def csv_header(headers: Iterable[str], delimiter: str = ",") -> bytes:
    """The first line of a file."""
    return csv_line(map(escape_formula, headers), delimiter)


def csv_line(cells: Iterable[str], delimiter: str = ",") -> bytes:
    """A line of a file; a cell that is empty or escaped already stays as it is."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter).writerow([escape_cell(cell) for cell in cells])
    return line.getvalue().encode()
