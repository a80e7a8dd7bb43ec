"""Reads JSON Lines: an object in each line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from emporion.files.lines import LineSplitter, decode_line
from emporion.files.rows import Position, unreadable
from emporion.validation import DEEPEST, TooDeep, decode

R = TypeVar("R")

EACH_LINE = "put one object in each line, as jq -c does"


class JsonRecord(NamedTuple):
    """A line. after: the position after it. text: as it was sent. fault: why it is no object, which then is empty."""

    members: dict[str, Any]
    line: int
    after: Position
    text: str
    fault: str | None = None


class JsonLinesReader(Generic[R]):
    """See `RowReader`. row: makes a row of a record."""

    columns = None

    def __init__(self, row: Callable[[JsonRecord], R]) -> None:
        self._row = row
        self._lines = LineSplitter()
        self._at = Position()

    def resume(self, position: Position, headers: Sequence[str], delimiter: str) -> None:  # noqa: ARG002 - it has none
        """See `RowReader.resume`."""
        self._at = position
        self._lines = LineSplitter(position.lines)

    def read(self, data: bytes, *, last: bool = False) -> Iterator[R]:
        """See `RowReader.read`."""
        for line in self._lines.split(data, last=last):
            number = self._at.lines + 1
            text = decode_line(line, number)
            if number == 1:
                text = text.removeprefix("\ufeff")
            has = bool(text.strip())
            self._at = Position(self._at.offset + len(line), number, self._at.rows + has)
            if has:
                if self._at.rows == 1:
                    _check_one_in_each_line(text.strip())
                yield self._row(_record(text, number, self._at))
        if last and not self._at.rows:
            raise unreadable("The file is empty")


def _check_one_in_each_line(first: str) -> None:
    """Raise Problem (INVALID) if a file that begins with this line is JSON over several lines."""
    if not first.strip("[{ "):
        raise unreadable(f"The file has JSON over several lines; {EACH_LINE}")
    if first.startswith("[{") and not first.endswith("]"):
        raise unreadable(f"The file is a JSON array; {EACH_LINE}, without brackets around them and commas between them")


def _record(text: str, line: int, after: Position) -> JsonRecord:
    value, fault = None, None
    try:
        value = decode(text.encode())
    except TooDeep:
        fault = f"is nested too deeply, more than {DEEPEST} levels"
    except msgspec.DecodeError:
        fault = "is no JSON: each line must have one whole object and nothing else"
    if fault is None and not isinstance(value, dict):
        fault = f"must be a JSON object: {EACH_LINE}, without brackets around them"
    return JsonRecord(value if isinstance(value, dict) else {}, line, after, text.rstrip("\r\n"), fault)
