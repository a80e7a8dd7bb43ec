"""Forms with a file are read as they come, and no further than they may be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.types import Message, Receive

from emporion.errors import Code, Problem
from emporion.web import uploads
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


async def content(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


async def test_a_body_that_is_too_large_says_how_large_a_file_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "REST", 0)
    receive, left = receiving([TOKEN.format("good"), FILE, *["x" * (1 << 20)] * 5, END])
    with pytest.raises(Problem) as raised:
        await anext(aiter_of(receive, 2 << 20))
    assert raised.value.code is Code.TOO_LARGE
    assert raised.value.message == "The file is larger than 2 MiB; split it, or use emporion import."
    assert left


async def aiter_of(receive: Receive, largest: int) -> AsyncIterator[bytes]:
    """The content of the file in a body."""
    async with read_upload(SCOPE, receive, "file", largest) as upload:
        yield await content(upload.parts)
