"""Orders: estimated, placed, listed and cancelled (contract: /orders). `order_runner.py` carries them out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import structs

from emporion.accounts.documents import diff
from emporion.accounts.ids import account_number
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.events import NewEvent, Subject
from emporion.marketplace.actors import check_reach
from emporion.marketplace.collections import CollectionService
from emporion.marketplace.customers import ListPage
from emporion.marketplace.estimates import Estimates
from emporion.marketplace.order_planning import OrderPlanner
from emporion.marketplace.order_steps import OrderSteps
from emporion.marketplace.patches import ATTEMPTS, check_expected, too_busy
from emporion.orders import shown
from emporion.orders.kept import KeptOrder
from emporion.orders.new import read_order
from emporion.orders.outlook import after_order
from emporion.orders.queries import OrderUpdate
from emporion.orders.steps import Outcome, cancelled
from emporion.orders.waiting import wait_of
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.store.collections import Item
from emporion.store.orders import ORDERS, NewOrder
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.catalogue.parameters import Parameter
    from emporion.catalogue.plans import Plan
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.order_lines import ProductReader
    from emporion.marketplace.order_planning import PlannedOrder
    from emporion.marketplace.signing_keys import SigningKeys
    from emporion.orders.kept import FulfillmentRequest, KeptOrder
    from emporion.orders.outlook import Outlook
    from emporion.orders.queries import OrderQuery
    from emporion.orders.shown import OrderDetailed
    from emporion.orders.waiting import Wait
    from emporion.store.base import Store
    from emporion.store.idempotency import IdempotentRequest

_orders = msgspec.json.Decoder(list[KeptOrder]).decode


class PreviewedOrder(NamedTuple):
    """An order that was not placed. estimate: what the API answers. after: the subscriptions once it is done."""

    estimate: OrderDetailed
    after: list[Outlook]


class AskedRequest(NamedTuple):
    """What an order asks of a vendor, or of the operator in its place. parameters: what the service gives back."""

    request: FulfillmentRequest
    plan: Plan

    @property
    def parameters(self) -> list[Parameter]:
        return [one for one in self.plan.parameters if one.phase == "fulfillment"]


class WholeOrder(NamedTuple):
    """An order with all that people want to know of it. order: as the actor sees it, with its products and details.
    currency: of its amounts. wait: what it waits for, if anything. can_cancel: whether it can still be cancelled."""

    item: Item
    order: OrderDetailed
    currency: str
    wait: Wait | None
    requests: list[AskedRequest]
    can_cancel: bool


class Orders:
    """The orders of all resellers, for an actor who reaches some of them. clock: seconds since 1970.

    What is given to a door has as its document the order as the actor's level of the chain sees it.
    """

    def __init__(
        self,
        store: Store,
        catalogue: ProductReader,
        signing_keys: SigningKeys,
        clock: Callable[[], float],
        statement_day: int = 1,
    ) -> None:
        self._store = store
        self._clock = clock
        self._steps = OrderSteps(store, catalogue, clock)
        self._planner = OrderPlanner(store, catalogue, self._steps, clock, statement_day)
        self._estimates = Estimates(signing_keys, clock)
        self._service = CollectionService(store.orders, ORDERS, clock)

    async def estimate(self, actor: Actor, body: dict[str, Any]) -> bytes:
        """What an order would cost. Nothing is stored. Raises Problem as `place` does."""
        request, faults = read_order(body)
        planned = await self._planner.plan(actor, request, faults)
        estimate_id = await self._estimates.id_of(actor, request, planned)
        return shown.encode(shown.estimated(planned.order, planned.level, estimate_id))

    async def preview(self, actor: Actor, body: dict[str, Any]) -> PreviewedOrder:
        """What `estimate` answers, and what comes after it. Raises Problem as `place` does."""
        request, faults = read_order(body)
        planned = await self._planner.plan(actor, request, faults)
        order, level = planned.order, planned.level
        estimate_id = await self._estimates.id_of(actor, request, planned)
        after = after_order(order, planned.plans, planned.subscription, planned.paid, level)
        return PreviewedOrder(shown.estimated(order, level, estimate_id), after)

    async def place(
        self,
        actor: Actor,
        body: dict[str, Any],
        once: IdempotentRequest | None = None,
        expected: Collection[int] | None = None,
    ) -> Item:
        """Place an order; it is carried out soon after.

        once: what makes it be done once. expected: the versions in one of which the subscription must be that it
        changes, if not any. Raises Problem (INVALID) with every fault, (NOT_FOUND) for an unknown customer or
        subscription, (CONFLICT) for what is in the way, (PRECONDITION_FAILED), and AccessDenied (FORBIDDEN) for a
        reader.
        """
        actor.must_be("editor")
        request, faults = read_order(body)
        if once and (kept := await self._store.idempotency.get(actor.account_id, once)):
            seller = ORDERS.decode(kept.document).chain[-1]
            return self._seen(actor, Item(seller, kept.subject_id, 1, kept.document, replayed=True))
        promised, check = None, None
        if request.estimate_id and not faults:
            promised, check = await self._estimates.promised(actor, request)
        for _ in range(ATTEMPTS):
            planned = await self._planner.plan(actor, request, faults, expected, promised)
            if check:
                check(planned)
            if item := await self._store.orders.place(self._new(actor, planned, once)):
                return self._seen(actor, item)
        raise too_busy("order")

    def _new(self, actor: Actor, planned: PlannedOrder, once: IdempotentRequest | None) -> NewOrder:
        seller_id, at, origin = planned.order.chain[-1], planned.order.created_at, actor.origin()

        def event(order: KeptOrder) -> NewEvent:
            changes = diff({}, shown.in_events(order))
            subject = Subject("order", order.id)
            return NewEvent(
                seller_id, order.customer_id, "order.created", at, origin, changes, f"order {order.id}", subject
            )

        return NewOrder(seller_id, planned.order, event, planned.touches, once, actor.account_id)

    async def get(self, actor: Actor, order_id: str) -> Item:
        """The order. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        item = await self._store.orders.answer(actor.account_id, order_id)
        if not item:
            raise _unknown(order_id)
        return item if item.reseller_id == actor.account_id else self._seen(actor, item)

    async def whole(self, actor: Actor, order_id: str) -> WholeOrder:
        """The order with what it waits for. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        item = await self._service.get(actor, order_id)
        situation = await self._steps.situation(item)
        order, plans = situation.order, situation.plans
        return WholeOrder(
            item,
            shown.detailed(order, order.chain.index(actor.account_id), whole=True),
            order.currency,
            wait_of(order, situation.subscriptions, situation.customer_status, plans),
            [AskedRequest(request, plans[request.plan_id]) for request in order.requests],
            _is_open(order),
        )

    async def page(self, actor: Actor, query: OrderQuery, *, whole: bool, reseller_id: str | None = None) -> ListPage:
        """The orders of a reseller and of all below it, newest first.

        whole: rows of contract version 1.15. reseller_id: the actor's own account if left out. Raises Problem
        (NOT_FOUND) if the actor reaches no such reseller or customer.
        """
        root = actor.account_id
        if reseller_id is not None:
            number = account_number(reseller_id)
            root = -1 if number is None else number
            await check_reach(self._store.resellers, actor, root)
        if query.customer_id is not None:
            buyer = await self._planner.customer(actor, query.customer_id)
            is_there = buyer and (
                buyer.reseller_id == root or await self._store.resellers.is_within(buyer.reseller_id, root)
            )
            if not buyer or not is_there:
                raise not_found(f"there is no customer {query.customer_id}")
            root = buyer.reseller_id
        conditions, limit = ORDERS.conditions(query), min(query.limit, LARGEST_PAGE)
        column = "listed"
        if whole:
            is_own = root == actor.account_id and not await self._store.resellers.has_children(root)
            column = "listed_whole" if is_own else "document"
        listing = await self._store.orders.page(root, conditions, query.offset, limit, column=column)
        data = listing.data
        if column == "document":
            data = shown.encode([shown.row(order, order.chain.index(actor.account_id)) for order in _orders(data)])
        return ListPage(msgspec.Raw(data), Pagination(query.offset, limit, listing.total))

    async def update(
        self, actor: Actor, order_id: str, body: dict[str, Any], expected: Collection[int] | None = None
    ) -> Item:
        """Cancel an order, or let it pass without a check of credit (1.6); what it is afterwards.

        Raises Problem (INVALID) with every fault, (NOT_FOUND) if the actor reaches no such one, (PRECONDITION_FAILED),
        (CONFLICT) if it is too late, and AccessDenied (FORBIDDEN) for a reader.
        """
        actor.must_be("editor")
        update, faults = read(OrderUpdate, body)
        if faults:
            raise_invalid(faults)
        for _ in range(ATTEMPTS):
            item = await self._service.get(actor, order_id)
            check_expected(item.version, expected, "order")
            order = ORDERS.decode(item.document)
            if update.status_code is None and update.credit_check in (None, order.credit_check):
                return self._seen(actor, item)
            _check_can_change(order)
            if changed := await self._changed(actor, item, update):
                return self._seen(actor, changed)
        raise too_busy("order")

    async def _changed(self, actor: Actor, item: Item, update: OrderUpdate) -> Item | None:
        """The order after a change; None where a worker was faster."""
        situation = await self._steps.situation(item)
        order = situation.order
        if update.credit_check is not None:
            order = structs.replace(order, credit_check=update.credit_check)
        outcome = Outcome(order)
        if update.status_code is not None:
            outcome = cancelled(order, situation.subscriptions, None, self._steps.now())
        return await self._steps.write(situation, 0, lambda _: outcome, actor.origin(), in_status=False)

    def _seen(self, actor: Actor, item: Item) -> Item:
        """The item with the order as the actor sees it."""
        order = ORDERS.decode(item.document)
        level = order.chain.index(actor.account_id)
        return structs.replace(item, document=shown.encode(shown.detailed(order, level)))


def _check_can_change(order: KeptOrder) -> None:
    """Raise Problem (CONFLICT) for an order that is finished, or of which something is provided already."""
    if order.status in ("completed", "cancelled"):
        raise _conflict(f"is {order.status}: it cannot be changed any more")
    if not _is_open(order):
        raise _conflict("is being provided, and a part of it is provided already: wait until it is completed")


def _is_open(order: KeptOrder) -> bool:
    """Whether an order can still be cancelled."""
    if order.status == "processing":
        return all(request.status != "approved" for request in order.requests)
    return order.status not in ("completed", "cancelled")


def _conflict(message: str) -> Problem:
    return Problem(Code.CONFLICT, f"The order {message}.", [Fault("statusCode", message)])


def _unknown(order_id: str) -> Problem:
    return not_found(f"there is no order {order_id[:64]}")
