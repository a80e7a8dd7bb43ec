"""Tokens: what they say, how long they are good, and that none can be made up."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emporion import credentials
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.credentials import Role, SigningKey, TokenClaims, decode_token, encode_token, key_id
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Origin
from emporion.marketplace import Marketplace, passwords
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CLIENT, SANDBOX_REALM, SANDBOX_SECRET
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.clients import Client
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from tests.clock import Clock, told_time
from tests.conftest import CALLERS, new_customer, settings_for

KEY = SubscriptionKey(b"digest", RESELLER_ID)
OTHERS_KEY = SubscriptionKey(b"other digest", CALLERS["other"].reseller_id)
OWNER = Actor(RESELLER_ID, SANDBOX.user, "command line")
OPERATOR = Actor(PROVIDER_ID, "provider", "command line")
FROM_HOME = Origin(None, "api", "correlation", None, "192.0.2.7")

T = TypeVar("T")
Change = Callable[[Marketplace], Awaitable[object]]


@asynccontextmanager
async def node(settings: Settings) -> AsyncIterator[Marketplace]:
    """A process of its own over a database, until the block ends."""
    store = open_store(settings)
    await store.open()
    try:
        yield build_marketplace(settings, store)
    finally:
        await store.close()


def done_by_command(database: Path, change: Callable[[Marketplace], Awaitable[T]]) -> T:
    """What `change` gives, done beside a server that may be running, as the command line does it."""

    async def run() -> T:
        async with node(settings_for(database, workers="2")) as marketplace:
            return await change(marketplace)

    return asyncio.run(run())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def marketplace(database: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Marketplace]:
    """The sandbox, whose user's password takes no time."""
    async with node(settings_for(database)) as marketplace:
        await marketplace.users.rotate(OWNER, SANDBOX.user, SANDBOX.password)
        yield marketplace


def content(token: str) -> dict[str, Any]:
    """What everybody can read in a token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def token_of(marketplace: Marketplace, login: str = SANDBOX.user) -> str:
    """A token for a user, without the password."""
    return await marketplace.tokens.issue_for_user(OPERATOR, await marketplace.users.get(login))


async def is_refused(waited: Awaitable[object], code: Code) -> AccessDenied:
    """What a caller is told who is turned away."""
    with pytest.raises(AccessDenied) as raised:
        await waited
    assert raised.value.code is code, raised.value.message
    return raised.value


# --- what they say, and for how long ---------------------------------------------------------------------------------


async def test_a_token_is_good_until_it_ends_and_a_new_one_does_not_end_it(
    marketplace: Marketplace, clock: Clock
) -> None:
    tokens = marketplace.tokens
    first = await tokens.issue(SANDBOX.user, SANDBOX.password, "us", KEY, FROM_HOME)
    clock.now += 1000
    second = await tokens.issue(SANDBOX.user, SANDBOX.password, None, KEY, FROM_HOME)
    assert first != second
    assert (await tokens.read(first, KEY)).account_id == (await tokens.read(second, KEY)).account_id == RESELLER_ID
    clock.now += 499
    assert (await tokens.read(first, KEY)).user == SANDBOX.user
    clock.now += 1
    assert (await is_refused(tokens.read(first, KEY), Code.UNAUTHENTICATED)).account_id == RESELLER_ID
    assert (await tokens.read(second, KEY)).marketplace == "us"


@pytest.mark.parametrize("role", get_args(Role))
async def test_a_token_names_user_account_role_and_version_of_the_credentials(
    marketplace: Marketplace, clock: Clock, role: Role
) -> None:
    new = await marketplace.users.add(OWNER, RESELLER_ID, "anna", role, "de")
    await marketplace.users.rotate(OWNER, "anna", new.password)
    token = await marketplace.tokens.issue("Anna", new.password, None, KEY, FROM_HOME)
    signing_key = await marketplace.signing_keys.current()
    said = content(token)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": signing_key.id}
    assert said.pop("jti")
    assert said == {
        "iss": "http://127.0.0.1:8000",
        "aud": "emporion",
        "sub": "anna",
        "account": str(RESELLER_ID),
        "role": role,
        "ver": 2,
        "marketplace": "de",
        "iat": int(clock.now),
        "exp": int(clock.now) + 1500,
    }
    assert await marketplace.tokens.read(token, KEY) == TokenClaims(RESELLER_ID, "anna", role, "de", said["exp"], 2)


async def test_a_token_of_a_client_names_it_and_its_realm(marketplace: Marketplace) -> None:
    added = await marketplace.clients.add(OWNER, RESELLER_ID, "north", "reports", role="reader")
    token = await marketplace.tokens.issue_for_client(added.client)
    assert content(token)["iss"] == "http://127.0.0.1:8000/auth/realms/north"
    claims = await marketplace.tokens.read(token, KEY)
    assert (claims.user, claims.role, claims.version) == ("client:north/reports", "reader", 1)


async def test_no_two_tokens_are_the_same(marketplace: Marketplace) -> None:
    assert len({await token_of(marketplace) for _ in range(5)}) == 5


# --- who gets one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        (SANDBOX.user, "wrong", "us"),
        (SANDBOX.user, "", "us"),
        ("unknown", SANDBOX.password, "us"),
        ("", SANDBOX.password, "us"),
        ("\0", "\0", "us"),
        (SANDBOX.user, SANDBOX.password, "de"),
    ],
)
async def test_whatever_was_wrong_a_password_is_verified_once_and_the_answer_is_the_same(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch, login: str, password: str, code: str
) -> None:
    verified = counted_digests(monkeypatch)
    refused = await is_refused(marketplace.tokens.issue(login, password, code, KEY, FROM_HOME), Code.UNAUTHENTICATED)
    assert refused.message == "The login, the password or the marketplace is wrong."
    assert len(verified) == 1


async def test_a_disabled_user_is_told_the_same_after_the_same_time(
    marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await marketplace.users.disable(OWNER, SANDBOX.user)
    verified = counted_digests(monkeypatch)
    attempt = marketplace.tokens.issue(SANDBOX.user, SANDBOX.password, None, KEY, FROM_HOME)
    refused = await is_refused(attempt, Code.UNAUTHENTICATED)
    assert refused.message == "The login, the password or the marketplace is wrong."
    assert len(verified) == 1


def counted_digests(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The digests with which passwords are compared from now on."""
    seen: list[str | None] = []
    verify = credentials.verify_password

    def counted(digest: str | None, password: str) -> bool:
        seen.append(digest)
        return verify(digest, password)

    monkeypatch.setattr(passwords, "verify_password", counted)
    return seen


def test_a_password_of_no_user_takes_a_real_digest_and_is_never_right(real_argon2: None) -> None:
    assert credentials.decoy_digest().startswith("$argon2id$v=19$m=65536,t=3,")
    assert not credentials.password_hasher().check_needs_rehash(credentials.decoy_digest())
    assert not credentials.verify_password(None, "anything")


async def test_a_right_password_with_anothers_key_is_refused(marketplace: Marketplace) -> None:
    attempt = marketplace.tokens.issue(SANDBOX.user, SANDBOX.password, None, OTHERS_KEY, FROM_HOME)
    assert (await is_refused(attempt, Code.FORBIDDEN)).account_id == OTHERS_KEY.reseller_id


async def test_anothers_client_is_told_of_a_right_password_what_it_is_told_of_a_wrong_one(
    marketplace: Marketplace,
) -> None:
    foreign = (await marketplace.clients.add(OPERATOR, CALLERS["other"].reseller_id, "other", "program")).client
    told = [
        await is_refused(
            marketplace.tokens.issue_for_password("other", foreign, SANDBOX.user, password, FROM_HOME),
            Code.UNAUTHENTICATED,
        )
        for password in (SANDBOX.password, "wrong")
    ]
    assert told[0].message == told[1].message


async def test_a_user_who_is_known_otherwise_gets_a_token_unless_disabled(marketplace: Marketplace) -> None:
    assert (await marketplace.tokens.read(await token_of(marketplace), KEY)).user == SANDBOX.user
    await marketplace.users.disable(OWNER, SANDBOX.user)
    await is_refused(token_of(marketplace), Code.FORBIDDEN)


async def test_only_an_owner_gives_a_token_without_a_password_and_the_log_says_so(
    marketplace: Marketplace, database: Path
) -> None:
    user = await marketplace.users.get(SANDBOX.user)
    editor = Actor(RESELLER_ID, "editor", "command line", "editor")
    await is_refused(marketplace.tokens.issue_for_user(editor, user), Code.FORBIDDEN)
    token = await marketplace.tokens.issue_for_user(OPERATOR, user)
    store = SqliteStore(database)
    await store.open()
    events = await store.events.log(RESELLER_ID, 0, 1000)
    await store.close()
    assert [event.origin.user for event in events if "without the password" in (event.reason or "")] == ["provider"]
    assert token not in str(events)


# --- what ends them --------------------------------------------------------------------------------------------------


USER_CHANGES: dict[str, Change] = {
    "another password": lambda m: m.users.rotate(OWNER, SANDBOX.user, SANDBOX.password),
    "a password of its own": lambda m: m.users.rotate(OWNER, SANDBOX.user),
    "disabled": lambda m: m.users.disable(OWNER, SANDBOX.user),
    "fewer rights": lambda m: m.users.change_role(OWNER, SANDBOX.user, "reader"),
}


@pytest.mark.parametrize("change", USER_CHANGES.values(), ids=USER_CHANGES)
async def test_a_change_of_a_users_credentials_ends_the_tokens_given_before(
    marketplace: Marketplace, change: Change
) -> None:
    tokens = [await token_of(marketplace) for _ in range(2)]
    await change(marketplace)
    for token in tokens:
        refused = await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)
        assert (refused.account_id, refused.user) == (RESELLER_ID, SANDBOX.user)


CLIENT_CHANGES: dict[str, Change] = {
    "another secret": lambda m: m.clients.rotate(OWNER, SANDBOX_REALM, SANDBOX_CLIENT),
    "disabled": lambda m: m.clients.disable(OWNER, SANDBOX_REALM, SANDBOX_CLIENT),
}


@pytest.mark.parametrize("change", CLIENT_CHANGES.values(), ids=CLIENT_CHANGES)
async def test_a_change_of_a_clients_credentials_ends_the_tokens_given_before(
    marketplace: Marketplace, change: Change
) -> None:
    token = await marketplace.tokens.issue_for_client(await sandbox_client(marketplace))
    assert await marketplace.tokens.read(token, KEY)
    await change(marketplace)
    await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)
    await is_refused(marketplace.clients.find(SANDBOX_REALM, SANDBOX_CLIENT, SANDBOX_SECRET), Code.UNAUTHENTICATED)


async def test_a_user_who_is_enabled_again_needs_a_new_token(marketplace: Marketplace) -> None:
    client = await sandbox_client(marketplace)
    old = [await token_of(marketplace), await marketplace.tokens.issue_for_client(client)]
    await marketplace.users.disable(OWNER, SANDBOX.user)
    await marketplace.clients.disable(OWNER, client.realm, client.id)
    await marketplace.users.enable(OWNER, SANDBOX.user)
    client = await marketplace.clients.enable(OWNER, client.realm, client.id)
    new = [await token_of(marketplace), await marketplace.tokens.issue_for_client(client)]
    for token in old:
        await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)
    for token in new:
        assert await marketplace.tokens.read(token, KEY)


async def test_what_ends_one_users_tokens_leaves_those_of_others(marketplace: Marketplace) -> None:
    await marketplace.users.add(OWNER, RESELLER_ID, "anna", "owner", "us")
    token = await token_of(marketplace, "anna")
    for change in (*USER_CHANGES.values(), *CLIENT_CHANGES.values()):
        await change(marketplace)
    assert await marketplace.tokens.read(token, KEY)


async def sandbox_client(marketplace: Marketplace) -> Client:
    return await marketplace.clients.get(SANDBOX_REALM, SANDBOX_CLIENT)


# --- whose reseller is shut ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["adminHold", "cancelled"])
@pytest.mark.parametrize("depth", [0, 1, 4])
async def test_no_user_of_or_below_a_shut_reseller_gets_in_or_a_token(
    marketplace: Marketplace, status: str, depth: int
) -> None:
    tokens, key = marketplace.tokens, SubscriptionKey(b"deep", await new_reseller_below(marketplace, depth))
    added = await marketplace.users.add(OPERATOR, key.reseller_id, "deep", "owner", "us")
    client = (await marketplace.clients.add(OPERATOR, key.reseller_id, "deep", "program")).client
    old = [await token_of(marketplace, "deep"), await tokens.issue_for_client(client)]
    for token in old:
        assert await tokens.read(token, key)
    await marketplace.resellers.update(OPERATOR, str(RESELLER_ID), {"status": status})
    for token in old:
        assert (await is_refused(tokens.read(token, key), Code.FORBIDDEN)).account_id == key.reseller_id
    await is_refused(tokens.issue("deep", added.password, None, key, FROM_HOME), Code.FORBIDDEN)
    await is_refused(tokens.issue_for_password("deep", client, "deep", added.password, FROM_HOME), Code.FORBIDDEN)
    await is_refused(tokens.issue_for_client(client), Code.FORBIDDEN)
    await is_refused(token_of(marketplace, "deep"), Code.FORBIDDEN)


async def test_the_same_token_gets_in_again_when_the_reseller_is_released(marketplace: Marketplace) -> None:
    key = SubscriptionKey(b"deep", await new_reseller_below(marketplace, 2))
    await marketplace.users.add(OPERATOR, key.reseller_id, "deep", "owner", "us")
    token = await token_of(marketplace, "deep")
    await marketplace.resellers.update(OPERATOR, str(RESELLER_ID), {"status": "adminHold"})
    await marketplace.resellers.update(OPERATOR, str(RESELLER_ID), {"status": "active"})
    assert await marketplace.tokens.read(token, key)
    assert await token_of(marketplace, "deep")


@pytest.mark.parametrize("status", ["creditHold", "active"])
async def test_a_reseller_who_owes_money_is_not_shut_out(marketplace: Marketplace, status: str) -> None:
    token = await token_of(marketplace)
    await marketplace.resellers.update(OPERATOR, str(RESELLER_ID), {"status": status})
    assert await marketplace.tokens.read(token, KEY)


async def test_who_stands_beside_or_above_a_shut_reseller_gets_in(marketplace: Marketplace) -> None:
    tokens = {name: await token_of(marketplace, CALLERS[name].login) for name in ("provider", "other")}
    await marketplace.resellers.update(OPERATOR, str(RESELLER_ID), {"status": "cancelled"})
    for name, token in tokens.items():
        assert await marketplace.tokens.read(token, SubscriptionKey(b"", CALLERS[name].reseller_id))


async def new_reseller_below(marketplace: Marketplace, depth: int) -> int:
    """A reseller `depth` steps below the sandbox's."""
    found = RESELLER_ID
    for _ in range(depth):
        above = Actor(found, "above", "command line")
        body = new_customer(currency="EUR", status="active", contactPersons=new_customer()["contactPersons"])
        found = (await marketplace.resellers.create(above, body)).id
    return found


# --- what cannot be made up ------------------------------------------------------------------------------------------


SIGNING_KEY = SigningKey("key", b"k" * 32, 1)
PRIVATE = Ed25519PrivateKey.from_private_bytes(SIGNING_KEY.private)
PUBLIC = PRIVATE.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
CLAIMS = {
    "iss": "emporion",
    "aud": "emporion",
    "sub": "sandbox",
    "account": "1000000",
    "role": "owner",
    "ver": 1,
    "marketplace": "us",
    "exp": 2_000_000,
}


def signed(claims: dict[str, Any], key: Any = PRIVATE, algorithm: str = "EdDSA") -> str:
    return jwt.encode(claims, key, algorithm, headers={"kid": SIGNING_KEY.id})


def without(name: str) -> dict[str, Any]:
    return {claim: value for claim, value in CLAIMS.items() if claim != name}


def by_public_key() -> str:
    """Signed with what everybody knows, as if that were a secret; the library refuses to make such a token."""
    good = signed(CLAIMS, b"x" * 32, "HS256")
    content = good.rpartition(".")[0].encode()
    algorithm = jwt.get_algorithm_by_name("HS256")
    return content.decode() + "." + jwt.utils.base64url_encode(algorithm.sign(content, PUBLIC)).decode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(CLAIMS, Ed25519PrivateKey.generate()),
        signed(CLAIMS, b"x" * 32, "HS256"),
        by_public_key(),
        signed(CLAIMS, None, "none"),
        signed({**CLAIMS, "aud": "another"}),
        *(signed(without(name)) for name in CLAIMS if name != "iss"),
        signed({**CLAIMS, "exp": 1_000_000}),
        signed(CLAIMS) + "x",
        signed(CLAIMS).rpartition(".")[0] + ".",
    ],
)  # fmt: skip
def test_no_other_token_is_taken(token: str) -> None:
    assert decode_token(token, 1_000_000, SIGNING_KEY) is None


def test_the_right_one_is_taken() -> None:
    claims = decode_token(signed(CLAIMS), 1_000_000, SIGNING_KEY)
    assert claims == TokenClaims(RESELLER_ID, "sandbox", "owner", "us", 2_000_000, 1)


@pytest.mark.parametrize("token", ["", "a.b.c", "e30.e30.e30", jwt.encode(CLAIMS, PRIVATE, "EdDSA")])
def test_a_token_that_names_no_key_is_nobodys(token: str) -> None:
    assert key_id(token) is None


async def test_a_token_that_names_our_key_but_was_signed_by_another_is_refused(
    marketplace: Marketplace, clock: Clock
) -> None:
    ours = await marketplace.signing_keys.current()
    theirs = SigningKey(ours.id, secrets.token_bytes(32), ours.created_at)
    claims = TokenClaims(RESELLER_ID, SANDBOX.user, "owner", "us", clock.now + 60, 1)
    forged = encode_token(claims, clock.now, theirs, "test")
    await is_refused(marketplace.tokens.read(forged, KEY), Code.UNAUTHENTICATED)


async def test_a_token_of_another_reseller_than_the_key_is_refused_in_the_log_of_the_key(
    marketplace: Marketplace,
) -> None:
    refused = await is_refused(marketplace.tokens.read(await token_of(marketplace), OTHERS_KEY), Code.FORBIDDEN)
    assert (refused.account_id, refused.user) == (OTHERS_KEY.reseller_id, None)


async def test_a_token_of_a_user_who_was_never_there_is_refused(marketplace: Marketplace, clock: Clock) -> None:
    signing_key = await marketplace.signing_keys.current()
    for user in ("unknown", "client:sandbox/unknown", "client:nowhere"):
        claims = TokenClaims(RESELLER_ID, user, "owner", "us", clock.now + 60, 1)
        token = encode_token(claims, clock.now, signing_key, "test")
        await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)


async def test_a_user_of_another_reseller_than_the_token_says_is_refused(
    marketplace: Marketplace, clock: Clock
) -> None:
    claims = TokenClaims(RESELLER_ID, CALLERS["other"].login, "owner", "us", clock.now + 60, 1)
    token = encode_token(claims, clock.now, await marketplace.signing_keys.current(), "test")
    await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)


async def test_no_token_of_a_disabled_user_is_good_even_of_the_last_version(
    marketplace: Marketplace, clock: Clock
) -> None:
    user = await marketplace.users.disable(OWNER, SANDBOX.user)
    client = await marketplace.clients.disable(OWNER, SANDBOX_REALM, SANDBOX_CLIENT)
    signing_key = await marketplace.signing_keys.current()
    for name, version in ((user.login, user.version), (client.user, client.version)):
        claims = TokenClaims(RESELLER_ID, name, "owner", "us", clock.now + 60, version)
        token = encode_token(claims, clock.now, signing_key, "test")
        await is_refused(marketplace.tokens.read(token, KEY), Code.UNAUTHENTICATED)


async def test_a_token_that_cannot_be_looked_up_is_not_called_wrong(marketplace: Marketplace, database: Path) -> None:
    async with node(settings_for(database)) as away:
        token = await token_of(away)
    with pytest.raises(Problem) as raised:
        await away.tokens.read(token, KEY)
    assert raised.value.code is Code.UNAVAILABLE
