"""Amounts of money: decimal from the wire to the database and back, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
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


class Amount(Struct, frozen=True):
    """An amount as clients see it. amount: a decimal number in its shortest form, such as `70.5` or `-6.67`."""

    currency: Annotated[str, Meta(description="ISO 4217.", examples=["USD"])]
    amount: Annotated[str, Meta(description="A decimal number.", examples=["70.5"])]


def minor_units(currency: str) -> int:
    """How many digits after the point an amount of a currency has at most (ISO 4217)."""
    return _MINOR_UNITS.get(currency, 2)


def rounded(value: Decimal, currency: str) -> Decimal:
    """The value in the smallest unit of its currency, half up, which is away from zero."""
    return value.quantize(Decimal(1).scaleb(-minor_units(currency)), ROUND_HALF_UP)


def shown(value: Decimal) -> str:
    """The value as clients see it: in its shortest form, without an exponent; nothing is `0`, never `-0`."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def amount(value: Decimal, currency: str) -> Amount:
    """The amount as clients see it."""
    return Amount(currency, shown(value))
