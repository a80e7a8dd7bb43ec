"""Plans orders: reads what a client sends, finds all that is wrong with it, and computes what it costs.

An estimate and an order come this one way, so that an estimate that passes is an order that passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET, structs

from emporion.accounts.customers import Customer
from emporion.accounts.ids import account_number
from emporion.accounts.statuses import Status
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.marketplace.order_changes import changed, check_others
from emporion.marketplace.order_lines import LineReader, Planning, ProductReader
from emporion.marketplace.order_sales import migrated_subscription, sold
from emporion.marketplace.patches import check_expected
from emporion.orders.charging import billed, charges
from emporion.orders.kept import KeptOrder, OrderLine
from emporion.orders.lines import Held
from emporion.orders.subscription_changes import lasting_links
from emporion.store.orders import in_the_way
from emporion.store.subscriptions import SUBSCRIPTIONS
from emporion.subscriptions import ENDED

if TYPE_CHECKING:
    from emporion.catalogue.plans import Plan
    from emporion.catalogue.rates import Rates
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.order_steps import OrderSteps
    from emporion.orders.new import OrderRequest
    from emporion.orders.pricing import Paid
    from emporion.store.base import Store
    from emporion.store.collections import Item
    from emporion.store.records import Record
    from emporion.subscriptions import KeptSubscription

# So many subscriptions of a customer are looked at for what depends on what.
MOST_SUBSCRIPTIONS = 1000

_customer = msgspec.json.Decoder(Customer).decode
_WHY_NOT: dict[Status, str] = {
    "creditHold": "The customer is on creditHold and may not order until its status is active again (PATCH "
    '/customers/{id} {"status": "active"}).',
    "adminHold": "The customer is on adminHold and may not order until the operator releases it.",
    "cancelled": "The customer is cancelled, which is for good; order for another one.",
    "error": "The customer could not be verified and may not order until the operator has it verified again.",
}


class Promised(NamedTuple):
    """What an estimate has promised. day: from which it was computed. rates: by product."""

    day: date
    rates: Mapping[str, list[Rates]]


class PlannedOrder(NamedTuple):
    """An order that may be placed; its id and number are empty. level: the caller's place in the chain. touches: the
    subscription that it changes. rates: those that the catalogue gave. plans: those of its lines. subscription: the one
    that it changes, as it is before. paid: what was paid for that, where the order switches it."""

    order: KeptOrder
    level: int
    touches: Sequence[Item]
    rates: Mapping[str, list[Rates]]
    plans: Mapping[int, Plan]
    subscription: KeptSubscription | None
    paid: Paid | None


class OrderPlanner:
    """Plans orders. clock: seconds since 1970. statement_day: of what is sold."""

    def __init__(
        self,
        store: Store,
        catalogue: ProductReader,
        steps: OrderSteps,
        clock: Callable[[], float],
        statement_day: int = 1,
    ) -> None:
        self._store = store
        self._steps = steps
        self._reader = LineReader(catalogue)
        self._clock = clock
        self._statement_day = statement_day

    async def customer(self, actor: Actor, customer_id: str) -> Record | None:
        """A customer that the actor reaches."""
        number = account_number(customer_id) if isinstance(customer_id, str) else None
        if number is None:
            return None
        if own := await self._store.customers.get(actor.account_id, number):
            return own
        owner = await self._store.customers.owner(number)
        if owner is None or not await self._store.resellers.is_within(owner, actor.account_id):
            return None
        return await self._store.customers.get(owner, number)

    async def plan(
        self,
        actor: Actor,
        request: OrderRequest,
        faults: Sequence[Fault],
        expected: Collection[int] | None = None,
        promised: Promised | None = None,
    ) -> PlannedOrder:
        """The order that a client sends. faults: what was wrong with it as it was read.

        expected: the versions in one of which the subscription must be, if not any. Raises Problem (INVALID) with every
        fault, (NOT_FOUND) for an unknown customer or subscription, (PRECONDITION_FAILED), and (CONFLICT) with all that
        is in the way, and how to get it out of the way.
        """
        planning = await self._begun(actor, request, list(faults), promised)
        if request.type is UNSET:  # type: ignore[comparison-overlap]  # what else is wrong depends on it
            raise_invalid(_once(planning.faults))
        if request.type not in ("sales", "migration"):
            await self._read_subscription(planning, expected)
        elif request.subscription_id:
            planning.fault("subscriptionId", "must be left out: it makes a new one, and type change adds to one")
        order = (
            await self._order(planning) if planning.subscription or not planning.faults or _is_new(request) else None
        )
        if planning.faults:
            raise_invalid(_once(planning.faults))
        if planning.conflicts:
            raise Problem(Code.CONFLICT, " ".join(planning.conflicts))
        assert order
        running, paid = planning.subscription, None
        if running and order.plan_id is not None:
            paid = await self._steps.paid(running, planning.day)
        costs = charges(order, planning.plans, running, planning.day, paid)
        order = structs.replace(order, charges=costs)
        touches = [planning.item] if planning.item else []
        return PlannedOrder(order, planning.level, touches, planning.used, planning.plans, running, paid)

    async def _begun(
        self, actor: Actor, request: OrderRequest, faults: list[Fault], promised: Promised | None
    ) -> Planning:
        record = await self.customer(actor, request.customer_id)
        if not record:
            if not isinstance(request.customer_id, str):
                raise_invalid(faults)
            if faults:
                unknown = Fault("customerId", f"No entity has been found with id {request.customer_id}")
                raise_invalid(_once([unknown, *faults]))
            raise not_found(f"there is no customer {request.customer_id}")
        seller = await self._reader.catalogue.seller(record.reseller_id)
        planning = Planning(
            request=request,
            seller=seller,
            level=seller.chain.index(actor.account_id),
            customer_id=record.id,
            currency=seller.currency or "",
            day=promised.day if promised else datetime.fromtimestamp(self._clock(), UTC).date(),
            statement_day=self._statement_day,
            faults=faults,
            held=promised.rates if promised else None,
        )
        status = _customer(record.document).status
        if status in _WHY_NOT:
            planning.conflicts.append(_WHY_NOT[status].replace("{id}", str(record.id)))
        return planning

    async def _read_subscription(self, planning: Planning, expected: Collection[int] | None) -> None:
        """Find the subscription that an order is about, and what keeps it from being changed."""
        request = planning.request
        named = [("subscriptionId", request.subscription_id)]
        products = request.products if isinstance(request.products, list) else []
        named += [
            (f"products[{number}].subscriptionId", one.subscription_id)
            for number, one in enumerate(products)
            if isinstance(getattr(one, "subscription_id", None), str)
        ]
        ids = [(at, id_) for at, id_ in named if isinstance(id_, str)]
        if not ids:
            if not planning.is_faulty("subscriptionId"):
                planning.fault("subscriptionId", f"is required in an order of type {request.type}")
            return
        wanted = ids[0][1]
        for at, id_ in ids:
            if id_ != wanted:
                planning.fault(at, f"must be {wanted}, as before: an order changes one subscription")
        item = await self._store.subscriptions.get(planning.seller_id, wanted)
        subscription = SUBSCRIPTIONS.decode(item.document) if item else None
        if not item or not subscription or subscription.customer_id != planning.customer_id:
            if planning.faults:
                planning.fault(ids[0][0], f"No entity has been found with id {wanted}")
                return
            raise not_found(f"customer {planning.customer_id} has no subscription {wanted}")
        check_expected(item.version, expected, "subscription")
        planning.item, planning.subscription = item, subscription
        planning.currency = subscription.currency
        await self._check_state(planning, subscription)

    async def _check_state(self, planning: Planning, subscription: KeptSubscription) -> None:
        if subscription.unfinished_order:
            order = await self._store.orders.by_number(planning.seller_id, subscription.unfinished_order)
            if order:
                planning.conflicts.append(in_the_way(order).message)
                return
        about = f"Subscription {subscription.id}"
        if subscription.status in ENDED:
            why = f" on {subscription.ended}" if subscription.ended else ""
            planning.conflicts.append(f"{about} has ended{why}: place an order of type sales for a new one.")
        elif subscription.status == "pending" or not subscription.expiration:
            planning.conflicts.append(f"{about} is not provided yet: wait until its status is active.")
        elif subscription.status == "hold" and planning.request.type == "change":
            planning.conflicts.append(f"{about} is on hold and cannot be changed until it is active again.")
        elif planning.request.type == "change" and planning.day >= date.fromisoformat(subscription.expiration):
            planning.conflicts.append(
                f"{about} has expired on {subscription.expiration}: renew it first, with an order of type renewal."
            )
        elif planning.request.type == "renewal":
            await self._check_renewal(planning, subscription)

    async def _check_renewal(self, planning: Planning, subscription: KeptSubscription) -> None:
        """Note why a subscription cannot be renewed on the day (6.8)."""
        await self._reader.load_plans(planning, [subscription.plan_id])
        policies = planning.plans[subscription.plan_id].policies
        expiration = date.fromisoformat(subscription.expiration or "")
        first = expiration - timedelta(days=policies.renewal_point)
        if subscription.trial:
            planning.conflicts.append(
                f"Subscription {subscription.id} is a trial, which is not renewed: switch its period by type change."
            )
        elif subscription.status == "hold" and planning.day < expiration:
            planning.conflicts.append(
                f"Subscription {subscription.id} is on hold: it is renewed when it is active again."
            )
        elif planning.day < first:
            planning.conflicts.append(
                f"Subscription {subscription.id} can be renewed from {first.isoformat()} on, {policies.renewal_point} "
                f"days before it expires on {expiration.isoformat()}."
            )

    async def _order(self, planning: Planning) -> KeptOrder | None:
        request = planning.request
        migrated = None
        if request.type in ("sales", "migration"):
            held = partial(self._held, planning)
            lines, product = await sold(self._reader, self._store, planning, held)
            migrated = migrated_subscription(planning, product) if product and request.type == "migration" else None
        elif not planning.subscription:
            return None
        elif request.type == "change":
            planning.had = await self._held(planning)
            lines = await changed(self._reader, planning)
        elif request.type == "renewal":
            lines = await self._renewed(planning)
        else:
            lines = await self._cancelled(planning)
        if planning.faults:
            return None
        now = int(self._clock() * 1000)
        switched = next((line for line in lines if line.replaces or _is_elsewhere(planning, line)), None)
        return KeptOrder(
            id="",
            order_number="",
            type=request.type,
            customer_id=planning.customer_id,
            chain=planning.chain,
            currency=planning.currency,
            created_at=now,
            day=planning.day.isoformat(),
            status="submitted",
            status_code="OP",
            due=now,
            po_number=request.po_number or None,
            attributes=request.attributes or None,
            lines=lines,
            subscription_id=planning.subscription.id if planning.subscription else None,
            plan_id=switched.plan_id if switched and planning.subscription else None,
            subscription_period=switched.subscription_period if switched and planning.subscription else None,
            upgrade_start=request.upgrade_start_type or None,
            migrated=migrated,
            statement_day=planning.statement_day,
            estimated=planning.held is not None,
            trials=[] if planning.subscription else _trials(planning, lines),
        )

    async def _held(self, planning: Planning) -> list[Held]:
        """The products that other active subscriptions of the customer have."""
        items = await self._store.subscriptions.of_customer(
            planning.seller_id, planning.customer_id, MOST_SUBSCRIPTIONS
        )
        found = []
        for one in (SUBSCRIPTIONS.decode(item.document) for item in items):
            if one.status == "active" and (not planning.subscription or one.id != planning.subscription.id):
                found += [Held(item.product_id, one.plan_id, item.mpn, one.id) for item in one.items if item.quantity]
        return found

    async def _renewed(self, planning: Planning) -> list[OrderLine]:
        """The lines of a renewal: what there is, at the prices that count from then on."""
        running = planning.running
        await self._reader.load_plans(planning, [running.plan_id])
        listed: Mapping[str, list[Rates]] = {}
        if planning.plans[running.plan_id].policies.renewal_prices == "list":
            listed = await self._reader.listed_rates(planning, [item.product_id for item in running.items])
        lines = []
        for item, line in zip(running.items, _present(running, renews=True), strict=True):
            rates = list(listed.get(line.product_id) or line.rates)
            for link in lasting_links(item):
                rates[link] = line.rates[link]
            lines.append(structs.replace(line, rates=rates))
        return lines

    async def _cancelled(self, planning: Planning) -> list[OrderLine]:
        """The lines of a cancellation: all that there is comes to nothing."""
        running = planning.running
        await self._reader.load_plans(planning, [running.plan_id])
        planning.had = await self._held(planning)
        products = [await self._reader.catalogue.known_product(item.product_id) for item in running.items]
        await check_others(self._reader, planning, [one for one in products if one], "subscriptionId")
        return [structs.replace(line, quantity=Decimal(0)) for line in _present(running)]


def _is_new(request: OrderRequest) -> bool:
    return request.type in ("sales", "migration")


def _trials(planning: Planning, lines: Sequence[OrderLine]) -> list[int]:
    bought = {line.plan_id: billed(planning.plans[line.plan_id], line.subscription_period) for line in lines}
    return sorted(plan_id for plan_id, one in bought.items() if one.trial)


def _is_elsewhere(planning: Planning, line: OrderLine) -> bool:
    """Whether a line is of another plan or period than the subscription that it changes."""
    running = planning.subscription
    return running is not None and (line.plan_id, line.subscription_period) != (
        running.plan_id,
        running.subscription_period,
    )


def _present(running: KeptSubscription, *, renews: bool = False) -> list[OrderLine]:
    """What a subscription has, as lines that leave it so. renews: at the prices that count from then on."""
    return [
        OrderLine(
            product_id=item.product_id,
            mpn=item.mpn,
            vendor=item.vendor,
            name=item.name,
            plan_id=running.plan_id,
            billing_period=running.billing_period,
            subscription_period=running.subscription_period,
            quantity=item.quantity,
            previous_quantity=item.quantity,
            subscription_id=running.id,
            rates=(item.next_rates or item.rates) if renews else item.rates,
            special=getattr(item, "special", False),
        )
        for item in running.items
    ]


def _once(faults: Sequence[Fault]) -> list[Fault]:
    """Each fault once, those of lines in their order behind the others."""
    return sorted(dict.fromkeys(faults), key=lambda fault: _line_number(fault.field))


def _line_number(path: str) -> int:
    found = re.match(r"products\[(\d+)\]", path)
    return int(found[1]) if found else -1
