"""Imports and exports in the console: a file is sent, checked, confirmed, and what was refused comes back."""

from __future__ import annotations

import json
import time

import httpx2 as httpx
import pytest

from emporion.errors import Code, Problem
from emporion.fair_semaphore import FairSemaphore
from emporion.marketplace import import_content, import_runner
from tests.conftest import Caller, new_customer
from tests.document import CheckedClient
from tests.server import PATIENCE
from tests.web.conftest import Console, OpenConsole, Shown

LIST = "/console/imports"
HEADER = (
    "externalid,companyname,givenname,familyname,contactemail,telvoice,streetaddress,postalcode,city,countrycode,"
    "regioncode\n"
)
GOOD = "e{0},Company {0},Jane,Doe,jane@acme.test,+14155550101,1 Road,94105,San Francisco,us,CA\n"
FAULTY = "e{0},Company {0},Jane,Doe,unknown,+14155550101,1 Road,94105,San Francisco,us,\n"

NO_ADDRESS = "must be an e-mail address such as jane.doe@example.com (An email address must have an @-sign)"


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def sent(browser: Console, content: str | bytes, name: str = "mine.csv", **fields: str) -> httpx.Response:
    """The answer to a file that is sent."""
    token = browser.get(LIST).form({"token": ""}, "/imports").fields["token"]
    return browser.send(
        "POST", LIST, data={"token": token, **fields}, files={"file": (name, content, "application/octet-stream")}
    )


def until(browser: Console, answer: httpx.Response, state: str) -> Shown:
    """The page of an import once it is in a state."""
    assert answer.status_code == 303, answer.text
    deadline = time.monotonic() + PATIENCE
    while True:
        page = browser.get(answer.headers["location"])
        if state in page.text.partition("All imports")[0]:
            return page
        assert time.monotonic() < deadline, page.text
        time.sleep(0.05)  # until the worker has done it


def names(client: CheckedClient, caller: Caller) -> list[str]:
    return [one["name"] for one in client.get("/customers", headers=caller.headers).json()["data"]]


def test_a_file_is_checked_confirmed_and_written(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    answer = sent(browser, HEADER + GOOD.format(1) + FAULTY.format(2) + GOOD.format(3))
    page = until(browser, answer, "waits for you")
    assert page.rows == [
        ["3", "regioncode", "is required for addresses in US"],
        ["3", "contactemail", NO_ADDRESS],
    ]
    assert names(client, callers["sandbox"]) == ["RBCustomer2", "RBCustomer"]
    browser.press(page, {}, "/confirm")
    page = until(browser, answer, "done")
    assert sorted(names(client, callers["sandbox"])) == ["Company 1", "Company 3", "RBCustomer", "RBCustomer2"]
    refused = browser.send("GET", page.links["File of the refused rows"])
    assert refused.headers["content-disposition"] == 'attachment; filename="mine.rejected.csv"'
    header, row = refused.text.strip().splitlines()
    assert header == HEADER.strip() + ",error"
    assert "contactemail must be an e-mail address" in row


def test_an_external_id_that_two_rows_have_is_told_before_it_is_written(browser: Console) -> None:
    page = until(browser, sent(browser, HEADER + GOOD.format(1) + GOOD.format(2) + GOOD.format(1)), "waits for you")
    assert "externalid e1 is in lines 2 and 4: they are one customer" in page.text
    assert "Every row is good" not in page.text


def test_the_import_is_in_the_history_with_who_sent_it(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    answer = sent(browser, HEADER + GOOD.format(1))
    browser.press(until(browser, answer, "waits for you"), {}, "/confirm")
    until(browser, answer, "done")
    headers = callers["sandbox"].headers
    (found,) = client.get("/customers", headers=headers, params={"externalId": "e1"}).json()["data"]
    (event,) = client.get(f"/customers/{found['id']}/events", headers=headers).json()["data"][:1]
    assert (event["source"], event["user"]) == ("console", "sandbox")


def test_a_cancelled_import_writes_nothing(browser: Console, client: CheckedClient, callers: dict[str, Caller]) -> None:
    answer = sent(browser, HEADER + GOOD.format(1))
    page = until(browser, answer, "waits for you")
    assert "waits for you 1 row 0 faulty" in page.text
    page = browser.press(page, {}, "/cancel")
    assert "cancelled" in page.text
    assert browser.post(f"{answer.headers['location']}/confirm").status == 409
    assert names(client, callers["sandbox"]) == ["RBCustomer2", "RBCustomer"]


def test_an_import_that_fails_while_it_writes_does_not_say_that_nothing_was_written(
    browser: Console, client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = sent(browser, HEADER + GOOD.format(1) + FAULTY.format(2))
    page = until(browser, answer, "waits for you")
    monkeypatch.setattr(import_runner, "_advanced", None)  # which is called once the rows are written
    browser.press(page, {}, "/confirm")
    page = until(browser, answer, "failed on our side")
    assert "Company 1" in names(client, callers["sandbox"])
    assert "Nothing was written" not in page.text
    assert "It did not come to its end: It failed on our side; the log has the reason. What was written" in page.text
    assert "at least what is counted here. 2 rows 0 created 0 changed 0 as they were 0 refused" in page.text


@pytest.mark.parametrize(
    ("name", "content", "fields", "field"),
    [
        ("", b"", {}, "file"),
        ("mine.dat", b"name\nx\n", {}, "format"),
        ("mine.xlsx", b"PK\x03\x04\x14\x00", {}, "file"),
        ("mine.csv", b"PK\x03\x04\x14\x00", {"format": "csv"}, "file"),
        ("mine.pdf", b"%PDF-1.7\n", {}, "file"),
        ("mine.csv", b"name\nx\n", {"resellerId": "900001"}, "resellerId"),
        ("mine.csv", b"name\nx\n", {"resellerId": "x"}, "resellerId"),
    ],
)
def test_what_cannot_be_taken_is_told_at_its_field(
    browser: Console, name: str, content: bytes, fields: dict[str, str], field: str
) -> None:
    answer = sent(browser, content, name, **fields)
    assert answer.status_code == 400
    assert field in Shown(answer, LIST).faults


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"no,such,columns\n1,2,3\n", b'a,"b\n', b"\x00" * 100])
def test_a_file_that_is_none_is_refused_as_a_whole(browser: Console, content: bytes) -> None:
    answer = sent(browser, content)
    if answer.status_code == 400:
        assert "file" in Shown(answer, LIST).faults
    else:
        assert "Nothing was written" in until(browser, answer, "refused").text


def test_a_file_that_is_too_large_is_refused(browser: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_content, "LARGEST", 1000)
    answer = sent(browser, HEADER + GOOD.format(1) * 20)
    assert answer.status_code == 400
    assert "larger than" in Shown(answer, LIST).faults["file"]


def test_a_file_that_finds_no_place_may_be_sent_again_later(browser: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_is_free(*_: object) -> None:
        raise Problem(Code.UNAVAILABLE, "Too many files.", headers={"Retry-After": "10"})

    monkeypatch.setattr(FairSemaphore, "acquire_at_once", none_is_free)
    answer = sent(browser, HEADER + GOOD.format(1))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "Too many files." in answer.text


def test_a_form_without_its_token_is_not_taken(browser: Console) -> None:
    answer = browser.send("POST", LIST, data={"token": "x"}, files={"file": ("mine.csv", "x", "text/csv")})
    assert answer.status_code == 403
    large = {"file": ("mine.csv", b"x" * (20 << 20), "text/csv")}
    assert browser.send("POST", LIST, data={"token": "x"}, files=large).status_code == 403
    assert "No imports yet" in browser.get(LIST).text


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
        "multipart/form-data; boundary=B; charset=punycode",
    ],
)
def test_a_body_that_is_no_form_is_told(browser: Console, kind: str) -> None:
    cookie = f"emporion-console={browser.cookies['emporion-console']}"
    answer = browser._client.post(LIST, content=b"nothing", headers={"content-type": kind, "cookie": cookie})
    assert answer.status_code in (400, 415)


def test_a_reader_does_not_import(console: OpenConsole) -> None:
    reader = console(role="reader")
    assert reader.get(LIST).status == 403
    assert "Imports" not in reader.get("/console").links


@pytest.mark.parametrize("rest", ["", "/rejected", "/confirm", "/cancel"])
def test_another_resellers_import_does_not_exist(browser: Console, console: OpenConsole, rest: str) -> None:
    answer = sent(browser, HEADER + GOOD.format(1))
    until(browser, answer, "waits for you")
    other = console("other")
    path = answer.headers["location"] + rest
    page = other.post(path) if rest in ("/confirm", "/cancel") else other.get(path)
    assert page.status == 404
    assert "mine.csv" not in other.get(LIST).text
    until(browser, answer, "waits for you")


def test_an_export_has_what_the_list_shows(browser: Console, client: CheckedClient, callers: dict[str, Caller]) -> None:
    for name, status in (("One", "active"), ("Two", "pending")):
        client.post("/customers", headers=callers["sandbox"].headers, json=new_customer(name=name, status=status))
    page = browser.get("/console/customers?status=pending")
    answer = browser.send("GET", page.links["JSON Lines"])
    assert [json.loads(line)["name"] for line in answer.text.splitlines()] == ["Two"]
    answer = browser.send("GET", browser.get("/console/customers").links["CSV"])
    assert len(answer.text.splitlines()) == 5
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["cache-control"] == "no-store"


def test_an_export_of_anothers_reseller_does_not_exist(browser: Console) -> None:
    assert browser.send("GET", "/console/export.csv?resellerId=900001").status_code == 404
    assert browser.send("GET", "/console/export.csv?status=gone").status_code == 400


def test_formulas_are_harmless_in_an_export(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    client.post("/customers", headers=callers["sandbox"].headers, json=new_customer(name="=cmd()"))
    assert "'=cmd()" in browser.send("GET", "/console/export.csv").text


def test_who_sent_a_file_from_above_is_not_shown_below(browser: Console, console: OpenConsole) -> None:
    until(browser, sent(browser, HEADER + GOOD.format(1), resellerId="900002"), "waits for you")
    page = console("below").get(LIST)
    assert [row[:3] for row in page.rows] == [["mine.csv", "waits for you", "another user"]]
    assert browser.get(LIST).rows[0][2] == "sandbox"
