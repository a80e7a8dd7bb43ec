"""Plans and products as clients see them (contract: Product, ServicePlan)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from emporion.accounts.fields import text_meta
from emporion.catalogue.parameters import Parameter, ParameterType, Phase
from emporion.catalogue.plans import BillingModel, BillingPolicy, Effective, Plan
from emporion.catalogue.products import CatalogueProduct, CotermingRequired, CotermingType
from emporion.catalogue.rates import PriceModel, Rate, Rates
from emporion.money import shown
from emporion.paging import Limit, Offset, Pagination
from emporion.periods import Period, PeriodType

PriceType = Literal["recurring", "setup"]


class ProductPrice(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A price for each unit, or one of its tiers (contract: ProductPrice)."""

    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]
    amount: Annotated[str, Meta(description="A decimal number.", examples=["4.5"])]
    type: Annotated[
        PriceType,
        Meta(description="For each billing period, or once for each unit that is added.", examples=["recurring"]),
    ]
    model: Annotated[
        PriceModel,
        Meta(
            description="FLAT: one price. TIERED: each unit at the price of its own tier. VOLUME_SUBSCRIPTION and "
            "VOLUME_ORDER: all units at the price of the tier that the quantity in the subscription, or in the order, "
            "reaches.",
            examples=["FLAT"],
        ),
    ]
    lower_limit: (
        Annotated[float, Meta(description="The quantity from which this tier counts.", examples=[10])] | None
    ) = None


class ProductDependency(Struct, frozen=True):
    """A product that must be in the subscription as well; an order that lacks it gets it."""

    mpn: Annotated[str, Meta(description="Its manufacturer part number.", examples=["ACME-MAIL-STD"])]
    id: Annotated[str, Meta(description="Its id.", examples=["1000301"])]


class ProductCoterming(Struct, frozen=True, omit_defaults=True):
    """Whether a subscription may end together with another one."""

    required: Annotated[
        CotermingRequired,
        Meta(description="Whether it must, may or must not.", examples=["RESTRICTED"]),
    ]
    type: (
        Annotated[
            CotermingType,
            Meta(description="With another subscription, or with the month.", examples=["SUBSCRIPTION"]),
        ]
        | None
    ) = None


class ProductChoice(Struct, frozen=True):
    """A value that a parameter may have."""

    value: Annotated[str, Meta(description="What to send.", examples=["eu"])]
    label: Annotated[str, Meta(description="What it is called.", examples=["Europe"])]
    default: Annotated[bool, Meta(description="Whether it is the one where none is sent.", examples=[True])]


class ProductParameter(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """What an order of the product tells of each subscription, in `products[].parameters`."""

    name: Annotated[str, Meta(description="Its name; case counts.", examples=["domain"])]
    type: Annotated[ParameterType, Meta(description="What its value must be.", examples=["domain"])]
    phase: Annotated[Phase, Meta(description="When it is filled in.", examples=["ordering"])]
    required: Annotated[bool, Meta(description="Whether an order must have it.", examples=[True])]
    title: Annotated[str, Meta(description="What to call it in a form.", examples=["Domain"])] | None = None
    description: (
        Annotated[str, Meta(description="What there is to say about it.", examples=["Where mail is received."])] | None
    ) = None
    choices: Annotated[list[ProductChoice], Meta(description="The values that it may have.")] | None = None
    pattern: (
        Annotated[str, Meta(description="A regular expression that its value fulfils.", examples=["^[a-z]+$"])] | None
    ) = None


class Product(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """An item of a plan for one of the plan's subscription periods, as its reseller sees it."""

    mpn: Annotated[str, Meta(description="Manufacturer part number; several products may have it.",
                             examples=["ACME-MAIL-STD"])]  # fmt: skip
    vendor: Annotated[str, Meta(description="The manufacturer's id.", examples=["acme"])]
    id: Annotated[str, Meta(description="Given by the platform, stable.", examples=["1000301"])]
    service_name: Annotated[str, Meta(description="The service that it belongs to.", examples=["ACME_MAIL"])]
    name: Annotated[str, Meta(description="What it is called.", examples=["Acme Mail Standard"])]
    minimum_quantity: Annotated[
        str, Meta(description="The least that a subscription holds of it, a decimal number.", examples=["1"])
    ]
    maximum_quantity: (
        Annotated[str, Meta(description="The most; absent where there is no limit.", examples=["300"])] | None
    ) = None
    prices: Annotated[list[ProductPrice], Meta(description="What you sell it for; one entry for each tier.")]
    costs: Annotated[list[ProductPrice], Meta(description="What you pay for it; one entry for each tier.")]
    billing_period: Annotated[Period, Meta(description="How often it is charged.")]
    subscription_period: Annotated[Period, Meta(description="For how long it is bought.")]
    billing_model: Annotated[
        BillingModel,
        Meta(description="When it is charged, and for what.", examples=["chargeBeforeBillingPeriod"]),
    ]
    depends_on: Annotated[list[ProductDependency], Meta(description="Products that must be there as well.")]
    coterming: Annotated[
        ProductCoterming, Meta(description="Whether a subscription may end together with another one.")
    ]


class ProductDetailed(Product, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A product with the parameters that an order of it has."""

    parameters: Annotated[list[ProductParameter], Meta(description="Parameters that an order of it has.")]
    published: Annotated[
        bool, Meta(description="`false` where your account does not sell it; else left out.", examples=[False])
    ] = True


class ProductQuery(Struct, rename="camel", kw_only=True, frozen=True):
    """Which products a list shows; filters combine with and (contract: GET /products)."""

    name: (
        Annotated[
            str,
            text_meta(255, "Anywhere in the name; case, accents and kinds of dashes make no difference.", "mail"),
        ]
        | None
    ) = None
    service_name: Annotated[str, text_meta(255, "The service is this one, whatever the case.", "acme_mail")] | None = (
        None
    )
    mpn: (
        Annotated[str, text_meta(255, "The manufacturer part number is equal to this; case counts.", "ACME-MAIL-STD")]
        | None
    ) = None
    vendor: Annotated[str, text_meta(255, "The manufacturer's id is this one, whatever the case.", "acme")] | None = (
        None
    )
    offset: Offset = 0
    limit: Limit = 10


class ProductPage(Struct, frozen=True):
    """A page of products."""

    data: list[Product]
    pagination: Pagination


class BillingPeriod(Struct, frozen=True):
    """How often a plan is charged."""

    type: Annotated[PeriodType, Meta(description="The unit.", examples=["month"])]
    duration: Annotated[int, Meta(description="How many units.", examples=[1])]


class PlanPeriod(Struct, frozen=True):
    """A period for which a plan can be bought."""

    type: Annotated[PeriodType, Meta(description="The unit.", examples=["year"])]
    duration: Annotated[int, Meta(description="How many units.", examples=[1])]
    trial: Annotated[bool, Meta(description="Whether it is to try the plan without charge.", examples=[False])]
    active: Annotated[bool, Meta(description="Whether it can be bought.", examples=[True])]


class PlanPeriodSwitch(Struct, rename="camel", kw_only=True, frozen=True):
    """A way from one of a plan's periods to another plan or period (contract: ServicePlanSubscriptionPeriodSwitch)."""

    plan_id: Annotated[int, Meta(description="The plan that it leads to.", examples=[1000306])]
    subscription_period: Annotated[Period, Meta(description="The period that it leads to.")]
    billing_policy: Annotated[
        BillingPolicy, Meta(description="What is charged and given back.", examples=["prorate_keeping_exp_date"])
    ]
    when_effective: Annotated[Effective, Meta(description="When it counts.", examples=["immediately"])]
    source_subscription_period: Annotated[Period, Meta(description="The period from which it leads.")]


class ServicePlan(Struct, rename="camel", kw_only=True, frozen=True):
    """What is offered together: the products of one plan go into one subscription (contract: ServicePlan)."""

    id: Annotated[str, Meta(description="Given by the platform.", examples=["1000305"])]
    name: Annotated[str, Meta(description="What it is called.", examples=["Acme Mail"])]
    short_description: Annotated[str, Meta(description="In a line.", examples=["Mail for teams"])]
    long_description: Annotated[str, Meta(description="At length.", examples=["Mail, calendars and contacts."])]
    published: Annotated[bool, Meta(description="Whether your account sells it.", examples=[True])]
    subscription_periods: Annotated[list[PlanPeriod], Meta(description="For how long it can be bought.")]
    billing_period: Annotated[BillingPeriod, Meta(description="How often it is charged.")]
    billing_model: Annotated[
        BillingModel,
        Meta(description="When it is charged, and for what.", examples=["chargeBeforeBillingPeriod"]),
    ]


class ServicePlanDetailed(ServicePlan, rename="camel", kw_only=True, frozen=True):
    """A plan with the ways to other plans and periods."""

    plan_switches: Annotated[list[PlanPeriodSwitch], Meta(description="Where its subscriptions can be moved.")]


class PlanQuery(Struct, kw_only=True, frozen=True):
    """Which plans of a list are wanted."""

    offset: Offset = 0
    limit: Limit = 10


class ServicePlanPage(Struct, frozen=True):
    """A page of plans."""

    data: list[ServicePlan]
    pagination: Pagination


def product_shown(
    product: CatalogueProduct, currency: str, price: Rates | None = None, cost: Rates | None = None
) -> Product:
    """A product as the reseller sees it that sells it at `price` and pays `cost`; without either, it has no price."""
    most = product.maximum_quantity
    return Product(
        mpn=product.mpn,
        vendor=product.vendor,
        id=product.id,
        service_name=product.service_name,
        name=product.name,
        minimum_quantity=shown(product.minimum_quantity),
        maximum_quantity=None if most is None else shown(most),
        prices=list(_rows(currency, price)) if price else [],
        costs=list(_rows(currency, cost)) if cost else [],
        billing_period=product.billing_period,
        subscription_period=product.subscription_period,
        billing_model=product.billing_model,
        depends_on=[ProductDependency(needed.mpn, needed.id) for needed in product.depends_on],
        coterming=ProductCoterming(product.coterming.required, product.coterming.type),
    )


def parameters_shown(parameters: Sequence[Parameter]) -> list[ProductParameter]:
    """The parameters that an order has; those that the vendor fills in are no part of them."""
    return [
        ProductParameter(
            name=one.name,
            type=one.type,
            phase=one.phase,
            required=one.required,
            title=one.title or None,
            description=one.description or None,
            choices=[ProductChoice(choice.value, choice.label, choice.default) for choice in one.choices] or None,
            pattern=one.pattern,
        )
        for one in parameters
        if one.phase == "ordering"
    ]


def plan_shown(plan: Plan) -> ServicePlan:
    """A plan as clients see it in a list."""
    return ServicePlan(
        id=str(plan.id),
        name=plan.name,
        short_description=plan.short_description,
        long_description=plan.long_description,
        published=plan.state == "published",
        subscription_periods=[
            PlanPeriod(period.type, period.duration, period.trial, period.active)
            for period in plan.subscription_periods
        ],
        billing_period=BillingPeriod(plan.billing_period.type, plan.billing_period.duration),
        billing_model=plan.billing_model,
    )


def plan_switches_shown(plan: Plan, seen: Sequence[int]) -> list[PlanPeriodSwitch]:
    """The ways out of a plan, of those that lead to itself or to a plan in `seen`."""
    return [
        PlanPeriodSwitch(
            plan_id=way.plan_id,
            subscription_period=way.subscription_period,
            billing_policy=way.billing_policy,
            when_effective=way.when_effective,
            source_subscription_period=way.source_subscription_period,
        )
        for way in plan.switches
        if way.plan_id == plan.id or way.plan_id in seen
    ]


def _rows(currency: str, rates: Rates) -> Iterator[ProductPrice]:
    """One for each tier."""
    yield from _tiers(currency, "recurring", rates.recurring)
    if rates.setup:
        yield from _tiers(currency, "setup", rates.setup)


def _tiers(currency: str, type_: PriceType, rate: Rate) -> Iterator[ProductPrice]:
    for tier in rate.tiers:
        limit = None if rate.model == "FLAT" else _number(tier.lower_limit)
        yield ProductPrice(
            currency=currency, amount=shown(tier.amount), type=type_, model=rate.model, lower_limit=limit
        )


def _number(quantity: Decimal) -> int | float:
    """A quantity as a JSON number: whole where it is."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
