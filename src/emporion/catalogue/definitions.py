"""What stands in the file of the catalogue, read and checked: docs/selling.md has the file, `yaml_file.py` reads it."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from msgspec import Struct, field

from emporion.catalogue.kept import Delegation
from emporion.catalogue.parameters import Parameter
from emporion.catalogue.plans import (
    BillingModel,
    BillingPolicy,
    Effective,
    Fulfillment,
    Policies,
    State,
    SubscriptionPeriod,
)
from emporion.catalogue.products import Coterming
from emporion.catalogue.rates import Rate
from emporion.periods import Period, PeriodType


class VendorDefinition(Struct, rename="camel", frozen=True, omit_defaults=True):
    """Who makes what is sold. key: what products have as `vendor`."""

    key: str
    name: str


class ServiceDefinition(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """What is provided. key: what products have as `serviceName`."""

    key: str
    vendor: str
    fulfillment: Fulfillment
    parameters: list[Parameter] = []


class AmountsDefinition(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """What is recommended to take of customers, what resellers pay level by level, and what the provider pays."""

    price: Rate
    cost: list[Rate] = []
    provider_cost: Rate | None = None


class PriceDefinition(AmountsDefinition, frozen=True, omit_defaults=True, kw_only=True):
    """The prices of an item in one currency, for each billing period. setup: once for each added unit."""

    setup: AmountsDefinition | None = None


Prices = dict[str, PriceDefinition]


class DependencyDefinition(Struct, rename="camel", frozen=True, omit_defaults=True):
    """An item that must be there as well. plan: the key of another plan in which it is."""

    mpn: str
    plan: str | None = None


class ItemDefinition(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """What is sold in a plan.

    periods: for which of the plan's, None for all. prices_by_period: in place of `prices`, where there are others.
    """

    mpn: str
    name: str
    minimum: Decimal = Decimal(0)
    maximum: Decimal | None = None
    fractions: bool = False
    periods: list[str] | None = None
    depends_on: list[DependencyDefinition] = []
    coterming: Coterming = Coterming("RESTRICTED")
    prices: Prices = {}
    prices_by_period: dict[str, Prices] = {}


class SwitchDefinition(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """A way to another plan, or to another period. items: those whose MPN changes, and to which; None for to none."""

    plan: str
    source: str
    target: str
    billing_policy: BillingPolicy
    when_effective: Effective = "immediately"
    items: dict[str, str | None] = {}


class PlanDefinition(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """A plan without its items."""

    key: str
    service: str
    name: str
    short_description: str = ""
    long_description: str = ""
    state: State = "draft"
    periods: list[SubscriptionPeriod]
    billing_period: Period
    billing_model: BillingModel = "chargeBeforeBillingPeriod"
    delegation: Delegation = field(default_factory=Delegation)
    policies: Policies = field(default_factory=Policies)
    switches: list[SwitchDefinition] = []


class DefinedPlan(Struct, frozen=True):
    """A plan with its items, each with an MPN of its own."""

    plan: PlanDefinition
    items: list[ItemDefinition]


def period_text(period: Period | SubscriptionPeriod) -> str:
    """A period as it is written, such as `1 year` or `14 days`."""
    return f"{period.duration} {period.type}{'' if period.duration == 1 else 's'}"


def period_of(text: str) -> Period:
    """The period that is written so."""
    duration, _, unit = text.partition(" ")
    return Period(cast("PeriodType", unit.removesuffix("s")), int(duration))


def is_sold_for(item: ItemDefinition, period: str) -> bool:
    """Whether an item is sold for a period of its plan."""
    return item.periods is None or period in item.periods
