"""Starts servers in processes of their own, and stops them."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import Failed
from bench.client import ask
from bench.reference import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Seconds.
STARTS_WITHIN = 30
STOPS_WITHIN = 40


@contextmanager
def emporion(database: str, log: Path, workers: int = 1, *more: str) -> Iterator[int]:
    """The real server, serving the sandbox in the database with this URL; its port. more: options of `serve`."""
    port = free_port()
    options = ["--database", database, "--port", str(port), "--workers", str(workers), "--token-lifetime", "86400"]
    with running(["-m", "emporion", "serve", "--sandbox", *options, *more], port, log):
        yield port


@contextmanager
def reference(database: str, secret: str, log: Path, workers: int = 1) -> Iterator[int]:
    """The reference build, serving what is in the PostgreSQL database with this URL; its port.

    secret: what tokens are signed with.
    """
    port = free_port()
    environment = {settings.DATABASE: database, settings.SECRET: secret}
    with running(["-m", "bench.reference", str(port), str(workers)], port, log, environment):
        yield port


@contextmanager
def running(arguments: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Python with `arguments` as a server that answers on `port`. Raises Failed if it does not."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EMPORION_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=output, env=ours | (environment or {})
        )
    try:
        _wait_until_it_answers(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of this machine that no process listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < limit:
        try:
            ask(port, "/", {})
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
    raise Failed(f"a server did not start; it said:\n{log.read_text()}")
