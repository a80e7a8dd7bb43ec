"""Files of reports: what a reader of each format finds in them, and that they are written in little memory."""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, get_args
from xml.etree import ElementTree

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from emporion import report_formats
from emporion.files.csv_writer import csv_header, csv_line
from emporion.files.formulas import escape_formula
from emporion.report_formats import (
    CUT,
    LONGEST_CELL,
    MEDIA_TYPES,
    MOST_SHEET_COLUMNS,
    PIECE,
    add_columns,
    flat,
    report_writer,
)
from emporion.reports import ReportFormat
from tests.effort import effort
from tests.server import PATIENCE

FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)
BOM = b"\xef\xbb\xbf"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

CUSTOMER = {
    "id": "1000001",
    "name": "Größe & Söhne <GmbH>",
    "active": True,
    "seats": 12,
    "taxRegId": None,
    "address": {"city": "Köln", "postalCode": "00501"},
    "contactPersons": [{"email": "a@example.com"}, {"email": "b@example.com", "phoneNumber": "+49123"}],
    "total": Decimal("-1234567890123456789.10"),
    "attributes": {"cost center": "=1+1"},
}

texts = st.text(st.characters(codec="utf-8"), max_size=6)
# What some format could take for something else than a text.
awkward = st.sampled_from(["<r>&</r>", "=1+1", "'", "_x0041_", "]]>", "\r\n", " \t ", "http://a.example", "007", "1e5"])
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | numbers | texts | awkward
rows = st.dictionaries(
    texts,
    st.recursive(
        values, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
    ),
    max_size=3,
)
examples = settings(max_examples=effort(quick=50, thorough=300))


def columns_of(written: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that rows need."""
    columns: dict[str, None] = {}
    add_columns(columns, written)
    return list(columns)


def file_of(
    format: ReportFormat,  # noqa: A002
    written: Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    *,
    name: str = "Customers",
    piece: int = 2,
) -> bytes:
    """The file of some rows, which are written in pieces of so many."""
    with closing(report_writer(format, name, columns_of(written) if columns is None else columns)) as writer:
        begun = [writer.write(written[at : at + piece]) for at in range(0, len(written), piece)]
        return b"".join([*begun, *writer.finish()])


def csv_rows(content: bytes) -> list[list[str]]:
    """The cells of a file of CSV."""
    assert content.startswith(BOM)
    return list(csv.reader(io.StringIO(content.removeprefix(BOM).decode(), newline=""), strict=True))


class Cell(NamedTuple):
    """A cell of a workbook. type: as the file has it, inlineStr for a text, n for a number, b for a boolean."""

    type: str
    value: str


def sheets(content: bytes) -> dict[str, list[dict[int, Cell]]]:
    """The sheets of a workbook: of each row its cells by their columns, from 0."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = [sheet.attrib["name"] for sheet in parsed(archive.read("xl/workbook.xml")).iter(f"{SHEET}sheet")]
        return {
            name: [
                {_column(cell.attrib["r"]): _cell(cell) for cell in row}
                for row in parsed(archive.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{SHEET}row")
            ]
            for number, name in enumerate(names, 1)
        }


def parsed(content: bytes) -> ElementTree.Element:
    """The root of an XML file."""
    return ElementTree.fromstring(content)


def _column(place: str) -> int:
    number = 0
    for letter in place.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _cell(cell: ElementTree.Element) -> Cell:
    kind = cell.attrib.get("t", "n")
    assert cell.find(f"{SHEET}f") is None, "a formula"
    if kind != "inlineStr":
        return Cell(kind, cell.findtext(f"{SHEET}v") or "")
    assert [child.tag for child in cell] == [f"{SHEET}is"]
    text = cell.findtext(f"{SHEET}is/{SHEET}t") or ""
    return Cell(kind, re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text))


def text_of(value: Any) -> str:
    """A value as a reader of a text finds it."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


# --- all formats -----------------------------------------------------------------------------------------------------


def test_each_format_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) == set(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_pieces_of_the_rest_are_small(format: ReportFormat) -> None:  # noqa: A002
    columns = [sha256(bytes([number % 256, number >> 8])).hexdigest() for number in range(10_000)]
    with closing(report_writer(format, "Customers", columns)) as writer:
        pieces = list(writer.finish())
    assert all(0 < len(piece) <= PIECE for piece in pieces)
    assert len(pieces) > 1 or format in ("json", "xml")
    assert format != "csv" or b"".join(pieces) == BOM + csv_header(columns)
    assert format != "xlsx" or len(sheets(b"".join(pieces))["Customers"][0]) == len(columns)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("piece", [1, 3, 100])
def test_the_file_is_the_same_however_rows_are_divided(format: ReportFormat, piece: int) -> None:  # noqa: A002
    one, other = (file_of(format, [CUSTOMER] * 7, piece=size) for size in (piece, 7))
    assert one == other if format != "xlsx" else sheets(one) == sheets(other)


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_without_rows_is_a_whole_file(format: ReportFormat) -> None:  # noqa: A002
    content = file_of(format, [], ["id", "name"])
    with closing(report_writer(format, "Customers", ["id", "name"])) as writer:
        begun = writer.write([])
        assert not begun
        assert b"".join(writer.finish())[:10] == content[:10]
    match format:
        case "csv":
            assert content == BOM + b"id,name\r\n"
        case "json":
            assert json.loads(content) == []
        case "xml":
            assert not list(parsed(content))
        case "xlsx":
            assert [[cell.value for cell in row.values()] for row in sheets(content)["Customers"]] == [["id", "name"]]


def generated(number: int) -> Iterator[list[dict[str, Any]]]:
    """So many rows of half a KiB, in pieces."""
    for at in range(0, number, 50):
        yield [{"id": str(row), "address": {"city": f"{row:0500}"}, "n": row} for row in range(at, at + 50)]


@pytest.mark.timeout(600)  # at full size a workbook takes a minute of a quiet machine
@pytest.mark.parametrize("format", FORMATS)
def test_memory_stays_flat(format: ReportFormat) -> None:  # noqa: A002
    number = effort(quick=4000, thorough=200_000)
    columns = columns_of(next(generated(1)))
    file_of(format, next(generated(1)), columns)  # what is loaded once does not count
    tracemalloc.start()
    try:
        with closing(report_writer(format, "Customers", columns)) as writer:
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for piece in generated(number):
                writer.write(piece)
            for _ in writer.finish():
                pass
            _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most - before < 1 << 20  # all rows would be more than two


# --- flat names ------------------------------------------------------------------------------------------------------


def test_flat_names_have_dots_and_numbers() -> None:
    assert flat({"address": {"city": "X"}, "contactPersons": [{"email": "a"}], "tags": ["p", None], "none": {}}) == {
        "address.city": "X",
        "contactPersons[0].email": "a",
        "tags[0]": "p",
        "tags[1]": None,
    }


def test_a_column_that_is_found_late_stands_with_its_object() -> None:
    columns: dict[str, None] = {}
    add_columns(columns, [{"id": 1, "address": {"city": "X"}, "contactPersons": [{"email": "a"}], "name": "N"}])
    add_columns(columns, [{"late": 1, "address": {"zip": "1"}}, {"contactPersons": [{"phone": "1"}, {"email": "b"}]}])
    assert list(columns) == [
        "id",
        "address.city",
        "address.zip",
        "contactPersons[0].email",
        "contactPersons[0].phone",
        "contactPersons[1].email",
        "name",
        "late",
    ]


@examples
@given(st.lists(rows, max_size=3), st.integers(0, 3))
def test_columns_are_the_same_however_rows_are_divided(written: list[dict[str, Any]], at: int) -> None:
    columns: dict[str, None] = {}
    add_columns(columns, written[:at])
    add_columns(columns, written[at:])
    assert list(columns) == columns_of(written)
    assert set(columns) == {name for row in written for name in flat(row)}


def test_many_columns_in_deep_objects_are_added_soon() -> None:
    written = [{f"{number}.{'.' * 200}": number} for number in range(effort(quick=500, thorough=5000))]
    assert len(columns_of(written)) == len(written)


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_has_columns_in_their_order_and_is_empty_where_nothing_is() -> None:
    columns = ["name", "active", "seats", "taxRegId", "nowhere", "total", "contactPersons[1].phoneNumber"]
    content = file_of("csv", [CUSTOMER, {"id": 1}], columns)
    assert content.endswith(b"\r\n")
    assert csv_rows(content) == [
        columns,
        ["Größe & Söhne <GmbH>", "true", "12", "", "", "-1234567890123456789.10", "'+49123"],
        [""] * len(columns),
    ]


@examples
@given(st.lists(st.dictionaries(texts, texts | awkward), min_size=1, max_size=3))
@example([{"=a": "=1+1", "b": "-1", "c": "x;=1", "d": "", "e": "'=1", "f": " x "}])
def test_csv_keeps_formulas_from_running_as_exports_do(written: list[dict[str, str]]) -> None:
    columns = columns_of(written)
    cells = [["" if name not in row else escape_formula(row[name]) for name in columns] for row in map(flat, written)]
    assert file_of("csv", written) == BOM + csv_header(columns) + b"".join(map(csv_line, cells))


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_an_array_of_the_rows_as_they_are() -> None:
    content = file_of("json", [CUSTOMER, {"large": 10**30}])
    assert '"city":"Köln"'.encode() in content
    assert json.loads(content) == [CUSTOMER | {"total": "-1234567890123456789.10"}, {"large": 10**30}]


@examples
@given(st.lists(rows, max_size=2))
def test_json_is_what_it_was(written: list[dict[str, Any]]) -> None:
    assert json.loads(file_of("json", written)) == json.loads(json.dumps(written, default=text_of))


# --- XML -------------------------------------------------------------------------------------------------------------


def test_xml_has_an_element_for_each_member_and_repeats_lists() -> None:
    assert file_of("xml", [CUSTOMER | {"grid": [[1, 2], []]}]).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<report name="Customers">\n'
        "<row><id>1000001</id><name>Größe &amp; Söhne &lt;GmbH&gt;</name><active>true</active><seats>12</seats>"
        "<taxRegId></taxRegId><address><city>Köln</city><postalCode>00501</postalCode></address>"
        "<contactPersons><email>a@example.com</email></contactPersons>"
        "<contactPersons><email>b@example.com</email><phoneNumber>+49123</phoneNumber></contactPersons>"
        "<total>-1234567890123456789.10</total>"
        '<attributes><member name="cost center">=1+1</member></attributes>'
        "<grid><item>1</item><item>2</item></grid><grid></grid></row>\n"
        "</report>\n"
    )


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a:b", "-a", ".a", "xmlns", "XMLish", "größe", "\u017f", "\u212a", "a\n", "a>", '"', "\0"]
)
def test_a_name_that_no_element_can_have_is_an_attribute(name: str) -> None:
    (row,) = parsed(file_of("xml", [{name: "x"}]))
    assert [(member.tag, member.attrib) for member in row] == [("member", {"name": name.replace("\0", "\ufffd")})]


def xml_text(text: str) -> str:
    """A text as XML can have it."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


@examples
@given(st.text() | awkward, st.text(), st.text())
@example("\ud800\x00\x0b\ufffe\uffff", "\r\n\t", "]]>")
def test_xml_is_well_formed_for_every_text(text: str, name: str, report: str) -> None:
    root = parsed(file_of("xml", [{name: text, "list": [text, {name: text}]}], name=report))
    assert root.attrib == {"name": xml_text(report)}
    ((member, first, second),) = root
    assert member.attrib.get("name", member.tag) == xml_text(name)
    assert [member.text or "", first.text or "", second[0].text or ""] == [xml_text(text)] * 3


def read_xml(element: ElementTree.Element) -> list[tuple[str, str]]:
    """The names of the elements of an XML file with their texts, in their order."""
    found = []
    for inner in element:
        found += [(inner.attrib.get("name", inner.tag), inner.text or ""), *read_xml(inner)]
    return found


def members(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The same of a value."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield xml_text(name), ""
            for inner, more in item.items():
                yield from members(inner, more)
        elif isinstance(item, list):
            yield xml_text(name), ""
            yield from members("item", item)
        else:
            yield xml_text(name), xml_text(text_of(item))


@examples
@given(st.lists(rows, max_size=2))
def test_xml_has_every_value(written: list[dict[str, Any]]) -> None:
    assert read_xml(parsed(file_of("xml", written))) == list(members("row", written))


# --- workbooks -------------------------------------------------------------------------------------------------------


def test_a_workbook_has_texts_numbers_and_booleans_and_no_formula() -> None:
    row = CUSTOMER | {
        "large": 2**53 + 1,
        "largest": 10**15 - 1,
        "least": 1 - 10**15,
        "tiny": Decimal("1E-8"),
        "no": False,
    }
    columns = [name for name in columns_of([row]) if name != "contactPersons[0].email"]
    header, cells = sheets(file_of("xlsx", [row], columns))["Customers"]
    assert [header[place].value for place in range(len(columns))] == columns
    assert {columns[place]: cell for place, cell in cells.items()} == {
        "id": ("inlineStr", "1000001"),
        "name": ("inlineStr", "Größe & Söhne <GmbH>"),
        "active": ("b", "1"),
        "seats": ("n", "12"),
        "address.city": ("inlineStr", "Köln"),
        "address.postalCode": ("inlineStr", "00501"),
        "contactPersons[1].email": ("inlineStr", "b@example.com"),
        "contactPersons[1].phoneNumber": ("inlineStr", "+49123"),
        "total": ("inlineStr", "-1234567890123456789.10"),
        "attributes.cost center": ("inlineStr", "=1+1"),
        "large": ("inlineStr", "9007199254740993"),
        "largest": ("n", "999999999999999"),
        "least": ("n", "-999999999999999"),
        "tiny": ("inlineStr", "0.00000001"),
        "no": ("b", "0"),
    }


def test_excel_does_not_complain_of_texts_that_look_like_numbers() -> None:
    with zipfile.ZipFile(io.BytesIO(file_of("xlsx", [CUSTOMER]))) as archive:
        ignored = parsed(archive.read("xl/worksheets/sheet1.xml")).find(f".//{SHEET}ignoredError")
    assert ignored is not None
    assert ignored.attrib == {"sqref": "A1:XFD1048576", "numberStoredAsText": "1"}


def test_the_header_of_a_workbook_is_bold_and_stays_in_sight() -> None:
    with zipfile.ZipFile(io.BytesIO(file_of("xlsx", [CUSTOMER]))) as archive:
        sheet = parsed(archive.read("xl/worksheets/sheet1.xml"))
        styles = parsed(archive.read("xl/styles.xml"))
    pane = sheet.find(f".//{SHEET}pane")
    assert pane is not None
    assert (pane.attrib["ySplit"], pane.attrib["state"]) == ("1", "frozen")
    (style,) = {cell.attrib["s"] for cell in sheet.iterfind(f".//{SHEET}row[@r='1']/{SHEET}c")}
    font = styles.findall(f"{SHEET}cellXfs/{SHEET}xf")[int(style)].attrib["fontId"]
    assert styles.findall(f"{SHEET}fonts/{SHEET}font")[int(font)].find(f"{SHEET}b") is not None


@examples
@given(st.lists(rows, max_size=2), st.text(st.characters(codec="utf-8")))
@example([{"<r><</r>": "<r>&\x01\r_x0041_</r>"}], "[a]:'")
def test_a_workbook_has_every_value(written: list[dict[str, Any]], name: str) -> None:
    columns = columns_of(written)
    (found,) = sheets(file_of("xlsx", written, columns, name=name)).values()
    header, cells = (found or [{}])[0], iter(found[1:])
    assert [cell.value for cell in header.values()] == columns
    for row in map(flat, written):
        filled = {columns.index(name): value for name, value in row.items() if value is not None}
        if filled:
            read = {place: cell.value for place, cell in next(cells).items()}
            assert read == {
                place: str(int(value)) if isinstance(value, bool) else text_of(value) for place, value in filled.items()
            }


@pytest.mark.parametrize("text", ["x" * LONGEST_CELL, "\U0001f600" * (LONGEST_CELL // 2), "x" + "\U0001f600" * 16383])
def test_a_text_that_fills_a_cell_is_whole(text: str) -> None:
    assert sheets(file_of("xlsx", [{"text": text}]))["Customers"][1][0].value == text


@pytest.mark.parametrize("text", ["x" * (LONGEST_CELL + 1), "\U0001f600" * 16384, "x" + "\U0001f600" * 40000])
def test_a_text_that_does_not_fit_into_a_cell_is_cut_with_a_mark(text: str) -> None:
    found = sheets(file_of("xlsx", [{"text": text}]))["Customers"][1][0].value
    assert text.startswith(found.removesuffix(CUT))
    assert found.endswith(CUT)
    assert LONGEST_CELL - 1 <= len(found.encode("utf-16-le")) // 2 <= LONGEST_CELL


def test_columns_that_do_not_fit_are_counted_in_the_last() -> None:
    row = {f"c{number}": number for number in range(MOST_SHEET_COLUMNS)}
    header, cells = sheets(file_of("xlsx", [row]))["Customers"]
    assert len(header) == len(cells) == MOST_SHEET_COLUMNS
    header, cells = sheets(file_of("xlsx", [row | {"more": 1, "and more": 2}]))["Customers"]
    assert header[MOST_SHEET_COLUMNS - 1].value == f"{CUT}: 3 more columns"
    assert max(header) == MOST_SHEET_COLUMNS - 1
    assert max(cells) == MOST_SHEET_COLUMNS - 2


def test_rows_that_do_not_fit_go_on_in_the_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_formats, "MOST_ROWS", 4)
    found = sheets(file_of("xlsx", [{"id": str(number)} for number in range(7)], piece=5))
    assert {name: [row[0].value for row in read] for name, read in found.items()} == {
        "Customers": ["id", "0", "1", "2"],
        "Customers 2": ["id", "3", "4", "5"],
        "Customers 3": ["id", "6"],
    }


def test_a_sheet_may_be_larger_than_an_old_zip_could_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    assert len(sheets(file_of("xlsx", [CUSTOMER]))["Customers"]) == 2


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_sheet_has_as_many_rows_as_excel_takes() -> None:
    written = [{"id": number} for number in range(report_formats.MOST_ROWS + 1)]
    with zipfile.ZipFile(io.BytesIO(file_of("xlsx", written, ["id"], piece=1000))) as archive:
        found = [archive.read(f"xl/worksheets/sheet{number}.xml").count(b"<row ") for number in (1, 2)]
    assert found == [1_048_576, 3]


@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("Orders", "Orders"),
        ("a/b [c]: d*?\\", "a b  c   d"),
        ("'quoted'", "quoted"),
        ("x" * 40, "x" * 31),
        ("x" * 30 + "\U0001f600", "x" * 30),
        ("", "Report"),
        ("'", "Report"),
        ("history", "Report"),
        ("a\x01\ud800", "a"),
    ],
)
def test_a_sheet_is_called_like_its_report_as_far_as_excel_takes_it(name: str, sheet: str) -> None:
    assert list(sheets(file_of("xlsx", [], ["id"], name=name))) == [sheet]


def test_long_names_of_several_sheets_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_formats, "MOST_ROWS", 2)
    assert list(sheets(file_of("xlsx", [{"id": "1"}, {"id": "2"}], name="x" * 40))) == ["x" * 31, "x" * 29 + " 2"]


def test_only_a_workbook_loads_what_writes_workbooks() -> None:
    program = (
        "import sys; from emporion.report_formats import report_writer\n"
        "for format in ('csv', 'json', 'xml'): report_writer(format, 'R', []).write([{}])\n"
        "assert not any(name.startswith('xlsxwriter') for name in sys.modules)\n"
        "report_writer('xlsx', 'R', []).close()\n"
        "assert 'xlsxwriter' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)


# --- temporary files -------------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("moment", ["at once", "in the middle", "while the rest is read", "at the end"])
def test_nothing_is_left_whenever_it_is_closed(temporary: Path, format: ReportFormat, moment: str) -> None:  # noqa: A002
    writer = report_writer(format, "Customers", columns_of([CUSTOMER]))
    assert any(temporary.iterdir()) == (format == "xlsx")
    if moment != "at once":
        writer.write([CUSTOMER] * 10)
    if moment == "while the rest is read":
        assert next(writer.finish(), None) is not None or format == "csv"
    elif moment == "at the end":
        list(writer.finish())
    writer.close()
    writer.close()
    assert not any(temporary.iterdir())


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """A file of more than so many bytes cannot be written: errno is EFBIG, not ENOSPC, but of the same kind."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_workbook_that_has_no_room_is_told_and_leaves_nothing(temporary: Path) -> None:
    writer = report_writer("xlsx", "Customers", columns_of([CUSTOMER]))
    with room_for(100_000):
        with pytest.raises(OSError, match="File too large"):
            writer.write([CUSTOMER] * 1000)
        writer.close()
    assert not any(temporary.iterdir())


def test_a_workbook_that_has_no_room_at_its_end_is_told_and_leaves_nothing(temporary: Path) -> None:
    writer = report_writer("xlsx", "Customers", columns_of([CUSTOMER]))
    writer.write([CUSTOMER] * 100)
    with room_for(1000):
        with pytest.raises(OSError, match=r"The workbook cannot be written: .*File too large"):
            list(writer.finish())
        writer.close()
    assert not any(temporary.iterdir())
