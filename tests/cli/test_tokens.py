"""`emporion token`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from emporion.accounts.ids import PROVIDER_ID
from emporion.credentials import TokenClaims, encode_token, new_signing_key
from emporion.marketplace.actors import Actor
from emporion.marketplace.signing_keys import SigningKeys
from emporion.store import open_store
from tests.cli.conftest import Command, refused
from tests.conftest import Caller, settings_for


def test_the_list_has_the_signing_keys_newest_first(emporion: Command) -> None:
    (first,) = emporion("token", "list", "--json").json
    assert first == {"id": first["id"], "since": first["since"], "state": "signs"}
    second = emporion("token", "rotate", "--json").json
    assert second["state"] == "signs"
    keys = emporion("token", "list", "--json").json
    assert [key["id"] for key in keys] == [second["id"], first["id"]]
    assert [key["state"] for key in keys] == ["signs", "good"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", keys[1]["until"])
    assert "private" not in emporion("token", "list").out + str(keys)


def test_a_signing_key_is_ended_and_another_one_follows(emporion: Command) -> None:
    (first,) = emporion("token", "list", "--json").json
    said = emporion("token", "disable", first["id"]).out
    second, ended = emporion("token", "list", "--json").json
    assert said == f"The key {first['id']} is over, and all its tokens with it; {second['id']} signs\n"
    assert (second["state"], ended["id"], ended["state"]) == ("signs", first["id"], "over")
    assert emporion("token", "disable", second["id"], "--json").json["state"] == "over"
    told = refused(emporion("token", "disable", "5"))
    assert told.startswith("there is no signing key 5; there are ")
    assert first["id"] in told


def test_a_token_is_printed_alone(emporion: Command, serve: Any, callers: dict[str, Caller]) -> None:
    token = emporion("token", "add", "other").out
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", token)
    headers = {**callers["other"].headers, "Authorization": f"Bearer {token.strip()}"}
    assert serve().get("/customers", headers=headers).status_code == 200
    assert "usedAt" in emporion("user", "show", "other", "--json").json


def test_scripts_get_a_token_as_the_api_gives_it(emporion: Command) -> None:
    given = emporion("token", "add", "other", "--json", "--token-lifetime", "60").json
    assert set(given) == {"token", "expiresInSeconds"}
    assert given["expiresInSeconds"] == 60


def test_who_does_not_get_in_gets_no_token(emporion: Command) -> None:
    assert refused(emporion("token", "add", "othr")).startswith("there is no API user othr; there are other, ")
    emporion("user", "disable", "other")
    assert refused(emporion("token", "add", "other")) == "The user other is disabled."
    emporion("reseller", "disable", "1000000")
    assert "on hold or cancelled" in refused(emporion("token", "add", "below"))


def test_a_good_token_says_so(emporion: Command) -> None:
    token = emporion("token", "add", "other").out.strip()
    shown = emporion("token", "show", token, "--json").json
    (key,) = emporion("token", "list", "--json").json
    issued, expires = shown.pop("issuedAt"), shown.pop("expiresAt")
    assert issued < expires
    assert shown == {
        "account": "900001",
        "user": "other",
        "role": "owner",
        "marketplace": "us",
        "issuer": "http://127.0.0.1:8000",
        "signingKey": key["id"],
        "letIn": True,
    }
    assert "let in       yes" in emporion("token", "show", token).out.splitlines()


def test_a_token_is_read_from_standard_input(emporion: Command) -> None:
    token = emporion("token", "add", "other").out.encode()
    assert emporion("token", "show", "-", "--json", stdin=token).json["letIn"]
    assert emporion("token", "show", "-", "--json", stdin=b"Bearer " + token).json["letIn"]
    assert "has none" in refused(emporion("token", "show", "-"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("user", "disable", "other"), "have changed or are disabled"),
        (("user", "rotate", "other"), "have changed or are disabled"),
        (("user", "change", "other", "--role", "reader"), "have changed or are disabled"),
        (("reseller", "disable", "900001"), "is on hold or cancelled"),
    ],
)
def test_a_token_that_is_over_says_why(emporion: Command, arguments: tuple[str, ...], why: str) -> None:
    token = emporion("token", "add", "other").out.strip()
    emporion(*arguments)
    shown = emporion("token", "show", token, "--json").json
    assert (shown["account"], shown["user"], shown["letIn"]) == ("900001", "other", False)
    assert why in shown["why"]
    assert why in emporion("token", "show", token).out


def test_a_token_of_a_signing_key_that_was_ended_says_so(emporion: Command) -> None:
    token = emporion("token", "add", "other").out.strip()
    (key,) = emporion("token", "list", "--json").json
    emporion("token", "disable", key["id"])
    assert emporion("token", "show", token, "--json").json["why"] == f"The signing key {key['id']} is over."


def test_a_forged_token_says_so(emporion: Command) -> None:
    claims = TokenClaims(900_001, "other", "owner", "us", time.time() + 60, 1)
    stranger = new_signing_key(1)
    forged = encode_token(claims, time.time(), stranger, "another")
    assert emporion("token", "show", forged, "--json").json["why"] == "It was not signed by this platform."
    token = emporion("token", "add", "other").out.strip()
    header, _, signature = token.split(".")
    changed = f"{header}.{forged.split('.')[1]}.{signature}"
    assert emporion("token", "show", changed, "--json").json["why"] == "It has been changed."
    expired = encode_token(TokenClaims(1, "x", "owner", "us", 5.0, 1), 1, stranger, "another")
    shown = emporion("token", "show", expired, "--json").json
    assert (shown["why"], shown["expiresAt"]) == ("It has expired.", "1970-01-01T00:00:05.000Z")


def test_whatever_a_forged_token_says_is_shown_harmlessly(emporion: Command) -> None:
    odd = {"sub": "\x1b[2Jowner\nlet in yes", "account": 5, "exp": 1e300, "iat": "now", "role": {"a": 1}}
    token = jwt.encode(odd, "a key of thirty-two bytes or more", headers={"kid": "\x9b31m"})
    shown = emporion("token", "show", token)
    assert shown.status == 0
    assert not set("\x1b\x9b") & set(shown.out)
    assert "let in       no" in shown.out.splitlines()
    assert len(shown.out.splitlines()) == 4


@pytest.mark.parametrize("text", ["abc", "a.b.c", "", "eyJhbGciOiJub25lIn0.e30"])
def test_what_is_no_token_is_told(emporion: Command, text: str) -> None:
    assert refused(emporion("token", "show", text)).startswith("TOKEN must be a token as POST /token gives it")


async def test_a_token_of_a_new_signing_key_is_good_at_once_on_every_node(database: Path) -> None:
    store = open_store(settings_for(database))
    await store.open()
    try:
        here, there = (SigningKeys(store.signing_keys, lambda: 2_000_000_000.0) for _ in range(2))
        await there.current()
        made = await here.rotate(Actor(PROVIDER_ID, "me", "command line"))
        assert await there.find(made.id) == made
    finally:
        await store.close()
