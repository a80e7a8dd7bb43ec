"""A real Redis server as a process of its own that leaves nothing behind."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ports import free_port
from tests.postgres import PATIENCE, guarded_folder, listens, wait_until
from tests.programs import required

# Nothing is kept: a server that is started anew is empty.
SETTINGS = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "daemonize": "no"}


class Redis:
    """A server of our own on 127.0.0.1. Use `server()`, which also ends it.

    folder: its own and empty. settings: more lines of its redis.conf, with `_` for `-`.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.log = folder / "log.txt"
        self.settings = {**SETTINGS, "port": str(self.port), "dir": str(folder), **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, password: str | None = None) -> str:
        return f"redis://:{password}@127.0.0.1:{self.port}/0" if password else f"redis://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it answers. RuntimeError with its log if it doesn't come up."""
        assert not self.running, "already running"
        configuration = self.folder / "redis.conf"
        configuration.write_text("".join(_line(name, value) for name, value in self.settings.items()))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [required("redis-server"), configuration],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._answers, self.log.read_text)

    def kill(self) -> None:
        """SIGKILL; returns when its port is free."""
        if self._process:
            self._process.kill()
            self._process.wait(PATIENCE)
        wait_until(lambda: not listens(self.port), lambda: f"a process listens on port {self.port}")

    def pause(self) -> None:
        """It stands still, as on a machine that hangs: it accepts connections, but never answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def ask(self, command: str) -> str:
        """The first line of its answer to a command without spaces in its arguments."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.makefile(encoding="utf-8").readline().rstrip()

    def _answers(self) -> bool:
        if not self.running:
            raise RuntimeError(f"Redis did not start: {self.log.read_text()}")
        with suppress(OSError):
            return self.ask("PING").startswith(("+PONG", "-NOAUTH"))
        return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process, "not started yet"
        self._process.send_signal(number)


@contextmanager
def server(**settings: str) -> Iterator[Redis]:
    """A running server, which is gone when the block ends."""
    with guarded_folder() as folder:
        redis = Redis(folder, **settings)
        try:
            redis.start()
            yield redis
        finally:
            redis.kill()


def _line(name: str, value: str) -> str:
    return f"{name.replace('_', '-')} " + (value or '""') + "\n"
