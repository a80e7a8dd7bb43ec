"""Resellers in the console."""

from __future__ import annotations

import time

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.resellers import Reseller
from emporion.web.console import resellers as pages
from tests.conftest import CALLERS, Caller, new_customer
from tests.document import CheckedClient
from tests.web.conftest import Console, OpenConsole, Shown, parameters

FORM = {
    "name": "Nordlicht",
    "currency": "EUR",
    "address.streetAddress": "Weg 1",
    "address.postalCode": "80331",
    "address.city": "München",
    "address.countryCode": "DE",
    "contactPersons[0].firstName": "Anna",
    "contactPersons[0].lastName": "Weiß",
    "contactPersons[0].email": "anna@example.com",
    "contactPersons[0].phoneNumber": "+49891234567",
}
BELOW = CALLERS["below"].reseller_id
OTHER = CALLERS["other"].reseller_id
PATIENCE = 10.0


def add(client: CheckedClient, caller: Caller, name: str) -> str:
    """The id of a new reseller right below the caller's account."""
    body = new_customer(name=name, currency="EUR", status="active")
    return str(client.post("/resellers", caller, json=body).json()["id"])


def names(shown: Shown) -> list[str]:
    """Whom the tree or the list links to, in order."""
    return [
        text
        for text, to in shown.links.items()
        if to.startswith("/console/resellers/") and text not in ("New reseller", "New reseller below")
    ]


def hold(browser: Console, reseller_id: int, reason: str = "") -> Shown:
    return browser.submit(f"/console/resellers/{reseller_id}", {"status": "adminHold", "reason": reason})


# The tree


def test_the_tree_has_all_below_and_none_beside(console: OpenConsole) -> None:
    assert names(console().get("/console/resellers")) == ["Sandbox Reseller", "Below"]
    assert names(console("below").get("/console/resellers")) == ["Below"]
    everybody = {"Provider", "Sandbox Reseller", "Below", "Other"}
    assert set(names(console("provider").get("/console/resellers"))) == everybody


def test_the_tree_is_indented_as_deep_as_a_page_goes(console: OpenConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DEEPEST", 2)
    browser = console()
    above = BELOW
    for number in range(3):
        shown = browser.submit(f"/console/resellers/new?under={above}", {**FORM, "name": f"Level {number}"})
        above = int(shown.path.partition("?")[0].rpartition("/")[2])
    page = browser.get("/console/resellers")
    assert names(page) == ["Sandbox Reseller", "Below", "Level 0"]
    further = browser.get(page.links["2 below Level 0"])
    assert names(further) == ["Level 0", "Level 1", "Level 2"]


def test_the_way_up_ends_at_the_own_account(console: OpenConsole, client: CheckedClient) -> None:
    page = console().get(f"/console/resellers?under={BELOW}")
    assert page.links["Sandbox Reseller"] == f"/console/resellers?under={RESELLER_ID}"
    assert "Provider" not in page.text


def test_where_many_stand_below_a_page_shows_some_of_one_level(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 3)
    for number in range(4):
        add(client, callers["sandbox"], f"Child {number}")
    add(client, callers["below"], "Grandchild")
    browser = console()
    page = browser.get("/console/resellers")
    assert names(page) == ["Sandbox Reseller", "Child 3", "Child 2", "Child 1"]
    assert "1–3 of 5 right below Sandbox Reseller" in page.text
    older = browser.get(page.links["Older"])
    assert names(older) == ["Sandbox Reseller", "Child 0", "Below"]
    assert names(browser.get(older.links["1 below Below"])) == ["Below", "Grandchild"]
    assert names(browser.get(older.links["Newer"])) == names(page)


def test_resellers_are_found_by_name_wherever_they_stand_below(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    for caller in ("sandbox", "below", "other"):
        add(client, callers[caller], f"Süd of {caller}")
    browser = console()
    assert names(browser.get("/console/resellers?name=SUD")) == ["Süd of below", "Süd of sandbox"]
    monkeypatch.setattr(pages, "SHOWN", 1)
    page = browser.get("/console/resellers?name=sud")
    assert "1–1 of 2" in page.text
    assert parameters(page.links["Older"]) == {"name": "sud", "offset": "1"}
    assert names(browser.get(page.links["Older"])) == ["Süd of sandbox"]
    assert "No reseller fits" in browser.get("/console/resellers?name=unknown").text


@pytest.mark.parametrize("offset", ["-1", "x", "9" * 30, "9223372036854775807"])
def test_an_offset_that_leads_nowhere_does_no_harm(console: OpenConsole, offset: str) -> None:
    assert console().get(f"/console/resellers?offset={offset}").status == 200
    assert console().get(f"/console/resellers?name=b&offset={offset}").status in (200, 400)


def test_a_reseller_with_none_below_is_told_what_resellers_are_for(console: OpenConsole) -> None:
    assert "Add a reseller to let others sell for you" in console("below").get("/console/resellers").text
    assert "No reseller stands below you yet." in console("below", role="reader").get("/console/resellers").text


def test_a_tree_deeper_than_python_goes_is_drawn() -> None:
    chain = [
        Reseller(id=str(number), name="R", status="active", language="en", reseller_id=str(number - 1))
        for number in range(1, 5000)
    ]
    nodes = pages.tree("0", chain)
    assert [node.below for node in nodes] == [4998]
    depth = 0
    while nodes:
        nodes = nodes[0].nodes
        depth += 1
    assert depth == pages.DEEPEST


# One of them


def test_a_reseller_leads_to_all_that_belongs_to_it(console: OpenConsole) -> None:
    browser = console()
    page = browser.get(f"/console/resellers/{BELOW}")
    for name in ("Customers", "Keys", "Users"):
        address = page.links[name]
        if "resellerId" not in address:
            address = f"/console/{name.lower()}?resellerId={BELOW}"
        assert browser.get(address).status == 200
    assert f'href="/console/customers?resellerId={BELOW}"' in page.html
    assert f'href="/console/keys?resellerId={BELOW}"' in page.html
    assert f'href="/console/users?resellerId={BELOW}"' in page.html
    assert names(browser.get(page.links["0 below"])) == ["Below"]


@pytest.mark.parametrize("reseller_id", [OTHER, PROVIDER_ID, 424242, "x", "1" * 40])
def test_resellers_that_one_does_not_reach_are_not_there(console: OpenConsole, reseller_id: object) -> None:
    browser = console()
    assert browser.get(f"/console/resellers/{reseller_id}").status == 404
    assert browser.get(f"/console/resellers?under={reseller_id}").status == 404
    assert browser.get(f"/console/resellers/new?under={reseller_id}").status == 404
    assert browser.post(f"/console/resellers/new?under={reseller_id}", FORM).status == 404
    assert browser.post(f"/console/resellers/{reseller_id}/status", {"status": "creditHold"}).status == 404


# Held and released


def test_the_operator_holds_a_reseller_and_all_below_it_and_lets_them_in_again(console: OpenConsole) -> None:
    operator, theirs, below = console("provider"), console(), console("below")
    page = operator.get(f"/console/resellers/{RESELLER_ID}")
    assert "Shuts out all users, clients and keys of Sandbox Reseller, and of the 1 below it" in page.text
    shown = hold(operator, RESELLER_ID, "Fraud, says the bank")
    assert "Your changes are saved." in shown.text
    assert "Held, and none of its users gets in." in shown.text
    assert "Fraud, says the bank" in shown.text
    assert "Hold Sandbox Reseller" not in shown.text
    for browser in (theirs, below):
        assert browser.get("/console").status == 403
    shown = operator.submit(f"/console/resellers/{RESELLER_ID}", {"status": "active", "reason": "Settled"})
    assert "Settled" in shown.text
    for browser in (theirs, below):
        assert browser.get("/console").status == 200


def test_a_held_reseller_is_shut_out_of_the_api(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    hold(console("provider"), OTHER)
    deadline = time.monotonic() + PATIENCE
    while client.get("/customers", callers["other"]).status_code != 403:  # a caller who got in is known for a moment
        assert time.monotonic() < deadline


def test_only_the_operator_holds(console: OpenConsole) -> None:
    browser = console()
    page = browser.get(f"/console/resellers/{BELOW}")
    assert "Hold Below" not in page.text
    shown = browser.post(f"/console/resellers/{BELOW}/status", {"status": "adminHold"})
    assert shown.status == 400
    assert "Nothing was changed. Cannot change from active to adminHold" in shown.text
    assert console("below").get("/console").status == 200


def test_a_reseller_above_says_that_a_balance_is_unpaid(console: OpenConsole) -> None:
    browser = console()
    path = f"/console/resellers/{BELOW}"
    assert "A balance is unpaid." in browser.submit(path, {"status": "creditHold", "reason": "March"}).text
    assert console("below").get("/console").status == 200
    assert "May work and order." in browser.submit(path, {"status": "active"}).text


def test_the_status_of_the_own_account_comes_from_above(console: OpenConsole) -> None:
    for login, number in (("sandbox", RESELLER_ID), ("provider", PROVIDER_ID)):
        browser = console(login)
        page = browser.get(f"/console/resellers/{number}")
        assert [form.action for form in page.forms if form.method == "post"] == ["/console/sign-out"]
        assert browser.post(f"/console/resellers/{number}/status", {"status": "creditHold"}).status == 403
    assert "The status of your own account is set by the account above it." in (
        console().get(f"/console/resellers/{RESELLER_ID}").text
    )


def test_cancelling_is_meant(console: OpenConsole) -> None:
    browser = console("provider")
    path = f"/console/resellers/{OTHER}"
    fields = {"status": "cancelled", "reason": "Over"}
    shown = browser.submit(path, fields)
    assert (shown.status, list(shown.faults)) == (400, ["sure"])
    assert shown.fields["other-reason"] == "Over"
    assert console("other").get("/console").status == 200
    shown = browser.submit(path, {**fields, "sure": "yes"})
    assert "Over for good." in shown.text
    assert [form.action for form in shown.forms if form.method == "post"] == ["/console/sign-out"]


@pytest.mark.parametrize("role", ["reader", "editor"])
def test_only_an_owner_changes_resellers(console: OpenConsole, role: str) -> None:
    browser = console("provider", role=role)
    for path in ("/console/resellers", f"/console/resellers/{RESELLER_ID}"):
        page = browser.get(path)
        assert page.status == 200
        assert [form.action for form in page.forms if form.method == "post"] == ["/console/sign-out"]
        assert not {"New reseller", "New reseller below"} & page.links.keys()
    assert browser.get("/console/resellers/new").status == 403
    assert browser.post("/console/resellers/new", FORM).status == 403
    for status in ("adminHold", "cancelled"):
        shown = browser.post(f"/console/resellers/{RESELLER_ID}/status", {"status": status})
        assert shown.status == 403
    assert console().get("/console").status == 200


def test_a_form_of_another_site_holds_no_reseller(console: OpenConsole) -> None:
    path = f"/console/resellers/{OTHER}/status"
    assert console("provider").send("POST", path, data={"status": "adminHold"}).status_code == 403
    assert console("other").get("/console").status == 200


# Created


def test_a_new_reseller_stands_right_below_whom_it_was_made_for(
    console: OpenConsole, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    browser = console()
    shown = browser.submit(f"/console/resellers/new?under={BELOW}", {**FORM, "externalId": "n-1", "active": "yes"})
    assert "It was created." in shown.text
    number = shown.path.partition("?")[0].rpartition("/")[2]
    account = client.get(f"/resellers/{number}", callers["below"]).json()
    assert account == {
        "id": number,
        "externalId": "n-1",
        "name": "Nordlicht",
        "status": "active",
        "address": {"streetAddress": "Weg 1", "postalCode": "80331", "city": "München", "countryCode": "DE"},
        "contactPersons": [
            {
                "type": "admin",
                "firstName": "Anna",
                "lastName": "Weiß",
                "email": "anna@example.com",
                "phoneNumber": "+49891234567",
            }
        ],
        "language": "en",
        "currency": "EUR",
        "resellerId": str(BELOW),
    }


def test_a_new_reseller_is_verified_first(console: OpenConsole) -> None:
    assert "Added, not verified yet." in console().submit("/console/resellers/new", FORM).text


def test_what_is_wrong_with_a_new_reseller_stands_at_each_field_and_what_was_typed_stays(console: OpenConsole) -> None:
    wrong = {**FORM, "name": "", "currency": "", "address.city": "", "contactPersons[0].email": "anna", "active": "yes"}
    shown = console().submit("/console/resellers/new", wrong)
    assert shown.status == 400
    assert sorted(shown.faults) == ["address.city", "contactPersons[0].email", "currency", "name"]
    assert shown.fields["contactPersons[0].email"] == "anna"
    assert "4 fields need another look" in shown.text


def test_an_external_id_that_is_taken_is_told_at_its_field(console: OpenConsole) -> None:
    browser = console()
    browser.submit("/console/resellers/new", {**FORM, "externalId": "n-1"})
    shown = browser.submit("/console/resellers/new", {**FORM, "externalId": "n-1"})
    assert (shown.status, list(shown.faults)) == (400, ["externalId"])


def test_a_reseller_must_have_a_contact(console: OpenConsole) -> None:
    empty = {name: "" for name in FORM if name.startswith("contactPersons")}
    shown = console().submit("/console/resellers/new", {**FORM, **empty})
    assert (shown.status, shown.faults) == (400, dict.fromkeys(empty, "Is required."))
