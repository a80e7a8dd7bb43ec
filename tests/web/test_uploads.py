"""Forms with a file are read as they come, and no further than they may be."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive

from emporion.errors import Code, Problem
from emporion.web import uploads
from emporion.web.forms import Form
from emporion.web.uploads import read_upload

KIND = "multipart/form-data; boundary=B"
SCOPE = {
    "type": "http",
    "headers": [(b"content-type", KIND.encode())],
    "named_headers": {b"content-type": KIND.encode()},
}
TOKEN = '--B\r\nContent-Disposition: form-data; name="token"\r\n\r\n{}\r\n'
FILE = '--B\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
END = "\r\n--B--\r\n"


def receiving(pieces: Sequence[str]) -> tuple[Receive, list[str]]:
    """A body in pieces, and those that nobody has asked for yet."""
    left = list(pieces)

    async def receive() -> Message:
        piece = left.pop(0)
        return {"type": "http.request", "body": piece.encode(), "more_body": bool(left)}

    return receive, left


async def test_a_body_that_is_too_large_says_how_large_a_file_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "REST", 0)
    receive, left = receiving([TOKEN.format("good"), FILE, *["x" * (1 << 20)] * 5, END])
    with pytest.raises(Problem) as raised:
        await read(receive, 2 << 20)
    assert raised.value.code is Code.TOO_LARGE
    assert raised.value.message == "The file is larger than 2 MiB; split it, or use emporion import."
    assert left


@pytest.mark.parametrize("before", ["", TOKEN.format("bad")])
async def test_a_file_is_not_taken_before_the_form_has_shown_its_token(before: str) -> None:
    receive, left = receiving([before + FILE, *["x" * 1000] * 9, "\r\n" + TOKEN.format("good"), END])
    with pytest.raises(Problem, match="no token"):
        await read(receive)
    assert len(left) == 11


async def test_a_form_without_a_file_must_show_its_token_too() -> None:
    receive, _ = receiving([TOKEN.format("bad"), END])
    with pytest.raises(Problem, match="no token"):
        await read(receive)


async def test_what_comes_after_the_file_is_of_the_form_too() -> None:
    receive, left = receiving(
        [TOKEN.format("good"), FILE, "name\r\n", TOKEN.format("good").replace("token", "format"), END]
    )
    async with read_upload(SCOPE, receive, "file", 100, check) as upload:
        assert upload.form.text("format") == "good"
        assert upload.name == "x.csv"
    assert not left


def check(form: Form) -> None:
    if form.text("token") != "good":
        raise Problem(Code.FORBIDDEN, "no token")


async def read(receive: Receive, largest: int = 1 << 20) -> bytes:
    """The content of the file in a body."""
    async with read_upload(SCOPE, receive, "file", largest, check) as upload:
        return b"".join([part async for part in upload.parts])
