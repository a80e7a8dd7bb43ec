"""Resellers' own prices, as they are kept: set with their events, all or none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec import structs

from emporion.catalogue.own_prices import OwnPrice, target_of_item, target_of_product
from emporion.catalogue.rates import flat
from emporion.errors import Code, Problem
from emporion.events import Changes, EventType, NewEvent, Origin, Subject
from emporion.store.base import Store
from emporion.store.prices import OwnPriceChange
from tests.catalogue_samples import tiers
from tests.store.conftest import BELOW_ONE, ONE, TWO

PRODUCT, ITEM = target_of_product("1000301"), target_of_item(10005, "ACME MAIL")
FLAT = OwnPrice(currency="USD", recurring=flat(Decimal("4.500001")), setup=flat(Decimal(0)))
TIERED = OwnPrice(currency="USD", recurring=tiers("TIERED", (0, "4"), (10, "3.5")))
MARGIN = OwnPrice(currency="USD", margin=Decimal("12.5"))


def change(target: str, price: OwnPrice | None, reseller_id: int = ONE) -> OwnPriceChange:
    """A change whose event tells the margins before and after."""

    def event(before: OwnPrice | None) -> NewEvent:
        changes: Changes = {"margin": (before and str(before.margin), price and str(price.margin))}
        type_: EventType = "price.updated" if before else "price.created"
        about = Subject("price", target)
        return NewEvent(reseller_id, reseller_id, type_, 5, Origin("anna", "api"), changes, None, about)

    return OwnPriceChange(target, price, 5, event)


async def test_what_is_set_is_read_again_to_the_last_digit(store: Store) -> None:
    changes = [change(PRODUCT, FLAT), change(ITEM, TIERED), change("7", MARGIN)]
    assert await store.prices.set(ONE, changes) == ["created", "created", "created"]
    kept = await store.prices.of([ONE, TWO], [PRODUCT, ITEM, "7", "8"])
    assert kept == {(ONE, PRODUCT): FLAT, (ONE, ITEM): TIERED, (ONE, "7"): MARGIN}
    assert (await store.product_lists.seller(BELOW_ONE)).priced == [ONE]
    assert (await store.product_lists.seller(TWO)).priced == []
    assert await store.prices.of([TWO], [PRODUCT]) == {}


async def test_each_change_is_in_the_log_with_what_was_before(store: Store) -> None:
    before = len(await store.events.log(ONE, 0, 100))
    assert await store.prices.set(ONE, [change(PRODUCT, MARGIN)]) == ["created"]
    assert await store.prices.set(ONE, [change(PRODUCT, MARGIN)]) == ["unchanged"]
    assert await store.prices.set(ONE, [change(PRODUCT, FLAT), change(ITEM, None)]) == ["changed", "unchanged"]
    assert await store.prices.set(ONE, [change(PRODUCT, None)]) == ["removed"]
    assert await store.prices.of([ONE], [PRODUCT]) == {}
    events = (await store.events.log(ONE, 0, 100))[before:]
    assert [(event.type, event.changes["margin"], event.subject) for event in events] == [
        ("price.created", (None, "12.5"), Subject("price", PRODUCT)),
        ("price.updated", ("12.5", "None"), Subject("price", PRODUCT)),
        ("price.updated", ("None", None), Subject("price", PRODUCT)),
    ]


async def test_prices_are_set_together_or_not_at_all(store: Store) -> None:
    def broken(before: OwnPrice | None) -> NewEvent:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.prices.set(ONE, [change(PRODUCT, MARGIN), OwnPriceChange(ITEM, MARGIN, 5, broken)])
    assert await store.prices.of([ONE], [PRODUCT, ITEM]) == {}
    with pytest.raises(Problem) as refused:
        await store.prices.set(999, [change(PRODUCT, MARGIN, 999)])
    assert refused.value.code is Code.NOT_FOUND


async def test_a_list_goes_on_after_the_last_target(store: Store) -> None:
    targets = sorted(["9", "10", "10 B", "10 A", "10 a", "10 _"])
    await store.prices.set(ONE, [change(target, MARGIN) for target in targets])
    found, after = [], ""
    while part := await store.prices.page(ONE, after, 2):
        found += [target for target, _ in part]
        after = part[-1][0]
    assert found == targets
    assert await store.prices.page(TWO, "", 2) == []


async def test_the_prices_of_an_item_are_found_in_every_plan(store: Store) -> None:
    targets = ["10 A_B", "11 A_B", "12 AxB", "13 a_b", "14 C A_B", "15"]
    await store.prices.set(ONE, [change(target, MARGIN) for target in targets])
    assert await store.prices.of_item(ONE, "A_B") == ["10 A_B", "11 A_B"]
    assert await store.prices.of_item(TWO, "A_B") == []


async def test_where_one_is_not_what_was_expected_none_is_set(store: Store) -> None:
    await store.prices.set(ONE, [change(PRODUCT, FLAT)])
    log = await store.events.log(ONE, 0, 100)
    for first, second in ((MARGIN, None), (None, None), (FLAT, MARGIN)):
        changes = [
            structs.replace(change(PRODUCT, TIERED), expected=first),
            structs.replace(change(ITEM, TIERED), expected=second),
        ]
        with pytest.raises(Problem) as raised:
            await store.prices.set(ONE, changes)
        assert raised.value.code is Code.CONFLICT
    assert await store.prices.of([ONE], [PRODUCT, ITEM]) == {(ONE, PRODUCT): FLAT}
    assert await store.events.log(ONE, 0, 100) == log
    expected = structs.replace(change(PRODUCT, TIERED), expected=FLAT)
    assert await store.prices.set(ONE, [expected, structs.replace(change(ITEM, None), expected=None)]) == [
        "changed",
        "unchanged",
    ]
