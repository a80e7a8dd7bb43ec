"""What a customer has bought, for its own administrators: its subscriptions and orders, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from emporion.errors import not_found
from emporion.orders.bought import BoughtOrder, BoughtSubscription, bought_order, bought_subscription
from emporion.orders.kept import KeptOrder
from emporion.orders.queries import OrderQuery
from emporion.orders.subscription_shown import SubscriptionQuery
from emporion.orders.waiting import wait_of
from emporion.store.orders import ORDERS
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import KeptSubscription

if TYPE_CHECKING:
    from emporion.marketplace.order_steps import OrderSteps, PlanReader
    from emporion.orders.waiting import Turn
    from emporion.store.administrators import Administrator
    from emporion.store.base import Store

T = TypeVar("T")

_orders = msgspec.json.Decoder(list[KeptOrder]).decode
_subscriptions = msgspec.json.Decoder(list[KeptSubscription]).decode


class PurchasePage(NamedTuple, Generic[T]):
    """A page of a list, newest first. total: of the whole list."""

    rows: list[T]
    total: int


class FollowedOrder(NamedTuple):
    """An order with whose turn it is, None where it is finished."""

    order: BoughtOrder
    turn: Turn | None


class Purchases:
    """The subscriptions and orders of customers. Another customer's is not there, as if there were none."""

    def __init__(self, store: Store, plans: PlanReader, steps: OrderSteps) -> None:
        self._store = store
        self._plans = plans
        self._steps = steps

    async def subscriptions(self, owner: Administrator, offset: int, limit: int) -> PurchasePage[BoughtSubscription]:
        """A page of the subscriptions of an administrator's customer."""
        conditions = SUBSCRIPTIONS.conditions(SubscriptionQuery(customer_id=str(owner.customer_id)))
        listing = await self._store.subscriptions.page(owner.reseller_id, conditions, offset, limit, whole=True)
        return PurchasePage([bought_subscription(kept) for kept in _subscriptions(listing.data)], listing.total)

    async def subscription(self, owner: Administrator, id_: str) -> BoughtSubscription:
        """A subscription of an administrator's customer. Raises Problem (NOT_FOUND) if it has no such one."""
        item = await self._store.subscriptions.get(owner.reseller_id, id_)
        kept = SUBSCRIPTIONS.decode(item.document) if item else None
        if not kept or kept.customer_id != owner.customer_id:
            raise not_found(f"there is no subscription {id_[:64]}")
        return bought_subscription(kept, await self._plans.plan(kept.plan_id))

    async def orders(
        self, owner: Administrator, offset: int, limit: int, subscription_id: str | None = None
    ) -> PurchasePage[BoughtOrder]:
        """A page of the orders of an administrator's customer. subscription_id: only those that touched this one."""
        query = OrderQuery(customer_id=str(owner.customer_id), subscription_id=subscription_id)
        conditions = ORDERS.conditions(query)
        listing = await self._store.orders.page(owner.reseller_id, conditions, offset, limit, whole=True)
        return PurchasePage([bought_order(order) for order in _orders(listing.data)], listing.total)

    async def order(self, owner: Administrator, id_: str) -> FollowedOrder:
        """An order of an administrator's customer. Raises Problem (NOT_FOUND) if it has no such one."""
        item = await self._store.orders.get(owner.reseller_id, id_)
        if not item or ORDERS.decode(item.document).customer_id != owner.customer_id:
            raise not_found(f"there is no order {id_[:64]}")
        situation = await self._steps.situation(item)
        order = situation.order
        wait = wait_of(order, situation.subscriptions, situation.customer_status, situation.plans)
        return FollowedOrder(bought_order(order), wait.turn if wait else None)
