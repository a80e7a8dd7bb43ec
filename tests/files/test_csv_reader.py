"""CSV is read as programs and spreadsheets write it, in pieces, and what is no such file says so."""

from __future__ import annotations

import time
import tracemalloc

import hypothesis.strategies as st
import pytest
from hypothesis import given

from emporion.customer_files.rows import customer_reader
from emporion.errors import Problem
from emporion.files.csv_writer import csv_line
from emporion.files.rows import LARGEST_ROW, Format
from tests.customer_files.files import fault, refusal, rows_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_and_the_line_ends_are_found(delimiter: str, end: str) -> None:
    (row,) = rows_of(end.join([delimiter.join(["externalId", "name"]), delimiter.join(["007", '"A, B; C\tD"'])]))
    assert row.new()["name"] == "A, B; C\tD"
    assert row.key == "007"


@pytest.mark.parametrize(
    ("first", "separator"),
    [
        ("sep=;", ";"),
        ("sep=,", ","),
        ("sep=\t", "\t"),
        ("sep=|", "|"),
        ("SEP=;", ";"),
        ("\ufeffsep=;", ";"),
        ('"sep=;"', ";"),
        ('\ufeff"Sep=,"', ","),
        ("sep=;;;", ";"),
        ('"sep=,",,', ","),
        ("sep = ;", ";"),
        ("sep=", ";"),
        ("sep=;", ","),  # saved again by a program that did not know the line
        ("\nsep=^", "^"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_that_tells_excel_the_separator_is_no_header(first: str, separator: str, end: str) -> None:
    header, cells = separator.join(["externalId", "name"]), separator.join(["007", "Acme"])
    (row,) = rows_of(end.join([first, header, cells, ""]))
    assert (row.key, row.new()["name"], row.line) == ("007", "Acme", 3 + first.count("\n"))
    assert refusal(f"{first}\n") == "The file is empty."


def test_a_header_that_is_called_sep_is_one() -> None:
    assert "sep is no column that is known" in refusal("sep,name\n1,2\n")


def test_lines_are_those_of_the_file() -> None:
    rows = rows_of('name,address.city\n\nA,"1\n2\n3"\n,\n\nB,"4\n5"\nC,6')
    assert [(row.line, row.new()["name"], row.after.rows) for row in rows] == [(3, "A", 1), (8, "B", 2), (10, "C", 3)]
    assert rows[0].new()["address"]["city"] == "1\n2\n3"


@pytest.mark.parametrize("piece", [1, 3, 50, 1000])
def test_reading_goes_on_at_the_place_after_any_row(piece: int) -> None:
    content = ("name,address.city\n" + "".join(f'"Kundé\n{n}","""x"", {n}"\n\n' for n in range(20))).encode()
    rows = rows_of(content, piece=piece)
    assert len(rows) == 20
    for number, row in enumerate(rows):
        rest = customer_reader("csv")
        rest.resume(row.after, ["name", "address.city"], ",")
        later = [*rest.read(content[row.after.offset :]), *rest.read(b"", last=True)]
        assert [(one.line, one.new(), one.after) for one in later] == [
            (one.line, one.new(), one.after) for one in rows[number + 1 :]
        ]


def test_a_row_with_too_many_cells_is_faulty() -> None:
    line, message = fault("name,address.city\nA,B,C\nA,B,,\n")
    assert line == 2
    assert message == "has 3 cells, but there are 2 columns: C"


@pytest.mark.parametrize("broken", ['"A"B,C', "A\rB,C"])
def test_a_row_that_is_broken_does_not_break_the_next(broken: str) -> None:
    rows = rows_of(f"name,address.city\n{broken}\nD,E\n")
    assert [len(row.faults) for row in rows] == [1, 0]
    assert rows[1].new()["name"] == "D"


def test_a_nul_byte_is_told() -> None:
    assert fault("name,address.city\nA\0,B\n") == (2, "has a NUL byte in it")


def test_no_value_becomes_a_number() -> None:
    cells = ["007", "1e5", "00012345678901234567890", "12,5", "2024-01-01", "1/2"]
    rows = rows_of(b"externalId\n" + b"".join(csv_line([cell]) for cell in cells))
    assert [row.key for row in rows] == cells


PEOPLE = "externalId,countrycode,telvoice,postalcode,city"


MEANT = ("007", {"countryCode": "DE", "postalCode": "01067", "city": "A, B"}, "+49891")


@pytest.mark.parametrize(
    "row",
    [
        '007, de, +49891, 01067, "A, B"',
        '007 , de , +49891 , 01067 , "A, B" ',
        ' "007" , "de" , "+49891" , "01067" , "A, B" ',
        '007,\u00a0de\u00a0,+49891\t,01067 ,"A, B "',
        '="007",="de",="+49891",="01067","A, B"',
        '"=""007""","=""de""","=""+49891""","=""01067""","=""A, B"""',
        ' ="007" , = "de" ,\'+49891, ="01067" ,"= ""A, B"" "',
    ],
)
def test_blanks_around_a_cell_and_excels_formula_for_a_text_are_not_meant(row: str) -> None:
    (read,) = rows_of(f"{PEOPLE}\n{row}\n")
    new = read.new()
    assert read.faults == []
    assert (read.key, new["address"], new["contactPersons"][0]["phoneNumber"]) == MEANT


def test_headers_have_blanks_around_them_or_are_texts_to_excel() -> None:
    (row,) = rows_of('="externalId" , "name" , ="city"\n1,Acme,Bonn\n')
    assert (row.key, row.new()["name"]) == ("1", "Acme")


@pytest.mark.parametrize("last", ["  ", " , ", "\t", " \n\n  ", ' , "" ', "\u00a0,"])
def test_a_row_of_blanks_is_passed_over(last: str) -> None:
    assert [row.new()["name"] for row in rows_of(f"name,city\nAcme,Bonn\n{last}\n")] == ["Acme"]
    assert rows_of(f"name,city\nAcme,Bonn{'' if last.strip() else ','}{last}\n")[0].faults == []


def test_a_cell_that_is_too_large_is_told_as_what_it_is() -> None:
    first, second = rows_of(f"name,city\n{'x' * 200_000},Bonn\nB,Bonn\n")
    assert [one.message for one in first.faults] == ["has a cell of more than 128 KiB"]
    assert second.new()["name"] == "B"
    for rest in ('"', ""):
        assert refusal(f'name,city\nA,Bonn\n"{"x" * 200_000}{rest},Bonn\n') == (
            "The row that begins in line 3 has a cell of more than 128 KiB, or a quotation mark in it is not closed."
        )
    assert rows_of(f"name,city\n{'x' * 100_000},{'y' * 100_000}\n")[0].faults == []
    assert fault(f'name,city\n"A"B,{"x" * 200_000}\n')[1].startswith("cannot be read: a cell with quotation marks")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\n\n  \n,,\n", "The file is empty."),
        (b"name,city\n", "The file has a header, but no rows."),
        (b"name,city\n,\n\n", "The file has a header, but no rows."),
        ("name,city\nA,Köln\n".encode("latin-1"), "Line 2 is not in UTF-8, but perhaps in Latin-1 or Windows-1252, in "
         "which it says Köln; save the file in UTF-8."),
        ("name,city\nA,B\n".encode("utf-16"), "The file is in UTF-16; save it in UTF-8."),
        ("name,city\nA,B\n".encode("utf-16-le"), "The file is in UTF-16; save it in UTF-8."),
        (b"name,city\rA,B\r", "The lines of the file end with a carriage return only; save it with LF or CRLF."),
        (b'name,city\nA,B\n"A,B\nC,D\n', "The row that begins in line 3 does not end: a quotation mark in it is not "
         "closed."),
        (b'"name,city\nA,B\n', "The header cannot be read: a quotation mark in it is not closed."),
    ],
)  # fmt: skip
def test_a_file_of_which_nothing_can_be_taken_says_why(content: bytes, message: str) -> None:
    for piece in (1, 1 << 18):
        assert refusal(content, piece=piece) == message


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"name\n" + b"x" * (LARGEST_ROW + 1), id="one line"),
        pytest.param(b'name\n"' + b"x\n" * (2 * LARGEST_ROW), id="a quotation mark is not closed"),
        pytest.param(b'name\n"' + b'""\n' * LARGEST_ROW, id="many quotation marks"),
        pytest.param(b"name\n" + b'"x' * LARGEST_ROW, id="quotation marks in a line"),
        pytest.param(b"name\n" + b"," * 3 * LARGEST_ROW, id="many cells"),
    ],
)
def test_a_row_that_is_too_large_is_told_soon_and_in_little_memory(content: bytes) -> None:
    began = time.process_time()
    tracemalloc.start()
    try:
        message = refusal(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "more than 1 MiB" in message or "a quotation mark in it is not closed" in message
    assert most < 64 * LARGEST_ROW
    assert time.process_time() - began < 20


@given(st.binary(max_size=200), st.sampled_from(["csv", "jsonl"]), st.integers(1, 50))
def test_no_file_breaks_the_reader(content: bytes, format: Format, piece: int) -> None:  # noqa: A002
    def outcome(piece: int) -> object:
        try:
            return [(row.line, row.faults, row.new()) for row in rows_of(b"name,city\n" + content, format, piece)]
        except Problem as problem:
            return problem.message

    assert outcome(piece) == outcome(1000)


def test_a_file_of_blank_lines_or_of_very_many_columns_is_refused_at_once() -> None:
    assert "empty lines" in refusal(b"\n" * (1 << 20))
    assert "columns" in refusal(",".join(f"attribute:{number}" for number in range(501)) + "\nx\n")
