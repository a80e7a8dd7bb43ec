"""What a process remembers of the catalogue, until that has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

# What a value takes beside its own bytes, about.
OVERHEAD = 500


class VersionedMemory(Generic[T]):
    """Values that hold for one version of the lists, which each caller has read before it asks for anything.

    So a change is seen at once, whichever process has made it. What was not asked for longest goes first.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._version = -1
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def get(self, version: int, key: Hashable) -> T | None:
        """What was put for this version, if it is still there."""
        if version != self._version:
            self._version, self._bytes = version, 0
            self._values.clear()
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, version: int, key: Hashable, value: T, size: int) -> None:
        """Remember a value of so many bytes, which was read after the version; not if another one was seen since."""
        if version != self._version or key in self._values:
            return
        self._values[key] = value, size + OVERHEAD
        self._bytes += size + OVERHEAD
        while self._bytes > self._most_bytes:
            _, (_, oldest) = self._values.popitem(last=False)
            self._bytes -= oldest
