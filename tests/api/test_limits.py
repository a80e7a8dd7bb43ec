"""Limits of a subscription key, as a client meets them; and the contract version that it is pinned to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from emporion.limits import DAY, UNLIMITED, Limit
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from tests.clock import Clock, told_time
from tests.conftest import CALLERS, Caller, Serve, new_customer
from tests.marketplace.test_tokens import done_by_command

AMPLE = Limit(rate=10, burst=100, per_day=1000)

WithKey = Callable[..., Caller]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is noon, and stays so."""
    return told_time(monkeypatch)


@pytest.fixture
def with_key(database: Path, callers: dict[str, Caller]) -> WithKey:
    """A caller with a new key of their own."""

    def caller(limit: Limit, version: str | None = None, name: str = "sandbox") -> Caller:
        one = callers[name]
        actor = Actor(one.reseller_id, one.login, "command line")

        async def key(marketplace: Marketplace) -> str:
            return (await marketplace.subscription_keys.add(actor, one.reseller_id, "key", limit, version)).secret

        return replace(one, key=done_by_command(database, key))

    return caller


def remaining(answer: httpx.Response) -> dict[str, int]:
    """What is left of each quota."""
    return {name: int(left) for name, left in re.findall(r'"(\w+)";r=(\d+);t=\d+', answer.headers["ratelimit"])}


ASKED: dict[int, tuple[str, str, dict[str, Any]]] = {
    200: ("GET", "/customers", {}),
    304: ("GET", "/customers/1000001", {"headers": {"If-None-Match": "*"}}),
    400: ("POST", "/customers", {"json": {}}),
    403: ("PATCH", "/resellers/1000000", {"json": {"status": "creditHold"}}),
    404: ("GET", "/customers/1", {}),
    409: ("POST", "/customers", {"json": new_customer(externalId="externalId1")}),
    412: ("PATCH", "/customers/1000001", {"json": {"name": "New"}, "headers": {"If-Match": '"77"'}}),
    415: ("POST", "/customers", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
}


@pytest.mark.parametrize("status", ASKED)
def test_every_answer_says_how_much_is_left(serve: Serve, with_key: WithKey, status: int) -> None:
    method, path, request = ASKED[status]
    caller, client = with_key(AMPLE), serve()
    if status == 304:
        # The document of our own answers has no body to compare with one.
        answer = client._client.request(method, path, headers={**caller.headers, **request["headers"]})
    else:
        answer = client.request(method, path, caller, **request)
    assert answer.status_code == status
    assert answer.headers["ratelimit-policy"] == '"burst";q=100;w=10, "day";q=1000;w=86400'
    assert answer.headers["ratelimit"] == f'"burst";r=99;t=10, "day";r=999;t={DAY // 2}'
    assert "retry-after" not in answer.headers
    again = client.get("/customers", caller)
    assert remaining(again) == {"burst": 98, "day": 998}


def test_so_do_the_answers_of_a_token_a_wrong_password_and_a_wrong_token(serve: Serve, with_key: WithKey) -> None:
    caller, client = with_key(AMPLE), serve()
    key = {"X-Subscription-Key": caller.key}
    answers = [
        client.post("/token", auth=httpx.BasicAuth(caller.login, caller.password), headers=key),
        client.post("/token", auth=httpx.BasicAuth(caller.login, "wrong"), headers=key),
        client.get("/customers", headers={**key, "Authorization": "Bearer wrong"}),
        client.get("/customers", headers=key),
        client.request("HEAD", "/customers", caller),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 200]
    assert [remaining(answer)["burst"] for answer in answers] == [99, 98, 97, 96, 95]


def test_beyond_the_burst_a_client_is_told_when_to_come_again_and_then_gets_in(
    serve: Serve, with_key: WithKey, clock: Clock
) -> None:
    caller, client = with_key(Limit(rate=2, burst=4)), serve()
    assert [client.get("/customers", caller).status_code for _ in range(4)] == [200] * 4
    answer = client.get("/customers", caller)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["ratelimit-policy"] == '"burst";q=4;w=2'
    assert answer.headers["ratelimit"] == '"burst";r=0;t=2'
    assert answer.json()["message"] == "The subscription key has no more requests left; try again in 2 seconds."
    clock.now += 2
    assert client.get("/customers", caller).status_code == 200


def test_beyond_the_day_a_client_waits_for_the_next_one(serve: Serve, with_key: WithKey, clock: Clock) -> None:
    caller, client = with_key(Limit(per_day=3)), serve()
    assert [client.get("/customers", caller).status_code for _ in range(3)] == [200] * 3
    clock.now += DAY / 2 - 100
    answer = client.get("/customers", caller)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "100"
    assert answer.headers["ratelimit-policy"] == '"day";q=3;w=86400'
    assert answer.headers["ratelimit"] == '"day";r=0;t=100'
    clock.now += 100
    answer = client.get("/customers", with_new_token(caller, clock, client))
    assert answer.headers["ratelimit"] == '"day";r=1;t=86400', "the token took one"


def with_new_token(caller: Caller, clock: Clock, client: Any) -> Caller:
    answer = client.post(
        "/token", auth=httpx.BasicAuth(caller.login, caller.password), headers={"X-Subscription-Key": caller.key}
    )
    return replace(caller, token=answer.json()["token"])


def test_a_caller_over_the_limit_gets_no_token_and_the_password_is_not_looked_at(
    serve: Serve, with_key: WithKey
) -> None:
    caller, client = with_key(Limit(rate=1)), serve()
    key = {"X-Subscription-Key": caller.key}
    auth = httpx.BasicAuth(caller.login, "wrong")
    assert [client.post("/token", auth=auth, headers=key).status_code for _ in range(10)] == [401, *[429] * 9]
    auth = httpx.BasicAuth(caller.login, caller.password)
    answer = client.post("/token", auth=auth, headers={"X-Subscription-Key": CALLERS["sandbox"].key})
    assert answer.status_code == 200, "only one try was a wrong one"


def test_a_caller_over_the_limit_changes_nothing(serve: Serve, with_key: WithKey, callers: dict[str, Caller]) -> None:
    caller, client = with_key(Limit(rate=1)), serve()
    assert client.patch("/customers/1000001", caller, json={"name": "First"}).status_code == 200
    assert client.patch("/customers/1000001", caller, json={"name": "Second"}).status_code == 429
    assert client.post("/customers", caller, json=new_customer()).status_code == 429
    assert client.get("/customers/1000001", callers["sandbox"]).json()["name"] == "First"
    assert client.get("/customers", callers["sandbox"]).json()["pagination"]["total"] == 2


def test_another_key_is_not_affected_neither_of_the_same_nor_of_another_reseller(
    serve: Serve, with_key: WithKey
) -> None:
    limit = Limit(rate=1, per_day=2)
    one, of_the_same, of_another = with_key(limit), with_key(limit), with_key(limit, name="other")
    client = serve()
    assert [client.get("/customers", one).status_code for _ in range(2)] == [200, 429]
    for caller in (of_the_same, of_another):
        assert remaining(client.get("/customers", caller)) == {"burst": 0, "day": 1}


def test_a_key_without_limits_has_no_such_headers(serve: Serve, with_key: WithKey, callers: dict[str, Caller]) -> None:
    those, client = (with_key(UNLIMITED), callers["sandbox"]), serve()
    for caller in those:
        for _ in range(3):
            answer = client.get("/customers", caller)
            assert answer.status_code == 200
            assert not {name for name in answer.headers if name.startswith(("ratelimit", "retry"))}


def test_a_limit_is_in_force_within_a_second_after_it_was_set(
    serve: Serve, with_key: WithKey, database: Path, clock: Clock
) -> None:
    caller, client = with_key(UNLIMITED), serve(workers="2")
    assert "ratelimit" not in client.get("/customers", caller).headers

    async def set_limit(marketplace: Marketplace) -> None:
        *_, key = await marketplace.subscription_keys.of(caller.reseller_id)
        actor = Actor(caller.reseller_id, "owner", "command line")
        await marketplace.subscription_keys.change(actor, key, name=key.name, limit=Limit(rate=1), api_version=None)

    done_by_command(database, set_limit)
    clock.now += 1
    assert [client.get("/customers", caller).status_code for _ in range(2)] == [200, 429]


def test_a_caller_who_is_remembered_is_counted_each_time(serve: Serve, with_key: WithKey) -> None:
    caller, client = with_key(AMPLE), serve()
    left = [remaining(client.get("/customers", caller)) for _ in range(5)]
    assert left == [{"burst": 100 - number, "day": 1000 - number} for number in range(1, 6)]


def test_who_has_no_good_key_is_not_counted(serve: Serve, with_key: WithKey) -> None:
    caller, client = with_key(AMPLE), serve()
    answer = client.get("/customers", replace(caller, key=caller.key + "0"))
    assert answer.status_code == 401
    assert "ratelimit" not in answer.headers
    assert remaining(client.get("/customers", caller))["burst"] == 99


@pytest.mark.parametrize(
    ("pinned", "asked", "spoken"),
    [
        (None, None, "1.6"),
        ("1.15", None, "1.15"),
        ("1.15", "1.6", "1.6"),
        ("1.6", "1.15", "1.15"),
        ("1.6", None, "1.6"),
    ],
)
def test_a_request_may_ask_for_another_version_than_its_key_is_pinned_to(
    serve: Serve, with_key: WithKey, pinned: str | None, asked: str | None, spoken: str
) -> None:
    headers = {} if asked is None else {"X-Api-Version": asked}
    caller = with_key(UNLIMITED, pinned)
    answer = serve().get("/customers", caller, headers=headers)
    assert answer.headers["x-api-version"] == spoken
    assert ("address" in answer.json()["data"][0]) == (spoken == "1.15")


def test_the_key_is_pinned_rather_than_the_server(serve: Serve, with_key: WithKey) -> None:
    free, pinned, client = with_key(UNLIMITED), with_key(UNLIMITED, "1.6"), serve(default_api_version="1.15")
    assert client.get("/customers", free).headers["x-api-version"] == "1.15"
    assert client.get("/customers", pinned).headers["x-api-version"] == "1.6"
