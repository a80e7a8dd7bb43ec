"""Makes the files of reports, whichever worker is alive.

A worker leases a report by its version: of two that find it due, one changes it. A lease that is not renewed ends, and
another worker begins anew; what the first one still writes is refused, since the version is another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

from msgspec import structs

from emporion import times
from emporion.events import Changes, EventType, NewEvent, Origin, Subject
from emporion.marketplace.actors import Actor
from emporion.marketplace.report_rows import report_rows
from emporion.marketplace.sales_rows import Rows
from emporion.report_formats import add_columns, report_writer
from emporion.store.faults import temporary_files
from emporion.store.reports import REPORTS, KeptReport

if TYPE_CHECKING:
    from emporion.marketplace.events import EventLog
    from emporion.report_formats import ReportWriter
    from emporion.store.base import Store
    from emporion.store.collections import Item
    from emporion.store.reports import ReportStore

# Milliseconds for which a worker has a report, and after which it renews that.
LEASE, RENEWAL = 30_000, 10_000
# How often a report is begun before it is given up.
MOST_ATTEMPTS = 3
# Milliseconds for which a file is kept.
FILE_KEPT = 90 * 86_400_000
# Bytes of a part of a file.
PART = 64 << 10
# Formats whose file begins with the names of all columns.
WITH_COLUMNS = ("csv", "xlsx")
# How many columns a file may have: each has its place in each row, and attributes may have any names.
MOST_REPORT_COLUMNS = 2_000
TOO_WIDE = f"It would have more than {MOST_REPORT_COLUMNS:,} columns; ask for it as JSON or XML, which have none."
REPORT_FAILED = "It could not be made; ask for it again."


class ReportRunner:
    """Makes one report after the other. clock: seconds since 1970."""

    def __init__(self, store: Store, logbook: EventLog, clock: Callable[[], float]) -> None:
        self._store = store
        self._logbook = logbook
        self._clock = clock

    async def run_next(self) -> bool:
        """Make the report that has waited longest, or remove a file that is kept no longer; whether there was one."""
        now = int(self._clock() * 1000)
        due = await self._store.reports.due(now, 1)
        for item in due:
            kept = REPORTS.decode(item.document)
            if kept.report.status in ("completed", "error"):
                await self._store.reports.update_without_file(item, structs.replace(kept, parts=0, due=None))
            elif kept.attempts >= MOST_ATTEMPTS:
                failed = Lease(self._store.reports, item, kept, self._clock)
                await failed.end("report.failed", status="error", error=REPORT_FAILED)
            elif lease := await begin(self._store.reports, item, kept, self._clock):
                await self._make(lease)
        return bool(due)

    async def _make(self, lease: Lease) -> None:
        report, reseller_id = lease.kept.report, lease.item.reseller_id
        actor = Actor(reseller_id, "", "worker")
        period = times.instant(report.start_date) or 0, times.instant(report.end_date or "") or 0

        in_columns = report.format in WITH_COLUMNS

        def read() -> AsyncIterator[Rows]:
            return report_rows(self._store, self._logbook, actor, report.name, *period, in_columns=in_columns)

        columns: dict[str, None] = {}
        if in_columns:
            async for rows in read():
                add_columns(columns, rows)
                if len(columns) > MOST_REPORT_COLUMNS:
                    await lease.end("report.failed", status="error", error=TOO_WIDE)
                    return
                if not await lease.renew():
                    return
        with closing(WriterInThread(report_writer(report.format, report.name, list(columns)), lease)) as writer:
            if await self._write(lease, writer, read()):
                await lease.end("report.completed", status="completed", due=int(self._clock() * 1000) + FILE_KEPT)

    async def _write(self, lease: Lease, writer: WriterInThread, read: AsyncIterator[Rows]) -> bool:
        """Write the file in parts of equal size; whether the report was ours until the end."""
        content = bytearray()
        async for rows in read:
            content += await writer.write(rows)
            if not await lease.renew() or not await lease.keep(content, PART):
                return False
        async for piece in writer.finish():
            content += piece
            if not await lease.renew() or not await lease.keep(content, PART):
                return False
        return await lease.keep(content, 1)


class WriterInThread:
    """A writer that works in a thread, while the lease of its report is renewed: a workbook is put together at the end,
    which takes long."""

    def __init__(self, writer: ReportWriter, lease: Lease) -> None:
        self._writer = writer
        self._lease = lease
        self._thread = ThreadPoolExecutor(1, "report")

    async def write(self, rows: Rows) -> bytes:
        """The bytes of the file that are ready. Raises Problem (UNAVAILABLE) for want of room for temporary files."""
        return await self._do(lambda: self._writer.write(rows))

    async def finish(self) -> AsyncIterator[bytes]:
        """The rest of the file, in pieces. Raises as `write` does."""
        pieces = self._writer.finish()
        while piece := await self._do(lambda: next(pieces, b"")):
            yield piece

    def close(self) -> None:
        """Remove temporary files once nothing is under way, and wait for nothing."""
        self._thread.submit(self._writer.close)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], bytes]) -> bytes:
        doing = asyncio.wrap_future(self._thread.submit(work))
        while not (await asyncio.wait([doing], timeout=RENEWAL / 2000))[0]:
            await self._lease.renew()
        with temporary_files():
            return doing.result()


async def begin(store: ReportStore, item: Item, kept: KeptReport, clock: Callable[[], float]) -> Lease | None:
    """A lease of a report that is due, or None if another worker has it."""
    begun = structs.replace(
        kept,
        report=structs.replace(kept.report, status="processing"),
        attempts=kept.attempts + 1,
        parts=0,
        due=int(clock() * 1000) + LEASE,
    )
    leased = await store.update_without_file(item, begun)
    return Lease(store, leased, begun, clock) if leased else None


class Lease:
    """A report that a worker is at. item, kept: as they are now. clock: seconds since 1970."""

    def __init__(self, store: ReportStore, item: Item, kept: KeptReport, clock: Callable[[], float]) -> None:
        self.item = item
        self.kept = kept
        self._store = store
        self._clock = clock
        self._parts = 0

    async def renew(self) -> bool:
        """Keep the report for longer, if it is time; whether it is still ours."""
        now = int(self._clock() * 1000)
        if (self.kept.due or 0) - now > LEASE - RENEWAL:
            return True
        return await self._update(structs.replace(self.kept, due=now + LEASE), None)

    async def keep(self, content: bytearray, least: int) -> bool:
        """Move parts of the file from `content` into the store while it has `least` bytes; whether it is still ours."""
        while len(content) >= least:
            if not await self._store.add_part(self.item, self._parts, bytes(content[:PART])):
                return False
            self._parts += 1
            del content[:PART]
        return True

    async def end(self, event: EventType, *, due: int | None = None, **members: Any) -> bool:
        """Put the report into its last state, with an event; whether it was still ours."""
        report = structs.replace(self.kept.report, **members)
        owner, subject = self.item.reseller_id, Subject("report", self.item.id)
        changes: Changes = {"status": (self.kept.report.status, report.status)}
        at, about = int(self._clock() * 1000), f"report {self.item.id}"
        entry = NewEvent(owner, owner, event, at, Origin(None, "worker"), changes, about, subject)
        return await self._update(structs.replace(self.kept, report=report, due=due, parts=self._parts), entry)

    async def _update(self, kept: KeptReport, event: NewEvent | None) -> bool:
        item = await self._store.update(self.item, kept, event)
        if item:
            self.item, self.kept = item, kept
        return item is not None
