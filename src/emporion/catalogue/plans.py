"""Plans: what is offered together, with its periods and what happens when it is changed, cancelled or renewed."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from emporion.catalogue.parameters import Parameter
from emporion.periods import Period, PeriodType

State = Literal["draft", "published", "retired"]
Fulfillment = Literal["automatic", "manual"]
BillingModel = Literal[
    "chargeBeforeBillingPeriod", "chargeAfterBillingPeriod", "chargeBeforeSubscriptionPeriod", "chargeExternalRating"
]
BillingPolicy = Literal[
    "period_change",
    "prorate_starting_new_subscription_period",
    "prorate_keeping_exp_date",
    "prorate_refund",
    "no_refund",
    "no_refund_with_full_refund_period",
    "prorate_refund_with_full_refund_period",
]
Effective = Literal["immediately", "next_billing_period", "next_subscription_period"]


class SubscriptionPeriod(Struct, rename="camel", frozen=True):
    """A period for which a plan can be bought. active: whether it still can."""

    type: PeriodType
    duration: int
    trial: bool = False
    active: bool = True


class PlanSwitch(Struct, rename="camel", frozen=True, kw_only=True):
    """A way from one plan to another, or from one of its periods to another.

    items: from the MPN of each item of the source to that of the target; None where it has none there.
    """

    plan_id: int
    source_subscription_period: Period
    subscription_period: Period
    billing_policy: BillingPolicy
    when_effective: Effective
    items: dict[str, str | None] = {}


class Policies(Struct, rename="camel", frozen=True, kw_only=True):
    """What a plan allows (ordering.md 6.8). Numbers are days."""

    decrease: Effective = "immediately"
    decrease_refund: Literal["prorate", "none"] = "prorate"
    cancellation: Literal["immediately", "at_term_end"] = "immediately"
    cancellation_refund: Literal["prorate", "none"] = "prorate"
    return_days: int = 0
    full_refund_days: int = 0
    renewal_point: int = 1
    renewal_prices: Literal["keep", "list"] = "keep"
    grace_days: int = 0
    hold_days: int = 0
    retention_days: int = 30
    automatic_renewal: bool = True


class Plan(Struct, rename="camel", frozen=True, kw_only=True):
    """A plan as it is kept. key: its name in the file of the catalogue. parameters: those of its service."""

    id: int
    key: str
    vendor: str
    service_name: str
    fulfillment: Fulfillment
    name: str
    short_description: str = ""
    long_description: str = ""
    state: State
    subscription_periods: list[SubscriptionPeriod]
    billing_period: Period
    billing_model: BillingModel
    policies: Policies = Policies()
    switches: list[PlanSwitch] = []
    parameters: list[Parameter] = []
