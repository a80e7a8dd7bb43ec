"""The search over everything: a few customers, orders, subscriptions and products that a text may mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.marketplace.search import LONGEST, SHOWN
from emporion.store.product_lists import SHORTEST_PART
from emporion.web.console.selling import (
    ORDER_BADGES,
    ORDER_TYPES,
    ORDER_WORDS,
    SUBSCRIPTION_BADGES,
    SUBSCRIPTION_WORDS,
    customer_names,
    period_words,
)
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.pages import PageRequest


async def show(visit: PageRequest) -> Response:
    """What is found for the text of the address."""
    text = visit.parameters.get("q", "")[:LONGEST]
    found = await visit.marketplace.search.find(visit.actor, text)
    buyers = [*(one.customer_id for one in found.orders), *(one.customer_id for one in found.subscriptions)]
    return visit.render(
        "search.html",
        text=text,
        found=found,
        names=await customer_names(visit, map(str, buyers)),
        most=SHOWN,
        shortest=SHORTEST_PART,
        period=period_words,
        order_types=ORDER_TYPES,
        order_words=ORDER_WORDS,
        order_badges=ORDER_BADGES,
        subscription_words=SUBSCRIPTION_WORDS,
        subscription_badges=SUBSCRIPTION_BADGES,
    )


PAGES = (Page("/search", show),)
