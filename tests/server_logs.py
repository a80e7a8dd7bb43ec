"""What the servers of a test have printed, for the report of a test that fails."""

from __future__ import annotations

from pathlib import Path
from subprocess import Popen

LINES = 40

_outputs: dict[Path, Popen[bytes]] = {}


def keep(output: Path, process: Popen[bytes]) -> None:
    """Report what is in `output` while `process` runs, and until the test in which it ended is over."""
    _outputs[output] = process


def tails() -> list[tuple[Path, str]]:
    """The last lines of each output that has any, with where it is."""
    texts = [(output, output.read_text(errors="replace")) for output in _outputs if output.exists()]
    return [(output, "\n".join(text.splitlines()[-LINES:])) for output, text in texts if text.strip()]


def forget_ended() -> None:
    """Forget the servers that have ended."""
    for output, process in list(_outputs.items()):
        if process.poll() is not None:
            del _outputs[output]
