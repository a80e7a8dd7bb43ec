"""`emporion key`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.credentials import key_digest
from emporion.errors import Code, Problem
from emporion.limits import Limit
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX
from emporion.store import open_store
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from tests.cli.conftest import Command, refused
from tests.conftest import settings_for
from tests.store.conftest import event

SANDBOX_KEY = key_digest(SANDBOX.subscription_key).hex()[:12]
ADD = ("key", "add", "--reseller", "900001", "--name", "ERP")


def test_the_list_has_the_keys_of_all_resellers_or_of_one(emporion: Command) -> None:
    assert len(emporion("key", "list", "--json").json) == 5
    of_one = emporion("key", "list", "--reseller", "1000000", "--json").json
    assert {key["resellerId"] for key in of_one} == {"1000000"}
    assert (SANDBOX_KEY, "The first key") in [(key["id"], key.get("name")) for key in of_one]
    lines = emporion("key", "list").out.splitlines()
    assert re.fullmatch(r"id +reseller +name +limits +version +last used +revoked", lines[0])
    assert len(lines) == 6


def test_one_is_added_and_shown_once(emporion: Command) -> None:
    said = emporion(*ADD).out
    found = re.fullmatch(
        r"The subscription key (\w{12}) of 900001 was added. This is shown only once:\n  key  ([0-9a-f]{32})\n", said
    )
    assert found
    assert key_digest(found[2]).hex().startswith(found[1])
    for shown in (("list",), ("show", found[1]), ("list", "--json"), ("show", found[1], "--json")):
        assert found[2] not in emporion("key", *shown).out


def test_scripts_get_the_new_key_with_its_limits(emporion: Command) -> None:
    limits = ("--rate", "10", "--burst", "20", "--per-day", "1000", "--api-version", "1.15")
    added = emporion(*ADD, *limits, "--json").json
    assert re.fullmatch("[0-9a-f]{32}", added.pop("key"))
    assert emporion("key", "show", added["id"], "--json").json == added
    assert added.pop("createdAt").endswith("Z")
    assert re.fullmatch("[0-9a-f]{12}", added.pop("id"))
    assert added == {
        "resellerId": "900001",
        "name": "ERP",
        "rate": 10,
        "burst": 20,
        "perDay": 1000,
        "apiVersion": "1.15",
    }
    assert "10/s (burst 20), 1000/day" in emporion("key", "list").out


def test_what_is_not_changed_stays(emporion: Command) -> None:
    added = emporion(*ADD, "--rate", "10", "--per-day", "1000", "--api-version", "1.15", "--json").json
    changed = emporion("key", "change", added["id"], "--rate", "5", "--json").json
    assert changed == {name: value for name, value in added.items() if name != "key"} | {"rate": 5}
    assert emporion("key", "change", added["id"], "--name", "Shop", "--json").json == {**changed, "name": "Shop"}


def test_limits_and_a_pinned_version_can_be_taken_away(emporion: Command) -> None:
    added = emporion(*ADD, "--rate", "10", "--burst", "20", "--api-version", "1.15", "--json").json
    said = emporion("key", "change", added["id"], "--rate", "none", "--api-version", "none")
    assert said.out == f"The subscription key {added['id']} of 900001 has now: no limits, version not pinned\n"
    assert set(emporion("key", "show", added["id"], "--json").json) == {"id", "resellerId", "name", "createdAt"}


def test_one_is_revoked_for_good(emporion: Command) -> None:
    revoked = emporion("key", "disable", SANDBOX_KEY, "--json").json
    assert emporion("key", "disable", SANDBOX_KEY.upper(), "--json").json["revokedAt"] == revoked["revokedAt"]
    assert refused(emporion("key", "rotate", SANDBOX_KEY)).endswith("is revoked for good; add another one.")


def test_a_rotated_one_is_revoked_and_another_one_is_in_its_place(emporion: Command) -> None:
    added = emporion(*ADD, "--rate", "10", "--json").json
    rotated = emporion("key", "rotate", added["id"], "--json").json
    assert rotated["key"] != added["key"]
    assert (rotated["name"], rotated["rate"], rotated["resellerId"]) == ("ERP", 10, "900001")
    assert "revokedAt" not in rotated
    assert "revokedAt" in emporion("key", "show", added["id"], "--json").json


def test_one_that_was_made_without_a_name_can_be_rotated(emporion: Command) -> None:
    (unnamed,) = emporion("key", "list", "--reseller", "900001", "--json").json
    assert "name" not in unnamed
    assert emporion("key", "rotate", unnamed["id"]).status == 0


@pytest.fixture
def twins(database: Path) -> str:
    """The id that the keys of two resellers have."""

    async def make() -> None:
        store = SqliteStore(database)
        await store.open()
        for reseller_id, end in ((900_001, b"1"), (RESELLER_ID, b"2")):
            await store.subscription_keys.add(
                SubscriptionKey(b"twelve" + end * 26, reseller_id), event(reseller_id, "key.created")
            )
        await store.close()

    asyncio.run(make())
    return b"twelve".hex()


def test_where_two_resellers_have_such_a_key_it_is_asked_whose(emporion: Command, twins: str) -> None:
    told = refused(emporion("key", "disable", twins))
    assert told == f"2 resellers have a key {twins}; say which by --reseller 900001 or 1000000"
    assert emporion("key", "disable", twins, "--reseller", "900001", "--json").json["resellerId"] == "900001"
    assert "revokedAt" not in emporion("key", "show", twins, "--reseller", "1000000", "--json").json


@pytest.mark.parametrize("subcommand", ["show", "disable", "rotate", "change"])
def test_an_unknown_one_is_told_with_those_that_there_are(emporion: Command, subcommand: str) -> None:
    told = refused(emporion("key", subcommand, "123456789abc"))
    assert told.startswith("there is no subscription key 123456789abc; there are ")
    assert SANDBOX_KEY in told
    assert told.endswith(": emporion key list")
    assert "there is no reseller 5" in refused(emporion("key", subcommand, SANDBOX_KEY, "--reseller", "5"))
    assert "there is no subscription key" in refused(emporion("key", subcommand, SANDBOX_KEY, "--reseller", "900001"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--rate", "0"),
            "Invalid value for '--rate': it must be a whole number from 1 to 1000000000, or none, not '0'",
        ),
        (("--per-day", "1e3"), "Invalid value for '--per-day': it must be a whole number"),
        (("--rate", "9" * 5000), "Invalid value for '--rate': it must be a whole number"),
        (("--burst", "3"), "rate is required where there is a burst"),
        (("--api-version", "2"), "Invalid value for '--api-version': '2' is not one of '1.6', '1.15'"),
        (("--name", " "), "name must not be empty"),
        (("--name", "\x1b[31mred"), "name must not contain control characters"),
        (("--reseller", "5"), "there is no reseller 5; there are "),
    ],
)
def test_what_cannot_be_added_is_told(emporion: Command, arguments: tuple[str, ...], message: str) -> None:
    assert refused(emporion(*ADD, *arguments)).startswith(message)


async def test_a_change_of_one_that_was_changed_meanwhile_is_refused(database: Path) -> None:
    settings = settings_for(database)
    store = open_store(settings)
    await store.open()
    try:
        keys, operator = build_marketplace(settings, store).subscription_keys, Actor(PROVIDER_ID, "me", "command line")
        before = await keys.get(RESELLER_ID, SANDBOX_KEY)
        await keys.change(operator, before, name="Shop", limit=Limit(5), api_version=None)
        with pytest.raises(Problem, match="was changed meanwhile") as moved:
            await keys.change(operator, before, name="Store", limit=Limit(), api_version=None)
        assert moved.value.code is Code.PRECONDITION_FAILED
        kept = await keys.get(RESELLER_ID, SANDBOX_KEY)
        assert (kept.name, kept.limit, kept.version) == ("Shop", Limit(5), before.version + 1)
        # To revoke and to replace it says nothing about what was changed.
        new = await keys.rotate(operator, before)
        assert (new.key.name, new.key.limit) == ("Shop", Limit(5))
        with pytest.raises(Problem, match="is revoked for good") as revoked:
            await keys.change(operator, before, name="Store", limit=Limit(), api_version=None)
        assert revoked.value.code is Code.CONFLICT
        with pytest.raises(Problem, match="is revoked for good"):
            await keys.rotate(operator, before)
        revoked_at = (await keys.get(RESELLER_ID, SANDBOX_KEY)).revoked_at
        assert revoked_at is not None
        assert (await keys.revoke(operator, before)).revoked_at == revoked_at
    finally:
        await store.close()
