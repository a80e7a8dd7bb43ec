"""`emporion order`: orders are found, and decided in the place of vendors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from msgspec import structs, to_builtins

from emporion.catalogue.parameters import ParameterValue
from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.nouns import decode, noun_app
from emporion.cli.options import AsJson, Database, told_by_option
from emporion.cli.output import show_json
from emporion.marketplace.fulfillment import Approval, Refusal
from emporion.orders.queries import OrderQuery
from emporion.store.orders import ORDERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import ListPage
    from emporion.store.collections import Item


def _page(marketplace: Marketplace) -> Callable[[Actor, OrderQuery], Awaitable[ListPage]]:
    async def page(actor: Actor, query: OrderQuery) -> ListPage:
        return await marketplace.orders.page(actor, query, whole=True)

    return page


def _get(marketplace: Marketplace) -> Callable[[Actor, str], Awaitable[Item]]:
    """An order as the API shows it, with what is asked of vendors."""

    async def get(actor: Actor, order_id: str) -> Item:
        item = await marketplace.orders.get(actor, order_id)
        kept = await marketplace.fulfillment.kept(actor, order_id)
        shown = decode(item.document) | {"requests": to_builtins(kept.requests)}
        return structs.replace(item, document=msgspec.json.encode(shown))

    return get


app = noun_app(
    "order",
    "Orders: what customers buy, change and end. Those of services that are provided by hand wait to be approved.",
    query=OrderQuery,
    columns={
        "order": lambda order: order["id"],
        "number": lambda order: order["orderNumber"],
        "type": lambda order: order["type"],
        "customer": lambda order: order["customerId"],
        "status": lambda order: order["status"],
        "code": lambda order: order["statusCode"],
        "placed": lambda order: order["creationDate"],
        "provisioned": lambda order: order.get("provisioningDate"),
    },
    page=_page,
    get=_get,
    filters={
        "status": "submitted, processing, error, completed or cancelled.",
        "status_code": "Such as LO, which waits for a vendor, or PF, which has failed.",
        "customer_id": "Of this customer.",
        "subscription_id": "Has made or changed this subscription.",
        "order_number": "Has this number, such as SO000012.",
        "creation_time_from": "Placed then or later, such as 2026-09-01.",
        "creation_time_to": "Placed then or earlier.",
    },
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The order's id.")]
Request = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Only this one of its requests, by the number that `show` gives. Default: all that wait.",
        show_default=False,
    ),
]
OPTIONS = {"reason": "--reason"}


@app.command()
def approve(
    order_id: Id,
    vendor_subscription_id: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What the vendor calls the subscription. Default: the value of the reconciliation parameter.",
            show_default=False,
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter that the service gives back; may be given several times."),
    ] = None,
    request: Request = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Approve what an order asks of its vendor: it is provided. Once all is, the order is completed."""
    approval = Approval(vendor_subscription_id, _parameters(parameter or []), request)
    _decide(database, order_id, as_json, lambda it: it.marketplace.fulfillment.approve(it.actor, order_id, approval))


@app.command()
def fail(
    order_id: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for reseller and customer.")],
    parameter: Annotated[
        str | None, typer.Option(metavar="NAME", help="The parameter at fault, if one is.", show_default=False)
    ] = None,
    request: Request = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Let an order fail, since its vendor cannot do it. It can be tried again, or cancelled."""
    refusal = Refusal(reason, parameter=parameter, request_id=request)
    _decide(database, order_id, as_json, lambda it: it.marketplace.fulfillment.fail(it.actor, order_id, refusal))


@app.command()
def retry(order_id: Id, as_json: AsJson = False, database: Database = None) -> None:
    """Try an order again that has failed; a server that runs goes on with it."""
    _decide(database, order_id, as_json, lambda it: it.marketplace.fulfillment.retry(it.actor, order_id))


@app.command()
def cancel(
    order_id: Id,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for reseller and customer.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Cancel an order that is not completed; what was approved of it is undone."""
    _decide(
        database,
        order_id,
        as_json,
        lambda it: it.marketplace.fulfillment.cancel(it.actor, order_id, reason=reason),
    )


def _parameters(given: list[str]) -> list[ParameterValue]:
    values = []
    for one in given:
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise CommandError(f"--parameter must be NAME=VALUE, not {one}")
        values.append(ParameterValue(name, value))
    return values


def _decide(
    database: str | None, order_id: str, as_json: bool, decide: Callable[[Operator], Awaitable[Item]]
) -> None:  # fmt: skip
    async def work(operator: Operator) -> dict[str, Any]:
        with told_by_option(OPTIONS):
            kept = ORDERS.decode((await decide(operator)).document)
        shown = decode((await _get(operator.marketplace)(operator.actor, order_id)).document)
        return shown | {"orderNumber": kept.order_number}

    order = operate(database, work)
    if as_json:
        show_json(order)
    else:
        typer.echo(f"The order {order['id']} ({order['orderNumber']}) is {order['status']} now.")
