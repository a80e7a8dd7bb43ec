"""Products in the console: what the user's account sells, with its prices, costs and margins."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from emporion.catalogue.shown import Product, ProductPrice, ProductQuery
from emporion.errors import Problem
from emporion.money import shown
from emporion.web.console.lists import ListColumn, ListFilter, ListView
from emporion.web.console.selling import MODELS_OF_BILLING, billed_words, period_words
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from emporion.web.pages import PageRequest

_TENTH = Decimal("0.1")
PRICE_MODELS: dict[str, str] = {
    "FLAT": "one price",
    "TIERED": "each unit at the price of its own step",
    "VOLUME_SUBSCRIPTION": "all units at the price of the step that the subscription reaches",
    "VOLUME_ORDER": "all units at the price of the step that the order reaches",
}


class PriceLine(NamedTuple):
    """A price and what it costs the seller. margin: in per cent of the cost; None where there is no price or cost."""

    label: str
    price: ProductPrice | None
    cost: ProductPrice | None
    margin: str | None


def first_price(prices: Sequence[ProductPrice]) -> ProductPrice | None:
    """What one unit costs per billing period, at its first step."""
    return next((price for price in prices if price.type == "recurring"), None)


def margin_of(price: Decimal, cost: Decimal) -> str | None:
    """What a price is above its cost, in per cent of that with one digit at most; None where it costs nothing."""
    return shown(((price - cost) * 100 / cost).quantize(_TENTH, ROUND_HALF_UP)) if cost else None


LIST = ListView(
    path="/products",
    title="Products",
    noun="product",
    document=Product,
    query=ProductQuery,
    page=lambda marketplace: marketplace.products.page,
    columns=(
        ListColumn("Name", lambda product: product.name, "link", is_long=True),
        ListColumn("Part number", lambda product: product.mpn),
        ListColumn("Term", lambda product: period_words(product.subscription_period)),
        ListColumn("Billed", lambda product: billed_words(product.billing_period)),
        ListColumn("Your price", lambda product: first_price(product.prices), "unit_price"),
        ListColumn("Your cost", lambda product: first_price(product.costs), "unit_price"),
    ),
    search=ListFilter("name", "Name"),
    more=(
        ListFilter("mpn", "Part number (MPN)", hint="the whole one"),
        ListFilter("vendor", "Vendor"),
        ListFilter("serviceName", "Service"),
    ),
    empty="What your account sells appears here: published plans that are delegated to it, with prices in its "
    "currency. The operator of the platform puts them into the catalogue.",
)


async def show(visit: PageRequest) -> Response:
    """A product: its limits, prices, costs and parameters."""
    product = await visit.marketplace.products.get(visit.actor, visit.path["id"])
    needed = []
    for one in product.depends_on:
        try:
            needed.append((one, (await visit.marketplace.products.get(visit.actor, one.id)).name))
        except Problem:  # the account does not sell it
            needed.append((one, one.mpn))
    return visit.render(
        "product.html",
        product=product,
        needed=needed,
        lines=price_lines(product),
        models=PRICE_MODELS,
        model=MODELS_OF_BILLING.get(product.billing_model, product.billing_model),
        term=period_words(product.subscription_period),
        billed=billed_words(product.billing_period),
        may_price=product.published and visit.actor.role == "owner" and not visit.actor.is_operator,
    )


def price_lines(product: Product) -> list[PriceLine]:
    """The prices of a product beside what they cost, by kind and step."""
    prices = {(one.type, one.lower_limit or 0): one for one in product.prices}
    costs = {(one.type, one.lower_limit or 0): one for one in product.costs}
    lines = []
    for kind, limit in sorted(prices.keys() | costs.keys()):
        price, cost = prices.get((kind, limit)), costs.get((kind, limit))
        label = "Setup, once for each" if kind == "setup" else f"Each, {billed_words(product.billing_period)}"
        if limit:
            label += f", from {limit:g}"
        margin = margin_of(Decimal(price.amount), Decimal(cost.amount)) if price and cost else None
        lines.append(PriceLine(label, price, cost, margin))
    return lines


PAGES = (
    Page("/products", LIST.show),
    Page("/products/{id}", show),
)
