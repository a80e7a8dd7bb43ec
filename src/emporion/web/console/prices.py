"""Own prices in the console: what a reseller pays and takes for each product, and its own price for one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import structs, to_builtins

from emporion.api.problems import STATUS
from emporion.catalogue.own_prices import target_of_item
from emporion.catalogue.price_files import tiers_of
from emporion.catalogue.shown import Product, ProductPrice, ProductQuery
from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.events import Subject
from emporion.validation import read
from emporion.web.console import resellers
from emporion.web.console.history import history_of
from emporion.web.console.lists import address_of_page
from emporion.web.console.products import PRICE_MODELS, first_price, margin_of, price_lines
from emporion.web.console.selling import billed_words, period_words
from emporion.web.forms import Form, by_field, faults_of, form_values, typed_values, whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.catalogue.new_prices import ShownPrice
    from emporion.web.console.resellers import Owner
    from emporion.web.pages import PageRequest

SHOWN = 25
# What the form of a price has.
MEMBERS = ("amount", "margin", "setup", "tiers", "model")
_products = msgspec.json.Decoder(list[Product]).decode


class PricedProduct(NamedTuple):
    """A product with what a reseller pays and takes. own: its own price, where it has one; of_item: for all terms."""

    product: Product
    term: str
    billed: str
    cost: ProductPrice | None
    price: ProductPrice | None
    margin: str | None
    own: ShownPrice | None
    of_item: bool


async def show_all(visit: PageRequest) -> Response:
    """The products that a reseller sells, with its costs, prices and margins."""
    owner = await resellers.owner(visit)
    asked = {name: value for name, value in visit.parameters.items() if name in ("name", "mpn", "offset", "limit")}
    query, faults = read(ProductQuery, {"limit": SHOWN, **asked})
    listed: list[PricedProduct] = []
    total = offset = 0
    if not faults:
        page = await visit.marketplace.products.page(structs.replace(visit.actor, account_id=owner.id), query)
        total, offset = page.pagination.total, page.pagination.offset
        listed = await _priced(visit, owner, _products(page.data))
    end = offset + len(listed)
    return visit.render(
        "prices.html",
        STATUS[Code.INVALID].value if faults else 200,
        owner=owner,
        listed=listed,
        values=asked,
        faults=by_field(faults),
        searching=bool(asked.keys() & {"name", "mpn"}),
        first=offset + 1,
        last=end,
        total=total,
        newer=_address(owner, asked, max(0, offset - SHOWN)) if offset else None,
        older=_address(owner, asked, end) if listed and end < total else None,
        may_set=_may_set(visit, owner),
    )


async def edit(visit: PageRequest) -> Response:
    """The form of a reseller's own price for a product, or for an item of a plan."""
    owner = await resellers.owner(visit)
    product, own = await _find(visit, owner)
    return await _form(visit, owner, product, own, form_values(_stored(own), _state(own)), {})


async def change(visit: PageRequest) -> Response:
    """Set a price as its form has it, or take it away, unless another user has set it since the form was opened."""
    visit.actor.must_be("owner")
    owner = await resellers.owner(visit)
    product, own = await _find(visit, owner)
    form = visit.form.over(_stored(own))
    of = {"productId": product.id}
    address = "/console/prices"
    parameters = {} if owner.is_own else {"resellerId": str(owner.id)}
    if whole(form.text("version")) != _state(own):
        return await _form(visit, owner, product, own, typed_values(form), {}, moved=True)
    try:
        if form.text("do") == "remove":
            await visit.marketplace.prices.set(visit.actor, owner.id, {**of, "remove": True})
            return visit.redirect(address, said="unpriced", **parameters)
        if any(form.is_touched(name) for name in MEMBERS):
            await visit.marketplace.prices.set(visit.actor, owner.id, {**of, **_read(form)})
    except Problem as problem:
        return await _form(visit, owner, product, own, typed_values(form), by_field(map(_at_field, faults_of(problem))))
    return visit.redirect(address, said="priced", **parameters)


def _read(form: Form) -> dict[str, Any]:
    """A price as its form has it; what is empty is absent."""
    members: dict[str, Any] = {name: text for name in MEMBERS if (text := form.text(name))}
    if "tiers" in members:
        tiers = tiers_of(members["tiers"])
        if tiers is None:
            raise_invalid([Fault("tiers", "must be steps such as 10=4.5 100=4: the quantity from which each counts")])
        members["tiers"] = tiers
    elif not form.is_touched("model"):
        members.pop("model", None)
    return members


def _at_field(fault: Fault) -> Fault:
    """A fault at the field that has its member."""
    return Fault("tiers", fault.message) if fault.field.startswith("tiers[") else fault


def _stored(own: ShownPrice | None) -> dict[str, Any]:
    """An own price as its form shows it."""
    if not own:
        return {}
    members = {name: value for name, value in to_builtins(own).items() if name in MEMBERS and name != "tiers"}
    steps = " ".join(f"{tier.lower_limit}={tier.amount}" for tier in own.tiers or ())
    return {**members, **({"tiers": steps} if steps else {})}


def _state(own: ShownPrice | None) -> int:
    """What stands for the version of an own price, which has none."""
    return int.from_bytes(msgspec.json.encode(own), "big") % 10**15 if own else 0


async def _find(visit: PageRequest, owner: Owner) -> tuple[Product, ShownPrice | None]:
    """A product that a reseller sells, by the parameter `productId`, and its own price. Raises Problem (NOT_FOUND)."""
    actor = structs.replace(visit.actor, account_id=owner.id)
    product = await visit.marketplace.products.get(actor, visit.parameters.get("productId", ""))
    own = await visit.marketplace.prices.of(visit.actor, owner.id)
    return product, next((one for one in own if one.product_id == product.id), None)


async def _priced(visit: PageRequest, owner: Owner, products: list[Product]) -> list[PricedProduct]:
    own = await visit.marketplace.prices.of(visit.actor, owner.id)
    by_product: Mapping[str | None, ShownPrice] = {one.product_id: one for one in own if one.product_id}
    by_item = {(one.plan_id, one.mpn): one for one in own if one.mpn}
    found = []
    for product in products:
        price, cost = first_price(product.prices), first_price(product.costs)
        known = await visit.marketplace.catalogue.known_product(product.id)
        of_item = by_item.get((str(known.plan_id), product.mpn)) if known else None
        found.append(
            PricedProduct(
                product,
                period_words(product.subscription_period),
                billed_words(product.billing_period),
                cost,
                price,
                margin_of(Decimal(price.amount), Decimal(cost.amount)) if price and cost else None,
                by_product.get(product.id) or of_item,
                product.id not in by_product and of_item is not None,
            )
        )
    return found


def _may_set(visit: PageRequest, owner: Owner) -> bool:
    return visit.actor.role == "owner" and not (owner.is_own and visit.actor.is_operator)


def _address(owner: Owner, asked: dict[str, str], offset: int) -> str:
    return address_of_page({**asked, **({} if owner.is_own else {"resellerId": str(owner.id)})}, offset)


async def _form(
    visit: PageRequest,
    owner: Owner,
    product: Product,
    own: ShownPrice | None,
    values: dict[str, str],
    faults: dict[str, str],
    *,
    moved: bool = False,
) -> Response:
    known = await visit.marketplace.catalogue.known_product(product.id)
    return visit.render(
        "price.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faults else 200,
        owner=owner,
        product=product,
        own=own,
        lines=price_lines(product),
        term=period_words(product.subscription_period),
        values={**values, "version": str(_state(own))} if not moved else values,
        faults=faults,
        moved=moved,
        models=[(name, words) for name, words in PRICE_MODELS.items() if name != "FLAT"],
        may_set=_may_set(visit, owner),
        history=await history_of(visit, owner.id, Subject("price", product.id)),
        item_history=known
        and await history_of(visit, owner.id, Subject("price", target_of_item(known.plan_id, known.mpn))),
    )


PAGES = (
    Page("/prices", show_all),
    Page("/prices/set", edit, change),
)
