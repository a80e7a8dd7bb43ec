"""How commands show things: tables and lines for people, JSON for scripts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer
from rich.cells import cell_len, set_cell_size

# What a terminal may take as a command, or for the direction of the text after it; JSON has them escaped.
CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Exact(str):
    """Text for a table that is printable as it is, its outer blanks included."""


def show_json(value: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
    """Print things by their public names; members that are None are left out."""
    some = whole(value) if isinstance(value, Mapping) else [whole(one) for one in value]
    shown = msgspec.json.format(msgspec.json.encode(some), indent=2).decode()
    typer.echo(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", shown))


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]], none: str) -> None:
    """Print a table; what is Exact is printed as it is. none: what is said where it would have no rows."""
    cells = [[cell if isinstance(cell, Exact) else plain(cell) for cell in row] for row in rows]
    if not cells:
        typer.echo(none)
    elif sys.stdout.isatty():
        _show_on_screen(headings, cells)
    else:
        _show_lines([headings, *cells])


def _show_on_screen(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table no wider than the screen."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.columns[0].no_wrap = True  # what things are called by is copied from here
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


def _show_lines(rows: Sequence[Sequence[str]]) -> None:
    """A table of a line for each row, however long, for programs such as grep."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    typer.echo("\n".join(line.rstrip() for line in lines))


def show_thing(thing: Mapping[str, object], title: str | None = None) -> None:
    """Print a thing's members, one a line, those within others by their paths."""
    if title:
        typer.echo(title)
    members = list(_members(whole(thing), ""))
    width = max((len(name) for name, _ in members), default=0)
    for name, value in members:
        typer.echo(f"{'  ' if title else ''}{name:{width}}  {plain(value)}")


def whole(thing: Mapping[str, object]) -> dict[str, object]:
    """The members that a thing has."""
    return {name: value for name, value in thing.items() if value is not None}


def plain(value: object) -> str:
    """A value as one line of text, without what would move a terminal's cursor or change its colours."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(("" if value is None else str(value)).split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def time_of(at: int | None) -> str | None:
    """A time in milliseconds since 1970, in ISO 8601 and UTC; None for one that was not kept."""
    if not at:
        return None
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def minute_of(at: int | None) -> str | None:
    """A time in milliseconds since 1970, in UTC and to the minute; None for one that was not kept."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%MZ") if at else None


def _members(value: Any, path: str) -> Iterable[tuple[str, object]]:
    """The members of what a thing has in it, with their names as people write them."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _members(inner, f"{path} {name if path == 'attributes' else _spoken(name)}".strip())
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _members(inner, f"{path} {number}")
    else:
        yield plain(path), value


def _spoken(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f" {letter[0].lower()}", name)
