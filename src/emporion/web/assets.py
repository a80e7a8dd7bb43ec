"""What pages load besides themselves: the style sheet, htmx, and a few lines of our own script."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from emporion.api.problems import method_not_allowed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

KINDS = {
    "style.css": "text/css",
    "pages.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
# Their addresses change when they do.
FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """The files by name. root_path: before all addresses."""

    def __init__(self, root_path: str) -> None:
        folder = resources.files("emporion.web") / "assets"
        self._files = {name: (folder / name).read_bytes() for name in KINDS}
        self._root_path = root_path

    def address(self, name: str) -> str:
        """Where a file is, in the state that it has now."""
        return f"{self._root_path}/assets/{hashlib.sha256(self._files[name]).hexdigest()[:12]}/{name}"

    def routes(self) -> list[Route]:
        return [Route(self.address(name).removeprefix(self._root_path), self._answer(name)) for name in KINDS]

    def _answer(self, name: str) -> _Fixed:
        return _Fixed(self._files[name], KINDS[name])


class _Fixed:
    def __init__(self, body: bytes, kind: str) -> None:
        self._body = body
        self._kind = kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise method_not_allowed(scope["path"], "GET, HEAD")
        headers = {"cache-control": FOR_EVER, "x-content-type-options": "nosniff"}
        await Response(self._body, media_type=self._kind, headers=headers)(scope, receive, send)
