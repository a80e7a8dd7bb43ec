"""Numbered changes of the schema, in a folder for each kind of store."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

from emporion.errors import Code, Problem


class Migration(NamedTuple):
    """One change of the schema: its number, its name and its SQL."""

    number: int
    name: str
    sql: str

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.number:04} {self.name.replace('_', ' ')}"


def migrations(store: str) -> list[Migration]:
    """All migrations of a store (`sqlite` or `postgres`), in order: the files NNNN_what_it_does.sql, from 0001 on."""
    folder = resources.files(__name__) / store
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return found


def check_schema(known: list[Migration], applied: set[int]) -> None:
    """Raise Problem (UNAVAILABLE) if the numbers of the migrations in a database are not those of `known`."""
    if applied and max(applied) > known[-1].number:
        raise Problem(
            Code.UNAVAILABLE,
            f"The database was made by a newer Emporion: it has migration {max(applied)}, "
            f"this one knows {known[-1].number}.",
        )
    if not applied:
        raise Problem(
            Code.UNAVAILABLE,
            "The database has nothing of Emporion in it. Make a platform with: emporion init (or its tables alone with "
            "emporion migrate).",
        )
    missing = [migration.title for migration in known if migration.number not in applied]
    if missing:
        raise Problem(
            Code.UNAVAILABLE,
            f"The database is behind: it lacks {', '.join(missing)}. Bring it up to date with: emporion migrate "
            "(or serve it with --migrate).",
        )
