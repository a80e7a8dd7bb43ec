"""What an order costs on a day: what it would come to if its vendors approved it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from emporion.orders.completion import completed
from emporion.orders.steps import Moment, begun, new_subscriptions, touched

if TYPE_CHECKING:
    from datetime import date

    from emporion.catalogue.plans import Plan
    from emporion.orders.kept import Charge, KeptOrder
    from emporion.subscriptions import KeptSubscription


def cost_of(
    order: KeptOrder, subscription: KeptSubscription | None, plans: Mapping[int, Plan], day: date
) -> list[list[Charge]]:
    """What an order costs if it is completed on a day, for each link of its chain.

    It is computed as its completion is, so an estimate and the order agree. subscription: the one that it is about, as
    it is before. plans: those of its lines and of the subscription.
    """
    subscriptions = {subscription.id: subscription} if subscription else {}
    ids = [f"new-{number}" for number in range(new_subscriptions(order))]
    outcome = begun(order, subscriptions, plans, ids, Moment(order.created_at, day))
    current = {**subscriptions, **outcome.subscriptions}
    return completed(outcome.order, {id_: current[id_] for id_ in touched(outcome.order)}, plans, day).charges
