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
# An encoding in which each letter has as many bytes.
_FIXED_WIDTH, _WIDTH = "utf-32-le", 4
_MASK, _SIGN = 0xFFFFFFFF, 1 << 31


def name_grams(reseller_id: int, name: str) -> set[int]:
    """All numbers under which a reseller's customer of this folded name is found."""
    letters = name.encode(_FIXED_WIDTH)
    numbers = {*_numbers(reseller_id, letters, SHORT), *_numbers(reseller_id, letters, LONG)}
    if not name.isascii():
        pairs = (name[start : start + 2] for start in range(len(name) - 1))
        numbers.update(_number(reseller_id, pair.encode(_FIXED_WIDTH)) for pair in pairs if _is_cjk(pair))
    return numbers


def search_grams(reseller_id: int, wanted: str) -> list[int] | None:
    """Numbers that the customer has if `wanted` is part of its folded name; None if there are none for its length."""
    letters = wanted.encode(_FIXED_WIDTH)
    if len(wanted) >= LONG:
        numbers = list(_numbers(reseller_id, letters, LONG))
    elif len(wanted) >= SHORT:
        numbers = list(_numbers(reseller_id, letters, SHORT))
    elif len(wanted) == 2 and _is_cjk(wanted):
        return [_number(reseller_id, letters)]
    else:
        return None
    return numbers[:: -(-len(numbers) // MOST_SEARCHED)]


def _numbers(reseller_id: int, letters: bytes, length: int) -> Iterator[int]:
    """The number of each part of that many letters."""
    width = length * _WIDTH
    own = reseller_id & _MASK
    return (
        (crc32(letters[start : start + width]) ^ own) - _SIGN for start in range(0, len(letters) - width + 1, _WIDTH)
    )


def _number(reseller_id: int, part: bytes) -> int:
    """Of 32 bits and signed, as PostgreSQL has them."""
    return (crc32(part) ^ reseller_id & _MASK) - _SIGN


def _is_cjk(part: str) -> bool:
    return all(letter >= _FIRST_CJK for letter in part)
