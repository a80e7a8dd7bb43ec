"""Telephone numbers: E.164, and the contract's own form with country, area, number and extension."""

from __future__ import annotations

import re
from typing import Annotated

from emporion.accounts.fields import text_meta
from emporion.validation import INVISIBLE, named

# Blanks, dots, dashes, slashes and brackets between digits, also as spreadsheets and address books write them.
_BLANKS = " \t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_BETWEEN = (
    f"[{_BLANKS}./()\\[\\]\\-\u2010-\u2015\u2212\ufe58\ufe63\uff08\uff09\uff0d-\uff0f"
    "\u00b7\u2022\u2024\u2027\u2044\u2215\u2219\u22c5]"
)
_GAP = _BETWEEN + "*"
_PLUS, _DIGIT, _HASH = "[+＋]", "[0-9０-９]", "[#＃]"
# A letter of ASCII is seen by its writer.
_STRANGE_IN_PHONE = re.compile(rf"(?!{_BETWEEN}|{_PLUS}|{_DIGIT}|{_HASH})[^ -~]")
_PHONE = re.compile(
    rf"^([(（]?{_PLUS}{_GAP}[1-9１-９]({_GAP}{_DIGIT}){{4,14}}{_GAP}({_HASH}{_GAP}({_DIGIT}{_GAP}){{0,11}})?"
    rf"|{_PLUS}?({_DIGIT}{_GAP}){{1,4}}{_HASH}{_GAP}({_DIGIT}{_GAP}){{0,8}}{_HASH}{_GAP}({_DIGIT}{_GAP}){{1,15}}"
    rf"{_HASH}{_GAP}({_DIGIT}{_GAP}){{0,11}})$"
)
# An extension as people and telephones write it: ext. 11, x11, ;ext=11, Durchwahl 11, or 11 after signs to wait.
_EXTENSION = re.compile(r"[\s,;(/-]*([^\W\d_]{1,12}|[,;:*~])[.:=,;\s-]*([0-9]{1,11})[\s)]*$")


def _clean_phone(value: str) -> str:
    """A telephone number without what address books put around it unseen."""
    return (value if value.isascii() else INVISIBLE.sub("", value)).strip(_BLANKS)


def _not_a_phone(value: str) -> str:
    right = (
        "must be in E.164, such as +49123456789, with an extension after #, such as +12025550143#11, "
        "or country#area#number#extension, such as 1#703#5551234#"
    )
    if (found := _EXTENSION.search(value)) and _PHONE.fullmatch(meant := f"{value[: found.start()]}#{found[2]}"):
        return f"{right}; did you mean {meant}?"
    strange = _STRANGE_IN_PHONE.search(value)
    return f"{right}; {named(strange[0])} cannot stand in it" if strange else right


Phone = Annotated[
    str,
    text_meta(
        64,
        "E.164 with an optional `#extension`, or `country#area#number#extension`; blanks, dots, dashes, slashes and "
        "brackets may stand between. Kept as sent, without blanks around it and marks that cannot be seen.",
        "+49123456789",
        pattern=_PHONE.pattern,
        extra={"clean": _clean_phone, "says": _not_a_phone},
    ),
]
