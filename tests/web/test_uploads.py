"""Forms with a file are read as they come, and no further than they may be."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress

import pytest
from starlette.types import Message, Receive

from emporion.errors import Code, Problem
from emporion.fair_semaphore import FairSemaphore
from emporion.web import uploads
from emporion.web.forms import Form
from emporion.web.uploads import _too_many, places, read_upload

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
    """A body in pieces, and those that were not asked for yet."""
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
    async with read_upload(SCOPE, receive, "file", 100, check, places(), 1) as upload:
        assert upload.form.text("format") == "good"
        assert upload.name == "x.csv"
    assert not left


class Sending:
    """A form with a file that is on its way, and stays so until `go_on`."""

    def __init__(self, turns: FairSemaphore, account: int, *rest: str) -> None:
        self._pieces = iter([TOKEN.format("good") + FILE, *rest])
        self._waits = asyncio.Event()
        self._goes_on = asyncio.Event()
        self._read = asyncio.create_task(read(self._receive, turns=turns, account=account))

    async def _receive(self) -> Message:
        piece = next(self._pieces, None)
        if piece is None:
            self._waits.set()
            await self._goes_on.wait()
            return {"type": "http.request", "body": END.encode(), "more_body": False}
        return {"type": "http.request", "body": piece.encode(), "more_body": True}

    async def begun(self) -> Sending:
        """Itself, once a part of the file is here."""
        await self._waits.wait()
        return self

    async def cancelled(self) -> None:
        self._read.cancel()
        await asyncio.wait([self._read])

    async def taken(self) -> bytes:
        """The file, once it was sent to its end."""
        self._goes_on.set()
        return await self._read


async def refused(turns: FairSemaphore, account: int) -> list[str]:
    """What was not asked for of a form with a file that found no place."""
    receive, left = receiving([TOKEN.format("good"), FILE, "x", END])
    with pytest.raises(Problem, match="Too many files are on their way") as raised:
        await read(receive, turns=turns, account=account)
    assert raised.value.code is Code.UNAVAILABLE
    assert raised.value.headers == {"Retry-After": "10"}
    return left


async def test_only_so_many_files_of_an_account_and_of_all_together_are_on_their_way() -> None:
    turns = places()
    accounts = [account for account in range(4) for _ in range(4)]
    some = [await Sending(turns, account, "x").begun() for account in accounts[:4]]
    assert await refused(turns, 0) == ["x", END]
    some += [await Sending(turns, account, "x").begun() for account in accounts[4:]]
    assert await refused(turns, 5) == ["x", END]
    assert await some[0].taken() == b"x"
    assert await refused(turns, 1) == ["x", END]
    some[0] = await Sending(turns, 5, "y").begun()
    assert await refused(turns, 6) == ["x", END]
    assert [await one.taken() for one in some] == [b"y"] + [b"x"] * 15


async def test_a_file_gives_its_place_back_however_it_ends() -> None:
    turns = FairSemaphore(1, 1, 0, None, _too_many)

    for pieces, largest in (
        ([TOKEN.format("good"), FILE, "x" * 100, END], 1 << 20),
        ([TOKEN.format("good"), FILE, "x"], 1 << 20),
        ([TOKEN.format("good"), FILE, "x" * (2 << 20), END], 10),
        ([TOKEN.format("good") + FILE + "x\r\n" + TOKEN.format("bad"), END], 1 << 20),
        ([TOKEN.format("good") + FILE + "x\r\n" + FILE + "x", END], 1 << 20),
    ):
        receive, _ = receiving(pieces)
        with suppress(Problem):
            await read(receive, largest, turns, 1)
        assert await (await Sending(turns, 2, "x").begun()).taken() == b"x"
    await (await Sending(turns, 1, "x").begun()).cancelled()
    assert await (await Sending(turns, 2, "x").begun()).taken() == b"x"


async def test_a_file_for_which_there_is_no_room_may_be_sent_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    turns = FairSemaphore(1, 1, 0, None, _too_many)
    receive, _ = receiving([TOKEN.format("good"), FILE, "x" * (65 << 10), END])
    with pytest.raises(Problem, match="Temporary files cannot be written now") as raised:
        await read(receive, turns=turns)
    assert raised.value.code is Code.UNAVAILABLE
    assert raised.value.headers["Retry-After"]
    assert raised.value.why == "OSError: [Errno 28] No space left on device"
    receive, _ = receiving([TOKEN.format("good"), FILE, "x" * (63 << 10), END])
    assert len(await read(receive, turns=turns)) == 63 << 10, "little is in memory"


async def test_a_form_that_another_site_has_made_takes_no_place() -> None:
    turns = FairSemaphore(1, 1, 0, None, _too_many)
    sending = await Sending(turns, 1, "x").begun()
    receive, _ = receiving([TOKEN.format("bad"), FILE, "x", END])
    with pytest.raises(Problem, match="no token"):
        await read(receive, turns=turns)
    assert await sending.taken() == b"x"


def check(form: Form) -> None:
    if form.text("token") != "good":
        raise Problem(Code.FORBIDDEN, "no token")


async def read(receive: Receive, largest: int = 1 << 20, turns: FairSemaphore | None = None, account: int = 1) -> bytes:
    """The content of the file in a body."""
    async with read_upload(SCOPE, receive, "file", largest, check, turns or places(), account) as upload:
        return b"".join([part async for part in upload.parts])
