"""The content of a catalogue's file: read and checked once, then kept on disk plan by plan."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Self, cast

import msgspec

from emporion.catalogue.definitions import DefinedPlan, ServiceDefinition, VendorDefinition
from emporion.catalogue.yaml_file import References, read_catalogue
from emporion.catalogue.yaml_nodes import Faults, Unreadable
from emporion.store.catalogue_files import CatalogueRows

# About so many items are compared at a time.
ITEMS_AT_A_TIME = 1000
# How many bytes of a file stand between two tellings of how far it was read.
_TELLING = 1 << 20

_encode = msgspec.msgpack.Encoder().encode
_plan = msgspec.msgpack.Decoder(DefinedPlan).decode
_rows = msgspec.msgpack.Decoder(CatalogueRows).decode


class Spool:
    """Texts that are written one after the other, and read again; on disk, and gone with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.end = 0

    def add(self, text: bytes) -> int:
        """Write a text behind the others; where it begins."""
        begins = self.end
        self._file.seek(begins)
        self._file.write(len(text).to_bytes(8) + text)
        self.end += 8 + len(text)
        return begins

    def at(self, place: int) -> bytes:
        """The text that begins at a place."""
        self._file.seek(place)
        return self._file.read(int.from_bytes(self._file.read(8)))

    def all(self) -> Iterator[bytes]:
        """All texts, in their order."""
        place = 0
        while place < self.end:
            text = self.at(place)
            place += 8 + len(text)
            yield text

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class CatalogueContent:
    """What stands in a file. It is whole if `faults` has none.

    vendors, services: by their keys. references: what the members say of each other, and the keys of all plans.
    """

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None] = lambda _: None) -> None:
        """Read a file from its beginning. tell: told now and then how many more bytes were read."""
        self.faults = Faults()
        self.vendors: dict[str, VendorDefinition] = {}
        self.services: dict[str, ServiceDefinition] = {}
        self.references = References()
        self.items = 0
        self._spool = Spool()
        self._places: dict[str, int] = {}
        self._last: DefinedPlan | None = None
        try:
            self._read(cast("IO[bytes]", _Told(stream, tell)))
            self.references.check(self.plan, self.faults)
        except Unreadable as error:
            self.faults.add(error.line, "", error.message)
        except BaseException:
            self._spool.close()
            raise

    def _read(self, stream: IO[bytes]) -> None:
        for definition in read_catalogue(stream, self.faults, self.references):
            match definition:
                case VendorDefinition(key=key):
                    self.vendors[key] = definition
                case ServiceDefinition(key=key):
                    self.services[key] = definition
                case DefinedPlan(plan=plan, items=items):
                    self._places[plan.key] = self._spool.add(_encode(definition))
                    self.items += len(items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def __len__(self) -> int:
        """How many plans there are."""
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        """Whether there is such a plan."""
        return key in self._places

    @property
    def keys(self) -> Sequence[str]:
        """Those of all plans, in the order of the file."""
        return list(self._places)

    def plan(self, key: str) -> DefinedPlan:
        """A plan by its key."""
        if not self._last or self._last.plan.key != key:
            self._last = _plan(self._spool.at(self._places[key]))
        return self._last

    def batches(self) -> Iterator[list[tuple[int, DefinedPlan]]]:
        """All plans with their places in the file, in lists of about ITEMS_AT_A_TIME items."""
        batch: list[tuple[int, DefinedPlan]] = []
        items = 0
        for position, text in enumerate(self._spool.all()):
            plan = _plan(text)
            batch.append((position, plan))
            items += 1 + len(plan.items)
            if items >= ITEMS_AT_A_TIME:
                yield batch
                batch, items = [], 0
        if batch:
            yield batch


class RowSpool:
    """Rows that are to be written, on disk."""

    def __init__(self) -> None:
        self._spool = Spool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.close()

    def __bool__(self) -> bool:
        return self._spool.end > 0

    def add(self, rows: CatalogueRows) -> None:
        """Add rows behind the others."""
        if rows.rows:
            self._spool.add(_encode(rows))

    def all(self) -> Iterator[CatalogueRows]:
        """All rows, in their order."""
        return map(_rows, self._spool.all())


class _Told:
    """A stream that tells how far it was read."""

    def __init__(self, stream: IO[bytes], tell: Callable[[int], None]) -> None:
        self._stream = stream
        self._tell = tell
        self._untold = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._untold += len(data)
        if self._untold >= _TELLING or not data:
            self._tell(self._untold)
            self._untold = 0
        return data
