"""A visit to our pages in a real browser. Whatever goes wrong in it fails it at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    StorageState,
    ViewportSize,
    WebError,
    WebSocket,
)

Scheme = Literal["light", "dark"]

# Pixels: a telephone and a desk.
NARROW, WIDE = 390, 1440
HEIGHT = 900

# Milliseconds that anything may take on a busy machine, well below those of a test.
LIMIT = 20_000

# With these, Chromium resolves no other name or address, so that nothing leaves the host that no event tells of either.
ONLY_HERE = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",)

BAD_MESSAGES = {"error", "warning", "assert"}
# What Chromium writes for an error status; the answer itself is looked at.
ECHO = "Failed to load resource: the server responded with a status of "
# What is written where there was none: by Chromium, and by htmx.
NO_ANSWER = ("Failed to load resource: net::ERR_", "htmx: htmx:error: Failed to fetch")
# The browser itself gave it up, as when a page is left while it loads.
GIVEN_UP = "net::ERR_ABORTED"


@asynccontextmanager
async def visit(
    browser: Browser,
    url: str,
    *,
    javascript: bool = True,
    width: int = WIDE,
    scheme: Scheme = "light",
    locale: str = "en-US",
    statuses: Collection[int] = (),
    unanswered: bool = False,
    state: StorageState | None = None,
) -> AsyncIterator[Page]:
    """A page of a visitor who has been nowhere yet; addresses are relative to `url`, the server's.

    width: in pixels. statuses: the error statuses that the test means to get; it must get each of them. unanswered:
    whether it means requests to get no answer; one must get none. state: what the browser has kept from another visit.
    No authority has issued the certificate of a test's server.
    AssertionError at the end, with all that went wrong: errors and warnings in the console (what the
    Content-Security-Policy forbids among them), uncaught exceptions, requests that fail or leave the server, statuses
    of 400 and above. It holds for windows that the page opens, too.
    """
    context = await browser.new_context(
        base_url=url,
        java_script_enabled=javascript,
        viewport=ViewportSize(width=width, height=HEIGHT),
        color_scheme=scheme,
        locale=locale,
        storage_state=state,
        ignore_https_errors=True,
    )
    context.set_default_timeout(LIMIT)
    try:
        troubles = _Troubles(context, url, statuses, unanswered)
        yield await context.new_page()
        for page in context.pages:
            await _settle(page)
        assert not troubles.all(), "\n".join(troubles.all())
    finally:
        await context.close()


async def _settle(page: Page) -> None:
    """Returns when the page has loaded, and all that it has said until then has arrived."""
    await page.wait_for_load_state()
    try:
        await page.evaluate("0")
    except Error as error:
        # It was on its way to another page.
        if "context was destroyed" not in error.message:
            raise
        await _settle(page)


class _Troubles:
    """What goes wrong in all pages of a context."""

    def __init__(self, context: BrowserContext, url: str, statuses: Collection[int], unanswered: bool) -> None:
        self._host = urlsplit(url).netloc
        self._found: list[str] = []
        self._missing = set(statuses)
        self._statuses = frozenset(statuses)
        self._unanswered = unanswered
        self._lost = False
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failure)
        context.on("response", self._on_response)
        context.on("page", self._on_page)

    def all(self) -> list[str]:
        """Each in a line, the first one first."""
        missing = [f"no answer had the status {status}" for status in sorted(self._missing)]
        return [*self._found, *missing, *(["each request was answered"] if self._unanswered and not self._lost else [])]

    def _on_console(self, message: ConsoleMessage) -> None:
        if self._unanswered and message.text.startswith(NO_ANSWER):
            return
        if message.type in BAD_MESSAGES and not message.text.startswith(ECHO):
            self._found.append(f"{message.type} in the console: {message.text} ({message.location['url']})")

    def _on_error(self, error: WebError) -> None:
        self._found.append(f"uncaught: {error.error}")

    def _on_request(self, request: Request) -> None:
        self._look_at(request.url)

    def _on_page(self, page: Page) -> None:
        page.on("websocket", self._on_socket)

    def _on_socket(self, socket: WebSocket) -> None:
        self._look_at(socket.url)

    def _look_at(self, url: str) -> None:
        parts = urlsplit(url)
        # data: and blob: have no host.
        if parts.netloc not in ("", self._host):
            self._found.append(f"leaves the host: {url}")

    def _on_failure(self, request: Request) -> None:
        if request.failure != GIVEN_UP and self._unanswered:
            self._lost = True
        elif request.failure != GIVEN_UP:
            self._found.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        self._missing.discard(response.status)
        if response.status >= 400 and response.status not in self._statuses:
            self._found.append(f"status {response.status}: {response.request.method} {response.url}")
