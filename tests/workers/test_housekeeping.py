"""What is over does not stay: the house is kept while the platform is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import structs

from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.imports import REMEMBERED
from emporion.store.imports import LONGEST_ARRIVAL
from emporion.store.sqlite import SqliteStore
from emporion.workers import housekeeping
from tests.conftest import settings_for
from tests.server import PATIENCE

ANNA = Actor(RESELLER_ID, "anna", "console", "editor")


@pytest.fixture(autouse=True)
def purging_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "INTERVAL", 0)
    monkeypatch.setattr(housekeeping, "ROUNDS", 1)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


async def purge(marketplace: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let housekeeping go on until it has purged all kinds of things once."""
    ended, end = asyncio.Event(), marketplace.imports.end_arrivals

    async def end_arrivals() -> None:
        await end()
        ended.set()

    monkeypatch.setattr(marketplace.imports, "end_arrivals", end_arrivals)
    task = asyncio.create_task(housekeeping.run_housekeeping(marketplace))
    try:
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_upload_that_a_killed_process_has_left_is_cancelled(
    database: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    marketplace = build_marketplace(settings_for(database), store)
    draft = await marketplace.imports.draft(ANNA, RESELLER_ID, "x.csv", "csv")
    before = draft.created_at - LONGEST_ARRIVAL - 1
    await store.imports.add(structs.replace(draft, state="arriving", stored=True, created_at=before), 0)
    await purge(marketplace, monkeypatch)
    assert (await marketplace.imports.get(ANNA, draft.id)).state == "cancelled"


async def test_an_import_that_is_remembered_no_longer_is_removed(
    database: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    marketplace = build_marketplace(settings_for(database), store)
    draft = await marketplace.imports.draft(ANNA, RESELLER_ID, "x.csv", "csv")
    before = draft.created_at - REMEMBERED * 1000 - 1
    await store.imports.add(structs.replace(draft, state="done", created_at=before), 0)
    await purge(marketplace, monkeypatch)
    assert await marketplace.imports.of(ANNA) == []
