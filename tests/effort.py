"""How much a run tries: each rule in a short form (`make test`), or at full size (`make test-all`)."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

# Seconds after which something hangs, on any machine.
HANGS = 60.0

_run = {"thorough": False}


def be_thorough(thorough: bool) -> None:
    """Say which of the two this run is; called before any test is imported."""
    _run["thorough"] = thorough


def is_thorough() -> bool:
    """Whether this run tries everything at full size."""
    return _run["thorough"]


def promised(seconds: float) -> float:
    """Seconds after which a test gives up waiting for what the product promises within `seconds`.

    How late a process gets its turn is for the scheduler to say: a quick run only finds what hangs, and a thorough one
    is generous.
    """
    return effort(quick=HANGS, thorough=3 * seconds)


def effort(*, quick: T, thorough: T) -> T:
    """What this run takes of something: kills, examples, rows, cases."""
    return thorough if is_thorough() else quick
