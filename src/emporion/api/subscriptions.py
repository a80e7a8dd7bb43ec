"""GET /subscriptions, GET and PATCH /subscriptions/{id}, POST /subscriptions/{id}/specialPricing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emporion.api.collections import Noun, get_operation, list_operation, update_operation
from emporion.api.operations import Answer, Call, Operation
from emporion.errors import Code, Fault, Problem, not_found
from emporion.orders.subscription_changes import SubscriptionUpdate, SubscriptionUpdateSpecialPricing
from emporion.orders.subscription_shown import SubscriptionDetailed, SubscriptionPage, SubscriptionQuery

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor


def _eur(amount: str) -> dict[str, str]:
    return {"currency": "EUR", "amount": amount}


ROW: dict[str, Any] = {
    "id": "1000177",
    "name": "Acme Mail",
    "customerId": "1000001",
    "status": "active",
    "attributes": {"PONumber": "T-17"},
    "renewalStatus": True,
    "creationDate": "2026-09-18",
    "renewalDate": "2027-09-17",
    "lastModifiedDate": "2026-09-28",
    "expirationDate": "2027-09-18",
    "billingModel": "chargeBeforeBillingPeriod",
    "billingPeriod": {"type": "month", "duration": 1},
    "subscriptionPeriod": {"type": "year", "duration": 1},
}
EXAMPLE: dict[str, Any] = {
    **ROW,
    "totalPrice": _eur("67.5"),
    "totalSubscriptionPrice": _eur("810"),
    "totalSubscriptionCost": _eur("702"),
    "products": [
        {
            "mpn": "ACME-MAIL-STD",
            "vendor": "acme",
            "id": "1000301",
            "quantity": 15,
            "name": "Acme Mail Standard",
            "unitPrice": _eur("4.5"),
            "unitCost": _eur("3.9"),
            "extendedPrice": _eur("67.5"),
            "vendorSubscriptionId": "acme-77f2",
            "totalSubscriptionPrice": _eur("810"),
            "totalSubscriptionCost": _eur("702"),
        }
    ],
    "orderParameters": [{"name": "domain", "value": "example.com"}],
    "fulfillmentParameters": [{"name": "tenant", "value": "t-5521"}],
    "planId": 10005,
}
SUBSCRIPTION = Noun("/subscriptions", "Subscription Management", "subscription", SubscriptionDetailed, EXAMPLE)
_PRICES = {"products": [{"mpn": "ACME-MAIL-STD", "unitPrice": _eur("4.2")}]}
_STATUS_FAULT = Fault("status", "must be active, hold, pending, removed or terminated")
QUANTITY_FAULT = Fault("products[0].quantity", "is not changed here: place an order of type change (POST /orders)")
CURRENCY_FAULT = Fault("products[0].unitPrice.currency", "must be EUR, that of the subscription")
_ENDED = Problem(Code.CONFLICT, "The subscription 1000177 is terminated since 2026-10-02; it cannot change.")


def _invalid(fault: Fault) -> Problem:
    return Problem(Code.INVALID, f"{fault.field} {fault.message}", [fault])


async def update_special_pricing(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The subscription with its new prices."""
    item = await marketplace.subscriptions.set_prices(actor, call.path["id"], call.body)
    return Answer(item.document, item.version)


OPERATIONS = (
    list_operation(
        SUBSCRIPTION,
        "getSubscriptions",
        "Retrieve a list of subscriptions",
        "The subscriptions of your account and of all resellers below it, newest first, whatever their status. Filters "
        "combine with and.",
        lambda marketplace: marketplace.subscriptions.page,
        query=SubscriptionQuery,
        answer=SubscriptionPage,
        invalid=_invalid(_STATUS_FAULT),
        row=ROW,
        unknown=not_found("there is no customer 1000001"),
    ),
    get_operation(
        SUBSCRIPTION,
        "getSubscription",
        "Get full details of a specific subscription",
        "The whole subscription. Its amounts are those of your account: prices are what you take, costs what you pay.",
        lambda marketplace: marketplace.subscriptions.get,
    ),
    update_operation(
        SUBSCRIPTION,
        "updateSubscription",
        "Update some of the subscription details",
        "A JSON Merge Patch (RFC 7396): `attributes` merge, `renewalStatus` says whether it renews by itself, "
        "`products` set prices as `specialPricing` does. Quantities are changed, and subscriptions ended, by orders.",
        lambda marketplace: marketplace.subscriptions.update,
        body=SubscriptionUpdate,
        request_example={"attributes": {"costCentre": "17"}, "renewalStatus": False},
        answer_example={
            **EXAMPLE,
            "attributes": {"PONumber": "T-17", "costCentre": "17"},
            "renewalStatus": False,
        },
        invalid=_invalid(QUANTITY_FAULT),
        conflict=_ENDED,
    ),
    Operation(
        "POST",
        "/subscriptions/{id}/specialPricing",
        "updateSubscriptionSpecialPricing",
        SUBSCRIPTION.tag,
        "Update subscription pricing details",
        "Sets prices of products for the rest of the subscription's life, from its next renewal on; a switch of its "
        "plan or period, which brings the prices of its target, ends them. Until they count, `nextUnitPrice` and "
        "`nextUnitCost` tell them. `unitPrice` "
        "is what you take, `unitCost` what the seller pays (the account right above it sets that), `unitProviderCost` "
        "what the provider pays (the provider sets that).",
        update_special_pricing,
        body=SubscriptionUpdateSpecialPricing,
        request_example=_PRICES,
        answer=SubscriptionDetailed,
        answer_example=EXAMPLE,
        errors=(Code.NOT_FOUND, Code.CONFLICT),
        error_examples={
            Code.INVALID: _invalid(CURRENCY_FAULT),
            Code.NOT_FOUND: SUBSCRIPTION.unknown,
            Code.CONFLICT: _ENDED,
        },
    ),
)
