"""`emporion subscription`."""

from __future__ import annotations

from emporion.cli.nouns import noun_app
from emporion.orders.subscription_shown import SubscriptionQuery

app = noun_app(
    "subscription",
    "Subscriptions: what customers have bought, and until when. Orders change and end them.",
    query=SubscriptionQuery,
    columns={
        "subscription": lambda one: one["id"],
        "customer": lambda one: one["customerId"],
        "name": lambda one: one["name"],
        "status": lambda one: one["status"],
        "until": lambda one: one.get("expirationDate"),
        "renews": lambda one: one["renewalStatus"],
        "ordered on": lambda one: one["creationDate"],
    },
    page=lambda marketplace: marketplace.subscriptions.page,
    get=lambda marketplace: marketplace.subscriptions.get,
    filters={
        "status": "pending, active, hold, terminated or removed.",
        "customer_id": "Of this customer.",
        "mpn": "With a product that has this manufacturer part number.",
        "vendor_subscription_id": "Called so by its vendor.",
        "expiration_date_to": "Ends, or has ended, on this day (YYYY-MM-DD) or earlier.",
    },
)
