"""The ledger of charges: what each completed order, and each billing run, has charged (ordering.md 6.6)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from emporion.orders.kept import Charge, ChargeType, OrderType
from emporion.periods import Period

if TYPE_CHECKING:
    from emporion.orders.kept import KeptOrder


class LedgerCharge(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """A line of the ledger. seller_id, buyer_id: the accounts of its link; no seller where that is the vendor, no buyer
    where that is the customer. start, end: as in `Charge`."""

    order_id: str
    order_number: str
    order_type: OrderType
    customer_id: int
    subscription_id: str | None
    plan_id: int | None
    product_id: str
    mpn: str
    name: str
    link: int
    seller_id: int | None
    buyer_id: int | None
    type: ChargeType
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    currency: str
    duration: Period | None = None
    start: str | None = None
    end: str | None = None

    def charge(self) -> Charge:
        """It as its order has it."""
        return Charge(
            type=self.type,
            product_id=self.product_id,
            mpn=self.mpn,
            description=self.description,
            quantity=self.quantity,
            unit_price=self.unit_price,
            amount=self.amount,
            duration=self.duration,
            start=self.start,
            end=self.end,
        )


read_ledger = msgspec.json.Decoder(LedgerCharge).decode


class Charged(NamedTuple):
    """Whose a charged product is. name: the product's."""

    subscription_id: str | None
    plan_id: int | None
    name: str


def ledger(order: KeptOrder, products: dict[str, Charged]) -> Iterator[LedgerCharge]:
    """The lines that a completed order has in the ledger: its charges, for each link of its chain.

    products: those that it charges, by their ids.
    """
    for link, charges in enumerate(order.charges):
        for charge in charges:
            charged = products.get(charge.product_id, Charged(order.subscription_id, order.plan_id, charge.mpn))
            yield LedgerCharge(
                order_id=order.id,
                order_number=order.order_number,
                order_type=order.type,
                customer_id=order.customer_id,
                subscription_id=charged.subscription_id,
                plan_id=charged.plan_id,
                product_id=charge.product_id,
                mpn=charge.mpn,
                name=charged.name,
                link=link,
                seller_id=order.chain[link - 1] if link else None,
                buyer_id=order.chain[link] if link < len(order.chain) else None,
                type=charge.type,
                description=charge.description,
                quantity=charge.quantity,
                unit_price=charge.unit_price,
                amount=charge.amount,
                currency=order.currency,
                duration=charge.duration,
                start=charge.start,
                end=charge.end,
            )
