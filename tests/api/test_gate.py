"""A caller who was let in is remembered, but never longer than a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from emporion.api import gate
from emporion.api.gate import REMEMBERED, Gate
from emporion.errors import Code, Problem
from emporion.marketplace.passwords import Passwords
from emporion.marketplace.subscription_keys import SubscriptionKeys
from emporion.marketplace.tokens import Tokens
from emporion.store.base import SubscriptionKey
from emporion.store.sqlite import SqliteStore
from tests.conftest import Caller
from tests.marketplace.test_tokens import Clock


class Keys(SubscriptionKeys):
    """One key, which can be revoked; counts how often it was asked for."""

    def __init__(self, reseller_id: int) -> None:
        self.key: SubscriptionKey | None = SubscriptionKey(b"digest", reseller_id)
        self.asked = 0

    async def find(self, key: str | None) -> SubscriptionKey:
        self.asked += 1
        if not self.key:
            raise Problem(Code.UNAUTHENTICATED, "revoked")
        return self.key


@pytest.fixture
async def tokens(database: Path) -> Tokens:
    store = SqliteStore(database)
    await store.open()
    platform = await store.platform()
    await store.close()
    assert platform
    return Tokens(store, Passwords("low"), platform.signing_key, 1500, Clock())


async def test_a_revoked_key_is_out_after_a_second(tokens: Tokens, callers: dict[str, Caller]) -> None:
    keys, clock = Keys(callers["sandbox"].reseller_id), Clock()
    headers = {name.lower().encode(): value.encode() for name, value in callers["sandbox"].headers.items()}
    door = Gate(keys, tokens, "1.6", clock)
    first = await door.admit(headers)
    clock.now += REMEMBERED / 2
    assert await door.admit(headers) is first
    assert keys.asked == 1
    keys.key = None
    clock.now += REMEMBERED / 2
    with pytest.raises(Problem):
        await door.admit(headers)


async def test_what_is_remembered_is_bounded(
    tokens: Tokens, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_REMEMBERED", 3)
    door = Gate(Keys(callers["sandbox"].reseller_id), tokens, "1.6", Clock())
    for number in range(10):
        headers = {b"x-subscription-key": str(number).encode()}
        headers[b"authorization"] = callers["sandbox"].headers["Authorization"].encode()
        await door.admit(headers)
        assert len(door._remembered) <= 3
