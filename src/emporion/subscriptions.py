"""Subscriptions: what a customer has of a plan, for how long, and at which prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from emporion.catalogue.parameters import ParameterValue
from emporion.catalogue.plans import BillingModel
from emporion.catalogue.rates import Rates
from emporion.periods import Period

SubscriptionStatus = Literal["pending", "active", "hold", "terminated", "removed"]
ENDED: tuple[SubscriptionStatus, ...] = ("terminated", "removed")


class SubscriptionItem(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """A product that a subscription has. rates: frozen when it was bought, for each link of the chain (`OrderLine`).
    next_rates: those that count from the next billing period, where they differ. special: whether the price to the
    customer is one for the life of the subscription. set_links: the links of the chain whose price was set for that
    long, and counts by now."""

    product_id: str
    mpn: str
    vendor: str
    name: str
    quantity: Decimal
    rates: list[Rates]
    next_rates: list[Rates] | None = None
    special: bool = False
    set_links: list[int] = []
    vendor_subscription_id: str | None = None


class KeptSubscription(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """A subscription as it is kept; days are `YYYY-MM-DD` in the time zone of billing.

    chain: as in `KeptOrder`. anchor: the day from which billing periods are counted. term_start: the first day of the
    running term. expiration: the first day that is no longer covered. statement_day: the seller's, on which periods of
    the type `statement_day` begin. charged_until: the first day for which nothing was charged yet, None where that is
    not known. unfinished_order: the number of the order that must be finished before another one. ended: the day on
    which it was terminated. held: what holds it, its customer or something of its own.
    """

    id: str
    customer_id: int
    chain: list[int]
    currency: str
    plan_id: int
    name: str
    status: SubscriptionStatus
    billing_model: BillingModel
    billing_period: Period
    subscription_period: Period
    trial: bool = False
    renews: bool
    created: str
    last_modified: str
    anchor: str | None = None
    term_start: str | None = None
    expiration: str | None = None
    statement_day: int = 1
    charged_until: str | None = None
    renewal_date: str | None = None
    ended: str | None = None
    held: Literal["customer", "alone"] | None = None
    reason: str | None = None
    po_number: str | None = None
    attributes: dict[str, str] = {}
    items: list[SubscriptionItem] = []
    order_parameters: list[ParameterValue] = []
    fulfillment_parameters: list[ParameterValue] = []
    unfinished_order: str | None = None
