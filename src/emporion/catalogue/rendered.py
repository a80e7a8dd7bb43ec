"""What is kept of a defined plan: the plan, its products and what they cost, as orders read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from emporion.catalogue.definitions import (
    AmountsDefinition,
    DefinedPlan,
    ItemDefinition,
    PlanDefinition,
    PriceDefinition,
    ServiceDefinition,
    SwitchDefinition,
    is_sold_for,
    period_of,
    period_text,
)
from emporion.catalogue.kept import ProductRates
from emporion.catalogue.plans import Plan, PlanSwitch, State, SubscriptionPeriod
from emporion.catalogue.products import CatalogueProduct, Dependency
from emporion.catalogue.rates import Rates, flat

# From the key of a plan, an MPN and a period to the id of that product; any of its periods where that is None.
FindId = Callable[[str, str, str | None], str]


class RenderedProduct(NamedTuple):
    """A product and what it costs, by currency."""

    product: CatalogueProduct
    rates: dict[str, ProductRates]


def rendered_plan(defined: DefinedPlan, service: ServiceDefinition, plan_ids: Mapping[str, int]) -> Plan:
    """The plan as orders read it. plan_ids: of it and of those to which it can be switched, by their keys."""
    plan = defined.plan
    return Plan(
        id=plan_ids[plan.key],
        key=plan.key,
        vendor=service.vendor,
        service_name=service.key,
        fulfillment=service.fulfillment,
        name=plan.name,
        short_description=plan.short_description,
        long_description=plan.long_description,
        state=plan.state,
        subscription_periods=plan.periods,
        billing_period=plan.billing_period,
        billing_model=plan.billing_model,
        policies=plan.policies,
        switches=[_switch(switch, defined, plan_ids[switch.plan]) for switch in plan.switches],
        parameters=service.parameters,
    )


def rendered_item(
    item: ItemDefinition, plan: PlanDefinition, service: ServiceDefinition, plan_ids: Mapping[str, int], find: FindId
) -> Iterator[RenderedProduct]:
    """The products of an item, one for each period for which it is sold."""
    for period in plan.periods:
        text = period_text(period)
        if not is_sold_for(item, text):
            continue
        product = CatalogueProduct(
            id=find(plan.key, item.mpn, text),
            plan_id=plan_ids[plan.key],
            mpn=item.mpn,
            vendor=service.vendor,
            service_name=service.key,
            name=item.name,
            state=product_state(plan, period),
            minimum_quantity=item.minimum,
            maximum_quantity=item.maximum,
            fractions=item.fractions,
            billing_period=plan.billing_period,
            subscription_period=period_of(text),
            trial=period.trial,
            billing_model=plan.billing_model,
            depends_on=[
                Dependency(needed.mpn, find(needed.plan, needed.mpn, None), plan_ids[needed.plan])
                if needed.plan
                else Dependency(needed.mpn, find(plan.key, needed.mpn, text))
                for needed in item.depends_on
            ],
            coterming=item.coterming,
        )
        prices = item.prices_by_period.get(text, item.prices)
        yield RenderedProduct(
            product, {currency: _trial() if period.trial else _rates(price) for currency, price in prices.items()}
        )


def product_state(plan: PlanDefinition, period: SubscriptionPeriod) -> State:
    """That of a product: its plan's, unless the period can be bought no more."""
    return plan.state if period.active else "retired"


def _switch(switch: SwitchDefinition, defined: DefinedPlan, target_id: int) -> PlanSwitch:
    return PlanSwitch(
        plan_id=target_id,
        source_subscription_period=period_of(switch.source),
        subscription_period=period_of(switch.target),
        billing_policy=switch.billing_policy,
        when_effective=switch.when_effective,
        items={mpn: switch.items.get(mpn, mpn) for mpn in sorted(item.mpn for item in defined.items)},
    )


def _trial() -> ProductRates:
    """A trial costs nothing (ordering: 6.8)."""
    nothing = Rates(flat(Decimal(0)))
    return ProductRates(nothing, [], nothing)


def _rates(price: PriceDefinition) -> ProductRates:
    """What the file leaves out is filled in: a level without a cost pays the one above it, or the price."""
    setup = price.setup
    recommended = Rates(price.price, setup.price if setup else None)
    costs = [_cost(price, setup, level) for level in range(max(len(price.cost), len(setup.cost) if setup else 0))]
    provider_cost = None
    if price.provider_cost or (setup and setup.provider_cost):
        provider_cost = Rates(price.provider_cost or flat(Decimal(0)), setup.provider_cost if setup else None)
    return ProductRates(recommended, costs, provider_cost)


def _cost(price: PriceDefinition, setup: AmountsDefinition | None, level: int) -> Rates:
    recurring = price.cost[min(level, len(price.cost) - 1)] if price.cost else price.price
    if not setup:
        return Rates(recurring)
    return Rates(recurring, setup.cost[min(level, len(setup.cost) - 1)] if setup.cost else setup.price)
