"""Subscriptions, as they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion import times
from emporion.store.collections import Collection, CollectionStore, Column, Item, between, equals
from emporion.store.database import fetch_row
from emporion.subscriptions import KeptSubscription

if TYPE_CHECKING:
    from emporion.store.database import Write

SUBSCRIPTIONS: Collection[KeptSubscription] = Collection(
    "subscriptions",
    "subscription",
    KeptSubscription,
    columns=(
        Column("customer_id", lambda kept: kept.customer_id),
        Column("plan_id", lambda kept: kept.plan_id),
        Column("status", lambda kept: kept.status),
        Column("created_on", lambda kept: times.day(kept.created)),
        Column("renewal_on", lambda kept: times.day(kept.renewal_date or "")),
        Column("expiration_on", lambda kept: times.day(kept.expiration or "")),
    ),
    filters={
        "customer_id": lambda value: [equals("customer_id", value)],
        "status": lambda value: [equals("status", value)],
        "creation_date_from": lambda value: between("created_on", times.day(value), None),
        "creation_date_to": lambda value: between("created_on", None, times.next_day(value)),
        "renewal_date_from": lambda value: between("renewal_on", times.day(value), None),
        "renewal_date_to": lambda value: between("renewal_on", None, times.next_day(value)),
        "expiration_date_from": lambda value: between("expiration_on", times.day(value), None),
        "expiration_date_to": lambda value: between("expiration_on", None, times.next_day(value)),
    },
)

_OF_RESELLER = "SELECT reseller_id, id, version, document FROM subscriptions WHERE reseller_id = ? AND id = ?"


class SubscriptionStore(CollectionStore[KeptSubscription]):
    """Subscriptions, as they are kept. Orders write them (`OrderStore.advance`)."""


def subscription_of(reseller_id: int, id_: str) -> Write[Item | None]:
    """A subscription of a reseller whose row is locked."""
    row = yield from fetch_row(_OF_RESELLER, reseller_id, id_)
    return Item(*row) if row else None
