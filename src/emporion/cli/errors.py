"""What ends a command."""

from __future__ import annotations


class Stop(Exception):
    """The command cannot go on; the message is one line for the operator."""
