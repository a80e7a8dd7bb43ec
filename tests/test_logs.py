"""The log: its failing is not the failing of the code that logs."""

from __future__ import annotations

import sys

import pytest

from emporion.logs import Patient


class Full:
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_disturbs_no_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    Patient().write("line")
    Patient().flush()
