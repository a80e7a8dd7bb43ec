"""Those right below a reseller, a page at a time. Held against every store."""

from __future__ import annotations

import msgspec

from emporion.store.base import Store
from emporion.store.resellers import Children
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, new_reseller


def shown(children: Children) -> list[tuple[int, int]]:
    """The id of each, and how many stand below it."""
    return [(int(msgspec.json.decode(child.document)["id"]), child.below) for child in children.children]


async def add(store: Store, parent_id: int) -> int:
    return (await store.resellers.add(new_reseller("Another", parent_id))).id


async def test_children_are_those_right_below_newest_first_with_the_number_below_each(store: Store) -> None:
    deep = await add(store, BELOW_ONE)
    deeper = await add(store, deep)
    assert shown(await store.resellers.children(PROVIDER, 0, 10)) == [(TWO, 0), (ONE, 3)]
    assert shown(await store.resellers.children(ONE, 0, 10)) == [(BELOW_ONE, 2)]
    assert shown(await store.resellers.children(deep, 0, 10)) == [(deeper, 0)]


async def test_a_reseller_without_children_has_an_empty_page(store: Store) -> None:
    assert await store.resellers.children(TWO, 0, 10) == Children([], 0)


async def test_an_unknown_reseller_has_no_children(store: Store) -> None:
    assert await store.resellers.children(424242, 0, 10) == Children([], 0)


async def test_pages_of_children_meet_each_of_them_once_and_know_how_many_there_are(store: Store) -> None:
    added = [await add(store, TWO) for _ in range(7)]
    await add(store, added[3])  # a grandchild is in no page
    met = []
    for offset in (0, 3, 6, 9):
        page = await store.resellers.children(TWO, offset, 3)
        assert page.total == 7
        met += [number for number, _ in shown(page)]
    assert met == added[::-1]


async def test_children_stand_by_id_after_the_tree_was_numbered_anew(store: Store) -> None:
    parent = TWO
    for _ in range(70):  # deeper than the numbers below one reseller go
        parent = await add(store, parent)
    assert shown(await store.resellers.children(PROVIDER, 0, 10)) == [(TWO, 70), (ONE, 1)]
