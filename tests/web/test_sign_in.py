"""Signing in to the console and out again: the session, its cookie, its forms, and how it ends."""

from __future__ import annotations

import hmac
import re
import time

import pytest

from emporion.api.requests import LARGEST_FORM
from emporion.marketplace import sessions
from emporion.marketplace.platforms import SANDBOX
from tests.conftest import CALLERS, Caller, Serve, new_contact, new_customer
from tests.document import CheckedClient
from tests.web.conftest import Console, OpenConsole

SIGN_IN = "/console/sign-in"
COOKIE = "emporion-console"


@pytest.fixture
def stranger(client: CheckedClient) -> Console:
    """A browser without a sign-in."""
    return Console(client._client)


def test_a_visitor_who_is_not_signed_in_is_sent_to_do_so_and_then_goes_on(stranger: Console) -> None:
    page = stranger.get("/console/customers?name=rb")
    assert page.path.startswith(SIGN_IN)
    page = stranger.press(page, {"login": SANDBOX.user, "password": SANDBOX.password})
    assert page.path == "/console/customers?name=rb"


@pytest.mark.parametrize(
    "to",
    ["//evil.test", "/\\evil.test", "https://evil.test/", "/panel", "/consoleevil", "javascript:alert(1)",
     "/console//evil.test", "/console/\r\nSet-Cookie: a=b"],
)  # fmt: skip
def test_no_user_is_sent_elsewhere_after_signing_in(stranger: Console, to: str) -> None:
    page = stranger.press(
        stranger.get(SIGN_IN), {"login": SANDBOX.user, "password": SANDBOX.password, "to": to}, "/sign-in"
    )
    assert page.path.startswith("/console")
    assert "sandbox · owner" in page.text


def test_a_visitor_who_is_not_signed_in_may_send_16_kib(stranger: Console) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = stranger._client.post(SIGN_IN, content=b"login=" + b"x" * LARGEST_FORM, headers=form)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("login", "password"), [("sandbox", "wrong"), ("unknown", SANDBOX.password), ("", ""), ("sandbox", "")]
)
def test_a_wrong_login_or_password_is_told_without_saying_which(stranger: Console, login: str, password: str) -> None:
    page = stranger.sign_in(login, password)
    assert page.status == 401
    assert "The login or the password is wrong." in page.text
    assert page.fields["password"] == ""


def test_failed_tries_are_slowed_down_together_with_those_over_the_api(
    stranger: Console, client: CheckedClient
) -> None:
    for _ in range(5):
        client.post("/token", auth=("sandbox", "wrong"), headers={"X-Subscription-Key": SANDBOX.subscription_key})
    page = stranger.sign_in(SANDBOX.user, SANDBOX.password)
    assert page.status == 429
    assert int(page.answer.headers["retry-after"]) >= 1
    assert "too many failed logins" in page.text


def test_a_failed_try_is_an_event_of_the_users_account(
    stranger: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    headers = callers["sandbox"].headers
    latest = client.get("/events", headers=headers, params={"after": "latest"}).json()["next"]
    stranger.sign_in(SANDBOX.user, "wrong")
    asked = {"after": latest, "type": "access.refused", "wait": 20}
    (event,) = client.get("/events", headers=headers, params=asked).json()["data"]
    assert (event["source"], event["user"]) == ("console", SANDBOX.user)
    assert event["about"] == "unauthenticated POST /console/sign-in: The login or the password is wrong."


def test_signing_in_gives_the_browser_another_secret(stranger: Console) -> None:
    stranger.get(SIGN_IN)
    before = stranger.cookies[COOKIE]
    stranger.sign_in(SANDBOX.user, SANDBOX.password)
    assert stranger.cookies[COOKIE] != before
    stranger.cookies[COOKIE] = before
    assert stranger.get("/console").path.startswith(SIGN_IN)


def test_signing_out_ends_the_session_on_the_server(console: OpenConsole) -> None:
    browser = console()
    secret = browser.cookies[COOKIE]
    assert "You are signed out." in browser.submit("/console", {}, "/sign-out").text
    browser.cookies[COOKIE] = secret
    assert browser.get("/console").path.startswith(SIGN_IN)


def test_a_disabled_user_is_out_at_once(console: OpenConsole) -> None:
    owner, reader = console(), console(role="reader")
    assert reader.get("/console/customers").path == "/console/customers"
    owner.submit("/console/users/reader-of-sandbox", {}, "/disable")
    assert reader.get("/console/customers").path.startswith(SIGN_IN)
    assert reader.sign_in("reader-of-sandbox", "whatever").status == 401


def test_a_new_password_ends_the_sessions_that_the_old_one_began(console: OpenConsole) -> None:
    owner, reader = console(), console(role="reader")
    owner.submit("/console/users/reader-of-sandbox", {}, "/password")
    assert reader.get("/console/customers").path.startswith(SIGN_IN)


def test_another_role_counts_at_once(console: OpenConsole) -> None:
    owner, reader = console(), console(role="reader")
    assert "New customer" not in reader.get("/console/customers").links
    made = owner.submit("/console/users/reader-of-sandbox", {}, "/password")
    reader.sign_in("reader-of-sandbox", made.fields["secret"])
    owner.submit("/console/users/reader-of-sandbox", {"role": "editor"})
    assert reader.get("/console/customers").path.startswith(SIGN_IN)
    reader.sign_in("reader-of-sandbox", made.fields["secret"])
    assert "New customer" in reader.get("/console/customers").links


def test_a_session_does_not_come_back_with_its_user(console: OpenConsole) -> None:
    owner, reader = console(), console(role="reader")
    owner.submit("/console/users/reader-of-sandbox", {}, "/disable")
    owner.submit("/console/users/reader-of-sandbox", {}, "/enable")
    assert reader.get("/console/customers").path.startswith(SIGN_IN)


def test_a_user_of_a_held_reseller_is_out_at_once_and_told(console: OpenConsole) -> None:
    operator, browser, below = console("provider"), console(), console("below")
    fields = {"status": "adminHold", "reason": "test", "sure": "yes"}
    operator.post("/console/resellers/1000000/status", fields)
    for one in (browser, below):
        page = one.get("/console/customers")
        assert page.status == 403
        assert "on hold or cancelled" in page.text
    assert "Dashboard" in browser.sign_in(CALLERS["other"].login, CALLERS["other"].password).text


@pytest.mark.parametrize(
    ("seconds", "used", "over"),
    [
        (sessions.IDLE - 60, False, False),
        (sessions.IDLE + 60, False, True),
        (sessions.LIFETIME - 60, True, False),
        (sessions.LIFETIME + 60, True, True),
    ],
)
def test_a_session_ends_when_it_is_not_used_and_after_its_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, seconds: int, used: bool, over: bool
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    browser = Console(serve()._client)
    browser.sign_in(SANDBOX.user, SANDBOX.password)
    end = now + seconds
    while used and now + sessions.IDLE / 2 < end:
        now += sessions.IDLE / 2
        browser.get("/console/customers")
    now = end
    assert browser.get("/console/customers").path.startswith(SIGN_IN) is over


def test_cookies_are_for_https_only_unless_this_machine_alone_is_served(serve: Serve) -> None:
    for values, cookie in (({}, COOKIE), ({"public_url": "https://shop.example"}, f"__Host-{COOKIE}"),
                           ({"host": "0.0.0.0"}, f"__Host-{COOKIE}")):  # fmt: skip
        header = serve(**values)._client.get(SIGN_IN).headers["set-cookie"]
        name, _, rest = header.partition("=")
        assert name == cookie
        attributes = {part.strip().lower() for part in rest.split(";")[1:]}
        assert {"httponly", "path=/", "samesite=lax"} <= attributes
        assert ("secure" in attributes) is (cookie != COOKIE)
        assert not any(part.startswith("domain") for part in attributes)


def test_a_visitor_over_plain_http_where_https_is_needed_is_told(serve: Serve) -> None:
    page = Console(serve(host="0.0.0.0")._client).get(SIGN_IN)
    assert "plain HTTP" in page.text


def test_a_form_of_another_browser_is_refused(stranger: Console, console: OpenConsole) -> None:
    other = console("other")
    token = other.get("/console").form({"token": ""}, "/sign-out").fields["token"]
    browser = console()
    for sent in ("", "x", token, "é"):
        answer = browser.send("POST", "/console/customers/1000001/status", data={"token": sent, "status": "creditHold"})
        assert answer.status_code == 403
        assert "reload it" in answer.text
    assert "active" in browser.get("/console/customers/1000001").text
    secret = browser.cookies[COOKIE]
    assert hmac.digest(secret.encode(), b"form", "sha256").hex() in browser.get("/console").html


@pytest.mark.parametrize("path", ["/console/customers/new", "/console/keys/new", "/console/new-user"])
def test_a_form_without_a_token_changes_nothing(console: OpenConsole, path: str) -> None:
    assert console().send("POST", path, data={"name": "x"}).status_code == 403


def test_an_administrator_of_a_customer_does_not_enter_the_console(
    stranger: Console, client: CheckedClient, callers: dict[str, Caller]
) -> None:
    body = new_customer(status="active", contactPersons=[new_contact(login="anna.weiss", password="Secret-123")])
    client.post("/customers", headers=callers["sandbox"].headers, json=body)
    assert stranger.sign_in("anna.weiss", "Secret-123").status == 401
    panel = Console(client._client, "panel")
    panel.sign_in("anna.weiss", "Secret-123")
    stranger.cookies[COOKIE] = panel.cookies["emporion-panel"]
    assert stranger.get("/console").path.startswith(SIGN_IN)


@pytest.mark.parametrize("cookie", ["", "x" * 43, "'; DROP TABLE sessions; --", "é" * 43, "a" * 5000])
def test_a_cookie_that_opens_nothing_is_replaced(stranger: Console, cookie: str) -> None:
    stranger.cookies[COOKIE] = cookie.encode("ascii", "ignore").decode()
    page = stranger.get("/console")
    assert page.path.startswith(SIGN_IN)
    assert re.fullmatch(r"[\w-]{43}", stranger.cookies[COOKIE])


def test_only_people_are_sent_to_the_console_from_the_address_without_a_path(client: CheckedClient) -> None:
    answer = client._client.get("/", headers={"accept": "text/html"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert client._client.get("/", headers={"accept": "application/json"}).status_code == 404


def test_pages_stand_below_the_prefix(serve: Serve) -> None:
    client = serve(root_path="/shop/eu")._client
    answer = client.get("/shop/eu/console", follow_redirects=False)
    assert answer.headers["location"] == "/shop/eu/console/sign-in"
    page = client.get("/shop/eu/console/sign-in").text
    assert set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page)) >= {"/shop/eu/console", "/shop/eu/panel"}
    assert not re.findall(r'(?:href|src|action)="(?!/shop/eu/)(?!#)[^"]*"', page)


def test_cookies_that_come_in_several_fields_are_read_together(console: OpenConsole) -> None:
    # RFC 9113 §8.2.3: over HTTP/2 a browser sends one field for each cookie.
    browser = console()
    mine = f"{COOKIE}={browser.cookies[COOKIE]}"
    for fields in ([mine, "emporion-language=de"], ["emporion-language=de", mine]):
        headers = [("cookie", field) for field in fields]
        answer = browser._client.get("/console/customers", headers=headers, follow_redirects=False)
        assert answer.status_code == 200
