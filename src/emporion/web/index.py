"""The address without a path: people go to the console from there, programs are told what there is."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Entrance:
    """An ASGI application. root_path: before all addresses."""

    def __init__(self, root_path: str) -> None:
        self._console = f"{root_path}/console"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepts = scope["named_headers"].get(b"accept", b"")
        if scope["method"] not in ("GET", "HEAD") or b"text/html" not in accepts:
            raise Problem(Code.NOT_FOUND, "There is nothing at this address; /docs lists what there is.")
        headers = {"Vary": "Accept", "Cache-Control": "no-store"}
        await RedirectResponse(self._console, HTTPStatus.SEE_OTHER, headers)(scope, receive, send)
