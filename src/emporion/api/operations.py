"""The table of operations: from it come the routes and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
from starlette.routing import BaseRoute, Match, compile_path

from emporion.api.auth import Access, challenge
from emporion.api.etags import content_tag, stands, version_tag
from emporion.api.problems import Error, method_not_allowed
from emporion.api.requests import ignored_members, read_body, read_form, read_query
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Origin
from emporion.fair_semaphore import ACCOUNT, WAITED
from emporion.settings import ApiVersion

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from emporion.api.auth import Authenticator, Login
    from emporion.api.client_addresses import ClientAddresses
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.store.records import Record
    from emporion.store.subscription_keys import SubscriptionKey


# As much of a path as goes into the log of events.
LONGEST_PATH = 200
# Tells that the request was done before, and this is what it was answered then.
REPLAYED = ((b"idempotency-replayed", b"true"),)
# Made once, not with each answer.
VERSIONS = {version: (b"x-api-version", version.encode()) for version in get_args(ApiVersion)}
# Headers that make an answer depend on what its reader has.
CONDITIONS = frozenset((b"if-match", b"if-none-match"))
# Headers that an answer without a body does not have.
OF_A_BODY = (b"content-type", b"content-length")


class Call(msgspec.Struct, frozen=True):
    """A request that was let in and read. path: the parameters in the path. query: of the operation's type.

    key: None where none is needed. headers: by name, the last of each.
    """

    key: SubscriptionKey | None
    version: str
    path: dict[str, str]
    query: Any
    body: dict[str, Any]
    headers: Mapping[bytes, bytes]


class Answer(msgspec.Struct, frozen=True):
    """What a handler gives. version: of the account that the body shows, for its ETag. headers: further ones."""

    body: bytes
    version: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


def created(record: Record) -> Answer:
    """A new account, or what the same request was answered before."""
    return Answer(record.document, record.version, REPLAYED if record.replayed else ())


# Called with the marketplace, the caller and the call. The caller is an Actor, or a Login where access is Basic, or an
# Origin where everybody may come.
Handler = Callable[["Marketplace", Any, Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    access: what the Authorization header must hold. body: the type of the request's JSON object, or of its form.
    answer: the type of the answer's JSON object, by contract version where that makes a difference.
    error: the type of its errors. errors: codes beyond those that every operation with this access and body can have.
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
    form: bool = False
    # Whether a client may send it again with the same Idempotency-Key.
    repeatable: bool = False
    error: type = Error
    errors: tuple[Code, ...] = ()
    error_examples: Mapping[Code, Problem] = field(default_factory=dict)


class Resource(BaseRoute):
    """Answers the operations of one path."""

    def __init__(
        self,
        path: str,
        operations: Iterable[Operation],
        marketplace: Marketplace,
        gate: Authenticator,
        addresses: ClientAddresses,
    ) -> None:
        self._pattern, _, _ = compile_path(path)
        self._operations: dict[str, Operation] = {operation.method: operation for operation in operations}
        if "GET" in self._operations:
            self._operations["HEAD"] = self._operations["GET"]  # RFC 9110 §9.1: never without the other
        self._allow = ", ".join(sorted(self._operations))
        self._marketplace = marketplace
        self._gate = gate
        self._addresses = addresses

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._pattern.fullmatch(scope["path"])
        return (Match.FULL, {"path_params": found.groupdict()}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operations.get(scope["method"])
        if not operation:
            raise method_not_allowed(scope["path"], self._allow)
        try:
            status, headers, body = await self._answer(operation, scope, receive)
        except AccessDenied as refused:
            asked = f"{scope['method']} {scope['path'][:LONGEST_PATH]}"
            self._marketplace.security_log.note(refused, asked, self._origin(scope))
            if refused.code is Code.UNAUTHENTICATED:
                refused.headers["WWW-Authenticate"] = challenge(operation.access, scope["named_headers"])
            raise
        except Problem as problem:
            if operation.method == "PATCH" and problem.code is Code.UNSUPPORTED_MEDIA_TYPE:
                problem.headers["Accept-Patch"] = "application/json"  # RFC 5789 §2.2
            raise
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer, once the caller was let in and the request was read."""
        headers = scope["named_headers"]
        reads = operation.method == "GET"
        caller: Actor | Login | Origin
        key: SubscriptionKey | None = None
        if operation.access == "Bearer":
            admission = await self._gate.authenticate(headers, scope["more_headers"])
            caller, key = admission.actor, admission.key
            ACCOUNT.set(caller.account_id)
            if not reads:
                caller = msgspec.structs.replace(
                    caller, correlation_id=scope["correlation_id"], address=self._addresses.of(scope)
                )
        elif operation.access == "Basic":
            key = await self._gate.key(headers, scope["more_headers"])
            caller = self._gate.login(headers, key, self._origin(scope))
        else:
            caller = self._origin(scope)
        version = self._gate.version(headers, key)
        query, ignored = None, ""
        if operation.query or scope["query_string"]:
            query, ignored = read_query(scope["query_string"], operation.query)
        sent: dict[str, Any] = {}
        if operation.form:
            sent = await read_form(headers, receive)
        elif operation.body:
            let_in = operation.access == "Bearer"
            sent = await read_body(headers, receive, required=operation.body_required, let_in=let_in)
        call = Call(key, version, scope["path_params"], query, sent, headers)
        given = await operation.handle(self._marketplace, caller, call)
        if reads and WAITED.get():
            await self._gate.authenticate_again(headers)
        body = given.body
        answer = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            VERSIONS[version],
            *given.headers,
        ]
        if ignored:
            answer.append((b"x-ignored-parameters", ignored.encode()))
        if operation.body and (unknown := ignored_members(sent, operation.body)):
            answer.append((b"x-ignored-members", unknown.encode()))
        if operation.access in ("Basic", "OAuth"):
            answer.append((b"cache-control", b"no-store"))
            return 200, answer, body
        tag = version_tag(given.version) if given.version is not None else content_tag(body)
        answer.append((b"etag", tag))
        if reads and not CONDITIONS.isdisjoint(headers) and not stands(headers, tag):
            return 304, [header for header in answer if header[0] not in OF_A_BODY], b""
        return 200, answer, body

    def _origin(self, scope: Scope) -> Origin:
        """Where a request comes from that was not let in yet."""
        return Origin(None, "api", scope["correlation_id"], None, self._addresses.of(scope))


class Resources(BaseRoute):
    """Answers the operations of all paths; which one is looked for among those that begin with the same word."""

    def __init__(self, resources: Mapping[str, Resource]) -> None:
        """resources: by their paths."""
        self._by_word: dict[str, list[Resource]] = {}
        for path, resource in resources.items():
            self._by_word.setdefault(_first_word(path), []).append(resource)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        for resource in self._by_word.get(_first_word(scope["path"]), ()):
            match, found = resource.matches(scope)
            if match is Match.FULL:
                return match, {**found, "resource": resource}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["resource"].handle(scope, receive, send)


def _first_word(path: str) -> str:
    return path[1:].partition("/")[0]


def routes(
    operations: Iterable[Operation], marketplace: Marketplace, gate: Authenticator, addresses: ClientAddresses
) -> list[BaseRoute]:
    """A resource for each path of the table."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    return [Resources({path: Resource(path, found, marketplace, gate, addresses) for path, found in by_path.items()})]
