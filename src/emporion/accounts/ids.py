"""Ids of accounts: one sequence of numbers for all of them (contract: Who is who)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# The last two ids before 1000001, where customers begin: the provider, and the first reseller (contract: Who is who).
PROVIDER_ID = 999_999
RESELLER_ID = 1_000_000
# Digits of an id at most.
LONGEST_ID = 18
AccountId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+$",
        description="Given by the platform, increasing.",
        examples=["1000001"],
        extra_json_schema={"readOnly": True},
    ),
]


def account_number(text: str) -> int | None:
    """The number of an account id, None for anything that the platform never gave."""
    if len(text) <= LONGEST_ID and text.isascii() and text.isdigit() and text[0] != "0":
        return int(text)
    return None
