"""Tokens: how long they are good, and that none can be made up."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from emporion import credentials
from emporion.credentials import decode_token
from emporion.errors import Code, Problem
from emporion.marketplace import passwords
from emporion.marketplace.passwords import Passwords
from emporion.marketplace.platforms import RESELLER_ID, SANDBOX
from emporion.marketplace.tokens import Tokens
from emporion.store.base import SubscriptionKey
from emporion.store.sqlite import SqliteStore

KEY = SubscriptionKey(b"digest", RESELLER_ID)
SECRET = b"k" * 32


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_token_is_good_until_it_ends_and_a_new_one_does_not_end_it(database: Path) -> None:
    store, clock = SqliteStore(database), Clock()
    await store.open()
    tokens = Tokens(store, Passwords("medium"), SECRET, 1500, clock)
    first = await tokens.issue(SANDBOX.user, SANDBOX.password, "us", KEY)
    clock.now += 1000
    second = await tokens.issue(SANDBOX.user, SANDBOX.password, None, KEY)
    await store.close()
    assert first != second
    assert tokens.read(first, KEY).account_id == tokens.read(second, KEY).account_id == RESELLER_ID
    clock.now += 499
    assert tokens.read(first, KEY).user == SANDBOX.user
    clock.now += 1
    with pytest.raises(Problem) as raised:
        tokens.read(first, KEY)
    assert raised.value.code is Code.UNAUTHENTICATED
    assert tokens.read(second, KEY).marketplace == "us"


@pytest.mark.parametrize(
    ("login", "password", "marketplace"),
    [(SANDBOX.user, "wrong", "us"), ("nobody", SANDBOX.password, "us"), (SANDBOX.user, SANDBOX.password, "de")],
)
async def test_whatever_was_wrong_a_password_is_verified_once(
    database: Path, monkeypatch: pytest.MonkeyPatch, login: str, password: str, marketplace: str
) -> None:
    verified = 0
    verify = credentials.verify_password

    def counted(digest: str | None, password: str) -> bool:
        nonlocal verified
        verified += 1
        return verify(digest, password)

    monkeypatch.setattr(passwords, "verify_password", counted)
    store = SqliteStore(database)
    await store.open()
    with pytest.raises(Problem) as raised:
        await Tokens(store, Passwords("medium"), SECRET, 1500, Clock()).issue(login, password, marketplace, KEY)
    await store.close()
    assert raised.value.code is Code.UNAUTHENTICATED
    assert verified == 1


def test_a_password_for_nobody_takes_a_real_digest_and_is_never_right() -> None:
    assert credentials._NOBODY.startswith("$argon2id$v=19$m=65536,t=3,")
    assert not credentials.verify_password(None, "anything")


CLAIMS = {"iss": "emporion", "sub": "sandbox", "account": "1000000", "marketplace": "us", "exp": 2_000_000}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        jwt.encode(CLAIMS, b"x" * 32, "HS256"),
        jwt.encode(CLAIMS, "", "none"),
        jwt.encode(CLAIMS, b"k" * 64, "HS512"),
        jwt.encode({**CLAIMS, "iss": "somebody"}, SECRET, "HS256"),
        jwt.encode({name: value for name, value in CLAIMS.items() if name != "exp"}, SECRET, "HS256"),
        jwt.encode(CLAIMS, SECRET, "HS256") + "x",
    ],
)
def test_no_other_token_is_taken(token: str) -> None:
    assert decode_token(token, 1_000_000, SECRET) is None


def test_the_right_one_is_taken() -> None:
    claims = decode_token(jwt.encode(CLAIMS, SECRET, "HS256"), 1_000_000, SECRET)
    assert claims
    assert claims.account_id == RESELLER_ID
