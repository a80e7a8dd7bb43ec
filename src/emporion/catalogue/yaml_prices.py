"""Prices in the catalogue's file: from `4.50` to tiers for each level of resellers."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from emporion.accounts.currencies import CURRENCIES
from emporion.catalogue.definitions import AmountsDefinition, PriceDefinition, Prices
from emporion.catalogue.rates import PriceModel, Rate, Tier, flat
from emporion.catalogue.yaml_nodes import Scalar, shortened
from emporion.catalogue.yaml_values import Members, Place, with_point, wrong_quantity

MOST_TIERS = 50
# How many levels of resellers can have a cost of their own.
MOST_LEVELS = 20

_AMOUNTS = ("price", "cost", "providerCost")
_MODELS: tuple[PriceModel, ...] = get_args(PriceModel)
_REFUSED_MODELS = {
    "VOLUME_RESOURCE_AGGREGATED": "is not supported yet: VOLUME_RESOURCE_AGGREGATED; count the quantity of the "
    "subscription (VOLUME_SUBSCRIPTION) or of the order (VOLUME_ORDER)"
}
_CURRENCIES = frozenset(CURRENCIES)
_OTHERS = {
    "recurring": "is unknown; what is paid for each billing period is the price itself",
    "overuse": "is not supported yet: overuse; leave it out",
    "amount": "is unknown; did you mean price?",
}


def read_prices(place: Place) -> Prices | None:
    """Prices by their currencies."""
    given = place.mapping("a mapping from a currency to what it costs, such as {EUR: 4.50}")
    if given is None:
        return None
    if not given:
        place.fault("has no currency")
    prices: Prices = {}
    for currency, inner in given.items():
        if currency not in _CURRENCIES:
            upper = f"; did you mean {currency.upper()}?" if currency.upper() in _CURRENCIES else with_point(currency)
            inner.fault(f"must be an ISO 4217 currency code in upper case, such as EUR{upper}")
        elif price := _price(inner):
            prices[currency] = price
    return prices


def _price(place: Place) -> PriceDefinition | None:
    if isinstance(place.node, Scalar):
        amount = place.amount()
        return None if amount is None else PriceDefinition(price=flat(amount))
    if _is_rate(place):
        rate = _rate(place)
        return PriceDefinition(price=rate) if rate else None
    given = place.members((*_AMOUNTS, "setup"), ("price",), **_OTHERS)
    if not given:
        return None
    price, cost, provider_cost = _amounts(given)
    setup = given.read("setup", _setup, None)
    if not price:
        return None
    return PriceDefinition(price=price, cost=cost, provider_cost=provider_cost, setup=setup)


def _setup(place: Place) -> AmountsDefinition | None:
    if isinstance(place.node, Scalar) or _is_rate(place):
        rate = _rate(place)
        return AmountsDefinition(price=rate) if rate else None
    given = place.members(_AMOUNTS, ("price",), **_OTHERS)
    if not given:
        return None
    price, cost, provider_cost = _amounts(given)
    return AmountsDefinition(price=price, cost=cost, provider_cost=provider_cost) if price else None


def _amounts(given: Members) -> tuple[Rate | None, list[Rate], Rate | None]:
    price, costs = given.read("price", _rate, None), given.read("cost", _costs, None)
    return price, costs or [], given.read("providerCost", _rate, None)


def _costs(place: Place) -> list[Rate]:
    """What resellers pay, level by level; one for all needs no brackets."""
    costs = [rate for rate in map(_rate, place.each()) if rate]
    if len(costs) > MOST_LEVELS:
        place.fault(f"must have at most {MOST_LEVELS} levels, not {len(costs):,}")
    return costs


def _is_rate(place: Place) -> bool:
    """Whether a mapping is one price with tiers, and not several amounts."""
    entries = getattr(place.node, "entries", {})
    return "tiers" in entries or "model" in entries


def _rate(place: Place) -> Rate | None:
    if isinstance(place.node, Scalar):
        amount = place.amount()
        return None if amount is None else flat(amount)
    given = place.members(("model", "tiers"), ("model", "tiers"))
    if not given:
        return None
    model: PriceModel | None = given.read("model", lambda inner: inner.choice(_MODELS, _REFUSED_MODELS), None)
    tiers = given.read("tiers", _tiers, None) or []
    if model == "FLAT" and len(tiers) > 1:
        place.fault("is FLAT, which has no tiers; write the amount itself, or another model")
        return None
    return Rate(model, tiers) if model and tiers else None


def _tiers(place: Place) -> list[Tier] | None:
    """Tiers, from the quantity where each begins to its amount."""
    given = place.mapping("a mapping from a quantity to the amount from there on, such as {0: 4.90, 100: 4.50}")
    if given is None:
        return None
    if not given:
        place.fault("has no tiers; write from which quantity on each amount counts, such as {0: 4.90, 100: 4.50}")
    tiers: dict[Decimal, Tier] = {}
    for limit, inner in given.items():
        amount = inner.amount()
        if wrong := wrong_quantity(limit):
            inner.fault(f"{wrong} where the tier begins, not {shortened(limit)}")
        elif Decimal(limit) in tiers:
            inner.fault("begins where another tier begins")
        elif amount is not None:
            tiers[Decimal(limit)] = Tier(Decimal(limit), amount)
    if len(given) > MOST_TIERS:
        place.fault(f"must have at most {MOST_TIERS} tiers, not {len(given):,}")
        return None
    if tiers and min(tiers) != 0:
        place.fault(f"must begin at 0, not at {min(tiers)}")
        return None
    return [tiers[limit] for limit in sorted(tiers)]
