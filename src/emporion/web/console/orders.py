"""Orders in the console: listed, followed until they are done, tried again and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emporion import times
from emporion.errors import Code, Problem
from emporion.events import Subject
from emporion.orders.queries import OrderSearch
from emporion.orders.shown import OrderRow
from emporion.web.console.history import history_of
from emporion.web.console.lists import Action, ListColumn, ListFilter, ListView
from emporion.web.console.selling import CHARGES, ORDER_BADGES, ORDER_TYPES, ORDER_WORDS, customer_names
from emporion.web.forms import whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import ListPage
    from emporion.marketplace.orders import WholeOrder
    from emporion.web.pages import PageRequest

A_DAY_OF_ORDERS = "A day of UTC, such as 2026-09-01"


def _page(marketplace: Marketplace) -> Callable[[Actor, Any], Awaitable[ListPage]]:
    async def page(actor: Actor, query: OrderSearch) -> ListPage:
        return await marketplace.orders.page(actor, query, whole=True)

    return page


LIST = ListView(
    path="/orders",
    title="Orders",
    noun="order",
    document=OrderRow,
    query=OrderSearch,
    page=_page,
    columns=(
        ListColumn("Number", lambda order: order.order_number, "link"),
        ListColumn("Customer", lambda order: order.customer_id, "customer", is_long=True),
        ListColumn("Type", lambda order: ORDER_TYPES[order.type]),
        ListColumn("Status", lambda order: order.status, "badge", ORDER_WORDS, ORDER_BADGES),
        ListColumn("Placed", lambda order: times.instant(order.creation_date), "date"),
        ListColumn("Total", lambda order: order.total, "money"),
    ),
    search=ListFilter("orderNumber", "Number"),
    choices=(ListFilter("status", "Status", tuple(ORDER_WORDS.items())),),
    more=(
        ListFilter("poNumber", "Purchase order number", hint="the customer's own"),
        ListFilter("customerId", "Customer id"),
        ListFilter("subscriptionId", "Subscription id", hint="that was made or changed"),
        ListFilter("creationTimeFrom", "Placed since", hint=A_DAY_OF_ORDERS),
        ListFilter("creationTimeTo", "Placed until", hint="Midnight of this day, or 2026-09-01T12:00:00Z"),
    ),
    naming=lambda order: str(order.customer_id),
    empty="Orders are placed from the page of a customer, and by your own systems over the API.",
    action=Action("To be provided by hand", "/orders/by-hand", "editor", for_operator=True),
)


async def show(visit: PageRequest) -> Response:
    """An order: what it is for, what it costs, what it waits for, and its history."""
    found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
    return await shown_order(visit, found)


async def shown_order(visit: PageRequest, found: WholeOrder, refusal: str = "") -> Response:
    """The page of an order. refusal: why something that was asked for was not done."""
    order = found.order
    names = await customer_names(visit, [order.customer_id])
    turn = found.wait.turn if found.wait else None
    return visit.render(
        "order.html",
        409 if refusal else 200,
        found=found,
        order=order,
        customer=names[order.customer_id],
        refusal=refusal,
        created_at=times.instant(order.creation_date or ""),
        done_at=times.instant(order.provisioning_date or ""),
        # As long as it goes on by itself.
        follows=turn in ("platform", "customer"),
        may_edit=visit.actor.role != "reader",
        may_decide=visit.actor.role != "reader" and visit.actor.is_operator and turn == "operator",
        types=ORDER_TYPES,
        words=ORDER_WORDS,
        badges=ORDER_BADGES,
        charges=CHARGES,
        history=await history_of(visit, found.item.reseller_id, Subject("order", order.id or "")),
    )


async def ask_to_cancel(visit: PageRequest) -> Response:
    """The question whether an order is to be cancelled."""
    visit.actor.must_be("editor")
    found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
    return visit.render("order_cancel.html", found=found, order=found.order, faults={}, values={})


async def cancel(visit: PageRequest) -> Response:
    """Cancel an order, unless it has moved on since its page was opened."""
    visit.actor.must_be("editor")
    version = whole(visit.form.text("version"))
    reason = visit.form.text("reason") or None
    expected = [] if version is None else [version]
    try:
        await visit.marketplace.fulfillment.cancel(visit.actor, visit.path["id"], expected, reason)
    except Problem as problem:
        return await _refused(visit, problem)
    return visit.redirect(f"/console/orders/{visit.path['id']}", said="cancelled")


async def retry(visit: PageRequest) -> Response:
    """Try an order again that has failed."""
    try:
        await visit.marketplace.fulfillment.retry(visit.actor, visit.path["id"])
    except Problem as problem:
        return await _refused(visit, problem)
    return visit.redirect(f"/console/orders/{visit.path['id']}", said="retried")


async def _refused(visit: PageRequest, problem: Problem) -> Response:
    """The page of an order that has moved on meanwhile; raises any other problem."""
    if problem.code not in (Code.CONFLICT, Code.PRECONDITION_FAILED):
        raise problem
    told = problem.message
    if problem.code is Code.PRECONDITION_FAILED:
        told = "The order has moved on since you opened the form, so nothing was done. This is what it is now."
    found = await visit.marketplace.orders.whole(visit.actor, visit.path["id"])
    return await shown_order(visit, found, told)


PAGES = (
    Page("/orders", LIST.show),
    Page("/orders/{id}", show),
    Page("/orders/{id}/cancel", ask_to_cancel, cancel),
    Page("/orders/{id}/retry", None, retry),
)
