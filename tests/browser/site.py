"""A small web server for the pages of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# As our own pages have it.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'"
KINDS = {".js": "text/javascript", ".css": "text/css"}


@dataclass
class Site:
    """A running server. pages: what each path answers with status 200; the others get 404. asked: for these paths.

    policy: the Content-Security-Policy, none if empty.
    """

    pages: Mapping[str, str]
    policy: str
    url: str = ""
    asked: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The one request of a connection."""
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.append(path)
            writer.write(self._answer(path))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a connection that the browser opened in case it should need it
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        body = self.pages.get(path, "<title>Not found</title>").encode()
        head = [
            f"HTTP/1.1 {200 if path in self.pages else 404} \r\n",
            f"Content-Type: {KINDS.get(path[path.rfind('.') :], 'text/html')}; charset=utf-8\r\n",
            f"Content-Length: {len(body)}\r\n",
            f"Content-Security-Policy: {self.policy}\r\n" if self.policy else "",
            "Connection: close\r\n\r\n",
        ]
        return "".join(head).encode() + body


@asynccontextmanager
async def site(pages: Mapping[str, str], policy: str = POLICY, address: str = "127.0.0.1") -> AsyncIterator[Site]:
    """A site on a free port of `address`, until the block ends."""
    running = Site(pages, policy)
    server = await asyncio.start_server(running.answer, address, 0)
    running.url = f"http://{address}:{server.sockets[0].getsockname()[1]}"
    try:
        yield running
    finally:
        server.close()
