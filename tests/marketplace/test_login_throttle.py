"""Guessing passwords is slow for the attacker, and for no other user."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Origin
from emporion.limits import DAY
from emporion.marketplace import Marketplace
from emporion.marketplace.login_throttle import (
    FORGOTTEN,
    FREE,
    FREE_OF_MANY,
    KNOWN,
    LONGEST_WAIT,
    MOST_IN_TURN,
    NOTED,
    LoginThrottle,
)
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CLIENT, SANDBOX_REALM
from emporion.store.sqlite import SqliteStore
from tests.clock import Clock, told_time
from tests.conftest import settings_for
from tests.effort import effort
from tests.marketplace.test_tokens import KEY, OWNER, node

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.1"
LOGIN = SANDBOX.user


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return told_time(monkeypatch)


@pytest.fixture
async def marketplace(database: Path, clock: Clock) -> AsyncIterator[Marketplace]:
    """The sandbox, whose user's password takes no time."""
    async with node(settings_for(database)) as marketplace:
        await marketplace.users.rotate(OWNER, LOGIN, SANDBOX.password)
        yield marketplace


def address(number: int) -> str:
    """One of many addresses, none of them HOME or ELSEWHERE."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def told(
    marketplace: Marketplace, login: str = LOGIN, password: str = "wrong", at: str | None = ELSEWHERE
) -> AccessDenied | None:
    """Why a user at an address gets no token; None if they do."""
    try:
        await marketplace.tokens.issue(login, password, None, KEY, Origin(None, "api", "correlation", None, at))
    except AccessDenied as refused:
        return refused
    return None


async def outcome(
    marketplace: Marketplace, login: str = LOGIN, password: str = "wrong", at: str | None = ELSEWHERE
) -> Code | None:
    refused = await told(marketplace, login, password, at)
    return refused.code if refused else None


def wait_of(refused: AccessDenied | None) -> int:
    """For how many seconds a user must wait."""
    assert refused
    assert refused.code is Code.LIMITED
    seconds = int(refused.headers["Retry-After"])
    assert f"in {seconds} seconds" in refused.message
    return seconds


async def waits(marketplace: Marketplace, clock: Clock, logins: list[str], number: int) -> list[int]:
    """How long an attacker who guesses at logins must wait each time, coming again as soon as allowed."""
    found: list[int] = []
    while len(found) < number:
        refused = await told(marketplace, logins[len(found) % len(logins)])
        if refused and refused.code is Code.LIMITED:
            found.append(wait_of(refused))
            clock.now += found[-1]
            refused = await told(marketplace, logins[(len(found) - 1) % len(logins)])
        assert refused
        assert refused.code is Code.UNAUTHENTICATED, "they must not wait longer than they were told"
    return found


async def fail(marketplace: Marketplace, clock: Clock, times: int, login: str = LOGIN, at: str = ELSEWHERE) -> None:
    """Fail so often, with all the patience that it takes."""
    done = 0
    while done < times:
        code = await outcome(marketplace, login, at=at)
        done += code is Code.UNAUTHENTICATED
        clock.now += LONGEST_WAIT if code is Code.LIMITED else 0


# --- attackers who guess ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [LOGIN, "unknown"])
async def test_some_mistakes_are_free_and_each_further_one_costs_twice_as_long(
    marketplace: Marketplace, clock: Clock, login: str
) -> None:
    for _ in range(FREE):
        assert await outcome(marketplace, login) is Code.UNAUTHENTICATED
    assert await waits(marketplace, clock, [login], 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_the_right_password_does_not_help_before_the_wait_is_over_and_works_after_it(
    marketplace: Marketplace, clock: Clock
) -> None:
    await fail(marketplace, clock, FREE + 5)
    wait = wait_of(await told(marketplace))
    clock.now += wait - 1
    assert wait_of(await told(marketplace, password=SANDBOX.password)) == 1
    clock.now += 1
    assert await outcome(marketplace, password=SANDBOX.password) is None


async def test_a_login_that_went_well_makes_mistakes_free_again(marketplace: Marketplace, clock: Clock) -> None:
    for _ in range(3):
        for _ in range(FREE):
            assert await outcome(marketplace) is Code.UNAUTHENTICATED
        assert await outcome(marketplace) is Code.LIMITED
        clock.now += 1
        assert await outcome(marketplace, password=SANDBOX.password) is None


async def test_who_is_told_to_wait_is_not_told_to_wait_longer_for_asking(
    marketplace: Marketplace, clock: Clock
) -> None:
    await fail(marketplace, clock, FREE + 3)
    assert [wait_of(await told(marketplace)) for _ in range(50)] == [8] * 50
    clock.now += 8
    assert await outcome(marketplace, password=SANDBOX.password) is None


@pytest.mark.parametrize("logins", [["sandbox", "other", "below", "provider"], [f"unknown{n}" for n in range(100)]])
async def test_an_address_that_tries_many_logins_waits_longer_each_time(
    marketplace: Marketplace, clock: Clock, logins: list[str]
) -> None:
    failed = 0
    while failed < FREE_OF_MANY:
        # Four tries at each of them, that no login from this address costs anything by itself.
        assert await outcome(marketplace, f"{logins[failed // 4 % len(logins)]}{failed // 4}") is Code.UNAUTHENTICATED
        failed += 1
    assert await waits(marketplace, clock, [f"x{login}" for login in logins], 4) == [1, 2, 4, 8]
    assert await outcome(marketplace, at=HOME) is Code.UNAUTHENTICATED


async def test_a_login_that_is_tried_from_many_addresses_waits_longer_each_time(
    marketplace: Marketplace, clock: Clock
) -> None:
    for number in range(FREE_OF_MANY):
        assert await outcome(marketplace, at=address(number)) is Code.UNAUTHENTICATED
    for seconds in (1, 2, 4, 8):
        assert wait_of(await told(marketplace, at=address(99))) == seconds
        clock.now += seconds
        assert await outcome(marketplace, at=address(100 + seconds)) is Code.UNAUTHENTICATED
    assert await outcome(marketplace, "other", at=address(99)) is Code.UNAUTHENTICATED


async def test_the_case_of_a_login_gives_no_more_tries(marketplace: Marketplace) -> None:
    for number in range(FREE):
        assert await outcome(marketplace, "".join((LOGIN[:number].upper(), LOGIN[number:]))) is Code.UNAUTHENTICATED
    assert await outcome(marketplace, LOGIN.upper()) is Code.LIMITED


async def test_one_customer_of_a_provider_has_one_address_of_ipv6(marketplace: Marketplace) -> None:
    for number in range(FREE):
        assert await outcome(marketplace, at=f"2001:db8:0:1::{number}") is Code.UNAUTHENTICATED
    assert await outcome(marketplace, at="2001:db8:0:1:ffff:ffff:ffff:ffff") is Code.LIMITED
    assert await outcome(marketplace, at="2001:db8:0:2::1") is Code.UNAUTHENTICATED


async def test_an_unknown_login_is_treated_like_a_known_one(marketplace: Marketplace, clock: Clock) -> None:
    seen = []
    for login, at in ((LOGIN, HOME), ("unknown", ELSEWHERE)):
        seen.append([str(await told(marketplace, login, at=at)) for _ in range(FREE + 2)])
        await fail(marketplace, clock, 3, login, at)
        seen[-1].append(str(await told(marketplace, login, at=at)))
    assert seen[0] == seen[1]


async def test_many_tries_at_once_are_no_more_than_one_after_the_other(marketplace: Marketplace) -> None:
    codes = Counter(await asyncio.gather(*(outcome(marketplace) for _ in range(60))))
    assert codes == {Code.UNAUTHENTICATED: FREE, Code.LIMITED: 60 - FREE}


async def test_many_tries_at_once_at_many_logins_are_no_more_than_one_after_the_other(
    marketplace: Marketplace,
) -> None:
    codes = Counter(await asyncio.gather(*(outcome(marketplace, f"unknown{number}") for number in range(60))))
    assert codes == {Code.UNAUTHENTICATED: FREE_OF_MANY, Code.LIMITED: 60 - FREE_OF_MANY}


async def test_many_tries_at_once_from_many_addresses_are_no_more_than_one_after_the_other(
    marketplace: Marketplace,
) -> None:
    codes = Counter(await asyncio.gather(*(outcome(marketplace, at=address(number)) for number in range(60))))
    assert codes == {Code.UNAUTHENTICATED: FREE_OF_MANY, Code.LIMITED: 60 - FREE_OF_MANY}


async def test_no_more_than_some_wait_for_their_turn(marketplace: Marketplace) -> None:
    refused = await asyncio.gather(*(told(marketplace) for _ in range(MOST_IN_TURN + 10)))
    assert [one and one.headers for one in refused[-10:]] == [{"Retry-After": "1"}] * 10
    assert not marketplace.login_throttle._turns
    assert not marketplace.login_throttle._waiting


async def test_a_user_who_gives_up_while_waiting_leaves_the_turn_to_the_next(marketplace: Marketplace) -> None:
    async with marketplace.login_throttle.attempt(LOGIN, HOME, RESELLER_ID):
        waiting = asyncio.create_task(outcome(marketplace, at=HOME))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    assert not marketplace.login_throttle._turns


async def test_all_nodes_count_together(database: Path, marketplace: Marketplace) -> None:
    async with node(settings_for(database, workers="2")) as second:
        for number in range(FREE):
            assert await outcome((marketplace, second)[number % 2]) is Code.UNAUTHENTICATED
        assert await outcome(marketplace) is Code.LIMITED
        assert await outcome(second) is Code.LIMITED


async def test_all_is_forgotten_after_a_while_without_a_failure(marketplace: Marketplace, clock: Clock) -> None:
    await fail(marketplace, clock, FREE + 8)
    clock.now += FORGOTTEN + 1
    for _ in range(FREE):
        assert await outcome(marketplace) is Code.UNAUTHENTICATED
    assert await outcome(marketplace) is Code.LIMITED


async def test_a_user_of_a_client_is_throttled_at_both_doors(marketplace: Marketplace) -> None:
    client = await marketplace.clients.get(SANDBOX_REALM, SANDBOX_CLIENT)
    origin = Origin(None, "api", "correlation", None, ELSEWHERE)
    for _ in range(FREE):
        with pytest.raises(AccessDenied):
            await marketplace.tokens.issue_for_password(SANDBOX_REALM, client, LOGIN, "wrong", origin)
    with pytest.raises(AccessDenied) as raised:
        await marketplace.tokens.issue_for_password(SANDBOX_REALM, client, LOGIN, SANDBOX.password, origin)
    assert wait_of(raised.value) == 1
    assert await outcome(marketplace, password=SANDBOX.password) is Code.LIMITED


@pytest.mark.parametrize("at", [None, "", "unix:", "::ffff:192.0.2.1"])
async def test_an_address_that_is_none_counts_as_one(marketplace: Marketplace, at: str | None) -> None:
    for _ in range(FREE):
        assert await outcome(marketplace, at=at) is Code.UNAUTHENTICATED
    assert await outcome(marketplace, at=at) is Code.LIMITED


async def test_addresses_of_ipv4_in_ipv6_are_the_same_as_without(marketplace: Marketplace) -> None:
    for _ in range(FREE):
        assert await outcome(marketplace, at=f"::ffff:{HOME}") is Code.UNAUTHENTICATED
    assert await outcome(marketplace, at=f"::ffff:{ELSEWHERE}") is Code.UNAUTHENTICATED
    assert await outcome(marketplace, at=HOME) is Code.LIMITED


# --- users who do not ------------------------------------------------------------------------------------------------


async def test_a_known_address_gets_in_while_a_stranger_guesses_from_elsewhere(
    marketplace: Marketplace, clock: Clock
) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    for number in range(FREE_OF_MANY + 4):
        await fail(marketplace, clock, 1, at=address(number))
    assert await outcome(marketplace, password=SANDBOX.password, at=ELSEWHERE) is Code.LIMITED
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None


async def test_a_known_address_gets_in_at_the_same_time_as_many_strangers(marketplace: Marketplace) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    strangers = [asyncio.create_task(outcome(marketplace, at=address(number))) for number in range(MOST_IN_TURN + 10)]
    await asyncio.sleep(0)
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    await asyncio.gather(*strangers)


async def test_a_known_user_does_not_queue_or_wait_with_strangers_behind_the_same_address(
    marketplace: Marketplace, clock: Clock
) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    strangers = [
        asyncio.create_task(outcome(marketplace, login=f"stranger{number}", at=HOME)) for number in range(MOST_IN_TURN)
    ]
    await asyncio.sleep(0)
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    await asyncio.gather(*strangers)
    await fail(marketplace, clock, FREE_OF_MANY, login="stranger", at=HOME)
    assert await outcome(marketplace, login="another", at=HOME) is Code.LIMITED
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None


async def test_a_new_address_gets_in_once_the_strangers_pause(marketplace: Marketplace, clock: Clock) -> None:
    for number in range(FREE_OF_MANY + 10):
        await fail(marketplace, clock, 1, at=address(number))
    assert wait_of(await told(marketplace, password=SANDBOX.password, at=HOME)) <= LONGEST_WAIT
    clock.now += LONGEST_WAIT
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None


async def test_whatever_a_stranger_does_all_day_a_known_address_gets_in(marketplace: Marketplace, clock: Clock) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    period = effort(quick=3 * 3600, thorough=DAY)
    until, number, guessed = clock.now + period, 0, 0
    while clock.now < until:
        clock.now += 60
        for _ in range(2):
            number += 1
            guessed += await outcome(marketplace, at=address(number)) is Code.UNAUTHENTICATED
        if number % 100 == 0:
            assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    assert FREE_OF_MANY < guessed <= FREE_OF_MANY + 8 + period / LONGEST_WAIT, "of many addresses, one try a minute"


async def test_an_address_is_known_for_a_month_after_it_was_last_used(marketplace: Marketplace, clock: Clock) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    clock.now += KNOWN - 60
    await fail_from_everywhere(marketplace, clock)
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    clock.now += KNOWN - 60
    await fail_from_everywhere(marketplace, clock)
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    clock.now += KNOWN + NOTED
    await fail_from_everywhere(marketplace, clock)
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is Code.LIMITED


async def fail_from_everywhere(marketplace: Marketplace, clock: Clock) -> None:
    """Make unknown users wait, in less than a minute."""
    began = clock.now
    for number in range(FREE_OF_MANY):
        assert await outcome(marketplace, at=address(number)) is Code.UNAUTHENTICATED
    assert clock.now == began


async def test_a_known_address_that_guesses_waits_like_any_other(marketplace: Marketplace) -> None:
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is None
    for _ in range(FREE):
        assert await outcome(marketplace, at=HOME) is Code.UNAUTHENTICATED
    assert await outcome(marketplace, password=SANDBOX.password, at=HOME) is Code.LIMITED


async def test_being_known_for_one_login_does_not_help_with_another(marketplace: Marketplace) -> None:
    await marketplace.users.add(OWNER, RESELLER_ID, "anna", "owner", "us", "Annas-pass-1")
    assert await outcome(marketplace, "anna", "Annas-pass-1", ELSEWHERE) is None
    for number in range(FREE_OF_MANY):
        await outcome(marketplace, at=address(number))
    assert await outcome(marketplace, at=ELSEWHERE) is Code.LIMITED
    assert await outcome(marketplace, "anna", "Annas-pass-1", ELSEWHERE) is None


# --- what is kept ----------------------------------------------------------------------------------------------------


async def test_neither_logins_nor_addresses_are_kept_as_they_are(database: Path, marketplace: Marketplace) -> None:
    typed = "My-passw0rd-in-the-wrong-field"
    await outcome(marketplace, typed)
    async with node(settings_for(database, workers="2")):
        written = b"".join(file.read_bytes() for file in database.parent.glob("emporion.db*"))
    assert typed.encode() not in written
    assert typed.lower().encode() not in written
    assert ELSEWHERE.encode() not in written


async def test_what_is_of_no_more_use_is_removed(database: Path, marketplace: Marketplace, clock: Clock) -> None:
    def kept() -> int:
        with closing(sqlite3.connect(database)) as connection:
            (number,) = connection.execute("SELECT count(*) FROM login_failures").fetchone()
        return int(number)

    await outcome(marketplace, at=HOME)
    await outcome(marketplace, password=SANDBOX.password, at=address(1))
    assert kept() == 3 + 1
    clock.now += FORGOTTEN + 1
    await outcome(marketplace, "other", at=ELSEWHERE)
    await marketplace.login_throttle.forget()
    assert kept() == 1 + 3
    clock.now += KNOWN
    await marketplace.login_throttle.forget()
    assert kept() == 0


async def test_a_database_that_is_away_lets_no_client_guess(database: Path, clock: Clock) -> None:
    store = SqliteStore(database)
    with pytest.raises(Problem) as raised:
        async with LoginThrottle(store.login_failures, clock).attempt(LOGIN, HOME, RESELLER_ID):
            raise AssertionError("no request must get here")
    assert raised.value.code is Code.UNAVAILABLE


# --- a clock that is set ---------------------------------------------------------------------------------------------

JUMPS = [-86_400, -3600, -LONGEST_WAIT - 1, -30, 3600, 86_400]


@pytest.mark.parametrize("seconds", JUMPS)
async def test_a_clock_that_is_set_locks_no_user_out(marketplace: Marketplace, clock: Clock, seconds: int) -> None:
    await fail(marketplace, clock, FREE + 8)
    clock.jump(seconds)
    refused = await told(marketplace, password=SANDBOX.password)
    if refused:
        assert wait_of(refused) <= LONGEST_WAIT
        clock.now += 30 + LONGEST_WAIT
        assert await outcome(marketplace, password=SANDBOX.password) is None


@pytest.mark.parametrize("seconds", JUMPS)
async def test_a_clock_that_is_set_gives_no_more_guesses_than_a_pause(
    marketplace: Marketplace, clock: Clock, seconds: int
) -> None:
    await fail(marketplace, clock, FREE + 8)
    clock.jump(seconds)
    tries = 0
    while await outcome(marketplace) is Code.UNAUTHENTICATED:
        tries += 1
    assert tries <= (FREE if seconds > FORGOTTEN else 1)
