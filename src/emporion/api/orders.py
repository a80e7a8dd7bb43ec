"""GET and POST /orders, POST /orders/estimate, GET and PATCH /orders/{id}, GET /resellers/{id}/orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from emporion.api.auth import unknown_version
from emporion.api.etags import expected_versions, idempotency_key
from emporion.api.operations import REPLAYED, Answer, Call, Handler, Operation
from emporion.errors import Code, Fault, Problem, not_found
from emporion.orders.new import OrderRequest
from emporion.orders.queries import OrderQuery, OrderUpdate
from emporion.orders.shown import OrderDetailed, OrderPage, WholeOrderPage

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

TAG = "Order Management"

MONTH = {"type": "month", "duration": 1}
YEAR = {"type": "year", "duration": 1}


def _usd(amount: str) -> dict[str, str]:
    return {"currency": "USD", "amount": amount}


_DETAILS = [
    {
        "type": "setup",
        "mpn": "ACME-MAIL-STD",
        "productId": "1000301",
        "description": "Acme Mail Standard Setup",
        "quantity": 12,
        "unitPrice": _usd("10"),
        "extendedPrice": _usd("120"),
    },
    {
        "type": "recurring",
        "mpn": "ACME-MAIL-STD",
        "productId": "1000301",
        "duration": MONTH,
        "description": "Acme Mail Standard Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17",
        "quantity": 12,
        "unitPrice": _usd("4.5"),
        "extendedPrice": _usd("54"),
    },
]
_PRODUCT: dict[str, Any] = {
    "mpn": "ACME-MAIL-STD",
    "vendor": "acme",
    "id": "1000301",
    "billingPeriod": MONTH,
    "subscriptionPeriod": YEAR,
    "name": "Acme Mail Standard",
    "quantity": 12,
    "extendedPrice": _usd("174"),
}
EXAMPLE: dict[str, Any] = {
    "id": "1000410",
    "orderNumber": "SO000012",
    "type": "sales",
    "customerId": "1000001",
    "poNumber": "T-17",
    "creationDate": "2026-09-18T08:15:02Z",
    "provisioningDate": "2026-09-18T08:15:03Z",
    "status": "completed",
    "statusCode": "CP",
    "total": _usd("174"),
    "details": _DETAILS,
    "products": [{**_PRODUCT, "subscriptionId": "1000177"}],
    "subscriptionId": "1000177",
}
_SUBMITTED = {
    **{name: value for name, value in EXAMPLE.items() if name not in ("provisioningDate", "subscriptionId")},
    "status": "submitted",
    "statusCode": "OP",
    "products": [_PRODUCT],
}
_ESTIMATE = {
    **{name: EXAMPLE[name] for name in ("type", "customerId", "poNumber", "total", "details")},
    "products": [_PRODUCT],
    "estimateId": "gAAAAABqvgr2",
}
_REQUEST = {
    "type": "sales",
    "customerId": "1000001",
    "poNumber": "T-17",
    "products": [{"mpn": "ACME-MAIL-STD", "quantity": 12, "parameters": [{"name": "domain", "value": "example.com"}]}],
}
_ROW = ("id", "orderNumber", "type", "customerId", "creationDate", "provisioningDate", "status", "statusCode")
_PAGE = {
    "data": [{name: EXAMPLE[name] for name in (*_ROW, "subscriptionId")}],
    "pagination": {"offset": 0, "limit": 10, "total": 1},
}
_NO_ORDER = not_found("there is no order 1000410")
_QUANTITY = Problem(
    Code.INVALID, "products[0].quantity must be 1 or more", [Fault("products[0].quantity", "must be 1 or more")]
)
_IN_THE_WAY = Problem(
    Code.CONFLICT,
    "The subscription has the unfinished change order CH000031 (id 1000455, status processing). Wait until it is "
    'finished, or cancel it with PATCH /orders/1000455 {"statusCode": "CL"}.',
)
_OVER = Problem(
    Code.CONFLICT,
    "The order is completed: it cannot be changed any more.",
    [Fault("statusCode", "is completed: it cannot be changed any more")],
)
_CODES = Problem(Code.INVALID, "statusCode must be CL", [Fault("statusCode", "must be CL")])
_STATUSES = Problem(Code.INVALID, "limit must be 1 or more", [Fault("limit", "must be 1 or more")])


async def get_orders(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """A page of orders; with more members for clients of contract version 1.15."""
    page = await marketplace.orders.page(actor, call.query, whole=call.version == "1.15")
    return Answer(msgspec.json.encode(page))


async def get_reseller_orders(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The same of a reseller and of all below it."""
    whole = call.version == "1.15"
    page = await marketplace.orders.page(actor, call.query, whole=whole, reseller_id=call.path["id"])
    return Answer(msgspec.json.encode(page))


async def create_order(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The new order, or what the same request was answered before."""
    expected = expected_versions(call.headers)
    with marketplace.idempotency.once(actor, "POST /orders", idempotency_key(call.headers), call.body) as once:
        item = await marketplace.orders.place(actor, call.body, once, expected)
        return Answer(item.document, item.version, REPLAYED if item.replayed else ())


async def estimate_order(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """What the order would cost."""
    return Answer(await marketplace.orders.estimate(actor, call.body))


async def get_order_details(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The order."""
    item = await marketplace.orders.get(actor, call.path["id"])
    return Answer(item.document, item.version)


async def update_order(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The order after the change."""
    item = await marketplace.orders.update(actor, call.path["id"], call.body, expected_versions(call.headers))
    return Answer(item.document, item.version)


def _list_operation(path: str, id_: str, summary: str, description: str, handle: Handler, *, unknown: str) -> Operation:
    """GET of a page of orders."""
    return Operation(
        "GET",
        path,
        id_,
        TAG,
        summary,
        f"{description} Filters combine with and. In contract version 1.15 each row has more members.",
        handle,
        query=OrderQuery,
        answer={"1.6": OrderPage, "1.15": WholeOrderPage},
        answer_example=_PAGE,
        errors=(Code.MALFORMED, Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={
            Code.INVALID: _STATUSES,
            Code.MALFORMED: Problem(Code.MALFORMED, "The query must be percent-encoded UTF-8."),
            Code.NOT_FOUND: not_found(unknown),
        },
    )


OPERATIONS = (
    _list_operation(
        "/orders",
        "getOrders",
        "Get a list of orders",
        "The orders of your account and of all resellers below it, newest first.",
        get_orders,
        unknown="there is no customer 1000240",
    ),
    Operation(
        "POST",
        "/orders",
        "createOrder",
        TAG,
        "Create a new order",
        "Places an order and answers at once; it is carried out soon after. Without `type` it is a sale. In a change, "
        "`quantity` is the new total. All that is wrong is told at once. `If-Match` names the state of the "
        "subscription that an order changes; `estimateId` makes it cost what the estimate said.",
        create_order,
        body=OrderRequest,
        request_example=_REQUEST,
        answer=OrderDetailed,
        answer_example=_SUBMITTED,
        repeatable=True,
        errors=(Code.NOT_FOUND, Code.CONFLICT, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: _QUANTITY, Code.CONFLICT: _IN_THE_WAY},
    ),
    # Before the path of an order.
    Operation(
        "POST",
        "/orders/estimate",
        "estimateOrder",
        TAG,
        "Estimate an order price",
        "What the order would cost, with all checks of an order. Nothing is stored. An order that names the "
        "`estimateId` within 15 minutes costs the same.",
        estimate_order,
        body=OrderRequest,
        request_example=_REQUEST,
        answer=OrderDetailed,
        answer_example=_ESTIMATE,
        errors=(Code.NOT_FOUND, Code.CONFLICT),
        error_examples={Code.INVALID: _QUANTITY, Code.CONFLICT: _IN_THE_WAY},
    ),
    Operation(
        "GET",
        "/orders/{id}",
        "getOrderDetails",
        TAG,
        "Get full details of a specific order",
        "The order with the prices of your level. Orders of type renewal and cancellation have no products and no "
        "details.",
        get_order_details,
        answer=OrderDetailed,
        answer_example=EXAMPLE,
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version(), Code.NOT_FOUND: _NO_ORDER},
    ),
    Operation(
        "PATCH",
        "/orders/{id}",
        "updateOrder",
        TAG,
        "Update order properties and status",
        '`{"statusCode": "CL"}` cancels an order that is submitted or has failed, or of which nothing is provided yet.',
        update_order,
        body=OrderUpdate,
        request_example={"statusCode": "CL"},
        answer=OrderDetailed,
        answer_example={**_SUBMITTED, "status": "cancelled", "statusCode": "CL"},
        errors=(Code.NOT_FOUND, Code.CONFLICT, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: _CODES, Code.NOT_FOUND: _NO_ORDER, Code.CONFLICT: _OVER},
    ),
    _list_operation(
        "/resellers/{id}/orders",
        "getResellerOrders",
        "Get a list of orders of a reseller",
        "The orders of a reseller, which is your account or stands below it, and of all below that.",
        get_reseller_orders,
        unknown="there is no reseller 1000240",
    ),
)
