"""Tells the process that started this one that it has come up."""

from __future__ import annotations

import os
import signal

# The variable that has the number of the process which wants to be told.
PARENT = "EMPORION_PARENT"


def tell_parent() -> None:
    """Send it SIGUSR1, if there is one that waits for it."""
    if os.environ.get(PARENT) == str(os.getppid()):
        os.kill(os.getppid(), signal.SIGUSR1)
