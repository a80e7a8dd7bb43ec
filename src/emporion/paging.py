"""Pages of a list: which part of it, and what is said of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

LARGEST_PAGE = 1000
# int64, the format that clients' own types have.
LARGEST_NUMBER = 2**63 - 1

Offset = Annotated[
    int,
    Meta(ge=0, le=LARGEST_NUMBER, description="How many entries to pass over.", examples=[0]),
]
Limit = Annotated[
    int,
    Meta(
        ge=1,
        description=f"How many entries to give; over {LARGEST_PAGE} it is {LARGEST_PAGE}.",
        examples=[10],
    ),
]


class Pagination(Struct, frozen=True):
    """Which part of the whole list this page is."""

    offset: Annotated[int, Meta(description="How many entries were passed over.", examples=[0])]
    limit: Annotated[int, Meta(description="How many entries this page may have.", examples=[10])]
    total: Annotated[int, Meta(description="How many entries there are in all, exactly.", examples=[2])]
