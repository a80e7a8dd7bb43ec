"""Parts of names, by which PostgreSQL finds any part of a name: an index of whole numbers, one for each part.

Parts of three letters find what is short; parts of six are rarer, and keep a search for a rare word quick however many
customers there are. Chinese, Japanese and Korean names are short, and so are parts of two letters of them.
A number belongs to one reseller: neither the cost nor the time of a search tells of the names of others. Two parts may
have the same number, so whoever finds a name by it must compare the name as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

SHORT, LONG = 3, 6
# More would cost more than they narrow the search.
MOST_SEARCHED = 8
_FIRST_CJK = "⺀"


def name_grams(reseller_id: int, name: str) -> set[int]:
    """All numbers under which a reseller's customer of this folded name is found."""
    parts = {*_parts(name, SHORT), *_parts(name, LONG)}
    if not name.isascii():
        parts.update(part for part in _parts(name, 2) if _is_cjk(part))
    return {_number(reseller_id, part) for part in parts}


def search_grams(reseller_id: int, wanted: str) -> list[int] | None:
    """Numbers that the customer has if `wanted` is part of its folded name; None if there are none for its length."""
    if len(wanted) >= LONG:
        parts = list(_parts(wanted, LONG))
    elif len(wanted) >= SHORT:
        parts = list(_parts(wanted, SHORT))
    elif len(wanted) == 2 and _is_cjk(wanted):
        parts = [wanted]
    else:
        return None
    step = -(-len(parts) // MOST_SEARCHED)
    return [_number(reseller_id, part) for part in parts[::step]]


def _parts(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(len(text) - length + 1))


def _is_cjk(part: str) -> bool:
    return all(letter >= _FIRST_CJK for letter in part)


def _number(reseller_id: int, part: str) -> int:
    """A signed number of 32 bits."""
    number = (crc32(part.encode()) ^ reseller_id) & 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number
