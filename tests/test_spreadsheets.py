"""Customers as rows of a file: columns and their headers, what is no such file, and formulas."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import assume, example, given

from emporion.errors import Fault, Problem
from emporion.spreadsheets import (
    LARGEST_ROW,
    Columns,
    CsvRow,
    Format,
    JsonRow,
    Place,
    Shape,
    cells_of,
    harmless,
    header_line,
    line_of,
    meant,
    path_of,
    reader,
    rejected_header,
    rejected_row,
)
from emporion.validation import DEEPEST

CONTRACT = "externalId,name,address.city,contactPersons[0].email,attribute:Tier"


def rows_of(content: bytes | str, format: Format = "csv", piece: int = 7) -> list[CsvRow | JsonRow]:  # noqa: A002
    """The rows of a file that comes in pieces of so many bytes."""
    data = content.encode() if isinstance(content, str) else content
    rows = reader(format)
    found: list[CsvRow | JsonRow] = []
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


# Columns


def test_the_contracts_names_are_columns() -> None:
    (row,) = rows_of(f"{CONTRACT}\n007,Acme,Berlin,a@example.com,gold\n")
    assert row.new() == {
        "externalId": "007",
        "name": "Acme",
        "address": {"city": "Berlin"},
        "contactPersons": [{"type": "admin", "email": "a@example.com"}],
        "attributes": {"Tier": "gold"},
    }


def test_the_names_of_other_platforms_are_columns() -> None:
    header = (
        "login,externalid,contactemail,sendinvitation,givenname,familyname,telvoice,countrycode,postalcode,regioncode,"
        "city,streetaddress,accounttype,taxregistrationid,locale,companyname,attribute:Tier"
    )
    (row,) = rows_of(
        f"{header}\n"
        "anna1,1,a@example.com,true,Anna,Weiß,+49891,us,92612,CA,Irvine,Main 1,business,DE1,de_DE,Acme,gold\n"
    )
    assert row.faults == []
    assert row.new() == {
        "externalId": "1",
        "name": "Acme",
        "taxRegId": "DE1",
        "language": "de_DE",
        "address": {
            "countryCode": "US", "postalCode": "92612", "state": "CA", "city": "Irvine", "streetAddress": "Main 1",
        },
        "contactPersons": [
            {"type": "admin", "login": "anna1", "email": "a@example.com", "firstName": "Anna", "lastName": "Weiß",
             "phoneNumber": "+49891"}
        ],
        "attributes": {"Tier": "gold"},
    }  # fmt: skip


def test_a_person_without_a_company_is_called_by_his_name() -> None:
    with_company, without = rows_of("companyname,givenname,familyname\nAcme,Anna,Weiß\n,Anna,Weiß\n")
    assert with_company.new()["name"] == "Acme"
    assert without.new()["name"] == "Anna Weiß"
    (contract,) = rows_of("name,contactPersons[0].firstName\n,Anna\n")
    assert "name" not in contract.new()


@pytest.mark.parametrize("header", ["EXTERNALID", " externalId ", '"externalId"', "\ufeffexternalId"])
def test_headers_are_known_in_any_case_and_with_blanks(header: str) -> None:
    (row,) = rows_of(f"{header},name\n007,Acme\n")
    assert row.external_id == "007"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_and_the_line_ends_are_found(delimiter: str, end: str) -> None:
    (row,) = rows_of(end.join([delimiter.join(["externalId", "name"]), delimiter.join(["007", '"A, B; C\tD"'])]))
    assert row.new()["name"] == "A, B; C\tD"
    assert row.external_id == "007"


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
    assert (row.external_id, row.new()["name"], row.line) == ("007", "Acme", 3 + first.count("\n"))
    assert refusal(f"{first}\n") == "The file is empty."


def test_a_header_that_is_called_sep_is_one() -> None:
    assert "sep is no column that is known" in refusal("sep,name\n1,2\n")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("externalId,nmae", "nmae is no column that is known, did you mean name?"),
        ("name,adress.city", "adress.city is no column that is known, did you mean address.city?"),
        ("name,xyzxyz", "xyzxyz is no column that is known"),
        ("name,name", "name is given twice"),
        ("name,Name", "Name is given twice"),
        ("city,address.city", "address.city is given twice, also as city"),
        ("name,,city", "column 2 has no header"),
        ("contactPersons[20].email,name", "contactPersons[20].email is no column that is known"),
    ],
)
def test_a_header_that_cannot_be_used_is_told(header: str, message: str) -> None:
    assert message in refusal(f"{header}\n1,2,3\n")


@pytest.mark.parametrize(
    "header",
    [
        "attribute:",
        "Attributes. ",
        '"attribute:="""""',
        '"ATTRIBUTES.= """" "',
        '"attribute:=""  """',
        '"=""attribute:"""',
        "attribute:\u00a0",
    ],
)
def test_an_attribute_without_a_name_is_told(header: str) -> None:
    told = refusal(f"name,{header}\nAcme,gold\n")
    assert "is no column that is known, it is an attribute without a name: call it attribute:NAME" in told


def test_attributes_keep_the_case_of_their_names() -> None:
    (row,) = rows_of("name,attribute:Tier,attributes.tier,ATTRIBUTE:a.b\nAcme,1,2,3\n")
    assert row.new()["attributes"] == {"Tier": "1", "tier": "2", "a.b": "3"}


def test_contact_persons_are_those_that_have_something() -> None:
    header = "name,contactPersons[0].email,contactPersons[1].type,contactPersons[1].email,contactPersons[2].email"
    first, second = rows_of(f"{header}\nAcme,a@x.test,,,c@x.test\nAcme,,billing,b@x.test,\n")
    assert first.new()["contactPersons"] == [{"type": "admin", "email": "a@x.test"}, {"email": "c@x.test"}]
    assert second.new()["contactPersons"] == [{"type": "billing", "email": "b@x.test"}]
    assert first.named("contactPersons[1].email") == "contactPersons[2].email"


def test_faults_are_named_as_the_file_names_the_column() -> None:
    (row,) = rows_of("Contactemail,companyname\nx,y\n")
    assert row.named("contactPersons[0].email") == "Contactemail"
    assert row.named("address.city") == "address.city"


def test_an_account_type_is_that_of_a_customer() -> None:
    assert fault("accounttype,name\nreseller,Acme\n")[1].startswith("must be of a customer: a reseller is added with")
    assert fault("accounttype,name\nfriend,Acme\n")[1].startswith("must be empty or one of customer")
    assert [row.faults for row in rows_of("accounttype,name\nBusiness,Acme\n,Acme\n")] == [[], []]


def test_the_sender_is_told_what_is_not_done() -> None:
    assert Columns(["name"]).notes == []
    assert "nothing is sent" in Columns(["sendinvitation"]).notes[0]
    assert "not taken over" in Columns(["id"]).notes[0]


def test_a_column_of_errors_is_ignored() -> None:
    (row,) = rows_of("name,error\nAcme,city is required\n")
    assert row.new()["name"] == "Acme"


# Changes


BEFORE = {
    "id": "1",
    "name": "Acme",
    "contactPersons": [
        {"type": "admin", "email": "a@x.test", "firstName": "A"},
        {"type": "billing", "email": "b@x.test", "firstName": "B"},
    ],
}


def test_an_empty_cell_leaves_a_member_as_it_is() -> None:
    header = "name,address.city,address.state,contactPersons[1].email,contactPersons[1].firstName"
    first, second = rows_of(f"{header}\n,Berlin,,,\nNew,,,c@x.test,\n")
    assert first.patch(BEFORE) == {"address": {"city": "Berlin"}}
    assert second.patch(BEFORE) == {
        "name": "New",
        "contactPersons": [
            BEFORE["contactPersons"][0],
            {"type": "billing", "email": "c@x.test", "firstName": "B"},
        ],
    }


def test_what_is_as_it_was_asks_for_no_change_of_contact_persons() -> None:
    (row,) = rows_of("contactPersons[0].email,contactPersons[1].firstName\na@x.test,B\n")
    assert row.patch(BEFORE) == {}


def test_null_clears_in_json_lines() -> None:
    (row,) = rows_of('{"id": "1", "externalId": "x", "taxRegId": null, "error": "y"}', "jsonl")
    assert row.patch(BEFORE) == {"externalId": "x", "taxRegId": None}


# Rows


def test_lines_are_those_of_the_file() -> None:
    rows = rows_of('name,address.city\n\nA,"1\n2\n3"\n,\n\nB,"4\n5"\nC,6')
    assert [(row.line, row.new()["name"], row.after.rows) for row in rows] == [(3, "A", 1), (8, "B", 2), (10, "C", 3)]
    assert rows[0].new()["address"]["city"] == "1\n2\n3"


@pytest.mark.parametrize("piece", [1, 3, 50, 1000])
def test_reading_goes_on_at_the_place_after_any_row(piece: int) -> None:
    content = ("name,address.city\n" + "".join(f'"Kundé\n{n}","""x"", {n}"\n\n' for n in range(20))).encode()
    rows = rows_of(content, piece=piece)
    assert len(rows) == 20
    columns = Columns(["name", "address.city"])
    for number, row in enumerate(rows):
        rest = reader("csv")
        rest.go_on(row.after, columns)
        later = [*rest.read(content[row.after.position :]), *rest.read(b"", last=True)]
        assert [(one.line, one.new(), one.after) for one in later] == [
            (one.line, one.new(), one.after) for one in rows[number + 1 :]
        ]


def test_reading_json_goes_on_at_the_place_after_any_row() -> None:
    content = b"".join(b'{"name": "%d"}\n\n' % n for n in range(5))
    for number, row in enumerate(rows_of(content, "jsonl")):
        rest = reader("jsonl")
        rest.go_on(row.after, None)
        assert [one.line for one in rest.read(content[row.after.position :])] == [
            2 * later + 1 for later in range(number + 1, 5)
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


NO_JSON = "is no JSON: each line must have one whole object and nothing else"
NO_OBJECT = "must be a JSON object: put one object in each line, as jq -c does, without brackets around them"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", NO_OBJECT),
        ("1", NO_OBJECT),
        ('{"a": ', NO_JSON),
        ('{"name": "A"},', NO_JSON),
        ('{"name": "\ud800"}'.encode("unicode_escape").decode(), NO_JSON),
        ("[" * 100_000, "is nested too deeply, more than 512 levels"),
        ('{"x": ' * 600 + "1" + "}" * 600, "is nested too deeply, more than 512 levels"),
        ('{"nmae": "x"}', "is no member that is known, did you mean name?"),
        ('{"address": {"town": "x"}}', "is no member that is known, did you mean city?"),
        ('{"address": {"email": "x"}}', "is no member that is known"),
        ('{"state": "CA"}', "is no member that is known, did you mean address.state?"),
        ('{"first_name": "x"}', "is no member that is known, did you mean contactPersons[0].firstName?"),
        ('{"contacts": []}', "is no member that is known, did you mean contactPersons?"),
        ('{"contactPersons": [{}, {"Nom": "x"}]}', "is no member that is known, did you mean lastName?"),
        ('{"contactPersons": [{"mail": "x"}]}', "is no member that is known, did you mean email?"),
    ],
)
def test_a_line_that_is_no_customer_is_faulty(line: str, message: str) -> None:
    assert fault(f'{{"name": "A"}}\n{line}\n{{"name": "B"}}\n', "jsonl") == (2, message)


def test_no_value_becomes_a_number() -> None:
    cells = ["007", "1e5", "00012345678901234567890", "12,5", "2024-01-01", "1/2"]
    rows = rows_of(b"externalId\n" + b"".join(line_of([cell]) for cell in cells))
    assert [row.external_id for row in rows] == cells


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
    assert (read.external_id, new["address"], new["contactPersons"][0]["phoneNumber"]) == MEANT


def test_headers_have_blanks_around_them_or_are_texts_to_excel() -> None:
    (row,) = rows_of('="externalId" , "name" , ="city"\n1,Acme,Bonn\n')
    assert (row.external_id, row.new()["name"]) == ("1", "Acme")


@pytest.mark.parametrize("cell", ['="a"&"b"', '="a', "=A1", '=T("a")', '="a"b"'])
def test_any_other_formula_stays_as_it_is(cell: str) -> None:
    assert meant(cell) == cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [('=""', ""), ('="say ""hi"""', 'say "hi"'), ('=" x "', " x "), ("' =1", " =1"), ('\'="x"', '="x"')],
)
def test_what_is_in_a_text_formula_or_behind_an_apostrophe_is_taken_to_the_letter(cell: str, value: str) -> None:
    assert meant(cell) == value


@pytest.mark.parametrize("last", ["  ", " , ", "\t", " \n\n  ", ' , "" ', "\u00a0,"])
def test_a_row_of_blanks_is_passed_over(last: str) -> None:
    assert [row.new()["name"] for row in rows_of(f"name,city\nAcme,Bonn\n{last}\n")] == ["Acme"]
    assert rows_of(f"name,city\nAcme,Bonn{'' if last.strip() else ','}{last}\n")[0].faults == []


def test_blanks_around_a_password_are_not_taken_away_unasked() -> None:
    header = "name,contactPersons[0].password"
    assert fault(f"{header}\nA,Secret-1 \n")[1].startswith("has blanks around it: take them away; if they belong")
    (row,) = rows_of(f'{header}\nA,"="" Secret-1 """\n')
    assert row.faults == []
    assert row.new()["contactPersons"][0]["password"] == " Secret-1 "


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


# Files of which nothing can be taken


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


SEVERAL = "The file has JSON over several lines; put one object in each line, as jq -c does."
ARRAY = (
    "The file is a JSON array; put one object in each line, as jq -c does, without brackets around them and commas "
    "between them."
)
TWO = [{"name": "A", "address": {"city": "Bonn"}}, {"name": "B"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(TWO[0], indent=2), SEVERAL),
        (json.dumps(TWO, indent=2), SEVERAL),
        ("\ufeff\n[ {\n", SEVERAL),
        (json.dumps(TWO).replace("}, ", "},\n"), ARRAY),
    ],
)
def test_json_over_several_lines_says_one_object_in_each(content: str, message: str) -> None:
    assert refusal(content, "jsonl") == refusal(content, "jsonl", piece=1) == message


def test_a_json_array_in_one_line_says_one_object_in_each() -> None:
    assert fault(json.dumps(TWO), "jsonl") == (1, NO_OBJECT)


@pytest.mark.parametrize("content", [json.dumps(TWO), json.dumps(TWO, indent=1), json.dumps(TWO[0]), "\ufeff {}"])
def test_json_that_is_sent_as_csv_says_so(content: str) -> None:
    assert refusal(content).startswith("The file is JSON and no CSV; put one object in each line")


def test_an_empty_file_of_json_says_so() -> None:
    assert refusal(b"", "jsonl") == refusal(b"\n \n", "jsonl") == "The file is empty."


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


# Formulas


@pytest.mark.parametrize(
    "value", ["=1+1", "+49891234567", "-1", "@x", "\tx", "\rx", "\nx", " =1", "'=1", "''", "", "＝1"]
)
def test_a_value_that_could_be_a_formula_is_made_harmless_and_comes_back(value: str) -> None:
    assert harmless(value)[0] == "'"
    assert meant(harmless(value)) == value


@given(st.text())
def test_every_value_comes_back(value: str) -> None:
    assert meant(harmless(value)) == value


@given(st.text() | st.text(alphabet="='\" ;a\n"))
def test_a_cell_that_goes_out_again_has_the_same_value(cell: str) -> None:
    (line,) = csv.reader(io.StringIO(line_of([cell]).decode(), newline=""))
    assert meant(line[0] if line else "") == meant(cell)


@pytest.mark.parametrize("value", [" x", "x ", " ", "\u00a0x", "x\t", "' ", "'s-Hertogenbosch ", ' "x"', " x;=1"])
def test_a_value_with_blanks_around_it_comes_back(value: str) -> None:
    assert meant(harmless(value)) == value
    (row,) = rows_of(b"name,city\n" + line_of([harmless(value), "Bonn"]))
    assert row.new()["name"] == value


@pytest.mark.parametrize("cell", ['\n"+', '\r"=1', " '+1", '="+"'])
def test_what_goes_out_again_has_the_value_that_came(cell: str) -> None:
    (line,) = csv.reader(io.StringIO(line_of([cell]).decode(), newline=""))
    assert meant(line[0]) == meant(cell)


def test_a_text_stays_one_in_the_rejected_rows() -> None:
    sent = 'externalId,name\n"=""007"""," Acme "\n" =1 ",B\n'
    again = rejected(sent).decode()
    assert '"=""007"""' in again
    assert [row.new() for row in rows_of(again)] == [row.new() for row in rows_of(sent)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_every_line_comes_back(values: list[str]) -> None:
    line = line_of(map(harmless, values)).decode()
    assert [list(map(meant, cells)) for cells in csv.reader(line.splitlines(keepends=True) or [line])] != []
    (row,) = rows_of(b"name\n" + line_of([harmless("".join(values))]), piece=5)
    assert row.new()["name"] == "".join(values)


def test_a_harmless_cell_of_a_file_is_the_value_again() -> None:
    (row,) = rows_of("contactPersons[0].phoneNumber,attribute:empty,name\n'+49891,','s-Hertogenbosch\n")
    assert row.new()["contactPersons"][0]["phoneNumber"] == "+49891"
    assert row.new()["attributes"] == {"empty": ""}
    assert row.new()["name"] == "'s-Hertogenbosch"


# What goes out


def rejected(content: str, format: Format = "csv") -> bytes:  # noqa: A002
    """All rows of a file, as if they were refused."""
    rows = rows_of(content, format)
    first = rows[0]
    columns = first._columns if isinstance(first, CsvRow) else Columns([])
    head = rejected_header(format, columns.headers, columns.delimiter)
    return head + b"".join(
        rejected_row(format, columns.headers, columns.delimiter, row.kept, [Fault("name", "is wrong")]) for row in rows
    )


def test_rejected_rows_have_the_columns_as_sent_and_one_that_says_why() -> None:
    sent = "Name;ERROR;contactemail\n=1;old;'+a@x.test\nB\n"
    assert rejected(sent) == (b"Name;contactemail;error\r\n'=1;'+a@x.test;name is wrong\r\nB;;name is wrong\r\n")
    assert rejected(rejected(sent).decode()) == rejected(sent)


def test_rejected_lines_say_why_and_what_is_no_json_stays_as_it_was() -> None:
    sent = '{"name": "A", "error": "old"}\n[1]\n'
    assert rejected(sent, "jsonl") == (b'{"name":"A","error":"name is wrong"}\n{"row":"[1]","error":"name is wrong"}\n')


def test_passwords_are_not_kept() -> None:
    (row,) = rows_of("name,contactPersons[0].password\nA,Secret-1\n")
    assert row.passwords == ["contactPersons[0].password"]
    assert b"Secret" not in row.kept
    person = {"email": "a@x.test", "password": "Secret-1"}
    (row,) = rows_of(msgspec.json.encode({"contactPersons": [person]}), "jsonl")
    assert row.passwords == ["contactPersons[0].password"]
    assert b"Secret" not in row.kept


@pytest.mark.parametrize("row", ["Acme, Inc,Secret-1", '"Ac"me,Secret-1', '"Ac"me",Secret-1"', "A\0,Secret-1"])
def test_a_password_that_has_gone_astray_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(f"name,contactPersons[0].password\n{row}\n")
    assert read.faults
    assert b"Secret" not in read.kept
    assert "Secret" not in str(read.faults)


@pytest.mark.parametrize(
    "row", ['[{"password": "Secret-1"}]', '{"password" : "Secret\\"-1", ', '{"password":"Secret-1']
)
def test_a_password_in_what_is_no_json_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(row, "jsonl")
    assert read.faults
    assert b"Secret" not in read.kept


@pytest.mark.parametrize(
    "row",
    [
        '{"Password": "Secret-1"}',
        '{"contactPersons": {"password": "Secret-1"}}',
        '{"contactPersons": [[{"password": "Secret-1"}]]}',
        '{"contactPersons[0].password": "Secret-1"}',
        '{"attributes": {"password": "Secret-1"}}',
        "{'password': 'Secret-1'}",
        '{"pass\\u0077ord": "Secret-1"',
        '{"password": ["Secret-1"',
    ],
)
def test_a_password_in_an_odd_place_is_not_kept_either(row: str) -> None:
    (read,) = rows_of(row, "jsonl")
    assert b"Secret" not in read.kept


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_a_row_is_kept_without_its_passwords_however_deep_it_is_nested(opening: str) -> None:
    closing, levels = {"{": "}", "[": "]"}[opening[0]], DEEPEST - 2
    inner = '{"password": "Secret-1", "b": 1}'
    (row,) = rows_of(f'{{"attributes": {opening * levels}{inner}{closing * levels}}}', "jsonl")
    assert not row.faults
    assert row.kept == f'{{"attributes":{opening * levels}{{"b":1}}{closing * levels}}}'.encode()


def test_a_row_that_is_nested_too_deeply_is_told_so() -> None:
    (row,) = rows_of(f'{{"attributes": {"[" * DEEPEST}{"]" * DEEPEST}}}', "jsonl")
    assert [fault.message for fault in row.faults] == ["is nested too deeply, more than 512 levels"]


@pytest.mark.parametrize(
    "value", ["x;=cmd()", "x\t@a", "a\n-1", 'x;"=1', "x;'=1", "x;''=1", ",+1;=2", "'x;=1", "=1;=2"]
)
def test_a_formula_within_a_value_is_harmless_and_comes_back(value: str) -> None:
    cell = harmless(value)
    assert meant(cell) == value
    assert not re.search('[,;\t\n]"*[=+@-]', cell)
    line = line_of([cell])
    assert next(csv.reader([line.decode()], strict=True))[0].replace("\r\n", "\n") == cell or "\n" in value


def test_a_file_of_blank_lines_or_of_very_many_columns_is_refused_at_once() -> None:
    assert "empty lines" in refusal(b"\n" * (1 << 20))
    assert "columns" in refusal(",".join(f"attribute:{number}" for number in range(501)) + "\nx\n")


CUSTOMER = {
    "id": "1",
    "externalId": "007",
    "name": "=Acme",
    "status": "active",
    "address": {"city": "Köln\n2"},
    "contactPersons": [{"type": "admin", "email": "a@x.test"}, {"type": "billing", "email": "b@x.test"}],
    "attributes": {"b": "", "a": "'x"},
    "language": "de",
    "resellerId": "2",
}


def exported(customers: Sequence[dict[str, Any]]) -> bytes:
    shape = Shape()
    for customer in customers:
        shape.add(customer)
    headers = shape.headers()
    return header_line(headers) + b"".join(line_of(cells_of(customer, headers)) for customer in customers)


def test_an_export_has_a_column_for_whatever_a_customer_has() -> None:
    head = exported([CUSTOMER, {"id": "2", "contactPersons": [], "attributes": {"c": "1"}}]).splitlines()[0].decode()
    assert head.split(",")[:4] == ["id", "externalId", "name", "taxRegId"]
    assert "contactPersons[1].email" in head
    assert "contactPersons[2]" not in head
    assert head.endswith("attribute:a,attribute:b,attribute:c")
    assert "login" not in head
    assert all(path_of(name) for name in head.split(","))


def test_an_import_takes_back_what_an_export_has_written() -> None:
    (row,) = rows_of(exported([CUSTOMER]))
    assert row.new() == {name: value for name, value in CUSTOMER.items() if name not in ("id", "resellerId")}
    assert row.exported == ("1", "2")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(alphabet="='\" ;a\n\r"))
@example(" x ")
@example("a;'=1")
@example('="x"')
@example("a\nb")
@example("a\rb")
def test_an_attribute_comes_back_whatever_its_name(name: str) -> None:
    assume(name.strip())
    content = exported([{"id": "1", "name": "Acme", "contactPersons": [], "attributes": {name: "1"}}])
    for sent in (content, rejected(content.decode())):
        (row,) = rows_of(sent)
        assert row.new()["attributes"] == {name: "1"}


def test_blanks_around_the_name_of_an_attribute_are_meant_within_a_text_only() -> None:
    (row,) = rows_of('name,attribute: Tier ,"attribute:="" Tier """\nAcme,1,2\n')
    assert row.new()["attributes"] == {"Tier": "1", " Tier ": "2"}


def test_a_place_begins_at_the_beginning() -> None:
    assert Place() == Place(0, 0, 0)
