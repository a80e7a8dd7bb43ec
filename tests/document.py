"""A client that holds each answer against our own OpenAPI document, so that the two cannot drift apart."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx2 as httpx
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.testclient import TestClient

from emporion.api import openapi
from emporion.app import OPERATIONS
from tests.strict_reader import OPERATION_TYPES, read_strictly

# Operations that answer the same in both contract versions; and those whose answers are not read strictly, since a
# reseller of a platform that was begun with a name only has no address.
ONE_ANSWER = {f"{one.method} {one.path}" for one in OPERATIONS if not isinstance(one.answer, dict)}
NOT_STRICT = {name for name, type_ in OPERATION_TYPES.items() if type_ in ("Reseller", "ResultListReseller")}


@cache
def document() -> dict[str, Any]:
    return openapi.document(OPERATIONS, "")


@cache
def _validator(pointer: str) -> Draft202012Validator:
    registry = Registry().with_resource("emporion:openapi", DRAFT202012.create_resource(document()))
    return Draft202012Validator({"$ref": f"emporion:openapi{pointer}"}, registry=registry)


def _template(path: str) -> str | None:
    for template in document()["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return str(template)
    return None


def check_answer(method: str, path: str, answer: httpx.Response) -> None:
    """The answer is one that the document foresees for this operation."""
    assert answer.headers["x-correlation-id"]
    template = _template(path)
    operation = document()["paths"].get(template, {}).get(method.lower())
    if not operation:  # a page, or 404 or 405, which are the same everywhere
        assert answer.status_code == 200 or _validator("#/components/schemas/Error").is_valid(answer.json())
        return
    status = str(answer.status_code)
    assert status in operation["responses"], f"{method} {path} answers {status}, which the document does not have"
    response = operation["responses"][status]
    for name, header in response["headers"].items():
        required = document()["components"]["headers"][header["$ref"].rsplit("/", 1)[1]].get("required")
        assert not required or name in answer.headers, f"{name} is missing in {status}"
    if status == "304":
        assert not answer.content
        return
    pointer = (
        f"#/paths/{template.replace('/', '~1')}/{method.lower()}/responses/{status}/content/application~1json/schema"  # type: ignore[union-attr]
    )
    _validator(pointer).validate(answer.json())
    name = f"{method} {template}"
    of_document = answer.headers.get("x-api-version") == "1.15" or name in ONE_ANSWER
    if status == "200" and name in OPERATION_TYPES.keys() - NOT_STRICT and of_document:
        read_strictly(name, answer.json())


class CheckedClient:
    """Sends requests to the application; `as_` names no caller but is one."""

    def __init__(self, client: TestClient, root_path: str) -> None:
        self._client = client
        self._root_path = root_path

    def request(self, method: str, path: str, as_: Any = None, **request: Any) -> httpx.Response:
        """Send a request, with the headers of the caller `as_` under those in `headers`."""
        headers = {**(as_.headers if as_ else {}), **(request.pop("headers", None) or {})}
        answer = self._client.request(method, path, headers=headers, **request)
        bare = path.partition("?")[0].removeprefix(self._root_path)
        if method != "HEAD":
            check_answer(method, bare.rstrip("/") or "/", answer)
        return answer

    def get(self, path: str, as_: Any = None, **request: Any) -> httpx.Response:
        return self.request("GET", path, as_, **request)

    def post(self, path: str, as_: Any = None, **request: Any) -> httpx.Response:
        return self.request("POST", path, as_, **request)

    def patch(self, path: str, as_: Any = None, **request: Any) -> httpx.Response:
        return self.request("PATCH", path, as_, **request)
