"""Files of reports: rows as CSV, JSON, XML or an Excel workbook, piece by piece.

A row is a JSON object: dicts, lists, texts that UTF-8 can hold, numbers, booleans and None. A Decimal is written with
all its digits; in JSON it is a string, as the contract has amounts. CSV and workbooks have a column for each flat name,
such as `address.city` or `contactPersons[0].email`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any, Protocol

from emporion.files.csv_writer import csv_header
from emporion.files.formulas import escape_formula
from emporion.reports import ReportFormat

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

MEDIA_TYPES: dict[ReportFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
}

# Bytes of a piece of what `finish` gives.
PIECE = 64 << 10

# What Excel takes at most: rows of a sheet with its header, columns, UTF-16 code units of a cell and of a sheet's name.
MOST_ROWS = 1_048_576
MOST_SHEET_COLUMNS = 16_384
LONGEST_CELL = 32_767
LONGEST_SHEET_NAME = 31
_ALL_CELLS = "A1:XFD1048576"
# At the end of a cell that was too long.
CUT = "… (cut)"
# Excel shows fifteen digits of a number, and zeros for those after them.
LARGEST_CELL_NUMBER = 10**15 - 1
_NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")
# The name of a sheet that Excel keeps for itself.
_RESERVED = "history"

# A name in every XML parser, and none that XML has reserved (XML 1.0 §2.3).
_ELEMENT_NAME = re.compile(r"(?!xml)[a-z_][a-z0-9_.-]*", re.ASCII | re.IGNORECASE)
# For texts and attributes: what XML 1.0 §2.2 forbids, and what a parser would take for something else.
_XML_ESCAPES = str.maketrans(
    {
        **dict.fromkeys(map(chr, (*range(0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)), "\ufffd"),
        **{character: f"&#{ord(character)};" for character in "\t\n\r"},
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
    }
)
_PATH_PART = re.compile(r"(?=[.\[])")


class ReportWriter(Protocol):
    """Writes a file. `finish` is called once, after the last `write`, and `close` in any case."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """The bytes of the file that are ready when these rows are added; maybe none. Raises OSError (xlsx)."""

    def finish(self) -> Iterator[bytes]:
        """The rest of the file, in pieces of at most `PIECE` bytes. Raises OSError (xlsx).

        A workbook takes long before its first piece: it is put together then, from files of about its unpacked size.
        """

    def close(self) -> None:
        """Remove temporary files; at any moment, and any number of times."""


def report_writer(
    format: ReportFormat,  # noqa: A002 - as people call it
    name: str,
    columns: Sequence[str],
) -> ReportWriter:
    """The writer of a file.

    name: of the report, such as Customers; XML and workbooks have it. columns: the flat names that CSV and workbooks
    have, in this order. Raises OSError where a workbook has no room for temporary files.

    - CSV is like that of exports (RFC 4180, no cell is a formula, an empty text is an apostrophe), with a byte order
      mark, by which Excel knows UTF-8. What is absent or null is empty. Numbers are as they are, negative ones too.
    - JSON is one array.
    - XML has a `row` for each, and in it an element for each member: `<member name="…">` where the member's name is
      none that an element can have. A list is its element repeated; a list in a list has `item`. null is an empty
      element. A character that XML 1.0 cannot have is U+FFFD.
    - A workbook has texts, true and false, and integers of up to fifteen digits; any other number is a text. Rows that
      do not fit into a sheet go on in the next. A text that does not fit into a cell is cut and ends with `CUT`. Of
      columns that do not fit, the header of the last one says how many they are.
    """
    if format == "xlsx":
        return _Workbook(name, columns)
    if format == "csv":
        return _TextFile("\ufeff".encode() + csv_header(columns), lambda row: _csv_line(row, columns))
    if format == "json":
        return _TextFile(b"[\n", _json_object, between=b",\n", tail=b"\n]\n")
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<report name="{name.translate(_XML_ESCAPES)}">\n'
    return _TextFile(head.encode(), _xml_row, tail=b"</report>\n")


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their flat names: `{"a": [{"b": 1}]}` is `{"a[0].b": 1}`. An empty object or list has none."""
    return {path: leaf for name, value in row.items() for path, leaf in _leaves(name, value)}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}", item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(f"{path}[{number}]", item)
    else:
        yield path, value


def add_columns(columns: dict[str, None], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add the flat names that rows have: in the order in which they first appear, those of one object together.

    The order is the same however the rows are divided into calls.
    """
    new = {name: None for row in rows for name in flat(row) if name not in columns}
    if not new:
        return
    columns |= new
    ranks: dict[str, int] = {}
    keys = {name: [ranks.setdefault(prefix, len(ranks)) for prefix in _prefixes(name)] for name in columns}
    columns.clear()
    columns |= dict.fromkeys(sorted(keys, key=keys.__getitem__))


def _prefixes(name: str) -> Iterator[str]:
    """The objects and lists in which a flat name stands, outermost first, and then the name."""
    prefix = ""
    for part in _PATH_PART.split(name):
        prefix += part
        yield prefix


def _text(value: Any) -> str:
    """A value as a text; a Decimal with all its digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


class _TextFile:
    """A file that is head, rows with something between them, and tail."""

    def __init__(
        self, head: bytes, render: Callable[[Mapping[str, Any]], bytes], *, between: bytes = b"", tail: bytes = b""
    ) -> None:
        self._before = head  # the next row
        self._render = render
        self._between = between
        self._tail = tail
        self._is_begun = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """See `ReportWriter`."""
        if not rows:
            return b""
        data = self._before + self._between.join(map(self._render, rows))
        self._before, self._is_begun = self._between, True
        return data

    def finish(self) -> Iterator[bytes]:
        """See `ReportWriter`."""
        rest = self._tail if self._is_begun else self._before + self._tail
        for at in range(0, len(rest), PIECE):
            yield rest[at : at + PIECE]

    def close(self) -> None:
        """See `ReportWriter`: there is no file."""


def _csv_line(row: Mapping[str, Any], columns: Sequence[str]) -> bytes:
    values = flat(row)
    line = io.StringIO()
    csv.writer(line).writerow([_csv_cell(values.get(name)) for name in columns])
    return line.getvalue().encode()


def _csv_cell(value: Any) -> str:
    # A negative number is no formula, and an apostrophe would make it a text.
    return escape_formula(value) if isinstance(value, str) else _text(value)


def _json_object(row: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(row), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_text).encode()


def _xml_row(row: Mapping[str, Any]) -> bytes:
    return f"{_xml_element('row', row)}\n".encode()


def _xml_element(name: str, value: Any) -> str:
    start, end = _xml_tags(name)
    return f"{start}{_xml_content(value)}{end}"


def _xml_content(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join([_xml_member(name, item) for name, item in value.items()])
    return _xml_member("item", value) if isinstance(value, list) else _text(value).translate(_XML_ESCAPES)


def _xml_member(name: str, value: Any) -> str:
    """The element of a member, or those of the items of a list."""
    return "".join([_xml_element(name, item) for item in (value if isinstance(value, list) else [value])])


@lru_cache(maxsize=1024)
def _xml_tags(name: str) -> tuple[str, str]:
    if _ELEMENT_NAME.fullmatch(name):
        return f"<{name}>", f"</{name}>"
    return f'<member name="{name.translate(_XML_ESCAPES)}">', "</member>"


class _Workbook:
    """An Excel workbook. XlsxWriter is imported here: no command and no server that writes none pays for it."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        from xlsxwriter import Workbook

        self._name = name
        kept = columns if len(columns) <= MOST_SHEET_COLUMNS else columns[: MOST_SHEET_COLUMNS - 1]
        more = len(columns) - len(kept)
        self._headers = [*kept, f"{CUT}: {more} more columns"] if more else kept
        self._places = {header: place for place, header in enumerate(kept)}
        # XlsxWriter leaves files of its own behind when it fails; the folder goes with all of them.
        self._folder = TemporaryDirectory(prefix="emporion-report-")
        self._file = TemporaryFile(dir=self._folder.name)  # noqa: SIM115 - `close` closes it
        # zip64 is used only for what 4 GiB cannot hold.
        options = {"constant_memory": True, "tmpdir": self._folder.name, "use_zip64": True}
        self._book = Workbook(self._file, options)
        self._bold = self._book.add_format({"bold": True})
        self._add_sheet()

    def _add_sheet(self) -> None:
        number = len(self._book.worksheets()) + 1
        self._sheet = self._book.add_worksheet(_sheet_name(self._name, number), _text_sheet())
        self._sheet.freeze_panes(1, 0)
        self._sheet.ignore_errors({"number_stored_as_text": _ALL_CELLS})  # ids and amounts are meant to be texts
        for place, header in enumerate(self._headers):
            self._sheet.write_string(0, place, _fitting(header), self._bold)
        self._row = 1

    def write(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """See `ReportWriter`: none is ready before the end."""
        for row in rows:
            if self._row == MOST_ROWS:
                self._add_sheet()
            for name, value in flat(row).items():
                if value is not None and (place := self._places.get(name)) is not None:
                    _write_cell(self._sheet, self._row, place, value)
            self._row += 1
        return b""

    def finish(self) -> Iterator[bytes]:
        """See `ReportWriter`."""
        from xlsxwriter.exceptions import FileCreateError

        try:
            self._book.close()
        except FileCreateError as error:
            raise OSError(f"The workbook cannot be written: {error}") from error
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        """See `ReportWriter`."""
        self._file.close()
        for sheet in self._book.worksheets():
            with suppress(OSError):  # what is still to be written may find no room
                sheet._opt_close()  # noqa: SLF001
        self._folder.cleanup()


@lru_cache(maxsize=1)
def _text_sheet() -> type[Worksheet]:
    """A sheet in which every text is a text; XlsxWriter takes `<r>…</r>` for XML and puts it into the file as it is."""
    from xlsxwriter.worksheet import Worksheet

    class TextSheet(Worksheet):
        def _xml_rich_inline_string(self, string: str, attributes: Sequence[tuple[str, object]] = ()) -> None:
            self._xml_inline_string(string, True, attributes)

    return TextSheet


def _write_cell(sheet: Worksheet, row: int, column: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int) and abs(value) <= LARGEST_CELL_NUMBER:
        sheet.write_number(row, column, value)
    else:
        # By this method no text is a formula, a number or a link, whatever it looks like.
        sheet.write_string(row, column, _fitting(_text(value)))


def _fitting(text: str) -> str:
    """A text as a cell can hold it."""
    if len(text) <= LONGEST_CELL // 2 or _cut(text, LONGEST_CELL) == text:
        return text
    return _cut(text, LONGEST_CELL - len(CUT)) + CUT


def _cut(text: str, most: int) -> str:
    """The beginning of a text, of so many UTF-16 code units at most."""
    return text[:most].encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def _sheet_name(name: str, number: int) -> str:
    """The name of a report's sheet, as Excel takes it. number: of the sheet, from 1."""
    mark = f" {number}" if number > 1 else ""
    taken = _cut(_NOT_IN_SHEET_NAME.sub(" ", name), LONGEST_SHEET_NAME - len(mark)).strip(" '")
    return ("Report" if taken.lower() in ("", _RESERVED) else taken) + mark
