"""Subscriptions in the console: listed, and each with what it has, what it costs and what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from emporion import times
from emporion.events import Subject
from emporion.orders.queries import OrderQuery
from emporion.orders.shown import OrderRow
from emporion.orders.subscription_shown import Subscription, SubscriptionQuery
from emporion.web.console.history import history_of
from emporion.web.console.lists import ListColumn, ListFilter, ListView
from emporion.web.console.selling import (
    MODELS_OF_BILLING,
    ORDER_BADGES,
    ORDER_TYPES,
    ORDER_WORDS,
    SUBSCRIPTION_BADGES,
    SUBSCRIPTION_WORDS,
    again_words,
    billed_words,
    customer_names,
    period_words,
    summary_words,
)
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.pages import PageRequest

# How many of the orders that touched it a subscription's page shows.
ORDERS_SHOWN = 10
_DAY = "A day, such as 2026-09-01"
_rows = msgspec.json.Decoder(list[OrderRow]).decode

LIST = ListView(
    path="/subscriptions",
    title="Subscriptions",
    noun="subscription",
    document=Subscription,
    query=SubscriptionQuery,
    page=lambda marketplace: marketplace.subscriptions.page,
    columns=(
        ListColumn("Plan", lambda one: one.name, "link"),
        ListColumn("Customer", lambda one: one.customer_id, "customer", is_long=True),
        ListColumn("Status", lambda one: one.status, "badge", SUBSCRIPTION_WORDS, SUBSCRIPTION_BADGES),
        ListColumn("Billed", lambda one: billed_words(one.billing_period)),
        ListColumn("Renews", lambda one: one.renewal_date if one.renewal_status else None, "day"),
        ListColumn("Ends", lambda one: None if one.renewal_status else one.expiration_date, "day"),
    ),
    search=ListFilter("mpn", "Part number (MPN)"),
    choices=(ListFilter("status", "Status", tuple(SUBSCRIPTION_WORDS.items())),),
    more=(
        ListFilter("customerId", "Customer id"),
        ListFilter("resellerId", "Reseller id", hint="your own or one below it"),
        ListFilter("vendorSubscriptionId", "The vendor's id"),
        ListFilter("renewalDateFrom", "Renews since", hint=_DAY),
        ListFilter("renewalDateTo", "Renews until", hint=_DAY),
        ListFilter("expirationDateFrom", "Ends since", hint=_DAY),
        ListFilter("expirationDateTo", "Ends until", hint=_DAY),
    ),
    naming=lambda one: str(one.customer_id),
    empty="A subscription is what a customer has of a plan. Orders make them: place one from the page of a customer.",
)


async def show(visit: PageRequest) -> Response:
    """A subscription: what it has, what it costs, when that ends, the orders that touched it, and its history."""
    found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
    one = found.subscription
    query = OrderQuery(subscription_id=one.id, limit=ORDERS_SHOWN)
    orders = await visit.marketplace.orders.page(visit.actor, query, whole=True)
    names = await customer_names(visit, [one.customer_id])
    may_edit = visit.actor.role != "reader" and not found.outlook.ended
    return visit.render(
        "subscription.html",
        found=found,
        one=one,
        outlook=found.outlook,
        # A pending one has no dates of its own yet.
        summary=summary_words(visit.language, found.outlook) if one.status != "pending" else "",
        customer=names[one.customer_id],
        may_edit=may_edit,
        may_order=may_edit and one.status == "active" and not found.unfinished,
        orders=[(order, times.instant(order.creation_date)) for order in _rows(orders.data)],
        more_orders=orders.pagination.total > ORDERS_SHOWN,
        term=period_words(one.subscription_period),
        again=again_words(one.subscription_period),
        billed=billed_words(one.billing_period),
        model=MODELS_OF_BILLING.get(one.billing_model, one.billing_model),
        words=SUBSCRIPTION_WORDS,
        badges=SUBSCRIPTION_BADGES,
        order_types=ORDER_TYPES,
        order_words=ORDER_WORDS,
        order_badges=ORDER_BADGES,
        history=await history_of(visit, found.item.reseller_id, Subject("subscription", one.id)),
    )


PAGES = (
    Page("/subscriptions", LIST.show),
    Page("/subscriptions/{id}", show),
)
