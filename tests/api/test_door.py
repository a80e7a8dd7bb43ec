"""Errors on our side: told without anything of the inside, logged with all of it."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from emporion.api.door import PIECE, Door
from emporion.marketplace.customers import Customers
from emporion.store.faults import unavailable
from emporion.turns import CLIENT
from tests.conftest import Caller, Serve, new_contact, new_customer
from tests.document import CheckedClient

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(*_: object, **__: object) -> bytes:
        raise error

    monkeypatch.setattr(Customers, "find", fail)


def test_slashes_before_a_path_are_one(client: CheckedClient, callers: dict[str, Caller]) -> None:
    assert client.get("http://testserver//customers", callers["sandbox"]).json()["pagination"]["total"] == 2
    answer = client.get("http://testserver///customers///7", callers["sandbox"])
    assert answer.json()["path"] == "/customers/7"


def test_a_failure_is_500_and_shows_nothing_of_the_inside(
    client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, RuntimeError("SELECT secret FROM inside"))
    with capture_logs() as logs:
        answer = client.get("/customers/1000001", callers["sandbox"], headers={"X-Correlation-ID": "find-me"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["correlationId"] == "find-me"
    assert [(entry["correlation_id"], entry["event"]) for entry in logs] == [("find-me", "failed")]


def test_a_database_that_is_away_is_503_with_retry_after(
    client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, unavailable(sqlite3.OperationalError("disk I/O error")))
    with capture_logs() as logs:
        answer = client.get("/customers/1000001", callers["sandbox"])
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "disk" not in answer.text
    assert logs[0]["event"] == "not answered"


async def test_a_large_answer_is_handed_on_as_it_is_taken() -> None:
    whole = bytes(range(256)) * 1000
    taken: list[Message] = []

    async def inside(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": whole})

    async def take(message: Message) -> None:
        taken.append(message)

    async def nothing() -> Message:
        raise AssertionError

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "headers": []}
    await Door(inside, "", time.time, log_requests=False)(scope, nothing, take)
    bodies = [message for message in taken if message["type"] == "http.response.body"]
    assert b"".join(message["body"] for message in bodies) == whole
    assert max(len(message["body"]) for message in bodies) == PIECE
    assert [message["more_body"] for message in bodies] == [True, True, True, False]


async def test_whoever_waits_inside_can_tell_that_his_client_hung_up() -> None:
    found: list[object] = []

    async def inside(_scope: Scope, _receive: Receive, send: Send) -> None:
        found.append(CLIENT.get())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        raise AssertionError

    async def ignore(_: Message) -> None:
        pass

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "headers": []}
    await Door(inside, "", time.time, log_requests=False)(scope, receive, ignore)
    assert found == [receive]


def test_no_secret_is_logged(serve: Serve, callers: dict[str, Caller]) -> None:
    client = serve(log_level="debug")
    with capture_logs() as logs:
        contact = new_contact(login="secret-login", password="Ecx$cvdazv")
        client.post("/customers", callers["sandbox"], json=new_customer(contactPersons=[contact]))
        client.post("/customers", callers["sandbox"], json=new_customer(contactPersons=[{**contact, "email": "x"}]))
        client.post("/token", headers={"X-Subscription-Key": callers["sandbox"].key}, auth=("sandbox", "wrong-secret"))
    assert [(entry["method"], entry["path"], entry["status"]) for entry in logs] == [
        ("POST", "/customers", 200),
        ("POST", "/customers", 400),
        ("POST", "/token", 401),
    ]
    for secret in ("secret-login", "Ecx$cvdazv", "wrong-secret", callers["sandbox"].key, callers["sandbox"].token):
        assert secret not in str(logs)
