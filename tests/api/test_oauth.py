"""OAuth 2.0: tokens for clients, keys for services that check them, and an operator's own identity provider."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx2 as httpx
import jwt
import pytest
from starlette.testclient import TestClient

from emporion.accounts.ids import RESELLER_ID
from emporion.app import build_app
from emporion.errors import Code, Problem
from emporion.marketplace import Marketplace
from emporion.marketplace.clients import Clients
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CLIENT, SANDBOX_REALM, SANDBOX_SECRET
from emporion.settings import Settings
from emporion.store.faults import unavailable
from tests.clock import told_time
from tests.conftest import CALLERS, Caller, Serve, new_customer
from tests.document import CheckedClient
from tests.identity_server import IdentityServer, identity_server
from tests.marketplace.test_tokens import OPERATOR, OWNER, content, done_by_command
from tests.postgres import wait_until
from tests.server import Server, serving

CONNECT = f"/auth/realms/{SANDBOX_REALM}/protocol/openid-connect"
KEY = {"X-Subscription-Key": SANDBOX.subscription_key}
CLIENT = {"client_id": SANDBOX_CLIENT, "client_secret": SANDBOX_SECRET}
PASSWORD = {"grant_type": "password", "username": SANDBOX.user, "password": SANDBOX.password}
CREDENTIALS = {"grant_type": "client_credentials"}
# Characters that stand for others in a form, and one that ends the name in HTTP Basic.
ODD_SECRET = "a+b%20c:d&e=ü"


def asked(client: CheckedClient, form: dict[str, str], realm: str = SANDBOX_REALM, **request: Any) -> httpx.Response:
    """What a client gets for a form."""
    return client.post(f"/auth/realms/{realm}/protocol/openid-connect/token", data=form, **request)


def bearer(token: str, key: str = SANDBOX.subscription_key) -> dict[str, str]:
    return {"X-Subscription-Key": key, "Authorization": f"Bearer {token}"}


def basic(name: str, secret: str) -> dict[str, str]:
    """HTTP Basic, in which both are form-encoded (RFC 6749 §2.3.1)."""
    credentials = f"{quote_plus(name)}:{quote_plus(secret)}".encode()
    return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}


# --- the grants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant", "user"), [(CREDENTIALS, f"client:{SANDBOX_REALM}/{SANDBOX_CLIENT}"), (PASSWORD, SANDBOX.user)]
)
@pytest.mark.parametrize("way", ["form", "basic"])
def test_a_token_of_each_grant_opens_what_its_user_may_do(
    client: CheckedClient, grant: dict[str, str], user: str, way: str
) -> None:
    if way == "form":
        answer = asked(client, {**grant, **CLIENT})
    else:
        answer = asked(client, grant, headers=basic(SANDBOX_CLIENT, SANDBOX_SECRET))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    given = answer.json()
    assert given == {
        "access_token": given["access_token"],
        "token_type": "Bearer",
        "expires_in": 1500,
        "scope": "marketplace",
    }
    said = content(given["access_token"])
    assert (said["sub"], said["account"], said["role"]) == (user, str(RESELLER_ID), "owner")
    assert said["iss"].endswith(f"/auth/realms/{SANDBOX_REALM}")
    headers = bearer(given["access_token"])
    assert client.get("/customers", headers=headers).json()["pagination"]["total"] == 2
    customer = client.post("/customers", headers=headers, json=new_customer()).json()["id"]
    event = client.get(f"/customers/{customer}/events", headers=headers).json()["data"][0]
    assert event["user"] == user


def test_its_token_needs_a_subscription_key_and_that_of_its_own_reseller(
    client: CheckedClient, callers: dict[str, Caller]
) -> None:
    token = asked(client, {**CREDENTIALS, **CLIENT}).json()["access_token"]
    without_key = client.get("/customers", headers={"Authorization": f"Bearer {token}"})
    assert without_key.status_code == 401
    assert without_key.json()["message"] == "The header X-Subscription-Key is missing."
    assert client.get("/customers", headers=bearer(token, callers["other"].key)).status_code == 403


def test_a_secret_may_have_any_characters_in_the_form_and_in_basic(serve: Serve, database: Path) -> None:
    async def added(marketplace: Marketplace) -> None:
        await marketplace.clients.add(OWNER, RESELLER_ID, "odd", "odd.client-1", secret=ODD_SECRET)

    done_by_command(database, added)
    client = serve()
    in_form = {**CREDENTIALS, "client_id": "odd.client-1", "client_secret": ODD_SECRET}
    assert asked(client, in_form, "odd").status_code == 200
    assert asked(client, CREDENTIALS, "odd", headers=basic("odd.client-1", ODD_SECRET)).status_code == 200
    plain = base64.b64encode(f"odd.client-1:{ODD_SECRET}".encode()).decode()
    assert asked(client, CREDENTIALS, "odd", headers={"Authorization": f"Basic {plain}"}).status_code == 401


def test_a_client_names_itself_once(client: CheckedClient) -> None:
    answer = asked(client, {**CREDENTIALS, **CLIENT}, headers=basic(SANDBOX_CLIENT, SANDBOX_SECRET))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


def test_a_client_in_basic_may_repeat_its_name_in_the_form(client: CheckedClient) -> None:
    form = {**CREDENTIALS, "client_id": SANDBOX_CLIENT}
    assert asked(client, form, headers=basic(SANDBOX_CLIENT, SANDBOX_SECRET)).status_code == 200


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        ("", "marketplace"),
        ("openid", "openid"),
        ("openid profile email", "openid profile email"),
        ("openid  openid everything", "openid"),
        ("everything", "marketplace"),
    ],
)
def test_of_the_scopes_that_are_asked_for_those_that_there_are_are_given(
    client: CheckedClient, scope: str, given: str
) -> None:
    assert asked(client, {**CREDENTIALS, **CLIENT, "scope": scope}).json()["scope"] == given


def test_a_client_gets_in_with_a_secret_that_was_rotated_and_with_no_other(serve: Serve, database: Path) -> None:
    client = serve(workers="2")
    old = asked(client, {**CREDENTIALS, **CLIENT}).json()["access_token"]
    new = done_by_command(database, lambda m: m.clients.rotate(OWNER, SANDBOX_REALM, SANDBOX_CLIENT)).secret
    assert asked(client, {**CREDENTIALS, **CLIENT}).json()["error"] == "invalid_client"
    assert asked(client, {**CREDENTIALS, **CLIENT, "client_secret": new}).status_code == 200
    assert client.get("/customers", headers=bearer(old)).status_code == 401


@pytest.mark.parametrize("grant", [CREDENTIALS, PASSWORD])
@pytest.mark.parametrize("way", ["form", "basic"])
def test_a_disabled_client_is_told_what_a_wrong_one_is(
    serve: Serve, database: Path, grant: dict[str, str], way: str
) -> None:
    done_by_command(database, lambda m: m.clients.disable(OWNER, SANDBOX_REALM, SANDBOX_CLIENT))
    told = []
    client = serve()
    for secret in (SANDBOX_SECRET, "wrong"):
        if way == "form":
            answer = asked(client, {**grant, **CLIENT, "client_secret": secret})
        else:
            answer = asked(client, grant, headers=basic(SANDBOX_CLIENT, secret))
        assert answer.status_code == 401
        assert answer.headers.get("www-authenticate", "").startswith("Basic") == (way == "basic")
        told.append(
            {name: value for name, value in answer.json().items() if name not in ("timeStamp", "correlationId")}
        )
    assert told[0] == told[1]
    assert told[0]["error"] == "invalid_client"


@pytest.mark.parametrize("grant", [CREDENTIALS, PASSWORD])
def test_a_client_of_a_shut_reseller_gets_no_token(
    client: CheckedClient, callers: dict[str, Caller], grant: dict[str, str]
) -> None:
    path = f"/resellers/{RESELLER_ID}"
    client.patch(path, callers["provider"], json={"status": "adminHold"}).raise_for_status()
    answer = asked(client, {**grant, **CLIENT})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    client.patch(path, callers["provider"], json={"status": "active"}).raise_for_status()
    assert asked(client, {**grant, **CLIENT}).status_code == 200


def test_a_user_of_another_reseller_than_the_client_is_told_what_a_wrong_one_is(client: CheckedClient) -> None:
    told = []
    for login, password in (("other", CALLERS["other"].password), ("below", "wrong"), ("unknown", "wrong")):
        answer = asked(client, {**PASSWORD, **CLIENT, "username": login, "password": password})
        told.append((answer.status_code, answer.json()["error"], answer.json()["message"]))
    assert set(told) == {(400, "invalid_grant", "The login, the password or the marketplace is wrong.")}


def test_who_guesses_passwords_by_way_of_a_client_is_slowed_down(client: CheckedClient) -> None:
    answers = [asked(client, {**PASSWORD, **CLIENT, "password": "wrong"}) for _ in range(6)]
    assert [answer.json()["error"] for answer in answers] == ["invalid_grant"] * 5 + ["slow_down"]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (unavailable(OSError("away")), 503, "temporarily_unavailable"),
        (Problem(Code.TIMEOUT, "too slow"), 408, "invalid_request"),
        (RuntimeError("broken"), 500, "server_error"),
    ],
)
def test_what_fails_on_the_way_to_a_token_is_told_in_words_of_oauth(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, word: str
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Clients, "find", fail)
    answer = asked(client, {**CREDENTIALS, **CLIENT})
    assert (answer.status_code, answer.json()["error"]) == (status, word)
    assert answer.json()["error_description"] == answer.json()["message"]


def test_before_the_database_can_be_reached_a_token_is_refused_in_words_of_oauth() -> None:
    starting = CheckedClient(TestClient(build_app(Settings.read({}))), "")
    answer = asked(starting, {**CREDENTIALS, **CLIENT})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def test_who_asks_for_a_token_of_a_client_is_not_asked_for_a_key_nor_limited_by_one(client: CheckedClient) -> None:
    for headers in ({}, KEY, {"X-Subscription-Key": "wrong"}):
        answer = asked(client, {**CREDENTIALS, **CLIENT}, headers=headers)
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


# --- what is published -----------------------------------------------------------------------------------------------


def test_the_discovery_document_leads_to_a_token_and_to_the_key_that_signed_it(serve: Serve) -> None:
    client = serve(public_url="https://market.example.com", root_path="/marketplace/eu")
    prefix = "https://market.example.com"
    realm = client.get(f"/marketplace/eu/auth/realms/{SANDBOX_REALM}/.well-known/openid-configuration").json()
    assert realm["issuer"] == f"{prefix}/auth/realms/{SANDBOX_REALM}"
    assert realm["token_endpoint"] == f"{prefix}{CONNECT}/token"
    assert realm["jwks_uri"] == f"{prefix}{CONNECT}/certs"
    token = asked(client, {**CREDENTIALS, **CLIENT}).json()["access_token"]
    keys = client.get(realm["jwks_uri"].removeprefix(prefix)).json()
    (key,) = [key for key in keys["keys"] if key["kid"] == jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=realm["id_token_signing_alg_values_supported"],
        audience="emporion",
        issuer=realm["issuer"],
    )
    assert claims["sub"] == f"client:{SANDBOX_REALM}/{SANDBOX_CLIENT}"
    assert set(realm["claims_supported"]) <= set(claims)
    assert set(realm["grant_types_supported"]) == {"password", "client_credentials"}
    assert set(realm["token_endpoint_auth_methods_supported"]) == {"client_secret_post", "client_secret_basic"}


def test_the_issuer_of_tokens_is_that_of_the_discovery_document(client: CheckedClient) -> None:
    everywhere = client.get("/.well-known/openid-configuration").json()
    token = client.post("/token", auth=httpx.BasicAuth(SANDBOX.user, SANDBOX.password), headers=KEY).json()["token"]
    assert content(token)["iss"] == everywhere["issuer"]
    keys = client.get(everywhere["jwks_uri"].removeprefix(everywhere["issuer"])).json()
    assert keys == client.get(f"{CONNECT}/certs").json()
    assert jwt.get_unverified_header(token)["kid"] in [key["kid"] for key in keys["keys"]]


def test_the_keys_have_no_private_part_and_none_that_is_over(
    serve: Serve, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = told_time(monkeypatch)

    async def change(marketplace: Marketplace) -> str:
        ended = await marketplace.signing_keys.rotate(OPERATOR)
        await marketplace.signing_keys.rotate(OPERATOR)
        clock.now += 1
        await marketplace.signing_keys.end(OPERATOR, ended.id)
        return ended.id

    ended = done_by_command(database, change)
    keys = serve().get("/.well-known/jwks.json").json()["keys"]
    assert len(keys) == 2
    assert ended not in [key["kid"] for key in keys]
    for key in keys:
        assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x"]


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/jwks.json", f"{CONNECT}/certs"])
def test_what_is_published_needs_no_credentials_and_takes_whatever_is_sent(client: CheckedClient, path: str) -> None:
    plain = client.get(path)
    assert plain.status_code == 200
    sent = client.get(path, headers={"Authorization": "Bearer x", "X-Subscription-Key": "x"})
    assert sent.json() == plain.json()


# --- services that check our tokens ----------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def checked(server: Server, token: str, keys: jwt.PyJWKClient) -> dict[str, Any]:
    """The claims of a token, as a program that knows nothing of us but our address reads them."""
    claims: dict[str, Any] = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["EdDSA"],
        audience="emporion",
        issuer=server.url,
        options={"require": ["exp", "iat", "sub"]},
    )
    return claims


def test_a_third_party_checks_our_tokens_also_after_the_key_was_rotated(server: Server, tmp_path: Path) -> None:
    discovery = httpx.get(f"{server.url}/.well-known/openid-configuration").raise_for_status().json()
    keys = jwt.PyJWKClient(discovery["jwks_uri"], cooldown_duration=0)
    old = server.token()
    assert checked(server, old, keys)["sub"] == SANDBOX.user
    rotated = done_by_command(tmp_path / "sandbox.db", lambda m: m.signing_keys.rotate(OPERATOR))
    tokens = {}

    def signs_with_the_new_key() -> bool:
        tokens["new"] = server.token()
        return str(jwt.get_unverified_header(tokens["new"])["kid"]) == rotated.id

    wait_until(signs_with_the_new_key, lambda: "the server signs with the old key")
    fresh = jwt.PyJWKClient(discovery["jwks_uri"])
    for who in (keys, fresh):
        for token in (old, tokens["new"]):
            assert checked(server, token, who)["account"] == str(RESELLER_ID)
    for token in (old, tokens["new"]):
        assert httpx.get(f"{server.url}/customers", headers=bearer(token)).status_code == 200
    forged = jwt.encode(checked(server, old, keys), "x" * 32, "HS256", headers={"kid": rotated.id})
    with pytest.raises(jwt.InvalidTokenError):
        checked(server, forged, keys)


# --- an operator's own identity provider -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer() -> Iterator[IdentityServer]:
    with identity_server() as running:
        yield running


@pytest.fixture
def trusting(serve: Serve, issuer: IdentityServer) -> CheckedClient:
    """The application, which takes the issuer's tokens."""
    return serve(oidc_issuer=issuer.url, oidc_audience="market", oidc_role_claim="access.market")


def claims(issuer: IdentityServer, **more: Any) -> dict[str, Any]:
    """Those of a token that is good now, for `trusting`."""
    now = int(time.time())
    good = {"aud": "market", "iat": now, "exp": now + 300, "role": None, "access": {"market": "owner"}}
    return issuer.claims(**{**good, **more})


@pytest.mark.parametrize(("role", "reads", "patches", "adds"), [
    ("reader", 200, 403, 403), ("editor", 200, 200, 403), ("owner", 200, 200, 200),
])  # fmt: skip
def test_a_token_of_the_operators_identity_provider_is_answered_in_its_role(
    trusting: CheckedClient, issuer: IdentityServer, role: str, reads: int, patches: int, adds: int
) -> None:
    headers = bearer(issuer.mint(claims(issuer, access={"market": role})))
    assert trusting.get("/customers", headers=headers).status_code == reads
    assert trusting.patch("/customers/1000001", headers=headers, json={"name": "New"}).status_code == patches
    assert trusting.post("/resellers", headers=headers, json=new_customer(currency="EUR")).status_code == adds


def test_the_log_names_the_user_as_the_identity_provider_does(trusting: CheckedClient, issuer: IdentityServer) -> None:
    headers = bearer(issuer.mint(claims(issuer)))
    trusting.patch("/customers/1000001", headers=headers, json={"name": "New"}).raise_for_status()
    event = trusting.get("/customers/1000001/events", headers=headers).json()["data"][-1]
    assert "anna" in event["user"]
    assert event["actorId"] == str(RESELLER_ID)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"access": {"market": "king"}},
        {"access": None},
        {"account": None},
        {"account": "everybody"},
    ],
)
def test_a_wrong_token_of_it_is_refused(trusting: CheckedClient, issuer: IdentityServer, wrong: dict[str, Any]) -> None:
    answer = trusting.get("/customers", headers=bearer(issuer.mint(claims(issuer, **wrong))))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_that_another_signed_in_its_name_is_refused(trusting: CheckedClient, issuer: IdentityServer) -> None:
    with identity_server() as stranger:
        token = stranger.mint(claims(issuer), headers={"kid": issuer.keys[-1].id})
    assert trusting.get("/customers", headers=bearer(token)).status_code == 401


def test_its_token_is_refused_with_the_key_of_another_account(
    trusting: CheckedClient, issuer: IdentityServer, callers: dict[str, Caller]
) -> None:
    token = issuer.mint(claims(issuer))
    assert trusting.get("/customers", headers=bearer(token, callers["other"].key)).status_code == 403
    theirs = issuer.mint(claims(issuer, account=str(callers["other"].reseller_id)))
    assert trusting.get("/customers", headers=bearer(theirs, callers["other"].key)).status_code == 200
    assert trusting.get("/customers", headers=bearer(theirs)).status_code == 403


def test_its_users_of_a_shut_reseller_are_out(
    trusting: CheckedClient, issuer: IdentityServer, callers: dict[str, Caller]
) -> None:
    path = f"/resellers/{RESELLER_ID}"
    trusting.patch(path, callers["provider"], json={"status": "adminHold"}).raise_for_status()
    assert trusting.get("/customers", headers=bearer(issuer.mint(claims(issuer)))).status_code == 403


def test_our_own_tokens_are_good_beside_it(trusting: CheckedClient, callers: dict[str, Caller]) -> None:
    assert trusting.get("/customers", callers["sandbox"]).status_code == 200
    token = asked(trusting, {**CREDENTIALS, **CLIENT}).json()["access_token"]
    assert trusting.get("/customers", headers=bearer(token)).status_code == 200


def test_its_tokens_are_of_no_use_where_it_is_not_trusted(client: CheckedClient, issuer: IdentityServer) -> None:
    good = issuer.mint(issuer.claims(iat=int(time.time()), exp=int(time.time()) + 300))
    assert client.get("/customers", headers=bearer(good)).status_code == 401


def test_it_cannot_speak_in_our_name(trusting: CheckedClient, issuer: IdentityServer, database: Path) -> None:
    """A token that says it is ours, but that its key has signed."""

    async def ours(marketplace: Marketplace) -> str:
        return (await marketplace.signing_keys.current()).id

    now = int(time.time())
    forged = {"iss": "http://127.0.0.1:8000", "aud": "emporion", "sub": SANDBOX.user, "account": str(RESELLER_ID),
              "role": "owner", "ver": 1, "marketplace": "us", "iat": now, "exp": now + 300}  # fmt: skip
    token = issuer.mint(forged, headers={"kid": done_by_command(database, ours)})
    assert trusting.get("/customers", headers=bearer(token)).status_code == 401


def test_while_it_is_away_its_users_are_told_to_come_again_and_ours_get_in(
    serve: Serve, callers: dict[str, Caller]
) -> None:
    with identity_server() as issuer:
        client = serve(oidc_issuer=issuer.url)
        token = issuer.mint(issuer.claims(iat=int(time.time()), exp=int(time.time()) + 300))
        issuer.stop()
        answer = client.get("/customers", headers=bearer(token))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert client.get("/customers", callers["sandbox"]).status_code == 200
