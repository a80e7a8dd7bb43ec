"""A new order in the console: products are looked for, counted and priced, and what was told is ordered."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from emporion.api.problems import STATUS
from emporion.catalogue.parameters import ordering
from emporion.errors import Code, Fault
from emporion.marketplace.customers import decode
from emporion.money import shown
from emporion.orders.lines import least_of
from emporion.web.console import order_costs
from emporion.web.console.order_costs import Estimated
from emporion.web.console.selling import billed_words, period_words
from emporion.web.forms import by_field, whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from emporion.accounts.customers import Customer
    from emporion.catalogue.parameters import Parameter
    from emporion.marketplace.products import OfferedProduct
    from emporion.web.forms import FormRow
    from emporion.web.pages import PageRequest

OFFERED = 6
MOST_LINES_OF_FORM = 50
_PARAMETER = re.compile(r"(products\[\d+\])\.parameters(?:\[(\d+)\]\.\w+)?")


class AskedField(NamedTuple):
    """A parameter that a line asks for. name: of its field."""

    name: str
    parameter: Parameter

    @property
    def options(self) -> list[tuple[str, str]]:
        """The values that it may have, and their names."""
        return [(choice.value, choice.label) for choice in self.parameter.choices]


class NewLine(NamedTuple):
    """A line of the form. at: before the names of its fields. asked: the parameters that it asks for, those of its plan
    unless an earlier line does. needs: what it depends on and no line has."""

    at: str
    offered: OfferedProduct
    asked: list[AskedField]
    needs: list[OfferedProduct]

    @property
    def limits(self) -> str:
        """How many there can be, in words."""
        product = self.offered.product
        least, most = shown(least_of(product)), product.maximum_quantity
        return f"{least} or more" if most is None else f"{least} to {shown(most)}"


class NewOrderForm(NamedTuple):
    """A new order as its form has it. values: what stands in its fields."""

    customer: Customer
    lines: list[NewLine]
    values: dict[str, str]
    body: dict[str, Any]
    # The fields of the parameters that the body has, by their paths.
    fields: dict[str, str]

    @property
    def key(self) -> str:
        """What makes it be placed once."""
        return self.values["once"]


async def new(visit: PageRequest) -> Response:
    """The form of a new order."""
    visit.actor.must_be("editor")
    return await _form(visit, await _read(visit, []), Estimated())


async def create(visit: PageRequest) -> Response:
    """Place the order; or the form once more, with a line more or less, or what it would cost."""
    visit.actor.must_be("editor")
    rows = visit.form.rows("products", blank=True)
    change, _, what = visit.form.text("change").partition(" ")
    if change == "remove":
        rows = [row for at, row in enumerate(rows) if at != whole(what)]
    asked = await _read(visit, rows, added=what if change == "add" else "")
    if change == "find":
        return await _form(visit, asked, Estimated())
    if change:
        return await _form(visit, asked, await _estimated(visit, asked), added=change == "add")
    done = await order_costs.order(visit, asked.body)
    if done.item:
        return visit.redirect(f"/console/orders/{done.item.id}", said="ordered")
    return await _form(visit, asked, done, is_final=True)


async def costs(visit: PageRequest) -> Response:
    """The form with what it would cost."""
    visit.actor.must_be("editor")
    asked = await _read(visit, visit.form.rows("products", blank=True))
    return await _form(visit, asked, await _estimated(visit, asked))


async def _estimated(visit: PageRequest, asked: NewOrderForm) -> Estimated:
    return await order_costs.estimate(visit, asked.body) if asked.lines else Estimated()


async def _read(visit: PageRequest, rows: Sequence[FormRow], added: str = "") -> NewOrderForm:
    """The order that a form has. added: the id of a product of which it is to have a line more."""
    found = await visit.marketplace.customers.find(visit.actor, visit.path["id"])
    customer = decode(found.document)
    owner = int(customer.reseller_id)
    ids = [row.typed.get("id", "") for row in rows]
    if added and added not in ids and len(ids) < MOST_LINES_OF_FORM:
        ids.append(added)
    offered = {one.product.id: one for one in await visit.marketplace.products.offered(visit.actor, owner, ids)}
    typed = {id_: row.typed for id_, row in zip(ids, rows, strict=False)}
    lines: list[NewLine] = []
    values: dict[str, str] = {}
    fields: dict[str, str] = {}
    products: list[dict[str, Any]] = []
    plans = set()
    for id_ in dict.fromkeys(ids):
        if not (one := offered.get(id_)):
            continue
        at, had = f"products[{len(lines)}]", typed.get(id_, {})
        wanted = {} if one.plan.id in plans else ordering(one.plan.parameters)
        plans.add(one.plan.id)
        asked = [AskedField(f"{at}.v{place}", parameter) for place, parameter in enumerate(wanted.values())]
        quantity = had.get("quantity", shown(least_of(one.product)))
        line_values = {f"{at}.id": id_, f"{at}.quantity": quantity}
        given: list[dict[str, str]] = []
        for place, field in enumerate(asked):
            text = had.get(f"v{place}", "" if had else _default(field.parameter))
            line_values[field.name] = text
            if text := text if field.parameter.type == "password" else text.strip():
                fields[f"{at}.parameters[{len(given)}]"] = field.name
                given.append({"name": field.parameter.name, "value": text})
        missing = [needed.id for needed in one.product.depends_on if needed.id not in ids]
        needs = await visit.marketplace.products.offered(visit.actor, owner, missing)
        lines.append(NewLine(at, one, asked, needs))
        values |= line_values
        products.append({"id": id_, "quantity": quantity.strip(), **({"parameters": given} if given else {})})
    po_number = visit.form.text("poNumber")
    body = {"type": "sales", "customerId": customer.id, "products": products}
    return NewOrderForm(
        customer,
        lines,
        {
            **values,
            "poNumber": po_number,
            "find": visit.form.text("find") or visit.parameters.get("find", ""),
            "once": visit.form.text("once") or secrets.token_urlsafe(16),
        },
        {**body, "poNumber": po_number} if po_number else body,
        fields,
    )


def _default(parameter: Parameter) -> str:
    """What stands in the field of a parameter at first."""
    return next((choice.value for choice in parameter.choices if choice.default), "")


async def _form(
    visit: PageRequest, asked: NewOrderForm, estimated: Estimated, *, added: bool = False, is_final: bool = False
) -> Response:
    """The form. is_final: what is wrong is told at the fields, too, and not only beside them."""
    customer = asked.customer
    had = {line.offered.product.id for line in asked.lines}
    found = await visit.marketplace.products.find(
        visit.actor, int(customer.reseller_id), asked.values["find"].strip(), OFFERED + len(had)
    )
    told = by_field(_at_fields(fault, asked) for fault in estimated.faults)
    status = 200
    if is_final:
        status = STATUS[Code.CONFLICT if estimated.refusal else Code.INVALID].value
    return visit.render(
        "order_new.html",
        status,
        customer=customer,
        asked=asked,
        lines=asked.lines,
        values=asked.values,
        offered=[one for one in found if one.product.id not in had][:OFFERED],
        estimated=estimated,
        told=_sentences(told, asked),
        faults=told if is_final else {},
        added=added,
        verb="Order",
        costs_title="What it costs",
        can_estimate=bool(asked.lines),
        nothing="Add a product: what it costs stands here then.",
        period=period_words,
        billed=billed_words,
        first=_first,
    )


def _first(offered: OfferedProduct) -> str:
    """The amount of the first step of a price."""
    return shown(offered.price.recurring.tiers[0].amount)


def _at_fields(fault: Fault, asked: NewOrderForm) -> Fault:
    """A fault at the field of the form that it is about."""
    match = _PARAMETER.fullmatch(fault.field)
    if not match:
        return fault
    if match[2] is not None:
        return Fault(asked.fields.get(f"{match[1]}.parameters[{match[2]}]", fault.field), fault.message)
    for line in asked.lines:
        for name, parameter in line.asked:
            if line.at == match[1] and fault.message.startswith(f"must have {parameter.name},"):
                return Fault(name, "is required")
    return fault


def _sentences(told: dict[str, str], asked: NewOrderForm) -> list[str]:
    """What is wrong, with what the fields are called."""
    labels = {"poNumber": "Purchase order number", "products": "Products", "customerId": "Customer"}
    for line in asked.lines:
        name = line.offered.product.name
        labels |= {f"{line.at}.quantity": f"{name}, quantity", f"{line.at}.id": name}
        labels |= {field.name: f"{name}, {field.parameter.title or field.parameter.name}" for field in line.asked}
    return [f"{labels.get(field, field)}: {message}" for field, message in told.items()]


PAGES = (
    Page("/customers/{id}/order", new, create),
    Page("/customers/{id}/order/costs", new, costs),
)
