"""A bare ASGI application that always gives one answer, on the same Granian as the real one: the ceiling of reads.

As a program: serve the answer in the file that BENCH_ANSWER names, on the port given.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from bench import Failed
from bench.client import Answer, ask
from bench.server import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILE = "BENCH_ANSWER"
# What Granian adds to each answer by itself.
BY_GRANIAN = ("server", "date")


@contextmanager
def raw(answer: Answer, path: Path, headers: Mapping[str, str]) -> Iterator[int]:
    """A server that gives `answer`, kept in the file `path`, to whatever it is asked; its port."""
    port = free_port()
    path.write_bytes(msgspec.json.encode(answer))
    with running(["-m", "bench.raw", str(port)], port, path.with_suffix(".log"), {FILE: str(path)}):
        if _without_date(ask(port, "/", headers)) != _without_date(answer):
            raise Failed("the bare application does not give the same answer as the real one")
        yield port


def _without_date(answer: Answer) -> Answer:
    headers = sorted((name, value) for name, value in answer.headers if name != "date")
    return Answer(answer.status, headers, answer.body)


def app() -> ASGIApp:
    """The application, in the worker process."""
    answer = msgspec.json.decode(Path(os.environ[FILE]).read_bytes(), type=Answer)
    headers = [(name.encode(), value.encode()) for name, value in answer.headers if name not in BY_GRANIAN]
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
    body: Message = {"type": "http.response.body", "body": answer.body}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        await send(start)
        await send(body)

    return application


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop, with nothing to do."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


def serve(port: int) -> None:
    """Serve the application with the options of `emporion serve`."""
    Granian(
        "bench.raw:app",
        factory=True,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
    ).serve()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
