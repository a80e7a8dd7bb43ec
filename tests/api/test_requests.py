"""Bodies that no client should send: each gets a clear 4xx, quickly, and the server lives on."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion import validation
from emporion.api import requests
from emporion.errors import Code, Problem
from emporion.validation import DEEPEST
from tests.conftest import Caller, new_customer
from tests.document import CheckedClient

if TYPE_CHECKING:
    from starlette.types import Message, Receive


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"x":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b'{"x":' * 10_000, "nested too deeply"),
        (b'{"x":' + b"9" * 5000 + b"}", "a number is too large"),
        (b'{"name": "\xff"}', "must be UTF-8"),
        (b'{"\xff": 1}', "must be UTF-8"),
        ('{"name": "x"}'.encode("utf-16"), "must be UTF-8; this looks like UTF-16."),
        ('{"name": "x"}'.encode("utf-16-le"), "must be UTF-8; this looks like UTF-16."),
        ('{"name": "x"}'.encode("utf-16-be"), "must be UTF-8; this looks like UTF-16."),
        ('{"name": "x"'.encode("utf-16-le"), "must be UTF-8; this looks like UTF-16."),
        ('{"name": "x"}'.encode("utf-32"), "must be UTF-8; this looks like UTF-32."),
        ('{"name": "x"}'.encode("utf-32-le"), "must be UTF-8; this looks like UTF-32."),
        ('{"name": "x"}'.encode("utf-32-be"), "must be UTF-8; this looks like UTF-32."),
        (b'{"name": "\xed\xa0\x80"}', "must be UTF-8."),
        (b"\x1f\x8b\x08\x00{}", "must be UTF-8."),
        (b'\xef\xbb\xbf{"name": }', "must be valid JSON: Expecting value at line 1, column 10."),
        (b'{"a" 1}', "Expecting ':' delimiter at line 1, column 6"),
        (b"\x00", "must be valid JSON"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_body_that_cannot_be_read(
    client: CheckedClient, callers: dict[str, Caller], body: bytes, message: str, method: str
) -> None:
    path = "/customers" if method == "POST" else "/customers/1000001"
    answer = client.request(
        method, path, callers["sandbox"], content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "Expecting property name enclosed in double quotes at line 1, column 2"),
        ("{'a': 1}", "Expecting property name enclosed in double quotes at line 1, column 2"),
        ("{,}", "Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"a": }', "Expecting value at line 1, column 7"),
        ('{"a": [1,,2]}', "Expecting value at line 1, column 10"),
        ("[,]", "Expecting value at line 1, column 2"),
        ('{"a": 1,\n "b": tru}', "Expecting value at line 2, column 7"),
        ('{"a": 1,}', "Illegal trailing comma before end of object at line 1, column 8"),
        ('{"a": 1 ,\n\t}', "Illegal trailing comma before end of object at line 1, column 9"),
        ('{"a":\n[{}, ]}', "Illegal trailing comma before end of array at line 2, column 4"),
        ('{"a": 1 "b": 2}', "Expecting ',' delimiter at line 1, column 9"),
        ('{"a": [1 2]}', "Expecting ',' delimiter at line 1, column 10"),
        ('{"a": "b', "Unterminated string starting at line 1, column 7"),
        ('{"a": "b\n"}', "Invalid control character at line 1, column 9"),
        ('{"a": "\\x"}', "Invalid \\escape at line 1, column 8"),
        ('{"a": "\\u12"}', "Invalid \\uXXXX escape at line 1, column 9"),
        ('{"a": 1}}', "Extra data at line 1, column 9"),
        ('{"a": 01}', "Expecting ',' delimiter at line 1, column 8"),
        ('{"a": 1e999}', "a number is out of range"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
    ],
)
def test_what_is_wrong_with_json_is_told_alike_by_every_python(
    client: CheckedClient, callers: dict[str, Caller], body: str, message: str
) -> None:
    answer = client.post(
        "/customers", callers["sandbox"], content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["message"] == f"The body must be valid JSON: {message}."


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1), 200),
        ("[" * DEEPEST + "]" * DEEPEST, 400),
        ('{"a":' * (DEEPEST - 1) + "1" + "}" * (DEEPEST - 1), 200),
        ('{"a":' * DEEPEST + "1" + "}" * DEEPEST, 400),
        ("[" + "[[]]," * DEEPEST + "{}]", 200),
        (json.dumps("[" * DEEPEST), 200),
        (json.dumps('\\"[' * DEEPEST), 200),
    ],
)
def test_how_deep_a_body_may_be_nested_does_not_depend_on_the_python(
    client: CheckedClient, callers: dict[str, Caller], value: str, status: int
) -> None:
    body = json.dumps(new_customer())[:-1] + f', "unknown": {value}}}'
    answer = client.post(
        "/customers",
        callers["sandbox"],
        content=body.encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": "deep"},
    )
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["message"] == "The body is nested too deeply, more than 512 levels."


@pytest.mark.parametrize("depth", [1, 50, 500])
def test_what_is_ignored_may_be_nested(client: CheckedClient, callers: dict[str, Caller], depth: int) -> None:
    for member in ("unknown", "id"):
        text = json.dumps({**new_customer(), member: 0}).replace(
            f'"{member}": 0', f'"{member}": ' + "[" * depth + "]" * depth
        )
        answer = client.post(
            "/customers", callers["sandbox"], content=text.encode(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("member", ["address", "attributes", "contactPersons", "name", "status"])
def test_deep_nesting_where_a_value_belongs_is_a_fault_of_that_member(
    client: CheckedClient, callers: dict[str, Caller], member: str
) -> None:
    deep: object = "x"
    for _ in range(400):
        deep = {"city": deep}
    answer = client.patch("/customers/1000001", callers["sandbox"], json={member: deep})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"].startswith(member)


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"x": "'
    for _ in range(size // 1000):
        yield b"y" * 1000
    yield b'"}'


def test_a_body_over_a_mebibyte_is_refused_whether_or_not_its_length_is_told(
    client: CheckedClient, callers: dict[str, Caller]
) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"x" * (requests.LARGEST_BODY + 1), chunks(requests.LARGEST_BODY + 1000)):
        answer = client.post("/customers", callers["sandbox"], content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["message"] == "The body must not be larger than 1 MiB."


def test_a_body_of_just_a_mebibyte_is_read(client: CheckedClient, callers: dict[str, Caller]) -> None:
    body = json.dumps(new_customer()).encode()
    content = body[:-1] + b', "x": "' + b"y" * (requests.LARGEST_BODY - len(body) - 9) + b'"}'
    assert len(content) == requests.LARGEST_BODY
    headers = {"Content-Type": "application/json"}
    assert client.post("/customers", callers["sandbox"], content=content, headers=headers).status_code == 200


def test_of_many_unknown_members_only_some_are_compared_with_our_own(
    client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(word: str, *_: object, **__: object) -> list[str]:
        compared.append(word)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", compare)
    answer = client.post("/customers", callers["sandbox"], json={f"member{number}": 1 for number in range(20_000)})
    assert answer.status_code == 400
    assert len(compared) == validation.MOST_HINTS


def test_faults_are_bounded_by_what_a_body_may_have(client: CheckedClient, callers: dict[str, Caller]) -> None:
    body = new_customer(contactPersons=[5] * 20_000, attributes={str(number): 5 for number in range(10_000)})
    answer = client.post("/customers", callers["sandbox"], json=body)
    assert [detail["field"] for detail in answer.json()["details"]] == ["attributes", "contactPersons"]


def test_a_body_that_does_not_come_is_not_waited_for_forever(
    client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        raise TimeoutError

    monkeypatch.setattr(requests, "_receive", lambda *_: never())
    answer = client.post("/customers", callers["sandbox"], json=new_customer())
    assert answer.status_code == 408
    assert "within 30 seconds" in answer.json()["message"]


def test_a_form_of_a_stranger_may_have_16_kib(client: CheckedClient) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = "/auth/realms/sandbox/protocol/openid-connect/token"
    answer = client.post(path, content=b"a=" + b"x" * requests.LARGEST_FORM, headers=headers)
    assert answer.status_code == 413
    assert "16 KiB" in answer.text


async def test_large_bodies_on_their_way_are_bounded_in_all_and_small_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def coming(size: int) -> Receive:
        pieces = itertools.chain(["x" * 1000] * (size // 1000), [""])

        async def receive() -> Message:
            piece = next(pieces)
            return {"type": "http.request", "body": piece.encode(), "more_body": piece != ""}

        return receive

    monkeypatch.setattr(requests, "MOST_ON_THEIR_WAY", 100_000)
    with pytest.raises(Problem) as found:
        await requests.read_bytes({}, coming(101_000), requests.LARGEST_BODY)
    assert found.value.code is Code.UNAVAILABLE
    assert len(await requests.read_bytes({}, coming(99_000), requests.LARGEST_BODY)) == 99_000
    monkeypatch.setattr(requests.ON_THEIR_WAY, "size", 100_000)
    assert len(await requests.read_bytes({}, coming(16_000), requests.LARGEST_BODY)) == 16_000
    assert requests.ON_THEIR_WAY.size == 100_000


MANY = requests.MOST_PARTS + 1


@pytest.mark.parametrize(
    "value",
    ["[" + "1," * MANY + "1]", "{" + ",".join(f'"{number}" : 1' for number in range(MANY)) + "}", "[" + "{}, " * MANY],
    ids=["numbers", "members", "objects"],
)
def test_a_body_of_very_many_parts_is_refused_before_it_is_read(
    client: CheckedClient, callers: dict[str, Caller], value: str
) -> None:
    headers = {"Content-Type": "application/json"}
    body = f'{{"attributes": {value}}}'
    answer = client.patch("/customers/1000001", callers["sandbox"], content=body, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["message"] == "The body must not have more than 50,000 names and values in all."


@pytest.mark.parametrize(
    ("body", "parts"), [(b"[1, 2, 3]", 3), (b'{"a": 1, "b": 2}', 4), (b'{"a": [1, {"b": 2}], "c": [[3], [4]]}', 12)]
)
def test_names_and_values_are_counted_as_they_are(body: bytes, parts: int) -> None:
    assert requests._parts(body) == parts


def test_a_text_may_have_as_many_colons_and_quotation_marks_as_it_likes(
    client: CheckedClient, callers: dict[str, Caller]
) -> None:
    text = '{"a\\\\": [1, 2]}' * 100
    attributes = {str(number): text for number in range(64)}
    answer = client.post("/customers", callers["sandbox"], json=new_customer(attributes=attributes))
    assert answer.status_code == 200, answer.text
    assert answer.json()["attributes"] == attributes


@given(st.text(alphabet="ab=&%+;/?4e9C3 \x00é~", max_size=30))
def test_a_query_is_read_as_the_standard_library_reads_it(query: str) -> None:
    def read(parameters: Callable[[str], list[tuple[str, str]]]) -> object:
        try:
            return parameters(query)
        except UnicodeDecodeError:
            return "not UTF-8"

    library = partial(parse_qsl, keep_blank_values=True, errors="strict")
    assert read(requests._parameters) == read(library)
