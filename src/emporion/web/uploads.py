"""Forms with a file: read as they come, never whole into memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from emporion.errors import Code, Problem
from emporion.fair_semaphore import FairSemaphore
from emporion.marketplace.import_content import too_large
from emporion.store.faults import temporary_files
from emporion.web.forms import Form

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

PART = 256 << 10
# What a form has besides its file.
MOST_FIELDS, LONGEST_FIELD, REST = 20, 1 << 16, 1 << 20
# Seconds within which the next piece must come, and the whole.
PATIENCE, LONGEST = 30, 1800
# How many files may be on their way in this process, and how many of one account; bytes of each that are in memory, the
# others are in a temporary file. Seconds after which a client that finds no place may ask again.
AT_ONCE, OF_ONE = 16, 4
IN_MEMORY = 64 << 10
AGAIN = {"Retry-After": "10"}


class Upload(NamedTuple):
    """A form with a file. name: "" where no file was chosen."""

    form: Form
    name: str
    parts: AsyncIterator[bytes]


def places() -> FairSemaphore:
    """The places for the files that are on their way in this process, by account."""
    return FairSemaphore(AT_ONCE, OF_ONE, 0, None, _too_many)


def _too_many() -> Problem:
    return Problem(Code.UNAVAILABLE, "Too many files are on their way; send this one again shortly.", headers=AGAIN)


@asynccontextmanager
async def read_upload(
    scope: Scope,
    receive: Receive,
    field: str,
    largest: int,
    check: Callable[[Form], None],
    uploads: FairSemaphore,
    account: int,
) -> AsyncIterator[Upload]:
    """The form in a request's body, whose file of at most `largest` bytes is in `field`.

    check: raises a Problem for a form that is not taken. It gets what comes before the file, before any of the file is
    taken. uploads: in which the account's file has a place from then on, until this is left. Raises Problem
    (UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMEOUT, MALFORMED, or UNAVAILABLE where there is no place, or no room for a
    temporary file).
    """
    kind = scope["named_headers"].get(b"content-type", b"").lower()
    if not kind.startswith(b"multipart/form-data") or b"charset" in kind:  # a browser names none: it is UTF-8
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The form must be sent as a browser does it.")
    with ExitStack() as held:

        def begin(before: Form, file: UploadFile) -> None:
            check(before)  # first: a form that another site has made takes no place
            uploads.acquire_at_once(account)
            held.callback(uploads.release, account)
            held.callback(file.file.close)  # a form that ends within its file does not have it

        try:
            with temporary_files():
                form = await _Parser(Request(scope, _Bounded(receive, largest)), begin).parse()
        except (MultiPartException, ClientDisconnect):
            raise Problem(Code.MALFORMED, "The form cannot be read.") from None
        try:
            fields = _fields(form.items())
            check(fields)
            file = form.get(field)
            found = file if isinstance(file, UploadFile) else None
            yield Upload(fields, (found and found.filename) or "", _parts(found))
        finally:
            await form.close()


class _Parser(MultiPartParser):
    """Reads a form, and asks `begin` before it takes a file."""

    spool_max_size = IN_MEMORY

    def __init__(self, request: Request, begin: Callable[[Form, UploadFile], None]) -> None:
        super().__init__(
            request.headers, request.stream(), max_files=1, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD
        )
        self._begin = begin

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is not None:
            self._begin(_fields(self.items), self._current_part.file)


def _fields(items: Iterable[tuple[str, object]]) -> Form:
    return Form({name: value for name, value in items if isinstance(value, str)})


class _Bounded:
    """Gives a body as it comes, with a file up to a size and within a time."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive = receive
        self._left = largest + REST
        self._largest = largest
        self._ends_at = asyncio.get_running_loop().time() + LONGEST

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout(PATIENCE), asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise Problem(Code.TIMEOUT, "The file did not arrive in time.", headers={"Connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise too_large(self._largest)
        return message


async def _parts(file: UploadFile | None) -> AsyncIterator[bytes]:
    """The content of a file. Raises Problem (UNAVAILABLE)."""
    while file:
        with temporary_files():
            part = await file.read(PART)
        if not part:
            break
        yield part
