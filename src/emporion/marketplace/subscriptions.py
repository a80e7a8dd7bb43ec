"""Subscriptions: found, listed and changed by those who may (contract: GET and PATCH /subscriptions, specialPricing).

Orders make them, and change what they have (`order_steps.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET, structs

from emporion.accounts.documents import NEVER_SHOWN
from emporion.accounts.ids import PROVIDER_ID, account_number
from emporion.errors import AccessDenied, Code, Fault, Problem, not_found, raise_invalid
from emporion.events import Changes, NewEvent
from emporion.marketplace.collections import CollectionService
from emporion.marketplace.order_steps import subscription_event
from emporion.marketplace.patches import ATTEMPTS, check_expected, too_busy
from emporion.orders.outlook import outlook
from emporion.orders.subscription_changes import (
    ELSEWHERE,
    PriceChange,
    SubscriptionProductUpdate,
    SubscriptionUpdate,
    SubscriptionUpdateSpecialPricing,
    WholeAttributes,
    price_changes,
    told_rate,
    wanted_rate,
    with_rate,
)
from emporion.orders.subscription_shown import shown_subscription
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import ENDED
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import Customers, ListPage
    from emporion.orders.outlook import Outlook
    from emporion.orders.subscription_shown import SubscriptionDetailed, SubscriptionQuery
    from emporion.store.base import Store
    from emporion.store.collections import Item
    from emporion.subscriptions import KeptSubscription

NO_NULL = "cannot be cleared: it is true or false"


class PricesSet(NamedTuple):
    """A subscription with new prices. changes: what its own log tells. own: what that of the account tells that has set
    them, where that is another one."""

    subscription: KeptSubscription
    changes: Changes
    own: Changes


class WholeSubscription(NamedTuple):
    """A subscription with all that people want to know of it. subscription: as the actor sees it. outlook: what it
    costs from today on. unfinished: the number of the order that must be finished before another one."""

    item: Item
    subscription: SubscriptionDetailed
    outlook: Outlook
    unfinished: str | None


class Subscriptions:
    """The subscriptions of all resellers, for an actor who reaches some of them. clock: seconds since 1970."""

    def __init__(self, store: Store, customers: Customers, clock: Callable[[], float]) -> None:
        self._store = store
        self._customers = customers
        self._clock = clock
        self._service = CollectionService(store.subscriptions, SUBSCRIPTIONS, clock)

    async def get(self, actor: Actor, subscription_id: str) -> Item:
        """A subscription with the amounts of the actor's level. Raises Problem (NOT_FOUND) if it reaches none."""
        item = await self._store.subscriptions.answer(actor.account_id, subscription_id)
        if not item:
            raise not_found(f"there is no subscription {subscription_id}")
        # Its own reseller is answered what is kept for it.
        return item if item.reseller_id == actor.account_id else _shown(actor, item)

    async def whole(self, actor: Actor, subscription_id: str) -> WholeSubscription:
        """A subscription with what it costs. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        item = await self._service.get(actor, subscription_id)
        kept = SUBSCRIPTIONS.decode(item.document)
        level, today = kept.chain.index(actor.account_id), date.fromisoformat(self._today())
        return WholeSubscription(
            item, shown_subscription(kept, level), outlook(kept, today, level), kept.unfinished_order
        )

    async def page(self, actor: Actor, query: SubscriptionQuery) -> ListPage:
        """The subscriptions of the actor's account and of all below it, newest first.

        Raises Problem (NOT_FOUND) if the query names a customer or a reseller that the actor does not reach.
        """
        if query.reseller_id is not None:
            number = account_number(query.reseller_id)
            if number is None or not await self._store.resellers.is_within(number, actor.account_id):
                raise not_found("there is no such reseller")
            actor = structs.replace(actor, account_id=number)
        if query.customer_id is not None:
            owner, customer = await self._customers.owner(actor, query.customer_id)
            actor = structs.replace(actor, account_id=owner)
            query = structs.replace(query, customer_id=str(customer))
        return await self._service.page(actor, query)

    async def update(
        self, actor: Actor, subscription_id: str, body: dict[str, Any], expected: Collection[int] | None = None
    ) -> Item:
        """Change attributes, whether it renews, and prices; what it is afterwards.

        Raises Problem (NOT_FOUND), (INVALID) with every fault, (CONFLICT) if it has ended, (PRECONDITION_FAILED) if it
        is in none of the versions `expected`, and AccessDenied (FORBIDDEN) for a reader, and for a price that another
        account sets.
        """
        actor.must_be("editor")
        wanted, faults = read(SubscriptionUpdate, body)
        faults = [*_elsewhere(body), *faults]
        if "renewalStatus" in body and body["renewalStatus"] is None:
            faults.append(Fault("renewalStatus", NO_NULL))
        if faults:
            raise_invalid(faults)

        def change(kept: KeptSubscription) -> PricesSet:
            done = self._with_prices(actor, kept, wanted.products or [])
            after = done.subscription
            if wanted.renewal_status is not UNSET:
                after = structs.replace(after, renews=wanted.renewal_status)
            if "attributes" in body:
                after = structs.replace(after, attributes=_merged(kept.attributes, body["attributes"]))
            return done._replace(subscription=after)

        return await self._change(actor, subscription_id, change, expected)

    async def set_prices(self, actor: Actor, subscription_id: str, body: dict[str, Any]) -> Item:
        """Set prices of products, which count from the next billing period on. Raises as `update` does."""
        actor.must_be("editor")
        wanted, faults = read(SubscriptionUpdateSpecialPricing, body)
        if faults:
            raise_invalid(faults)
        return await self._change(
            actor, subscription_id, lambda kept: self._with_prices(actor, kept, wanted.products), None
        )

    async def _change(
        self,
        actor: Actor,
        subscription_id: str,
        change: Callable[[KeptSubscription], PricesSet],
        expected: Collection[int] | None,
    ) -> Item:
        for _ in range(ATTEMPTS):
            item = await self._service.get(actor, subscription_id)
            check_expected(item.version, expected, "subscription")
            kept = SUBSCRIPTIONS.decode(item.document)
            if kept.status in ENDED:
                raise Problem(
                    Code.CONFLICT, f"The subscription {kept.id} is {kept.status} since {kept.ended}; it cannot change."
                )
            done = change(kept)
            if done.subscription == kept:
                return _shown(actor, item)
            after = structs.replace(done.subscription, last_modified=self._today())
            events = self._events(actor, kept, after, done)
            if changed := await self._store.subscriptions.change(item, after, events):
                return _shown(actor, changed)
        raise too_busy("subscription")

    def _events(
        self, actor: Actor, before: KeptSubscription, after: KeptSubscription, done: PricesSet
    ) -> list[NewEvent]:  # fmt: skip
        """What the logs tell of a change: that of its reseller, and that of the account which has set prices."""
        at = int(self._clock() * 1000)
        event = subscription_event(before, after, at, actor.origin(), None, done.changes)
        events = [event] if event else []
        if done.own and actor.account_id != after.chain[-1]:
            own, about = actor.account_id, f"subscription {after.id}"
            events.append(NewEvent(own, own, "subscription.updated", at, actor.origin(), done.own, about))
        return events

    def _with_prices(
        self, actor: Actor, kept: KeptSubscription, updates: list[SubscriptionProductUpdate]
    ) -> PricesSet:  # fmt: skip
        """The subscription with new prices. Raises Problem (INVALID) and AccessDenied (FORBIDDEN)."""
        wanted, faults = price_changes(kept, updates)
        links = {one.at: _link(actor, kept, one) for one in wanted}
        if faults:
            raise_invalid(faults)
        changes: Changes = {}
        own: Changes = {}
        items = {item.product_id: item for item in kept.items}
        for one in wanted:
            link, before = links[one.at], items[one.item.product_id]
            old = (before.next_rates or before.rates)[link].recurring
            new = wanted_rate(one.wanted, old)
            if new == old:
                continue
            items[before.product_id] = with_rate(before, link, new)
            told = f"products.{before.mpn}.{_member(kept, link)}"
            own[f"products.{before.mpn}.{one.member}"] = (told_rate(old), told_rate(new))
            is_seen = link >= len(kept.chain) - 1 or len(kept.chain) == 1
            changes[told] = (told_rate(old), told_rate(new)) if is_seen else (NEVER_SHOWN, NEVER_SHOWN)
        return PricesSet(structs.replace(kept, items=list(items.values())), changes, own)

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()


def _shown(actor: Actor, item: Item) -> Item:
    """An item with its document as the actor sees it."""
    kept = SUBSCRIPTIONS.decode(item.document)
    shown = shown_subscription(kept, kept.chain.index(actor.account_id))
    return structs.replace(item, document=msgspec.json.encode(shown))


def _elsewhere(body: dict[str, Any]) -> list[Fault]:
    """What a client wants of a subscription that an order does."""
    faults = [
        Fault(name, f"is not changed here: {where}") for name, where in ELSEWHERE.items() if body.get(name) is not None
    ]
    products = body.get("products")
    for position, product in enumerate(products if isinstance(products, list) else []):
        if isinstance(product, dict) and product.get("quantity") is not None:
            faults.append(Fault(f"products[{position}].quantity", f"is not changed here: {ELSEWHERE['quantity']}"))
    return faults


def _merged(before: dict[str, str], patch: dict[str, Any] | None) -> dict[str, str]:
    """Attributes after a patch. Raises Problem (INVALID)."""
    merged = {name: value for name, value in {**before, **(patch or {})}.items() if value is not None}
    wanted, faults = read(WholeAttributes, {"attributes": merged if patch is not None else {}})
    if faults:
        raise_invalid(faults)
    return wanted.attributes or {}


def _member(kept: KeptSubscription, link: int) -> str:
    """What the subscription's reseller calls the price of a link."""
    if link == len(kept.chain):
        return "unitPrice"
    return "unitCost" if link and link == len(kept.chain) - 1 else "unitProviderCost"


def _link(actor: Actor, kept: KeptSubscription, change: PriceChange) -> int:
    """The link of the chain whose price the actor sets. Raises AccessDenied (FORBIDDEN) if it is another's to set.

    unitPrice: what the actor takes. unitCost: what the seller pays, which the account above it takes. unitProviderCost:
    what the provider pays.
    """
    level, seller = kept.chain.index(actor.account_id), len(kept.chain) - 1
    if change.member == "unitPrice":
        return level + 1
    if change.member == "unitCost" and level == seller - 1:
        return seller
    if change.member == "unitProviderCost" and actor.account_id == PROVIDER_ID:
        return 0
    sets = "the provider sets it" if change.member == "unitProviderCost" else _parent(kept, level, seller)
    raise AccessDenied(Code.FORBIDDEN, f"{change.at} is not yours to set: {sets}.", actor.account_id, actor.user)


def _parent(kept: KeptSubscription, level: int, seller: int) -> str:
    if level == seller:
        return "the account above yours sets it" if seller else "you have none but unitProviderCost"
    return f"the account right above {kept.chain[seller]} sets it"
