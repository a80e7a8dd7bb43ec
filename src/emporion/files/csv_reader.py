"""Reads CSV (RFC 4180) as programs and spreadsheets write it, with a header in its first line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from emporion.files.formulas import unescape_formula
from emporion.files.json_lines import EACH_LINE
from emporion.files.lines import LineSplitter, decode_line
from emporion.files.rows import LARGEST_ROW, Columns, Position, row_too_large, unreadable

C = TypeVar("C", bound=Columns)
R = TypeVar("R")

# Columns of a file at most.
MOST_COLUMNS = 500
# Empty lines before the header.
MOST_BLANK = 1000
# Lines that a header spans at most.
MOST_HEADER_LINES = 100
_LARGEST_CELL = f"{csv.field_size_limit() >> 10} KiB"
DELIMITERS = (",", ";", "\t")

# The line by which Excel knows what separates the cells; other programs have put cells of their own after it.
_SEPARATOR = re.compile(r' *"? *sep *= *(?P<separator>[^"\w\s]|\t)?"?[ ,;\t"]*', re.IGNORECASE)
_QUOTED = re.compile('"[^"]*"')


class CsvRecord(NamedTuple):
    """A row. line: in which it begins, from 1. after: the position after it. fault: why its cells cannot be taken."""

    cells: list[str]
    line: int
    after: Position
    fault: str | None = None


class CsvReader(Generic[C, R]):
    """See `RowReader`. The delimiter is comma, semicolon or tab, or what the line `sep=` says.

    is_known: whether a column has this header; the delimiter by which most are known is taken. columns: makes the
    columns of headers and delimiter, and raises Problem (INVALID) if they cannot be used. row: makes a row of a record.
    """

    def __init__(
        self,
        is_known: Callable[[str], bool],
        columns: Callable[[Sequence[str], str], C],
        row: Callable[[C, CsvRecord], R],
    ) -> None:
        self.columns: C | None = None
        self._is_known = is_known
        self._make_columns = columns
        self._make_row = row
        self._lines = LineSplitter()
        self._pending: list[bytes] = []
        self._at = Position()
        self._hinted: str | None = None

    def resume(self, position: Position, headers: Sequence[str], delimiter: str) -> None:
        """See `RowReader.resume`."""
        self.columns = self._make_columns(headers, delimiter)
        self._at = position
        self._pending.clear()
        self._lines = LineSplitter(position.lines)

    def read(self, data: bytes, *, last: bool = False) -> Iterator[R]:
        """See `RowReader.read`."""
        self._pending += self._lines.split(data, last=last)
        if self.columns is None:
            self._read_header(last=last)
        if self.columns is not None:
            for record in self._records(self.columns.delimiter, last=last):
                yield self._make_row(self.columns, record)
        elif last:
            raise unreadable("The file is empty")
        if last and not self._at.rows:
            raise unreadable("The file has a header, but no rows")

    def _read_header(self, *, last: bool) -> None:
        while self._pending and self.columns is None:
            number = _closed(self._pending)
            may_close = len(self._pending) < MOST_HEADER_LINES and sum(map(len, self._pending)) < LARGEST_ROW
            if not number and may_close and not last:
                return
            lines = self._pending[: number or 1]
            del self._pending[: len(lines)]
            texts = [decode_line(line, self._at.lines + at) for at, line in enumerate(lines, 1)]
            self._at = Position(self._at.offset + sum(map(len, lines)), self._at.lines + len(lines))
            self._take_header("".join(texts).removeprefix("\ufeff").rstrip("\r\n"))

    def _take_header(self, text: str) -> None:
        """Read the columns from what may be the header."""
        if "\r" in _QUOTED.sub("", text):
            raise unreadable("The lines of the file end with a carriage return only; save it with LF or CRLF")
        if hint := _SEPARATOR.fullmatch(text):
            self._hinted = hint["separator"]
        elif text.lstrip().startswith(("{", "[")):
            raise unreadable(f"The file is JSON and no CSV; {EACH_LINE}, and choose JSON Lines for its format")
        elif text.strip(f" {''.join(DELIMITERS)}"):
            self.columns = self._make_columns(*_headers(text, self._hinted, self._is_known))
        elif self._at.lines >= MOST_BLANK:
            raise unreadable(f"The file begins with {MOST_BLANK:,} empty lines; its header must come first")

    def _records(self, delimiter: str, *, last: bool) -> Iterator[CsvRecord]:
        """The rows of the lines that wait. A row whose end is not there yet waits for it."""
        pulled = 0
        ended = False

        def texts() -> Iterator[str]:
            nonlocal pulled, ended
            while pulled < len(self._pending):
                pulled += 1
                yield decode_line(self._pending[pulled - 1], self._at.lines + pulled - begun)
            ended = True

        begun = 0
        rows = csv.reader(texts(), delimiter=delimiter, skipinitialspace=True, strict=True)
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
                    raise unreadable(_unclosed(self._at.lines + 1)) from None
                broken = b"".join(self._pending[begun:pulled]).decode()
                cells, fault = _cells_of_broken(broken, delimiter, error, self._at.lines + 1)
            taken = self._pending[begun:pulled]
            line = self._at.lines + 1
            begun = pulled
            has = any(cell.strip() for cell in cells)
            size = sum(map(len, taken))
            self._at = Position(self._at.offset + size, self._at.lines + len(taken), self._at.rows + has)
            if size > LARGEST_ROW:
                raise row_too_large(line)
            if has:
                if any(b"\0" in part for part in taken):
                    fault = "has a NUL byte in it"
                yield CsvRecord(cells, line, self._at, fault)
        del self._pending[:begun]
        if sum(map(len, self._pending)) > LARGEST_ROW:
            raise unreadable(_unclosed(self._at.lines + 1))


def _closed(lines: Sequence[bytes]) -> int:
    """In how many of the first lines all quotation marks are closed; 0 if that cannot be said."""
    marks = 0
    for number, line in enumerate(lines[:MOST_HEADER_LINES], 1):
        marks += line.count(b'"')
        if not marks % 2:
            return number
    return 0


def _headers(line: str, hinted: str | None, is_known: Callable[[str], bool]) -> tuple[list[str], str]:
    """The headers, and the delimiter by which most of them are known. hinted: the one of a line before."""
    found = []
    for delimiter in dict.fromkeys((hinted or ",", *DELIMITERS)):
        try:
            names = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            names = _loosely_quoted_cells(line, delimiter)
            if not names:
                continue
        headers = [unescape_formula(name) for name in names]
        while headers and not headers[-1]:
            headers.pop()
        known = sum(map(is_known, headers))
        found.append((known, delimiter == hinted, len(headers), headers, delimiter))
    if found and max(number for _, _, number, _, _ in found) > MOST_COLUMNS:
        raise unreadable(f"The header has more than {MOST_COLUMNS} columns")
    if not found:
        raise unreadable("The header cannot be read: a quotation mark in it is not closed")
    *_, headers, delimiter = max(found, key=lambda one: one[:3])
    return headers, delimiter


def _cells_of_broken(row: str, delimiter: str, error: csv.Error, line: int) -> tuple[list[str], str | None]:
    """The cells of a row that breaks the rules of CSV, as far as can be said, and why it cannot be taken, if so.

    Raises Problem (INVALID) if it cannot be said where it ends.
    """
    text = row.rstrip("\r\n")
    if str(error).startswith("field larger than field limit"):
        if '"' in text or "\n" in text:
            raise unreadable(
                f"The row that begins in line {line} has a cell of more than {_LARGEST_CELL}, or a quotation mark in "
                "it is not closed"
            )
        return text.split(delimiter), f"has a cell of more than {_LARGEST_CELL}"
    if cells := _loosely_quoted_cells(text, delimiter):
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


def _loosely_quoted_cells(text: str, delimiter: str) -> list[str]:
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
