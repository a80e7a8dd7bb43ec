"""How a platform begins."""

from __future__ import annotations

from pathlib import Path

from emporion.accounts.ids import RESELLER_ID
from emporion.credentials import key_digest
from emporion.marketplace import platforms
from emporion.store.sqlite import SqliteStore


async def test_the_log_begins_with_the_first_reseller_user_and_key(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "new.db")
    await store.migrate()
    await store.open()
    access = platforms.generate_credentials("Acme", "anna", "de")
    await platforms.found(store, access, 5, sandbox=False)
    events = await store.events.log(RESELLER_ID, 0, 99)
    await store.close()
    assert {(event.at, event.origin.user, event.origin.source) for event in events} == {(5, None, "command line")}
    key_id = key_digest(access.subscription_key).hex()[:12]
    assert [(event.type, event.reason) for event in events] == [
        ("reseller.created", None),
        ("user.created", "user anna"),
        ("key.created", f"key {key_id}"),
    ]
    assert events[1].changes == {"role": (None, "owner"), "marketplace": (None, "de")}
    assert access.password not in str(events)
    assert access.subscription_key not in str(events)
