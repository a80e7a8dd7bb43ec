"""Reports: asked for, listed and downloaded (contract: GET and POST /reports). `report_runner.py` makes them."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import structs

from emporion import times
from emporion.accounts.ids import PROVIDER_ID
from emporion.errors import Code, Problem, raise_invalid
from emporion.marketplace.collections import CollectionService
from emporion.marketplace.customers import ListPage
from emporion.reports import NewReport, Report, ReportFormat, faults_until, report_name
from emporion.store.reports import REPORTS, KeptReport
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.signing_keys import SigningKeys
    from emporion.reports import ReportQuery
    from emporion.store.collections import Item
    from emporion.store.idempotency import IdempotentRequest
    from emporion.store.reports import ReportStore

# Seconds for which the address of a file is good.
ADDRESS_LIFETIME = 48 * 3600


class Reports:
    """The reports of all resellers. url: under which clients reach this server. clock: seconds since 1970."""

    def __init__(self, store: ReportStore, signing_keys: SigningKeys, url: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._signing_keys = signing_keys
        self._url = url
        self._clock = clock
        self._service = CollectionService(store, REPORTS, clock)

    async def create(self, actor: Actor, body: dict[str, Any], once: IdempotentRequest | None = None) -> Item:
        """A report about the actor's account and all below it, which a worker makes soon.

        Raises Problem (INVALID) with every fault of the body, and AccessDenied (FORBIDDEN) for a reader.
        """
        actor.must_be("editor")
        wanted, faults = read(NewReport, body)
        now = self._now()
        if faults := faults or faults_until(wanted, now):
            raise_invalid(faults)
        name = report_name(wanted.name)
        start, end = times.instant(wanted.start_date), times.instant(wanted.end_date) if wanted.end_date else now
        assert name
        assert start is not None
        assert end is not None
        report = Report(
            id=str(uuid.uuid4()),
            name=name,
            status="submitted",
            type="onetime",
            format=cast("ReportFormat", wanted.format),
            creation_date=times.shown(now),
            start_date=times.shown(start),
            end_date=times.shown(end),
        )
        return await self._shown(
            await self._service.create(actor, actor.account_id, KeptReport(report, now), report.id, once)
        )

    async def get(self, actor: Actor, report_id: str) -> Item:
        """A report. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        return await self._shown(await self._service.get(actor, report_id))

    async def page(self, actor: Actor, query: ReportQuery) -> ListPage:
        """The reports of the actor's account and of all below it, newest first."""
        page = await self._service.page(actor, query)
        kept = msgspec.json.decode(page.data, type=list[KeptReport])
        return structs.replace(page, data=msgspec.Raw(msgspec.json.encode([await self._report(one) for one in kept])))

    async def file(self, report_id: str, expires: str, key: str) -> tuple[Report, AsyncIterator[bytes]]:
        """A report and its file, in parts, by what stands in its address.

        Raises Problem (FORBIDDEN) if the address is not ours or is too old, and (NOT_FOUND) if there is no file.
        """
        await self._check_address(report_id, expires, key)
        item = await self._store.get(PROVIDER_ID, report_id)
        kept = REPORTS.decode(item.document) if item else None
        if not item or not kept or not kept.parts:
            raise Problem(Code.NOT_FOUND, "The file of this report is not kept any more.")
        return kept.report, self._parts(item, kept.parts)

    async def _shown(self, item: Item) -> Item:
        """The item with its document as clients see it."""
        kept = REPORTS.decode(item.document)
        return structs.replace(item, document=msgspec.json.encode(await self._report(kept)))

    async def _report(self, kept: KeptReport) -> Report:
        if not kept.parts:
            return kept.report
        return structs.replace(kept.report, download_url=await self._address(kept.report.id))

    async def _parts(self, item: Item, count: int) -> AsyncIterator[bytes]:
        for number in range(count):
            content = await self._store.part(item, number)
            if content is None:  # it was removed meanwhile: the connection must break, or the rest would seem empty
                raise Problem(Code.NOT_FOUND, "The file of this report is not kept any more.")
            yield content

    async def _address(self, report_id: str) -> str:
        """Where the file of a report is, for a while."""
        expires = str(int(self._clock()) + ADDRESS_LIFETIME)
        key = _link_key((await self._signing_keys.current()).private, report_id, expires)
        return f"{self._url}/reports/{report_id}/file?expires={expires}&key={key}"

    async def _check_address(self, report_id: str, expires: str, key: str) -> None:
        is_ours = any(
            hmac.compare_digest(_link_key(one.private, report_id, expires).encode(), key.encode())
            for one in await self._signing_keys.good()
        )
        if not is_ours or int(expires) < self._clock():
            raise Problem(
                Code.FORBIDDEN, "This address is not valid, or not any more; get the report again for another one."
            )

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _link_key(secret: bytes, report_id: str, expires: str) -> str:
    """What shows that an address of a file is ours (HMAC-SHA256), 64 hexadecimal digits."""
    key = hashlib.sha256(b"emporion report files\0" + secret).digest()
    return hmac.digest(key, f"{report_id}\0{expires}".encode(), "sha256").hex()
