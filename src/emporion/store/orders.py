"""Orders, as they are kept, with the subscriptions and charges that come of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from emporion import times
from emporion.errors import Code, Problem
from emporion.events import Subject
from emporion.orders import shown
from emporion.orders.kept import PREFIXES, UNFINISHED, KeptOrder
from emporion.store.accounts import take_ids
from emporion.store.collections import (
    Collection,
    CollectionStore,
    Column,
    Condition,
    Item,
    add_all_locked,
    add_locked,
    between,
    equals,
    indexed,
    update_item,
)
from emporion.store.database import execute, execute_many, fetch, fetch_row
from emporion.store.events import append, lock_reseller
from emporion.store.idempotency import keep_answer, kept_answer
from emporion.store.order_steps import ChargeRow, OrderStep, are_as_they_were, write_charges
from emporion.store.subscriptions import SUBSCRIPTIONS, subscription_of
from emporion.subscriptions import KeptSubscription

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.orders.kept import OrderType
    from emporion.store.database import Row, Write
    from emporion.store.idempotency import IdempotentRequest

ORDERS: Collection[KeptOrder] = Collection(
    "orders",
    "order",
    KeptOrder,
    columns=(
        Column("customer_id", lambda kept: kept.customer_id),
        Column("order_number", lambda kept: kept.order_number),
        Column("type", lambda kept: kept.type),
        Column("status", lambda kept: kept.status),
        Column("status_code", lambda kept: kept.status_code),
        Column("po_number", lambda kept: kept.po_number),
        Column("listed", lambda kept: shown.encode(shown.summary(kept))),
        Column("listed_whole", lambda kept: shown.encode(shown.row(kept, shown.seller_level(kept)))),
        Column("shown", lambda kept: shown.encode(shown.detailed(kept, shown.seller_level(kept)))),
    ),
    filters={
        "customer_id": lambda value: [indexed("customer_id", int(value))],
        "subscription_id": lambda value: [
            Condition(
                "r.id IN (SELECT s.order_id FROM order_subscriptions s WHERE s.subscription_id = ?"
                " AND s.reseller_id IN (SELECT x.reseller_id FROM subscriptions x WHERE x.id = ?))",
                (value, value),
                "subscription_id",
            )
        ],
        "order_number": lambda value: [equals("order_number", value)],
        "status": lambda value: [indexed("status", value)],
        "po_number": lambda value: [indexed("po_number", value)],
        "status_code": lambda value: [equals("status_code", value)],
        "creation_time_from": lambda value: between("created_at", times.instant(value), None),
        "creation_time_to": lambda value: between("created_at", None, (times.instant(value) or 0) + 1000),
    },
    due=lambda kept: kept.due,
    shown=shown.in_events,
    listed="listed",
    answered="shown",
    counted="status",
)

_NUMBERS = """
    INSERT INTO order_numbers AS n (prefix, last) VALUES (?, ?)
    ON CONFLICT (prefix) DO UPDATE SET last = n.last + excluded.last RETURNING last
"""
_TOUCH = """
    INSERT INTO order_subscriptions (reseller_id, subscription_id, order_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
_BY_NUMBER = "SELECT reseller_id, id, version, document FROM orders WHERE reseller_id = ? AND order_number = ?"
_SOUGHT_BY_NUMBER = ORDERS.some("r.order_number = ?")
_SOUGHT_BY_PO_NUMBER = ORDERS.some("r.po_number = ?")
_SALES = """
    SELECT document FROM orders
    WHERE reseller_id = ? AND customer_id = ? AND type IN ('sales', 'migration') AND status <> 'cancelled'
"""
_POSTPONE = "UPDATE orders SET due_at = ? WHERE reseller_id = ? AND id = ? AND version = ? RETURNING 1"
_OF_CUSTOMER = f"""
    SELECT reseller_id, id, version, document FROM orders
    WHERE reseller_id = ? AND customer_id = ? AND status IN {UNFINISHED} ORDER BY created_at, id LIMIT ?
"""  # noqa: S608 - put together from what stands here
_LEDGER = "SELECT link, at, document FROM charges WHERE reseller_id = ? AND order_id = ? ORDER BY number"
_LEDGER_OF = """
    SELECT link, at, document FROM charges WHERE reseller_id = ? AND order_id IN (
        SELECT s.order_id FROM order_subscriptions s WHERE s.reseller_id = ? AND s.subscription_id = ?
    ) ORDER BY number
"""
_CHANGED_CUSTOMERS = "SELECT reseller_id, customer_id, number FROM changed_customers ORDER BY 1, 2 LIMIT ?"
_FOLLOWED = "DELETE FROM changed_customers WHERE reseller_id = ? AND customer_id = ? AND number = ?"


class NewOrder(Struct, frozen=True):
    """An order to be placed. order: its id and number are not read, the store gives them. event: makes that of the
    finished order. touches: the subscriptions that it changes, each in the version from which it was computed.
    asked_by: the account that asks, under which the answer to `once` is kept; None for the reseller."""

    reseller_id: int
    order: KeptOrder
    event: Callable[[KeptOrder], NewEvent]
    touches: Sequence[Item] = ()
    once: IdempotentRequest | None = None
    asked_by: int | None = None

    @property
    def asker_id(self) -> int:
        """Who has asked for it: of the answers that this account was given, one is given again."""
        return self.asked_by if self.once and self.asked_by else self.reseller_id

    def keys(self) -> list[Hashable]:
        """What no two orders may have in common that are placed at the same time."""
        keys: list[Hashable] = [touched.id for touched in self.touches]
        if self.once:
            keys.append(self.once.key)
        if self.order.trials:
            keys.append(self.order.customer_id)
        return keys


class ChangedCustomer(NamedTuple):
    """A customer whose subscriptions and orders must follow its status. number: how often that has changed."""

    reseller_id: int
    customer_id: int
    number: int


class OrderStore(CollectionStore[KeptOrder]):
    """Orders, as they are kept."""

    async def place(self, new: NewOrder) -> Item | None:
        """Add an order under the next id and the next number of its type, which has no gaps, with its event.

        Returns None if a subscription has changed since it was read: compute the order anew. Where the same request as
        `new.once` was answered before, gives that answer again. Raises Problem (CONFLICT) if a subscription has an
        unfinished order, which it names, and (IDEMPOTENCY_KEY_REUSED) as `CustomerStore.add` does.
        """
        return await self._database.write_each(_place, new.reseller_id, new, new.keys())

    async def advance(self, item: Item, ids: int, step: Callable[[Sequence[str]], OrderStep]) -> Item | None:
        """Put an order, and what comes of it, into their next state; what the order is afterwards.

        ids: how many new subscriptions there are, whose ids `step` is given. Returns None, and does nothing, if the
        order or one of the subscriptions is in another version than its item, or the customer in another status.
        """
        # One after the other, since what is placed waits for the reseller's row behind all that wait for it.
        return await self._database.write_each(_advance_each, item.reseller_id, (item, ids, step), ["step"])

    async def by_number(self, reseller_id: int, number: str) -> KeptOrder | None:
        """An order of a reseller by its number."""
        row = await self._database.row(_BY_NUMBER, reseller_id, number)
        return ORDERS.decode(Item(*row).document) if row else None

    async def sought(self, root_id: int, text: str, limit: int) -> list[Item]:
        """Orders of a reseller and of all below it with this number or poNumber: `limit` of each, newest first."""
        by_number = await self.some(root_id, _SOUGHT_BY_NUMBER, text.upper(), limit=limit)
        return [*by_number, *await self.some(root_id, _SOUGHT_BY_PO_NUMBER, text, limit=limit)]

    async def had_trial(self, reseller_id: int, customer_id: int, plan_ids: Iterable[int]) -> bool:
        """Whether a customer has ordered a trial of one of these plans, whatever has come of it since."""
        return _have_trial(await self._database.rows(_SALES, reseller_id, customer_id), plan_ids)

    async def postpone(self, item: Item, due: int) -> None:
        """Let a worker look at an order later; in another version it stays as it is. No new version comes of it."""
        await self._database.write(_run, _POSTPONE, due, item.reseller_id, item.id, item.version)

    async def unfinished(self, reseller_id: int, customer_id: int, limit: int) -> list[Item]:
        """Up to `limit` orders of a customer that are not finished, oldest first."""
        return [Item(*row) for row in await self._database.rows(_OF_CUSTOMER, reseller_id, customer_id, limit)]

    async def ledger(self, item: Item) -> list[ChargeRow]:
        """What an order has in the ledger, in the order in which it was written."""
        return [ChargeRow(*row) for row in await self._database.rows(_LEDGER, item.reseller_id, item.id)]

    async def ledger_of(self, reseller_id: int, subscription_id: str) -> list[ChargeRow]:
        """What the orders of a subscription have in the ledger, in the order in which it was written."""
        rows = await self._database.rows(_LEDGER_OF, reseller_id, reseller_id, subscription_id)
        return [ChargeRow(*row) for row in rows]

    async def changed_customers(self, limit: int) -> list[ChangedCustomer]:
        """Up to `limit` customers whose subscriptions and orders must follow their status."""
        return [ChangedCustomer(*row) for row in await self._database.rows(_CHANGED_CUSTOMERS, limit)]

    async def followed(self, changed: ChangedCustomer) -> None:
        """Forget a customer that was followed, unless its status has changed again."""
        await self._database.write(_run, _FOLLOWED, *changed)


class _Ready(NamedTuple):
    """An order that nothing is in the way of, and the subscriptions that it changes."""

    new: NewOrder
    held: list[tuple[Item, KeptSubscription]]


def _place(group: Sequence[NewOrder]) -> Write[list[Item | Problem | None]]:
    """See `OrderStore.place`; all are of one reseller, and no two have a key in common."""
    # In one order, so that no two writes wait for each other.
    for reseller_id in sorted({group[0].reseller_id, *(new.asker_id for new in group)}):
        yield from lock_reseller(reseller_id)
    outcomes: list[_Ready | Item | Problem | None] = []
    for new in group:
        try:
            outcomes.append((yield from _ready(new)))
        except Problem as problem:
            outcomes.append(problem)
    placed = yield from _add([one for one in outcomes if isinstance(one, _Ready)])
    items = iter(placed)
    return [next(items) if isinstance(one, _Ready) else one for one in outcomes]


def _ready(new: NewOrder) -> Write[_Ready | Item | None]:
    """Whether an order may be placed; what was answered before, or None, as `OrderStore.place` says."""
    if new.once and (kept := (yield from kept_answer(new.asker_id, new.once))):
        return Item(new.reseller_id, kept.subject_id, 1, kept.document, replayed=True)
    held = []
    for touched in new.touches:
        item = yield from subscription_of(new.reseller_id, touched.id)
        subscription = SUBSCRIPTIONS.decode(item.document) if item else None
        if subscription and subscription.unfinished_order:
            raise (yield from _in_the_way(new.reseller_id, subscription.unfinished_order))
        if not item or not subscription or item.version != touched.version:
            return None
        held.append((item, subscription))
    if new.order.trials:
        sales = yield from fetch(_SALES, new.reseller_id, new.order.customer_id)
        if _have_trial(sales, new.order.trials):
            raise trial_had(new.order.trials)
    return _Ready(new, held)


def _add(ready: Sequence[_Ready]) -> Write[list[Item]]:
    """Add orders of one reseller, whose row is locked."""
    if not ready:
        return []
    reseller_id = ready[0].new.reseller_id
    ids = yield from take_ids("order", reseller_id, len(ready))
    numbers = yield from _next_numbers([one.new.order.type for one in ready])
    orders = [
        structs.replace(one.new.order, id=str(id_), order_number=number)
        for one, id_, number in zip(ready, ids, numbers, strict=True)
    ]
    touched = []
    for one, order in zip(ready, orders, strict=True):
        for item, subscription in one.held:
            held = structs.replace(subscription, unfinished_order=order.order_number)
            yield from update_item(SUBSCRIPTIONS, item, held, None)
            touched.append((reseller_id, item.id, order.id))
    events = [one.new.event(order) for one, order in zip(ready, orders, strict=True)]
    items = yield from add_all_locked(ORDERS, reseller_id, {order.id: order for order in orders}, events)
    yield from execute_many(_TOUCH, touched)
    for one, order, item in zip(ready, orders, items, strict=True):
        if one.new.once:
            subject = Subject("order", order.id)
            yield from keep_answer(one.new.asker_id, one.new.once, subject, order.created_at, item.document)
    return items


def _have_trial(sales: Iterable[Row], plan_ids: Iterable[int]) -> bool:
    wanted = set(plan_ids)
    return any(not wanted.isdisjoint(ORDERS.decode(document).trials) for (document,) in sales)


def trial_had(plan_ids: Iterable[int]) -> Problem:
    """What is told where a customer wants a trial again."""
    listed = ", ".join(map(str, sorted(plan_ids)))
    return Problem(
        Code.CONFLICT, f"The customer has had a trial of plan {listed}, which there is once: buy another period."
    )


def _run(sql: str, *values: object) -> Write[None]:
    yield from execute(sql, *values)


def _next_numbers(types: Sequence[OrderType]) -> Write[list[str]]:
    """The next number of each type, in their order."""
    next_: dict[str, Iterator[int]] = {}
    for prefix, many in sorted(Counter(PREFIXES[type_] for type_ in types).items()):
        row = yield from fetch_row(_NUMBERS, prefix, many)
        assert row
        next_[prefix] = count(row[0] - many + 1)
    return [f"{prefix}{next(next_[prefix]):06}" for prefix in (PREFIXES[type_] for type_ in types)]


def _in_the_way(reseller_id: int, number: str) -> Write[Problem]:
    row = yield from fetch_row(_BY_NUMBER, reseller_id, number)
    assert row
    return in_the_way(ORDERS.decode(Item(*row).document))


def in_the_way(order: KeptOrder) -> Problem:
    """What is told where an order must be finished before another one of its subscription."""
    return Problem(
        Code.CONFLICT,
        f"The subscription has the unfinished {order.type} order {order.order_number} (id {order.id}, status "
        f"{order.status}). Wait until it is finished, or cancel it with PATCH /orders/{order.id} "
        '{"statusCode": "CL"}.',
    )


def _advance_each(
    group: Sequence[tuple[Item, int, Callable[[Sequence[str]], OrderStep]]],
) -> Write[list[Item | None]]:
    """See `OrderStore.advance`."""
    changed = []
    for item, ids, step in group:
        changed.append((yield from _advance(item, ids, step)))
    return changed


def _advance(item: Item, ids: int, step: Callable[[Sequence[str]], OrderStep]) -> Write[Item | None]:
    yield from lock_reseller(item.reseller_id)
    taken = (yield from take_ids("subscription", item.reseller_id, ids)) if ids else []
    done = step([str(id_) for id_ in taken])
    if not (yield from are_as_they_were(item, done)):
        return None
    events = iter(done.events)
    changed = yield from update_item(ORDERS, item, done.order, next(events, None))
    for write in done.subscriptions:
        subscription = write.subscription
        if write.item:
            yield from update_item(SUBSCRIPTIONS, write.item, subscription, next(events, None))
        else:
            event = next(events)
            assert event, "a new subscription has an event"
            yield from add_locked(SUBSCRIPTIONS, item.reseller_id, subscription, subscription.id, event)
        yield from execute(_TOUCH, item.reseller_id, subscription.id, item.id)
    for event in events:
        if event:
            yield from append(event)
    yield from write_charges(item, done.charges)
    return changed
