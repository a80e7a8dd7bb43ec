"""Reports: what stands in them, who makes them, and who gets their files."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion import times
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace import Marketplace, report_runner
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.report_runner import FILE_KEPT, LEASE, MOST_ATTEMPTS, REPORT_FAILED, TOO_WIDE, ReportRunner
from emporion.marketplace.reports import ADDRESS_LIFETIME, Reports
from emporion.reports import REPORT_FORMATS, Report, ReportQuery
from emporion.store import open_store
from emporion.store.base import Store
from emporion.store.reports import MOST_UNFINISHED
from tests.clock import Clock
from tests.conftest import CALLERS, new_customer, settings_for

EDITOR = Actor(RESELLER_ID, "anna", "api", "editor")
BELOW = Actor(CALLERS["below"].reseller_id, "beth", "api", "editor")
OTHER = Actor(CALLERS["other"].reseller_id, "otto", "api", "owner")
OPERATOR = Actor(PROVIDER_ID, "operator", "command line")
URL = "https://api.example.com"
ADDRESS = re.compile(rf"{URL}/reports/([0-9a-f-]+)/file\?expires=([0-9]+)&key=([0-9a-f]+)")


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store = open_store(settings_for(database))
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def marketplace(database: Path, store: Store) -> Marketplace:
    return build_marketplace(settings_for(database), store)


@pytest.fixture
def reports(store: Store, marketplace: Marketplace, clock: Clock) -> Reports:
    return Reports(store.reports, marketplace.signing_keys, URL, clock)


@pytest.fixture
def runner(store: Store, marketplace: Marketplace, clock: Clock) -> ReportRunner:
    return ReportRunner(store, marketplace.events, clock)


def body(clock: Clock, name: str = "Customers", format: str = "csv", **members: Any) -> dict[str, Any]:  # noqa: A002
    """What is asked for: all until a while from now, since customers are made by the real time."""
    now = int(clock.now * 1000)
    period = {"startDate": times.shown(now - 86_400_000), "endDate": times.shown(now + 86_400_000)}
    return {"name": name, "format": format, **period, **members}


async def made(reports: Reports, runner: ReportRunner, actor: Actor, wanted: dict[str, Any]) -> tuple[Report, bytes]:
    """A report and its file."""
    created = await reports.create(actor, wanted)
    assert await runner.run_next()
    report = msgspec.json.decode((await reports.get(actor, created.id)).document, type=Report)
    return report, await downloaded(reports, report)


async def downloaded(reports: Reports, report: Report) -> bytes:
    found = ADDRESS.fullmatch(report.download_url or "")
    assert found, report
    kept, parts = await reports.file(*found.groups())
    assert kept.id == report.id
    return b"".join([part async for part in parts])


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize("format", REPORT_FORMATS)
async def test_each_format_has_all_customers(
    reports: Reports,
    runner: ReportRunner,
    marketplace: Marketplace,
    clock: Clock,
    format: str,  # noqa: A002
) -> None:
    for number in range(450):
        await marketplace.customers.create(BELOW, new_customer(name=f"Firm {number} <&>", externalId=None))
    report, content = await made(reports, runner, EDITOR, body(clock, format=format))
    assert (report.status, report.format) == ("completed", format)
    names = [f"Firm {number} <&>" for number in range(450)]
    if format == "csv":
        found = [row["name"] for row in rows_of(content)]
        (last,) = [row for row in rows_of(content) if row["name"] == names[-1]]
        assert (last["address.city"], last["resellerId"]) == (
            new_customer()["address"]["city"],
            str(BELOW.account_id),
        )
    elif format == "json":
        found = [row["name"] for row in msgspec.json.decode(content)]
    elif format == "xml":
        found = [name.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
                 for name in re.findall(r"<name>(.*?)</name>", content.decode())]  # fmt: skip
    else:
        assert content.startswith(b"PK")
        return
    assert [name for name in found if name.startswith("Firm")] == names
    assert await runner.run_next() is False


async def test_a_report_has_what_changed_in_its_period_only(
    reports: Reports, runner: ReportRunner, clock: Clock
) -> None:
    now = int(clock.now * 1000)
    yesterday = {"startDate": times.shown(now - 172_800_000), "endDate": times.shown(now - 86_400_000)}
    _, content = await made(reports, runner, EDITOR, body(clock, **yesterday))
    assert rows_of(content) == []
    _, content = await made(reports, runner, EDITOR, body(clock, "Events", **yesterday))
    assert rows_of(content) == []
    _, content = await made(reports, runner, EDITOR, body(clock, "Events"))
    found = {row["type"]: row for row in rows_of(content)}
    assert {"customer.created", "report.created"} <= set(found)
    # Each kind of event has members of its own, so what changed is one text.
    assert msgspec.json.decode(found["report.created"]["changes"])["name"] == {"after": "Events"}
    assert "changes.name.after" not in found["report.created"]


async def test_no_report_has_what_belongs_to_others(
    reports: Reports, runner: ReportRunner, marketplace: Marketplace, clock: Clock
) -> None:
    await marketplace.customers.create(OTHER, new_customer(name="Secret firm", externalId=None))
    await marketplace.customers.create(EDITOR, new_customer(name="Own firm", externalId=None))
    for name in ("Customers", "Events"):
        _, content = await made(reports, runner, EDITOR, body(clock, name, "json"))
        assert b"Own firm" in content
        assert b"Secret firm" not in content
        # Those above are not named to those below.
        _, below = await made(reports, runner, BELOW, body(clock, name, "json"))
        assert b"Own firm" not in below
        assert b'"anna"' not in below


async def test_who_reaches_a_report(reports: Reports, clock: Clock) -> None:
    created = await reports.create(BELOW, body(clock))
    for actor in (BELOW, EDITOR, OPERATOR):
        assert (await reports.get(actor, created.id)).id == created.id
        assert (await reports.page(actor, ReportQuery())).pagination.total == 1
    with pytest.raises(Problem) as raised:
        await reports.get(OTHER, created.id)
    assert raised.value.code is Code.NOT_FOUND
    assert (await reports.page(OTHER, ReportQuery())).pagination.total == 0
    with pytest.raises(AccessDenied, match="role reader"):
        await reports.create(Actor(RESELLER_ID, "rita", "api", "reader"), body(clock))


async def test_an_address_is_good_for_two_days_and_for_its_report_only(
    reports: Reports, runner: ReportRunner, clock: Clock
) -> None:
    report, _ = await made(reports, runner, EDITOR, body(clock))
    other, _ = await made(reports, runner, EDITOR, body(clock, "Events"))
    found = ADDRESS.fullmatch(report.download_url or "")
    assert found
    id_, expires, key = found.groups()
    for wrong in (
        (other.id, expires, key),
        (id_, str(int(expires) + 1), key),
        (id_, expires, key[:-1] + ("0" if key[-1] != "0" else "1")),
        (id_, expires, key.upper()),
        (id_, "", ""),
        (id_, expires, "ä\0"),
    ):
        with pytest.raises(Problem, match="This address is not valid") as raised:
            await reports.file(*wrong)
        assert raised.value.code is Code.FORBIDDEN
    clock.now += ADDRESS_LIFETIME - 1
    await reports.file(id_, expires, key)
    clock.now += 2
    with pytest.raises(Problem, match="This address is not valid"):
        await reports.file(id_, expires, key)
    again = msgspec.json.decode((await reports.get(EDITOR, id_)).document, type=Report)
    assert await downloaded(reports, again)


async def test_a_file_is_kept_for_ninety_days(reports: Reports, runner: ReportRunner, clock: Clock) -> None:
    report, content = await made(reports, runner, EDITOR, body(clock))
    clock.now += FILE_KEPT / 1000 - 1
    assert await runner.run_next() is False
    kept = msgspec.json.decode((await reports.get(EDITOR, report.id)).document, type=Report)
    assert await downloaded(reports, kept) == content
    clock.now += 2
    assert await runner.run_next() is True
    assert await runner.run_next() is False
    gone = msgspec.json.decode((await reports.get(EDITOR, report.id)).document, type=Report)
    assert (gone.status, gone.download_url) == ("completed", None)
    found = ADDRESS.fullmatch(kept.download_url or "")
    assert found
    with pytest.raises(Problem) as raised:
        await reports.file(*found.groups())
    assert raised.value.code is Code.NOT_FOUND


async def test_ten_reports_of_a_reseller_may_wait(
    store: Store, reports: Reports, runner: ReportRunner, clock: Clock
) -> None:
    asked = [reports.create(EDITOR, body(clock)) for _ in range(MOST_UNFINISHED + 5)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    assert len(refused) == 5
    assert {problem.code for problem in refused} == {Code.CONFLICT}
    assert (await reports.page(EDITOR, ReportQuery())).pagination.total == MOST_UNFINISHED
    clock.now += 1  # for the runner takes the oldest first
    assert await reports.create(BELOW, body(clock)), "those below have their own"
    assert await runner.run_next()
    assert await reports.create(EDITOR, body(clock))


class Killed(BaseException):
    """The process that makes a report ends, at whatever moment."""


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_another_worker_makes_anew_what_one_has_left(
    store: Store, reports: Reports, runner: ReportRunner, marketplace: Marketplace, clock: Clock,
    monkeypatch: pytest.MonkeyPatch, part: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(report_runner, "PART", 1000)
    for number in range(20):
        await marketplace.customers.create(EDITOR, new_customer(name=f"Firm {number}", externalId=None))
    created = await reports.create(EDITOR, body(clock))
    add_part = store.reports.add_part

    async def killed(item: Any, number: int, content: bytes) -> bool:
        if number == part:
            raise Killed
        return await add_part(item, number, content)

    with monkeypatch.context() as dying:
        dying.setattr(store.reports, "add_part", killed)
        with pytest.raises(Killed):
            await runner.run_next()
    assert await runner.run_next() is False, "it is leased"
    clock.now += LEASE / 1000 + 1
    assert await runner.run_next() is True
    report = msgspec.json.decode((await reports.get(EDITOR, created.id)).document, type=Report)
    names = [row["name"] for row in rows_of(await downloaded(reports, report))]
    assert [name for name in names if name.startswith("Firm")] == [f"Firm {number}" for number in range(20)]
    types = [event.type for event in await store.events.log(RESELLER_ID, 0, 1000) if event.type.startswith("report.")]
    assert types == ["report.created", "report.completed"]


async def test_a_worker_that_was_slow_writes_nothing_after_another_has_begun(
    store: Store, reports: Reports, runner: ReportRunner, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = await reports.create(EDITOR, body(clock))
    add_part = store.reports.add_part
    stopped, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(item: Any, number: int, content: bytes) -> bool:
        stopped.set()
        await go_on.wait()
        return await add_part(item, number, content)

    with monkeypatch.context() as slow:
        slow.setattr(store.reports, "add_part", slowly)
        first = asyncio.create_task(runner.run_next())
        await stopped.wait()
    clock.now += LEASE / 1000 + 1
    assert await runner.run_next() is True
    before = await reports.get(EDITOR, created.id)
    go_on.set()
    await first
    assert (await store.reports.get(RESELLER_ID, created.id) or before).version == before.version
    report = msgspec.json.decode(before.document, type=Report)
    assert report.status == "completed"
    assert await downloaded(reports, report)
    types = [event.type for event in await store.events.log(RESELLER_ID, 0, 1000) if event.type.startswith("report.")]
    assert types == ["report.created", "report.completed"]


async def test_what_fails_again_and_again_is_given_up(
    store: Store, reports: Reports, runner: ReportRunner, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = await reports.create(EDITOR, body(clock))

    async def fail(*_: Any) -> bool:
        raise RuntimeError("a surprise")

    monkeypatch.setattr(store.reports, "add_part", fail)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(RuntimeError):
            await runner.run_next()
        clock.now += LEASE / 1000 + 1
    assert await runner.run_next() is True
    assert await runner.run_next() is False
    report = msgspec.json.decode((await reports.get(EDITOR, created.id)).document, type=Report)
    assert (report.status, report.error, report.download_url) == ("error", REPORT_FAILED, None)
    assert (await store.events.log(RESELLER_ID, 0, 1000))[-1].type == "report.failed"


@pytest.mark.parametrize(("format", "status"), [("csv", "error"), ("xlsx", "error"), ("json", "completed")])
async def test_a_file_has_so_many_columns_at_most(
    reports: Reports, runner: ReportRunner, marketplace: Marketplace, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    format: str, status: str,  # noqa: A002
) -> None:  # fmt: skip
    monkeypatch.setattr(report_runner, "MOST_REPORT_COLUMNS", 40)
    attributes = {f"attribute {number}": "x" for number in range(40)}
    await marketplace.customers.create(EDITOR, new_customer(externalId=None, attributes=attributes))
    created = await reports.create(EDITOR, body(clock, format=format))
    assert await runner.run_next()
    assert not await runner.run_next()
    report = msgspec.json.decode((await reports.get(EDITOR, created.id)).document, type=Report)
    assert (report.status, report.error) == (status, TOO_WIDE if status == "error" else None)


async def test_a_lease_is_renewed_while_a_report_is_made(
    store: Store, reports: Reports, runner: ReportRunner, marketplace: Marketplace, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(report_runner, "PART", 300)
    for number in range(20):
        await marketplace.customers.create(EDITOR, new_customer(name=f"Firm {number}", externalId=None))
    created = await reports.create(EDITOR, body(clock, format="json"))
    scan = store.customers.scan
    others: list[bool] = []

    async def slow_scan(*asked: int) -> Any:
        clock.now += LEASE / 1000 - 1
        others.append(await runner.run_next())
        return await scan(asked[0], asked[1], 7)

    with monkeypatch.context() as slow:
        slow.setattr(store.customers, "scan", slow_scan)
        assert await runner.run_next() is True
    assert len(others) > 3
    assert not any(others)
    report = msgspec.json.decode((await reports.get(EDITOR, created.id)).document, type=Report)
    assert len(msgspec.json.decode(await downloaded(reports, report))) >= 20
