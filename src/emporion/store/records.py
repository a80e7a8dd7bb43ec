"""What customers and resellers have in common as they are kept, and lists of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from emporion.accounts.statuses import Status


class Record(Struct, frozen=True):
    """A customer or reseller as it is kept.

    reseller_id: the owner of a customer; a reseller is kept under its own id. version: 1, then one more with each
    change. document: its public JSON. replayed: it is what the same request was answered before.
    """

    reseller_id: int
    id: int
    version: int
    document: bytes
    replayed: bool = False


class Filter(Struct, frozen=True):
    """Which accounts of a list are wanted; filters combine with and.

    name: folded, is part of the folded name. email: folded, is that of a contact person. external_id: is equal.
    status: is equal; only lists of customers know it.
    """

    name: str | None = None
    email: str | None = None
    external_id: str | None = None
    status: Status | None = None


class Listing(Struct, frozen=True):
    """A part of a list and the size of the whole. data: a JSON array of documents, newest first."""

    data: bytes
    total: int
