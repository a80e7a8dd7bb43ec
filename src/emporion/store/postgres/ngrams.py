"""Parts of names, by which PostgreSQL finds any part of a name: an index of whole numbers, one for each part.

Parts of three letters find what is short; parts of six are rarer, and keep a search for a rare word quick however many
customers there are. Chinese, Japanese and Korean names are short, and so are parts of two letters of them.
A number belongs to one reseller, by a salt that is kept secret: neither the cost nor the time of a search tells of
the names of others. Two parts may have the same number, so a search that finds a name by it must compare the name, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

SHORT, LONG = 3, 6
# More would cost more than they narrow the search.
MOST_SEARCHED = 8
_FIRST_CJK = "⺀"
# An encoding in which each letter has as many bytes.
_FIXED_WIDTH, _WIDTH = "utf-32-le", 4
_SIGN = 1 << 31


@lru_cache(maxsize=4096)
def salt(key: bytes, reseller_id: int) -> int:
    """What the reseller's numbers differ in from those of others; key: the database's own."""
    return int.from_bytes(hashlib.sha256(key + reseller_id.to_bytes(8)).digest()[:4])


def name_grams(salt: int, name: str) -> set[int]:
    """All numbers under which a reseller's customer of this folded name is found."""
    letters = name.encode(_FIXED_WIDTH)
    numbers = {*_numbers(salt, letters, SHORT), *_numbers(salt, letters, LONG)}
    if not name.isascii():
        pairs = (name[start : start + 2] for start in range(len(name) - 1))
        numbers.update(_number(salt, pair.encode(_FIXED_WIDTH)) for pair in pairs if _is_cjk(pair))
    return numbers


def search_grams(salt: int, wanted: str) -> list[int] | None:
    """Numbers that the customer has if `wanted` is part of its folded name; None if there are none for its length."""
    letters = wanted.encode(_FIXED_WIDTH)
    if len(wanted) >= LONG:
        numbers = list(_numbers(salt, letters, LONG))
    elif len(wanted) >= SHORT:
        numbers = list(_numbers(salt, letters, SHORT))
    elif len(wanted) == 2 and _is_cjk(wanted):
        return [_number(salt, letters)]
    else:
        return None
    return numbers[:: -(-len(numbers) // MOST_SEARCHED)]


def _numbers(salt: int, letters: bytes, length: int) -> Iterator[int]:
    """The number of each part of that many letters."""
    width = length * _WIDTH
    return (
        (crc32(letters[start : start + width]) ^ salt) - _SIGN for start in range(0, len(letters) - width + 1, _WIDTH)
    )


def _number(salt: int, part: bytes) -> int:
    """Of 32 bits and signed, as PostgreSQL has them."""
    return (crc32(part) ^ salt) - _SIGN


def _is_cjk(part: str) -> bool:
    return all(letter >= _FIRST_CJK for letter in part)
