"""What can be ordered for a subscription: other quantities, another plan, another term, or its end.

Each form tells what it costs or gives back before it is sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import to_builtins

from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem
from emporion.money import shown
from emporion.web.console import order_costs
from emporion.web.console.order_costs import MOVED_ON, Estimated
from emporion.web.console.selling import again_words, customer_names, period_words, summary_words
from emporion.web.forms import Form, by_field, form_values, whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.catalogue.plans import PlanSwitch
    from emporion.catalogue.products import CatalogueProduct
    from emporion.marketplace.subscriptions import WholeSubscription
    from emporion.orders.subscription_shown import SubscriptionDetailed
    from emporion.web.pages import PageRequest


class Quantity(NamedTuple):
    """A product of which a subscription has some, or could have. name: of its field."""

    name: str
    product: CatalogueProduct
    has: str


class Way(NamedTuple):
    """A plan and term to which a subscription can be switched. value: of its choice."""

    value: str
    label: str
    switch: PlanSwitch

    @property
    def option(self) -> tuple[str, str]:
        """Its choice in the form."""
        return self.value, self.label


class OrderAsked(NamedTuple):
    """What is to be ordered. body: None where nothing was chosen yet. fields: the paths of the body's members by which
    faults are told, and the names of their fields. values: what stands in these."""

    body: dict[str, Any] | None
    fields: dict[str, str]
    values: dict[str, str]
    quantities: list[Quantity] = []  # noqa: RUF012 - none is ever added
    ways: list[Way] = []  # noqa: RUF012 - none is ever added


class OrderKind(NamedTuple):
    """Something that can be ordered. title: of its page. verb: on its button. nothing: what stands in the place of the
    costs as long as nothing was chosen. follows: whether costs are told while the form is filled in."""

    name: str
    title: str
    verb: str
    read: Callable[[PageRequest, WholeSubscription], Awaitable[OrderAsked]]
    intro: str
    nothing: str = ""
    follows: bool = False


async def _changed(visit: PageRequest, found: WholeSubscription) -> OrderAsked:
    """Other quantities: those that the user has touched, and nothing of the others."""
    one = found.subscription
    has = {product.id: shown(Decimal(str(product.quantity))) for product in one.products}
    quantities = []
    for product in await visit.marketplace.catalogue.plan_products(one.plan_id):
        is_more = product.subscription_period == one.subscription_period and product.state == "published"
        if product.id in has or is_more:
            quantities.append(Quantity(f"quantity.p{product.id}", product, has.get(product.id, "0")))
    before = {"quantity": {f"p{one.product.id}": one.has for one in quantities}}
    form = Form(visit.form.fields).over(before)
    touched = [one for one in quantities if form.is_touched(one.name)]
    products = [{"id": one.product.id, "quantity": form.text(one.name)} for one in touched]
    fields = {f"products[{number}].quantity": one.name for number, one in enumerate(touched)}
    fields |= {f"products[{number}].id": one.name for number, one in enumerate(touched)}
    values = {
        **form_values(before, found.item.version),
        **{name: visit.form.fields[name] for name in visit.form.fields},
    }
    body = {**_body("change", one), "products": products} if products else None
    return OrderAsked(body, fields, values, quantities)


async def _switched(visit: PageRequest, found: WholeSubscription) -> OrderAsked:
    """Another plan or term, which must be chosen."""
    one = found.subscription
    plan = await visit.marketplace.catalogue.plan(one.plan_id)
    ways = []
    for way in plan.switches if plan else ():
        target = await visit.marketplace.catalogue.plan(way.plan_id)
        if target and way.source_subscription_period == one.subscription_period:
            period = way.subscription_period
            value = f"{way.plan_id} {period.type} {period.duration}"
            ways.append(Way(value, f"{target.name}, for {period_words(period)}", way))
    chosen = visit.form.text("to")
    body = None
    for to in (way.switch for way in ways if way.value == chosen):
        members = {"planId": str(to.plan_id), "subscriptionPeriod": to_builtins(to.subscription_period)}
        body = {**_body("change", one), **members}
    return OrderAsked(body, {"planId": "to", "subscriptionPeriod": "to"}, {"to": chosen}, ways=ways)


async def _renewed(visit: PageRequest, found: WholeSubscription) -> OrderAsked:  # noqa: ARG001 - nothing is filled in
    return OrderAsked(_body("renewal", found.subscription), {}, {})


async def _cancelled(visit: PageRequest, found: WholeSubscription) -> OrderAsked:  # noqa: ARG001 - nothing is filled in
    return OrderAsked(_body("cancellation", found.subscription), {}, {})


def _body(type_: str, one: SubscriptionDetailed) -> dict[str, Any]:
    return {"type": type_, "customerId": one.customer_id, "subscriptionId": one.id}


KINDS = (
    OrderKind("change", "Change quantities", "Order the change", _changed,
         "Write how many there are to be. 0 takes a product out; what was not there is added.",
         "Write another quantity: what it costs or gives back stands here then.", follows=True),
    OrderKind("switch", "Switch the plan", "Order the switch", _switched,
         "What it has becomes what the other plan has in its place.",
         "Choose where it is to go: what it costs or gives back stands here then.", follows=True),
    OrderKind("renew", "Renew now", "Order the renewal", _renewed,
         "It runs for another term from the day on which this one ends."),
    OrderKind("cancel", "Cancel the subscription", "Order the cancellation", _cancelled,
         "That is for good. To let it run until its end and not renew, turn its renewal off instead."),
)  # fmt: skip


def _pages(kind: OrderKind) -> tuple[Page, ...]:
    """The page of a kind of order: its form, and what that comes to."""

    async def ask(visit: PageRequest) -> Response:
        visit.actor.must_be("editor")
        found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
        return await _form(visit, kind, found, await kind.read(visit, found))

    async def tell(visit: PageRequest) -> Response:
        visit.actor.must_be("editor")
        found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
        if moved := await _moved(visit, kind, found):
            return moved
        return await _form(visit, kind, found, await kind.read(visit, found))

    async def send(visit: PageRequest) -> Response:
        visit.actor.must_be("editor")
        found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
        if moved := await _moved(visit, kind, found):
            return moved
        asked = await kind.read(visit, found)
        if visit.form.text("change") or asked.body is None:
            return await _form(visit, kind, found, asked)
        done = await order_costs.order(visit, asked.body)
        if done.item:
            return visit.redirect(f"/console/orders/{done.item.id}", said="ordered")
        return await _form(visit, kind, found, asked, done)

    path = f"/subscriptions/{{id}}/{kind.name}"
    return (Page(path, ask, send), Page(f"{path}/costs", ask, tell)) if kind.follows else (Page(path, ask, send),)


async def _moved(visit: PageRequest, kind: OrderKind, found: WholeSubscription) -> Response | None:
    """The form anew, where the subscription is not any more what it was when it was opened.

    What stands in its fields says nothing then: what was not touched would differ from what is stored.
    """
    if whole(visit.form.text("version")) == found.item.version:
        return None
    visit.form = Form({})
    return await _form(visit, kind, found, await kind.read(visit, found), Estimated(refusal=MOVED_ON, moved=True))


async def _form(
    visit: PageRequest,
    kind: OrderKind,
    found: WholeSubscription,
    asked: OrderAsked,
    sent: Estimated | None = None,
) -> Response:
    """The form of a kind of order. sent: what came of sending it; None where only its costs are to be told."""
    one = found.subscription
    estimated = sent or (await order_costs.estimate(visit, asked.body) if asked.body else Estimated())
    told = by_field(Fault(asked.fields.get(fault.field, fault.field), fault.message) for fault in estimated.faults)
    labels = {quantity.name: quantity.product.name for quantity in asked.quantities}
    names = await customer_names(visit, [one.customer_id])
    status = STATUS[Code.CONFLICT if estimated.refusal else Code.INVALID].value if sent else 200
    return visit.render(
        "subscription_order.html",
        status,
        kind=kind,
        one=one,
        customer=names[one.customer_id],
        now=summary_words(visit.language, found.outlook) if one.status != "pending" else "",
        asked=asked,
        values=asked.values,
        version=found.item.version,
        once=visit.form.text("once") or secrets.token_urlsafe(16),
        estimated=estimated,
        told=[f"{labels[name]}: {message}" if name in labels else message for name, message in told.items()],
        faults=told if sent else {},
        verb=kind.verb,
        costs_title="What it costs or gives back",
        can_estimate=kind.follows,
        nothing=kind.nothing,
    )


async def ask_renewal(visit: PageRequest) -> Response:
    """The question whether a subscription is to renew by itself, or not any more."""
    visit.actor.must_be("editor")
    found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
    return await _renewal(visit, found)


async def set_renewal(visit: PageRequest) -> Response:
    """Let a subscription renew by itself, or not any more."""
    visit.actor.must_be("editor")
    version = whole(visit.form.text("version"))
    try:
        await visit.marketplace.subscriptions.update(
            visit.actor,
            visit.path["id"],
            {"renewalStatus": visit.form.text("renews") == "yes"},
            [] if version is None else [version],
        )
    except Problem as problem:
        if problem.code not in (Code.CONFLICT, Code.PRECONDITION_FAILED):
            raise
        told = MOVED_ON.replace("ordered", "changed") if problem.code is Code.PRECONDITION_FAILED else problem.message
        found = await visit.marketplace.subscriptions.whole(visit.actor, visit.path["id"])
        return await _renewal(visit, found, told)
    return visit.redirect(f"/console/subscriptions/{visit.path['id']}", said="changed")


async def _renewal(visit: PageRequest, found: WholeSubscription, refusal: str = "") -> Response:
    one = found.subscription
    names = await customer_names(visit, [one.customer_id])
    return visit.render(
        "subscription_renewal.html",
        STATUS[Code.CONFLICT].value if refusal else 200,
        one=one,
        customer=names[one.customer_id],
        version=found.item.version,
        outlook=found.outlook,
        again=again_words(one.subscription_period),
        refusal=refusal,
    )


PAGES = (
    *(page for kind in KINDS for page in _pages(kind)),
    Page("/subscriptions/{id}/renewal", ask_renewal, set_renewal),
)
