"""No cell that goes out is run as a formula, and every value comes back."""

from __future__ import annotations

import csv
import io
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from emporion.files.csv_writer import csv_line
from emporion.files.formulas import escape_formula, unescape_formula
from tests.customer_files.files import rows_of


@pytest.mark.parametrize("cell", ['="a"&"b"', '="a', "=A1", '=T("a")', '="a"b"'])
def test_any_other_formula_stays_as_it_is(cell: str) -> None:
    assert unescape_formula(cell) == cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [('=""', ""), ('="say ""hi"""', 'say "hi"'), ('=" x "', " x "), ("' =1", " =1"), ('\'="x"', '="x"')],
)
def test_what_is_in_a_text_formula_or_behind_an_apostrophe_is_taken_to_the_letter(cell: str, value: str) -> None:
    assert unescape_formula(cell) == value


@pytest.mark.parametrize(
    "value", ["=1+1", "+49891234567", "-1", "@x", "\tx", "\rx", "\nx", " =1", "'=1", "''", "", "＝1"]
)
def test_a_value_that_could_be_a_formula_is_made_harmless_and_comes_back(value: str) -> None:
    assert escape_formula(value)[0] == "'"
    assert unescape_formula(escape_formula(value)) == value


@given(st.text())
def test_every_value_comes_back(value: str) -> None:
    assert unescape_formula(escape_formula(value)) == value


@given(st.text() | st.text(alphabet="='\" ;a\n"))
def test_a_cell_that_goes_out_again_has_the_same_value(cell: str) -> None:
    (line,) = csv.reader(io.StringIO(csv_line([cell]).decode(), newline=""))
    assert unescape_formula(line[0] if line else "") == unescape_formula(cell)


@pytest.mark.parametrize("value", [" x", "x ", " ", "\u00a0x", "x\t", "' ", "'s-Hertogenbosch ", ' "x"', " x;=1"])
def test_a_value_with_blanks_around_it_comes_back(value: str) -> None:
    assert unescape_formula(escape_formula(value)) == value
    (row,) = rows_of(b"name,city\n" + csv_line([escape_formula(value), "Bonn"]))
    assert row.new()["name"] == value


@pytest.mark.parametrize("cell", ['\n"+', '\r"=1', " '+1", '="+"'])
def test_what_goes_out_again_has_the_value_that_came(cell: str) -> None:
    (line,) = csv.reader(io.StringIO(csv_line([cell]).decode(), newline=""))
    assert unescape_formula(line[0]) == unescape_formula(cell)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_every_line_comes_back(values: list[str]) -> None:
    line = csv_line(map(escape_formula, values)).decode()
    assert [list(map(unescape_formula, cells)) for cells in csv.reader(line.splitlines(keepends=True) or [line])] != []
    (row,) = rows_of(b"name\n" + csv_line([escape_formula("".join(values))]), piece=5)
    assert row.new()["name"] == "".join(values)


def test_a_harmless_cell_of_a_file_is_the_value_again() -> None:
    (row,) = rows_of("contactPersons[0].phoneNumber,attribute:empty,name\n'+49891,','s-Hertogenbosch\n")
    assert row.new()["contactPersons"][0]["phoneNumber"] == "+49891"
    assert row.new()["attributes"] == {"empty": ""}
    assert row.new()["name"] == "'s-Hertogenbosch"


@pytest.mark.parametrize(
    "value", ["x;=cmd()", "x\t@a", "a\n-1", 'x;"=1', "x;'=1", "x;''=1", ",+1;=2", "'x;=1", "=1;=2"]
)
def test_a_formula_within_a_value_is_harmless_and_comes_back(value: str) -> None:
    cell = escape_formula(value)
    assert unescape_formula(cell) == value
    assert not re.search('[,;\t\n]"*[=+@-]', cell)
    line = csv_line([cell])
    assert next(csv.reader([line.decode()], strict=True))[0].replace("\r\n", "\n") == cell or "\n" in value
