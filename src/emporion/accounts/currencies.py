"""Currencies (ISO 4217)."""

from __future__ import annotations

from typing import Annotated

import pycountry
from msgspec import Meta

CURRENCIES: tuple[str, ...] = tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))
_currencies = frozenset(CURRENCIES)


def _currency(value: str) -> str | None:
    if value in _currencies:
        return None
    hint = f", did you mean {value.upper()}?" if value.upper() in _currencies else ""
    return f"must be an ISO 4217 currency code in upper case, such as USD or EUR{hint}"


Currency = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="ISO 4217, in upper case.",
        examples=["USD"],
        extra_json_schema={"enum": list(CURRENCIES)},
        extra={"rule": _currency},
    ),
]
