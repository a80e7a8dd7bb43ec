"""How lists and single things are shown."""

from __future__ import annotations

import sys

import pytest

from emporion.cli.output import minute_of, plain, show_json, show_table, show_thing, time_of


def test_what_is_not_there_is_left_out_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_json([{"id": "1", "name": None}, {"id": "2", "name": "München"}])
    assert capsys.readouterr().out == (
        '[\n  {\n    "id": "1"\n  },\n  {\n    "id": "2",\n    "name": "München"\n  }\n]\n'
    )


def test_a_table_breaks_no_line_where_it_is_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name", "id"), [("x" * 300, 1), (None, 2)], none="nothing")
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading == f"name{' ' * 298}id"
    assert first == f"{'x' * 300}  1"
    assert second.strip() == "2"


def test_a_table_takes_no_name_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name",), [("[bold]red[/bold]",), (":smile:",)], none="nothing")
    assert capsys.readouterr().out.splitlines()[1:] == ["[bold]red[/bold]", ":smile:"]


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name",), [], none="no names")
    assert capsys.readouterr().out == "no names\n"


def test_a_thing_is_shown_with_all_that_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_thing({"id": "1", "gone": None, "address": {"postalCode": "1"}, "persons": [{"firstName": "A"}], "on": False})
    assert capsys.readouterr().out.splitlines() == [
        "id                    1",
        "address postal code   1",
        "persons 1 first name  A",
        "on                    no",
    ]


def test_attributes_keep_the_names_that_clients_gave_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_thing({"attributes": {"costCenter": "7", "\x1b[1m": "x"}})
    assert capsys.readouterr().out == "attributes costCenter  7\nattributes \N{REPLACEMENT CHARACTER}[1m        x\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("two\nlines", "two lines"), ("\x1b[31mred", "�[31mred"), ("\x9b31m", "�31m"), ("a\u202eb", "a�b"), (None, ""),
     (True, "yes"), (7, "7"), ("Łódź 東京", "Łódź 東京")],
)  # fmt: skip
def test_a_value_is_one_line_without_what_would_harm_a_terminal(value: object, shown: str) -> None:
    assert plain(value) == shown


def test_times_are_utc() -> None:
    assert time_of(1_795_443_176_042) == "2026-11-23T14:12:56.042Z"
    assert minute_of(1_795_443_176_042) == "2026-11-23 14:12Z"
    assert time_of(0) is time_of(None) is minute_of(None) is None


def test_a_table_on_a_screen_is_no_wider_and_breaks_no_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show_table(("id", "name", "more"), [("fa1403da0b47", "long name " * 5, "words " * 9)], none="nothing")
    lines = capsys.readouterr().out.splitlines()
    assert any("fa1403da0b47" in line for line in lines)
    assert max(map(len, lines[1:])) <= 40
