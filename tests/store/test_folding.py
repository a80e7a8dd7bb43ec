"""A database from before names were looked for with one kind of apostrophe and dash, and accents typed for it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from emporion.accounts.folding import STROKES, fold
from emporion.store import rows
from emporion.store.base import Store
from emporion.store.platform import Platform
from emporion.store.records import Filter
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.store.conftest import ONE, PROVIDER, know_all_migrations_but, new_reseller
from tests.store.test_base import change, customer, ids, new

# Each with what it is looked for by.
MOVED = {
    "O\u2019Brien Ltd": "o'brien",
    "Fo\u200bo \u2013 Bar": "foo - bar",
    "\u65e5\u2010\u672c \u845b\U000e0100\u57ce": "\u845b\u57ce",
    "\u00c9\u00adt\u00e9": "ete",
    "O\u00b4Connor": "o'connor",
    "O`Leary": "o'leary",
    "\u01feresund \u01fc": "oresund ae",
}
STAYING = {"O'Neil-Foo": "o\u2019neil\u2011f", "\u00c4rger AG": "arger", "\u65e5\u672c": "\u65e5\u672c"}


def fold_by_case_and_accents(text: str) -> str:
    """As the older program did."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(STROKES))
    return "".join(char for char in apart if not unicodedata.combining(char)).casefold()


@pytest.mark.parametrize("migration", ["names_in_one_spelling", "names_with_typed_accents"])
async def test_its_names_are_found_as_those_of_today_and_can_be_changed(
    migration: str, new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        know_all_migrations_but(migration, older)
        older.setattr(rows, "fold", fold_by_case_and_accents)
        store = new_store()
        await store.migrate()
        await store.open()
        await store.platform.create(
            Platform(sandbox=False),
            new_reseller("Provider", None, PROVIDER),
            new_reseller("\u00c9milie\u2019s \u2014 Shop", PROVIDER, ONE),
            User("api", ONE, "us", "hash"),
            SubscriptionKey(b"digest", ONE),
        )
        records = {
            name: await store.customers.add(new(ONE, customer(name, None, "active"))) for name in MOVED | STAYING
        }
        await store.close()
    store = new_store()
    assert migration.replace("_", " ") in " ".join(await store.migrate())
    assert await store.migrate() == []
    await store.open()
    assert (await store.resellers.page(PROVIDER, Filter(name="emilie's - shop"), 0, 10)).total == 1
    for name, wanted in (MOVED | STAYING).items():
        for part in (wanted, name):
            assert records[name].id in await ids(store, ONE, Filter(name=fold(part)))
    # A name that is given up is not found any more.
    for name, record in records.items():
        await store.customers.update(change(record, customer("New", None, "active"), changes={"name": (name, "New")}))
        assert record.id not in await ids(store, ONE, Filter(name=fold(name)))
    assert len(await ids(store, ONE, Filter(name="new"))) == len(records)
    await store.close()
