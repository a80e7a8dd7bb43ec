"""Made-up subscriptions and orders, the same ones each time: what the product would keep of each.

Each subscription was bought by one order, and the others renew it or change how many there are. One customer has a
hundredth of all, as a large company would.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.catalogue.products import CatalogueProduct
from emporion.catalogue.rates import Rates
from emporion.money import rounded
from emporion.orders.kept import PREFIXES, Charge, FulfillmentRequest, KeptOrder, OrderError, OrderLine
from emporion.periods import Period, after
from emporion.subscriptions import KeptSubscription, SubscriptionItem

if TYPE_CHECKING:
    from emporion.orders.kept import OrderStatus, OrderType, StatusCode

# Milliseconds since 1970 when the first order came, and from one to the next.
FIRST_AT, STEP = 1_700_000_000_000, 60_000
# Every hundredth subscription, and all its orders, belong to the first customer.
LARGE = 100
MONTH, YEAR = Period("month", 1), Period("year", 1)
# Of a hundred orders: those that are in no other state than `completed`.
STATES: dict[int, tuple[OrderStatus, StatusCode]] = {
    0: ("processing", "LO"),
    1: ("error", "PF"),
    2: ("cancelled", "CL"),
    3: ("cancelled", "CL"),
}
_REQUESTS = {"sales": "purchase", "change": "change", "renewal": "renew"}


class Product(Struct, frozen=True):
    """A product that is sold. plan: what its plan is called. rates: from vendor and provider to seller and customer."""

    kept: CatalogueProduct
    plan: str
    rates: list[Rates]


class Seller(Struct, frozen=True):
    """A reseller that sells. chain: from the provider down to it. customers: their ids. subscriptions, orders: how many
    are wanted."""

    chain: list[int]
    currency: str
    products: list[Product]
    customers: range
    subscriptions: int
    orders: int

    @property
    def id(self) -> int:
        """Its own."""
        return self.chain[-1]


class Sales(Struct, frozen=True):
    """What the documents of a seller are made of. subscriptions, orders: their ids.

    numbers: the last number of each prefix that was given before.
    """

    seller: Seller
    subscriptions: range
    orders: range
    numbers: dict[str, int]

    def customer_of(self, position: int) -> int:
        """The id of the customer who has the subscription at this position."""
        return self.seller.customers[0 if position % LARGE == 0 else position % len(self.seller.customers)]

    def subscription(self, position: int) -> KeptSubscription:
        """The subscription at this position."""
        product, quantity = self._bought(position)
        start = _date(_at(position))
        return KeptSubscription(
            id=str(self.subscriptions[position]),
            customer_id=self.customer_of(position),
            chain=self.seller.chain,
            currency=self.seller.currency,
            plan_id=product.kept.plan_id,
            name=product.plan,
            status="terminated" if position % 20 == 19 else "active",
            billing_model="chargeBeforeBillingPeriod",
            billing_period=MONTH,
            subscription_period=YEAR,
            renews=True,
            created=start.isoformat(),
            last_modified=start.isoformat(),
            anchor=start.isoformat(),
            term_start=start.isoformat(),
            expiration=after(start, YEAR).isoformat(),
            renewal_date=after(start, YEAR).isoformat(),
            items=[
                SubscriptionItem(
                    product_id=product.kept.id,
                    mpn=product.kept.mpn,
                    vendor=product.kept.vendor,
                    name=product.kept.name,
                    quantity=quantity,
                    rates=product.rates,
                )
            ],
        )

    def order(self, position: int) -> KeptOrder:
        """The order at this position: the first ones buy all subscriptions, in their order."""
        bought = position % len(self.subscriptions)
        type_, number = self._numbered(position)
        status, code = STATES.get(position % 100, ("completed", "CP")) if type_ != "sales" else ("completed", "CP")
        at = _at(position)
        subscription_id = str(self.subscriptions[bought])
        product, quantity = self._bought(bought)
        lines, charges = [], []
        if type_ != "renewal":
            previous = None if type_ == "sales" else quantity - 1
            lines = [_line(product, quantity, previous, subscription_id)]
            added = quantity - (previous or 0)
            charges = [[_charge(product, added, rates.recurring.tiers[0].amount, at)] for rates in product.rates]
        return KeptOrder(
            id=str(self.orders[position]),
            order_number=f"{PREFIXES[type_]}{number:06}",
            type=type_,
            customer_id=self.customer_of(bought),
            chain=self.seller.chain,
            currency=self.seller.currency,
            created_at=at,
            day=_date(at).isoformat(),
            status=status,
            status_code=code,
            po_number=f"T-{position}",
            provisioned_at=at + 1000 if status == "completed" else None,
            lines=lines,
            charges=charges,
            subscription_id=subscription_id,
            requests=[
                FulfillmentRequest(
                    id=1,
                    type=_REQUESTS[type_],  # type: ignore[arg-type]
                    status="pending" if status == "processing" else "failed" if status == "error" else "approved",
                    plan_id=product.kept.plan_id,
                    subscription_id=subscription_id,
                )
            ],
            error=OrderError("VENDOR", "The vendor does not know the tenant.") if status == "error" else None,
        )

    def last_numbers(self) -> dict[str, int]:
        """The last number of each prefix that is given."""
        last = dict(self.numbers)
        lap = len(self.subscriptions)
        for end in range(lap, len(self.orders) + lap, lap):
            type_, number = self._numbered(min(end, len(self.orders)) - 1)
            last[PREFIXES[type_]] = max(last.get(PREFIXES[type_], 0), number)
        return last

    def _bought(self, position: int) -> tuple[Product, Decimal]:
        """What a subscription has, and how many."""
        return self.seller.products[position % len(self.seller.products)], Decimal(position % 9 + 2)

    def _numbered(self, position: int) -> tuple[OrderType, int]:
        """The type of an order, and its number: sales first, then renewals and changes, a lap of each in turns."""
        lap, bought = divmod(position, len(self.subscriptions))
        type_: OrderType = "sales" if lap == 0 else "renewal" if lap % 2 else "change"
        laps_before = 0 if lap == 0 else (lap - 1) // 2
        return type_, self.numbers.get(PREFIXES[type_], 0) + laps_before * len(self.subscriptions) + bought + 1


def sales_of(seller: Seller, next_id: int, numbers: dict[str, int]) -> Sales:
    """The sales of a seller whose subscriptions and orders have the next ids and numbers."""
    first_order = next_id + seller.subscriptions
    return Sales(seller, range(next_id, first_order), range(first_order, first_order + seller.orders), numbers)


def _at(position: int) -> int:
    return FIRST_AT + position * STEP


def _date(at: int) -> date:
    return datetime.fromtimestamp(at // 1000, UTC).date()


def _line(product: Product, quantity: Decimal, previous: Decimal | None, subscription_id: str) -> OrderLine:
    return OrderLine(
        product_id=product.kept.id,
        mpn=product.kept.mpn,
        vendor=product.kept.vendor,
        name=product.kept.name,
        plan_id=product.kept.plan_id,
        billing_period=MONTH,
        subscription_period=YEAR,
        quantity=quantity,
        previous_quantity=previous,
        subscription_id=subscription_id,
        rates=product.rates,
    )


def _charge(product: Product, quantity: Decimal, price: Decimal, at: int) -> Charge:
    start = _date(at)
    end = after(start, MONTH)
    return Charge(
        type="recurring",
        product_id=product.kept.id,
        mpn=product.kept.mpn,
        description=f"{product.kept.name} Recurring (1 Month(s) term) from {start} through {end - timedelta(days=1)}",
        quantity=quantity,
        unit_price=price,
        amount=rounded(quantity * price, "USD"),
        duration=MONTH,
        start=start.isoformat(),
        end=end.isoformat(),
    )
