"""The dashboard: customers and requests in numbers, and who waits to be verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from emporion.accounts.customers import CustomerSummary
from emporion.accounts.queries import CustomerSearch
from emporion.accounts.statuses import Status
from emporion.marketplace.statistics import SHOWN
from emporion.web import charts
from emporion.web.charts import Series
from emporion.web.console.customers import decode_list
from emporion.web.pages import Page

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.responses import Response

    from emporion.web.pages import PageRequest

DAY = 86_400_000
# Of those who wait, the ones that have waited longest.
WAITING = 5
# Told even where there are none.
ALWAYS: tuple[Status, ...] = ("active", "pending")


class Picture(NamedTuple):
    """Numbers of the last days, drawn and written. days: the start of each in milliseconds since 1970, newest first."""

    name: str
    total: int
    chart: Markup
    days: list[tuple[int, int]]


async def show(visit: PageRequest) -> Response:
    """Numbers of all that the user reaches."""
    counts = await visit.marketplace.statistics.customers(visit.actor)
    usage = await visit.marketplace.statistics.requests(visit.actor)
    by_status = {status: counts.by_status.get(status, 0) for status in get_args(Status)}
    return visit.render(
        "dashboard.html",
        total=sum(by_status.values()),
        by_status={status: number for status, number in by_status.items() if number or status in ALWAYS},
        waiting=await _waiting(visit, by_status["pending"]),
        created=picture(visit, "New customers", "new customers", counts.by_day),
        requests=picture(visit, "Requests", "requests", {day.day: day.requests for day in usage}),
        refusals=picture(visit, "Refusals", "refusals", {day.day: day.refusals for day in usage}, kind="second"),
    )


def picture(visit: PageRequest, name: str, what: str, by_day: dict[int, int], kind: str = "first") -> Picture:
    """Numbers by day since 1970, of the last thirty days. what: is counted."""
    today = visit.marketplace.statistics.today
    chart = charts.bars(name, [Series(what, kind, by_day)], today, SHOWN)
    days = [(day * DAY, by_day.get(day, 0)) for day in range(today, today - SHOWN, -1)]
    return Picture(name, sum(number for _, number in days), chart, days)


async def _waiting(visit: PageRequest, pending: int) -> list[CustomerSummary]:
    """Some of those who wait to be verified, the oldest first. pending: how many there are."""
    if not pending:
        return []
    query = CustomerSearch(status="pending", limit=WAITING, offset=max(0, pending - WAITING))
    page = await visit.marketplace.customers.page(visit.actor, query, whole=False)
    return decode_list(page.data)[::-1]


PAGES = (Page("", show),)
