"""Errors as JSON, and the correlation id of each answer (contract: Errors)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


class CorrelationIds:
    """Gives each answer the correlation id of its request, or a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-correlation-id", "")
        correlation_id = given if WELL_FORMED.fullmatch(given) else str(uuid.uuid4())
        scope.setdefault("state", {})["correlation_id"] = correlation_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Correlation-ID"] = correlation_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def handle_errors(app: FastAPI) -> None:
    """Answer every error in the contract's shape."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _answer(request, error.status_code, error.detail, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        if error.errors()[0]["loc"][0] == "path":
            return _answer(request, 404, "No entity has been found: there is no customer with this id.")
        details = [{"field": _field(fault["loc"]), "message": fault["msg"]} for fault in error.errors()]
        return _answer(request, 400, f"{details[0]['field']}: {details[0]['message']}", details)

    @app.exception_handler(Exception)
    async def failed(request: Request, _: Exception) -> JSONResponse:
        # Starlette answers this outside of all middleware.
        headers = {"X-Correlation-ID": request.state.correlation_id}
        return _answer(request, 500, "Something failed on our side.", headers=headers)


def _answer(
    request: Request,
    status: int,
    message: str,
    details: Sequence[dict[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    content: dict[str, Any] = {
        "timeStamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": status,
        "error": HTTPStatus(status).phrase,
        "message": message,
        "path": request.url.path,
        "correlationId": request.state.correlation_id,
    }
    if details:
        content["details"] = details
    return JSONResponse(content, status, headers)


def _field(location: Sequence[str | int]) -> str:
    """The path of a member, such as contactPersons[1].email, without the part of the request that it stands in."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location[1:])
    return path.removeprefix(".")
