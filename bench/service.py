"""What is measured of a service, be it ours or the reference build."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from bench import Failed
from bench.client import ask, good
from bench.drive import Drive, run
from bench.load import SEARCHED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.drive import Figures

BY_ID = "GET by id"
PAGE = "page of 10 at offset 0"
DEEP_PAGE = "page of 10 at offset 50,000"
SEARCH = "search by name, 10 of a few"
CREATE = "POST, durable"

FIRST_PAGE = "/customers?limit=10"
LATER_PAGE = f"{FIRST_PAGE}&offset=50000"
FOUND_PAGE = f"{FIRST_PAGE}&name={quote(SEARCHED)}"
CREATION = Drive("/customers", "create.lua")


class Service(msgspec.Struct, frozen=True):
    """A running server and what a client of it sends with each request."""

    port: int
    headers: Mapping[str, str]

    def answer(self, path: str) -> bytes:
        """The body of a good answer. Raises Failed."""
        return good(ask(self.port, path, self.headers)).body

    def run(self, drive: Drive, seconds: int) -> Figures:
        """Send the requests for some seconds. Raises Failed."""
        return run(self.port, drive, self.headers, seconds)

    def reads(self, ids: range, seconds: int) -> dict[str, Callable[[], Figures]]:
        """The measurements of reading, by name."""
        by_id = Drive("/customers", "by_id.lua", (str(ids[0]), str(ids[-1])))
        return {
            BY_ID: lambda: self.run(by_id, seconds),
            PAGE: lambda: self.run(Drive(FIRST_PAGE), seconds),
            DEEP_PAGE: lambda: self.run(Drive(LATER_PAGE), seconds),
            SEARCH: lambda: self.run(Drive(FOUND_PAGE), seconds),
        }

    def check_pages(self) -> None:
        """The pages are full, or the figures would be of something else. Raises Failed."""
        for path in (FIRST_PAGE, LATER_PAGE, FOUND_PAGE):
            entries = len(msgspec.json.decode(self.answer(path))["data"])
            if entries != 10:
                raise Failed(f"a page of 10 customers has {entries}")
