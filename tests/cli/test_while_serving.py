"""What the command line does to a platform that is being served, on both stores."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2 as httpx
import pytest

from emporion.marketplace.platforms import SANDBOX
from tests.cli.conftest import Command, Ended
from tests.conftest import new_customer
from tests.effort import promised
from tests.postgres import Databases
from tests.server import PATIENCE, serving

# Seconds within which everybody is out who was shut out.
AT_ONCE = promised(1.0)
numbers = itertools.count(1)


@dataclass(frozen=True)
class Platform:
    """A platform that is served. database: its URL. url: where the API is."""

    database: str
    url: str


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A sandbox, served for all tests of this file; each makes resellers of its own there."""
    folder = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/sandbox.db"
        if request.param == "postgres":
            postgres: Databases = request.getfixturevalue("postgres")
            url = postgres.url(stack.enter_context(postgres.temporary()))
        server = stack.enter_context(serving(folder, "--database", url))
        yield Platform(url, server.url)


@pytest.fixture
def at(platform: Platform, emporion: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `emporion` with these arguments over the platform that is served."""
    monkeypatch.setenv("EMPORION_DATABASE", platform.database)
    return emporion


@pytest.fixture
def http(platform: Platform) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=platform.url, timeout=PATIENCE) as client:
        yield client


def new_reseller(at: Command, *more: str) -> str:
    """The id of a reseller that was just added."""
    body = json.dumps(new_customer(name=f"Reseller {next(numbers)}", currency="EUR")).encode()
    return str(at("reseller", "add", "--from", "-", "--json", *more, stdin=body).json["id"])


@dataclass(frozen=True)
class Access:
    """What a system of a reseller has."""

    reseller: str
    login: str
    password: str
    key_id: str
    key: str
    token: str

    def lets_in(self, http: httpx.Client) -> int:
        """The status of a request that everybody may send who gets in."""
        headers = {"X-Subscription-Key": self.key, "Authorization": f"Bearer {self.token}"}
        return http.get("/customers", headers=headers).status_code

    def sign_in(self, http: httpx.Client, password: str) -> int:
        """The status of POST /token."""
        headers = {"X-Subscription-Key": self.key}
        return http.post("/token", headers=headers, auth=(self.login, password)).status_code


def new_access(at: Command, *more: str, reseller: str | None = None) -> Access:
    """A user with a key and a token, of a reseller of its own or of the one named. more: options of the key."""
    reseller = reseller or new_reseller(at)
    user = at("user", "add", f"user-{next(numbers)}", "--reseller", reseller, "--role", "owner", "--json").json
    key = at("key", "add", "--reseller", reseller, "--name", "ERP", *more, "--json").json
    token = at("token", "add", user["login"]).out.strip()
    return Access(reseller, user["login"], user["password"], key["id"], key["key"], token)


def shut_out(http: httpx.Client, who: Access, ended: Ended) -> int:
    """The status with which the caller is refused after a command that has just ended; it must come in time."""
    assert ended.status == 0, ended.err
    since = sent = time.monotonic()
    while (status := who.lets_in(http)) == 200:
        assert sent - since < AT_ONCE
        sent = time.monotonic()
    return status


def test_a_user_who_was_added_gets_in(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    assert access.sign_in(http, access.password) == 200


def test_a_disabled_user_is_out_within_a_second_until_enabled(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    assert shut_out(http, access, at("user", "disable", access.login)) == 401
    assert access.sign_in(http, access.password) == 401
    at("user", "enable", access.login)
    assert access.sign_in(http, access.password) == 200
    assert access.lets_in(http) == 401


def test_a_rotated_user_needs_the_new_password_and_a_new_token(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    rotated = at("user", "rotate", access.login, "--json")
    assert shut_out(http, access, rotated) == 401
    assert access.sign_in(http, rotated.json["password"]) == 200
    assert access.sign_in(http, access.password) == 401


def test_a_user_in_another_role_needs_a_new_token(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    assert shut_out(http, access, at("user", "change", access.login, "--role", "reader")) == 401
    token = at("token", "add", access.login).out.strip()
    headers = {"X-Subscription-Key": access.key, "Authorization": f"Bearer {token}"}
    assert http.get("/customers", headers=headers).status_code == 200
    assert http.post("/customers", headers=headers, json=new_customer()).status_code == 403


def test_a_revoked_key_is_out_within_a_second(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    assert shut_out(http, access, at("key", "disable", access.key_id)) == 401


def test_a_rotated_key_is_out_and_the_new_one_is_in(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    rotated = at("key", "rotate", access.key_id, "--json")
    assert shut_out(http, access, rotated) == 401
    headers = {"X-Subscription-Key": rotated.json["key"], "Authorization": f"Bearer {access.token}"}
    assert http.get("/customers", headers=headers).status_code == 200


def test_a_keys_limits_hold_when_they_are_changed(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    assert access.lets_in(http) == 200
    assert shut_out(http, access, at("key", "change", access.key_id, "--per-day", "1")) == 429
    assert at("key", "change", access.key_id, "--per-day", "none").status == 0
    deadline = time.monotonic() + PATIENCE
    while access.lets_in(http) == 429:
        assert time.monotonic() < deadline


def test_a_pinned_version_is_spoken(at: Command, http: httpx.Client) -> None:
    access = new_access(at, "--api-version", "1.15")
    headers = {"X-Subscription-Key": access.key, "Authorization": f"Bearer {access.token}"}
    assert http.get("/customers", headers=headers).headers["X-Api-Version"] == "1.15"


@pytest.mark.parametrize("more", [(), ("--cancel",)])
def test_a_held_reseller_is_out_with_all_below_it(at: Command, http: httpx.Client, more: tuple[str, ...]) -> None:
    top = new_reseller(at)
    held = new_reseller(at, "--parent", top)
    below = new_access(at, reseller=new_reseller(at, "--parent", new_reseller(at, "--parent", held)))
    above, itself = new_access(at, reseller=top), new_access(at, reseller=held)
    assert (itself.lets_in(http), below.lets_in(http)) == (200, 200)
    assert shut_out(http, below, at("reseller", "disable", held, *more)) == 403
    assert itself.lets_in(http) == 403
    assert above.lets_in(http) == 200


def test_a_released_reseller_is_in_again_with_all_below_it(at: Command, http: httpx.Client) -> None:
    held = new_reseller(at)
    below = new_access(at, reseller=new_reseller(at, "--parent", held))
    assert below.lets_in(http) == 200
    assert shut_out(http, below, at("reseller", "disable", held)) == 403
    assert at("reseller", "enable", held).status == 0
    assert below.sign_in(http, below.password) == 200
    assert below.lets_in(http) == 200


def _client_token(http: httpx.Client, name: str, secret: str) -> httpx.Response:
    realm, client_id = name.split("/")
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return http.post(f"/auth/realms/{realm}/protocol/openid-connect/token", data=form)


def test_a_client_gets_tokens_until_it_is_rotated_or_disabled(at: Command, http: httpx.Client) -> None:
    access, name = new_access(at), f"north/shop-{next(numbers)}"
    secret = at("client", "add", name, "--reseller", access.reseller, "--json").json["secret"]
    granted = _client_token(http, name, secret).json()["access_token"]
    shop = Access(access.reseller, "", "", access.key_id, access.key, granted)
    assert shop.lets_in(http) == 200
    rotated = at("client", "rotate", name, "--json")
    assert shut_out(http, shop, rotated) == 401
    assert _client_token(http, name, secret).status_code == 401
    granted = _client_token(http, name, rotated.json["secret"]).json()["access_token"]
    shop = Access(access.reseller, "", "", access.key_id, access.key, granted)
    assert shop.lets_in(http) == 200
    assert shut_out(http, shop, at("client", "disable", name)) == 401


def test_an_ended_signing_key_ends_its_tokens_and_a_new_one_signs(at: Command, http: httpx.Client) -> None:
    access = new_access(at)
    kid = at("token", "show", access.token, "--json").json["signingKey"]
    assert at("token", "rotate").status == 0
    assert access.lets_in(http) == 200
    assert access.lets_in(http) == 200
    assert shut_out(http, access, at("token", "disable", kid)) == 401
    assert access.sign_in(http, access.password) == 200
    published = [key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]]
    signing = [key["id"] for key in at("token", "list", "--json").json if key["state"] == "signs"]
    assert kid not in published
    assert signing[0] in published


def test_a_token_of_the_servers_is_known_on_the_command_line(at: Command, http: httpx.Client) -> None:
    headers = {"X-Subscription-Key": SANDBOX.subscription_key}
    given = http.post("/token", headers=headers, auth=(SANDBOX.user, SANDBOX.password)).json()["token"]
    shown = at("token", "show", "-", "--json", stdin=given.encode()).json
    assert (shown["user"], shown["account"], shown["letIn"]) == ("sandbox", "1000000", True)


def test_everything_is_listed_and_shown(at: Command) -> None:
    access = new_access(at)
    name = f"north/list-{next(numbers)}"
    at("client", "add", name, "--reseller", access.reseller)
    assert access.reseller in [one["id"] for one in at("reseller", "list", "--json").json]
    assert access.login in [one["login"] for one in at("user", "list", "--json").json]
    assert access.key_id in [one["id"] for one in at("key", "list", "--json").json]
    assert name in [f"{one['realm']}/{one['id']}" for one in at("client", "list", "--json").json]
    assert at("reseller", "show", access.reseller, "--json").json["id"] == access.reseller
    assert at("user", "show", access.login, "--json").json["resellerId"] == access.reseller
    assert at("key", "show", access.key_id, "--json").json["resellerId"] == access.reseller
    assert at("client", "show", name, "--json").json["resellerId"] == access.reseller
