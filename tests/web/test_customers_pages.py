"""Customers in the console: found, created, changed, and their history."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emporion.marketplace.platforms import SANDBOX
from tests.conftest import Caller, new_contact, new_customer
from tests.document import CheckedClient
from tests.web.conftest import Console, OpenConsole, Shown, parameters

NEW = "/console/customers/new"
PERSON = "contactPersons[0]."
GOOD = {
    "name": "Acme Inc.",
    "externalId": "acme-1",
    "address.streetAddress": "555 Main Street",
    "address.postalCode": "92612",
    "address.city": "Irvine",
    "address.countryCode": "US",
    "address.state": "CA",
    f"{PERSON}firstName": "Jane",
    f"{PERSON}lastName": "Doe",
    f"{PERSON}email": "jane@acme.test",
    f"{PERSON}phoneNumber": "+14155550101",
}


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


@pytest.fixture
def headers(callers: dict[str, Caller]) -> dict[str, str]:
    return callers["sandbox"].headers


def created(client: CheckedClient, headers: dict[str, str], **members: Any) -> str:
    """The id of a new customer."""
    answer = client.post("/customers", headers=headers, json=new_customer(**{"status": "active", **members}))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def names(page: Shown) -> list[str]:
    return [row[0] for row in page.rows]


def test_the_list_is_newest_first_and_says_how_many_there_are(browser: Console) -> None:
    page = browser.get("/console/customers")
    assert names(page) == ["RBCustomer2", "RBCustomer"]
    assert "1–2 of 2" in page.text


def test_the_list_goes_on_to_older_ones_and_back(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    for number in range(30):
        created(client, headers, name=f"Number {number:02}")
    page = browser.get("/console/customers")
    assert names(page)[0] == "Number 29"
    older = browser.get(page.links["Older"])
    assert names(older)[-1] == "RBCustomer"
    assert "26–32 of 32" in older.text
    assert "Older" not in older.links
    assert names(browser.get(older.links["Newer"])) == names(page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=munchen", ["München GmbH"]),
        ("status=pending", ["München GmbH"]),
        ("status=active", ["RBCustomer2", "RBCustomer"]),
        ("status=active&name=customer2", ["RBCustomer2"]),
        ("email=ANNA@example.com", ["München GmbH"]),
        ("externalId=externalId1", ["RBCustomer"]),
        ("externalId=externalId1&status=pending", []),
        ("resellerId=1000000&name=rb", ["RBCustomer2", "RBCustomer"]),
        ("name=&status=&email=", ["München GmbH", "RBCustomer2", "RBCustomer"]),
    ],
)
def test_filters_combine_and_stand_in_the_address(
    browser: Console, client: CheckedClient, headers: dict[str, str], query: str, found: list[str]
) -> None:
    created(client, headers, status="pending")
    page = browser.get(f"/console/customers?{query}")
    assert names(page) == found
    for name, value in parameters(f"?{query}").items():
        assert page.fields.get(name, value) in (value, "")  # a select shows its choice otherwise
    if not found:
        assert "No customer fits" in page.text


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=gone", "status"), ("resellerId=900001", "resellerId"), ("email=" + "x" * 300, "email")],
)
def test_a_bad_filter_is_told_where_customers_would_stand(browser: Console, query: str, field: str) -> None:
    page = browser.get(f"/console/customers?{query}")
    assert page.status == 400
    assert page.faults.keys() == {field}
    assert "No customer fits" not in page.text


def test_a_new_reseller_reads_what_to_do_first(console: OpenConsole) -> None:
    page = console("other").get("/console/customers")
    assert "No customers yet" in page.text
    assert {"New customer", "Import a file"} <= page.links.keys()


def test_a_customer_is_created_as_over_the_api(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    page = browser.submit(NEW, {**GOOD, f"{PERSON}login": "jane.doe", f"{PERSON}password": "Secret-123"})
    assert "It was created." in page.text
    number = page.path.partition("?")[0].rpartition("/")[2]
    document = client.get(f"/customers/{number}", headers=headers).json()
    assert document == {
        "id": number,
        "externalId": "acme-1",
        "name": "Acme Inc.",
        "status": "pending",
        "address": {
            "streetAddress": "555 Main Street",
            "postalCode": "92612",
            "city": "Irvine",
            "state": "CA",
            "countryCode": "US",
        },
        "contactPersons": [
            {
                "type": "admin",
                "firstName": "Jane",
                "lastName": "Doe",
                "email": "jane@acme.test",
                "phoneNumber": "+14155550101",
            }
        ],
        "language": "en",
        "resellerId": "1000000",
    }
    panel = Console(client._client, "panel")
    assert "Acme Inc." in panel.sign_in("jane.doe", "Secret-123").text


def test_faults_stand_at_their_fields_and_what_was_typed_stays(browser: Console) -> None:
    bad = {"address.state": "", f"{PERSON}email": "unknown", f"{PERSON}login": "x", f"{PERSON}password": "short"}
    page = browser.submit(NEW, {**GOOD, **bad})
    assert page.status == 400
    assert page.faults.keys() == bad.keys()
    assert page.faults["address.state"] == "Is required for addresses in US."
    assert page.fields["name"] == "Acme Inc."
    assert page.fields[f"{PERSON}email"] == "unknown"
    assert page.fields[f"{PERSON}password"] == ""
    assert names(browser.get("/console/customers")) == ["RBCustomer2", "RBCustomer"]


def test_an_empty_form_tells_all_that_is_required(browser: Console) -> None:
    page = browser.submit(NEW)
    assert {"name", "address.streetAddress", "address.countryCode", f"{PERSON}email"} <= page.faults.keys()
    assert set(page.faults.values()) == {"Is required."}


def test_a_taken_external_id_is_told_at_its_field(browser: Console) -> None:
    page = browser.submit(NEW, {**GOOD, "externalId": "externalId1"})
    assert "1000001" in page.faults["externalId"]


def test_contacts_and_attributes_come_and_go_without_a_script(browser: Console) -> None:
    page = browser.submit(NEW, {**GOOD, "change": "contactPersons more"})
    second = {name.replace("[0]", "[1]"): value for name, value in GOOD.items() if name.startswith(PERSON)}
    page = browser.press(page, {**second, "contactPersons[1].type": "billing", "change": "attributes more"})
    page = browser.press(page, {"attributes[0].name": "tier", "attributes[0].value": "gold"})
    assert "tier gold" in page.text
    assert page.text.count("Jane Doe") >= 2
    edited = browser.submit(f"{page.path.partition('?')[0]}/edit", {"change": "contactPersons 1"})
    assert "contactPersons[1].email" not in edited.fields
    page = browser.press(edited)
    assert "Your changes are saved." in page.text
    assert page.text.partition("History")[0].count("Jane Doe") == 1


def test_what_is_wrong_with_an_attribute_stands_at_its_fields(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    number = created(client, headers, attributes={"tier": "gold", "kept": "yes"})
    path = f"/console/customers/{number}/edit"
    page = browser.submit(path, {"attributes[1].value": "a\abell"})
    assert page.faults == {"attributes[1].value": "Must not contain control characters such as U+0007."}
    page = browser.press(browser.submit(path, {"change": "attributes more"}), {"attributes[2].name": " tier "})
    assert page.faults == {"attributes[2].name": "Must not be that of another attribute."}
    assert client.get(f"/customers/{number}", headers=headers).json()["attributes"] == {"tier": "gold", "kept": "yes"}
    browser.press(page, {"attributes[2].name": "level"})
    assert client.get(f"/customers/{number}", headers=headers).json()["attributes"]["level"] == ""


def test_an_attribute_is_taken_away_with_its_row(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    number = created(client, headers, attributes={"tier": "gold", "kept": "yes"})
    page = browser.submit(f"/console/customers/{number}/edit", {"change": "attributes 0"})
    browser.press(page)
    assert client.get(f"/customers/{number}", headers=headers).json()["attributes"] == {"kept": "yes"}


def test_the_user_who_saves_second_is_told_and_nothing_is_lost(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    form = browser.get("/console/customers/1000001/edit")
    client.patch("/customers/1000001", headers=headers, json={"name": "Changed by the API"})
    page = browser.press(form, {"name": "Changed by a person"})
    assert "Another user has changed this customer" in page.text
    assert client.get("/customers/1000001", headers=headers).json()["name"] == "Changed by the API"


def test_an_emptied_field_is_cleared(browser: Console, client: CheckedClient, headers: dict[str, str]) -> None:
    browser.submit("/console/customers/1000001/edit", {"externalId": "", "name": "Other"})
    document = client.get("/customers/1000001", headers=headers).json()
    assert "externalId" not in document
    assert document["name"] == "Other"


@pytest.mark.parametrize("members", [{}, {"attributes": {}}, {"attributes": {"note": ""}}])
def test_a_form_saved_untouched_makes_no_new_version(
    browser: Console, client: CheckedClient, headers: dict[str, str], members: dict[str, Any]
) -> None:
    number = created(client, headers, **members)
    before = client.get(f"/customers/{number}", headers=headers)
    assert "Your changes are saved." in browser.submit(f"/console/customers/{number}/edit").text
    after = client.get(f"/customers/{number}", headers=headers)
    assert (after.text, after.headers["etag"]) == (before.text, before.headers["etag"])


def test_a_form_holds_all_that_the_api_takes(browser: Console, client: CheckedClient, headers: dict[str, str]) -> None:
    number = created(client, headers, attributes={f"{count:02}{'😀' * 126}": "😀" * 2048 for count in range(64)})
    before = client.get(f"/customers/{number}", headers=headers).text
    assert "Your changes are saved." in browser.submit(f"/console/customers/{number}/edit").text
    assert client.get(f"/customers/{number}", headers=headers).text == before


def test_an_email_address_is_typed_with_the_keys_for_it_and_not_corrected(browser: Console) -> None:
    html = browser.get(NEW).html
    (field,) = re.findall(r"<input[^>]*\.email\"[^>]*>", html)
    assert {'type="text"', 'inputmode="email"', 'autocapitalize="none"', 'spellcheck="false"'} <= set(field.split())


def test_a_password_is_the_one_that_was_typed_with_its_blanks(browser: Console, client: CheckedClient) -> None:
    browser.submit(NEW, {**GOOD, f"{PERSON}login": "blank.admin", f"{PERSON}password": " Secret 123 "})
    assert Console(client._client, "panel").sign_in("blank.admin", " Secret 123 ").path == "/panel"


def test_a_language_that_the_form_does_not_offer_stays(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    number = created(client, headers, language="it")
    browser.submit(f"/console/customers/{number}/edit", {"name": "Other"})
    assert client.get(f"/customers/{number}", headers=headers).json()["language"] == "it"


def test_an_administrator_whose_address_is_edited_keeps_login_and_password(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    contacts = [
        new_contact(email=f"{name}@example.com", login=f"{name}.admin", password="Secret-123")
        for name in ("one", "two")
    ]
    number = created(client, headers, contactPersons=contacts)
    browser.submit(f"/console/customers/{number}/edit", {"contactPersons[1].email": "new@example.com"})
    page = Console(client._client, "panel").sign_in("two.admin", "Secret-123")
    assert "new@example.com" in page.text


@pytest.mark.parametrize("reason", ["a\0b", "a\u202eb", "x" * 501])
@pytest.mark.parametrize("account", ["customers/1000001", "resellers/1000001"])
def test_a_reason_that_cannot_be_read_or_kept_is_refused(
    browser: Console, account: str, reason: str, callers: dict[str, Caller], client: CheckedClient
) -> None:
    if account.startswith("resellers"):
        made = client.post("/resellers", callers["sandbox"], json=new_customer(currency="EUR", externalId="below"))
        account = f"resellers/{made.json()['id']}"
    shown = browser.post(f"/console/{account}/status", {"status": "creditHold", "reason": reason})
    assert shown.status == 400
    assert "reason" in shown.text.lower()
    assert "creditHold" not in client.get(f"/{account}", callers["sandbox"]).text


@pytest.mark.parametrize("path", ["/console/customers?name=%ff", "/console/export.csv?name=%ff"])
def test_parameters_that_cannot_be_read_are_told(browser: Console, path: str) -> None:
    shown = browser.get(path)
    assert shown.status == 400
    assert "percent-encoded" in shown.text


def test_there_is_no_export_in_another_format(browser: Console) -> None:
    assert browser.get("/console/export.xml").status == 404


def test_a_change_of_the_status_has_its_reason_in_the_history(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    page = browser.submit(
        "/console/customers/1000001", {"status": "creditHold", "reason": "Invoice 4711 is unpaid"}, "/status"
    )
    assert "Invoice 4711 is unpaid" in page.text
    assert client.get("/customers/1000001", headers=headers).json()["status"] == "creditHold"
    events = client.get("/customers/1000001/events", headers=headers).json()["data"]
    assert events[-1]["changes"] == {
        "status": {"before": "active", "after": "creditHold"},
        "status.reason": {"after": "Invoice 4711 is unpaid"},
    }
    assert (events[-1]["source"], events[-1]["user"]) == ("console", SANDBOX.user)


def test_a_status_that_only_the_operator_sets_is_not_offered_and_refused(
    browser: Console, client: CheckedClient, headers: dict[str, str]
) -> None:
    page = browser.post("/console/customers/1000001/status", {"status": "adminHold"})
    assert page.status == 409
    assert client.get("/customers/1000001", headers=headers).json()["status"] == "active"


def test_the_history_tells_who_changed_what_before_and_after(browser: Console) -> None:
    browser.submit("/console/customers/1000001/edit", {"name": "After"})
    page = browser.get("/console/customers/1000001")
    assert ["name", "RBCustomer", "After"] in page.rows
    assert "Changed by sandbox, console" in page.text


def test_the_history_goes_on_to_what_is_older(browser: Console, client: CheckedClient, headers: dict[str, str]) -> None:
    for number in range(25):
        client.patch("/customers/1000001", headers=headers, json={"name": f"Name {number}"})
    page = browser.get("/console/customers/1000001")
    assert ["name", "Name 23", "Name 24"] in page.rows
    assert not re.search(r"\bCreated by", page.text)
    older = browser.get(page.links["Older"])
    assert ["name", "Name 3", "Name 4"] in older.rows
    assert re.search(r"\bCreated by", older.text)


def test_a_one_time_link_is_shown_once(browser: Console) -> None:
    page = browser.submit("/console/customers/1000001", {"position": "0"}, "/link")
    address = page.fields["link"]
    assert re.fullmatch(r"http://testserver/panel/link\?code=[\w-]{43}", address)
    assert address not in browser.get("/console/customers/1000001").html
    assert "One-time link made" in browser.get("/console/customers/1000001").text


@pytest.mark.parametrize("position", ["1", "-1", "x", "", "9" * 40])
def test_there_is_no_link_for_who_is_no_administrator(browser: Console, position: str) -> None:
    assert browser.post("/console/customers/1000001/link", {"position": position}).status == 404


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/console/customers/new", GOOD),
        ("/console/customers/1000001/edit", {"name": "Mine"}),
        ("/console/customers/1000001/status", {"status": "creditHold"}),
        ("/console/customers/1000001/link", {"position": "0"}),
    ],
)
def test_a_reader_changes_nothing(
    console: OpenConsole, client: CheckedClient, headers: dict[str, str], path: str, fields: dict[str, str]
) -> None:
    reader = console(role="reader")
    before = client.get("/customers", headers=headers).json()
    assert reader.post(path, fields).status == 403
    assert client.get("/customers", headers=headers).json() == before
    page = reader.get("/console/customers/1000001")
    assert "Edit" not in page.links
    assert [form.action for form in page.forms if form.method == "post"] == ["/console/sign-out"]


@pytest.mark.parametrize("rest", ["", "/edit"])
@pytest.mark.parametrize("login", ["other", "below"])
def test_another_resellers_customer_does_not_exist(console: OpenConsole, login: str, rest: str) -> None:
    page = console(login).get(f"/console/customers/1000001{rest}")
    assert page.status == 404
    assert "RBCustomer" not in page.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/edit", {"name": "Mine", "version": "1"}),
        ("/status", {"status": "creditHold"}),
        ("/link", {"position": "0"}),
    ],
)
def test_another_resellers_customer_is_not_changed(
    console: OpenConsole, client: CheckedClient, headers: dict[str, str], path: str, fields: dict[str, str]
) -> None:
    before = client.get("/customers/1000001", headers=headers).json()
    assert console("other").post(f"/console/customers/1000001{path}", fields).status == 404
    assert client.get("/customers/1000001", headers=headers).json() == before


def test_a_customer_is_created_below_but_not_beside(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    page = console().submit(NEW, {**GOOD, "resellerId": "900002"})
    number = page.path.partition("?")[0].rpartition("/")[2]
    found = client.get(f"/customers/{number}", headers=callers["below"].headers).json()
    assert found["resellerId"] == "900002"
    page = console().submit(NEW, {**GOOD, "externalId": "acme-2", "resellerId": "900001"})
    assert page.faults == {"resellerId": "Is no reseller of yours."}


def test_active_at_once_needs_no_verification(browser: Console) -> None:
    page = browser.submit(NEW, {**GOOD, "active": "yes"})
    assert "May order." in page.text


def test_what_others_typed_is_shown_as_text(browser: Console, client: CheckedClient, headers: dict[str, str]) -> None:
    nasty = "<script>alert(1)</script>'\"&{{7*7}}"
    number = created(client, headers, name=nasty, attributes={nasty: nasty})
    for path in ("", "/edit"):
        page = browser.get(f"/console/customers/{number}{path}")
        assert "<script>alert" not in page.html
        assert "{{7*7}}" in page.html
    assert nasty in browser.get("/console/customers").text


def test_a_blank_form_gets_one_more_contact_and_loses_the_one_that_is_meant(browser: Console) -> None:
    page = browser.submit(NEW, {"change": "contactPersons more"})
    page = browser.press(page, {"contactPersons[1].firstName": "Second", "change": "contactPersons more"})
    assert "contactPersons[2].firstName" in page.fields
    page = browser.press(page, {"change": "contactPersons 0"})
    assert page.fields[f"{PERSON}firstName"] == "Second"


def test_no_link_is_offered_to_an_account_that_is_closed(
    browser: Console, console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    client.patch("/customers/1000001", headers=callers["provider"].headers, json={"status": "cancelled"})
    assert not [form for form in browser.get("/console/customers/1000001").forms if form.action.endswith("/link")]
    assert browser.post("/console/customers/1000001/link", {"position": "0"}).status == 409


def test_the_operator_is_called_so_by_those_below(
    browser: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    client.patch("/customers/1000001", headers=callers["provider"].headers, json={"name": "Other"})
    assert "Changed by the operator, api" in browser.get("/console/customers/1000001").text
