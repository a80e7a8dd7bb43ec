"""What ends a command."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot go on; the message is one line for the operator."""
