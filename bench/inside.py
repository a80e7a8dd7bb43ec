"""The application in this process, asked without a network: one request at a time, each in a task of its own."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from bench import Failed
from emporion.app import build_app
from emporion.marketplace.platforms import SANDBOX
from emporion.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Turns of the event loop after an answer, in which what the request has begun comes to its end.
TURNS = 3
# Seconds within which the application must have opened its database, and between two looks.
OPENS_WITHIN, POLL_SECONDS = 20.0, 0.1
KEY = {"X-Subscription-Key": SANDBOX.subscription_key}
LOGIN = {**KEY, "Authorization": f"Basic {b64encode(f'{SANDBOX.user}:{SANDBOX.password}'.encode()).decode()}"}


class Asked(msgspec.Struct, frozen=True):
    """A request. path: with its query. body: of JSON, if it has one."""

    method: str
    path: str
    body: bytes | None = None


class Inside:
    """An application and what a client of it sends with each request."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self.headers = headers

    async def answer(self, asked: Asked, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of a good answer. headers: in place of the client's own. Raises Failed."""
        status, body = await self._answer(asked, self.headers if headers is None else headers)
        if status != 200:
            raise Failed(f"{asked.method} {asked.path} was answered with {status}: {body.decode()}")
        return body

    async def _answer(self, asked: Asked, headers: Mapping[str, str]) -> tuple[int, bytes]:
        came = [{"type": "http.request", "body": asked.body or b"", "more_body": False}]
        status, body = 0, b""

        async def receive() -> Message:
            if not came:  # the client is there until it is answered
                await asyncio.Event().wait()
            return came.pop()

        async def send(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")

        await asyncio.create_task(_coroutine(self._app, _scope(asked, headers), receive, send))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return status, body


async def _coroutine(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _scope(asked: Asked, headers: Mapping[str, str]) -> Scope:
    path, _, query = asked.path.partition("?")
    sent = {"host": "127.0.0.1", **headers}
    if asked.body is not None:
        sent |= {"content-type": "application/json", "content-length": str(len(asked.body))}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


@asynccontextmanager
async def emporion_inside(database: str) -> AsyncIterator[Inside]:
    """Emporion on the database with this URL, which holds the sandbox; its client is signed in."""
    app = build_app(Settings.from_environment({"EMPORION_DATABASE": database}))
    async with _alive(app):
        client = Inside(app, LOGIN)
        async with asyncio.timeout(OPENS_WITHIN):
            while True:
                try:
                    token = json.loads(await client.answer(Asked("POST", "/token")))["token"]
                    break
                except Failed:  # its database is not open yet
                    await asyncio.sleep(POLL_SECONDS)
        yield Inside(app, {**KEY, "Authorization": f"Bearer {token}"})


@asynccontextmanager
async def _alive(app: ASGIApp) -> AsyncIterator[None]:
    """The application between its startup and its shutdown."""
    orders: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    life = asyncio.create_task(_coroutine(app, scope, orders.get, said.put))
    try:
        await orders.put({"type": "lifespan.startup"})
        if (await said.get())["type"] != "lifespan.startup.complete":
            raise Failed("the application did not start")
        yield
        await orders.put({"type": "lifespan.shutdown"})
        await life
    finally:
        life.cancel()


async def bare(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    """An application that does nothing but answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"{}"})
