"""Plans in the console: what is offered together, for which periods, and where it can be switched to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.catalogue.shown import PlanPeriod, PlanQuery, ServicePlan
from emporion.errors import Code, Problem
from emporion.periods import Period
from emporion.web.console.lists import Action, ListColumn, ListView
from emporion.web.console.products import first_price
from emporion.web.console.selling import MODELS_OF_BILLING, billed_words, period_words
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from emporion.catalogue.shown import ProductDetailed
    from emporion.web.pages import PageRequest

# So many products of a plan stand on its page.
PRODUCTS_SHOWN = 100


def plan_period_words(periods: Iterable[PlanPeriod]) -> str:
    """The periods for which a plan can be bought."""
    sold = [one for one in periods if one.active]
    words = [period_words(Period(one.type, one.duration)) + (" on trial" if one.trial else "") for one in sold]
    return ", ".join(words) or "–"


LIST = ListView(
    path="/plans",
    title="Plans",
    noun="plan",
    document=ServicePlan,
    query=PlanQuery,
    page=lambda marketplace: marketplace.products.plans,
    columns=(
        ListColumn("Name", lambda plan: plan.name, "link", is_long=True),
        ListColumn("In a line", lambda plan: plan.short_description or None),
        ListColumn("Terms", lambda plan: plan_period_words(plan.subscription_periods)),
        ListColumn("Billed", lambda plan: billed_words(Period(plan.billing_period.type, plan.billing_period.duration))),
    ),
    empty="The plans that your account sells appear here. The operator of the platform puts them into the catalogue.",
    action=Action("Catalogue as a file", "/catalogue", "reader", for_operator=True),
)


async def show(visit: PageRequest) -> Response:
    """A plan: its periods, its products with their prices, and where its subscriptions can be switched to."""
    plan = await visit.marketplace.products.plan(visit.actor, visit.path["id"])
    switches = []
    for way in plan.plan_switches:
        target = await visit.marketplace.products.plan(visit.actor, str(way.plan_id))
        switches.append(
            (way, target, period_words(way.source_subscription_period), period_words(way.subscription_period))
        )
    return visit.render(
        "plan.html",
        plan=plan,
        terms=plan_period_words(plan.subscription_periods),
        billed=billed_words(Period(plan.billing_period.type, plan.billing_period.duration)),
        model=MODELS_OF_BILLING.get(plan.billing_model, plan.billing_model),
        products=[
            (one, period_words(one.subscription_period), first_price(one.prices)) for one in await _products(visit)
        ],
        switches=switches,
    )


async def _products(visit: PageRequest) -> list[ProductDetailed]:
    """The products of the plan that the user's account sells."""
    found = []
    for product in (await visit.marketplace.catalogue.plan_products(int(visit.path["id"])))[:PRODUCTS_SHOWN]:
        try:
            found.append(await visit.marketplace.products.get(visit.actor, product.id))
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
    return found


PAGES = (
    Page("/plans", LIST.show),
    Page("/plans/{id}", show),
)
