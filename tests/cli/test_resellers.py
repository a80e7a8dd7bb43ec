"""`emporion reseller`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emporion.cli.resellers import as_tree
from tests.cli.conftest import Command, refused
from tests.conftest import new_customer
from tests.server import run

WHOLE = {
    "--currency": "EUR",
    "--street": "Weg 1",
    "--postal-code": "10115",
    "--city": "Berlin",
    "--country": "DE",
    "--first-name": "Nora",
    "--last-name": "Nord",
    "--email": "nora@north.test",
    "--phone": "+49301234567",
}


def options(**changed: str | None) -> list[str]:
    """The options of a reseller that can be added, with others in their place; None leaves one out."""
    given = {**WHOLE, **{"--" + name.replace("_", "-"): value for name, value in changed.items()}}
    return [part for name, value in given.items() if value is not None for part in (name, value)]


def body(**members: Any) -> bytes:
    """What POST /resellers takes."""
    return json.dumps(new_customer(**{"currency": "EUR", **members})).encode()


def test_the_list_shows_each_reseller_below_its_parent(emporion: Command) -> None:
    assert emporion("reseller", "list").out.splitlines() == [
        "id       name                status  currency  external id",
        "999999   Provider            active",
        "900001     Other             active  USD",
        "1000000    Sandbox Reseller  active  USD",
        "900002       Below           active  USD",
    ]


def test_the_list_can_begin_anywhere(emporion: Command) -> None:
    below = emporion("reseller", "list", "--below", "1000000", "--json").json
    assert [reseller["id"] for reseller in below] == ["1000000", "900002"]
    assert refused(emporion("reseller", "list", "--below", "5")).startswith("there is no reseller 5; there are ")


def test_scripts_get_what_the_api_gives(emporion: Command) -> None:
    shown = emporion("reseller", "show", "900002", "--json").json
    assert shown == {
        "id": "900002",
        "name": "Below",
        "status": "active",
        "language": "en",
        "currency": "USD",
        "resellerId": "1000000",
    }
    assert shown in emporion("reseller", "list", "--json").json


def test_people_get_a_line_for_each_member(emporion: Command) -> None:
    lines = emporion("reseller", "show", "1000000").out.splitlines()
    assert "address postal code             94105" in lines
    assert "contact persons 1 phone number  +14155550100" in lines


def test_one_is_added_by_options(emporion: Command) -> None:
    added = emporion("reseller", "add", "North", *options(parent="1000000", external_id="n1"), "--json").json
    assert added == {
        "id": "1000003",
        "externalId": "n1",
        "name": "North",
        "status": "active",
        "address": {"streetAddress": "Weg 1", "postalCode": "10115", "city": "Berlin", "countryCode": "DE"},
        "contactPersons": [
            {
                "type": "admin",
                "firstName": "Nora",
                "lastName": "Nord",
                "email": "nora@north.test",
                "phoneNumber": "+49301234567",
            }
        ],
        "language": "en",
        "currency": "EUR",
        "resellerId": "1000000",
    }
    assert emporion("reseller", "show", "1000003", "--json").json == added


def test_one_is_added_below_the_provider_if_no_other_is_named(emporion: Command) -> None:
    said = emporion("reseller", "add", "North", *options()).out
    assert said == "North (1000003) was added below 999999: it is active\n"


def test_one_is_added_from_a_file_above_which_options_stand(emporion: Command, tmp_path: Path) -> None:
    file = tmp_path / "north.json"
    file.write_bytes(body(name="North", taxRegId="DE1", attributes={"tier": "gold"}, status="pending", language=None))
    added = emporion("reseller", "add", "Nord", "--from", str(file), "--city", "Bonn", "--json").json
    assert (added["name"], added["status"], added["taxRegId"]) == ("Nord", "pending", "DE1")
    assert added["address"]["city"] == "Bonn"
    assert added["address"]["postalCode"] == new_customer()["address"]["postalCode"]
    assert "attributes tier" in emporion("reseller", "show", added["id"]).out


def test_one_is_added_from_standard_input(emporion: Command) -> None:
    added = emporion("reseller", "add", "--from", "-", "--json", stdin=body(name="North"))
    assert added.json["status"] == "active"


def test_whatever_is_lacking_is_told_at_once_by_its_option(emporion: Command) -> None:
    told = refused(emporion("reseller", "add"))
    for option in ("NAME", *WHOLE):
        assert f"{option} is required" in told
    told = refused(emporion("reseller", "add", "North", *options(country="de", currency="euro")))
    assert (
        "--country must be an ISO 3166-1 alpha-2 country code in upper case, such as US or DE, did you mean DE?" in told
    )
    assert "--currency must be an ISO 4217 currency code" in told


def test_what_is_wrong_with_a_file_is_told_by_its_members(emporion: Command, tmp_path: Path) -> None:
    told = refused(emporion("reseller", "add", "--from", "-", stdin=b'{"name": "North", "adress": {}}'))
    assert "address is required: adress is ignored, did you mean address?" in told
    for content in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        assert "--from must be a JSON object" in refused(emporion("reseller", "add", "--from", "-", stdin=content))
    missing = refused(emporion("reseller", "add", "--from", str(tmp_path / "nothing.json")))
    assert missing.endswith("nothing.json cannot be read: No such file or directory")


def test_an_external_id_that_is_taken_names_who_has_it(emporion: Command) -> None:
    emporion("reseller", "add", "North", *options(external_id="n1"))
    told = refused(emporion("reseller", "add", "Nord", *options(external_id="n1")))
    assert told == "--external-id is taken: reseller 1000003 has it"


def test_one_is_held_and_released(emporion: Command) -> None:
    assert emporion("reseller", "disable", "1000000", "--json").json["status"] == "adminHold"
    assert emporion("reseller", "disable", "1000000").status == 0
    said = emporion("reseller", "enable", "1000000").out
    assert said == "Sandbox Reseller (1000000) is active\n"


def test_one_that_is_cancelled_is_over_for_good(emporion: Command) -> None:
    assert emporion("reseller", "disable", "900001", "--cancel", "--json").json["status"] == "cancelled"
    assert refused(emporion("reseller", "enable", "900001")).endswith("it is over for good")


def test_the_provider_is_not_held(emporion: Command) -> None:
    assert "set by the account above it" in refused(emporion("reseller", "disable", "999999"))


@pytest.mark.parametrize("reseller_id", ["5", "north", "1000001", "", "9" * 40])
@pytest.mark.parametrize("subcommand", ["show", "disable", "enable"])
def test_an_unknown_one_is_told_with_those_that_there_are(emporion: Command, subcommand: str, reseller_id: str) -> None:
    told = refused(emporion("reseller", subcommand, reseller_id))
    assert told.startswith(f"there is no reseller {reseller_id}; there are ")
    for known in ("900001", "900002", "999999", "1000000"):
        assert known in told


def test_without_a_platform_it_says_how_to_make_one(tmp_path: Path) -> None:
    ended = run("reseller", "list", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == (
        "emporion: there is no platform in emporion.db; make one with: emporion init --database sqlite:///emporion.db\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_the_operator_does_is_in_the_log_with_their_name(emporion: Command, serve: Any, callers: Any) -> None:
    emporion("reseller", "disable", "1000000")
    events = serve().get("/events?type=reseller.updated", headers=callers["provider"].headers).json()["data"]
    assert events[-1]["source"] == "command line"
    assert events[-1]["actorId"] == "999999"
    assert events[-1]["user"]
    assert events[-1]["changes"] == {"status": {"before": "active", "after": "adminHold"}}


def test_a_tree_may_be_deeper_than_python_goes() -> None:
    chain = [{"id": str(number), "resellerId": str(number - 1)} for number in range(1, 20_001)]
    tree = as_tree(chain)
    assert [placed.depth for placed in tree] == list(range(20_000))
    assert [placed.reseller for placed in tree] == chain


def test_a_tree_has_each_reseller_once_also_where_its_parent_is_not_shown() -> None:
    resellers = [{"id": number, "resellerId": above} for number, above in (("2", "1"), ("3", "9"), ("4", "2"))]
    assert [(placed.depth, placed.reseller["id"]) for placed in as_tree(resellers)] == [(0, "2"), (1, "4"), (0, "3")]
