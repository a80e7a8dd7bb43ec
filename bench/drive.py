"""Drives a server with wrk and reads what it found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPTS = Path(__file__).parent / "lua"
CONNECTIONS = 32
# Seconds before each run that do not count.
WARM_UP = 1
# Seconds for one answer.
PATIENCE = 10


class Figures(msgspec.Struct, frozen=True):
    """What one run found. p50, p99: milliseconds until the answer."""

    per_second: float
    p50: float
    p99: float


class _Report(msgspec.Struct, frozen=True):
    """See lua/report.lua. refused: answers that are not 2xx or 3xx. broken: socket errors and time-outs."""

    answers: int
    microseconds: int
    p50: int
    p99: int
    refused: int
    broken: int


class Drive(msgspec.Struct, frozen=True):
    """Requests to send: to which path, by which script, and what that is told."""

    path: str
    script: str = "report.lua"
    arguments: tuple[str, ...] = ()


def check_wrk() -> None:
    """Raises Failed if wrk is not installed."""
    if not shutil.which("wrk"):
        raise Failed("wrk is missing; get it with: apt install wrk (Debian, Ubuntu) or: brew install wrk (macOS)")


def run(port: int, drive: Drive, headers: Mapping[str, str], seconds: int, connections: int = CONNECTIONS) -> Figures:
    """Send the requests as fast as they are answered. Raises Failed if one of them was not answered well."""
    _wrk(port, drive, headers, WARM_UP, connections)
    report = _wrk(port, drive, headers, seconds, connections)
    return Figures(report.answers / report.microseconds * 1e6, report.p50 / 1000, report.p99 / 1000)


def _wrk(port: int, drive: Drive, headers: Mapping[str, str], seconds: int, connections: int) -> _Report:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{PATIENCE}s", "-s", drive.script]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    command += [f"http://127.0.0.1:{port}{drive.path}", "--", *drive.arguments]
    result = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Failed(f"wrk failed: {result.stderr or result.stdout}")
    report = msgspec.json.decode(result.stdout.splitlines()[-1], type=_Report)
    if report.refused or report.broken or not report.answers:
        raise Failed(
            f"{drive.path} ({drive.script}): {report.answers} answers, {report.refused} of them not 2xx or 3xx, "
            f"and {report.broken} socket errors"
        )
    return report
