"""JSON Lines are read in pieces, and what is no such file or no object says so."""

from __future__ import annotations

import json

import pytest

from emporion.customer_files.rows import customer_reader
from emporion.validation import DEEPEST
from tests.customer_files.files import fault, refusal, rows_of


def test_reading_json_goes_on_at_the_place_after_any_row() -> None:
    content = b"".join(b'{"name": "%d"}\n\n' % n for n in range(5))
    for number, row in enumerate(rows_of(content, "jsonl")):
        rest = customer_reader("jsonl")
        rest.resume(row.after, [], ",")
        assert [one.line for one in rest.read(content[row.after.offset :])] == [
            2 * later + 1 for later in range(number + 1, 5)
        ]


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


def test_a_row_that_is_nested_too_deeply_is_told_so() -> None:
    (row,) = rows_of(f'{{"attributes": {"[" * DEEPEST}{"]" * DEEPEST}}}', "jsonl")
    assert [fault.message for fault in row.faults] == ["is nested too deeply, more than 512 levels"]
