"""A letter that PostgreSQL does not take is in nothing that is kept, so nothing is found by it."""

from __future__ import annotations

from emporion.store.base import Filter, Listing, Store
from tests.store.conftest import ONE

NUL = "a\0b"


async def test_nothing_is_found_by_a_text_with_nul(store: Store) -> None:
    assert await store.user(NUL) is None
    assert await store.client(NUL, NUL) is None
    assert await store.sessions(NUL, 10) == []
    assert await store.administrator(NUL) is None
    assert await store.administrators(NUL, 10) == []
    assert await store.usage(ONE, 0, NUL) == []
    assert await store.an_import(NUL) is None
    assert await store.end_sessions(NUL, [], 1) == 0
    assert await store.end_other_sessions(NUL, b"", 1) == 0
    for wanted in (Filter(email=NUL), Filter(external_id=NUL)):
        assert await store.customers(ONE, wanted, 0, 10, whole=False) == Listing(b"[]", 0)
        assert await store.resellers(ONE, wanted, 0, 10) == Listing(b"[]", 0)
