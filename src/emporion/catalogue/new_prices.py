"""A reseller's own price as it is sent: in an option of a command, or in a row of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from emporion.catalogue.own_prices import OwnPrice
from emporion.catalogue.products import ABOVE_MOST, MOST_QUANTITY
from emporion.catalogue.rates import Rate, Tier, flat
from emporion.errors import Fault
from emporion.money import shown

MODELS = ("TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER")
# The steps of a price at most.
MOST_STEPS = 50
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_MARGIN = re.compile(r"-?[0-9]{1,5}(\.[0-9]{1,4})?")
_LIMIT = re.compile(r"[0-9]{1,32}(\.[0-9]{1,6})?")


def _not_an_amount(text: str) -> str | None:
    return None if _AMOUNT.fullmatch(text) else "must be a number such as 4.5, with 6 digits after the point at most"


def not_a_margin(text: str) -> str | None:
    """What is wrong with a percentage."""
    if _MARGIN.fullmatch(text) and Decimal(text) > -100:
        return None
    return "must be per cents above -100, such as 12.5, with 4 digits after the point at most"


def _not_a_limit(text: str) -> str | None:
    if not _LIMIT.fullmatch(text) or not Decimal(text):
        return "must be a quantity above 0, such as 10"
    return ABOVE_MOST if Decimal(text) > MOST_QUANTITY else None


AmountText = Annotated[str, Meta(max_length=40, extra={"clean": str.strip, "rule": _not_an_amount})]


class NewTier(Struct, rename="camel", frozen=True):
    """A step of a price, as it is sent. lower_limit: the quantity from which it counts."""

    lower_limit: Annotated[str, Meta(max_length=40, extra={"clean": str.strip, "rule": _not_a_limit})]
    amount: AmountText


class NewPrice(Struct, rename="camel", frozen=True, kw_only=True):
    """An own price as it is sent: for a product, or for an item of a plan; an amount, or a margin, or to be removed."""

    product_id: Annotated[str, Meta(max_length=40)] | None = None
    plan_id: Annotated[str, Meta(max_length=40)] | None = None
    mpn: Annotated[str, Meta(max_length=255)] | None = None
    amount: AmountText | None = None
    tiers: Annotated[list[NewTier], Meta(max_length=MOST_STEPS)] | None = None
    model: Literal["TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER"] | None = None
    setup: AmountText | None = None
    margin: Annotated[str, Meta(max_length=40, extra={"clean": str.strip, "rule": not_a_margin})] | None = None
    remove: bool = False

    def faults(self) -> Iterator[Fault]:
        """What is wrong between its members."""
        of: tuple[object, ...] = (self.product_id, self.plan_id, self.mpn)
        what: tuple[object, ...] = (self.amount, self.margin, self.tiers, self.model, self.setup)
        if UNSET in of:
            pass
        elif not self.product_id and not self.mpn:
            yield Fault("productId", "is required, or mpn in its place")
        elif self.product_id and (self.mpn or self.plan_id):
            yield Fault("mpn" if self.mpn else "planId", "must be left out where productId is given")
        if UNSET in what:
            return
        if self.remove:
            given = ("amount", "margin", "tiers", "model", "setup")
            yield from (Fault(name, "must be left out to remove a price") for name in given if getattr(self, name))
        elif self.amount is None and self.margin is None:
            yield Fault("amount", "is required, or margin in its place")
        elif self.amount is not None and self.margin is not None:
            yield Fault("margin", "must be left out where amount is given")
        elif self.tiers and self.amount is None:
            yield Fault("tiers", "must be left out with margin: it counts on each tier of the cost")
        elif bool(self.tiers) != bool(self.model):
            yield Fault("model", f"must be one of {', '.join(MODELS)} with tiers, and be left out without")
        elif self.tiers:
            texts: list[object] = [getattr(tier, "lower_limit", UNSET) for tier in self.tiers]
            limits = [Decimal(text) for text in texts if isinstance(text, str)]
            if limits != sorted(set(limits)):
                yield Fault("tiers", "must have growing lower limits")

    def price(self, currency: str) -> OwnPrice | None:
        """The price that is to be kept; None to remove it. It has no faults."""
        if self.remove:
            return None
        setup = None if self.setup is None else flat(Decimal(self.setup))
        if self.margin is not None:
            return OwnPrice(currency=currency, margin=Decimal(self.margin), setup=setup)
        recurring = flat(Decimal(self.amount or 0))
        if self.tiers and self.model:
            steps = [Tier(Decimal(tier.lower_limit), Decimal(tier.amount)) for tier in self.tiers]
            recurring = Rate(self.model, [*recurring.tiers, *steps])
        return OwnPrice(currency=currency, recurring=recurring, setup=setup)


class ShownPrice(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """An own price as people and the log see it."""

    product_id: str | None = None
    plan_id: str | None = None
    mpn: str | None = None
    currency: str | None = None
    amount: str | None = None
    model: str | None = None
    tiers: list[NewTier] | None = None
    setup: str | None = None
    margin: str | None = None


def price_shown(target: str, price: OwnPrice | None) -> ShownPrice:
    """An own price, with what it is for. None: there is none."""
    plan_id, _, mpn = target.partition(" ")
    of = ShownPrice(plan_id=plan_id, mpn=mpn) if mpn else ShownPrice(product_id=target)
    if not price:
        return of
    first, *steps = price.recurring.tiers if price.recurring else [None]
    return ShownPrice(
        product_id=of.product_id,
        plan_id=of.plan_id,
        mpn=of.mpn,
        currency=price.currency if first or price.setup else None,
        amount=shown(first.amount) if first else None,
        model=price.recurring.model if price.recurring and steps else None,
        tiers=[NewTier(shown(step.lower_limit), shown(step.amount)) for step in steps if step] or None,
        setup=shown(price.setup.tiers[0].amount) if price.setup else None,
        margin=None if price.margin is None else shown(price.margin),
    )
