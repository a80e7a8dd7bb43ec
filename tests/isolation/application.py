"""The application as it is served, called in this process and step by step."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import pytest

from emporion import app
from emporion.api import auth
from emporion.marketplace import Marketplace, platforms
from emporion.marketplace.build import build_marketplace
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.base import Store
from tests.password_digests import use_argon2

OPERATIONS = {operation.id: operation for operation in app.OPERATIONS}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "between-two-fields"

T = TypeVar("T")


class Request(NamedTuple):
    """What was sent. text: all of it that an answer may repeat."""

    method: str
    path: str
    address: str
    correlation_id: str
    text: str


class Answer(NamedTuple):
    """What came back, and for which request."""

    request: Request
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """All that the caller can read in it."""
        return f"{self.headers}\n{self.body.decode()}"


class Application:
    """What answers, between two requests standing still.

    done: how often each operation was answered with a status. shown: method and area of pages that were not refused.
    """

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asgi = app.build_app(settings)
        self._numbers = itertools.count(1)
        self.done: Counter[tuple[str, int]] = Counter()
        self.shown: set[tuple[str, str]] = set()
        self.log_of_the_provider = 0
        self.marketplace: Marketplace
        self.store: Store

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of `work`, done in the application's own loop."""
        return self._loop.run_until_complete(work)

    def number(self) -> int:
        """One that was not given before."""
        return next(self._numbers)

    def ask(
        self,
        operation_id: str,
        headers: Mapping[str, str],
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """The answer to a request, once all that it leads to is in the log.

        Each comes from an address of its own, so that no user who fails to sign in must wait (test_guesses has that).
        """
        operation = OPERATIONS[operation_id]
        number, address = self._address()
        place = operation.path.format(**{name: quote(value, safe="") for name, value in (path or {}).items()})
        question = urlencode(query or {})
        sent = {
            "x-correlation-id": f"step-{number}-",
            "host": "localhost",
            **{name.lower(): value for name, value in headers.items()},
        }
        content = b""
        if body is not None:
            sent["content-type"] = FORM if operation.form else JSON
            content = (urlencode(body) if operation.form else json.dumps(body)).encode()
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": operation.method,
            "path": place,
            "query_string": question.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": (address, 1),
        }
        text = f"{place}?{question}\n{sent}\n{content.decode()}"
        request = Request(operation.method, place, address, sent["x-correlation-id"], text)
        answer = self.run(self._answer(request, scope, content))
        self.done[operation_id, answer.status] += 1
        return answer

    def browse(
        self,
        method: str,
        path: str,
        cookie: str = "",
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Answer:
        """The answer to a browser. cookie: all that it keeps. file: the name and content of what it sends in `file`."""
        number, address = self._address()
        sent = {"x-correlation-id": f"step-{number}-", "host": "localhost", "accept": "text/html"}
        content = urlencode(form or {}).encode()
        if cookie:
            sent["cookie"] = cookie
        if file:
            sent["content-type"] = f"multipart/form-data; boundary={BOUNDARY}"
            content = _multipart(form or {}, *file)
        elif method == "POST":
            sent["content-type"] = FORM
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "query_string": urlencode(query or {}).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": (address, 1),
        }
        typed = [*(query or {}).values(), *(form or {}).values(), *([file[0], file[1].decode()] if file else ())]
        request = Request(method, path, address, sent["x-correlation-id"], "\n".join((path, *typed)))
        answer = self.run(self._answer(request, scope, content))
        if answer.status < HTTPStatus.BAD_REQUEST:
            self.shown.add((method, path.split("/")[1]))
        return answer

    def _address(self) -> tuple[int, str]:
        """A number that was not given before, and an address made of it."""
        number = self.number()
        return number, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    async def _answer(self, request: Request, scope: dict[str, Any], content: bytes) -> Answer:
        told: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            told.append(message)

        await self._asgi(scope, receive, send)
        if writing := self.marketplace.security_log._writing:
            await writing
        start, *rest = told
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        cookies = tuple(value.decode() for name, value in start["headers"] if name == b"set-cookie")
        body = b"".join(message["body"] for message in rest)
        return Answer(request, start["status"], headers, body, cookies)

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Open from beginning to end of the block."""
        messages: asyncio.Queue[Any] = asyncio.Queue()
        told: asyncio.Queue[Any] = asyncio.Queue()

        async def live() -> None:
            await self._asgi({"type": "lifespan", "asgi": {"version": "3.0"}}, messages.get, told.put)

        async def tell(message: str) -> None:
            await messages.put({"type": f"lifespan.{message}"})
            answer = await told.get()
            assert answer["type"] == f"lifespan.{message}.complete", answer

        life = self._loop.create_task(live())
        self.run(tell("startup"))
        try:
            yield
        finally:
            self.run(tell("shutdown"))
            self._loop.run_until_complete(life)


@contextmanager
def running(settings: Settings) -> Iterator[Application]:
    """The application over a new platform in an empty database."""
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        # What a password costs, and that others get out within a second and not at once, have tests of their own.
        use_argon2(patch)
        patch.setattr(auth, "REMEMBERED", 0.0)
        # What happens by itself is done by the machine, one step after the other.
        patch.setattr(app, "run_housekeeping", _stand_still)
        patch.setattr(app, "do_imports", _stand_still)
        patch.setattr(app, "make_reports", _stand_still)
        patch.setattr(app, "move_orders", _stand_still)
        loop = runner.get_loop()
        loop.run_until_complete(_found(open_store(settings)))
        application = Application(settings, loop)
        build = build_marketplace

        def build_and_keep(settings: Settings, store: Store) -> Marketplace:
            application.store = store
            application.marketplace = build(settings, store)
            return application.marketplace

        patch.setattr(app, "build_marketplace", build_and_keep)
        with application.alive():
            yield application


async def _stand_still(marketplace: Marketplace) -> None:
    """In the place of what works by itself."""


async def _found(store: Store) -> None:
    await store.migrate()
    await store.open()
    await platforms.found(store, platforms.SANDBOX, 1, sandbox=True)
    await store.close()


def _multipart(form: Mapping[str, str], file_name: str, content: bytes) -> bytes:
    """A form with a file, as a browser sends it (RFC 7578)."""
    begin = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{begin}{name}"\r\n\r\n{value}\r\n' for name, value in form.items())
    head = f'{fields}{begin}file"; filename="{file_name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def basic(login: str, password: str) -> str:
    """What the header Authorization has for these (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()
