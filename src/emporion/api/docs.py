"""/openapi.json, and /docs, which shows it without loading anything from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING

from starlette.routing import Route

from emporion.api.problems import method_not_allowed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

# Swagger UI sets styles from its script, and has small pictures in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

DOCS_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Emporion API</title>
  <link rel="icon" href="{root}/docs/favicon-32x32.png">
  <link rel="stylesheet" href="{root}/docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui" data-document="{root}/openapi.json"></div>
  <noscript>This page needs JavaScript; the document is at <a href="{root}/openapi.json">openapi.json</a>.</noscript>
  <script src="{root}/docs/swagger-ui-bundle.js"></script>
  <script src="{root}/docs/start.js"></script>
</body>
</html>
"""


class Fixed:
    """An ASGI application that always answers the same. make: its body, asked for when the first client wants it."""

    def __init__(self, make: Callable[[], bytes], media_type: str) -> None:
        self._make = make
        self._body: bytes | None = None
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        self._headers = [
            (b"content-type", (media_type + charset).encode()),
            (b"content-security-policy", POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-cache"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        if scope["method"] not in ("GET", "HEAD"):
            raise method_not_allowed(scope["path"], "GET, HEAD")
        # The document takes a fifth of a second to make: longer than requests may wait for the event loop.
        body = self._body if self._body is not None else await asyncio.to_thread(self._make)
        self._body = body
        headers = [*self._headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def routes(document: Callable[[], bytes], root_path: str) -> list[Route]:
    """The document, as JSON, and the page that shows it."""
    assets = resources.files("emporion.api") / "swagger"
    fixed = {
        "/openapi.json": Fixed(document, "application/json"),
        "/docs": Fixed(DOCS_PAGE.format(root=root_path).encode, "text/html"),
        **{f"/docs/{name}": Fixed((assets / name).read_bytes, kind) for name, kind in ASSETS.items()},
    }
    return [Route(path, answer) for path, answer in fixed.items()]
