"""What holds for every request, whichever part of the API answers it.

The correlation id, the path prefix, the slashes, and errors as JSON (contract: Every request, Errors).
"""

from __future__ import annotations

import asyncio
import itertools
import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from emporion.api.problems import send_error, to_error
from emporion.errors import Code, Problem
from emporion.fair_semaphore import CLIENT
from emporion.logs import log

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORRELATION_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# Headers that decide who is calling, what is asked for and how a body is read: of two, a proxy before us may have read
# another one.
DECISIVE = (
    *(b"authorization", b"x-subscription-key", b"host", b"content-length", b"transfer-encoding"),
    *(b"content-type", b"content-encoding", b"x-api-version", b"idempotency-key"),
)
# Headers of which several lines are one list (RFC 9110 §5.3).
LISTS = (b"if-match", b"if-none-match")
SLASHES = re.compile("/{2,}")
# Characters of the path and bytes of its query: the least that a server should take (RFC 9110 §4.1).
LONGEST_URI = 8 << 10

BODILESS = ("GET", "HEAD")
# Bytes of an answer that are handed on at a time: what its reader has not taken is kept only once, for all of them.
PIECE = 64 << 10
# How much of a body is read, and for how many seconds, only so that its sender gets to read our error.
MOST_DRAINED = 16 << 20
DRAIN_TIMEOUT = 5


def _correlation_ids() -> Iterator[bytes]:
    """New UUIDs: random for the process, then counted from a random number.

    They must differ, but need not be secret; asking the system for each cost a tenth of all requests per second.
    """
    start = uuid.uuid4()
    process = str(start)[:24].encode()
    return (process + b"%012x" % (number & 0xFFFFFFFFFFFF) for number in itertools.count(start.node))


def _check_uri(scope: Scope) -> None:
    """Raise Problem (URI_TOO_LONG) for a path and query beyond `LONGEST_URI`."""
    if len(scope["path"]) + len(scope["query_string"]) > LONGEST_URI:
        raise Problem(Code.URI_TOO_LONG, f"The address and its query must not be longer than {LONGEST_URI >> 10} KiB.")


def _check_headers(scope: Scope) -> None:
    """Raise Problem (MALFORMED) for a decisive header that is there twice, and for HTTP/1.1 without Host."""
    names = [name for name, _ in scope["headers"]]
    for name in DECISIVE:
        if names.count(name) > 1:
            raise Problem(Code.MALFORMED, f"The header {name.decode().title()} must not be given more than once.")
    for name in LISTS:
        if names.count(name) > 1:
            lines = [value for given, value in scope["headers"] if given == name]
            scope["named_headers"][name] = b", ".join(lines)
    # The server writes an empty one where there is none; and no address of ours has an empty host (RFC 9112 §3.2).
    if scope["http_version"] == "1.1" and not dict(scope["headers"]).get(b"host"):
        raise Problem(Code.MALFORMED, "The header Host is missing.")


class Body:
    """The body of an HTTP/2 request, of which is known whether it was read to its end.

    An answer sent before the request's body has ended resets the stream, and many clients then report that and not our
    error (RFC 9113 §8.1). HTTP/1.1 clients read the answer all the same.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left, within bounds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT):
                left = MOST_DRAINED
                while not self._ended and left > 0:
                    left -= len((await self()).get("body", b""))


async def _send_in_pieces(send: Send, message: Message) -> None:
    """Hand a large body on as it is taken."""
    body = memoryview(message["body"])
    for start in range(0, len(body), PIECE):
        more = start + PIECE < len(body) or message.get("more_body", False)
        await send({"type": message["type"], "body": bytes(body[start : start + PIECE]), "more_body": more})


class ApiMiddleware:
    """The outermost ASGI application. It adds to the scope:

    correlation_id: str. named_headers: dict[bytes, bytes], the last of each name. path: without prefix and slash.
    more_headers: list[tuple[bytes, bytes]], for whatever the answer will be; handlers put theirs there.
    """

    def __init__(self, inside: ASGIApp, root_path: str, clock: Callable[[], float], *, log_requests: bool) -> None:
        self._inside = inside
        self._root_path = root_path
        self._clock = clock
        self._log_requests = log_requests
        self._correlation_ids = _correlation_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        CLIENT.set(receive)
        headers = dict(scope["headers"])
        given = headers.get(b"x-correlation-id")
        identifier = given if given and CORRELATION_ID.fullmatch(given) else next(self._correlation_ids)
        path = scope["path"]
        if self._root_path or path[-1:] == "/" or "//" in path:
            path = self._path(path)
        scope["path"] = path
        scope["root_path"] = ""
        scope["named_headers"] = headers
        scope["correlation_id"] = correlation_id = identifier.decode()
        more: list[tuple[bytes, bytes]] = []
        scope["more_headers"] = more
        status = 0

        def answer(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [(b"x-correlation-id", identifier), *more, *message["headers"]]
            elif scope["method"] == "HEAD":
                message["body"] = b""
            elif len(message.get("body", b"")) > PIECE:
                return _send_in_pieces(send, message)
            return send(message)

        began = self._clock() if self._log_requests else 0
        body = Body(receive) if scope["http_version"] == "2" and scope["method"] not in BODILESS else None
        try:
            _check_uri(scope)
            if len(headers) < len(scope["headers"]) or not headers.get(b"host"):
                _check_headers(scope)
            await self._inside(scope, body or receive, answer)
        except Problem as problem:
            if problem.__cause__ or status:
                log.error("not answered", correlation_id=correlation_id, why=problem.why)
            if status:  # too late for another answer: the connection must break
                raise
            if body:
                await body.drain()
            await send_error(answer, problem, to_error(problem, path, correlation_id, self._clock()))
        except Exception:
            log.exception("failed", correlation_id=correlation_id, method=scope["method"], path=path)
            if status:  # too late for another answer: the connection must break
                raise
            failure = Problem(Code.INTERNAL, "Something failed on our side; tell us the correlation id.")
            await send_error(answer, failure, to_error(failure, path, correlation_id, self._clock()))
        if self._log_requests:
            milliseconds = round((self._clock() - began) * 1000, 1)
            log.debug("request", correlation_id=correlation_id, method=scope["method"], path=path, status=status,
                      milliseconds=milliseconds)  # fmt: skip

    def _path(self, path: str) -> str:
        """The path without the prefix, which a proxy may have taken off already, and without a slash at its end.

        Several slashes are one: clients put a base URL with a slash before a path with one.
        """
        prefix, path = self._root_path, SLASHES.sub("/", path)
        if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            path = path[len(prefix) :] or "/"
        return path[:-1] if len(path) > 1 and path[-1] == "/" else path
