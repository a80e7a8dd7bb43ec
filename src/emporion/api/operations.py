"""The table of operations: from it come the routes and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from starlette.routing import BaseRoute, Match, compile_path

from emporion.api.gate import Access, challenge
from emporion.api.problems import method_not_allowed
from emporion.api.requests import read_body, read_query
from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from emporion.api.gate import Gate, Login
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.store.base import SubscriptionKey


class Call(msgspec.Struct, frozen=True):
    """A request that was let in and read. path: the parameters in the path. query: of the operation's type."""

    key: SubscriptionKey
    version: str
    correlation_id: str
    path: dict[str, str]
    query: Any
    body: dict[str, Any]


# Called with the marketplace, the caller (an Actor, or a Login where access is Basic) and the call.
Handler = Callable[["Marketplace", Any, Call], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    access: what the Authorization header must hold. body: the type of the request's JSON object.
    answer: the type of the answer's JSON object, by contract version where that makes a difference.
    errors: codes beyond those that every operation with this access and body can have.
    error_examples: where the usual example of a code cannot happen here.
    handle: gives the answer's body. request_example, answer_example: JSON values.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    id: str
    tag: str
    summary: str
    description: str
    handle: Handler
    answer: type | dict[str, type]
    answer_example: object
    access: Access = "Bearer"
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_required: bool = True
    request_example: object = None
    errors: tuple[Code, ...] = ()
    error_examples: Mapping[Code, Problem] = field(default_factory=dict)


class Resource(BaseRoute):
    """Answers the operations of one path."""

    def __init__(self, path: str, operations: Iterable[Operation], marketplace: Marketplace, gate: Gate) -> None:
        self._pattern, _, _ = compile_path(path)
        self._operations: dict[str, Operation] = {operation.method: operation for operation in operations}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]  # RFC 9110 §9.1: never without the other
        self._allow = ", ".join(sorted(self._operations))
        self._marketplace = marketplace
        self._gate = gate

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._pattern.fullmatch(scope["path"])
        return (Match.FULL, {"path_params": found.groupdict()}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operations.get(scope["method"])
        if not operation:
            raise method_not_allowed(scope["path"], self._allow)
        try:
            headers, body = await self._answer(operation, scope, receive)
        except Problem as problem:
            if problem.code is Code.UNAUTHENTICATED:
                problem.headers["WWW-Authenticate"] = challenge(operation.access, scope["named_headers"])
            raise
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Headers and body of the answer, once the caller was let in and the request was read."""
        headers = scope["named_headers"]
        caller: Actor | Login
        if operation.access == "Bearer":
            admission = await self._gate.admit(headers)
            caller, key = admission.actor, admission.key
        else:
            key = await self._gate.key(headers)
            caller = self._gate.login(headers)
        version = self._gate.version(headers, key)
        query, ignored = None, ""
        if operation.query or scope["query_string"]:
            query, ignored = read_query(scope["query_string"], operation.query)
        sent = {}
        if operation.body:
            sent = await read_body(headers, receive, required=operation.body_required)
        call = Call(key, version, scope["correlation_id"], scope["path_params"], query, sent)
        body = await operation.handle(self._marketplace, caller, call)
        answer = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-api-version", version.encode()),
        ]
        if ignored:
            answer.append((b"x-ignored-parameters", ignored.encode()))
        if operation.access == "Basic":
            answer.append((b"cache-control", b"no-store"))
        return answer, body


def routes(operations: Iterable[Operation], marketplace: Marketplace, gate: Gate) -> list[BaseRoute]:
    """A resource for each path of the table."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    return [Resource(path, found, marketplace, gate) for path, found in by_path.items()]
