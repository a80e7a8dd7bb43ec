"""An operator's own identity provider: which of its tokens are taken, and what its failures do."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from structlog.testing import capture_logs

from emporion.credentials import TokenClaims
from emporion.errors import Code, Problem
from emporion.marketplace import identity_providers
from emporion.marketplace.identity_providers import FRESH, PAUSE, RETRY, IdentityProvider, Trust
from tests.effort import promised
from tests.identity_server import (
    AUDIENCE,
    DISCOVERY,
    KEYS,
    NOW,
    Answer,
    IdentityServer,
    SigningKey,
    identity_server,
    new_key,
    raw_token,
    rsa_key,
)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[IdentityServer]:
    with identity_server() as server:
        yield server


@pytest.fixture(scope="module")
def steady() -> Iterator[IdentityServer]:
    """An issuer that a test must leave as it was."""
    with identity_server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(issuer: IdentityServer, clock: Clock) -> IdentityProvider:
    return trusting(issuer, clock)


def trusting(server: IdentityServer, clock: Callable[[], float], **trust: Any) -> IdentityProvider:
    return IdentityProvider(Trust(**{"issuer": server.url, "audience": AUDIENCE, **trust}), clock)


async def is_away(provider: IdentityProvider, token: str) -> Problem:
    """The problem of a caller whose token cannot be read now."""
    with pytest.raises(Problem) as raised:
        await provider.read(token)
    assert raised.value.code is Code.UNAVAILABLE
    assert raised.value.headers == {"Retry-After": "2"}
    return raised.value


async def finished(provider: IdentityProvider) -> None:
    """Return when no fetch is under way any more."""
    if provider._fetch:
        await provider._fetch


# What a good token says


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    "algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
)
async def test_a_good_token_is_read(
    issuer: IdentityServer, provider: IdentityProvider, algorithm: str, named: bool
) -> None:
    issuer.rotate(algorithm, named=named)
    assert await provider.read(issuer.mint()) == TokenClaims(1_000_000, "oidc:anna", "editor", "", NOW + 300, None)


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({}, "oidc:anna"),
        ({"preferred_username": None}, "oidc:f3b1"),
        ({"preferred_username": ""}, "oidc:f3b1"),
        ({"preferred_username": 7}, "oidc:f3b1"),
        ({"preferred_username": "nul\0"}, "oidc:f3b1"),
        ({"preferred_username": "half \ud800"}, "oidc:f3b1"),
        ({"preferred_username": "Änne 李"}, "oidc:Änne 李"),
    ],
)
async def test_a_user_is_called_by_the_name_or_else_by_the_subject(
    issuer: IdentityServer, provider: IdentityProvider, claims: dict[str, Any], user: str
) -> None:
    read = await provider.read(issuer.mint(issuer.claims(**claims)))
    assert read
    assert read.user == user


async def test_a_token_without_a_name_and_a_subject_is_refused(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    assert await provider.read(issuer.mint(issuer.claims(preferred_username=None, sub=None))) is None


@pytest.mark.parametrize("account", ["1000001", 1_000_001])
async def test_the_account_is_a_string_or_a_number_of_digits(
    issuer: IdentityServer, provider: IdentityProvider, account: Any
) -> None:
    read = await provider.read(issuer.mint(issuer.claims(account=account)))
    assert read
    assert read.account_id == 1_000_001


@pytest.mark.parametrize(
    "account",
    [None, "", "abc", "-1", "+1", " 1", "1\n", "1_0", "1.0", "١", "²", -1, 1.0, True, [1], {"id": 1}, "9" * 19, 10**18],
)
async def test_a_token_without_an_account_is_refused(
    issuer: IdentityServer, provider: IdentityProvider, account: Any
) -> None:
    assert await provider.read(issuer.mint(issuer.claims(account=account))) is None


@pytest.mark.parametrize(
    ("named", "role"),
    [
        ("reader", "reader"),
        ("owner", "owner"),
        (["editor"], "editor"),
        (["reader", "owner", "editor"], "owner"),
        (["editor", "reader"], "editor"),
        (["offline_access", "reader", 7, None, ["owner"], {"role": "owner"}], "reader"),
    ],
)
async def test_of_several_roles_the_highest_counts_and_others_are_ignored(
    issuer: IdentityServer, provider: IdentityProvider, named: Any, role: str
) -> None:
    read = await provider.read(issuer.mint(issuer.claims(role=named)))
    assert read
    assert read.role == role


@pytest.mark.parametrize(
    "role", [None, "", "admin", "Owner", "owner reader", [], ["admin"], [["owner"]], {"owner": True}, 1, True]
)
async def test_a_token_without_a_role_is_refused(issuer: IdentityServer, provider: IdentityProvider, role: Any) -> None:
    assert await provider.read(issuer.mint(issuer.claims(role=role))) is None


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("resource_access.emporion.roles", {"resource_access": {"emporion": {"roles": ["owner"]}}}),
        ("https://example.com/role", {"https://example.com/role": "owner"}),
        ("a.b", {"a.b": "owner", "a": {"b": "reader"}}),
        ("a.https://example.com/b", {"a": {"https://example.com/b": "owner"}}),
    ],
)
async def test_a_claim_is_found_by_its_whole_name_or_else_by_its_path(
    issuer: IdentityServer, clock: Clock, name: str, claims: dict[str, Any]
) -> None:
    read = await trusting(issuer, clock, role_claim=name).read(issuer.mint(issuer.claims(role=None, **claims)))
    assert read
    assert read.role == "owner"


@pytest.mark.parametrize(
    "claims",
    [{}, {"org": None}, {"org": "account"}, {"org": {}}, {"org": {"account": {}}}, {"org": [{"account": 1}]}],
)
async def test_a_path_that_leads_nowhere_finds_nothing(
    issuer: IdentityServer, clock: Clock, claims: dict[str, Any]
) -> None:
    provider = trusting(issuer, clock, account_claim="org.account")
    assert await provider.read(issuer.mint(issuer.claims(**claims))) is None
    read = await provider.read(issuer.mint(issuer.claims(org={"account": 1_000_002})))
    assert read
    assert read.account_id == 1_000_002


# For whom and by whom


@pytest.mark.parametrize("audience", [None, "", "another", "emporion2", [], ["another"], [7], {"emporion": 1}])
async def test_a_token_for_another_audience_is_not_taken(
    issuer: IdentityServer, provider: IdentityProvider, audience: Any
) -> None:
    assert await provider.read(issuer.mint(issuer.claims(aud=audience))) is None


async def test_a_token_may_be_for_several(issuer: IdentityServer, provider: IdentityProvider) -> None:
    assert await provider.read(issuer.mint(issuer.claims(aud=["another", AUDIENCE])))


@pytest.mark.parametrize("named", [None, "", "https://example.com", 7, {}])
async def test_a_token_of_another_issuer_is_not_taken(
    issuer: IdentityServer, provider: IdentityProvider, named: Any
) -> None:
    token = issuer.mint(issuer.claims(iss=named))
    assert not provider.issued(token)
    assert await provider.read(token) is None
    assert not issuer.fetches


async def test_an_issuer_is_that_very_url(issuer: IdentityServer, provider: IdentityProvider) -> None:
    for named in (f"{issuer.url}/", issuer.url.upper(), [issuer.url]):
        assert await provider.read(issuer.mint(issuer.claims(iss=named))) is None
    assert not issuer.fetches


def test_who_has_issued_a_token_is_known_before_it_is_verified(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    assert provider.issued(issuer.mint())
    assert provider.issued(issuer.mint() + "AAAA")
    assert provider.issued(issuer.mint(issuer.claims(exp=1)))
    assert not issuer.fetches


# When


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"exp": NOW - 59}, True),
        ({"exp": NOW - 60}, False),
        ({"nbf": NOW + 60}, True),
        ({"nbf": NOW + 61}, False),
        ({"iat": NOW + 60}, True),
        ({"iat": NOW + 61}, False),
        ({"iat": None}, True),
        ({"exp": None}, False),
    ],
)
async def test_a_token_is_good_from_its_beginning_to_its_end_give_or_take_the_leeway(
    issuer: IdentityServer, provider: IdentityProvider, claims: dict[str, Any], good: bool
) -> None:
    assert bool(await provider.read(issuer.mint(issuer.claims(**claims)))) is good


async def test_the_leeway_is_the_operators(issuer: IdentityServer, clock: Clock) -> None:
    provider = trusting(issuer, clock, leeway=0)
    assert await provider.read(issuer.mint(issuer.claims(exp=NOW + 1, nbf=NOW)))
    assert await provider.read(issuer.mint(issuer.claims(exp=NOW))) is None
    assert await provider.read(issuer.mint(issuer.claims(nbf=NOW + 1))) is None


async def test_a_token_ends_by_the_clock_that_was_handed_in(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    token = issuer.mint()
    assert await provider.read(token)
    clock.now += 360
    assert await provider.read(token) is None


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("moment", ["soon", str(int(NOW)), [], {}, float("nan"), float("inf"), -float("inf"), 10**400])
async def test_a_time_that_is_none_is_not_taken(
    issuer: IdentityServer, provider: IdentityProvider, name: str, moment: Any
) -> None:
    assert await provider.read(issuer.mint(issuer.claims(**{name: moment}))) is None


# Signatures


async def test_a_token_that_another_has_signed_is_not_taken(issuer: IdentityServer, provider: IdentityProvider) -> None:
    published = issuer.keys[-1]
    theirs = SigningKey(published.id, "ES256", new_key("ES256"))
    assert await provider.read(issuer.mint(key=theirs)) is None
    header, _, signature = issuer.mint().split(".")
    _, claims, _ = issuer.mint(issuer.claims(role="owner")).split(".")
    assert await provider.read(f"{header}.{claims}.{signature}") is None
    assert await provider.read(issuer.mint())


async def test_an_unsigned_token_is_not_taken(issuer: IdentityServer, provider: IdentityProvider) -> None:
    algorithms: list[Any] = ["none", "None", "NONE", "", None, [], {}, "ES256"]
    for algorithm in algorithms:
        for kid in ({"kid": issuer.keys[-1].id}, {}):
            for header in ({"alg": algorithm, **kid}, kid):
                assert await provider.read(raw_token(header, issuer.claims(), lambda _: b"")) is None


@pytest.mark.parametrize(("algorithm", "named"), [("RS256", True), ("RS256", False), ("EdDSA", True), ("ES256", False)])
async def test_a_public_key_is_no_secret_to_sign_with(
    issuer: IdentityServer, provider: IdentityProvider, algorithm: str, named: bool
) -> None:
    key = issuer.rotate(algorithm, named=named)
    public = key.private.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(key.jwk).encode(),
    ]
    for secret in secrets:
        for header in ({"alg": "HS256", "kid": key.id}, {"alg": "HS256"}):
            token = raw_token(header, issuer.claims(), by_hmac(secret))
            assert await provider.read(token) is None


async def test_a_secret_is_no_public_key_even_if_it_is_published(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    secret = b"s" * 32
    oct_key = {"kty": "oct", "k": urlsafe_b64encode(secret).decode(), "kid": "oct", "alg": "HS256"}
    issuer.answers[KEYS] = key_set(oct_key, issuer.keys[-1].jwk)
    token = raw_token({"alg": "HS256", "kid": "oct"}, issuer.claims(), by_hmac(secret))
    assert await provider.read(token) is None
    assert await provider.read(issuer.mint())


def by_hmac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret, signed, hashlib.sha256)


def key_set(*entries: Any) -> Answer:
    return Answer(json.dumps({"keys": entries}).encode())


async def test_a_key_signs_only_by_its_own_algorithm(issuer: IdentityServer, provider: IdentityProvider) -> None:
    key = issuer.rotate("RS256")
    assert await provider.read(issuer.mint())
    assert await provider.read(issuer.mint(algorithm="RS512")) is None
    assert await provider.read(issuer.mint(algorithm="PS256")) is None
    assert await provider.read(issuer.mint(headers={"alg": "ES256"})) is None
    assert await provider.read(issuer.mint(headers={"alg": "EdDSA"})) is None
    assert key.named


async def test_a_key_without_an_algorithm_signs_by_those_of_its_kind(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    issuer.rotate("RS256", named=False)
    for algorithm in ("RS256", "RS512", "PS384"):
        assert await provider.read(issuer.mint(algorithm=algorithm))
    assert await provider.read(issuer.mint(headers={"alg": "ES256"})) is None


async def test_a_curve_must_be_that_of_the_algorithm(issuer: IdentityServer, provider: IdentityProvider) -> None:
    key = issuer.rotate("ES384")
    issuer.answers[KEYS] = key_set({**key.jwk, "alg": "ES256"})
    by_sha256 = ECAlgorithm(ECAlgorithm.SHA256)
    header = {"alg": "ES256", "kid": key.id}
    token = raw_token(header, issuer.claims(), lambda signed: by_sha256.sign(signed, key.private))  # type: ignore[arg-type]
    assert await provider.read(token) is None


async def test_a_key_for_encryption_and_one_that_is_private_sign_nothing(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    key = issuer.keys[-1]
    private = {**jwt.get_algorithm_by_name("ES256").to_jwk(key.private, as_dict=True), "kid": key.id}
    other = issuer.publish("ES256")
    issuer.answers[KEYS] = key_set({**key.jwk, "use": "enc"}, private, other.jwk)
    assert await provider.read(issuer.mint(key=key)) is None
    assert await provider.read(issuer.mint(key=other))


async def test_a_short_key_is_not_taken(issuer: IdentityServer, provider: IdentityProvider) -> None:
    short = rsa_key("short", bits=1024)
    jwk = RSAAlgorithm.to_jwk(short.public_key(), as_dict=True)
    issuer.answers[KEYS] = key_set({**jwk, "kid": "short", "key_ops": ["verify"]})
    assert await provider.read(issuer.mint(key=SigningKey("short", "RS256", short))) is None


async def test_a_token_that_names_no_key_is_taken_only_if_one_fits(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    issuer.publish("EdDSA")
    assert await provider.read(issuer.mint(headers={"kid": None}))
    issuer.publish("EdDSA")
    clock.now += FRESH
    assert await provider.read(issuer.mint(issuer.claims(exp=NOW + 2 * FRESH), key=issuer.keys[0]))
    await finished(provider)
    token = issuer.mint(issuer.claims(exp=NOW + 2 * FRESH), headers={"kid": None})
    assert await provider.read(token) is None


# Fetching the keys


async def test_the_keys_are_fetched_once_for_all_who_wait(issuer: IdentityServer, provider: IdentityProvider) -> None:
    issuer.hang()
    readers = [asyncio.create_task(provider.read(issuer.mint())) for _ in range(20)]
    await asyncio.to_thread(issuer.asked.wait)
    issuer.resume()
    assert all(await asyncio.gather(*readers))
    assert await provider.read(issuer.mint())
    assert issuer.fetches == {DISCOVERY: 1, KEYS: 1}


async def test_who_gives_up_does_not_take_the_fetch_away_from_others(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    issuer.hang()
    first, second = (asyncio.create_task(provider.read(issuer.mint())) for _ in range(2))
    await asyncio.to_thread(issuer.asked.wait)
    first.cancel()
    issuer.resume()
    assert await second
    assert first.cancelled()
    assert issuer.fetches[KEYS] == 1


async def test_new_keys_are_found_by_the_first_token_that_names_one(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    before = issuer.mint()
    assert await provider.read(before)
    issuer.rotate("EdDSA")
    clock.now += PAUSE
    assert await provider.read(issuer.mint())
    assert await provider.read(before) is None


async def test_unknown_keys_do_not_cause_a_storm_of_fetches(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    assert await provider.read(issuer.mint())
    for _ in range(int(PAUSE) * 3):
        clock.now += 1
        unknown = [issuer.mint(headers={"kid": f"unknown-{number}"}) for number in range(5)]
        assert not any(await asyncio.gather(*map(provider.read, unknown)))
    assert issuer.fetches[KEYS] == 1 + 3


async def test_a_clock_that_was_set_back_does_not_put_off_the_next_fetch(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    clock.now = NOW + 86_400
    assert await provider.read(issuer.mint(issuer.claims(exp=clock.now + 300)))
    clock.now = NOW
    issuer.rotate("EdDSA")
    assert await provider.read(issuer.mint())


async def test_old_keys_are_fetched_again_while_requests_go_on(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    lasting = issuer.claims(exp=NOW + 3 * FRESH)
    old = issuer.mint(lasting)
    assert await provider.read(old)
    clock.now += FRESH - 1
    assert await provider.read(old)
    await finished(provider)
    assert issuer.fetches[KEYS] == 1
    issuer.hang()
    clock.now += 1
    began = time.monotonic()
    assert await provider.read(old)
    assert await provider.read(old)
    assert time.monotonic() - began < promised(1)
    issuer.rotate("EdDSA")
    issuer.resume()
    await finished(provider)
    assert issuer.fetches[KEYS] == 2
    assert await provider.read(old) is None
    assert await provider.read(issuer.mint(lasting))


async def test_an_issuer_may_have_a_path_with_or_without_a_slash_at_its_end(
    issuer: IdentityServer, clock: Clock
) -> None:
    for url in (f"{issuer.url}/realms/acme", f"{issuer.url}/realms/acme/"):
        issuer.answers[f"/realms/acme{DISCOVERY}"] = discovery(issuer, issuer=url)
        assert await trusting(issuer, clock, issuer=url).read(issuer.mint(issuer.claims(iss=url)))


def discovery(server: IdentityServer, **members: Any) -> Answer:
    """The discovery document with `members` in place of its own."""
    return Answer(json.dumps({"issuer": server.url, "jwks_uri": server.url + KEYS, **members}).encode())


# The issuer fails


async def test_while_the_issuer_is_away_its_known_keys_are_good_and_one_warning_says_so(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    token = issuer.mint(issuer.claims(exp=NOW + 10 * FRESH))
    assert await provider.read(token)
    for _ in range(2):
        issuer.stop()
        with capture_logs() as logs:
            for _ in range(3):
                clock.now += FRESH
                assert await provider.read(token)
                await finished(provider)
                assert await provider.read(issuer.mint(headers={"kid": "unknown"})) is None
        assert [(entry["log_level"], entry["issuer"]) for entry in logs] == [("warning", issuer.url)]
        issuer.start()
        clock.now += PAUSE
        assert await provider.read(token)
        await finished(provider)
        assert not provider._away


async def test_while_the_issuer_is_away_and_no_key_is_known_no_token_is_accepted_or_refused(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    issuer.stop()
    with capture_logs() as logs:
        for _ in range(3):
            await is_away(provider, issuer.mint())
            clock.now += RETRY
    assert len(logs) == 1
    issuer.start()
    assert await provider.read(issuer.mint())


async def test_an_issuer_that_has_just_failed_is_left_alone_for_a_moment(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    issuer.answers[DISCOVERY] = Answer(status=503)
    for _ in range(5):
        await is_away(provider, issuer.mint())
    assert issuer.fetches[DISCOVERY] == 1
    del issuer.answers[DISCOVERY]
    clock.now += RETRY
    assert await provider.read(issuer.mint())


async def test_an_issuer_that_hangs_delays_no_caller_for_long(
    issuer: IdentityServer, provider: IdentityProvider
) -> None:
    issuer.hang()
    began = time.monotonic()
    await asyncio.gather(*(is_away(provider, issuer.mint()) for _ in range(5)))
    assert time.monotonic() - began < promised(4)
    issuer.resume()
    await finished(provider)


async def test_an_issuer_that_answers_in_drops_is_given_up(
    issuer: IdentityServer, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_providers, "TIMEOUT", 0.3)
    issuer.answers[DISCOVERY] = Answer(b" " * 200, pause=0.02)
    began = time.monotonic()
    await is_away(provider, issuer.mint())
    assert time.monotonic() - began < promised(2)
    assert not provider._fetch


async def test_a_fetch_that_does_not_come_back_delays_no_caller_for_long(
    issuer: IdentityServer, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()
    monkeypatch.setattr(identity_providers, "PATIENCE", 0.1)
    monkeypatch.setattr(identity_providers, "_published_keys", lambda _: back.wait(5) and [])
    began = time.monotonic()
    await is_away(provider, issuer.mint())
    assert time.monotonic() - began < promised(2)
    back.set()
    await finished(provider)


HUGE = b'{"keys": [], "more": "%s"}' % (b"x" * 1024 * 1024)


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(b""),
        Answer(b"<html>"),
        Answer(b"[]"),
        Answer(b"{}"),
        Answer(b"null"),
        Answer(b"\xff"),
        Answer(b"[" * 100_000),
        Answer(b'{"keys": null, "issuer": null, "jwks_uri": null}'),
        Answer(b'{"keys": [], "issuer": "", "jwks_uri": ""}'),
        Answer(b'{"keys": [null, 1, [], {}, {"kty": 1}, {"kty": "oct"}, {"kty": "RSA", "n": 1, "e": []}]}'),
        Answer(HUGE),
        Answer(b"{}", status=500),
        Answer(b"{", headers={"Content-Length": "1000"}),
        Answer(b"zz", headers={"Transfer-Encoding": "chunked"}),
        Answer(status=302),
        Answer(status=302, headers={"Location": DISCOVERY}),
        Answer(status=302, headers={"Location": "http://[/"}),
    ],
)
async def test_an_issuer_that_answers_nonsense_is_away(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock, path: str, answer: Answer
) -> None:
    issuer.answers[path] = answer
    with capture_logs() as logs:
        await is_away(provider, issuer.mint())
    assert len(logs) == 1
    assert len(logs[0]["why"]) < 300
    del issuer.answers[path]
    clock.now += RETRY
    assert await provider.read(issuer.mint())
    issuer.answers[path] = answer
    clock.now += FRESH
    lasting = issuer.mint(issuer.claims(exp=clock.now + 300))
    assert await provider.read(lasting)
    await finished(provider)
    assert await provider.read(lasting)


async def test_a_document_of_more_than_a_mebibyte_is_not_read_though_it_is_right(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    keys = json.dumps({"keys": [issuer.keys[-1].jwk]}).encode()
    issuer.answers[KEYS] = Answer(keys.ljust(1024 * 1024 + 1))
    await is_away(provider, issuer.mint())
    issuer.answers[KEYS] = Answer(keys.ljust(1024 * 1024))
    clock.now += RETRY
    assert await provider.read(issuer.mint())


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {"kty": "EC", "crv": "P-256", "x": 1, "y": 1},
        {"kty": "oct"},
        {"kty": "oct", "alg": "HS256"},
        {"kty": "RSA", "alg": ["RS256"], "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "ä"},
        {"kty": ["RSA"]},
    ],
)
async def test_a_key_that_cannot_be_used_does_not_hide_the_others(
    issuer: IdentityServer, provider: IdentityProvider, entry: Any
) -> None:
    issuer.answers[KEYS] = key_set(entry, issuer.keys[-1].jwk)
    assert await provider.read(issuer.mint())


@pytest.mark.parametrize("more", ["/another", "/", " "])
async def test_the_discovery_document_of_another_issuer_is_not_taken(
    issuer: IdentityServer, provider: IdentityProvider, more: str
) -> None:
    issuer.answers[DISCOVERY] = discovery(issuer, issuer=f"{issuer.url}{more}")
    await is_away(provider, issuer.mint())
    assert not issuer.fetches[KEYS]


async def test_keys_are_not_read_from_a_file(
    issuer: IdentityServer, provider: IdentityProvider, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [issuer.keys[-1].jwk]}))
    issuer.answers[DISCOVERY] = discovery(issuer, jwks_uri=file.as_uri())
    await is_away(provider, issuer.mint())


async def test_a_redirect_is_followed_within_its_scheme_only(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        port = elsewhere.getsockname()[1]
        for scheme in ("https", "ftp"):
            issuer.answers[KEYS] = Answer(status=302, headers={"Location": f"{scheme}://127.0.0.1:{port}/"})
            await is_away(provider, issuer.mint())
            clock.now += RETRY
            with pytest.raises(BlockingIOError):
                elsewhere.accept()
    issuer.answers[KEYS] = Answer(status=302, headers={"Location": "/moved"})
    issuer.answers["/moved"] = key_set(issuer.keys[-1].jwk)
    assert await provider.read(issuer.mint())


async def test_redirects_are_not_followed_for_ever(
    issuer: IdentityServer, provider: IdentityProvider, clock: Clock
) -> None:
    for number in range(3):
        issuer.answers[f"/{number}"] = Answer(status=302, headers={"Location": f"/{number + 1}"})
    issuer.answers["/3"] = key_set(issuer.keys[-1].jwk)
    issuer.answers[DISCOVERY] = discovery(issuer, jwks_uri=f"{issuer.url}/0")
    await is_away(provider, issuer.mint())
    clock.now += RETRY
    issuer.answers[DISCOVERY] = discovery(issuer, jwks_uri=f"{issuer.url}/1")
    assert await provider.read(issuer.mint())


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityServer]:
    """An issuer that speaks https, with a certificate that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with identity_server(tls) as server:
        yield server


async def test_an_issuer_with_https_is_believed_if_its_certificate_is(
    secure: IdentityServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await trusting(secure, clock).read(secure.mint())
    monkeypatch.delenv("SSL_CERT_FILE")
    await is_away(trusting(secure, clock), secure.mint())


async def test_the_keys_of_an_issuer_with_https_do_not_come_over_http(
    secure: IdentityServer, issuer: IdentityServer, clock: Clock
) -> None:
    issuer.answers[KEYS] = key_set(secure.keys[-1].jwk)
    secure.answers[DISCOVERY] = discovery(secure, jwks_uri=issuer.url + KEYS)
    await is_away(trusting(secure, clock), secure.mint())
    assert not issuer.fetches


# Whatever comes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["owner", AUDIENCE, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "preferred_username", "account", "role", "a", "a.b"]
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jwk", "x5u"]), JSON, max_size=3)


@given(st.text() | st.binary().map(lambda value: value.decode("latin-1")) | st.text(st.sampled_from("eyJ.\ud800=_-")))
async def test_garbage_is_no_token(steady: IdentityServer, token: str) -> None:
    provider = trusting(steady, Clock())
    assert not provider.issued(token)
    assert await provider.read(token) is None


@given(st.text("aA0.=-_{\0é", max_size=5), st.integers(0, 600), st.integers(0, 5))
async def test_a_damaged_token_is_not_taken(steady: IdentityServer, patch: str, place: int, cut: int) -> None:
    provider, token = trusting(steady, Clock()), steady.mint()
    damaged = token[:place] + patch + token[place + cut :]
    # A signature may be padded, as the library allows it.
    if damaged.rstrip("=") != token:
        assert await provider.read(damaged) is None


@given(st.dictionaries(NAMES, JSON, max_size=4), HEADERS)
async def test_whatever_the_issuer_signs_is_read_or_not_taken(
    steady: IdentityServer, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    provider = trusting(steady, Clock(), role_claim="a.b")
    provider.issued(steady.mint(claims, headers=header))
    await provider.read(steady.mint({**steady.claims(), **claims}, headers=header))
    read = await provider.read(steady.mint({**steady.claims(), **claims}))
    assert read is None or isinstance(read, TokenClaims)


@given(JSON, st.dictionaries(st.sampled_from(["kty", "crv", "alg", "use", "kid", "x", "y"]), JSON, min_size=1))
async def test_whatever_the_issuer_publishes_its_good_keys_are_found(
    steady: IdentityServer, entry: Any, members: dict[str, Any]
) -> None:
    good = steady.keys[-1]
    entries = [entry, {**good.jwk, "kid": "broken", **members}, good.jwk]
    keys = [identity_providers._key(entry) for entry in json.loads(json.dumps(entries))]
    assert keys[-1]
    assert keys[-1].id == good.id
