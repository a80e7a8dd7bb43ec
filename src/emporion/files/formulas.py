"""Keeps cells from being run as formulas by spreadsheets (CSV injection, OWASP), and reads them back."""

from __future__ import annotations

import re

# What spreadsheets run where a cell begins with it, or with an apostrophe and then it; an apostrophe alone is a value
# that is there and empty.
_FORMULA = re.compile("'*(?:\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]|$)")
# The same after what some spreadsheets take for the end of a cell: which they do depends on their language.
_INSIDE = re.compile("([,;\t\r\n]\"*)(?='*[=+\\-@])")
_INSIDE_PLAIN = re.compile('([,;\t\r\n]"*)(?=[=+\\-@])')
_INSIDE_ESCAPED = re.compile("([,;\t\r\n]\"*)'(?='*[=+\\-@])")
# By which Excel is kept from taking a text for a number.
_TEXT = re.compile(r'=\s*"((?:[^"]|"")*)"')


def escape_formula(value: str) -> str:
    """The cell for a value, as `unescape_formula` reads it; no spreadsheet runs it, however it splits the line.

    With blanks around it the value is a text formula (`=" x "`), since blanks around a cell are not meant.
    """
    inside = _INSIDE.sub(r"\1'", value)
    if _FORMULA.match(inside):
        return "'" + inside
    return text_formula(inside) if inside != inside.strip() else inside


def unescape_formula(cell: str) -> str:
    """The value of a cell: without blanks around it, and without what escapes a formula or makes it a text formula."""
    bare = cell if cell.startswith("'") and _FORMULA.match(cell) else cell.strip()
    value = text_in_formula(bare)
    if value is None:
        value = bare[1:] if bare.startswith("'") and _FORMULA.match(bare) else bare
    return _INSIDE_ESCAPED.sub(r"\1", value) if "'" in value else value


def escape_cell(cell: str) -> str:
    """A cell of a file as it may go out again: its value is the same, and a text formula stays one."""
    inside = _INSIDE_PLAIN.sub(r"\1'", cell)
    bare = inside.strip()
    is_formula = bare and _FORMULA.match(bare) and not bare.startswith("'") and text_in_formula(bare) is None
    out = "'" + bare if is_formula else inside
    value = unescape_formula(cell)
    return out if unescape_formula(out) == value else escape_formula(value)


def text_formula(text: str) -> str:
    """The formula by which a spreadsheet takes a text to the letter: `="…"`."""
    return '="' + text.replace('"', '""') + '"'


def text_in_formula(cell: str) -> str | None:
    """The text of a text formula; None for any other cell."""
    found = _TEXT.fullmatch(cell)
    return found[1].replace('""', '"') if found else None
