"""The real program as a process of its own, started and ended as users do it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from emporion.marketplace.platforms import SANDBOX
from tests import server_logs
from tests.ports import free_port

# Long enough for a busy machine; a wait ends as soon as it has happened.
PATIENCE = 30.0


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`emporion` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "emporion", *arguments],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without the settings of the user who runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("EMPORION_")} | more


@dataclass
class Server:
    """A running `emporion serve`. output: a file with all that it has printed."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path

    def kill(self) -> None:
        """SIGKILL to it and all its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM, as an operator's service manager does it; its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def token(self) -> str:
        """A token for the sandbox's user."""
        answer = httpx.post(
            f"{self.url}/token",
            auth=(SANDBOX.user, SANDBOX.password),
            headers={"X-Subscription-Key": SANDBOX.subscription_key},
            verify=False,
            timeout=PATIENCE,
        )
        return str(answer.raise_for_status().json()["token"])

    def headers(self) -> dict[str, str]:
        """What a request of the sandbox's user needs."""
        return {"Authorization": f"Bearer {self.token()}", "X-Subscription-Key": SANDBOX.subscription_key}


@contextmanager
def serving(
    folder: Path, *arguments: str, scheme: str = "http", sandbox: bool = True, **environment: str
) -> Iterator[Server]:
    """`emporion serve --sandbox` in `folder` on a free port, until the block ends."""
    what = ["--sandbox"] if sandbox else []
    port = free_port()
    output = folder / "output.txt"
    with output.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "emporion", "serve", *what, "--port", str(port), *arguments],
            cwd=folder,
            env=clean_environment(**environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server_logs.keep(output, process)
    server = Server(process, f"{scheme}://127.0.0.1:{port}", output)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.process.poll() is None, server.output.read_text()
        try:
            httpx.get(f"{server.url}/openapi.json", verify=False, timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.02)  # until it listens
        else:
            return
    raise AssertionError(f"not ready: {server.output.read_text()}")
