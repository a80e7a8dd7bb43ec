"""The dashboard, and the charts on it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.web.charts import Series, bars
from tests.conftest import CALLERS, Caller, new_customer
from tests.document import CheckedClient
from tests.web.conftest import OpenConsole

DAY = 86_400


def add(client: CheckedClient, caller: Caller, count: int = 1, **members: str) -> None:
    for number in range(count):
        body = new_customer(name=f"{caller.login} {number}", **members)
        assert client.post("/customers", caller, json=body).status_code == 200


def noted(database: Path, reseller_id: int, requests: int, refusals: int) -> None:
    """What came for a reseller on the day before today."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO usage (reseller_id, day, key, requests, refusals) VALUES (?, ?, 'a', ?, ?)",
            (reseller_id, int(time.time()) // DAY - 1, requests, refusals),
        )
        connection.commit()


# Customers


def test_customers_are_told_by_status_and_each_number_leads_to_them(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    add(client, callers["below"], 2)
    add(client, callers["below"], 3, status="active")
    browser = console("below")
    page = browser.get("/console")
    numbers = {text: to for text, to in page.links.items() if to.startswith("/console/customers") and text[0].isdigit()}
    assert numbers == {
        "5 customers": "/console/customers",
        "2 pending": "/console/customers?status=pending",
        "3 active": "/console/customers?status=active",
    }
    assert len(browser.get(numbers["2 pending"]).rows) == 2


def test_a_user_sees_the_numbers_of_all_below_and_of_none_beside(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    add(client, callers["below"], 3)
    add(client, callers["other"], 5)
    assert "5 customers" in console().get("/console").links  # the sandbox has two of its own
    assert "3 customers" in console("below").get("/console").links
    assert "5 customers" in console("other").get("/console").links
    assert "10 customers" in console("provider").get("/console").links
    assert "below" not in console("other").get("/console").text


def test_those_who_wait_longest_come_first(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    add(client, callers["other"], 7)
    page = console("other").get("/console")
    waiting = [text for text in page.links if text.startswith("other ")]
    assert waiting == [f"other {number}" for number in range(5)]
    assert page.links["Show all 7"] == "/console/customers?status=pending"


def test_the_operator_sees_all_who_wait(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    for caller in ("other", "below"):
        add(client, callers[caller])
    page = console("provider").get("/console")
    assert {"other 0", "below 0"} <= page.links.keys()
    assert "Show all 2" not in page.links


def test_no_customer_waits_once_all_are_verified(console: OpenConsole) -> None:
    assert "Waiting to be verified None." in console().get("/console").text


def test_new_customers_are_drawn_and_written_day_by_day(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    add(client, callers["other"], 4)
    page = console("other").get("/console")
    assert "New customers 4 in 30 days" in page.text
    assert 'aria-label="New customers: 4 new customers in 30 days"' in page.html
    assert [cells[1] for cells in page.rows if cells[1] != "0"] == ["4"]
    assert len(page.rows) == 30


# What to do first


def test_a_new_platform_says_what_to_do_first(console: OpenConsole) -> None:
    page = console("other").get("/console")
    assert "What to do first" in page.text
    assert {
        "Create a customer by hand": "/console/customers/new",
        "Import the customers": "/console/imports",
        "Make a key for your own system": "/console/keys/new",
        "Read how a system talks to the API": "/docs",
    }.items() <= page.links.items()
    assert "New customers" not in page.text


def test_no_user_is_told_to_do_first_what_they_may_not_do(console: OpenConsole) -> None:
    assert "Make a key for your own system" not in console("other", role="editor").get("/console").links
    reader = console("other", role="reader").get("/console")
    assert "There are no customers yet." in reader.text
    assert not {"/console/customers/new", "/console/imports", "/console/keys/new"} & set(reader.links.values())


# Requests


def test_requests_and_refusals_are_summed_up_over_all_below(console: OpenConsole, database: Path) -> None:
    noted(database, RESELLER_ID, 1000, 5)
    noted(database, CALLERS["below"].reseller_id, 234, 1)
    noted(database, CALLERS["other"].reseller_id, 5, 0)
    page = console().get("/console")
    assert "Requests 1,234 in 30 days" in page.text
    assert "Refusals 6 in 30 days" in page.text
    page = console("other").get("/console")
    assert "Requests 5 in 30 days" in page.text
    assert "No request was turned away." in page.text


def test_the_operator_sees_the_refusals_of_unknown_callers(console: OpenConsole, database: Path) -> None:
    noted(database, PROVIDER_ID, 0, 9)
    assert "Refusals 9 in 30 days" in console("provider").get("/console").text
    assert "No request was turned away." in console().get("/console").text


# Charts


class Bars(HTMLParser):
    """The heights of the bars of a chart, by their classes."""

    def __init__(self, chart: str) -> None:
        super().__init__()
        self.heights: dict[str, list[float]] = {}
        self.names: list[str] = []
        self.feed(chart)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        having = {name: value or "" for name, value in attrs}
        self.names += having
        if tag == "rect":
            self.heights.setdefault(having["class"], []).append(float(having["height"]))


def test_bars_are_as_high_as_their_numbers() -> None:
    drawn = Bars(bars("Numbers", [Series("things", "first", {10: 20, 9: 10, 7: 5, 3: 99})], 10, 5))
    lowest, middle, highest = drawn.heights["first"]
    assert middle == pytest.approx(2 * lowest, abs=0.1)
    assert highest == pytest.approx(4 * lowest, abs=0.1)
    assert len(drawn.heights["ground"]) == 5


def test_a_chart_without_numbers_has_no_bars() -> None:
    assert "first" not in Bars(bars("Numbers", [Series("things", "first", {})], 10, 30)).heights


def test_a_chart_says_its_sums_and_has_nothing_that_the_policy_forbids() -> None:
    chart = bars('"<Numbers>"', [Series("things & more", "first", {10: 1234})], 10, 30)
    assert 'aria-label="&quot;&lt;Numbers&gt;&quot;: 1,234 things &amp; more in 30 days"' in chart
    assert not any(text in chart for text in ("<Numbers>", "things & more"))
    assert "style" not in Bars(chart).names


def test_the_marks_of_a_chart_are_round() -> None:
    for highest, mark in ((1, ">2<"), (3, ">4<"), (7, ">10<"), (1500, ">2k<"), (3_000_000, ">4M<")):
        assert mark in bars("Numbers", [Series("things", "first", {10: highest})], 10, 30)
