"""What clients change of a subscription: its attributes, whether it renews, and its prices (PATCH, specialPricing)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from emporion import money
from emporion.accounts.fields import AttributeName, Attributes, AttributeValue
from emporion.catalogue.rates import Rate, Rates
from emporion.errors import Fault
from emporion.orders.new import SpecialPrice
from emporion.orders.rates import special_rate
from emporion.subscriptions import KeptSubscription, SubscriptionItem

# What public clients send to a subscription, and where that is done.
ELSEWHERE = {
    "quantity": "place an order of type change (POST /orders)",
    "status": "place an order of type cancellation (POST /orders)",
}
PRICES = {"unit_price": "unitPrice", "unit_cost": "unitCost", "unit_provider_cost": "unitProviderCost"}


class SubscriptionProductUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """New prices of a product of a subscription, which is named by `id` or `mpn`."""

    mpn: Annotated[str, Meta(max_length=255, description="Part number.", examples=["ACME-MAIL-STD"])] | None = None
    id: Annotated[str, Meta(max_length=18, description="Of the product.", examples=["1000301"])] | None = None
    unit_price: (
        Annotated[SpecialPrice, Meta(description="What you take for one, from the next billing period on.")] | None
    ) = None
    unit_cost: Annotated[SpecialPrice, Meta(description="What the seller pays for one; its parent sets it.")] | None = (
        None
    )
    unit_provider_cost: (
        Annotated[SpecialPrice, Meta(description="What the provider pays for one; the provider sets it.")] | None
    ) = None

    def faults(self) -> Iterator[Fault]:
        """That a product is named, and something of it set."""
        if self.mpn is None and self.id is None:
            yield Fault("id", "is required, or mpn: which product of the subscription is meant")
        if not any(getattr(self, name) for name in PRICES):
            yield Fault("unitPrice", f"is required, or one of {', '.join(list(PRICES.values())[1:])}")


Products = Annotated[list[SubscriptionProductUpdate], Meta(min_length=1, max_length=200, description="New prices.")]


class SubscriptionUpdateSpecialPricing(Struct, rename="camel", kw_only=True, frozen=True):
    """New prices of a subscription, from its next billing period on."""

    products: Products


class SubscriptionUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """Changes of a subscription, as a JSON Merge Patch (RFC 7396)."""

    products: Products | None = None
    attributes: (
        Annotated[
            dict[AttributeName, AttributeValue | None],
            Meta(max_length=64, description="They merge; null takes one away."),
        ]
        | UnsetType
        | None
    ) = UNSET
    renewal_status: (
        Annotated[bool, Meta(description="Whether it is to renew by itself.", examples=[False])] | UnsetType
    ) = UNSET


class WholeAttributes(Struct, frozen=True):
    """Attributes as they are after a patch."""

    attributes: Attributes | None = None


class PriceChange(NamedTuple):
    """A price that is set. at: the path of its member in the body. member: as clients call it."""

    at: str
    member: str
    item: SubscriptionItem
    wanted: SpecialPrice


def price_changes(
    kept: KeptSubscription, updates: Sequence[SubscriptionProductUpdate]
) -> tuple[list[PriceChange], list[Fault]]:
    """The prices that are set, and what is wrong with them: products that it does not have, or another currency."""
    changes: list[PriceChange] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for position, update in enumerate(updates):
        at = f"products[{position}]"
        name = "id" if update.id is not None else "mpn"
        found = [item for item in kept.items if update.id in (None, item.product_id) and update.mpn in (None, item.mpn)]
        if len(found) != 1 or found[0].product_id in seen:
            faults.append(Fault(f"{at}.{name}", _which(kept, found)))
            continue
        seen.add(found[0].product_id)
        for attribute, member in PRICES.items():
            wanted: SpecialPrice | None = getattr(update, attribute)
            if not wanted:
                continue
            if wanted.currency != kept.currency:
                faults.append(Fault(f"{at}.{member}.currency", f"must be {kept.currency}, that of the subscription"))
            changes.append(PriceChange(f"{at}.{member}", member, found[0], wanted))
    return changes, faults


def _which(kept: KeptSubscription, found: Sequence[SubscriptionItem]) -> str:
    if len(found) == 1:
        return "is there twice"
    has = ", ".join(f"{item.mpn} (id {item.product_id})" for item in kept.items)
    if found:
        return f"names more than one product of the subscription; give the id: {has}"
    return f"No entity has been found: the subscription has {has}"


def wanted_rate(wanted: SpecialPrice, own: Rate) -> Rate:
    """The price that is set, in the place of its own."""
    return special_rate(own, wanted.amount, [(step.lower_limit, step.amount) for step in wanted.price_tiers or []])


def with_rate(item: SubscriptionItem, link: int, rate: Rate) -> SubscriptionItem:
    """An item with another price on a link of the chain, from the next billing period on."""
    after: list[Rates] = list(item.next_rates or item.rates)
    after[link] = structs.replace(after[link], recurring=rate)
    return structs.replace(item, next_rates=None if after == item.rates else after)


def lasting_links(item: SubscriptionItem) -> list[int]:
    """The links of the chain whose price stays when the subscription renews at list prices: those that were set."""
    customers = [len(item.rates) - 1] if item.special else []
    return sorted({*item.set_links, *_waiting_links(item), *customers})


def renewed_item(item: SubscriptionItem, rates: list[Rates]) -> SubscriptionItem:
    """An item that renews at these rates; a price that was set after the renewal was ordered waits for the next one."""
    later = list(rates)
    for link in _waiting_links(item):
        later[link] = (item.next_rates or rates)[link]
    return structs.replace(
        item, rates=rates, next_rates=later if later != rates else None, set_links=lasting_links(item)
    )


def _waiting_links(item: SubscriptionItem) -> list[int]:
    """The links of the chain whose price was set and does not count yet."""
    return [link for link, new in enumerate(item.next_rates or ()) if new != item.rates[link]]


def told_rate(rate: Rate) -> str:
    """A price as the log tells it, such as `4.5`, or `TIERED 4.5, from 11 4.2`."""
    first, *more = rate.tiers
    steps = [
        money.shown(first.amount),
        *(f"from {money.shown(one.lower_limit)} {money.shown(one.amount)}" for one in more),
    ]
    return steps[0] if rate.model == "FLAT" else f"{rate.model} {', '.join(steps)}"
