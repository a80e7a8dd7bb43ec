"""How long it takes to be refused does not tell a wrong user from a wrong password.

Tries of both kinds are made in pairs, in a random order within each pair, so that what else the machine does strikes
both alike. The times are compared by ranks, which a few slow tries do not move. That the comparison would notice a
difference is tested with a platform that has one.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from emporion import credentials
from emporion.errors import AccessDenied, Code
from emporion.events import Origin
from emporion.marketplace import Marketplace, passwords
from emporion.marketplace.login_throttle import FORGOTTEN
from emporion.marketplace.platforms import SANDBOX
from tests.clock import Clock, told_time
from tests.conftest import settings_for
from tests.marketplace.test_tokens import KEY, OWNER, node
from tests.password_digests import use_argon2

PAIRS = 320
# Of two kinds of tries that take the same time, one is slower in half of all comparisons; the deviation of that share
# is (n + m + 1) / 12nm under its root, which is 0.023 here. Six of them come by chance once in 500 million runs.
DEVIATIONS = 6
# As if a guesser could use no more than what shows in the medians: so much of a digest's time may they differ.
MEDIANS = 0.1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def marketplace(database: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Marketplace]:
    """The sandbox, whose digests take some milliseconds: the less they take, the more all else shows."""
    use_argon2(monkeypatch, memory_cost=4096)
    async with node(settings_for(database)) as marketplace:
        await marketplace.users.rotate(OWNER, SANDBOX.user, SANDBOX.password)
        yield marketplace


async def seconds_until_refused(
    marketplace: Marketplace, clock: Clock, login: str, password: str, code: str | None
) -> float:
    """How long a try takes that costs no wait."""
    clock.now += FORGOTTEN + 1
    origin = Origin(None, "api", "correlation", None, "192.0.2.7")
    began = time.perf_counter()
    with pytest.raises(AccessDenied) as raised:
        await marketplace.tokens.issue(login, password, code, KEY, origin)
    took = time.perf_counter() - began
    assert raised.value.code is Code.UNAUTHENTICATED
    return took


async def times(
    marketplace: Marketplace, clock: Clock, one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> tuple[list[float], list[float]]:
    """The times of two kinds of tries."""
    order = random.Random(1)
    taken: tuple[list[float], list[float]] = ([], [])
    for kind in (0, 1):
        await seconds_until_refused(marketplace, clock, *(one, other)[kind])
    for _ in range(PAIRS):
        for kind in order.sample((0, 1), 2):
            taken[kind].append(await seconds_until_refused(marketplace, clock, *(one, other)[kind]))
    return taken


def slower_share(one: Sequence[float], other: Sequence[float]) -> float:
    """How often a time of `one` is above one of `other` (Mann and Whitney's U, as a share of all comparisons)."""
    wins = sum((first > second) + (first == second) / 2 for first in one for second in other)
    return wins / (len(one) * len(other))


def deviations(one: Sequence[float], other: Sequence[float]) -> float:
    """How many standard deviations that share is away from one half."""
    deviation = math.sqrt((len(one) + len(other) + 1) / (12 * len(one) * len(other)))
    return abs(slower_share(one, other) - 0.5) / deviation


def median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def differ(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether an attacker who has measured both can tell them apart: for sure, and by as much as can be used."""
    apart = abs(median(one) - median(other)) / min(median(one), median(other))
    return deviations(one, other) > DEVIATIONS and apart > MEDIANS


WRONG_PASSWORD = (SANDBOX.user, "wrong", None)
OTHERS: dict[str, tuple[str, str, str | None]] = {
    "a wrong user": ("unknown", "wrong", None),
    "the right password of no user": ("unknown", SANDBOX.password, None),
    "a wrong marketplace": (SANDBOX.user, SANDBOX.password, "de"),
    "a long login": ("x" * 4096, "wrong", None),
}


@pytest.mark.parametrize("wrong", [WRONG_PASSWORD, *OTHERS.values()], ids=["a wrong password", *OTHERS])
async def test_one_digest_is_made_whatever_is_wrong(
    marketplace: Marketplace, clock: Clock, wrong: tuple[str, str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, digest: str | bytes, password: str | bytes) -> bool:
        made.append(extract_parameters(str(digest)))
        return verify(hasher, digest, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    await seconds_until_refused(marketplace, clock, *wrong)
    assert [(parameters.memory_cost, parameters.time_cost) for parameters in made] == [(4096, 1)]


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
async def test_a_wrong_password_takes_as_long_as_whatever_else_is_wrong(
    marketplace: Marketplace, clock: Clock, other: tuple[str, str, str | None]
) -> None:
    one, two = await times(marketplace, clock, WRONG_PASSWORD, other)
    assert not differ(one, two), f"{median(one) * 1000:.2f} ms and {median(two) * 1000:.2f} ms"


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_it_would_be_noticed_if_no_digest_were_made_for_an_unknown_user(
    marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hasty(digest: str | None, password: str) -> bool:
        return digest is not None and credentials.verify_password(digest, password)

    monkeypatch.setattr(passwords, "verify_password", hasty)
    one, two = await times(marketplace, clock, WRONG_PASSWORD, OTHERS["a wrong user"])
    assert differ(one, two), f"{median(one) * 1000:.2f} ms and {median(two) * 1000:.2f} ms"


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_it_would_be_noticed_if_the_digest_for_an_unknown_user_were_a_cheaper_one(
    marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheaper = PasswordHasher(time_cost=1, memory_cost=2048, parallelism=1)
    digest = cheaper.hash("decoy")
    monkeypatch.setattr(credentials, "decoy_digest", lambda: digest)
    one, two = await times(marketplace, clock, WRONG_PASSWORD, OTHERS["a wrong user"])
    assert differ(one, two), f"{median(one) * 1000:.2f} ms and {median(two) * 1000:.2f} ms"


def test_what_is_the_same_is_not_told_apart_and_what_differs_is() -> None:
    chance = random.Random(1)

    def sample(middle: float) -> list[float]:
        return [chance.lognormvariate(math.log(middle), 0.3) for _ in range(PAIRS)]

    assert not any(differ(sample(1.0), sample(1.0)) for _ in range(20))
    assert all(differ(sample(1.0), sample(1.3)) for _ in range(20))
