"""Errors as answers: the one place that turns codes into HTTP (contract: Errors)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Send


class Status(NamedTuple):
    """What HTTP calls an error. Clients read the phrases, and those of `http.HTTPStatus` differ between Pythons."""

    value: int
    phrase: str


STATUS = {
    Code.MALFORMED: Status(400, "Bad Request"),
    Code.INVALID: Status(400, "Bad Request"),
    Code.UNAUTHENTICATED: Status(401, "Unauthorized"),
    Code.FORBIDDEN: Status(403, "Forbidden"),
    Code.NOT_FOUND: Status(404, "Not Found"),
    Code.METHOD_NOT_ALLOWED: Status(405, "Method Not Allowed"),
    Code.TIMEOUT: Status(408, "Request Timeout"),
    Code.CONFLICT: Status(409, "Conflict"),
    Code.IDEMPOTENCY_KEY_IN_USE: Status(409, "Conflict"),
    Code.PRECONDITION_FAILED: Status(412, "Precondition Failed"),
    Code.TOO_LARGE: Status(413, "Request Entity Too Large"),
    Code.URI_TOO_LONG: Status(414, "URI Too Long"),
    Code.UNSUPPORTED_MEDIA_TYPE: Status(415, "Unsupported Media Type"),
    Code.IDEMPOTENCY_KEY_REUSED: Status(422, "Unprocessable Entity"),
    Code.LIMITED: Status(429, "Too Many Requests"),
    Code.INTERNAL: Status(500, "Internal Server Error"),
    Code.UNAVAILABLE: Status(503, "Service Unavailable"),
}


# Where a token is asked for by OAuth 2.0: whatever refuses such a request, its client reads the words of RFC 6749.
OAUTH_TOKEN_PATH = re.compile(r"/auth/realms/[^/]+/protocol/openid-connect/token")
# RFC 6749 §5.2 has words for its own rules alone: the first two are of its §4.1.2.1, the third is of RFC 8628 §3.5.
OAUTH_ERRORS = {
    Code.UNAVAILABLE: "temporarily_unavailable",
    Code.INTERNAL: "server_error",
    Code.LIMITED: "slow_down",
}


class OAuthProblem(Problem):
    """A request for a token that is refused in the words of RFC 6749 §5.2, of which `error` is one."""

    def __init__(self, code: Code, error: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message, headers=headers)
        self.error = error


class Detail(Struct, frozen=True):
    """What is wrong with one member or parameter."""

    field: Annotated[str, Meta(description="Its path.", examples=["contactPersons[1].email"])]
    message: Annotated[str, Meta(description="What was wrong and what would be right.", examples=["is required"])]


TimeStamp = Annotated[
    str,
    Meta(
        description="When it happened, ISO 8601 in UTC.",
        examples=["2026-11-23T07:12:32.000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
StatusNumber = Annotated[int, Meta(description="The HTTP status.", examples=[400])]
Message = Annotated[str, Meta(description="What was wrong, for people.", examples=["name is required"])]
Path = Annotated[str, Meta(description="The address that was asked, without its prefix.", examples=["/customers"])]
CorrelationId = Annotated[str, Meta(description="The same as in X-Correlation-ID.", examples=["a1b2c3"])]


class Error(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Every answer that is not 200."""

    time_stamp: TimeStamp
    status: StatusNumber
    error: Annotated[str, Meta(description="The HTTP status in words.", examples=["Bad Request"])]
    message: Message
    path: Path
    correlation_id: CorrelationId
    details: Annotated[list[Detail], Meta(description="Each member or parameter at fault.")] | None = None


class OAuthError(Struct, rename={"time_stamp": "timeStamp", "correlation_id": "correlationId"}, frozen=True):
    """What RFC 6749 §5.2 says of an error, and what every other error of ours has, too."""

    error: Annotated[str, Meta(description="The kind of error.", examples=["invalid_grant"])]
    error_description: Annotated[
        str, Meta(description="What was wrong, for people.", examples=["The password is wrong."])
    ]
    time_stamp: TimeStamp
    status: StatusNumber
    message: Message
    path: Path
    correlation_id: CorrelationId


def to_error(problem: Problem, path: str, correlation_id: str, now: float) -> Error | OAuthError:
    """The answer to a request that met `problem`; now: seconds since 1970."""
    status = STATUS[problem.code]
    time_stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    details = [Detail(fault.field, fault.message) for fault in problem.faults] or None
    if OAUTH_TOKEN_PATH.fullmatch(path):
        word = problem.error if isinstance(problem, OAuthProblem) else OAUTH_ERRORS.get(problem.code, "invalid_request")
        return OAuthError(word, problem.message, time_stamp, status.value, problem.message, path, correlation_id)
    return Error(time_stamp, status.value, status.phrase, problem.message, path, correlation_id, details)


def method_not_allowed(path: str, allow: str) -> Problem:
    """For any method that `path` does not serve. allow: those that it serves, as the header has them."""
    return Problem(
        Code.METHOD_NOT_ALLOWED, f"{path} does not serve this method, only {allow}.", headers={"Allow": allow}
    )


async def send_error(send: Send, problem: Problem, error: Error | OAuthError) -> None:
    """Answer with `error`, and with the headers that `problem` asks for."""
    body = msgspec.json.encode(error)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
