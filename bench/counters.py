"""Counts what a request costs, in numbers that do not change with the day."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Where our own frames are, which belong to no request.
HERE = str(Path(__file__).parent)
# A look at a file that is not there, whose name tells strace's output what begins and what ends.
MARK = "/emporion-counts"
_MARKED = re.compile(rf'"{MARK}/(begin|end)/([^"]*)"')
# What goes on with a system call that another thread has interrupted in the output.
_RESUMED = re.compile(r"^\d+ <\.\.\. |^\d+ (\+\+\+|---) ")


class Counter:
    """A number that grows while something is counted."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def instructions() -> Iterator[Counter]:
    """Counts bytecode instructions of all threads that begin within the block, and of this one."""
    counter = Counter()

    def within(frame: FrameType, event: str, _: object) -> Any:  # noqa: ARG001
        if event == "opcode":
            counter.count += 1
        return within

    def entered(frame: FrameType, event: str, _: object) -> Any:  # noqa: ARG001
        if frame.f_code.co_filename.startswith(HERE):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return within

    threading.settrace(entered)
    sys.settrace(entered)
    try:
        yield counter
    finally:
        sys.settrace(None)
        threading.settrace(None)


def mark(what: str, name: str) -> None:
    """Put a mark into strace's output."""
    Path(f"{MARK}/{what}/{name}").exists()


def can_count_system_calls() -> bool:
    """Whether strace is here."""
    return shutil.which("strace") is not None


def system_calls(arguments: list[str], output: Path) -> dict[str, list[int]]:
    """Run Python under strace; how many system calls all its threads make between marks, by the marks' names."""
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(output), sys.executable, *arguments]
    subprocess.run(command, check=True)
    found: dict[str, list[int]] = {}
    count = 0
    with output.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if marked := _MARKED.search(line):
                if marked[1] == "end":
                    found.setdefault(marked[2], []).append(count)
                count = 0
            elif not _RESUMED.match(line):
                count += 1
    return found
