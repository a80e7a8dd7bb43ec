"""Subscriptions as clients see them, and how they ask for a list (contract: GET /subscriptions)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from emporion import times
from emporion.accounts.fields import Attributes
from emporion.catalogue.parameters import ParameterValue
from emporion.money import Amount, amount, shown
from emporion.orders.rates import unit_price
from emporion.orders.subscription_totals import per_period, per_term
from emporion.paging import Limit, Offset, Pagination
from emporion.periods import Period
from emporion.subscriptions import SubscriptionStatus

if TYPE_CHECKING:
    from emporion.catalogue.rates import Rate
    from emporion.subscriptions import KeptSubscription, SubscriptionItem

STATUS_TEXT = (
    "`pending`: not provided yet; `active`; `hold`: its services are disabled; `terminated`: it has ended; `removed`: "
    "it has ended, and its services are gone."
)


def _date(description: str, example: str) -> Meta:
    return Meta(description=description, examples=[example], extra_json_schema={"format": "date"})


def _asked(description: str) -> Meta:
    return Meta(
        description=description,
        examples=["2026-09-01"],
        extra={"rule": times.not_a_date},
        extra_json_schema={"format": "date"},
    )


SubscriptionId = Annotated[str, Meta(description="Given by the platform.", examples=["1000177"])]
CustomerId = Annotated[str, Meta(description="Whose it is.", examples=["1000001"])]
StatusOfSubscription = Annotated[SubscriptionStatus, Meta(description=STATUS_TEXT, examples=["active"])]


class UnitTier(Struct, rename="camel", frozen=True):
    """A step of a price. lower_limit: the quantity from which it counts."""

    lower_limit: Annotated[str, Meta(description="From this quantity on.", examples=["11"])]
    amount: Annotated[str, Meta(description="A decimal number.", examples=["4.2"])]


class UnitAmount(Struct, rename="camel", frozen=True, omit_defaults=True):
    """What one unit costs per billing period. amount: at the present quantity, where there are steps."""

    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]
    amount: Annotated[str, Meta(description="A decimal number.", examples=["4.5"])]
    price_tiers: Annotated[list[UnitTier], Meta(description="Where it depends on the quantity.")] | None = None


class SubscriptionProduct(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A product that a subscription has, with the amounts of the caller's level."""

    mpn: Annotated[str, Meta(description="Manufacturer part number.", examples=["ACME-MAIL-STD"])]
    vendor: Annotated[str, Meta(description="Manufacturer id.", examples=["acme"])]
    id: Annotated[str, Meta(description="Of the product in the catalogue.", examples=["1000301"])]
    quantity: Annotated[int | float, Meta(description="How many the customer has.", examples=[15])]
    name: Annotated[str, Meta(description="Its name.", examples=["Acme Mail Standard"])]
    unit_price: Annotated[UnitAmount, Meta(description="What you take for one.")]
    unit_cost: Annotated[UnitAmount, Meta(description="What you pay for one.")]
    unit_provider_cost: (
        Annotated[UnitAmount, Meta(description="What the provider pays its vendor for one; the provider sees it.")]
        | None
    ) = None
    next_unit_price: (
        Annotated[UnitAmount, Meta(description="`unitPrice` from the next renewal on, where that was set.")] | None
    ) = None
    next_unit_cost: (
        Annotated[UnitAmount, Meta(description="`unitCost` from the next renewal on, where that was set.")] | None
    ) = None
    extended_price: Annotated[Amount, Meta(description="Per billing period, for all of them.")]
    vendor_subscription_id: (
        Annotated[str, Meta(description="What the vendor calls it.", examples=["acme-77f2"])] | None
    ) = None
    total_subscription_price: Annotated[Amount, Meta(description="For the whole term.")]
    total_subscription_cost: Annotated[Amount, Meta(description="The same, as you pay it.")]
    total_subscription_provider_cost: (
        Annotated[Amount, Meta(description="The same, as the provider pays it; the provider sees it.")] | None
    ) = None


class Subscription(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A subscription as a list shows it."""

    id: SubscriptionId
    name: Annotated[str, Meta(description="The name of its plan.", examples=["Acme Mail"])]
    customer_id: CustomerId
    status: StatusOfSubscription
    attributes: Annotated[Attributes, Meta(description="Your own names and values; `PONumber` is that of the order.")]
    renewal_status: Annotated[bool, Meta(description="Whether it renews by itself.", examples=[True])]
    creation_date: Annotated[str, _date("When it was ordered.", "2026-09-18")]
    renewal_date: Annotated[str, _date("When it renews; absent while it is pending.", "2027-09-17")] | None = None
    last_modified_date: Annotated[str, _date("When it was changed last.", "2026-09-28")]
    expiration_date: (
        Annotated[str, _date("The first day that it does not cover; absent while it is pending.", "2027-09-18")] | None
    ) = None
    billing_model: Annotated[str, Meta(description="What is charged when.", examples=["chargeBeforeBillingPeriod"])]
    billing_period: Annotated[Period, Meta(description="How often it is charged.")]
    subscription_period: Annotated[Period, Meta(description="How long its term is.")]


class SubscriptionDetailed(Subscription, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A whole subscription, with the amounts of the caller's level."""

    total_price: Annotated[Amount, Meta(description="Per billing period.")]
    total_subscription_price: Annotated[Amount, Meta(description="For the whole term.")]
    total_subscription_cost: Annotated[Amount, Meta(description="The same, as you pay it.")]
    total_subscription_provider_cost: (
        Annotated[Amount, Meta(description="The same, as the provider pays it; the provider sees it.")] | None
    ) = None
    products: Annotated[list[SubscriptionProduct], Meta(description="What the customer has.")]
    order_parameters: (
        Annotated[list[ParameterValue], Meta(description="What the buyer has told the vendor.")] | None
    ) = None
    fulfillment_parameters: (
        Annotated[list[ParameterValue], Meta(description="What the vendor has given back.")] | None
    ) = None
    plan_id: Annotated[int, Meta(description="Of its plan.", examples=[10005])]


class SubscriptionQuery(Struct, rename="camel", kw_only=True, frozen=True):
    """Which subscriptions of a list are wanted."""

    customer_id: (
        Annotated[str, Meta(min_length=1, description="Belongs to this customer.", examples=["1000001"])] | None
    ) = None
    creation_date_from: Annotated[str, _asked("Was ordered on this day or later.")] | None = None
    creation_date_to: Annotated[str, _asked("Was ordered on this day or earlier.")] | None = None
    status: (
        Annotated[SubscriptionStatus, Meta(description="Has this status; one value.", examples=["active"])] | None
    ) = None
    renewal_date_from: Annotated[str, _asked("Renews on this day or later.")] | None = None
    renewal_date_to: Annotated[str, _asked("Renews on this day or earlier.")] | None = None
    expiration_date_from: Annotated[str, _asked("Ends, or has ended, on this day or later.")] | None = None
    expiration_date_to: Annotated[str, _asked("Ends, or has ended, on this day or earlier.")] | None = None
    mpn: (
        Annotated[str, Meta(min_length=1, max_length=255, description="Has a product with this part number.",
                            examples=["ACME-MAIL-STD"])]
        | None
    ) = None  # fmt: skip
    vendor_subscription_id: (
        Annotated[str, Meta(min_length=1, max_length=4000, description="Is called so by its vendor.",
                            examples=["acme-77f2"])]
        | None
    ) = None  # fmt: skip
    reseller_id: (
        Annotated[str, Meta(min_length=1, description="Was sold by this reseller or one below it.",
                            examples=["1000000"])]
        | None
    ) = None  # fmt: skip
    offset: Offset = 0
    limit: Limit = 10


class SubscriptionPage(Struct, frozen=True):
    """A page of subscriptions, newest first."""

    data: list[Subscription]
    pagination: Pagination


def number(quantity: Decimal) -> int | float:
    """A quantity as clients see it: an integer where it is whole."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)


def listed_subscription(kept: KeptSubscription) -> Subscription:
    """A subscription as lists show it, the same to all who reach it."""
    return Subscription(**_members(kept))


def shown_subscription(kept: KeptSubscription, level: int) -> SubscriptionDetailed:
    """A subscription as the account `kept.chain[level]` is shown it."""
    provider = level == 0

    def term(link: int) -> Amount:
        return amount(per_term(kept, link), kept.currency)

    return SubscriptionDetailed(
        **_members(kept),
        total_price=amount(per_period(kept, level + 1), kept.currency),
        total_subscription_price=term(level + 1),
        total_subscription_cost=term(level),
        total_subscription_provider_cost=term(0) if provider else None,
        products=[_product(kept, item, level) for item in kept.items],
        order_parameters=kept.order_parameters or None,
        fulfillment_parameters=kept.fulfillment_parameters or None,
        plan_id=kept.plan_id,
    )


def as_listed(kept: KeptSubscription) -> bytes:
    """The JSON of `listed_subscription`."""
    return msgspec.json.encode(listed_subscription(kept))


def as_shown(kept: KeptSubscription) -> bytes:
    """The JSON of `shown_subscription`, for its seller."""
    return msgspec.json.encode(shown_subscription(kept, len(kept.chain) - 1))


def _members(kept: KeptSubscription) -> dict[str, Any]:
    """What lists and the whole subscription have in common."""
    return {
        "id": kept.id,
        "name": kept.name,
        "customer_id": str(kept.customer_id),
        "status": kept.status,
        "attributes": kept.attributes,
        "renewal_status": kept.renews,
        "creation_date": kept.created,
        "renewal_date": kept.renewal_date,
        "last_modified_date": kept.last_modified,
        "expiration_date": kept.expiration,
        "billing_model": kept.billing_model,
        "billing_period": kept.billing_period,
        "subscription_period": kept.subscription_period,
    }


def _product(kept: KeptSubscription, item: SubscriptionItem, level: int) -> SubscriptionProduct:
    currency, provider = kept.currency, level == 0

    def unit(link: int) -> UnitAmount:
        return unit_amount(item.rates[link].recurring, item.quantity, currency)

    def term(link: int) -> Amount:
        return amount(per_term(kept, link, [item]), currency)

    def later(link: int) -> UnitAmount | None:
        if not item.next_rates or item.next_rates[link] == item.rates[link]:
            return None
        return unit_amount(item.next_rates[link].recurring, item.quantity, currency)

    return SubscriptionProduct(
        mpn=item.mpn,
        vendor=item.vendor,
        id=item.product_id,
        quantity=number(item.quantity),
        name=item.name,
        unit_price=unit(level + 1),
        unit_cost=unit(level),
        unit_provider_cost=unit(0) if provider else None,
        next_unit_price=later(level + 1),
        next_unit_cost=later(level),
        extended_price=amount(per_period(kept, level + 1, [item]), currency),
        vendor_subscription_id=item.vendor_subscription_id,
        total_subscription_price=term(level + 1),
        total_subscription_cost=term(level),
        total_subscription_provider_cost=term(0) if provider else None,
    )


def unit_amount(rate: Rate, quantity: Decimal, currency: str) -> UnitAmount:
    """The price of one unit, at a quantity where there are steps."""
    tiers = [UnitTier(shown(tier.lower_limit), shown(tier.amount)) for tier in rate.tiers]
    return UnitAmount(currency, shown(unit_price(rate, quantity)), None if rate.model == "FLAT" else tiers)
