"""Orders are moved on by a worker: what each type comes to, what waits, and what becomes of what fails."""

from __future__ import annotations

import asyncio
import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import structs

from emporion.accounts.statuses import Status
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.fulfillment import Fulfillment
from emporion.marketplace.order_runner import FAILED_INSIDE, LONGEST_WAIT_OF_ORDER, MOST_FAILURES, OrderRunner
from emporion.marketplace.order_steps import OrderSteps
from emporion.orders import steps
from emporion.orders.kept import Migrated
from emporion.orders.ledger import LedgerCharge
from emporion.store.base import Store
from emporion.store.collections import Item, indexed
from tests.selling import DOMAIN, MANUAL, TRIAL, YEAR, Shop, line, plan, rates
from tests.store.conftest import ONE, PROVIDER, Open, migrated_database, migrated_file, open_store, store

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store, [PROVIDER, ONE])


def day(shop: Shop, days: int = 0) -> str:
    """Today, or so many days later."""
    return (shop.steps.now().day + timedelta(days=days)).isoformat()


def totals(charges: Any) -> list[Decimal]:
    return [sum((one.amount for one in link), Decimal(0)) for link in charges]


async def test_a_sale_makes_a_subscription_of_each_plan_and_is_completed(shop: Shop) -> None:
    lines = (line(1, 10, parameters=[DOMAIN]), line(3, 2, rates=rates(3, "8", "1")), line(1, 5, "777"))
    item = await shop.place(await shop.customer(), *lines, po_number="T-17")
    await shop.run()
    order = await shop.order(item)
    assert (order.status, order.status_code, order.due, order.day) == ("completed", "CP", None, day(shop))
    assert order.provisioned_at == int(shop.clock() * 1000)
    assert [one.status for one in order.requests] == ["approved", "approved"]
    first, second = [order.lines[0].subscription_id, order.lines[1].subscription_id]
    assert [one.subscription_id for one in order.lines] == [first, second, first]
    assert order.subscription_id is None
    one = await shop.subscription(first)
    assert (one.status, one.name, one.plan_id, one.renews) == ("active", "Plan 1", 1, True)
    assert [(item.mpn, item.quantity) for item in one.items] == [("MPN-501", Decimal(10)), ("MPN-777", Decimal(5))]
    assert (one.anchor, one.term_start, one.created, one.last_modified) == (day(shop),) * 4
    assert one.expiration == date.fromisoformat(day(shop)).replace(year=int(day(shop)[:4]) + 1).isoformat()
    assert one.renewal_date == (date.fromisoformat(one.expiration) - timedelta(days=1)).isoformat()
    assert (one.attributes, one.unfinished_order) == ({"PONumber": "T-17"}, None)
    assert one.order_parameters == [DOMAIN]
    assert {given.name: given.value for given in one.fulfillment_parameters} == {
        "tenant": f"t-{one.id}-example.com",
        "key": f"v-{order.customer_id}",
    }
    assert {item.vendor_subscription_id for item in one.items} == {f"v-{order.customer_id}"}
    # 15 units at 2.5, 3.5 and 4.5; two at 6, 7 and 8, each with 1 for its setup.
    assert totals(order.charges) == [Decimal("51.5"), Decimal("68.5"), Decimal("85.5")]


async def test_each_link_has_its_charges_in_the_ledger(shop: Shop) -> None:
    item = await shop.place(await shop.customer(), line(1, 10), line(3, 1, rates=rates(3, "8", "1")))
    await shop.run()
    order = await shop.order(item)
    rows = [msgspec.json.decode(row.document, type=LedgerCharge) for row in await shop.store.orders.ledger(item)]
    assert [row.amount for row in rows] == [one.amount for link in order.charges for one in link]
    assert {(row.link, row.seller_id, row.buyer_id) for row in rows} == {
        (0, None, PROVIDER),
        (1, PROVIDER, ONE),
        (2, ONE, None),
    }
    owners = {one.product_id: (one.subscription_id, one.plan_id, one.name) for one in order.lines}
    assert {row.product_id: (row.subscription_id, row.plan_id, row.name) for row in rows} == owners
    assert {(row.order_id, row.currency, row.order_number) for row in rows} == {(order.id, "EUR", order.order_number)}


async def test_what_happens_is_in_the_log(shop: Shop) -> None:
    item = await shop.place(await shop.customer(), line())
    await shop.run()
    id_ = (await shop.order(item)).subscription_id
    number = (await shop.order(item)).order_number
    assert await shop.events() == [
        ("order.created", f"order {item.id}"),
        ("order.completed", f"order {item.id}"),
        ("subscription.created", f"subscription {id_}: {number}"),
        ("subscription.activated", f"subscription {id_}: {number}"),
    ]
    log = await shop.store.events.log(ONE, 0, 100)
    assert not any("4.5" in str(entry.changes) or "rates" in str(entry.changes) for entry in log)
    assert {entry.account_id for entry in log if entry.type.startswith("subscription")} == {
        (await shop.order(item)).customer_id
    }


async def test_an_order_waits_for_its_customer_with_growing_pauses(shop: Shop) -> None:
    buyer = await shop.customer("pending")
    item = await shop.place(buyer, line())
    pauses = []
    for _ in range(8):
        before = (await shop.store.orders.due(2**60, 9))[0]
        await shop.run()
        assert not await shop.runner.run_next()
        while not await shop.store.orders.due(int(shop.clock() * 1000), 9):
            shop.clock.now += 1
        pauses.append(shop.clock())
        assert (await shop.store.orders.due(2**60, 9))[0] == before, "no version comes of waiting"
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(pauses)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_WAIT_OF_ORDER // 1000
    assert (await shop.order(item)).status == "submitted"
    await shop.set_status(buyer, "active")
    await shop.run()
    assert (await shop.order(item)).status == "completed"


@pytest.mark.parametrize(("status", "code"), [("cancelled", "customerCancelled"), ("error", "customerNotVerified")])
async def test_an_order_of_a_customer_that_will_not_be_is_cancelled(shop: Shop, status: Any, code: str) -> None:
    buyer = await shop.customer("pending")
    item = await shop.place(buyer, line())
    await shop.set_status(buyer, status)
    await shop.run()
    order = await shop.order(item)
    assert (order.status, order.status_code, order.due) == ("cancelled", "CL", None)
    assert order.error
    assert order.error.code == code
    assert (await shop.events())[-1] == ("order.cancelled", f"order {item.id}: {order.error.message}")


async def test_on_credit_hold_nothing_is_bought_and_what_there_is_goes_on(shop: Shop) -> None:
    running = await shop.bought()
    await shop.set_status(running.customer_id, "creditHold")
    sale = await shop.place(running.customer_id, line(3))
    renewal = await shop.change(running, type="renewal")
    await shop.run()
    assert (await shop.order(sale)).status == "submitted"
    assert (await shop.order(renewal)).status == "completed"
    assert (await shop.subscription(running.id)).status == "active"


async def test_what_is_sold_by_hand_waits_and_is_looked_at_no_more(shop: Shop) -> None:
    item = await shop.place(await shop.customer(), line(MANUAL.id), line(1))
    await shop.run()
    order = await shop.order(item)
    assert (order.status, order.status_code, order.due) == ("processing", "LO", None)
    assert [one.status for one in order.requests] == ["pending", "approved"]
    for one in order.requests:
        assert (await shop.subscription(one.subscription_id)).status == "pending"
    shown = await shop.store.subscriptions.answer(ONE, order.requests[0].subscription_id or "")
    assert shown
    decoded = msgspec.json.decode(shown.document)
    assert decoded["status"] == "pending"
    assert "expirationDate" not in decoded


async def test_a_change_counts_from_the_day_of_its_completion(shop: Shop) -> None:
    running = await shop.bought(1, 12)
    shop.clock.now += 10 * 86_400
    same: dict[str, Any] = {"previous_quantity": Decimal(12), "subscription_id": running.id}
    item = await shop.change(running, line(1, 15, **same), line(1, 2, "777", previous_quantity=Decimal(0)))
    await shop.run()
    order, after = await shop.order(item), await shop.subscription(running.id)
    assert (order.status, order.day) == ("completed", day(shop))
    assert [(one.product_id, one.quantity) for one in after.items] == [("501", Decimal(15)), ("777", Decimal(2))]
    assert after.items[1].vendor_subscription_id == running.items[0].vendor_subscription_id
    assert (after.expiration, after.anchor) == (running.expiration, running.anchor)
    assert (after.last_modified, after.unfinished_order) == (day(shop), None)
    (recurring, other) = order.charges[2]
    assert (int(recurring.quantity), recurring.start, int(other.quantity)) == (3, day(shop), 2)
    out = await shop.change(after, line(1, 15, **same), line(1, 0, "777", previous_quantity=Decimal(2)))
    await shop.run()
    assert [one.product_id for one in (await shop.subscription(running.id)).items] == ["501"]
    assert (await shop.order(out)).status == "completed"


async def test_a_switch_leads_to_the_other_plan(shop: Shop) -> None:
    running = await shop.bought()
    lines = (
        line(3, 10, previous_quantity=Decimal(0), replaces="501"),
        line(1, 0, previous_quantity=Decimal(10), rates=running.items[0].rates),
    )
    item = await shop.change(running, *lines, plan_id=3, subscription_period=YEAR)
    await shop.run()
    order, after = await shop.order(item), await shop.subscription(running.id)
    assert order.status == "completed", order.error
    assert (after.plan_id, after.name, after.expiration) == (3, "Plan 3", running.expiration)
    assert [(one.product_id, one.quantity) for one in after.items] == [("503", Decimal(10))]
    rows = [msgspec.json.decode(row.document, type=LedgerCharge) for row in await shop.store.orders.ledger(item)]
    assert {row.subscription_id for row in rows} == {running.id}


async def test_a_renewal_extends_by_a_term(shop: Shop) -> None:
    running = await shop.bought()
    item = await shop.change(running, type="renewal")
    await shop.run()
    after = await shop.subscription(running.id)
    assert (await shop.order(item)).charges[2][0].type == "renew"
    assert after.expiration
    assert running.expiration
    assert (after.term_start, after.status) == (running.expiration, "active")
    assert int(after.expiration[:4]) == int(running.expiration[:4]) + 1
    assert [one.type for one in (await shop.order(item)).requests] == ["renew"]


async def test_a_cancellation_ends_it_that_day_and_says_why(shop: Shop) -> None:
    running = await shop.bought()
    shop.clock.now += 5 * 86_400
    item = await shop.change(running, type="cancellation")
    await shop.run()
    order, after = await shop.order(item), await shop.subscription(running.id)
    assert (after.status, after.ended, after.expiration, after.renews) == ("terminated", day(shop), day(shop), False)
    assert totals(order.charges)[2] < 0
    reason = f"subscription {running.id}: order {order.order_number} ({day(shop)})"
    assert (await shop.events())[-1] == ("subscription.terminated", reason)


async def test_where_the_plan_says_so_a_cancellation_counts_at_the_end_of_the_term(shop: Shop) -> None:
    running = await shop.bought(4)
    item = await shop.change(running, type="cancellation")
    await shop.run()
    after = await shop.subscription(running.id)
    assert (after.status, after.renews, after.expiration) == ("active", False, running.expiration)
    assert (await shop.order(item)).charges == [[], [], []]


async def test_a_migration_takes_over_what_runs(shop: Shop) -> None:
    dates = [day(shop, -100), day(shop, -1), day(shop, 265)]
    migrated = Migrated(start_date=dates[0], migration_date=dates[1], expiration_date=dates[2], autorenewal=False)
    known = line(1, 3, parameters=[structs.replace(DOMAIN, name="key", value="acme-77")])
    shop.plans.plans[1] = plan(1, parameters=[structs.replace(plan().parameters[2], template=None)])
    item = await shop.place(await shop.customer(), known, type="migration", migrated=migrated)
    await shop.run()
    order = await shop.order(item)
    after = await shop.subscription(order.subscription_id)
    assert (after.anchor, after.expiration, after.renews) == (dates[0], dates[2], False)
    assert after.items[0].vendor_subscription_id == "acme-77"
    assert totals(order.charges) == [0, 0, 0]


async def test_a_trial_does_not_renew(shop: Shop) -> None:
    trial = await shop.bought(TRIAL.id)
    assert (trial.trial, trial.renews) == (True, False)


async def test_a_step_that_fails_blocks_no_other_order(shop: Shop) -> None:
    shop.plans.broken = {3}
    broken, good = [await shop.place(await shop.customer(), line(plan_id)) for plan_id in (3, 1)]
    await shop.run()
    assert (await shop.order(good)).status == "completed"
    failed = await shop.order(broken)
    assert (failed.status, failed.attempts) == ("submitted", 1)
    for _ in range(MOST_FAILURES):
        shop.clock.now += LONGEST_WAIT_OF_ORDER / 1000
        await shop.run()
    failed = await shop.order(broken)
    assert (failed.status, failed.status_code, failed.due) == ("error", "PF", None)
    assert failed.error
    assert (failed.error.code, failed.error.message) == ("internal", FAILED_INSIDE)
    assert (await shop.events())[-1] == ("order.failed", f"order {broken.id}: {FAILED_INSIDE}")


async def test_what_cannot_follow_its_customer_now_does_so_later(shop: Shop) -> None:
    item = await shop.place(await shop.customer(), line(MANUAL.id))
    await shop.run()
    shop.plans.broken = {MANUAL.id}
    await shop.set_status((await shop.order(item)).customer_id, "cancelled")
    await shop.run()
    assert (await shop.order(item)).status == "processing"
    shop.plans.broken = set()
    shop.clock.now += LONGEST_WAIT_OF_ORDER / 1000
    await shop.run()
    assert (await shop.order(item)).status == "cancelled"


async def test_what_others_are_to_move_is_looked_at_once(shop: Shop) -> None:
    item = await shop.place(await shop.customer(), line(MANUAL.id))
    await shop.run()
    events = await shop.events()
    for status in ("processing", "error"):
        found = await shop.store.orders.get(ONE, item.id)
        assert found
        due = structs.replace(await shop.order(item), status=status, due=1)
        assert await shop.store.orders.update(found, due, None)
        await shop.run()
        assert await shop.order(item) == structs.replace(due, due=None)
    assert await shop.events() == events


async def test_a_database_that_is_away_is_no_failure_of_an_order(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    item = await shop.place(await shop.customer(), line())

    async def away(*_: object) -> None:
        raise Problem(Code.UNAVAILABLE, "away")

    with monkeypatch.context() as patch:
        patch.setattr(shop.plans, "plan", away)
        with pytest.raises(Problem):
            await shop.runner.run_next()
    assert (await shop.order(item)).attempts == 0
    await shop.run()
    assert (await shop.order(item)).status == "completed"


async def test_of_many_workers_one_does_each_step(shop: Shop, open_store: Open) -> None:
    buyer = await shop.customer()
    items = [await shop.place(buyer, line(1), line(3)) for _ in range(6)]
    stores = [shop.store, await open_store(), await open_store()]
    workers = [OrderRunner(one, OrderSteps(one, shop.plans, shop.clock)) for one in stores]

    async def work(runner: OrderRunner) -> None:
        while await runner.run_next():
            pass

    await asyncio.gather(*map(work, workers))
    assert {(await shop.order(item)).status for item in items} == {"completed"}
    assert (await shop.store.subscriptions.page(ONE, [], 0, 1)).total == 12
    types = [type_ for type_, _ in await shop.events()]
    assert (types.count("order.completed"), types.count("subscription.activated")) == (6, 12)
    assert len([row for item in items for row in await shop.store.orders.ledger(item)]) == 6 * 2 * 3


async def test_a_subscription_that_ended_meanwhile_ends_its_order(shop: Shop) -> None:
    running = await shop.bought()
    item = await shop.change(running, line(1, 20, previous_quantity=Decimal(10)))
    await shop.set_status(running.customer_id, "cancelled")
    await shop.run()
    assert (await shop.order(item)).status == "cancelled"
    after = await shop.subscription(running.id)
    assert (after.status, after.ended, after.unfinished_order) == ("terminated", day(shop), None)
    assert [one.quantity for one in after.items] == [10]


async def test_held_and_released_with_its_customer(shop: Shop) -> None:
    running, ordered = await shop.bought(), await shop.bought(MANUAL.id)
    assert ordered.status == "pending"
    for subscription in (running, ordered):
        await shop.set_status(subscription.customer_id, "adminHold")
    await shop.run()
    held = await shop.subscription(running.id)
    assert (held.status, held.held, held.expiration) == ("hold", "customer", running.expiration)
    assert (await shop.subscription(ordered.id)).status == "pending"
    item = await shop.change(held, line(1, 20, previous_quantity=Decimal(10)))
    await shop.run()
    assert (await shop.order(item)).status == "submitted"
    await shop.set_status(running.customer_id, "active")
    await shop.run()
    after = await shop.subscription(running.id)
    assert (after.status, after.held, [one.quantity for one in after.items]) == ("active", None, [Decimal(20)])
    told = [reason for type_, reason in await shop.events() if type_ == "subscription.updated"]
    assert told[0] == f"subscription {running.id}: its customer is adminHold now"


async def test_what_is_held_by_itself_stays_held(shop: Shop) -> None:
    running = await shop.bought()
    item = await shop.store.subscriptions.get(ONE, running.id)
    assert item
    alone = structs.replace(running, status="hold", held="alone")
    assert await shop.store.subscriptions.update(item, alone, None)
    statuses: tuple[Status, ...] = ("adminHold", "active")
    for status in statuses:
        await shop.set_status(running.customer_id, status)
        await shop.run()
        assert (await shop.subscription(running.id)).held == "alone"


async def test_a_hold_that_comes_while_an_order_is_completed_is_seen(shop: Shop) -> None:
    buyer = await shop.customer()
    item = await shop.place(buyer, line())
    situation = await shop.steps.situation(item)
    await shop.set_status(buyer, "adminHold")
    begun = steps.begun(situation.order, {}, situation.plans, ["1"], shop.steps.now())
    assert await shop.steps.write(situation, 1, lambda _: begun) is None
    assert (await shop.order(item)).status == "submitted"


async def test_of_a_cancellation_and_a_completion_at_once_one_counts(shop: Shop, open_store: Open) -> None:
    other = await open_store()
    canceller = Fulfillment(other, OrderSteps(other, shop.plans, shop.clock))
    for number in range(12):
        buyer = await shop.customer()
        item = await shop.place(buyer, line())

        async def cancel(item: Item = item, yields: int = number % 4) -> Item | Problem:
            for _ in range(yields):
                await asyncio.sleep(0)
            try:
                return await canceller.cancel(Actor(ONE, "anna", "api"), item.id)
            except Problem as problem:
                return problem

        answer, _ = await asyncio.gather(cancel(), shop.run())
        await shop.run()
        order = await shop.order(item)
        made = (await shop.store.subscriptions.page(ONE, [indexed("customer_id", buyer)], 0, 9)).total
        if isinstance(answer, Problem):
            assert answer.code is Code.CONFLICT
            assert (order.status, made, len(await shop.store.orders.ledger(item))) == ("completed", 1, 3)
        else:
            assert (order.status, made, len(await shop.store.orders.ledger(item))) == ("cancelled", 0, 0)
