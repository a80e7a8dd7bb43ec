"""What an order waits for, and who can let it go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from emporion.accounts.statuses import Status
    from emporion.catalogue.plans import Plan
    from emporion.orders.kept import KeptOrder
    from emporion.subscriptions import KeptSubscription

# Which orders go on for a customer on credit hold: they buy nothing new, or keep what there is.
ON_CREDIT_HOLD = ("renewal", "cancellation")
Hold = Literal["adminHold", "creditHold", "verification", "notVerified", "subscription"]
# Whose turn it is.
Turn = Literal["customer", "operator", "platform", "seller", "subscription"]

_HOLDS: dict[Hold, tuple[Turn, str]] = {
    "adminHold": ("customer", "It waits for the operator to release its customer, who is on adminHold."),
    "creditHold": ("customer", "It waits for its customer, who is on creditHold: a balance is unpaid."),
    "verification": ("customer", "It waits for its customer's verification."),
    "notVerified": ("customer", "It waits for its customer, whose verification failed, to be verified again."),
    "subscription": ("subscription", "It waits for its subscription, which is on hold, to be active again."),
}


class Wait(NamedTuple):
    """What an order waits for. turn: of the customer's, the subscription's, the operator (to do it by hand), the
    seller (to try again or give up) or the platform itself. told: a sentence for people."""

    turn: Turn
    told: str


def hold_of(order: KeptOrder, subscriptions: Mapping[str, KeptSubscription], status: Status | None) -> Hold | None:
    """What keeps an order from being moved on: its customer, who has a status, or its subscription; None if nothing."""
    if status == "adminHold":
        return "adminHold"
    if order.type == "change" and any(one.status == "hold" for one in subscriptions.values()):
        return "subscription"
    if order.status == "processing":
        return None
    if status == "pending":
        return "verification"
    if status == "error":
        return "notVerified"
    return "creditHold" if status == "creditHold" and order.type not in ON_CREDIT_HOLD else None


def wait_of(
    order: KeptOrder,
    subscriptions: Mapping[str, KeptSubscription],
    status: Status | None,
    plans: Mapping[int, Plan],
) -> Wait | None:
    """What an order waits for; None where it is finished."""
    if order.status in ("completed", "cancelled"):
        return None
    if order.status == "error":
        return Wait("seller", "It has failed, and waits to be tried again, or cancelled.")
    if hold := hold_of(order, subscriptions, status):
        return Wait(*_HOLDS[hold])
    by_hand = [
        plans[one.plan_id].name
        for one in order.requests
        if one.status == "pending" and plans[one.plan_id].fulfillment == "manual"
    ]
    if by_hand and order.due is None:
        return Wait("operator", f"It waits for the operator, who provides {', '.join(by_hand)} by hand.")
    return Wait("platform", "The platform is at it, mostly within seconds.")
