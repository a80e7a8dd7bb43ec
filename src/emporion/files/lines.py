"""Cuts a text that comes in pieces into lines, and decodes them."""

from __future__ import annotations

import re

from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.files.rows import LARGEST_ROW, row_too_large, unreadable


class LineSplitter:
    """Splits bytes into lines, each with its end. lines: how many came before."""

    def __init__(self, lines: int = 0) -> None:
        self._number = lines
        self._rest = b""
        self._is_text = lines > 0

    def split(self, data: bytes, *, last: bool) -> list[bytes]:
        """The lines that are whole. last: nothing comes after. Raises Problem (INVALID) for what is no text."""
        data = self._rest + data
        if not self._is_text:
            if len(data) < SIGNATURE_BYTES and not last:
                self._rest = data
                return []
            if kind := unreadable_kind(data):
                raise unreadable(f"The file is {kind}")
            self._is_text = True
        whole = data.split(b"\n")
        self._rest = whole.pop()
        lines = [line + b"\n" for line in whole]
        if last and self._rest:
            lines.append(self._rest)
            self._rest = b""
        self._number += len(lines)
        if len(self._rest) > LARGEST_ROW:
            raise row_too_large(self._number + 1)
        return lines


def decode_line(line: bytes, number: int) -> str:
    """A line as text. number: from 1. Raises Problem (INVALID) if it is not in UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        likely = line.decode("cp1252", "replace")
        word = re.search(r"\w*[^\W\x00-\x7f]\w*", likely)
        hint = f", in which it says {word[0][:40]}" if word else ""
        raise unreadable(
            f"Line {number} is not in UTF-8, but perhaps in Latin-1 or Windows-1252{hint}; save the file in UTF-8"
        ) from None
