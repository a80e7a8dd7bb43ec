"""A line so slow that people watch a page arrive: what jumps only then, jumps here always."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from urllib.parse import urlsplit

# Bytes that arrive together, and the seconds until the next ones: several frames of a screen.
PIECE, PAUSE = 2048, 0.05
END_OF_HEAD = b"\r\n\r\n"


@asynccontextmanager
async def slow_line(url: str) -> AsyncIterator[str]:
    """The address of a line to the server at `url`: pages arrive in pieces, what they refer to as fast as ever."""
    server = urlsplit(url)
    # The event loop itself would forget those whose browser has gone.
    carrying: set[asyncio.Task[None]] = set()

    def accept(browser: StreamReader, to_browser: StreamWriter) -> None:
        task = asyncio.create_task(carry(browser, to_browser))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    async def carry(browser: StreamReader, to_browser: StreamWriter) -> None:
        # Browsers open lines that they do not use, and leave pages before they are whole.
        with closing(to_browser), suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await browser.readuntil(END_OF_HEAD)
            answers, to_server = await asyncio.open_connection(server.hostname, server.port)
            with closing(to_server):
                # One request each: the end of the answer is the end of the line.
                to_server.write(head.replace(b"keep-alive", b"close"))
                sending = asyncio.create_task(_pour(browser, to_server))
                try:
                    await _carry_back(answers, to_browser)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as line:
        host, port = line.sockets[0].getsockname()
        yield f"http://{host}:{port}"
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _carry_back(answers: StreamReader, to_browser: StreamWriter) -> None:
    head = await answers.readuntil(END_OF_HEAD)
    to_browser.write(head)
    is_page = b"content-type: text/html" in head.lower()
    await _pour(answers, to_browser, PAUSE if is_page else 0)


async def _pour(source: StreamReader, target: StreamWriter, pause: float = 0) -> None:
    while piece := await source.read(PIECE):
        target.write(piece)
        await target.drain()
        await asyncio.sleep(pause)
