"""/openapi.json, and /docs, which shows it without loading anything from elsewhere."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
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
    """An ASGI application that always answers the same."""

    def __init__(self, body: bytes, media_type: str) -> None:
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        self._body = body
        self._headers = [
            (b"content-type", (media_type + charset).encode()),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-cache"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        if scope["method"] not in ("GET", "HEAD"):
            raise method_not_allowed(scope["path"], "GET, HEAD")
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._body})


def routes(document: dict[str, Any], root_path: str) -> list[Route]:
    """The document and the page that shows it."""
    assets = resources.files("emporion.api") / "swagger"
    fixed = {
        "/openapi.json": Fixed(msgspec.json.encode(document), "application/json"),
        "/docs": Fixed(DOCS_PAGE.format(root=root_path).encode(), "text/html"),
        **{f"/docs/{name}": Fixed((assets / name).read_bytes(), kind) for name, kind in ASSETS.items()},
    }
    return [Route(path, answer) for path, answer in fixed.items()]
