"""`emporion user`."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Command, refused

PASSWORD = "Right-horse-7"


def test_the_list_has_the_users_of_all_resellers_or_of_one(emporion: Command) -> None:
    assert {user["login"] for user in emporion("user", "list", "--json").json} == {
        "provider",
        "sandbox",
        "other",
        "below",
    }
    assert [user["login"] for user in emporion("user", "list", "--reseller", "1000000", "--json").json] == ["sandbox"]
    lines = emporion("user", "list").out.splitlines()
    assert re.fullmatch(r"login +reseller +role +marketplace +last used +disabled", lines[0])
    assert len(lines) == 5


def test_a_reseller_without_users_has_an_empty_list(emporion: Command) -> None:
    added = emporion("user", "list", "--reseller", "1000000", "--json").json
    assert len(added) == 1
    emporion("user", "add", "second", "--reseller", "1000000")
    assert len(emporion("user", "list", "--reseller", "1000000", "--json").json) == 2


def test_one_is_added_with_a_password_that_is_shown_once(emporion: Command) -> None:
    said = emporion("user", "add", "north", "--reseller", "900001").out
    assert said.startswith("The API user north was added. This is shown only once:\n  login     north\n  password  ")
    password = said.split()[-1]
    for shown in (("list",), ("show", "north"), ("list", "--json"), ("show", "north", "--json")):
        told = emporion("user", *shown).out
        assert password not in told
        assert "argon2" not in told


def test_scripts_get_the_new_password(emporion: Command) -> None:
    added = emporion("user", "add", "north", "--reseller", "900001", "--role", "reader", "--json").json
    created, password = added.pop("createdAt"), added.pop("password")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)
    assert len(password) == 27
    assert added == {"login": "north", "resellerId": "900001", "role": "reader", "marketplace": "us"}
    assert emporion("user", "show", "north", "--json").json == {**added, "createdAt": created}


def test_one_is_an_editor_unless_something_else_is_said(emporion: Command) -> None:
    assert emporion("user", "add", "north", "--reseller", "900001", "--json").json["role"] == "editor"


def test_a_password_that_is_given_is_not_shown(emporion: Command) -> None:
    added = emporion(
        "user", "add", "north", "--reseller", "900001", "--password-stdin", stdin=f"{PASSWORD}\r\nmore\n".encode()
    )
    assert added.out == "The API user north was added\n"
    rotated = emporion("user", "rotate", "north", "--password-stdin", "--json", stdin=PASSWORD.encode())
    assert "password" not in rotated.json


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"short\n", "password must have at least 7 characters"),
        (b"", "--password-stdin takes a line from standard input, which has none"),
        (b"\n", "--password-stdin takes a line from standard input, which has none"),
        (b"\xff\xfe-Secret-1\n", "--password-stdin takes text in UTF-8"),
    ],
)
def test_a_password_that_cannot_be_used_is_told(emporion: Command, stdin: bytes, message: str) -> None:
    told = refused(emporion("user", "add", "north", "--reseller", "900001", "--password-stdin", stdin=stdin))
    assert told.startswith(message)
    assert "Secret" not in told


def test_the_passwords_quality_is_that_of_the_platform(emporion: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("user", "rotate", "other", "--password-stdin")
    assert emporion(*arguments, stdin=b"Right-7").status == 0
    assert "at least 12" in refused(emporion(*arguments, "--password-quality", "high", stdin=b"Right-7"))
    monkeypatch.setenv("EMPORION_PASSWORD_QUALITY", "high")
    assert "at least 12" in refused(emporion(*arguments, stdin=b"Right-7"))


def test_one_is_disabled_and_enabled(emporion: Command) -> None:
    disabled = emporion("user", "disable", "OTHER", "--json").json
    assert disabled["login"] == "other"
    assert emporion("user", "disable", "other", "--json").json["disabledAt"] == disabled["disabledAt"]
    assert "disabledAt" not in emporion("user", "enable", "other", "--json").json
    assert emporion("user", "disable", "other").out == "The API user other is disabled\n"
    assert emporion("user", "enable", "other").out == "The API user other is enabled\n"


def test_one_gets_another_role(emporion: Command) -> None:
    assert emporion("user", "change", "other", "--role", "reader", "--json").json["role"] == "reader"
    assert emporion("user", "show", "other", "--json").json["role"] == "reader"
    assert emporion("user", "change", "other", "--role", "owner").out == "The API user other has the role owner\n"


def test_one_gets_another_password(emporion: Command) -> None:
    said = emporion("user", "rotate", "other").out
    assert said.startswith("The API user other has another password. This is shown only once:\n")
    assert len(emporion("user", "rotate", "other", "--json").json["password"]) == 27


@pytest.mark.parametrize("subcommand", ["show", "disable", "enable", "rotate", "change"])
def test_an_unknown_one_is_told_with_those_that_come_near(emporion: Command, subcommand: str) -> None:
    more = ("--role", "reader") if subcommand == "change" else ()
    told = refused(emporion("user", subcommand, "sandbx", *more))
    assert told.startswith("there is no API user sandbx; there are sandbox, ")
    assert told.endswith(": emporion user list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("north",), "Missing option '--reseller'; see emporion user add --help"),
        (("--reseller", "900001"), "Missing argument 'LOGIN'; see emporion user add --help"),
        (("north", "--reseller", "5"), "there is no reseller 5; there are "),
        (
            ("north", "--reseller", "900001", "--role", "king"),
            "Invalid value for '--role': 'king' is not one of 'reader'",
        ),
        (("nor:th", "--reseller", "900001"), "login must begin with a letter or digit"),
        (("north", "--reseller", "900001", "--marketplace", "u s"), "marketplace must be a code of letters"),
        (("Sandbox", "--reseller", "900001"), "the login Sandbox is taken; choose another"),
        (("north", "--reseller", "900001", "--jsn"), "No such option: --jsn (Possible options: --json); see emporion"),
    ],
)
def test_what_cannot_be_added_is_told(emporion: Command, arguments: tuple[str, ...], message: str) -> None:
    assert refused(emporion("user", "add", *arguments)).startswith(message)
