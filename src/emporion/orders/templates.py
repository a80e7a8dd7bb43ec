"""What a service that is provided by itself gives back: the values of its parameters, by their templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emporion.catalogue.parameters import ParameterValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.catalogue.parameters import Parameter
    from emporion.orders.kept import KeptOrder
    from emporion.subscriptions import KeptSubscription

# What may stand in braces; besides, `parameter.NAME` for a parameter that the buyer has given.
TEMPLATE_NAMES = ("subscription.id", "customer.id", "reseller.id", "order.id", "order.number", "plan.id")
_PLACE = re.compile(r"\{([^{}]+)\}")


def provided(
    parameters: Sequence[Parameter], order: KeptOrder, subscription: KeptSubscription
) -> tuple[list[ParameterValue], str | None]:
    """The values that a service gives back for a subscription, and what the vendor calls that."""
    values = dict(
        zip(
            TEMPLATE_NAMES,
            (
                subscription.id,
                str(order.customer_id),
                str(order.chain[-1]),
                order.id,
                order.order_number,
                str(subscription.plan_id),
            ),
            strict=True,
        )
    )
    values |= {f"parameter.{given.name}": given.value for given in subscription.order_parameters}
    given = [
        ParameterValue(parameter.name, _filled(parameter.template, values))
        for parameter in parameters
        if parameter.phase == "fulfillment" and parameter.template is not None
    ]
    names = {parameter.name for parameter in parameters if parameter.reconciliation}
    return given, next((one.value for one in given if one.name in names), None)


def _filled(template: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda found: values.get(found[1], ""), template)
