"""GET /plans, GET /plans/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emporion.api.auth import unknown_version
from emporion.api.collections import Noun, list_operation
from emporion.api.operations import Answer, Call, Operation
from emporion.catalogue.shown import PlanQuery, ServicePlan, ServicePlanDetailed, ServicePlanPage
from emporion.errors import Code, Fault, Problem

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

_YEAR = {"type": "year", "duration": 1}
EXAMPLE: dict[str, Any] = {
    "id": "1000305",
    "name": "Acme Mail",
    "shortDescription": "Mail for teams",
    "longDescription": "Mail, calendars and contacts.",
    "published": True,
    "subscriptionPeriods": [{**_YEAR, "trial": False, "active": True}],
    "billingPeriod": {"type": "month", "duration": 1},
    "billingModel": "chargeBeforeBillingPeriod",
}
PLAN = Noun("/plans", "Service Plan Management", "plan", ServicePlan, EXAMPLE)
WRONG = Problem(Code.INVALID, "limit must be at least 1", [Fault("limit", "must be at least 1")])


async def get_service_plan_by_id(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The plan."""
    return Answer(await marketplace.products.plan_answer(actor, call.path["id"]))


OPERATIONS = (
    list_operation(
        PLAN,
        "getServicePlans",
        "Get a list of service plans",
        "The plans that your account sells, newest first: what is published, delegated to it, and has prices in "
        "its currency.",
        lambda marketplace: marketplace.products.plans,
        query=PlanQuery,
        answer=ServicePlanPage,
        invalid=WRONG,
    ),
    Operation(
        "GET",
        "/plans/{id}",
        "getServicePlanById",
        PLAN.tag,
        "Get a specific service plan",
        "The plan, with the ways to other plans and periods: one that your account sells, or of which it has, itself "
        "or below it, a subscription.",
        get_service_plan_by_id,
        answer=ServicePlanDetailed,
        answer_example={
            **EXAMPLE,
            "planSwitches": [
                {
                    "planId": 1000306,
                    "subscriptionPeriod": _YEAR,
                    "billingPolicy": "prorate_keeping_exp_date",
                    "whenEffective": "immediately",
                    "sourceSubscriptionPeriod": _YEAR,
                }
            ],
        },
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version(), Code.NOT_FOUND: PLAN.unknown},
    ),
)
