"""Sets of numbers as bits: a million of them are 125 kB, and any page of one is found by counting."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

# Bytes whose members are counted together.
CHUNK = 256


class BitSet:
    """A set of numbers from 0 on: number n is bit n % 8 of byte n // 8."""

    def __init__(self, bits: bytes) -> None:
        self._bits = bits
        chunks = range(0, len(bits), CHUNK)
        # From the highest numbers down: where each chunk begins, and how many members there are up to its end.
        self._starts = chunks[::-1]
        self._counted = list(accumulate(self._chunk(start).bit_count() for start in self._starts))

    @classmethod
    def of(cls, numbers: Iterable[int]) -> BitSet:
        """The set of these numbers."""
        some = list(numbers)
        bits = bytearray(max(some) // 8 + 1 if some else 0)
        for number in some:
            bits[number >> 3] |= 1 << (number & 7)
        return cls(bytes(bits))

    def __len__(self) -> int:
        return self._counted[-1] if self._counted else 0

    def __contains__(self, number: int) -> bool:
        at = number >> 3
        return at < len(self._bits) and bool(self._bits[at] >> (number & 7) & 1)

    def __and__(self, other: BitSet) -> BitSet:
        size = min(len(self._bits), len(other._bits))
        both = int.from_bytes(self._bits[:size], "little") & int.from_bytes(other._bits[:size], "little")
        return BitSet(both.to_bytes(size, "little"))

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return len(self._bits)

    def highest(self, offset: int, limit: int) -> list[int]:
        """`limit` of its members after `offset`, the highest first."""
        found: list[int] = []
        first = bisect_right(self._counted, offset)
        skipped = offset - (self._counted[first - 1] if first else 0)
        for start in self._starts[first:]:
            value = self._chunk(start)
            while value:
                highest = value.bit_length() - 1
                value ^= 1 << highest
                if skipped:
                    skipped -= 1
                    continue
                found.append(start * 8 + highest)
                if len(found) == limit:
                    return found
        return found

    def _chunk(self, start: int) -> int:
        return int.from_bytes(self._bits[start : start + CHUNK], "little")
