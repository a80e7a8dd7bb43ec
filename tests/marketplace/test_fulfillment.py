"""What vendors, or the operator in their place, decide about orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.parameters import ParameterValue
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.fulfillment import LONGEST_REASON, Approval, Refusal
from emporion.orders.kept import KeptOrder, OrderError
from emporion.store import open_store
from emporion.store.base import Store
from emporion.store.collections import Item
from emporion.store.orders import ORDERS
from tests.conftest import CALLERS, settings_for
from tests.selling import MANUAL, Shop, line

OPERATOR = Actor(PROVIDER_ID, "operator", "command line")
READER = Actor(PROVIDER_ID, "rita", "api", "reader")
SELLER = Actor(RESELLER_ID, "anna", "api", "editor")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "api")
APPROVAL = Approval("acme-77", [ParameterValue("tenant", "t-1")])


@pytest.fixture
async def shop(database: Path) -> AsyncIterator[Shop]:
    store: Store = open_store(settings_for(database))
    await store.open()
    yield Shop(store, [PROVIDER_ID, RESELLER_ID])
    await store.close()


@pytest.fixture
async def item(shop: Shop) -> Item:
    """An order that waits for its vendor."""
    placed = await shop.place(await shop.customer(), line(MANUAL.id, 2))
    await shop.run()
    return placed


def decided(item: Item) -> KeptOrder:
    return ORDERS.decode(item.document)


async def refused(shop: Shop, item: Item, what: str = "approve") -> Problem:
    decide: Callable[[], Awaitable[Item]] = {
        "approve": lambda: shop.fulfillment.approve(OPERATOR, item.id, Approval()),
        "fail": lambda: shop.fulfillment.fail(OPERATOR, item.id, Refusal("No.")),
        "retry": lambda: shop.fulfillment.retry(OPERATOR, item.id),
        "cancel": lambda: shop.fulfillment.cancel(SELLER, item.id),
    }[what]
    with pytest.raises(Problem) as raised:
        await decide()
    assert raised.value.code is Code.CONFLICT
    return raised.value


async def test_what_is_approved_is_there_at_once(shop: Shop, item: Item) -> None:
    order = decided(await shop.fulfillment.approve(OPERATOR, item.id, APPROVAL))
    assert (order.status, order.status_code) == ("completed", "CP")
    subscription = await shop.subscription(order.subscription_id)
    assert subscription.status == "active"
    assert [one.vendor_subscription_id for one in subscription.items] == ["acme-77"]
    assert subscription.fulfillment_parameters == APPROVAL.parameters
    log = await shop.store.events.log(RESELLER_ID, 0, 100)
    (completed,) = [entry for entry in log if entry.type == "order.completed"]
    assert (completed.origin.user, completed.origin.source) == ("operator", "command line")


async def test_the_reconciliation_parameter_says_what_the_vendor_calls_it(shop: Shop, item: Item) -> None:
    given = Approval(parameters=[ParameterValue("key", "acme-9")])
    order = decided(await shop.fulfillment.approve(OPERATOR, item.id, given))
    assert (await shop.subscription(order.subscription_id)).items[0].vendor_subscription_id == "acme-9"


async def test_to_decide_again_is_done_already_and_to_contradict_is_refused(shop: Shop, item: Item) -> None:
    first = await shop.fulfillment.approve(OPERATOR, item.id, APPROVAL)
    assert await shop.fulfillment.approve(OPERATOR, item.id, APPROVAL) == first
    assert await shop.fulfillment.approve(OPERATOR, item.id, Approval()) == first
    with pytest.raises(Problem, match="cannot be approved with other values"):
        await shop.fulfillment.approve(OPERATOR, item.id, Approval("acme-78"))
    for what in ("fail", "retry", "cancel"):
        assert "it is completed" in (await refused(shop, item, what)).message


async def test_a_failure_has_its_reason_and_can_be_tried_again(shop: Shop, item: Item) -> None:
    refusal = Refusal("The domain is taken.", parameter="domain")
    failed = await shop.fulfillment.fail(OPERATOR, item.id, refusal)
    order = decided(failed)
    assert (order.status, order.status_code) == ("error", "PF")
    assert order.error == OrderError("vendorFailed", "The domain is taken.", "domain")
    assert await shop.fulfillment.fail(OPERATOR, item.id, refusal) == failed
    assert "failed for another reason" in (await refused(shop, item, "fail")).message
    assert "it has failed: The domain is taken." in (await refused(shop, item)).message
    assert (await shop.events())[-1] == ("order.failed", f"order {item.id}: The domain is taken.")
    again = await shop.fulfillment.retry(SELLER, item.id)
    assert await shop.fulfillment.retry(SELLER, item.id) == again
    await shop.run()
    order = await shop.order(item)
    assert (order.status, order.error, [one.attempt for one in order.requests]) == ("processing", None, [2])
    assert decided(await shop.fulfillment.approve(OPERATOR, item.id, APPROVAL)).status == "completed"


async def test_cancelling_undoes_what_was_approved(shop: Shop) -> None:
    placed = await shop.place(await shop.customer(), line(MANUAL.id), line(1))
    await shop.run()
    # The second was approved by itself, so that an order under way cannot be cancelled any more.
    assert "provisioning is under way" in (await refused(shop, placed, "cancel")).message
    await shop.fulfillment.fail(OPERATOR, placed.id, Refusal("No."))
    cancelled = await shop.fulfillment.cancel(SELLER, placed.id, reason="Not wanted any more.")
    order = decided(cancelled)
    assert (order.status, order.status_code) == ("cancelled", "CL")
    assert [one.status for one in order.requests] == ["failed", "revoked"]
    for one in order.requests:
        subscription = await shop.subscription(one.subscription_id)
        assert (subscription.status, subscription.unfinished_order) == ("removed", None)
        assert subscription.ended
        assert subscription.expiration is None
    assert await shop.fulfillment.cancel(SELLER, placed.id) == cancelled
    assert await shop.store.orders.ledger(placed) == []


async def test_a_cancelled_change_leaves_its_subscription_free(shop: Shop) -> None:
    first = await shop.place(await shop.customer(), line(MANUAL.id, 2))
    await shop.run()
    await shop.fulfillment.approve(OPERATOR, first.id, Approval())
    before = await shop.subscription((await shop.order(first)).subscription_id)
    changing = await shop.change(before, line(MANUAL.id, 9))
    await shop.run()
    assert (await shop.subscription(before.id)).unfinished_order
    await shop.fulfillment.cancel(SELLER, changing.id)
    assert await shop.subscription(before.id) == before


async def test_what_is_approved_waits_for_a_customer_on_hold(shop: Shop, item: Item) -> None:
    buyer = (await shop.order(item)).customer_id
    await shop.set_status(buyer, "adminHold")
    await shop.run()
    order = decided(await shop.fulfillment.approve(OPERATOR, item.id, APPROVAL))
    assert order.status == "processing"
    await shop.run()
    assert (await shop.order(item)).status == "processing"
    await shop.set_status(buyer, "active")
    await shop.run()
    assert (await shop.order(item)).status == "completed"


async def test_only_the_providers_users_decide_for_a_vendor(shop: Shop, item: Item) -> None:
    for actor in (SELLER, OTHER, READER):
        with pytest.raises(AccessDenied):
            await shop.fulfillment.approve(actor, item.id, APPROVAL)
        with pytest.raises(AccessDenied):
            await shop.fulfillment.fail(actor, item.id, Refusal("No."))
    with pytest.raises(Problem) as raised:
        await shop.fulfillment.cancel(OTHER, item.id)
    assert raised.value.code is Code.NOT_FOUND
    assert (await shop.order(item)).status == "processing"


async def test_parameters_are_those_that_the_service_gives_back(shop: Shop, item: Item) -> None:
    wrong = Approval(parameters=[ParameterValue("domain", "x.example"), ParameterValue("tenant", "t" * 5000)])
    with pytest.raises(Problem) as raised:
        await shop.fulfillment.approve(OPERATOR, item.id, wrong)
    assert [(fault.field, fault.message) for fault in raised.value.faults] == [
        ("fulfillmentParameters[0].name", "domain is not one that the service gives back: key, tenant"),
        ("fulfillmentParameters[1].value", "must have at most 4000 characters"),
    ]
    with pytest.raises(Problem, match="reason must have 1 to"):
        await shop.fulfillment.fail(OPERATOR, item.id, Refusal("x" * (LONGEST_REASON + 1)))


async def test_of_two_requests_each_is_decided_by_itself(shop: Shop) -> None:
    shop.plans.plans[1] = MANUAL.__class__(**{**{f: getattr(MANUAL, f) for f in MANUAL.__struct_fields__}, "id": 1})
    placed = await shop.place(await shop.customer(), line(MANUAL.id), line(1))
    await shop.run()
    half = decided(await shop.fulfillment.approve(OPERATOR, placed.id, Approval("one", request_id=1)))
    assert (half.status, [one.status for one in half.requests]) == ("processing", ["approved", "pending"])
    with pytest.raises(Problem, match="has no request 7"):
        await shop.fulfillment.approve(OPERATOR, placed.id, Approval(request_id=7))
    whole = decided(await shop.fulfillment.approve(OPERATOR, placed.id, Approval("two")))
    assert whole.status == "completed"
    ids = [(await shop.subscription(one.subscription_id)).items[0].vendor_subscription_id for one in whole.requests]
    assert ids == ["one", "two"]


async def test_of_approval_and_cancellation_at_once_one_counts(shop: Shop) -> None:
    for _ in range(8):
        placed = await shop.place(await shop.customer(), line(MANUAL.id))
        await shop.run()
        outcomes = await asyncio.gather(
            shop.fulfillment.approve(OPERATOR, placed.id, Approval()),
            shop.fulfillment.cancel(SELLER, placed.id),
            return_exceptions=True,
        )
        (refused_,) = [one for one in outcomes if isinstance(one, Problem)]
        assert refused_.code is Code.CONFLICT
        order = await shop.order(placed)
        subscription = await shop.subscription(order.subscription_id)
        assert (order.status, subscription.status) in {("completed", "active"), ("cancelled", "removed")}
        assert bool(await shop.store.orders.ledger(placed)) is (order.status == "completed")
