"""Reports in the console: listed, asked for, followed until they are made, and downloaded."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emporion.errors import Code, Problem
from emporion.marketplace import report_runner
from emporion.marketplace.report_runner import ReportRunner
from emporion.marketplace.reports import Reports
from emporion.reports import ReportQuery
from emporion.store.collections import Item
from emporion.web.console import reports
from emporion.web.console.lists import ListColumn
from emporion.workers import reports as worker
from tests.conftest import Caller
from tests.document import CheckedClient
from tests.server import PATIENCE
from tests.web.conftest import Console, OpenConsole, Shown

LIST = "/console/reports"
NEW = "/console/reports/new"
SEPTEMBER = {"name": "Customers", "format": "csv", "startDate": "2026-09-01", "endDate": "2026-09-30"}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks often for what is to be made."""
    monkeypatch.setattr(worker, "INTERVAL", 0.02)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports stay as they were asked for."""

    async def run_next(_: ReportRunner) -> bool:
        return False

    monkeypatch.setattr(ReportRunner, "run_next", run_next)


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def asked_for(client: CheckedClient, caller: Caller, **members: Any) -> str:
    """The id of a report that a system has asked for."""
    body = {"name": "Customers", "startDate": "2026-09-01", "endDate": "2026-10-01", **members}
    answer = client.post("/reports", headers=caller.headers, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def until(browser: Console, path: str, text: str) -> Shown:
    """A page once it has a text."""
    deadline = time.monotonic() + PATIENCE
    while text not in (page := browser.get(path)).text:
        assert time.monotonic() < deadline, page.text
        time.sleep(0.02)  # until the worker has done it
    return page


def names(page: Shown) -> list[str]:
    return [row[0] for row in page.rows]


def dates(page: Shown) -> list[str]:
    """The first and the last day of the first report of a list."""
    return page.rows[0][3:5]


def test_a_report_is_asked_for_made_and_downloaded(browser: Console) -> None:
    page = browser.submit(NEW, {**SEPTEMBER, "startDate": "2025-12-01", "endDate": "2026-12-31", "format": "json"})
    assert page.path.startswith(f"{LIST}/")
    page = until(browser, page.path, "ready")
    assert "Customers, Dec 1, 2025 – Dec 31, 2026" in page.text
    assert "From Dec 1, 2025, 12:00:00 AM UTC Until Dec 31, 2026, 11:59:59 PM UTC" in page.text
    file = browser.send("GET", page.links["Download JSON"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/json")
    assert file.headers["content-disposition"].startswith("attachment;")
    assert {one["name"] for one in msgspec.json.decode(file.content)} == {"RBCustomer", "RBCustomer2"}


def test_a_report_is_the_same_as_over_the_api(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    page = browser.submit(NEW, {**SEPTEMBER, "name": "Events", "format": "xlsx"})
    number = page.path.rpartition("/")[2]
    document = client.get(f"/reports/{number}", headers=callers["sandbox"].headers).json()
    assert {name: document[name] for name in ("name", "format", "type", "startDate", "endDate")} == {
        "name": "Events",
        "format": "xlsx",
        "type": "onetime",
        "startDate": "2026-09-01T00:00:00Z",
        "endDate": "2026-10-01T00:00:00Z",
    }


@pytest.mark.usefixtures("no_worker")
def test_the_last_day_is_part_of_the_period_and_the_first_one_may_be_the_same(browser: Console) -> None:
    browser.submit(NEW, {**SEPTEMBER, "startDate": " 2026-09-30 ", "endDate": "2026-09-30"})
    assert dates(browser.get(LIST)) == ["Sep 30, 2026", "Sep 30, 2026"]


@pytest.mark.usefixtures("no_worker")
def test_without_a_last_day_the_period_ends_now(browser: Console) -> None:
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    page = browser.submit(NEW, {**SEPTEMBER, "startDate": yesterday, "endDate": ""})
    assert page.status == 200
    assert dates(browser.get(LIST))[1] == browser.get(LIST).rows[0][5].rpartition(",")[0]


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"startDate": ""}, {"startDate": "Is required."}),
        (
            {"startDate": "1.9.2026"},
            {"startDate": "Must be a date such as 2026-09-01, or a date and time such as 2026-09-01T12:00:00Z."},
        ),
        (
            {"endDate": "2026-02-30"},
            {"endDate": "Must be a date such as 2026-09-01, or a date and time such as 2026-09-01T12:00:00Z."},
        ),
        ({"endDate": "2026-08-31"}, {"endDate": "Must not be before the first day."}),
        ({"endDate": "2028-01-01"}, {"endDate": "Must be at most 400 days after the first day."}),
        ({"endDate": "9999-12-31"}, {"endDate": "Must be at most 400 days after the first day."}),
        ({"name": "Gossip"}, {"name": "Must be one of Charges, Customers, Events, Orders, Subscriptions."}),
        ({"format": "pdf"}, {"format": "Must be one of csv, json, xlsx, xml."}),
    ],
)
def test_faults_stand_at_their_fields_and_what_was_typed_stays(
    browser: Console, fields: dict[str, str], faults: dict[str, str]
) -> None:
    page = browser.submit(NEW, {**SEPTEMBER, **fields})
    assert (page.status, page.faults) == (400, faults)
    typed = {**SEPTEMBER, **fields}
    assert {name: page.forms[-1].fields[name] for name in typed} == typed
    assert "No reports yet" in browser.get(LIST).text


def test_a_form_that_is_sent_untouched_says_what_is_missing_and_asks_for_nothing(browser: Console) -> None:
    page = browser.submit(NEW)
    assert page.faults == {"startDate": "Is required."}
    assert "one field needs another look" in page.text
    assert "No reports yet" in browser.get(LIST).text


def test_a_form_that_is_sent_again_after_a_fault_asks_for_what_was_typed(browser: Console) -> None:
    page = browser.submit(NEW, {**SEPTEMBER, "name": "Events", "format": "xml", "startDate": ""})
    browser.press(page, {"startDate": "2026-09-01"})
    assert names(browser.get(LIST)) == ["Events"]
    assert browser.get(LIST).rows[0][1] == "XML"
    assert dates(browser.get(LIST)) == ["Sep 1, 2026", "Sep 30, 2026"]


def test_where_there_can_be_no_report_now_the_form_says_so_and_keeps_what_was_typed(
    browser: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def create(*_: object) -> Item:
        raise Problem(Code.CONFLICT, "Too many are not made yet; ask again later.")

    monkeypatch.setattr(Reports, "create", create)
    page = browser.submit(NEW, {**SEPTEMBER, "name": "Events"})
    assert (page.status, page.faults) == (409, {})
    assert "Too many are not made yet; ask again later." in page.text
    assert {name: page.forms[-1].fields[name] for name in SEPTEMBER} == {**SEPTEMBER, "name": "Events"}


def test_a_reader_sees_reports_and_cannot_ask_for_one(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    number = asked_for(client, callers["sandbox"])
    reader = console(role="reader")
    page = reader.get(LIST)
    assert names(page) == ["Customers"]
    assert reader.get("/console").links["Reports"] == LIST
    assert "New report" not in page.links
    page = until(reader, f"{LIST}/{number}", "ready")
    assert reader.send("GET", page.links["Download CSV"]).status_code == 200
    assert reader.get(NEW).status == 403
    assert reader.post(NEW, SEPTEMBER).status == 403
    assert names(reader.get(LIST)) == ["Customers"]


def test_an_editor_asks_for_a_report(console: OpenConsole) -> None:
    editor = console(role="editor")
    assert editor.get(LIST).links["New report"] == NEW
    editor.submit(NEW, SEPTEMBER)
    assert names(editor.get(LIST)) == ["Customers"]


def test_a_reader_is_not_offered_to_ask_for_the_first_report(console: OpenConsole) -> None:
    assert "New report" in console().get(LIST).links
    assert "New report" not in console(role="reader").get(LIST).links


def test_another_resellers_report_does_not_exist(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    number = asked_for(client, callers["sandbox"])
    other = console("other")
    assert other.get(f"{LIST}/{number}").status == 404
    assert "No reports yet" in other.get(LIST).text
    assert console("below").get(f"{LIST}/{number}").status == 404
    assert other.get(f"{LIST}/none").status == 404


def test_whose_report_it_is_stands_on_its_page(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    page = browser.get(f"{LIST}/{asked_for(client, callers['below'])}")
    assert page.links["Below"] == f"/console/resellers/{callers['below'].reseller_id}"


@pytest.mark.usefixtures("no_worker")
def test_the_page_of_a_report_that_is_being_made_looks_again_by_itself(browser: Console) -> None:
    page = browser.submit(NEW, SEPTEMBER)
    assert "It will be made soon." in page.text
    assert f'hx-get="{page.path}" hx-trigger="every 1s"' in page.html
    assert '<noscript><meta http-equiv="refresh"' in page.html
    assert not [name for name in page.links if name.startswith("Download")]


def test_the_page_of_a_report_that_is_made_looks_no_more(browser: Console) -> None:
    page = until(browser, browser.submit(NEW, SEPTEMBER).path, "ready")
    assert "hx-get" not in page.html
    assert "refresh" not in page.html


def test_a_report_that_failed_says_why(browser: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_runner, "MOST_ATTEMPTS", 0)
    page = until(browser, browser.submit(NEW, SEPTEMBER).path, "failed")
    assert "There is no file: It could not be made; ask for it again." in page.text
    assert "Report failed by the platform" in page.text
    assert not [name for name in page.links if name.startswith("Download")]
    assert "hx-get" not in page.html


def test_a_file_that_is_kept_no_longer_is_not_offered(browser: Console, database: Path) -> None:
    page = until(browser, browser.submit(NEW, SEPTEMBER).path, "ready")
    with closing(sqlite3.connect(database)) as file, file:
        ((document,),) = file.execute("SELECT document FROM reports")
        kept = msgspec.json.encode({**msgspec.json.decode(document), "parts": 0})
        file.execute("UPDATE reports SET document = ?", (kept,))
    page = browser.get(page.path)
    assert "Its file was kept for 90 days and is gone." in page.text
    assert "Download CSV" not in page.links


def test_a_report_has_a_history_of_its_own(browser: Console) -> None:
    first = browser.submit(NEW, SEPTEMBER).path
    second = browser.submit(NEW, {**SEPTEMBER, "name": "Events"}).path
    until(browser, second, "ready")
    page = until(browser, first, "ready")
    history = page.text.partition("History")[2]
    assert history.count("Report asked for by sandbox, console") == 1
    assert history.count("Report made by the platform") == 1
    assert "Events" not in history


def test_the_history_of_a_reseller_has_its_reports(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    number = asked_for(client, callers["sandbox"])
    until(browser, f"{LIST}/{number}", "ready")
    page = browser.get(f"/console/resellers/{callers['sandbox'].reseller_id}")
    assert "Report asked for by sandbox, api" in page.text
    assert f"report {number}" in page.text


# The list


@pytest.fixture
def three(no_worker: None, client: CheckedClient, callers: dict[str, Caller]) -> None:
    """Reports that wait: of events in JSON, of customers in CSV, of customers in JSON, newest first."""
    asked_for(client, callers["sandbox"], format="json")
    asked_for(client, callers["below"], format="csv")
    asked_for(client, callers["sandbox"], name="Events", format="json")


@pytest.mark.usefixtures("three")
def test_the_list_is_newest_first_and_says_how_many_there_are(browser: Console) -> None:
    page = browser.get(LIST)
    assert [row[:5] for row in page.rows] == [
        ["Events", "JSON", "waiting", "Sep 1, 2026", "Sep 30, 2026"],
        ["Customers", "CSV", "waiting", "Sep 1, 2026", "Sep 30, 2026"],
        ["Customers", "JSON", "waiting", "Sep 1, 2026", "Sep 30, 2026"],
    ]
    assert "1–3 of 3" in page.text
    assert {"Newer", "Older"}.isdisjoint(page.links)
    assert '<span class="badge pending">waiting</span>' in page.html


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=EVE", ["Events"]),
        ("format=json", ["Events", "Customers"]),
        ("format=JSON&name=custom", ["Customers"]),
        ("status=submitted&format=csv", ["Customers"]),
        ("status=completed", []),
        ("from=2000-01-01", ["Events", "Customers", "Customers"]),
        ("to=2000-01-01", []),
        ("type=onetime", ["Events", "Customers", "Customers"]),
        ("type=monthly", []),
        ("name=&status=&from=", ["Events", "Customers", "Customers"]),
    ],
)
def test_filters_combine_and_stand_in_the_address(browser: Console, query: str, found: list[str]) -> None:
    page = browser.get(f"{LIST}?{query}")
    assert (page.status, names(page)) == (200, found)
    search = next(form for form in page.forms if form.action == LIST)
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        assert search.fields[name] == value
    if not found:
        assert "No report fits" in page.text
        assert page.links["show all reports"] == LIST


@pytest.mark.parametrize(
    ("query", "field", "told"),
    [
        ("status=gone", "status", "Status: Must be one of submitted, processing, completed, error."),
        ("from=yesterday", "from", "Asked for since: Must be a date such as 2026-09-01."),
        ("name=" + "x" * 101, "name", "Report: Must have 1 to 100 characters, not 101."),
        ("offset=-1", "offset", "offset: Must be"),
        ("limit=x", "limit", "limit: Must be"),
    ],
)
def test_a_bad_filter_is_told_where_reports_would_stand(browser: Console, query: str, field: str, told: str) -> None:
    page = browser.get(f"{LIST}?{query}")
    assert page.status == 400
    assert page.faults.keys() == {field}
    assert f"Nothing was searched for: {told}" in page.text
    assert "No report fits" not in page.text


def test_an_address_that_cannot_be_read_is_told(browser: Console) -> None:
    assert browser.get(f"{LIST}?name=%ff").status == 400


def made(client: CheckedClient, caller: Caller, **members: Any) -> None:
    """A report that a worker has made: only some may wait."""
    number = asked_for(client, caller, **members)
    deadline = time.monotonic() + PATIENCE
    while client.get(f"/reports/{number}", headers=caller.headers).json()["status"] != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_list_goes_on_to_older_ones_and_back_with_its_filters(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    for number in range(54):
        made(client, callers["sandbox"], name="Customers" if number % 2 else "Events")
    page = browser.get(f"{LIST}?name=events")
    assert "1–25 of 27" in page.text
    older = browser.get(page.links["Older"])
    assert "26–27 of 27" in older.text
    assert names(older) == ["Events", "Events"]
    assert "Older" not in older.links
    assert browser.get(older.links["Newer"]).rows == page.rows
    beyond = browser.get(f"{LIST}?offset=100")
    assert "The list ends before this page" in beyond.text
    assert names(browser.get(beyond.links["Show the newest reports"])) == names(browser.get(LIST))
    few = browser.get(f"{LIST}?limit=10")
    next_few = browser.get(few.links["Older"])
    last_few = browser.get(next_few.links["Older"])
    assert "21–30 of 54" in last_few.text
    assert browser.get(last_few.links["Newer"]).rows == next_few.rows


def test_every_filter_of_the_api_is_a_field_of_the_search() -> None:
    assert {*reports.LIST.labels, "offset", "limit"} == set(ReportQuery.__struct_encode_fields__)


@pytest.mark.usefixtures("three")
def test_a_cell_is_shown_by_the_kind_of_its_column(browser: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = (
        ListColumn("Name", lambda _: "<b>", "link", is_long=True),
        ListColumn("Rows", lambda _: 12345, "number"),
        ListColumn("Plain", lambda _: "a & b"),
        ListColumn("Ended", lambda _: None, "date"),
        ListColumn("State", lambda _: "odd", "badge"),
        ListColumn("At", lambda _: 1_000, "moment"),
    )
    monkeypatch.setitem(vars(reports.LIST), "columns", columns)
    monkeypatch.setitem(vars(reports.LIST), "action", None)
    page = browser.get(LIST)
    moment = "Jan 1, 1970, 12:00:01 AM UTC"
    assert [text.replace("\u202f", " ") for text in page.rows[0]] == ["<b>", "12,345", "a & b", "–", "odd", moment]
    assert page.links["<b>"].startswith(f"{LIST}/")
    assert '<th scope="col" class="long">Name</th><th scope="col" class="number">Rows</th>' in page.html
    assert "New report" not in page.links
