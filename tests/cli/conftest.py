"""The command line in this process, over a database of the test's own."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emporion.cli import main


class Ended(NamedTuple):
    """A command that has ended: its exit status, and what it has printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it has printed for a script."""
        assert self.status == 0, self.err
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def emporion(command: Command, database: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `emporion` with these arguments over the test's database, to its end. stdin: what it is given there."""
    monkeypatch.setenv("EMPORION_DATABASE", f"sqlite:///{database}")
    return command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The same in the test's folder, without a setting: its database is emporion.db, which is not there yet.

    `emporion serve` does all that comes before it serves, and raises WouldServe.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emporion.cli.serve._hand_to_workers", _would_serve)
    for name in os.environ:
        if name.startswith("EMPORION_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["emporion", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code or 0
        assert isinstance(status, int)
        return Ended(status, *capsys.readouterr())

    return run


class WouldServe(Exception):
    """Raised by `emporion serve` in this process where nothing stops it."""


def _would_serve(_: object) -> None:
    raise WouldServe


def refused(ended: Ended) -> str:
    """The one line that a command which could not be done has printed."""
    assert ended.status == 2, ended
    assert ended.out == ""
    assert ended.err.startswith("emporion: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("emporion: ").rstrip("\n")
