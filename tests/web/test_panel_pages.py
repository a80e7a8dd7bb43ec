"""The control panel as its people meet it: who gets in, what each may change, and what keeps others out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from msgspec import structs

from emporion.accounts.ids import RESELLER_ID
from emporion.events import Changes, Origin
from emporion.marketplace import links, login_throttle, sessions
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.customers import decode
from emporion.marketplace.login_throttle import FREE
from emporion.store.customers import CustomerChange
from emporion.store.sqlite import SqliteStore
from emporion.web.forms import LARGEST
from emporion.web.panel import area, messages
from emporion.web.panel.sign_in import LANGUAGE_COOKIE
from tests.clock import Clock, told_time
from tests.conftest import Caller, Serve, new_contact, new_customer, settings_for
from tests.document import CheckedClient
from tests.postgres import wait_until
from tests.web.conftest import Console, Shown

COOKIE = "emporion-panel"
ANNA = ("anna-login", "Anna-pass-1")
BEN = ("ben-login", "Ben-pass-12")
NEW_PASSWORD = "Brand-new-7"
PERSONS = [
    new_contact(login=ANNA[0], password=ANNA[1]),
    new_contact(firstName="Ben", email="ben@example.com", login=BEN[0], password=BEN[1]),
    new_contact(type="billing", firstName="Cleo", email="cleo@example.com"),
]
# Each address that takes forms, with fields that would do something.
FORMS = {
    "/sign-in": {"login": BEN[0], "password": BEN[1], "to": ""},
    "/sign-out": {},
    "/language": {"language": "fr", "to": ""},
    "/address": {
        "version": "1",
        "language": "fr",
        "address.streetAddress": "Elsewhere 1",
        "address.postalCode": "1",
        "address.city": "Bern",
        "address.countryCode": "CH",
    },
    "/contacts": {
        "version": "1",
        "contactPersons[0].position": "0",
        "contactPersons[0].type": "admin",
        "contactPersons[0].firstName": "Mallory",
        "contactPersons[0].lastName": "M",
        "contactPersons[0].email": "mallory@example.com",
        "contactPersons[0].phoneNumber": "+49891234567",
    },
    "/password": {"old": ANNA[1], "new": NEW_PASSWORD, "again": NEW_PASSWORD},
    "/sign-ins": {},
    "/link": {"new": NEW_PASSWORD, "again": NEW_PASSWORD},
}
PAGES = ("", "/subscriptions", "/orders", "/address", "/contacts", "/password", "/sign-ins")


class Browser(Console):
    """A browser at the panel. headers: what it sends beyond its cookies."""

    def __init__(self, client: CheckedClient, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(client._client, "panel")
        self.headers = headers or {}

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        self._client.cookies.clear()
        kept = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        headers = {**kept, **self.headers, **request.pop("headers", {})}
        answer: httpx.Response = self._client.request(method, path, headers=headers, follow_redirects=False, **request)
        self.cookies.update({name: one.value for name, one in set_cookies(answer).items()})
        return answer

    @property
    def is_in(self) -> bool:
        """Whether an administrator is signed in."""
        return self.send("GET", "/panel").status_code == httpx.codes.OK

    @property
    def token(self) -> str:
        """What its forms have."""
        return self.get("/panel/sign-in").form({}, "/language").fields["token"]


def set_cookies(answer: httpx.Response) -> dict[str, Any]:
    """The cookies of an answer, with their attributes."""
    found: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        found.load(header)
    return dict(found)


@dataclass
class House:
    """A running platform with a customer of the sandbox, whose administrators are Anna and Ben."""

    client: CheckedClient
    callers: dict[str, Caller]
    customer: str

    def browser(self, headers: Mapping[str, str] | None = None) -> Browser:
        """A browser without a sign-in."""
        return Browser(self.client, headers)

    def signed_in(self, person: tuple[str, str] = ANNA, headers: Mapping[str, str] | None = None) -> Browser:
        """A browser in which an administrator has just signed in."""
        browser = self.browser(headers)
        assert browser.sign_in(*person).path == "/panel"
        return browser

    @property
    def document(self) -> dict[str, Any]:
        """The customer as the API shows it."""
        answer = self.client.get(f"/customers/{self.customer}", self.callers["sandbox"])
        document: dict[str, Any] = answer.json()
        return document

    def change(self, caller: str = "sandbox", **members: Any) -> None:
        """Change the customer by the API."""
        answer = self.client.patch(f"/customers/{self.customer}", self.callers[caller], json=members)
        assert answer.status_code == 200, answer.text

    def link(self, position: int = 0) -> str:
        """The address of a new one-time link, made in the console, without the host."""
        sandbox = self.callers["sandbox"]
        console = Console(self.client._client)
        console.sign_in(sandbox.login, sandbox.password)
        made = console.post(f"/console/customers/{self.customer}/link", {"position": str(position)})
        parts = urlsplit(made.fields["link"])
        return f"{parts.path}?{parts.query}"


def house_of(client: CheckedClient, callers: dict[str, Caller], **members: Any) -> House:
    """A house whose customer has `members`."""
    body = new_customer(**{"status": "active", "contactPersons": PERSONS, **members})
    made = client.post("/customers", callers["sandbox"], json=body)
    assert made.status_code == 200, made.text
    return House(client, callers, made.json()["id"])


@pytest.fixture
def house(client: CheckedClient, callers: dict[str, Caller]) -> House:
    return house_of(client, callers)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of an application that is started after this."""
    return told_time(monkeypatch, time.time())


# Who gets in


@pytest.mark.parametrize("name", ["anna-login", "ANNA-login", "anna@example.com", "Anna@Example.com"])
def test_an_administrator_signs_in_by_login_or_email(house: House, name: str) -> None:
    page = house.browser().sign_in(name, ANNA[1])
    assert page.path == "/panel"
    assert "München GmbH" in page.text
    assert "anna@example.com" in page.text


@pytest.mark.parametrize(
    "name", ["info@müller.example", "INFO@xn--mller-kva.example", "info@mu\u0308ller.example", "info@MÜLLER.Example"]
)
def test_an_administrator_signs_in_by_the_email_in_any_spelling(house: House, name: str) -> None:
    house.change(contactPersons=[new_contact(email="info@müller.example", login=ANNA[0], password=ANNA[1])])
    page = house.browser().sign_in(name, ANNA[1])
    assert page.path == "/panel"
    assert "info@müller.example" in page.text


def test_an_email_that_two_accounts_share_does_not_sign_in_but_the_login_does(house: House) -> None:
    twin = new_contact(login="twin-login", password=ANNA[1])
    house_of(house.client, house.callers, contactPersons=[twin])
    refused = house.browser().sign_in("anna@example.com", ANNA[1])
    assert (refused.status, messages.WRONG in refused.text) == (401, True)
    assert house.browser().sign_in("twin-login", ANNA[1]).path == "/panel"
    assert house.signed_in().is_in


def test_no_reseller_takes_or_finds_out_the_email_of_anothers_administrator(house: House) -> None:
    mine = new_contact(email="ANNA@example.com", login="mine-login", password="Mine-pass-1")
    house_of(house.client, house.callers, contactPersons=[new_contact(email="anna@example.com")])
    house_of(house.client, house.callers, contactPersons=[mine])
    assert "München GmbH" in house.browser().sign_in("anna@example.com", ANNA[1]).text
    assert house.browser().sign_in("anna@example.com", "Mine-pass-1").path == "/panel"
    assert house.browser().sign_in("anna@example.com", "Another-pass-1").status == 401


def test_a_known_administrator_is_among_the_few_that_are_tried_for_an_email(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_throttle, "MOST_TRIED", 1)
    house_of(house.client, house.callers, contactPersons=[new_contact(login="twin-login", password="Twin-pass-1")])
    assert house.browser().sign_in("anna@example.com", "Twin-pass-1").status == 401
    assert house.browser().sign_in("twin-login", "Twin-pass-1").path == "/panel"
    assert house.browser().sign_in("anna@example.com", "Twin-pass-1").path == "/panel"


def test_an_administrator_who_shares_an_email_has_no_more_tries_for_it(house: House) -> None:
    twin = new_contact(login="twin-login", password="Twin-pass-1")
    house_of(house.client, house.callers, contactPersons=[twin])
    statuses = [house.browser().sign_in("anna@example.com", f"guess-{number}").status for number in range(FREE + 1)]
    assert statuses == [401] * FREE + [429]
    assert house.browser().sign_in("twin-login", "Twin-pass-1").status == 429


def test_a_wrong_password_tells_no_more_than_an_unknown_login(house: House) -> None:
    wrong = house.browser().sign_in(ANNA[0], "wrong")
    unknown = house.browser().sign_in("unknown-user", "wrong")
    billing = house.browser().sign_in("cleo@example.com", "wrong")
    assert wrong.status == unknown.status == billing.status == 401
    assert wrong.text == unknown.text == billing.text
    assert wrong.fields["login"] == ANNA[0]
    assert wrong.fields["password"] == ""


def test_an_administrator_without_a_password_does_not_get_in(house: House) -> None:
    house.change(contactPersons=[*PERSONS, new_contact(email="dora@example.com")])
    assert house.browser().sign_in("dora@example.com", "").status == 401


def test_a_visitor_who_guesses_must_wait_as_at_the_api(clock: Clock, serve: Serve, callers: dict[str, Caller]) -> None:
    house = house_of(serve(), callers)
    browser = house.browser()
    pages = [browser.sign_in(ANNA[0], f"guess-{number}") for number in range(6)]
    key = {"X-Subscription-Key": house.callers["sandbox"].key}
    api = [
        house.client.post("/token", headers=key, auth=("sandbox", f"guess-{number}")).status_code for number in range(6)
    ]
    assert [page.status for page in pages] == api == [401] * 5 + [429]
    seconds = pages[-1].answer.headers["retry-after"]
    assert messages.TOO_MANY % {"seconds": seconds} in pages[-1].text
    clock.now += int(seconds)
    assert browser.sign_in(*ANNA).path == "/panel"


def test_an_administrator_who_guesses_old_passwords_must_wait_too(
    clock: Clock, serve: Serve, callers: dict[str, Caller]
) -> None:
    house = house_of(serve(), callers)
    browser = house.signed_in()
    form = {"new": NEW_PASSWORD, "again": NEW_PASSWORD}
    answers = [browser.submit("/panel/password", {"old": "wrong", **form}) for _ in range(6)]
    assert [answer.status for answer in answers] == [400] * 5 + [429]
    assert messages.PROBLEMS["LIMITED"] in answers[-1].text


def test_an_api_user_cannot_enter_the_panel_nor_an_administrator_the_console(house: House) -> None:
    sandbox = house.callers["sandbox"]
    assert house.browser().sign_in(sandbox.login, sandbox.password).status == 401
    console = Console(house.client._client)
    assert console.sign_in(*ANNA).status == 401
    administrator = house.signed_in()
    console.cookies = {"emporion-console": administrator.cookies[COOKIE]}
    assert console.get("/console").path.startswith("/console/sign-in")
    assert console.sign_in(sandbox.login, sandbox.password).path == "/console"
    administrator.cookies = {COOKIE: console.cookies["emporion-console"]}
    assert not administrator.is_in


@pytest.mark.parametrize("path", PAGES)
def test_a_visitor_who_is_not_signed_in_signs_in_first_and_goes_on(house: House, path: str) -> None:
    browser = house.browser()
    page = browser.get(f"/panel{path}")
    assert page.path.startswith("/panel/sign-in")
    assert browser.press(page, {"login": ANNA[0], "password": ANNA[1]}).path == f"/panel{path}"


# Statuses


@pytest.mark.parametrize("status", ["pending", "active", "creditHold", "adminHold"])
def test_a_status_that_lets_people_in_is_explained(house: House, status: Any) -> None:
    other = house_of(house.client, house.callers, status="pending", contactPersons=[new_contact(login="other-login")])
    house = other if status == "pending" else house
    if status in ("creditHold", "adminHold"):
        house.change("provider" if status == "adminHold" else "sandbox", status=status)
    browser = house.browser()
    page = browser.submit(house.link(), {"new": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert messages.STATUS_NAMES[status] in page.text
    assert messages.STATUS_WORDS[status] in page.text


def test_a_cancelled_account_lets_none_in_and_tells_whom_to_ask(house: House) -> None:
    house.change("provider", status="cancelled")
    browser = house.browser()
    _is_closed(browser.sign_in(*ANNA), messages.STATUS_WORDS["cancelled"])
    assert not browser.is_in
    wrong = house.browser().sign_in(ANNA[0], "wrong")
    assert (wrong.status, messages.STATUS_WORDS["cancelled"] in wrong.text) == (401, False)


def test_an_administrator_is_out_at_the_next_request_when_the_account_is_cancelled(house: House) -> None:
    browser = house.signed_in()
    house.change("provider", status="cancelled")
    before = browser.cookies[COOKIE]
    answer = browser.get("/panel/address")
    _is_closed(answer, messages.STATUS_WORDS["cancelled"])
    assert browser.cookies[COOKIE] != before
    assert not browser.is_in


def test_an_account_whose_verification_failed_lets_none_in(serve: Serve, database: Path) -> None:
    asyncio.run(_fail_verification(database))
    page = Browser(serve()).sign_in(*ANNA)
    _is_closed(page, messages.STATUS_WORDS["error"])


async def _fail_verification(database: Path) -> None:
    store = SqliteStore(database)
    await store.open()
    actor = Actor(RESELLER_ID, "sandbox", "command line")
    made = await build_marketplace(settings_for(database), store).customers.create(
        actor, new_customer(contactPersons=PERSONS)
    )
    failed = structs.replace(decode(made.document), status="error")
    changes: Changes = {"status": ("pending", "error")}
    origin = Origin(None, "worker")
    assert await store.customers.update(
        CustomerChange(RESELLER_ID, made.id, made.version, failed, None, "customer.verified", changes, origin, 1)
    )
    await store.close()


def test_no_administrator_gets_in_below_a_reseller_that_is_held(house: House) -> None:
    signed_in = house.signed_in()
    held = house.client.patch(f"/resellers/{RESELLER_ID}", house.callers["provider"], json={"status": "adminHold"})
    assert held.status_code == 200, held.text
    _is_closed(signed_in.get("/panel"), messages.SUSPENDED_ABOVE)
    _is_closed(house.browser().sign_in(*ANNA), messages.SUSPENDED_ABOVE)


def _is_closed(page: Shown, why: str) -> None:
    assert page.status == 403
    assert why in page.text
    assert "sam@reseller.test" in page.text
    assert "München GmbH" not in page.text


# What an administrator may change


def test_an_administrator_changes_address_and_language(house: House) -> None:
    page = house.signed_in().submit(
        "/panel/address", {"address.city": " Augsburg ", "address.addressExtension": "2. Stock", "language": "de"}
    )
    assert page.path == "/panel?said=changed"
    document = house.document
    assert (document["address"]["city"], document["address"]["addressExtension"]) == ("Augsburg", "2. Stock")
    assert (document["address"]["streetAddress"], document["language"]) == ("Weg 1", "de")
    house.signed_in().submit("/panel/address", {"address.addressExtension": ""})
    assert "addressExtension" not in house.document["address"]


def test_an_address_keeps_what_was_typed_when_it_is_wrong(house: House) -> None:
    page = house.signed_in().submit("/panel/address", {"address.countryCode": "US", "address.city": ""})
    assert page.status == 400
    assert page.faults.keys() == {"address.city", "address.state"}
    assert page.form({"address.city": ""}).fields["address.countryCode"] == "US"
    assert house.document["address"]["countryCode"] == "DE"


def test_an_administrator_adds_changes_and_removes_contacts(house: House) -> None:
    browser = house.signed_in()
    more = browser.submit("/panel/contacts", {"change": "more"})
    person = {"firstName": "Dora", "lastName": "D", "email": "dora@example.com", "phoneNumber": "+49891234567"}
    typed = {f"contactPersons[3].{name}": value for name, value in person.items()}
    added = browser.press(more, {**typed, "contactPersons[3].type": "technical", "contactPersons[0].lastName": "Groß"})
    assert added.path == "/panel?said=changed"
    persons = house.document["contactPersons"]
    assert [one["firstName"] for one in persons] == ["Anna", "Ben", "Cleo", "Dora"]
    assert (persons[0]["lastName"], persons[3]["type"]) == ("Groß", "technical")
    removed = browser.submit("/panel/contacts", {"change": "2"})
    assert "cleo@example.com" not in removed.html
    assert len(house.document["contactPersons"]) == 4, "it is only shown until it is saved"
    browser.press(removed)
    assert [one["firstName"] for one in house.document["contactPersons"]] == ["Anna", "Ben", "Dora"]
    assert browser.is_in


def test_another_administrator_whose_email_is_changed_keeps_login_and_password(house: House) -> None:
    browser = house.signed_in()
    ben = house.signed_in(BEN)
    assert browser.submit("/panel/contacts", {"contactPersons[1].email": "benjamin@example.com"}).status == 200
    assert house.document["contactPersons"][1]["email"] == "benjamin@example.com"
    assert ben.is_in
    assert house.signed_in(BEN).is_in
    assert house.browser().sign_in("benjamin@example.com", BEN[1]).path == "/panel"
    assert house.browser().sign_in("ben@example.com", BEN[1]).status == 401


def test_another_administrator_who_is_removed_is_out(house: House) -> None:
    browser, ben = house.signed_in(), house.signed_in(BEN)
    browser.press(browser.submit("/panel/contacts", {"change": "1"}))
    assert not ben.is_in
    assert house.browser().sign_in(*BEN).status == 401


def test_administrators_cannot_remove_themselves(house: House) -> None:
    browser = house.signed_in()
    page = browser.get("/panel/contacts")
    assert page.form({"change": ""}).has({"change": ""})
    assert page.html.count('name="change" value="0"') == 0
    refused = browser.press(browser.submit("/panel/contacts", {"change": "0"}))
    assert refused.status == 400
    assert "You cannot remove yourself" in refused.text
    assert len(house.document["contactPersons"]) == 3
    assert house.signed_in().is_in


@pytest.mark.parametrize("position", ["0", "00"])
def test_administrators_cannot_give_up_being_one(house: House, position: str) -> None:
    browser = house.signed_in()
    browser.submit("/panel/contacts", {"contactPersons[0].type": "billing", "contactPersons[0].position": position})
    assert house.document["contactPersons"][0]["type"] == "admin"
    assert browser.is_in


def test_what_a_customer_may_not_change_stays(house: House) -> None:
    house.change(externalId="ours-1", taxRegId="DE-1")
    before = house.document
    browser = house.signed_in()
    crafted = {
        "name": "Evil Ltd.",
        "status": "creditHold",
        "externalId": "theirs",
        "taxRegId": "none",
        "resellerId": "900001",
        "attributes[0].name": "a",
        "attributes[0].value": "b",
        "contactPersons[1].login": "stolen-login",
        "contactPersons[1].password": "Stolen-pass-1",
        "contactPersons[0].login": "other-anna",
    }
    for path, field in (("address", {"address.city": "Ulm"}), ("contacts", {"contactPersons[0].firstName": "Anne"})):
        form = browser.get(f"/panel/{path}").form(field)
        answer = browser.send("POST", f"/panel/{path}", data={**form.fields, **crafted, **field})
        assert answer.headers["location"] == "/panel?said=changed"
    after = house.document
    assert after["address"].pop("city") == "Ulm"
    assert after["contactPersons"][0].pop("firstName") == "Anne"
    before["address"].pop("city")
    before["contactPersons"][0].pop("firstName")
    assert after == before
    assert house.signed_in().is_in
    assert house.signed_in(BEN).is_in


@pytest.mark.parametrize("path", ["address", "contacts"])
def test_the_second_of_two_windows_is_told_that_the_account_has_changed(house: House, path: str) -> None:
    browser = house.signed_in()
    first, second = browser.get(f"/panel/{path}"), browser.get(f"/panel/{path}")
    field = {"address": "address.city", "contacts": "contactPersons[0].firstName"}[path]
    assert browser.press(first, {field: "One"}).path == "/panel?said=changed"
    moved = browser.press(second, {field: "Two"})
    assert (moved.status, messages.MOVED in moved.text) == (412, True)
    assert moved.form({field: ""}).fields[field] == "Two"
    assert "Two" not in str(house.document)
    assert browser.get(moved.links["Open the form again"]).form({field: ""}).fields[field] == "One"


# Passwords and sign-ins


def test_a_new_password_ends_all_other_sessions_and_gives_this_one_a_new_secret(house: House) -> None:
    browser, other = house.signed_in(), house.signed_in()
    old = browser.cookies[COOKIE]
    changed = browser.submit("/panel/password", {"old": ANNA[1], "new": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert changed.path == "/panel?said=password"
    assert browser.cookies[COOKIE] != old
    assert browser.is_in
    assert not other.is_in
    other.cookies[COOKIE] = old
    assert not other.is_in
    assert house.browser().sign_in(*ANNA).status == 401
    assert house.signed_in((ANNA[0], NEW_PASSWORD)).is_in


def test_a_password_is_changed_with_the_old_one_and_the_new_one_typed_twice(house: House) -> None:
    browser = house.signed_in()
    wrong = browser.submit("/panel/password", {"old": "wrong", "new": "short", "again": "short"})
    assert (wrong.status, set(wrong.faults)) == (400, {"old", "new"})
    different = browser.submit("/panel/password", {"old": ANNA[1], "new": NEW_PASSWORD, "again": "Brand-new-8"})
    assert (different.status, set(different.faults)) == (400, {"again"})
    assert NEW_PASSWORD not in wrong.html + different.html
    assert house.signed_in().is_in


def test_recent_sign_ins_are_listed_and_the_others_ended(house: House) -> None:
    telephone = house.signed_in(headers={"user-agent": "Mozilla/5.0 (iPhone) Safari/605.1"})
    gone = house.signed_in()
    gone.submit("/panel", action="/sign-out")
    browser = house.signed_in()
    house.signed_in(BEN)
    rows = browser.get("/panel/sign-ins").rows
    assert [row[-1] for row in rows] == ["this session", "ended", "open"]
    assert rows[2][1:3] == ["testclient", "Safari, iPhone"]
    ended = browser.submit("/panel/sign-ins", action="/panel/sign-ins")
    assert ended.path == "/panel/sign-ins?said=ended"
    assert [row[-1] for row in ended.rows] == ["this session", "ended", "ended"]
    assert browser.is_in
    assert not telephone.is_in


# One-time links


def test_a_link_sets_the_first_password_and_signs_in_once(house: House) -> None:
    house.change(contactPersons=[*PERSONS, new_contact(firstName="Dora", email="dora@example.com")])
    address = house.link(3)
    browser = house.browser()
    assert browser.get(address).status == browser.get(address).status == 200, "looking does not use it up"
    form = browser.get(address)
    done = browser.press(form, {"new": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert (done.path, messages.NOTES["welcome"] in done.text) == ("/panel?said=welcome", True)
    assert "dora@example.com" in done.text
    assert house.signed_in((form.fields["login"], NEW_PASSWORD)).is_in
    again = house.browser()
    _is_no_link(again.get(address))
    late = again.send("POST", "/panel/link", data={**FORMS["/link"], "code": _code(address), "token": again.token})
    _is_no_link(Shown(late, "/panel/link"))


def test_a_link_ends_the_sessions_of_before(house: House) -> None:
    before = house.signed_in()
    house.browser().submit(house.link(), {"new": NEW_PASSWORD, "again": NEW_PASSWORD})
    assert not before.is_in
    assert house.browser().sign_in(*ANNA).status == 401


def test_a_visitor_with_only_a_session_of_before_is_not_told_of_the_account(house: House) -> None:
    before = house.signed_in()
    house.browser().submit(house.link(), {"new": NEW_PASSWORD, "again": NEW_PASSWORD})
    house.change("provider", status="cancelled")
    assert messages.STATUS_WORDS["cancelled"] not in before.get("/panel/address").text


def test_a_link_that_was_opened_with_a_bad_password_is_still_good(house: House) -> None:
    browser, address = house.browser(), house.link()
    weak = browser.submit(address, {"new": "weak", "again": "weak"})
    assert (weak.status, set(weak.faults)) == (400, {"new"})
    assert browser.press(weak, {"new": NEW_PASSWORD, "again": "Other-pass-1"}).faults.keys() == {"again"}
    assert browser.press(weak, {"new": NEW_PASSWORD, "again": NEW_PASSWORD}).path == "/panel?said=welcome"


def test_a_newer_link_replaces_an_older_one(house: House) -> None:
    old, new = house.link(), house.link()
    _is_no_link(house.browser().get(old))
    assert house.browser().get(new).status == 200


def test_a_link_is_good_for_a_day(clock: Clock, serve: Serve, callers: dict[str, Caller]) -> None:
    house = house_of(serve(), callers)
    address = house.link()
    clock.now += links.LIFETIME - 1
    browser = house.browser()
    form = browser.get(address)
    assert form.status == 200
    clock.now += 1
    _is_no_link(browser.get(address))
    _is_no_link(browser.press(form, {"new": NEW_PASSWORD, "again": NEW_PASSWORD}))


def test_a_link_is_not_good_for_who_was_removed(house: House) -> None:
    address = house.link(1)
    house.change(contactPersons=[PERSONS[0]])
    _is_no_link(house.browser().get(address))


def test_a_link_to_a_closed_account_lets_none_in_and_changes_nothing(house: House) -> None:
    address = house.link()
    browser = house.browser()
    form = browser.get(address)
    house.change("provider", status="cancelled")
    words = messages.STATUS_WORDS["cancelled"]
    _is_closed(browser.press(form, {"new": NEW_PASSWORD, "again": NEW_PASSWORD}), words)
    _is_closed(browser.get(address), words)
    assert not browser.is_in
    events = house.client.get(f"/customers/{house.customer}/events", house.callers["sandbox"]).json()["data"]
    assert not [event for event in events if event["source"] == "panel"]


@pytest.mark.parametrize("code", ["", "x", "A" * 43, "%00", "%ff", "²"])
def test_a_made_up_link_is_none(house: House, code: str) -> None:
    _is_no_link(house.browser().get(f"/panel/link?code={code}"))


def _is_no_link(page: Shown) -> None:
    assert (page.status, messages.BAD_LINK in page.text) == (404, True)


def _code(address: str) -> str:
    return address.partition("code=")[2]


# What keeps others out


def test_each_form_of_the_panel_is_among_those_that_are_tried_without_a_token() -> None:
    assert FORMS.keys() == {page.path for page in area.PAGES if page.post}


@pytest.mark.parametrize(
    ("path", "signed_in"),
    # A visitor who is not signed in is sent to sign in by the others.
    [*((path, True) for path in FORMS), *((path, False) for path in FORMS if path not in PAGES)],
)
def test_a_form_without_the_token_of_this_browser_does_nothing(house: House, path: str, *, signed_in: bool) -> None:
    address = house.link()
    watching = house.signed_in()
    browser = house.signed_in() if signed_in else house.browser()
    fields = {**FORMS[path], **({"code": _code(address)} if path == "/link" else {})}
    another = house.signed_in(BEN).token
    if not signed_in:
        browser.get("/panel/sign-in")

    def state() -> tuple[Any, ...]:
        rows = [row[-1] for row in watching.get("/panel/sign-ins").rows]
        return house.document, rows, dict(browser.cookies), browser.is_in, house.browser().get(address).status

    before = state()
    for token in ({}, {"token": ""}, {"token": another}, {"token": "é"}):
        answer = browser.send("POST", f"/panel{path}", data={"x": "", **fields, **token})
        assert answer.status_code == 403, (token, answer.text)
        assert "set-cookie" not in answer.headers
        assert messages.PROBLEMS["FORBIDDEN"] in answer.text
    assert state() == before


def test_the_token_of_before_signing_in_is_not_good_afterwards(house: House) -> None:
    browser = house.browser()
    before = browser.token
    browser.sign_in(*ANNA)
    answer = browser.send("POST", "/panel/sign-ins", data={"token": before})
    assert answer.status_code == 403


def test_the_secret_is_another_after_signing_in(house: House) -> None:
    browser = house.browser()
    browser.get("/panel/sign-in")
    before = browser.cookies[COOKIE]
    browser.sign_in(*ANNA)
    planted = house.browser()
    planted.cookies[COOKIE] = before
    assert browser.cookies[COOKIE] != before
    assert not planted.is_in


def test_a_sign_out_leaves_a_secret_that_opens_nothing(house: House) -> None:
    browser = house.signed_in()
    thief = house.browser()
    thief.cookies = dict(browser.cookies)
    out = browser.submit("/panel", action="/sign-out")
    assert out.path == "/panel/sign-in?said=signed-out"
    assert not thief.is_in
    assert not browser.is_in


def test_a_second_sign_in_leaves_no_session_behind(house: House) -> None:
    browser = house.signed_in()
    before = house.browser()
    before.cookies = dict(browser.cookies)
    token = browser.get("/panel").form({}, "/sign-out").fields["token"]
    answer = browser.send("POST", "/panel/sign-in", data={"token": token, "login": BEN[0], "password": BEN[1]})
    assert answer.status_code == 303
    assert "ben@example.com" in browser.get("/panel").text
    assert not before.is_in


def test_cookies_are_for_the_server_only(house: House) -> None:
    browser = house.browser()
    fresh = set_cookies(browser.send("GET", "/panel/sign-in"))
    form = browser.get("/panel/sign-in").form({"login": ""})
    data = {**form.fields, "login": ANNA[0], "password": ANNA[1]}
    for cookies in (fresh, set_cookies(browser.send("POST", "/panel/sign-in", data=data))):
        assert cookies.keys() == {COOKIE}
        cookie = cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
        assert (cookie["secure"], cookie["domain"], cookie["max-age"], cookie["expires"]) == ("", "", "", "")


def test_cookies_go_over_https_only_where_others_are_served(serve: Serve, callers: dict[str, Caller]) -> None:
    house = house_of(serve(public_url="https://market.example"), callers)
    browser = house.browser()
    (cookie,) = set_cookies(browser.send("GET", "/panel/sign-in")).values()
    assert cookie.key == f"__Host-{COOKIE}"
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    assert (cookie["httponly"], cookie["samesite"]) == (True, "lax")
    data = {"token": browser.token, "language": "de", "to": ""}
    language = set_cookies(browser.send("POST", "/panel/language", data=data))[LANGUAGE_COOKIE]
    assert language["secure"] is True
    assert browser.sign_in(*ANNA).path == "/panel"


def test_a_session_ends_when_it_is_not_used(clock: Clock, serve: Serve, callers: dict[str, Caller]) -> None:
    browser = house_of(serve(), callers).signed_in()
    clock.now += sessions.IDLE - 1
    assert browser.is_in
    clock.now += sessions.IDLE - 1
    assert browser.is_in
    clock.now += sessions.IDLE
    assert not browser.is_in


def test_a_session_ends_however_much_it_is_used(clock: Clock, serve: Serve, callers: dict[str, Caller]) -> None:
    browser = house_of(serve(), callers).signed_in()
    began = clock.now
    while clock.now < began + sessions.LIFETIME - 1:
        clock.now = min(clock.now + 3600, began + sessions.LIFETIME - 1)
        assert browser.is_in
    clock.now += 1
    assert not browser.is_in


def test_no_page_lets_a_browser_run_or_load_what_is_not_ours(house: House) -> None:
    house.change(name="<script>alert(1)</script>", contactPersons=[{**PERSONS[0], "firstName": '"><img src=x>'}])
    browser = house.signed_in()
    pages = [browser.get(f"/panel{path}") for path in PAGES]
    pages += [house.browser().get("/panel/sign-in"), house.browser().get(house.link())]
    pages += [house.browser().get("/panel/link?code=x"), house.browser().sign_in(ANNA[0], "<b>")]
    refused = Shown(browser.send("POST", "/panel/address", data={}), "/panel/address")
    for page in [*pages, refused]:
        page.check()
        policy = page.answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
            assert rule in policy
        assert page.answer.headers["x-content-type-options"] == "nosniff"
        assert page.answer.headers["cache-control"] == "no-store"
        assert "<script>alert" not in page.html
        assert "<img src=x" not in page.html


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "/panel//evil.example",
    "/panel/\\evil.example",
    "/panel/../console",
    "/panel/%2e%2E/console",
    "/panel/..",
    "/panel@evil.example",
    "/panelevil",
    "/panel/\r\nSet-Cookie: a=b",
    "/panel/\tx",
    "javascript:alert(1)",
    "/console",
    "evil",
]


@pytest.mark.parametrize("to", ELSEWHERE)
def test_no_visitor_is_sent_elsewhere(house: House, to: str) -> None:
    browser = house.browser()
    form = browser.send("GET", "/panel/sign-in", params={"to": to})
    assert Shown(form, "/panel/sign-in").form({"to": ""}, "/sign-in").fields["to"] == "/panel"
    data = {"token": browser.token, "to": to}
    spoken = browser.send("POST", "/panel/language", data={**data, "language": "de"})
    signed_in = browser.send("POST", "/panel/sign-in", data={**data, "login": ANNA[0], "password": ANNA[1]})
    again = browser.send("GET", "/panel/sign-in", params={"to": to})
    for answer in (spoken, signed_in, again):
        assert (answer.status_code, answer.headers["location"]) == (303, "/panel")


NASTY = ["", "²", "٣", "-1", "9" * 400, "\0", "\r\n", "💥" * 300, "%(x)s %s {{7*7}}", "true", "[]", "\x85\u2028"]
NAMES = [
    "change",
    "version",
    "language",
    "to",
    "login",
    "password",
    "old",
    "new",
    "again",
    "code",
    "address.streetAddress",
    "address.state",
    "address.countryCode",
    "contactPersons[0].type",
    "contactPersons[0].email",
    "contactPersons[0].phoneNumber",
    "contactPersons[0].position",
    "contactPersons[999].position",
    "contactPersons[0].position[0].x",
    "contactPersons[].type",
]


@pytest.mark.parametrize("path", FORMS)
def test_nonsense_in_a_form_is_never_our_failure(house: House, path: str) -> None:
    browser = house.signed_in()
    for value in NASTY:
        if not browser.is_in:
            browser = house.signed_in()
        token = browser.get("/panel").form({}, "/sign-out").fields["token"]
        answer = browser.send("POST", f"/panel{path}", data={"token": token, **dict.fromkeys(NAMES, value)})
        assert answer.status_code < 500, (value, answer.text)
    for name in NAMES:
        if not browser.is_in:
            browser = house.signed_in()
        page = browser.get(f"/panel{path}") if path in PAGES else browser.get("/panel")
        fields = page.form({}, path).fields if path in PAGES and path else {"token": browser.token}
        for value in ("²", "\0", "9" * 30):
            answer = browser.send("POST", f"/panel{path}", data={**fields, name: value})
            assert answer.status_code < 500, (name, value, answer.text)


BODIES: list[tuple[bytes, str, int]] = [
    (b"%ff=%ff", "application/x-www-form-urlencoded", 400),
    (b"\xff", "application/x-www-form-urlencoded", 400),
    (b"&".join(b"a=1" for _ in range(600)), "application/x-www-form-urlencoded", 400),
    (b"a=" + b"b" * LARGEST, "application/x-www-form-urlencoded", 413),
    (b"", "application/x-www-form-urlencoded", 403),
    (b"{}", "application/json", 415),
    (b"--x--", "multipart/form-data; boundary=x", 415),
    (b"token=x", "", 415),
]


@pytest.mark.parametrize(("body", "kind", "status"), BODIES)
def test_a_body_that_is_no_form_is_told_on_a_page(house: House, body: bytes, kind: str, status: int) -> None:
    browser = house.signed_in()
    answer = browser.send("POST", "/panel/address", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    page = Shown(answer, "/panel/address")
    page.check()
    assert messages.PROBLEMS["INTERNAL"] not in page.text
    assert answer.headers["x-correlation-id"] in page.text


@pytest.mark.parametrize("query", ["said=x", "said=%ff", "said=changed&said=ended", "%00=%00", "to=%ff", "a" * 5000])
@pytest.mark.parametrize("path", ["", "/sign-in", "/contacts"])
def test_nonsense_in_an_address_is_never_our_failure(house: House, path: str, query: str) -> None:
    assert house.signed_in().get(f"/panel{path}?{query}").status == 200


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "ä" * 43, "A" * 5000, "..", '"'])
def test_a_made_up_cookie_opens_nothing(house: House, secret: str) -> None:
    browser = house.browser()
    answer = browser.send("GET", "/panel", headers={"cookie": f"{COOKIE}={secret}".encode()})
    assert (answer.status_code, answer.headers["location"]) == (303, "/panel/sign-in")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(house: House, method: str) -> None:
    answer = house.signed_in().send(method, "/panel/address")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_page_behind_a_prefix_stays_behind_it(serve: Serve, callers: dict[str, Caller]) -> None:
    client = serve(root_path="/eu")
    made = client.post("/eu/customers", callers["sandbox"], json=new_customer(contactPersons=PERSONS))
    assert made.status_code == 200
    browser = Browser(client)
    page = Shown(browser.send("GET", "/eu/panel/sign-in"), "/eu/panel/sign-in")
    form = page.form({"login": ""}, "/sign-in")
    assert form.action == "/eu/panel/sign-in"
    answer = browser.send("POST", form.action, data={**form.fields, "login": ANNA[0], "password": ANNA[1]})
    assert answer.headers["location"] == "/eu/panel"


def test_who_is_turned_away_is_in_the_log(house: House) -> None:
    def refused() -> list[dict[str, Any]]:
        found = house.client.get("/events?type=access.refused", house.callers["sandbox"])
        events: list[dict[str, Any]] = found.json()["data"]
        return events

    house.browser().sign_in(ANNA[0], "wrong")
    house.change("provider", status="cancelled")
    house.browser().sign_in(*ANNA)
    wait_until(lambda: len(refused()) == 2, lambda: str(refused()))
    assert {(one["source"], one["address"]) for one in refused()} == {("panel", "testclient")}
