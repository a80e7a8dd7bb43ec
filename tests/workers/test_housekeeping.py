"""What is over does not stay: the house is kept while the platform is served."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec import structs

from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.store.sqlite import SqliteStore
from emporion.workers import housekeeping
from tests.conftest import settings_for
from tests.server import PATIENCE


async def test_an_upload_that_a_killed_process_has_left_is_cancelled(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "INTERVAL", 0)
    monkeypatch.setattr(housekeeping, "ROUNDS", 1)
    store = SqliteStore(database)
    await store.open()
    marketplace = build_marketplace(settings_for(database), store)
    actor = Actor(RESELLER_ID, "anna", "console", "editor")
    draft = await marketplace.imports.draft(actor, RESELLER_ID, "x.csv", "csv")
    await store.imports.add(structs.replace(draft, state="arriving", stored=True, created_at=1), 0)
    ended, end = asyncio.Event(), marketplace.imports.end_arrivals

    async def end_arrivals() -> None:
        await end()
        ended.set()

    monkeypatch.setattr(marketplace.imports, "end_arrivals", end_arrivals)
    task = asyncio.create_task(housekeeping.keep_house(marketplace))
    try:
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        assert (await marketplace.imports.get(actor, draft.id)).state == "cancelled"
    finally:
        task.cancel()
        await asyncio.wait([task])
        await store.close()
