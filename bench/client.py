"""Single requests: what wrk does not tell, and the token that it sends."""

from __future__ import annotations

import base64
import http.client
from typing import TYPE_CHECKING

import msgspec

from bench import Failed
from emporion.marketplace.platforms import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Mapping


PATIENCE = 10.0


class Answer(msgspec.Struct, frozen=True):
    """An answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def ask(
    port: int,
    path: str,
    headers: Mapping[str, str],
    method: str = "GET",
    body: bytes | None = None,
    patience: float = PATIENCE,
) -> Answer:
    """The answer of the server on `port` within `patience` seconds. Raises OSError or HTTPException if there is none.

    body: JSON.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, body, {**headers, **kind})
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def good(answer: Answer) -> Answer:
    """The answer, which must be 200. Raises Failed."""
    if answer.status != 200:
        raise Failed(f"a request was answered with {answer.status}: {answer.body.decode()}")
    return answer


def sign_in(port: int) -> dict[str, str]:
    """The headers of a client of the sandbox, with a new token."""
    login = base64.b64encode(f"{SANDBOX.user}:{SANDBOX.password}".encode()).decode()
    key = {"X-Subscription-Key": SANDBOX.subscription_key}
    answer = good(ask(port, "/token", {"Authorization": f"Basic {login}", **key}, "POST"))
    return {"Authorization": f"Bearer {msgspec.json.decode(answer.body)['token']}", **key}
