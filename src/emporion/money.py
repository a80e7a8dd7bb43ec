"""Amounts of money: decimal from the wire to the database and back, never a float (docs/decisions/0034)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact
from fractions import Fraction
from functools import reduce
from typing import Annotated

from msgspec import Meta, Struct

# Digits after the point of a currency's smallest unit, where there are not two (ISO 4217, minor unit).
_MINOR_UNITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
         "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip

MOST_DECIMALS = 6
MOST_WHOLE_DIGITS = 15
WANTED = "must be a decimal number in a string, such as 70.5"
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

# Wider than what any amounts and quantities need: those that are sent have few digits.
_WIDE = Context(prec=1000, rounding=ROUND_HALF_UP)
_EXACT = Context(prec=1000, traps=[Inexact])


class Amount(Struct, frozen=True):
    """An amount as clients see it. amount: a decimal number in its shortest form, such as `70.5` or `-6.67`."""

    currency: Annotated[str, Meta(description="ISO 4217.", examples=["USD"])]
    amount: Annotated[str, Meta(description="A decimal number.", examples=["70.5"])]


def read(text: object) -> Decimal:
    """The price that a client or a file of the catalogue has written: `70.5`, `"0"`.

    Raises ValueError, whose message tells a client what is wrong.
    """
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(WANTED)
    whole, _, decimals = text.removeprefix("-").partition(".")
    if text.startswith("-"):
        raise ValueError("must not be below 0")
    if len(decimals) > MOST_DECIMALS:
        raise ValueError(f"must have at most {MOST_DECIMALS} decimals")
    if len(whole) > MOST_WHOLE_DIGITS:
        raise ValueError(f"must have at most {MOST_WHOLE_DIGITS} digits before the point")
    return Decimal(text)


def minor_units(currency: str) -> int:
    """How many digits after the point an amount of a currency has at most (ISO 4217)."""
    return _MINOR_UNITS.get(currency, 2)


def rounded(value: Decimal | Fraction, currency: str) -> Decimal:
    """The value in the smallest unit of its currency, half up, which is away from zero; exact at any size."""
    digits = minor_units(currency)
    if isinstance(value, Decimal):
        return value.quantize(Decimal((0, (1,), -digits)), context=_WIDE) if value else Decimal(0)
    units, rest = divmod(abs(value) * 10**digits, 1)
    units += 2 * rest >= 1
    # By its digits: arithmetic of decimals keeps the first 28 only.
    return Decimal((int(value < 0), tuple(map(int, str(units))), -digits)) if units else Decimal(0)


def product(amount: Decimal, many: Decimal) -> Decimal:
    """An amount, so many times; exact."""
    return _EXACT.multiply(amount, many)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of amounts, exact."""
    return reduce(_EXACT.add, amounts, Decimal(0)) or Decimal(0)


def shown(value: Decimal) -> str:
    """The value as clients see it: in its shortest form, without an exponent; nothing is `0`, never `-0`."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def amount(value: Decimal, currency: str) -> Amount:
    """The amount as clients see it."""
    return Amount(currency, shown(value))
