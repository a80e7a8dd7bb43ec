"""Where customers stand in their table: by reseller, then by ordinal."""

from __future__ import annotations

ORDINAL_BITS = 32


def place(reseller_id: int, ordinal: int) -> int:
    """Where a customer stands: by reseller, then by ordinal."""
    return reseller_id << ORDINAL_BITS | ordinal


def ordinal_of(place: int) -> int:
    """The ordinal within `place`."""
    return place & (1 << ORDINAL_BITS) - 1
