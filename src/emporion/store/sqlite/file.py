"""Whether the file that is open still stands at its path, so that no write goes where it would not be found."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

# What SQLite keeps beside the file while it is open: the log that is written ahead, and its index.
COMPANIONS = ("-wal", "-shm")


class FileLost(sqlite3.OperationalError):
    """What is written to the open file would not be found at its path, or must not be written."""


class Replaced(FileLost):
    """Another file stands there, with nothing beside it that belongs to the one that is open."""


class DatabaseFile:
    """The file at `path` and its companions, as SQLite has opened them.

    They are looked at by their path alone: to close a descriptor of them would drop the locks that SQLite has.
    """

    def __init__(self, path: Path) -> None:
        # SQLite has its log beside the file itself, not beside a link to it.
        self.path = path.resolve()
        self._companions = [Path(f"{self.path}{end}") for end in COMPANIONS]
        # Device and inode of each.
        self._open: dict[Path, tuple[int, int]] = {}
        self._size = 0

    def remember(self) -> None:
        """Take what stands at the path for what SQLite has opened. Raises OSError."""
        self._size = self.path.lstat().st_size
        self._open = {path: _identity(path) for path in (self.path, *self._companions)}

    def check(self) -> None:
        """Raise Lost if the file was moved, deleted, replaced, cut or made read-only; takes some microseconds."""
        if not self._open:
            return
        try:
            file = self.path.lstat()
            if (file.st_dev, file.st_ino) != self._open[self.path]:
                raise self._replaced()
            for path in self._companions:
                if _identity(path) != self._open[path]:
                    raise FileLost(f"{path} is another file than the one in use")
        except OSError as error:
            raise FileLost(f"{error.filename} cannot be found: {error.strerror}") from error
        if not os.access(self.path, os.W_OK):
            raise FileLost(f"{self.path} may not be written")
        if file.st_size < self._size and self._lacks_pages():  # a VACUUM makes it shorter, too
            raise FileLost(f"{self.path} was cut to {file.st_size} bytes")
        self._size = file.st_size

    def _lacks_pages(self) -> bool:
        """Whether the file is shorter than its own head says: SQLite looks into it alone, without log and locks."""
        uri = f"{self.path.as_uri()}?immutable=1"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as alone:
                return not alone.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        except sqlite3.DatabaseError:
            return True

    def _replaced(self) -> FileLost:
        for path in self._companions:
            if path.exists() and _identity(path) == self._open[path]:
                # SQLite would write into the new file what is in the log of the old one.
                return FileLost(f"{self.path} is another file, but {path} is still of the one in use")
        return Replaced(f"{self.path} is another file than the one in use")


def _identity(path: Path) -> tuple[int, int]:
    """Of what stands at the path itself: the log of the file that a link leads to would not be beside the link."""
    found = path.lstat()
    return found.st_dev, found.st_ino
