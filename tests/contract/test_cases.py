"""Plays the cases in `cases/`: each is a conversation with a fresh sandbox, as data; one that is `stocked` sells.

A step is a request and the answer that it must get. The request is made by the caller `as` (sandbox; anonymous sends no
credentials), with `body` (JSON), `form` (by name, form-encoded), `text` (as it stands) or `latin1` (bytes), or with
`customer`: changes to a complete customer, by JSON Merge Patch. In the answer, `body` names the members that count:
strings that begin with `re:` are patterns, `absent` lists members that must not be there, `details` all faults, by
field and pattern of the message.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from tests.conftest import Caller, Serve, new_customer

CASES = [
    pytest.param(
        case,
        id=f"{file.stem}: {case['name']}",
        marks=[pytest.mark.stocked] if case.get("stocked") else [],
    )
    for file in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any], serve: Serve, callers: dict[str, Caller]) -> None:
    client = serve(**case.get("settings", {}))
    for step in case["steps"]:
        request = step["request"]
        caller = callers.get(request.get("as", "sandbox"))
        media_type = "application/x-www-form-urlencoded" if "form" in request else "application/json"
        headers = {"Content-Type": media_type, **request.get("headers", {})}
        answer = client.request(
            request["method"],
            request["path"],
            caller,
            content=_content(request),
            headers={name: value for name, value in headers.items() if value is not None},
            auth=httpx.BasicAuth(*request["auth"]) if "auth" in request else None,
        )
        _check(answer, step["response"])


def _content(request: dict[str, Any]) -> bytes | None:
    if "customer" in request:
        return json.dumps(_merged(new_customer(), request["customer"])).encode()
    if "body" in request:
        return json.dumps(request["body"]).encode()
    if "form" in request:
        return urlencode(request["form"]).encode()
    if "latin1" in request:
        return str(request["latin1"]).encode("latin-1")
    return str(request["text"]).encode() if "text" in request else None


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, item in patch.items():
        if item is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), item)
    return result


def _check(answer: httpx.Response, expected: dict[str, Any]) -> None:
    assert answer.status_code == expected["status"], answer.text
    for name, value in expected.get("headers", {}).items():
        _match(answer.headers.get(name), value, name)
    body: dict[str, Any] = answer.json() if answer.content else {}
    if "body" in expected:
        _match(body, expected["body"], "body")
    for name in expected.get("absent", ()):
        assert name not in body
    if "details" in expected:
        assert [detail["field"] for detail in body["details"]] == [field for field, _ in expected["details"]]
        for detail, (_, message) in zip(body["details"], expected["details"], strict=True):
            _match(detail["message"], f"re:{message}", detail["field"])
    for text in expected.get("nowhere", ()):
        assert text not in answer.text


def _match(actual: Any, expected: Any, at: str) -> None:
    if isinstance(expected, dict):
        assert isinstance(actual, dict), at
        for name, value in expected.items():
            assert name in actual, f"{at}.{name} is missing"
            _match(actual[name], value, f"{at}.{name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), at
        assert len(actual) == len(expected), at
        for number, value in enumerate(expected):
            _match(actual[number], value, f"{at}[{number}]")
    elif isinstance(expected, str) and expected.startswith("re:"):
        assert re.search(expected.removeprefix("re:"), str(actual)), f"{at}: {actual}"
    else:
        assert actual == expected, f"{at}: {actual}"
