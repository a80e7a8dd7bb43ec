"""Reports: what was asked for, how far it has come, and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from emporion import times
from emporion.accounts.folding import fold
from emporion.reports import Report
from emporion.store.collections import (
    Collection,
    CollectionStore,
    Column,
    Item,
    add_item,
    between,
    contains,
    equals,
    update_item,
)
from emporion.store.database import execute, fetch_row
from emporion.store.faults import too_many_reports

if TYPE_CHECKING:
    from emporion.events import NewEvent, Subject
    from emporion.store.database import Write
    from emporion.store.idempotency import IdempotentRequest

# How many reports of one reseller may wait to be made, so that others need not wait for all of them.
MOST_UNFINISHED = 10

_COUNT_UNFINISHED = "SELECT count(*) FROM reports WHERE reseller_id = ? AND status IN ('submitted', 'processing')"
_LOCK = "SELECT 1 FROM reports WHERE reseller_id = ? AND id = ? AND version = ? {for_update}"
_ADD_PART = "INSERT INTO report_files (reseller_id, report_id, number, content) VALUES (?, ?, ?, ?)"
_PART = "SELECT content FROM report_files WHERE reseller_id = ? AND report_id = ? AND number = ?"
_DROP_FILE = "DELETE FROM report_files WHERE reseller_id = ? AND report_id = ?"


class KeptReport(Struct, frozen=True):
    """A report as it is kept. attempts: how often making it was begun. parts: of its file. due: when a worker is to
    look at it: to make it, to take it over from one that was killed, or to remove its file; None for never."""

    report: Report
    due: int | None
    attempts: int = 0
    parts: int = 0

    @property
    def id(self) -> str:
        """The report's own."""
        return self.report.id


REPORTS: Collection[KeptReport] = Collection(
    "reports",
    "report",
    KeptReport,
    columns=(
        Column("name_folded", lambda kept: fold(kept.report.name)),
        Column("format", lambda kept: kept.report.format),
        Column("status", lambda kept: kept.report.status),
        Column("type", lambda kept: kept.report.type),
    ),
    filters={
        "name": lambda value: [contains("name_folded", fold(value))],
        "format": lambda value: [equals("format", value)],
        "status": lambda value: [equals("status", value)],
        "type": lambda value: [equals("type", value)],
        "from_": lambda value: between("created_at", times.day(value), None),
        "to": lambda value: between("created_at", None, times.next_day(value)),
    },
    due=lambda kept: kept.due,
    shown=lambda kept: kept.report,
)


class ReportStore(CollectionStore[KeptReport]):
    """Reports and their files, as they are kept."""

    async def add(
        self,
        reseller_id: int,
        document: KeptReport,
        subject: Subject,
        event: NewEvent,
        once: IdempotentRequest | None = None,
    ) -> Item:
        """Add a report as `CollectionStore.add` does.

        Raises Problem (CONFLICT), too, while MOST_UNFINISHED of the reseller are not made yet.
        """
        return await self._database.write(_add, self._collection, reseller_id, document, subject, event, once)

    async def update_without_file(self, item: Item, document: KeptReport) -> Item | None:
        """Update a report, and remove what there is of its file.

        Returns None if it is not in the version of `item` any more: another worker has it.
        """
        return await self._database.write(_update_without_file, self._collection, item, document)

    async def add_part(self, item: Item, number: int, content: bytes) -> bool:
        """Keep a part of a file if `item` still has its version; whether it had. Numbers are 0, 1, 2…"""
        return await self._database.write(_add_part, item, number, content)

    async def part(self, item: Item, number: int) -> bytes | None:
        """A part of a report's file."""
        row = await self._database.row(_PART, item.reseller_id, item.id, number)
        return row[0] if row else None


def _add(
    collection: Collection[KeptReport], reseller_id: int, document: KeptReport, subject: Subject, event: NewEvent,
    once: IdempotentRequest | None,
) -> Write[Item]:  # fmt: skip
    item = yield from add_item(collection, reseller_id, document, subject, event, once)
    # Counted with it: of two that come together, the later one sees the earlier.
    row = yield from fetch_row(_COUNT_UNFINISHED, reseller_id)
    if not item.replayed and row and row[0] > MOST_UNFINISHED:
        raise too_many_reports(MOST_UNFINISHED)
    return item


def _update_without_file(collection: Collection[KeptReport], item: Item, document: KeptReport) -> Write[Item | None]:
    changed = yield from update_item(collection, item, document, None)
    if changed:
        yield from execute(_DROP_FILE, item.reseller_id, item.id)
    return changed


def _add_part(item: Item, number: int, content: bytes) -> Write[bool]:
    if not (yield from fetch_row(_LOCK, item.reseller_id, item.id, item.version)):
        return False
    yield from execute(_ADD_PART, item.reseller_id, item.id, number, content)
    return True
