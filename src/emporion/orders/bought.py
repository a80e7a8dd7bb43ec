"""Subscriptions and orders as the customer sees them that has bought them: with what it pays, and no costs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.money import Amount, amount
from emporion.orders.kept import ChargeType, OrderStatus, OrderType
from emporion.orders.shown import charges_at, seller_level, subscription_of_order, total_at
from emporion.orders.subscription_shown import UnitAmount, number, unit_amount
from emporion.orders.subscription_totals import per_period
from emporion.periods import Period
from emporion.subscriptions import ENDED, SubscriptionStatus

if TYPE_CHECKING:
    from emporion.catalogue.parameters import ParameterValue
    from emporion.catalogue.plans import Plan
    from emporion.orders.kept import KeptOrder
    from emporion.subscriptions import KeptSubscription


class BoughtProduct(Struct, frozen=True, kw_only=True):
    """A product that a subscription has. price: of all of them, for each billing period."""

    name: str
    quantity: int | float
    unit_price: UnitAmount
    price: Amount


class BoughtParameter(Struct, frozen=True):
    """A parameter of a service, which is no secret. title: what people call it."""

    title: str
    value: str


class BoughtSubscription(Struct, frozen=True, kw_only=True):
    """A subscription; days are `YYYY-MM-DD`. price: for each billing period. renewal, end: the day on which it renews,
    or ends or has ended; of both one is None, and both of one that is not provided yet. told: what the buyer has told
    the vendor; given: what came back. unfinished: whether an order of it is not finished yet."""

    id: str
    name: str
    status: SubscriptionStatus
    products: list[BoughtProduct]
    price: Amount
    billing_period: Period
    subscription_period: Period
    created: str
    renewal: str | None
    end: str | None
    has_ended: bool
    unfinished: bool
    told: list[BoughtParameter]
    given: list[BoughtParameter]


class OrderedProduct(Struct, frozen=True, kw_only=True):
    """A product of an order. previous: how many there were before; None in a sale."""

    name: str
    quantity: int | float
    previous: int | float | None
    subscription_id: str | None


class BoughtCharge(Struct, frozen=True, kw_only=True):
    """What is paid for a product by an order. start, last: the first and the last day that it pays for; None for what
    is paid once."""

    name: str
    type: ChargeType
    quantity: int | float
    unit_price: Amount
    price: Amount
    start: str | None
    last: str | None


class BoughtOrder(Struct, frozen=True, kw_only=True):
    """An order; moments are milliseconds since 1970."""

    id: str
    number: str
    type: OrderType
    status: OrderStatus
    created_at: int
    done_at: int | None
    po_number: str | None
    total: Amount
    products: list[OrderedProduct]
    charges: list[BoughtCharge]
    subscription_id: str | None


def bought_subscription(kept: KeptSubscription, plan: Plan | None = None) -> BoughtSubscription:
    """A subscription as its customer sees it. plan: its own; without it no parameters are shown."""
    link, has_ended = len(kept.chain), kept.status in ENDED
    renews = kept.renews and not has_ended
    return BoughtSubscription(
        id=kept.id,
        name=kept.name,
        status=kept.status,
        products=[
            BoughtProduct(
                name=item.name,
                quantity=number(item.quantity),
                unit_price=unit_amount(item.rates[link].recurring, item.quantity, kept.currency),
                price=amount(per_period(kept, link, [item]), kept.currency),
            )
            for item in kept.items
        ],
        price=amount(per_period(kept, link), kept.currency),
        billing_period=kept.billing_period,
        subscription_period=kept.subscription_period,
        created=kept.created,
        renewal=kept.renewal_date if renews else None,
        end=None if renews else kept.ended or kept.expiration,
        has_ended=has_ended,
        unfinished=kept.unfinished_order is not None,
        told=_parameters(kept.order_parameters, plan),
        given=_parameters(kept.fulfillment_parameters, plan),
    )


def bought_order(order: KeptOrder) -> BoughtOrder:
    """An order as its customer sees it."""
    level = seller_level(order)
    names = {line.product_id: line.name for line in order.lines}
    return BoughtOrder(
        id=order.id,
        number=order.order_number,
        type=order.type,
        status=order.status,
        created_at=order.created_at,
        done_at=order.provisioned_at,
        po_number=order.po_number,
        total=total_at(order, level),
        products=[
            OrderedProduct(
                name=line.name,
                quantity=number(line.quantity),
                previous=None if line.previous_quantity is None else number(line.previous_quantity),
                subscription_id=line.subscription_id or order.subscription_id,
            )
            for line in order.lines
        ],
        charges=[
            BoughtCharge(
                name=names.get(charge.product_id, charge.mpn),
                type=charge.type,
                quantity=number(charge.quantity),
                unit_price=amount(charge.unit_price, order.currency),
                price=amount(charge.amount, order.currency),
                start=charge.start,
                last=_day_before(charge.end) if charge.end else None,
            )
            for charge in charges_at(order, level)
        ],
        subscription_id=subscription_of_order(order),
    )


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _parameters(values: list[ParameterValue], plan: Plan | None) -> list[BoughtParameter]:
    known = {one.name: one for one in plan.parameters} if plan else {}
    return [
        BoughtParameter(known[one.name].title or one.name, one.value)
        for one in values
        if one.name in known and known[one.name].type != "password"
    ]
