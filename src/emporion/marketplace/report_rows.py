"""What stands in reports: the rows of each, some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import to_builtins

from emporion.marketplace.exports import reseller_ids
from emporion.marketplace.sales_rows import AT_ONCE, Rows, SalesRows
from emporion.marketplace.shown_events import shown_event

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.events import EventLog
    from emporion.reports import ReportName
    from emporion.store.base import Store

decode = msgspec.json.Decoder(dict[str, Any]).decode


def report_rows(
    store: Store, logbook: EventLog, actor: Actor, name: ReportName, start: int, end: int, *, in_columns: bool
) -> AsyncIterator[Rows]:
    """The rows of a report about the actor's account and all below it.

    start, end: of the period in milliseconds since 1970; what happens at `end` is no part of it. in_columns: for a
    format with a column for each member. However long nothing is found, there is an empty list from time to time, so
    that a lease can be renewed.
    """
    sales = SalesRows(store, actor.account_id)
    match name:
        case "Charges":
            return sales.charges(start, end)
        case "Customers":
            return customers(store, actor.account_id, start, end)
        case "Events":
            return events(logbook, actor, start, end, in_columns=in_columns)
        case "Orders":
            return sales.orders(start, end)
        case "Subscriptions":
            return sales.subscriptions(start, end)


async def customers(store: Store, root: int, start: int, end: int) -> AsyncIterator[Rows]:
    """The customers that there were before `end` and that were created or changed since `start`, as they are now."""
    for reseller_id in await reseller_ids(store.resellers, root):
        after: int | None = 0
        while after is not None:
            page = await store.customers.scan(reseller_id, after, AT_ONCE)
            after = page[-1].ordinal if page else None
            yield [decode(one.document) for one in page if one.created_at < end and one.updated_at >= start]


async def events(logbook: EventLog, actor: Actor, start: int, end: int, *, in_columns: bool) -> AsyncIterator[Rows]:
    """The events of the period, as the actor may see them, in the order of the feed.

    in_columns: what changed is one text, as JSON: each kind of event has members of its own.
    """
    after, more = 0, True
    while more:
        news = await logbook.feed(actor, after, AT_ONCE, (), 0)
        after, more = news.after, news.more
        shown = (shown_event(entry) for entry in news.entries if start <= entry.event.at < end)
        rows = [to_builtins(event) for event in shown]
        yield [_with_changes_as_text(row) for row in rows] if in_columns else rows


def _with_changes_as_text(event: dict[str, Any]) -> dict[str, Any]:
    """The event with what changed as JSON, if anything did."""
    return event | {"changes": msgspec.json.encode(event["changes"]).decode()} if "changes" in event else event
