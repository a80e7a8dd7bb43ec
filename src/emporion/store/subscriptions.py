"""Subscriptions, as they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion import times
from emporion.orders.subscription_shown import as_listed, as_shown
from emporion.store.collections import (
    Collection,
    CollectionStore,
    Column,
    Condition,
    Item,
    between,
    indexed,
    update_item,
)
from emporion.store.database import fetch_row
from emporion.store.events import append, lock_reseller
from emporion.subscriptions import ENDED, KeptSubscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from emporion.events import NewEvent
    from emporion.store.database import Write


def _lines(values: Iterable[str | None]) -> str:
    """Values as a column has them, between line ends."""
    return "".join(f"{value}\n" for value in ["", *sorted({value for value in values if value})])


def _has_line(column: str, value: str) -> Condition:
    """That a column of lines has this value, letter by letter."""
    return Condition(f"replace(r.{column}, ?, '') <> r.{column}", (f"\n{value}\n",))


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
        Column("mpns", lambda kept: _lines(item.mpn for item in kept.items)),
        Column("vendor_ids", lambda kept: _lines(item.vendor_subscription_id for item in kept.items)),
        Column("listed", as_listed),
        Column("shown", as_shown),
    ),
    filters={
        "customer_id": lambda value: [indexed("customer_id", int(value))],
        "status": lambda value: [indexed("status", value)],
        "creation_date_from": lambda value: between("created_on", times.day(value), None),
        "creation_date_to": lambda value: between("created_on", None, times.next_day(value)),
        "renewal_date_from": lambda value: between("renewal_on", times.day(value), None),
        "renewal_date_to": lambda value: between("renewal_on", None, times.next_day(value)),
        "expiration_date_from": lambda value: between("expiration_on", times.day(value), None),
        "expiration_date_to": lambda value: between("expiration_on", None, times.next_day(value)),
        "mpn": lambda value: [_has_line("mpns", value)],
        "vendor_subscription_id": lambda value: [_has_line("vendor_ids", value)],
    },
    listed="listed",
    answered="shown",
    counted="status",
)

_OF_CUSTOMER = f"""
    SELECT reseller_id, id, version, document FROM subscriptions
    WHERE reseller_id = ? AND customer_id = ? AND status NOT IN {ENDED} ORDER BY created_at, id LIMIT ?
"""  # noqa: S608 - put together from what stands here

_SOUGHT_BY_ID = SUBSCRIPTIONS.some("r.id = ?")
_SOUGHT_BY_VENDOR_ID = SUBSCRIPTIONS.some(
    "r.id = v.subscription_id", "JOIN subscription_vendor_ids v ON v.reseller_id = below.id AND v.vendor_id = ?"
)
_OF_RESELLER = "SELECT reseller_id, id, version, document FROM subscriptions WHERE reseller_id = ? AND id = ?"

_WITH_PLAN = """
    SELECT 1 FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
    WHERE t.reseller_id = ? AND EXISTS (
        SELECT 1 FROM subscriptions s WHERE s.plan_id = ? AND s.reseller_id = b.reseller_id
    ) LIMIT 1
"""


class SubscriptionStore(CollectionStore[KeptSubscription]):
    """Subscriptions, as they are kept. Orders write them (`OrderStore.advance`)."""

    async def of_customer(self, reseller_id: int, customer_id: int, limit: int) -> list[Item]:
        """Up to `limit` subscriptions of a customer that have not ended, oldest first."""
        return [Item(*row) for row in await self._database.rows(_OF_CUSTOMER, reseller_id, customer_id, limit)]

    async def any_of_plan(self, root_id: int, plan_id: int) -> bool:
        """Whether an account, or one below it, has ever sold a subscription that is of a plan."""
        return await self._database.point(_WITH_PLAN, root_id, plan_id) is not None

    async def sought(self, root_id: int, text: str, limit: int) -> list[Item]:
        """Subscriptions of a reseller and of all below it with this id, or this one of a vendor: `limit` of each."""
        by_id = await self.some(root_id, _SOUGHT_BY_ID, text, limit=limit)
        return [*by_id, *await self.some(root_id, _SOUGHT_BY_VENDOR_ID, text, limit=limit)]

    async def change(self, item: Item, document: KeptSubscription, events: Sequence[NewEvent]) -> Item | None:
        """What `update` does, with events in the logs of any resellers."""
        return await self._database.write(_change, item, document, events)


def _change(item: Item, document: KeptSubscription, events: Sequence[NewEvent]) -> Write[Item | None]:
    # In one order, so that no two writes wait for each other.
    for reseller_id in sorted({item.reseller_id, *(event.reseller_id for event in events)}):
        yield from lock_reseller(reseller_id)
    changed = yield from update_item(SUBSCRIPTIONS, item, document, None)
    if changed:
        for event in events:
            yield from append(event)
    return changed


def subscription_of(reseller_id: int, id_: str) -> Write[Item | None]:
    """A subscription of a reseller whose row is locked."""
    row = yield from fetch_row(_OF_RESELLER, reseller_id, id_)
    return Item(*row) if row else None
