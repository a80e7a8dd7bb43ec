"""What commands are given on standard input."""

from __future__ import annotations

import getpass
import sys

from emporion.cli.errors import CommandError


def everything() -> bytes:
    """All of it."""
    return sys.stdin.buffer.read()


def first_line(what: str) -> str:
    """Its first line without the end. what: who takes it. Raises Stop if it is empty or no text."""
    try:
        line = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandError(f"{what} takes text in UTF-8 from standard input") from None
    if not line:
        raise CommandError(f"{what} takes a line from standard input, which has none")
    return line


def password() -> str:
    """A password: the first line, or what is typed unseen where it is a terminal. Raises Stop if there is none."""
    if not sys.stdin.isatty():
        return first_line("--password-stdin")
    return getpass.getpass("Password: ") or first_line("--password-stdin")
