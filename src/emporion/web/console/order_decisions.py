"""Services that the operator provides by hand: what waits, and each order approved, or failed with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from emporion import times
from emporion.api.problems import STATUS
from emporion.catalogue.parameters import ParameterValue
from emporion.errors import Code, Problem
from emporion.marketplace.fulfillment import Approval, Refusal
from emporion.orders.queries import OrderQuery
from emporion.orders.shown import OrderRow
from emporion.web.console.selling import ORDER_TYPES, customer_names
from emporion.web.forms import by_field, faults_of, typed_values, whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.marketplace.orders import AskedRequest, WholeOrder
    from emporion.web.pages import PageRequest

# As many stand in the queue, those that have waited longest.
SHOWN = 25
DECIDED_MEANWHILE = (
    "The order has moved on since you opened the form, by another operator or the platform, so nothing was done. "
    "This is what it is now."
)
_rows = msgspec.json.Decoder(list[OrderRow]).decode


class Queued(NamedTuple):
    """An order that waits for the operator."""

    order: OrderRow
    customer: str
    asked: str
    since: int | None


async def queue(visit: PageRequest) -> Response:
    """The orders that wait for the operator, the oldest first."""
    visit.marketplace.fulfillment.check_may_decide(visit.actor)
    query = OrderQuery(status="processing", limit=SHOWN)
    page = await visit.marketplace.orders.page(visit.actor, query, whole=True)
    total = page.pagination.total
    if total > SHOWN:
        query = OrderQuery(status="processing", limit=SHOWN, offset=total - SHOWN)
        page = await visit.marketplace.orders.page(visit.actor, query, whole=True)
    rows = _rows(page.data)[::-1]
    names = await customer_names(visit, [row.customer_id for row in rows])
    waiting = []
    for row in rows:
        found = await visit.marketplace.orders.whole(visit.actor, row.id)
        if found.wait and found.wait.turn == "operator":
            asked = ", ".join(one.plan.name for one in _pending(found))
            waiting.append(Queued(row, names[row.customer_id], asked, times.instant(row.creation_date)))
    return visit.render("order_queue.html", waiting=waiting, more=total > SHOWN, types=ORDER_TYPES)


async def show(visit: PageRequest) -> Response:
    """The forms by which an order is approved or failed."""
    visit.marketplace.fulfillment.check_may_decide(visit.actor)
    found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
    return await _form(visit, found, {}, {})


async def decide(visit: PageRequest) -> Response:
    """Approve what the vendor has done, or let the order fail, unless it has moved on since the form was opened."""
    visit.marketplace.fulfillment.check_may_decide(visit.actor)
    found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
    form, number = visit.form, whole(visit.form.text("request"))
    expected = [version] if (version := whole(form.text("version"))) is not None else []
    fields: list[str] = []
    try:
        if form.text("do") == "fail":
            refusal = Refusal(form.text("reason"), request_id=number)
            await visit.marketplace.fulfillment.fail(visit.actor, visit.path["id"], refusal, expected)
        else:
            values = []
            for place, parameter in enumerate(_parameters(found, number)):
                if text := form.text(f"v{place}"):
                    values.append(ParameterValue(parameter, text))
                    fields.append(f"v{place}")
            approval = Approval(form.text("vendorSubscriptionId") or None, values, number)
            await visit.marketplace.fulfillment.approve(visit.actor, visit.path["id"], approval, expected)
    except Problem as problem:
        if problem.code in (Code.PRECONDITION_FAILED, Code.CONFLICT):
            told = DECIDED_MEANWHILE if problem.code is Code.PRECONDITION_FAILED else problem.message
            found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
            return await _form(visit, found, typed_values(form), {}, told)
        names = {f"fulfillmentParameters[{at}].value": field for at, field in enumerate(fields)}
        told_at = by_field(faults_of(problem))
        return await _form(
            visit, found, typed_values(form), {names.get(name, name): told for name, told in told_at.items()}
        )
    return visit.redirect(
        f"/console/orders/{visit.path['id']}", said="failed" if form.text("do") == "fail" else "approved"
    )


def _pending(found: WholeOrder) -> list[AskedRequest]:
    """What waits for the operator."""
    return [one for one in found.requests if one.request.status == "pending" and one.plan.fulfillment == "manual"]


def _parameters(found: WholeOrder, number: int | None) -> list[str]:
    """What the service of a request gives back, by name."""
    return [parameter.name for one in found.requests if one.request.id == number for parameter in one.parameters]


async def _form(
    visit: PageRequest, found: WholeOrder, values: dict[str, str], faults: dict[str, str], refusal: str = ""
) -> Response:
    names = await customer_names(visit, [found.order.customer_id])
    pending = _pending(found)
    status = STATUS[Code.CONFLICT].value if refusal else STATUS[Code.INVALID].value if faults else 200
    return visit.render(
        "order_decide.html",
        status,
        found=found,
        order=found.order,
        customer=names[found.order.customer_id],
        asked=pending[0] if pending else None,
        more=len(pending) - 1,
        values=values,
        faults=faults,
        refusal=refusal,
    )


PAGES = (
    Page("/orders/by-hand", queue),
    Page("/orders/{id}/decide", show, decide),
)
