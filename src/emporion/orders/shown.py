"""An order as clients see it (contract: OrderDetailed, Order): with the amounts of the caller's level of its chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct, to_builtins

from emporion import times
from emporion.accounts.fields import Attributes
from emporion.catalogue.parameters import ParameterValue
from emporion.money import Amount, amount
from emporion.orders import pricing
from emporion.orders.kept import ChargeType, OrderError, OrderStatus, OrderType, StatusCode
from emporion.orders.subscription_shown import number
from emporion.paging import Pagination
from emporion.periods import Period

if TYPE_CHECKING:
    from emporion.orders.kept import Charge, KeptOrder, OrderLine

STATUS_CODES = {
    "OP": "waits for the platform",
    "WA": "waits for an approval",
    "LO": "is being provided",
    "PF": "failed; `error` says why",
    "CP": "done",
    "CL": "cancelled",
}
_DATE_TIME = {"format": "date-time"}

Quantity = Annotated[int | float, Meta(description="How many.", examples=[12])]
CreationDate = Annotated[
    str, Meta(description="When it was placed.", examples=["2026-09-18T08:15:02Z"], extra_json_schema=_DATE_TIME)
]
ProvisioningDate = Annotated[
    str,
    Meta(description="When all of it was provided.", examples=["2026-09-18T08:15:03Z"], extra_json_schema=_DATE_TIME),
]
OrderId = Annotated[str, Meta(description="Given by the platform.", examples=["1000410"])]
OrderNumber = Annotated[
    str, Meta(description="SO sales, CH change, RN renewal, CF cancellation, MG migration.", examples=["SO000012"])
]
StatusCodeField = Annotated[
    StatusCode,
    Meta(description="; ".join(f"`{code}`: {text}" for code, text in STATUS_CODES.items()) + ".", examples=["CP"]),
]
Total = Annotated[Amount, Meta(description="The sum of `details`, without taxes.")]
OrderTypeField = Annotated[OrderType, Meta(description="What was ordered.", examples=["sales"])]
OrderStatusField = Annotated[OrderStatus, Meta(description="How far it has come.", examples=["completed"])]
CustomerId = Annotated[str, Meta(description="Who buys.", examples=["1000001"])]
PoNumber = Annotated[str, Meta(description="The customer's purchase order number.", examples=["T-17"])]
CreditCheck = Annotated[bool, Meta(description="Whether it waits for credit.", examples=[False])]
Mpn = Annotated[str, Meta(description="Manufacturer part number.", examples=["ACME-MAIL-STD"])]
ProductId = Annotated[str, Meta(description="The product's id.", examples=["1000301"])]
SubscriptionId = Annotated[
    str, Meta(description="The subscription that it changes or has made; of several the first.", examples=["1000177"])
]


class ChargeDuration(Struct, frozen=True):
    """For how long a charge pays."""

    type: Annotated[str, Meta(description="The unit.", examples=["month"])]
    duration: Annotated[int, Meta(description="How many units.", examples=[1])]


class OrderDetail(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A charge of an order (contract: OrderDetail)."""

    type: Annotated[ChargeType, Meta(description="What it is for.", examples=["recurring"])]
    mpn: Mpn
    product_id: ProductId
    duration: ChargeDuration | None = None
    description: Annotated[
        str,
        Meta(description="Both days are covered.",
             examples=["Acme Mail Recurring (1 Month(s) term) from 2026-09-18 through 2026-10-17"]),
    ]  # fmt: skip
    quantity: Quantity
    unit_price: Amount
    extended_price: Annotated[Amount, Meta(description="Rounded; a refund is less than 0.")]


class OrderProduct(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A product of an order (contract: OrderLineProduct)."""

    mpn: Mpn
    vendor: Annotated[str, Meta(description="Whose it is.", examples=["acme"])]
    id: ProductId
    billing_period: Period
    subscription_period: Period
    name: Annotated[str, Meta(description="What it is called.", examples=["Acme Mail Standard"])]
    quantity: Annotated[
        int | float,
        Meta(description="How many; in a change how many more, or fewer.", examples=[12]),
    ]
    previous_quantity: Annotated[int | float, Meta(description="What there was before a change.")] | None = None
    new_quantity: Annotated[int | float, Meta(description="What there is after a change.")] | None = None
    extended_price: Amount | None = None
    subscription_id: (
        Annotated[str, Meta(description="The one that it changes or has made.", examples=["1000177"])] | None
    ) = None
    parameters: Annotated[list[ParameterValue], Meta(description="Those that are no secrets.")] | None = None


class OrderSummary(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """An order as a list of contract version 1.6 shows it."""

    id: OrderId
    order_number: OrderNumber
    type: OrderTypeField
    customer_id: CustomerId
    creation_date: CreationDate
    provisioning_date: ProvisioningDate | None = None
    status: OrderStatusField
    status_code: StatusCodeField
    subscription_id: SubscriptionId | None = None


class OrderRow(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """An order as a list of contract version 1.15 shows it."""

    id: OrderId
    order_number: OrderNumber
    type: OrderTypeField
    customer_id: CustomerId
    po_number: PoNumber | None = None
    creation_date: CreationDate
    provisioning_date: ProvisioningDate | None = None
    status: OrderStatusField
    status_code: StatusCodeField
    total: Total
    attributes: Attributes | None = None
    credit_check: CreditCheck | None = None
    subscription_id: SubscriptionId | None = None


class OrderPage(Struct, frozen=True):
    """A page of orders, newest first (contract version 1.6)."""

    data: list[OrderSummary]
    pagination: Pagination


class WholeOrderPage(Struct, frozen=True):
    """A page of orders, newest first (contract version 1.15)."""

    data: list[OrderRow]
    pagination: Pagination


class OrderDetailed(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """An order, or an estimate of one, which has neither id nor status. Members that were never set are left out."""

    id: OrderId | None = None
    order_number: OrderNumber | None = None
    type: OrderTypeField
    customer_id: CustomerId
    po_number: PoNumber | None = None
    creation_date: CreationDate | None = None
    provisioning_date: ProvisioningDate | None = None
    status: OrderStatusField | None = None
    status_code: StatusCodeField | None = None
    total: Total
    details: list[OrderDetail] | None = None
    attributes: Attributes | None = None
    credit_check: CreditCheck | None = None
    last_billing_date: (
        Annotated[str, Meta(description="Of a migration: the day until which nothing is charged began.")] | None
    ) = None
    next_billing_date: Annotated[str, Meta(description="Of a migration: the first day that is charged.")] | None = None
    migration_program: Annotated[str, Meta(description="Of a migration: what was said of its charges.")] | None = None
    products: list[OrderProduct] | None = None
    subscription_id: SubscriptionId | None = None
    error: Annotated[OrderError, Meta(description="Why it failed or was cancelled.")] | None = None
    estimate_id: (
        Annotated[str, Meta(description="Of an estimate: an order that names it within 15 minutes costs the same.")]
        | None
    ) = None


encode = msgspec.json.Encoder().encode


def seller_level(order: KeptOrder) -> int:
    """The level of who sells to the customer: its place in the chain."""
    return len(order.chain) - 1


def detailed(order: KeptOrder, level: int, *, whole: bool = False) -> OrderDetailed:
    """The order as the account at `chain[level]` sees it. whole: with products and details whatever its type."""
    whole = whole or order.type not in ("renewal", "cancellation")
    charges = charges_at(order, level)
    migrated = order.migrated
    return OrderDetailed(
        id=order.id,
        order_number=order.order_number,
        type=order.type,
        customer_id=str(order.customer_id),
        po_number=order.po_number,
        creation_date=times.shown(order.created_at),
        provisioning_date=_shown_time(order.provisioned_at),
        status=order.status,
        status_code=order.status_code,
        total=total_at(order, level),
        details=[_detail(charge, order.currency) for charge in charges] if whole else None,
        attributes=order.attributes,
        credit_check=order.credit_check,
        last_billing_date=migrated.last_billing_date if migrated else None,
        next_billing_date=migrated.next_billing_date if migrated else None,
        migration_program=migrated.migration_program if migrated else None,
        products=[_product(order, line, charges) for line in order.lines] if whole else None,
        subscription_id=subscription_of_order(order),
        error=order.error,
    )


def estimated(order: KeptOrder, level: int, estimate_id: str) -> OrderDetailed:
    """What an order would be, as the account at `chain[level]` sees it."""
    shown = detailed(order, level, whole=True)
    return OrderDetailed(
        type=shown.type,
        customer_id=shown.customer_id,
        po_number=shown.po_number,
        total=shown.total,
        details=shown.details,
        attributes=shown.attributes,
        last_billing_date=shown.last_billing_date,
        next_billing_date=shown.next_billing_date,
        migration_program=shown.migration_program,
        products=shown.products,
        subscription_id=shown.subscription_id,
        estimate_id=estimate_id,
    )


def row(order: KeptOrder, level: int) -> OrderRow:
    """The order in a list of contract version 1.15, as the account at `chain[level]` sees it."""
    return OrderRow(
        id=order.id,
        order_number=order.order_number,
        type=order.type,
        customer_id=str(order.customer_id),
        po_number=order.po_number,
        creation_date=times.shown(order.created_at),
        provisioning_date=_shown_time(order.provisioned_at),
        status=order.status,
        status_code=order.status_code,
        total=total_at(order, level),
        attributes=order.attributes,
        credit_check=order.credit_check,
        subscription_id=subscription_of_order(order),
    )


def summary(order: KeptOrder) -> OrderSummary:
    """The order in a list of contract version 1.6: it has no amounts, so all see the same."""
    return OrderSummary(
        id=order.id,
        order_number=order.order_number,
        type=order.type,
        customer_id=str(order.customer_id),
        creation_date=times.shown(order.created_at),
        provisioning_date=_shown_time(order.provisioned_at),
        status=order.status,
        status_code=order.status_code,
        subscription_id=subscription_of_order(order),
    )


def in_events(order: KeptOrder) -> dict[str, Any]:
    """The order in the log of events, which all above the seller read: without amounts, parameters and their values."""
    found: dict[str, Any] = to_builtins(summary(order))
    for name, value in (("poNumber", order.po_number), ("attributes", order.attributes), ("error", order.error)):
        if value is not None:
            found[name] = to_builtins(value)
    lines = order.lines if order.type not in ("renewal", "cancellation") else []
    for line in lines:
        found[f"products.{line.mpn}"] = number(line.quantity)
    return found


def charges_at(order: KeptOrder, level: int) -> list[Charge]:
    """What the account at `chain[level]` takes of its buyer."""
    return order.charges[level + 1] if level + 1 < len(order.charges) else []


def total_at(order: KeptOrder, level: int) -> Amount:
    """The sum of what the account at `chain[level]` takes of its buyer."""
    return amount(pricing.total(charges_at(order, level)), order.currency)


def subscription_of_order(order: KeptOrder) -> str | None:
    """The subscription that an order changes or has made, of several the first."""
    return order.subscription_id or next((one.subscription_id for one in order.lines if one.subscription_id), None)


def _shown_time(at: int | None) -> str | None:
    return None if at is None else times.shown(at)


def _detail(charge: Charge, currency: str) -> OrderDetail:
    return OrderDetail(
        type=charge.type,
        mpn=charge.mpn,
        product_id=charge.product_id,
        duration=ChargeDuration(charge.duration.type, charge.duration.duration) if charge.duration else None,
        description=charge.description,
        quantity=number(charge.quantity),
        unit_price=amount(charge.unit_price, currency),
        extended_price=amount(charge.amount, currency),
    )


def _product(order: KeptOrder, line: OrderLine, charges: list[Charge]) -> OrderProduct:
    previous = line.previous_quantity
    parameters = [value for value in line.parameters if value.name not in line.secrets]
    return OrderProduct(
        mpn=line.mpn,
        vendor=line.vendor,
        id=line.product_id,
        billing_period=line.billing_period,
        subscription_period=line.subscription_period,
        name=line.name,
        quantity=number(line.quantity if previous is None else line.quantity - previous),
        previous_quantity=None if previous is None else number(previous),
        new_quantity=None if previous is None else number(line.quantity),
        extended_price=amount(pricing.extended(charges, line.product_id), order.currency),
        subscription_id=line.subscription_id or order.subscription_id,
        parameters=parameters or None,
    )
