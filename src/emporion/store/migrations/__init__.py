"""Numbered changes of the schema, in a folder for each kind of store."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple


class Migration(NamedTuple):
    """One change of the schema: its number, its name and its SQL."""

    number: int
    name: str
    sql: str


def migrations(store: str) -> list[Migration]:
    """All migrations of a store (`sqlite`), in order. Files are named NNNN_what_it_does.sql, from 0001 on."""
    folder = resources.files(__name__) / store
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return found
