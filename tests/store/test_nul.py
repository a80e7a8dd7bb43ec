"""A letter that PostgreSQL does not take is in nothing that is kept, so nothing is found by it."""

from __future__ import annotations

from emporion.store.base import Store
from emporion.store.records import Filter, Listing
from tests.store.conftest import ONE

NUL = "a\0b"


async def test_nothing_is_found_by_a_text_with_nul(store: Store) -> None:
    assert await store.users.get(NUL) is None
    assert await store.clients.get(NUL, NUL) is None
    assert await store.sessions.by_login(NUL, 10) == []
    assert await store.administrators.get(NUL) is None
    assert await store.administrators.by_email(NUL, 10) == []
    assert await store.usage.by_day(ONE, 0, NUL) == []
    assert await store.imports.get(NUL) is None
    assert await store.sessions.end(NUL, [], 1) == 0
    assert await store.sessions.end_others(NUL, b"", 1) == 0
    for wanted in (Filter(email=NUL), Filter(external_id=NUL)):
        assert await store.customers.page(ONE, wanted, 0, 10, whole=False) == Listing(b"[]", 0)
        assert await store.resellers.page(ONE, wanted, 0, 10) == Listing(b"[]", 0)
