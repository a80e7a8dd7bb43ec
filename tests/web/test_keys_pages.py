"""Keys in the console."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.credentials import key_digest
from tests.conftest import CALLERS, Caller
from tests.document import CheckedClient
from tests.web.conftest import Console, OpenConsole, Shown

DAY = 86_400
LIMITS = {"name": "ERP", "rate": "10", "burst": "50", "perDay": "10000", "apiVersion": "1.15"}


def key_id(caller: Caller) -> str:
    return key_digest(caller.key).hex()[:12]


def made(browser: Console, **fields: str) -> tuple[str, str]:
    """A new key and its id."""
    shown = browser.submit("/console/keys/new", {"name": "ERP", **fields})
    return shown.fields["secret"], key_digest(shown.fields["secret"]).hex()[:12]


def row(shown: Shown, name: str) -> list[str]:
    (found,) = [cells for cells in shown.rows if cells[0] == name]
    return found


def test_a_new_key_is_shown_once_and_lets_a_system_in(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    browser = console()
    shown = browser.submit("/console/keys/new", {"name": "ERP"})
    secret = shown.fields["secret"]
    assert shown.status == 200
    assert "It is shown only now" in shown.text
    assert secret not in shown.path
    token = callers["sandbox"].headers["Authorization"]
    answer = client.get("/customers", headers={"X-Subscription-Key": secret, "Authorization": token})
    assert answer.status_code == 200
    page = browser.get(shown.links["To the key"])
    assert page.status == 200
    assert secret not in page.html
    assert secret not in browser.get("/console/keys").html


def test_a_key_has_the_limits_and_the_version_of_its_form(console: OpenConsole) -> None:
    browser = console()
    browser.submit("/console/keys/new", LIMITS)
    name, _, limits, version, *_, state = row(browser.get("/console/keys"), "ERP")
    assert (limits, version, state) == ("10 a second, 50 at once, 10,000 a day", "1.15", "good")
    fields = browser.get(browser.get("/console/keys").links[name]).fields
    assert {field: fields[field] for field in ("name", "rate", "burst", "perDay")} == {
        "name": "ERP",
        "rate": "10",
        "burst": "50",
        "perDay": "10000",
    }


def test_what_is_wrong_with_a_new_key_stands_at_each_field_and_what_was_typed_stays(console: OpenConsole) -> None:
    shown = console().submit("/console/keys/new", {"name": " ", "rate": "many", "burst": "5", "perDay": "0"})
    assert shown.status == 400
    number = "Must be a whole number from 1 to 1,000,000,000, or empty."
    assert shown.faults == {"name": "Is required.", "rate": number, "perDay": number}
    assert shown.fields["rate"] == "many"
    assert shown.fields["burst"] == "5"


def test_a_burst_needs_a_rate(console: OpenConsole) -> None:
    shown = console().submit("/console/keys/new", {"name": "ERP", "burst": "5"})
    assert shown.faults == {"rate": "Is required where there is a burst."}


@pytest.mark.parametrize("number", ["-1", "1.5", "0x10", "٣", "9" * 4300, "1000000001"])
def test_a_limit_is_a_plain_whole_number(console: OpenConsole, number: str) -> None:
    shown = console().submit("/console/keys/new", {"name": "ERP", "rate": number})
    assert (shown.status, list(shown.faults)) == (400, ["rate"])


def test_a_version_that_does_not_exist_is_refused_at_its_field(console: OpenConsole) -> None:
    shown = console().submit("/console/keys/new", {"name": "ERP", "apiVersion": "9.9"})
    assert shown.faults == {"apiVersion": "Must be one of 1.6, 1.15."}


def test_a_key_is_changed_and_its_limits_are_taken_away(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser, **LIMITS)
    changed = {"name": "Shop", "rate": "", "burst": "", "perDay": "7", "apiVersion": ""}
    shown = browser.submit(f"/console/keys/{number}", changed)
    assert "Your changes are saved." in shown.text
    assert row(browser.get("/console/keys"), "Shop")[2:4] == ["7 a day", "any"]


def test_a_change_with_faults_changes_nothing(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser)
    shown = browser.submit(f"/console/keys/{number}", {"name": "", "rate": "x"})
    assert (shown.status, list(shown.faults)) == (400, ["name", "rate"])
    assert row(browser.get("/console/keys"), "ERP")


def test_a_key_without_a_name_may_stay_without_one(console: OpenConsole) -> None:
    shown = console().submit(f"/console/keys/{key_id(CALLERS['pinned'])}", {"perDay": "5"})
    assert "Your changes are saved." in shown.text


def test_a_key_is_revoked_once_it_is_meant(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser)
    path = f"/console/keys/{number}"
    shown = browser.submit(path, action="/revoke")
    assert (shown.status, shown.faults) == (400, {"revoke": "Tick this to revoke the key."})
    assert row(browser.get("/console/keys"), "ERP")[-1] == "good"
    shown = browser.submit(path, {"revoke": "yes"})
    assert "It is revoked for good." in shown.text
    assert row(browser.get("/console/keys"), "ERP")[-1] == "revoked"


def test_a_revoked_key_has_nothing_to_change_and_is_not_replaced(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser)
    browser.submit(f"/console/keys/{number}", {"revoke": "yes"})
    shown = browser.get(f"/console/keys/{number}")
    assert [form.action for form in shown.forms if form.method == "post"] == ["/console/sign-out"]
    assert browser.post(f"/console/keys/{number}/rotate", {"rotate": "yes"}).status == 409
    assert browser.post(f"/console/keys/{number}", {"name": "Shop"}).status == 409


def test_a_new_key_takes_the_place_of_one_with_its_name_and_limits(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser, **LIMITS)
    assert browser.submit(f"/console/keys/{number}", action="/rotate").faults == {
        "rotate": "Tick this to replace the key."
    }
    shown = browser.submit(f"/console/keys/{number}", {"rotate": "yes"})
    assert key_digest(shown.fields["secret"]).hex()[:12] != number
    states = [(cells[2], cells[-1]) for cells in browser.get("/console/keys").rows if cells[0] == "ERP"]
    assert states == [("10 a second, 50 at once, 10,000 a day", state) for state in ("good", "revoked")]


@pytest.mark.parametrize("role", ["reader", "editor"])
def test_only_an_owner_changes_keys(console: OpenConsole, role: str) -> None:
    browser = console(role=role)
    path = f"/console/keys/{key_id(CALLERS['sandbox'])}"
    for page in (browser.get("/console/keys"), browser.get(path)):
        assert page.status == 200
        assert [form.action for form in page.forms if form.method == "post"] == ["/console/sign-out"]
        assert "New key" not in page.links
    assert browser.get("/console/keys/new").status == 403
    for action in ("/console/keys/new", path, f"{path}/revoke", f"{path}/rotate"):
        assert browser.post(action, {"name": "ERP", "revoke": "yes", "rotate": "yes"}).status == 403
    assert row(browser.get("/console/keys"), "The first key")[-1] == "good"


def test_the_keys_of_a_reseller_below_are_seen_and_made_from_above(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    browser = console()
    query = f"?resellerId={CALLERS['below'].reseller_id}"
    page = browser.get(f"/console/keys{query}")
    assert [cells[1] for cells in page.rows] == [key_id(CALLERS["below"])]
    shown = browser.submit(page.links["New key"], {"name": "Theirs"})
    token = callers["below"].headers["Authorization"]
    headers = {"X-Subscription-Key": shown.fields["secret"], "Authorization": token}
    assert client.get("/customers", headers=headers).status_code == 200
    key = shown.links["To the key"]
    assert browser.submit(key, {"name": "Shop"}).path.startswith(key)
    assert "revoked" in browser.submit(key, {"revoke": "yes"}).text
    assert "Shop" not in browser.get("/console/keys").text


@pytest.mark.parametrize("whose", ["other", "provider"])
def test_no_user_meets_the_keys_of_resellers_out_of_reach(console: OpenConsole, whose: str) -> None:
    browser = console()
    theirs = CALLERS[whose]
    for query in ("", f"?resellerId={theirs.reseller_id}"):
        path = f"/console/keys/{key_id(theirs)}"
        assert browser.get(path + query).status == 404
        for action in ("", "/revoke", "/rotate"):
            assert browser.post(path + action + query, {"revoke": "yes", "rotate": "yes"}).status == 404
    assert browser.get(f"/console/keys?resellerId={theirs.reseller_id}").status == 404
    assert browser.post(f"/console/keys/new?resellerId={theirs.reseller_id}", {"name": "Mine"}).status == 404
    assert console(whose).get(f"/console/keys/{key_id(theirs)}").text.count("revoked") == 0


@pytest.mark.parametrize("reseller_id", ["0", "x", "1" * 40, "1000000'", "%00"])
def test_what_is_no_reseller_has_no_keys(console: OpenConsole, reseller_id: str) -> None:
    assert console().get(f"/console/keys?resellerId={reseller_id}").status == 404


def test_a_form_of_another_site_makes_no_key(console: OpenConsole) -> None:
    browser = console()
    assert browser.send("POST", "/console/keys/new", data={"name": "Evil"}).status_code == 403
    assert "Evil" not in browser.get("/console/keys").text


def test_a_key_shows_the_requests_of_thirty_days_drawn_and_written(console: OpenConsole, database: Path) -> None:
    today = int(time.time()) // DAY
    number = key_id(CALLERS["sandbox"])
    with closing(sqlite3.connect(database)) as connection:
        rows = [(RESELLER_ID, number, today - ago, requests) for ago, requests in ((3, 1200), (5, 34), (60, 999))]
        connection.executemany(
            "INSERT INTO usage VALUES (?, ?, ?, ?, 0)", [(one[0], one[2], one[1], one[3]) for one in rows]
        )
        connection.commit()
    page = console().get(f"/console/keys/{number}")
    assert "1,234 in 30 days" in page.text
    assert 'aria-label="Requests: 1,234 requests in 30 days"' in page.html
    *days, made_in_history = page.rows
    assert [cells[1] for cells in days if cells[1] != "0"] == ["1,200", "34"]
    assert len(days) == 30
    assert made_in_history == ["name", "The first key"]


def test_a_reseller_without_keys_is_told_what_they_are_for(console: OpenConsole, client: CheckedClient) -> None:
    created = console().submit(
        "/console/resellers/new",
        {
            "name": "Fresh",
            "currency": "EUR",
            "address.streetAddress": "Weg 1",
            "address.postalCode": "80331",
            "address.city": "München",
            "address.countryCode": "DE",
            "contactPersons[0].firstName": "Anna",
            "contactPersons[0].lastName": "Weiß",
            "contactPersons[0].email": "anna@example.com",
            "contactPersons[0].phoneNumber": "+49891234567",
        },
    )
    page = console().get(created.links["Keys"])
    assert "No keys yet" in page.text
    assert page.links["New key"].startswith("/console/keys/new?resellerId=")


def test_the_user_who_saves_a_key_second_is_told_and_nothing_is_lost(console: OpenConsole) -> None:
    browser = console()
    _, number = made(browser, **LIMITS)
    opened = browser.get(f"/console/keys/{number}")
    browser.submit(f"/console/keys/{number}", {"rate": "7"})
    shown = browser.press(opened, {"name": "Shop"})
    assert shown.status == 409
    assert "Another user has changed this key" in shown.text
    assert (shown.fields["name"], shown.fields["rate"]) == ("Shop", "10")
    assert row(browser.get("/console/keys"), "ERP")[2].startswith("7 a second")
    assert browser.press(shown).status == 409


def test_what_a_form_would_refuse_stays_in_a_key_until_it_is_changed(console: OpenConsole, database: Path) -> None:
    browser = console()
    _, number = made(browser, **LIMITS)
    with closing(sqlite3.connect(database)) as file, file:
        file.execute("UPDATE subscription_keys SET api_version = '1.5', rate = 5000000000 WHERE name = 'ERP'")
    assert "Your changes are saved." in browser.submit(f"/console/keys/{number}", {"perDay": "8"}).text
    assert row(browser.get("/console/keys"), "ERP")[2:4] == ["5,000,000,000 a second, 50 at once, 8 a day", "1.5"]


def test_a_key_has_a_history_of_its_own(console: OpenConsole) -> None:
    browser = console()
    path = f"/console/keys/{made(browser)[1]}"
    made(browser, name="Shop")
    for number in range(1, 25):
        browser.submit(path, {"rate": str(number)})
    shown = browser.get(path)
    assert shown.text.count("Key changed") == 20
    older = browser.get(shown.links["Older"])
    assert older.text.count("Key changed") == 4
    assert older.text.count("Key added") == 1
    assert "Shop" not in older.text
