"""Queries: which accounts a list shows (contract: GET /customers, Resellers)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from emporion.accounts.fields import text_meta
from emporion.accounts.statuses import Status
from emporion.paging import Limit, Offset


class AccountQuery(Struct, rename="camel", kw_only=True, frozen=True):
    """Which accounts a list shows; filters combine with and (contract: GET /customers, Resellers)."""

    offset: Offset = 0
    limit: Limit = 10
    name: (
        Annotated[
            str,
            text_meta(255, "Anywhere in the name; case, accents and kinds of dashes make no difference.", "munchen"),
        ]
        | None
    ) = None
    email: (
        Annotated[
            str,
            text_meta(
                254,
                "A contact person has just this address; case makes no difference, nor how its domain is written.",
                "js@aps.test",
            ),
        ]
        | None
    ) = None
    external_id: Annotated[str, text_meta(255, "The id in your own system is equal to this.", "jsmith101")] | None = (
        None
    )


class CustomerQuery(AccountQuery, rename="camel", kw_only=True, frozen=True):
    """Which customers a list shows."""

    reseller_id: (
        Annotated[str, text_meta(255, "Owned by this reseller: your own account or one below it.", "1000000")] | None
    ) = None


class CustomerSearch(CustomerQuery, rename="camel", kw_only=True, frozen=True):
    """Which customers the console shows; the contract knows no such filter."""

    status: Status | None = None
