"""`emporion client`."""

from __future__ import annotations

import re

import pytest

from emporion.marketplace.platforms import SANDBOX_SECRET
from tests.cli.conftest import Command, refused

SANDBOX_CLIENT = "sandbox/sandbox-client"
ADD = ("client", "add", "north/shop", "--reseller", "900001")


def test_the_list_has_the_clients_of_all_resellers_or_of_one(emporion: Command) -> None:
    (client,) = emporion("client", "list", "--json").json
    assert client.pop("createdAt").endswith("Z")
    assert client == {
        "realm": "sandbox",
        "id": "sandbox-client",
        "resellerId": "1000000",
        "role": "owner",
        "name": "The sandbox's",
    }
    assert emporion("client", "list", "--reseller", "900001", "--json").json == []
    assert emporion("client", "list", "--reseller", "900001").out == "no OAuth clients\n"
    heading, line = emporion("client", "list").out.splitlines()
    assert re.fullmatch(r"client +reseller +role +name +last used +disabled", heading)
    assert line.split("  ")[0] == SANDBOX_CLIENT


def test_one_is_added_with_a_secret_that_is_shown_once(emporion: Command) -> None:
    said = emporion(*ADD, "--name", "Web shop").out
    found = re.fullmatch(
        "The OAuth client north/shop was added. This is shown only once:\n"
        r"  realm   north\n  id      shop\n  secret  ([\w-]{43})\n",
        said,
    )
    assert found
    for shown in (("list",), ("show", "north/shop"), ("list", "--json"), ("show", "north/shop", "--json")):
        assert found[1] not in emporion("client", *shown).out


def test_scripts_get_the_new_secret(emporion: Command) -> None:
    added = emporion(*ADD, "--role", "reader", "--name", "Web shop", "--json").json
    assert len(added.pop("secret")) == 43
    assert emporion("client", "show", "north/shop", "--json").json == added
    assert added.pop("createdAt").endswith("Z")
    assert added == {"realm": "north", "id": "shop", "resellerId": "900001", "role": "reader", "name": "Web shop"}


def test_one_is_an_editor_unless_something_else_is_said(emporion: Command) -> None:
    assert emporion(*ADD, "--json").json["role"] == "editor"


def test_one_is_disabled_and_enabled(emporion: Command) -> None:
    disabled = emporion("client", "disable", SANDBOX_CLIENT, "--json").json
    assert emporion("client", "disable", SANDBOX_CLIENT, "--json").json["disabledAt"] == disabled["disabledAt"]
    assert "disabledAt" not in emporion("client", "enable", SANDBOX_CLIENT, "--json").json
    assert emporion("client", "disable", SANDBOX_CLIENT).out == f"The OAuth client {SANDBOX_CLIENT} is disabled\n"
    assert emporion("client", "enable", SANDBOX_CLIENT).out == f"The OAuth client {SANDBOX_CLIENT} is enabled\n"


def test_one_gets_another_secret(emporion: Command) -> None:
    rotated = emporion("client", "rotate", SANDBOX_CLIENT, "--json").json
    assert rotated["secret"] != SANDBOX_SECRET
    assert "has another secret. This is shown only once:" in emporion("client", "rotate", SANDBOX_CLIENT).out


@pytest.mark.parametrize("subcommand", ["show", "disable", "enable", "rotate"])
def test_an_unknown_one_is_told_with_those_that_there_are(emporion: Command, subcommand: str) -> None:
    told = refused(emporion("client", subcommand, "sandbox/other"))
    assert told == f"there is no OAuth client sandbox/other; there is {SANDBOX_CLIENT}: emporion client list"


@pytest.mark.parametrize("name", ["shop", "north/", "/shop", ""])
def test_one_is_called_by_realm_and_id(emporion: Command, name: str) -> None:
    for command in (("show",), ("add", "--reseller", "900001")):
        told = refused(emporion("client", *command, name))
        assert told == f"a client is called by its realm and id, such as {SANDBOX_CLIENT}, not {name}".rstrip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nor th/shop", "--reseller", "900001"), "realm must begin with a letter or digit"),
        (("north/a/b", "--reseller", "900001"), "id must begin with a letter or digit"),
        (("north/shop", "--reseller", "5"), "there is no reseller 5; there are "),
        (("north/shop", "--reseller", "900001", "--name", "\x07"), "name must not contain control characters"),
        ((SANDBOX_CLIENT, "--reseller", "900001"), f"there is a client {SANDBOX_CLIENT} already; choose another id"),
        (("north/shop",), "Missing option '--reseller'; see emporion client add --help"),
    ],
)
def test_what_cannot_be_added_is_told(emporion: Command, arguments: tuple[str, ...], message: str) -> None:
    assert refused(emporion("client", "add", *arguments)).startswith(message)
