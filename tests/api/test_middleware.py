"""Errors on our side: told without anything of the inside, logged with all of it."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from emporion.api.middleware import PIECE, ApiMiddleware
from emporion.errors import Problem
from emporion.fair_semaphore import CLIENT
from emporion.marketplace.customers import Customers
from emporion.store.faults import busy, unavailable
from tests.conftest import Caller, Serve, new_contact, new_customer
from tests.document import CheckedClient

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(*_: object, **__: object) -> bytes:
        raise error

    monkeypatch.setattr(Customers, "find", fail)


A_REQUEST = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": b""}


async def asked(
    *headers: tuple[bytes, bytes], http_version: str = "1.1", path: str = "/x", query: bytes = b""
) -> tuple[int, str]:
    """Status and message for such a request to a door with nothing behind it."""

    async def inside(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"message": ""}'})

    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {**A_REQUEST, "http_version": http_version, "path": path, "query_string": query, "headers": list(headers)}
    await ApiMiddleware(inside, "", lambda: 0.0, log_requests=False)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])["message"]


HOST = (b"host", b"x")


@pytest.mark.parametrize(
    "name",
    [
        *["Authorization", "X-Subscription-Key", "Host", "Content-Length", "Transfer-Encoding"],
        *["Content-Type", "Content-Encoding", "X-Api-Version", "Idempotency-Key"],
    ],
)
@pytest.mark.parametrize("http_version", ["1", "1.1", "2"])
async def test_a_header_that_decides_who_is_calling_or_how_long_a_body_is_stands_once(
    name: str, http_version: str
) -> None:
    for values in ((b"1", b"2"), (b"1", b"1")):
        twice = [(name.lower().encode(), value) for value in values]
        status, message = await asked(HOST, *twice, http_version=http_version)
        assert (status, message) == (400, f"The header {name} must not be given more than once.")


async def test_other_headers_may_stand_in_several_lines() -> None:
    assert (await asked(HOST, (b"cookie", b"a=1"), (b"cookie", b"b=2")))[0] == 200
    assert (await asked(HOST, (b"accept", b"*/*"), (b"accept", b"text/html"), (b"content-length", b"0")))[0] == 200


@pytest.mark.parametrize("name", [b"if-match", b"if-none-match"])
async def test_several_lines_of_tags_are_one_list(name: bytes) -> None:
    found: list[bytes] = []

    async def inside(scope: Scope, _receive: Receive, send: Send) -> None:
        found.append(scope["named_headers"][name])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ignore(_: Message) -> None: ...

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {**A_REQUEST, "headers": [HOST, (name, b'"1"'), (name, b'"2"')]}
    await ApiMiddleware(inside, "", time.time, log_requests=False)(scope, receive, ignore)
    assert found == [b'"1", "2"']


async def test_a_request_of_http_1_1_says_the_host() -> None:
    assert await asked() == (400, "The header Host is missing.")
    assert await asked((b"host", b"")) == (400, "The header Host is missing.")
    assert (await asked((b"cookie", b"a=1"), (b"cookie", b"b=2")))[0] == 400
    for older_or_newer in ("1", "2"):
        assert (await asked(http_version=older_or_newer))[0] == 200


@pytest.mark.parametrize(("path", "query"), [("/" + "x" * 8191, b""), ("/x", b"name=" + b"x" * 8185)])
async def test_an_address_of_more_than_8_kib_is_refused_in_our_words(path: str, query: bytes) -> None:
    assert (await asked(HOST, path=path, query=query))[0] == 200
    too_long = (414, "The address and its query must not be longer than 8 KiB.")
    assert await asked(HOST, path=path + "x", query=query) == too_long
    assert await asked(HOST, path=path, query=query + b"x") == too_long


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


async def test_what_goes_wrong_after_an_answer_has_begun_breaks_the_connection() -> None:
    sent: list[Message] = []

    async def inside(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise busy()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    with capture_logs() as logs, pytest.raises(Problem):
        await ApiMiddleware(inside, "", time.time, log_requests=False)({**A_REQUEST, "headers": [HOST]}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert [entry["event"] for entry in logs] == ["not answered"]


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

    scope = {**A_REQUEST, "headers": [HOST]}
    await ApiMiddleware(inside, "", time.time, log_requests=False)(scope, nothing, take)
    bodies = [message for message in taken if message["type"] == "http.response.body"]
    assert b"".join(message["body"] for message in bodies) == whole
    assert max(len(message["body"]) for message in bodies) == PIECE
    assert [message["more_body"] for message in bodies] == [True, True, True, False]


async def test_a_handler_that_waits_can_tell_that_its_client_hung_up() -> None:
    found: list[object] = []

    async def inside(_scope: Scope, _receive: Receive, send: Send) -> None:
        found.append(CLIENT.get())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        raise AssertionError

    async def ignore(_: Message) -> None:
        pass

    scope = {**A_REQUEST, "headers": [HOST]}
    await ApiMiddleware(inside, "", time.time, log_requests=False)(scope, receive, ignore)
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
