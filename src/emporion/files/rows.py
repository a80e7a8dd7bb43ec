"""What all readers of files have in common: positions, rows, columns, and files that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from emporion.errors import Code, Fault, Problem

Format = Literal["csv", "jsonl"]
R = TypeVar("R", covariant=True)

# The most bytes that a row may have, as many as the body of a request.
LARGEST_ROW = 1 << 20


# Kept with each import: by the name that older programs gave to the first member, too.
class Position(Struct, frozen=True, rename={"offset": "position"}):
    """A position between two rows: how many bytes, line ends and rows come before it."""

    offset: int = 0
    lines: int = 0
    rows: int = 0


class Columns(Protocol):
    """The columns of a file. headers: as they stand in it. notes: what the sender of the file should know."""

    headers: tuple[str, ...]
    delimiter: str

    @property
    def notes(self) -> list[str]: ...


class Row(Protocol):
    """A row of a file.

    line: in which it begins, from 1. after: the position where the next one begins. faults: what is wrong with it as a
    row, whatever its values may be.
    """

    line: int
    after: Position
    faults: list[Fault]

    @property
    def redacted(self) -> bytes:
        """The row without passwords, as JSON, to be written by `rejected_row`."""

    @property
    def passwords(self) -> list[str]:
        """The paths of the passwords in it, which `redacted` leaves out."""

    @property
    def key(self) -> str | None:
        """The id by which it is found again, such as an externalId, if it could be one."""

    def column_of(self, path: str) -> str:
        """What the file calls a member."""


class RowReader(Protocol[R]):
    """Reads rows of a format. columns: once they were read; None where the format has no columns."""

    @property
    def columns(self) -> Columns | None: ...

    def resume(self, position: Position, headers: Sequence[str], delimiter: str) -> None:
        """Read on at a position after the header, which had these columns."""

    def read(self, data: bytes, *, last: bool = False) -> Iterator[R]:
        """The rows that are whole now. last: nothing comes after. Raises Problem (INVALID) for what is no such file."""


def unreadable(message: str) -> Problem:
    """A Problem (INVALID) for a file of which nothing can be taken."""
    return Problem(Code.INVALID, f"{message}.")


def row_too_large(line: int) -> Problem:
    """A Problem (INVALID) for a file with a row of more than `LARGEST_ROW` bytes."""
    return unreadable(f"The row in line {line} has more than {LARGEST_ROW >> 20} MiB")
