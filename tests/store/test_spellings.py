"""A database from before all spellings of an e-mail address were looked for as one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emporion.emails import fold_email
from emporion.store import rows
from emporion.store.base import Store
from emporion.store.platform import Platform
from emporion.store.records import Filter
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.store.conftest import ONE, PROVIDER, know_all_migrations_but, new_reseller
from tests.store.test_base import change, customer, ids, new, person

NAME = "addresses_in_one_spelling"
# Each with another spelling of it, and how the older program looked for it.
MOVED = {
    "Info@Müller.example": ("info@xn--mller-kva.example", "info@müller.example"),
    "b@straße.example": ("b@xn--strae-oqa.example", "b@strasse.example"),
    "jo\u0308rg@example.com": ("jörg@example.com", "jo\u0308rg@example.com"),
}
STAYING = ["Anna@example.com", "ü@example.com"]


async def test_its_addresses_are_found_in_every_spelling_and_can_be_changed(
    new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        know_all_migrations_but(NAME, older)
        older.setattr(rows, "fold_email", str.casefold)
        store = new_store()
        await store.migrate()
        await store.open()
        reseller = new_reseller("One", PROVIDER, ONE, contact_persons=[person(email) for email in MOVED])
        await store.platform.create(
            Platform(sandbox=False),
            new_reseller("Provider", None, PROVIDER),
            reseller,
            User("api", ONE, "us", "hash"),
            SubscriptionKey(b"digest", ONE),
        )
        records = {}
        for email in (*MOVED, *STAYING):
            wanted = customer(email, None, "active", person(email), person("same@example.com"))
            records[email] = await store.customers.add(new(ONE, wanted))
        await store.close()
    store = new_store()
    assert NAME.replace("_", " ") in " ".join(await store.migrate())
    assert await store.migrate() == []
    await store.open()
    for email, (other, once) in MOVED.items():
        for spelling in (email, other):
            asked = Filter(email=fold_email(spelling))
            assert await ids(store, ONE, asked) == [records[email].id]
            assert (await store.resellers.page(PROVIDER, asked, 0, 10)).total == 1
        if once != fold_email(other):
            assert await ids(store, ONE, Filter(email=once)) == []
    for email in STAYING:
        assert await ids(store, ONE, Filter(email=fold_email(email))) == [records[email].id]
    assert len(await ids(store, ONE, Filter(email="same@example.com"))) == len(records)
    # An address that is given up is not found any more.
    for email, record in records.items():
        moved = customer(email, None, "active", person("new@example.com"))
        await store.customers.update(change(record, moved, changes={"contactPersons": ([{"email": email}], [])}))
        assert await ids(store, ONE, Filter(email=fold_email(email))) == []
    await store.close()
