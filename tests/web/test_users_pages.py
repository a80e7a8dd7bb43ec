"""Users in the console."""

from __future__ import annotations

import pytest

from tests.conftest import CALLERS
from tests.document import CheckedClient
from tests.web.conftest import Console, OpenConsole, Shown


def row(shown: Shown, login: str) -> list[str]:
    (found,) = [cells for cells in shown.rows if cells[0] == login]
    return found


def added(browser: Console, login: str = "jane", **fields: str) -> str:
    """The password of a new user."""
    return browser.submit("/console/new-user", {"login": login, **fields}).fields["secret"]


def test_a_new_user_signs_in_with_the_password_that_was_shown_once(console: OpenConsole) -> None:
    browser = console()
    shown = browser.submit("/console/new-user", {"login": "jane.doe@example.com", "role": "reader"})
    secret = shown.fields["secret"]
    assert "It is shown only now" in shown.text
    assert secret not in shown.path
    assert "jane.doe@example.com · reader" in console("jane.doe@example.com", secret).get("/console").text
    assert secret not in browser.get(shown.links["To the user"]).html
    assert row(browser.get("/console/users"), "jane.doe@example.com")[1:3] == ["reader", "us"]


def test_what_is_wrong_with_a_new_user_stands_at_each_field_and_what_was_typed_stays(console: OpenConsole) -> None:
    shown = console().submit("/console/new-user", {"login": "-jane", "marketplace": "u s"})
    assert (shown.status, sorted(shown.faults)) == (400, ["login", "marketplace"])
    assert shown.fields["login"] == "-jane"


def test_a_login_that_is_taken_is_told_at_its_field(console: OpenConsole) -> None:
    shown = console().submit("/console/new-user", {"login": "OTHER"})
    assert (shown.status, list(shown.faults)) == (400, ["login"])


def test_a_role_that_does_not_exist_is_told_at_its_field(console: OpenConsole) -> None:
    shown = console().submit("/console/new-user", {"login": "jane", "role": "king"})
    assert shown.faults == {"role": "Must be one of reader, editor, owner."}


def test_a_user_may_be_called_new(console: OpenConsole) -> None:
    browser = console()
    added(browser, "new")
    assert browser.get("/console/users/new").text.count("Disable new") == 1


def test_a_role_that_another_user_has_changed_meanwhile_stays(console: OpenConsole) -> None:
    browser = console()
    browser.submit("/console/new-user", {"login": "jane", "role": "reader"})
    opened = browser.get("/console/users/jane")
    browser.submit("/console/users/jane", {"role": "owner"})
    shown = browser.press(opened, action="/jane")
    assert shown.status == 409
    assert "Another user has given this user another role" in shown.text
    assert "owner: changes everything" in shown.text.partition("Marketplace")[0]
    assert "Your changes are saved." in browser.press(shown, {"role": "editor"}).text


def test_a_role_is_changed(console: OpenConsole) -> None:
    browser = console()
    added(browser)
    shown = browser.submit("/console/users/jane", {"role": "owner"})
    assert "Your changes are saved." in shown.text
    assert row(browser.get("/console/users"), "jane")[1] == "owner"
    assert browser.submit("/console/users/jane", {"role": "king"}).faults == {
        "role": "Must be one of reader, editor, owner."
    }


def test_a_disabled_user_is_out_at_once_until_enabled(console: OpenConsole) -> None:
    browser = console()
    password = added(browser)
    theirs = console("jane", password)
    browser.submit("/console/users/jane", action="/disable")
    assert theirs.get("/console").path == "/console/sign-in"
    assert row(browser.get("/console/users"), "jane")[-1] == "disabled"
    browser.submit("/console/users/jane", action="/enable")
    assert row(browser.get("/console/users"), "jane")[-1] == "good"
    assert console("jane", password).get("/console").status == 200


def test_disabling_twice_changes_nothing_more(console: OpenConsole) -> None:
    browser = console()
    added(browser)
    page = browser.get("/console/users/jane")
    for _ in range(2):
        assert browser.press(page, action="/disable").status == 200
    assert row(browser.get("/console/users"), "jane")[-1] == "disabled"


def test_a_new_password_is_shown_once_and_ends_the_old_one(console: OpenConsole) -> None:
    browser = console()
    theirs = console("jane", added(browser))
    shown = browser.submit("/console/users/jane", action="/password")
    assert theirs.get("/console").path == "/console/sign-in"
    assert console("jane", shown.fields["secret"]).get("/console").status == 200


def test_users_cannot_shut_themselves_out(console: OpenConsole) -> None:
    browser = console()
    page = browser.get("/console/users/sandbox")
    assert "This is you. You cannot disable yourself" in page.text
    assert [form.action for form in page.forms if form.method == "post"] == [
        "/console/sign-out",
        "/console/users/sandbox/password",
    ]
    for action, fields in (("/disable", {}), ("", {"role": "reader"})):
        for login in ("sandbox", "SANDBOX"):
            shown = browser.post(f"/console/users/{login}{action}", fields)
            assert shown.status == 409
            assert "it would shut you out yourself" in shown.text
    assert row(browser.get("/console/users"), "sandbox (you)")[-1] == "good"


def test_a_user_with_a_new_password_is_told_to_sign_in_again(console: OpenConsole) -> None:
    browser = console()
    shown = browser.submit("/console/users/sandbox", action="/password")
    assert "sign in again with this one" in shown.text
    assert browser.get("/console").path == "/console/sign-in"
    assert browser.sign_in("sandbox", shown.fields["secret"]).path == "/console"


@pytest.mark.parametrize("role", ["reader", "editor"])
def test_only_an_owner_changes_users(console: OpenConsole, role: str) -> None:
    browser = console(role=role)
    for path in ("/console/users", "/console/users/sandbox", f"/console/users/{role}-of-sandbox"):
        page = browser.get(path)
        assert page.status == 200
        assert [form.action for form in page.forms if form.method == "post"] == ["/console/sign-out"]
    assert browser.get("/console/new-user").status == 403
    actions = ["/console/new-user", "/console/users/sandbox", f"/console/users/{role}-of-sandbox"]
    actions += [f"/console/users/sandbox/{what}" for what in ("disable", "enable", "password")]
    for action in actions:
        shown = browser.post(action, {"login": "jane", "role": "owner", "marketplace": "us"})
        assert shown.status == 403
    assert [cells[0] for cells in console().get("/console/users").rows] == [f"{role}-of-sandbox", "sandbox (you)"]


def test_the_users_of_a_reseller_below_are_changed_from_above(console: OpenConsole) -> None:
    browser = console()
    page = browser.get(f"/console/users?resellerId={CALLERS['below'].reseller_id}")
    assert [cells[0] for cells in page.rows] == ["below"]
    shown = browser.submit(page.links["New user"], {"login": "jane"})
    assert browser.submit("/console/users/jane", {"role": "reader"}).status == 200
    assert "jane" not in browser.get("/console/users").text
    assert "jane · reader" in console("jane", shown.fields["secret"]).get("/console").text


@pytest.mark.parametrize("login", ["other", "provider", "unknown"])
def test_users_that_one_does_not_reach_are_not_there(console: OpenConsole, login: str) -> None:
    browser = console()
    answers = {browser.get(f"/console/users/{login}").status}
    for action in ("", "/disable", "/enable", "/password"):
        shown = browser.post(f"/console/users/{login}{action}", {"role": "reader"})
        answers.add(shown.status)
        assert f"there is no API user {login}." in shown.text
    assert answers == {404}


def test_users_of_resellers_that_one_does_not_reach_are_not_there(console: OpenConsole) -> None:
    browser = console()
    query = f"?resellerId={CALLERS['other'].reseller_id}"
    assert browser.get(f"/console/users{query}").status == 404
    shown = browser.post(f"/console/new-user{query}", {"login": "jane", "role": "owner", "marketplace": "us"})
    assert shown.status == 404
    assert console("other").get("/console/users").text.count("jane") == 0


def test_a_form_of_another_site_changes_no_user(console: OpenConsole, client: CheckedClient) -> None:
    browser = console()
    added(browser)
    assert browser.send("POST", "/console/users/jane/disable").status_code in (403, 415)
    assert browser.send("POST", "/console/users/jane/disable", data={"token": "0" * 64}).status_code == 403
    assert row(browser.get("/console/users"), "jane")[-1] == "good"


def test_a_user_has_a_history_of_its_own(console: OpenConsole) -> None:
    browser = console()
    added(browser)
    added(browser, "joan")
    browser.submit("/console/users/jane", {"role": "reader"})
    browser.submit("/console/users/jane", {}, "/disable")
    shown = browser.get("/console/users/jane")
    history = shown.text.partition("History")[2]
    assert history.count("User changed") == 2
    assert history.count("User added") == 1
    assert "editor" in history
    assert "joan" not in history
    assert "user jane" not in history, "that it is this one need not be told"
