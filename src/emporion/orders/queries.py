"""Which orders a list shows, and how an order is changed (contract: GET /orders, OrderUpdate)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from emporion import times
from emporion.accounts.fields import text_meta
from emporion.orders.kept import OrderStatus
from emporion.paging import Limit, Offset


def _instant(description: str) -> Meta:
    return Meta(
        max_length=40,
        description=description,
        examples=["2026-09-18T08:15:02Z"],
        extra={"rule": times.not_an_instant},
        extra_json_schema={"format": "date-time"},
    )


class OrderQuery(Struct, rename="camel", kw_only=True, frozen=True):
    """Which orders a list shows; filters combine with and."""

    customer_id: Annotated[str, text_meta(32, "Of this customer.", "1000001")] | None = None
    subscription_id: Annotated[str, text_meta(32, "Has made or changed this subscription.", "1000177")] | None = None
    order_number: Annotated[str, text_meta(32, "Has this number.", "SO000012")] | None = None
    status: Annotated[OrderStatus, Meta(description="Has this status; one only.", examples=["completed"])] | None = None
    creation_time_from: (
        Annotated[str, _instant("Was placed then or later; a date alone is its midnight in UTC.")] | None
    ) = None
    creation_time_to: (
        Annotated[str, _instant("Was placed then or earlier; a date alone is its midnight in UTC.")] | None
    ) = None
    status_code: Annotated[str, text_meta(8, "Has this code.", "CP")] | None = None
    offset: Offset = 0
    limit: Limit = 10


class OrderSearch(OrderQuery, rename="camel", kw_only=True, frozen=True):
    """Which orders the console shows; the contract knows no such filter."""

    po_number: Annotated[str, text_meta(255, "Has this number of the customer's own.", "PO-4711")] | None = None


class OrderUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """A change of an order (contract: PATCH /orders/{id})."""

    credit_check: (
        Annotated[bool, Meta(description="false lets it pass that waits for credit.", examples=[False])] | None
    ) = None
    status_code: (
        Annotated[
            Literal["CL"], Meta(description="`CL` cancels it, as long as nothing of it is provided.", examples=["CL"])
        ]
        | None
    ) = None
