"""Subscriptions and orders of an account, as its administrator sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emporion.web.forms import whole
from emporion.web.pages import Page
from emporion.web.panel import messages

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.marketplace.purchases import FollowedOrder, PurchasePage
    from emporion.web.pages import PageRequest

SHOWN = 25
# How many of the orders that touched it a subscription's page shows.
LATEST_ORDERS = 10


async def subscriptions(visit: PageRequest) -> Response:
    """What the account has, newest first."""
    offset = _offset(visit)
    page = await visit.marketplace.purchases.subscriptions(visit.visitor.administrator, offset, SHOWN)
    return _list(visit, "subscriptions.html", page, offset)


async def subscription(visit: PageRequest) -> Response:
    """What a subscription has, what it costs, when it renews or ends, and the orders that touched it."""
    purchases, owner = visit.marketplace.purchases, visit.visitor.administrator
    one = await purchases.subscription(owner, visit.path["id"])
    orders = await purchases.orders(owner, 0, LATEST_ORDERS, one.id)
    return visit.render("subscription.html", one=one, orders=orders.rows)


async def orders(visit: PageRequest) -> Response:
    """What was ordered for the account, newest first."""
    offset = _offset(visit)
    page = await visit.marketplace.purchases.orders(visit.visitor.administrator, offset, SHOWN)
    return _list(visit, "orders.html", page, offset)


async def order(visit: PageRequest) -> Response:
    """What an order is for, what it costs and how far it has come."""
    found = await visit.marketplace.purchases.order(visit.visitor.administrator, visit.path["id"])
    return visit.render("order.html", order=found.order, words=_words(visit, found))


def _words(visit: PageRequest, found: FollowedOrder) -> str:
    """How far an order has come."""
    if found.turn == "customer" and (held := messages.ORDER_HELD.get(visit.visitor.customer.status)):
        return held
    return messages.ORDER_OF_HELD if found.turn == "subscription" else messages.ORDER_SENTENCES[found.order.status]


def _list(visit: PageRequest, template: str, page: PurchasePage[Any], offset: int) -> Response:
    end = offset + len(page.rows)
    return visit.render(
        template,
        rows=page.rows,
        total=page.total,
        first=offset + 1,
        last=end,
        newer=max(0, offset - SHOWN) if offset else None,
        older=end if page.rows and end < page.total else None,
    )


def _offset(visit: PageRequest) -> int:
    """Where the page of a list begins: at its beginning, for what is no number."""
    return whole(visit.parameters.get("offset", "")) or 0


PAGES = (
    Page("/subscriptions", subscriptions),
    Page("/subscriptions/{id}", subscription),
    Page("/orders", orders),
    Page("/orders/{id}", order),
)
