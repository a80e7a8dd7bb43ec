"""What all nouns that are lists of documents have in common in the marketplace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct, structs

from emporion.accounts.ids import RESELLER_ID
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.collections import CollectionService
from emporion.reports import Report
from emporion.store import open_store
from emporion.store.reports import REPORTS, KeptReport
from tests.clock import Clock
from tests.conftest import CALLERS, settings_for

EDITOR = Actor(RESELLER_ID, "anna", "api", "editor")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "api", "owner")
REPORT = Report(
    id="one",
    name="Events",
    status="submitted",
    type="onetime",
    format="csv",
    creation_date="2026-11-30T12:00:00Z",
    start_date="2026-11-01T00:00:00Z",
)


class NewThing(Struct):
    """What a client sends, for the test."""

    due: int
    attempts: int = 0
    pinned: bool = False


@pytest.fixture
async def service(database: Path) -> AsyncIterator[CollectionService[KeptReport]]:
    store = open_store(settings_for(database))
    await store.open()
    yield CollectionService(store.reports, REPORTS, Clock())
    await store.close()


def changed(before: KeptReport, wanted: NewThing) -> KeptReport:
    return structs.replace(before, due=wanted.due, attempts=wanted.attempts + wanted.pinned)


async def patch(service: CollectionService[KeptReport], body: dict[str, Any], *expected: int) -> KeptReport:
    item = await service.patch(EDITOR, "one", body, NewThing, changed, expected or None)
    return msgspec.json.decode(item.document, type=KeptReport)


async def test_a_merge_patch_changes_what_it_names(service: CollectionService[KeptReport]) -> None:
    await service.create(EDITOR, RESELLER_ID, KeptReport(REPORT, 5, 2), "one", None)
    assert (await patch(service, {"due": 7})).due == 7
    assert (await patch(service, {"attempts": None}, 2)).attempts == 0
    assert (await patch(service, {"pinned": "true"}, 3, 9)).attempts == 1
    assert (await service.get(EDITOR, "one")).version == 4
    await patch(service, {"attempts": 1})
    assert (await service.get(EDITOR, "one")).version == 4, "nothing has changed"


async def test_what_is_wrong_with_a_patch_is_told(service: CollectionService[KeptReport]) -> None:
    await service.create(EDITOR, RESELLER_ID, KeptReport(REPORT, 5, 2), "one", None)
    with pytest.raises(Problem) as raised:
        await patch(service, {"due": None, "attempts": "many", "pinned": "yes"})
    assert raised.value.code is Code.INVALID
    assert [(fault.field, fault.message) for fault in raised.value.faults] == [
        ("due", "cannot be cleared; leave it out to keep it"),
        ("attempts", "must be a whole number"),
        ("pinned", "must be true or false"),
    ]
    with pytest.raises(Problem) as raised:
        await patch(service, {"due": 6}, 2)
    assert raised.value.code is Code.PRECONDITION_FAILED
    with pytest.raises(Problem) as raised:
        await service.patch(OTHER, "one", {"due": 6}, NewThing, changed)
    assert raised.value.code is Code.NOT_FOUND
    assert (await service.get(EDITOR, "one")).version == 1
