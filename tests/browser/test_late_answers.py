"""What a page asks for while it is open: answers that come late, in another order or not at all spoil nothing."""

from __future__ import annotations

from asyncio import Queue, timeout
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.people import RESELLER_USER, enter
from tests.browser.showroom import Showroom
from tests.browser.visit import LIMIT

CUSTOMERS = "**/console/customers?*"
IMPORT = "**/console/imports/*"
# Milliseconds between two questions how far an import has come.
TICK = 1000
# The pause in which a search waits for more letters ends when the page is about to be left.
LATE = """
const [set, clear, late] = [setTimeout, clearTimeout, new Map()];
window.setTimeout = (call, delay, ...rest) => {
  const timer = set(call, delay === 250 ? 2 ** 31 - 1 : delay, ...rest);
  if (delay === 250) late.set(timer, call);
  return timer;
};
window.clearTimeout = (timer) => { late.delete(timer); clear(timer); };
window.addEventListener("beforeunload", () => { for (const call of late.values()) call(); });
"""
PROBLEM = "<!doctype html><html><head><title>Problem</title></head><body><main><h1>Problem</h1></main></body></html>"


class Held:
    """Requests that wait until the test lets them go on."""

    def __init__(self) -> None:
        self._routes: Queue[Route] = Queue()
        self.put = self._routes.put
        self.empty = self._routes.empty

    async def get(self) -> Route:
        """The next one, as soon as it has come."""
        async with timeout(LIMIT / 1000):
            return await self._routes.get()


async def hold(page: Page, pattern: str) -> Held:
    """From now on, requests to such addresses."""
    held = Held()
    await page.route(pattern, held.put)
    return held


async def answer(route: Route, url: str | None = None) -> None:
    """Let a request go on; returns when the browser has the answer. url: another address to get the answer from."""
    await route.fulfill(response=await route.fetch(url=url))


async def answer_unseen(page: Page, route: Route, url: str | None = None) -> None:
    """The same, of a request whose answer the page has, but does not show yet."""
    async with page.expect_event("requestfinished"):
        await answer(route, url)
    await page.evaluate("new Promise(setTimeout)")


async def customers(page: Page) -> Locator:
    """The rows of the list, which is opened."""
    await page.goto("/console/customers")
    return page.locator("#found tbody tr")


def searched(page: Page) -> list[str]:
    """For which name the address says that was searched."""
    return parse_qs(urlsplit(page.url).query).get("name", [])


def row(page: Page, name: str) -> Locator:
    """A customer's link in the list."""
    return page.locator("#found").get_by_role("link", name=name, exact=True)


# A choice that decides what else is asked for


async def test_the_field_for_the_state_follows_the_country_though_no_server_answers(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers/new")
    country, state = page.get_by_label("Country"), page.get_by_label("State or province")
    await page.context.set_offline(True)
    for code in ("US", "DE", "CA", "FR"):
        await country.select_option(code)
        if code in ("US", "CA"):
            await expect(state).to_have_attribute("required", "")
        else:
            await expect(state).to_be_hidden()
    await country.select_option("US")
    await state.fill("CA")
    await country.select_option("DE")
    await expect(state).to_have_value("CA")
    assert await state.get_attribute("required") is None


async def test_a_country_that_the_browser_puts_back_decides_on_the_field_for_the_state(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers/new")
    await page.get_by_label("Country").evaluate("select => { select.value = 'DE' }")
    await page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    await expect(page.get_by_label("State or province")).to_be_hidden()


# A search


async def test_the_answer_to_a_later_search_is_not_replaced_by_an_earlier_one(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer")
    first = await held.get()
    await page.get_by_label("Name").fill("RBCustomer2")
    second = await held.get()
    await answer(second)
    await expect(rows).to_have_count(1)
    await answer(first)
    await page.get_by_label("Status").select_option("pending")
    await answer(await held.get())
    await expect(page.get_by_text("No customer fits")).to_be_visible()
    assert searched(page) == ["RBCustomer2"]


async def test_who_goes_back_stays_there_when_the_answer_to_a_search_comes_late(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    everybody = await rows.count()
    await page.get_by_label("Name").fill("RBCustomer2")
    await page.wait_for_url(CUSTOMERS)
    held = await hold(page, "**/console/customers*")
    await page.get_by_label("Name").fill("unknown")
    search = await held.get()
    await page.evaluate("history.back()")
    back = await held.get()
    await answer(search)
    await answer(back)
    await expect(rows).to_have_count(everybody)
    await expect(page.get_by_label("Name")).to_have_value("")
    assert searched(page) == []
    await page.unroute_all()
    await page.go_forward()
    await expect(rows).to_have_count(1)
    assert searched(page) == ["RBCustomer2"]


async def test_who_searches_while_the_page_before_is_still_coming_leaves_for_what_is_found(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    await page.get_by_label("Name").fill("RBCustomer2")
    await page.wait_for_url(CUSTOMERS)
    held = await hold(page, "**/console/customers*")
    await page.evaluate("history.back()")
    back = await held.get()
    await page.keyboard.press("Enter")
    search = await held.get()
    assert search.request.is_navigation_request()
    await back.abort("aborted")
    await answer(search)
    await expect(rows).to_have_count(1)
    assert searched(page) == ["RBCustomer2"]


async def test_who_goes_back_before_a_search_was_sent_sends_none(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.add_init_script(LATE)
    await customers(page)
    await page.get_by_label("Name").fill("RBCustomer2")
    await page.keyboard.press("Enter")
    await page.wait_for_url(CUSTOMERS)
    held = await hold(page, "**/console/customers*")
    await page.get_by_label("Name").fill("unknown")
    await page.evaluate("history.back()")
    back = await held.get()
    assert back.request.is_navigation_request()
    await answer(back)
    await expect(page.get_by_label("Name")).to_have_value("")
    assert searched(page) == []


async def test_what_was_chosen_before_is_not_chosen_again_by_going_back(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    everybody = await rows.count()
    await page.get_by_label("Status").select_option("cancelled")
    await page.wait_for_url(CUSTOMERS)
    await page.go_back()
    await expect(rows).to_have_count(everybody)
    await expect(page.get_by_label("Status")).to_have_value("")


async def test_a_customer_that_is_found_again_keeps_the_focus(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer")
    search = await held.get()
    await row(page, "RBCustomer").focus()
    await answer(search)
    await page.wait_for_url(CUSTOMERS)
    await expect(row(page, "RBCustomer")).to_be_focused()


async def test_a_row_never_becomes_that_of_another_customer(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer")
    search = await held.get()
    await row(page, "RBCustomer").focus()
    only = await search.fetch(url=f"{search.request.url}&externalId=externalId1")
    await search.fulfill(response=only, body=(await only.text()).replace(">active</span>", ">pending</span>"))
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("pending")
    await expect(row(page, "RBCustomer")).to_be_focused()


async def test_who_was_at_a_customer_that_is_found_no_more_goes_on_from_the_search(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer2")
    search = await held.get()
    await row(page, "RBCustomer").focus()
    await answer(search)
    await expect(rows).to_have_count(1)
    await expect(page.get_by_label("Name")).to_be_focused()


async def test_a_press_on_a_customer_counts_though_an_answer_comes_before_it_ends(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer")
    search = await held.get()
    await row(page, "RBCustomer").hover()
    await page.mouse.down()
    # Another place for the row: no other customer is found.
    await answer_unseen(page, search, url=f"{search.request.url}&externalId=externalId1")
    await page.mouse.up()
    await expect(page.get_by_role("heading", level=1)).to_have_text("RBCustomer")


async def test_an_answer_that_comes_during_a_press_is_shown_when_it_ends(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer2")
    search = await held.get()
    await page.get_by_role("heading", level=1).hover()
    await page.mouse.down()
    await answer(search)
    await page.mouse.up()
    await expect(rows).to_have_count(1)


async def test_what_is_wrong_with_a_search_is_told(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER, statuses=[400])
    rows = await customers(page)
    await page.get_by_text("More filters").click()
    await page.get_by_label("E-mail of a contact").fill("x" * 255)
    await page.keyboard.press("Enter")
    await expect(page.locator("#found")).to_contain_text("E-mail of a contact: Must")
    await expect(page.locator("#found")).not_to_contain_text("No customer fits")
    await page.get_by_label("E-mail of a contact").fill("")
    await page.keyboard.press("Enter")
    await expect(rows.first).to_be_visible()
    await expect(page.locator("#found")).not_to_contain_text("Must")


# No answer, or another one than was asked for


async def refuse_connection(route: Route) -> None:
    await route.abort("connectionrefused")


async def sign_out(route: Route) -> None:
    await route.request.frame.page.context.clear_cookies()
    await route.continue_()


def say(status: int, body: str) -> Callable[[Route], Awaitable[None]]:
    """Answers with this."""

    async def said(route: Route) -> None:
        await route.fulfill(status=status, body=body, content_type="text/html")

    return said


BAD_ANSWERS = pytest.mark.parametrize(
    ("spoil", "options"),
    [
        pytest.param(refuse_connection, {"unanswered": True}, id="gone"),
        pytest.param(sign_out, {}, id="signed out"),
        pytest.param(say(401, PROBLEM), {"statuses": [401]}, id="401"),
        pytest.param(say(403, PROBLEM), {"statuses": [403]}, id="403"),
        pytest.param(say(500, PROBLEM), {"statuses": [500]}, id="500"),
        pytest.param(say(502, ""), {"statuses": [502]}, id="502"),
        pytest.param(say(200, "Welcome to the hotel"), {}, id="another page"),
    ],
)


@BAD_ANSWERS
async def test_a_search_without_a_proper_answer_is_told_and_changes_nothing(
    open_page: OpenPage, spoil: Callable[[Route], Awaitable[None]], options: dict[str, object]
) -> None:
    page = await open_page(RESELLER_USER, **options)
    rows = await customers(page)
    everybody, title = await rows.count(), await page.title()
    held = await hold(page, CUSTOMERS)
    await page.get_by_label("Name").fill("RBCustomer2")
    kept: Any = await page.context.cookies()
    await spoil(await held.get())
    note = page.get_by_role("alert")
    await expect(note).to_contain_text("may be out of date")
    await expect(rows).to_have_count(everybody)
    await expect(page.get_by_label("Name")).to_have_value("RBCustomer2")
    assert searched(page) == []
    assert await page.title() == title
    assert "name=RBCustomer2" in str(await note.get_by_role("link").get_attribute("href"))

    await page.context.add_cookies(kept)
    await page.get_by_label("Name").press("Enter")
    await answer(await held.get())
    await expect(rows).to_have_count(1)
    await expect(note).to_be_hidden()


async def test_who_was_signed_out_signs_in_and_finds_what_was_searched_for(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    await page.context.clear_cookies()
    await page.get_by_label("Name").fill("RBCustomer2")
    await page.get_by_role("link", name="Ask again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the console")
    await enter(page, RESELLER_USER.login, RESELLER_USER.password)
    await expect(rows).to_have_count(1)
    assert searched(page) == ["RBCustomer2"]


@BAD_ANSWERS
async def test_an_import_that_is_watched_stays_in_sight_without_a_proper_answer(
    open_page: OpenPage, showroom: Showroom, spoil: Callable[[Route], Awaitable[None]], options: dict[str, object]
) -> None:
    page = await open_page(RESELLER_USER, showroom.url, **options)
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    held = await hold(page, IMPORT)
    kept: Any = await page.context.cookies()
    await spoil(await held.get())
    note = page.get_by_role("alert")
    await expect(note).to_contain_text("may be out of date")
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await page.context.add_cookies(kept)
    await answer(await held.get())
    await expect(note).to_be_hidden()


# A page that looks again and again


async def test_who_is_at_a_button_of_an_import_that_is_watched_stays_there(
    open_page: OpenPage, showroom: Showroom
) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    held = await hold(page, IMPORT)
    stop = page.get_by_role("button", name="Stop")
    await stop.focus()
    await answer(await held.get())
    await held.get()
    await expect(stop).to_be_focused()


async def test_a_press_counts_though_the_page_has_an_answer_before_it_ends(
    open_page: OpenPage, showroom: Showroom
) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    held = await hold(page, IMPORT)
    await page.get_by_role("link", name="All imports").hover()
    await page.mouse.down()
    await answer_unseen(page, await held.get())
    await page.mouse.up()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Imports")


async def test_the_page_looks_on_when_a_press_has_ended(open_page: OpenPage, showroom: Showroom) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    held = await hold(page, IMPORT)
    await page.get_by_role("heading", level=1).hover()
    await page.mouse.down()
    await answer_unseen(page, await held.get())
    await page.mouse.up()
    await held.get()


async def test_an_import_is_stopped_once_however_often_the_page_looks(open_page: OpenPage, showroom: Showroom) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    stopped = await hold(page, "**/cancel")
    held = await hold(page, IMPORT)
    await page.get_by_role("button", name="Stop").hover()
    await press(page)
    first = await stopped.get()
    await answer(await held.get())
    looked = await held.get()
    await press(page)
    await answer(looked)
    await held.get()
    assert stopped.empty()
    await first.abort("aborted")


async def press(page: Page) -> None:
    """Press what is under the mouse. Playwright's own clicks wait for the page that follows."""
    await page.mouse.down()
    await page.mouse.up()


async def test_no_page_looks_again_once_an_import_is_over(open_page: OpenPage, showroom: Showroom) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.clock.install()
    await page.goto("/console/imports/{running}".format_map(showroom.places))
    await page.get_by_role("button", name="Stop").focus()
    held = await hold(page, IMPORT)
    await answer(await held.get(), f"{showroom.url}/console/imports/{{done}}".format_map(showroom.places))
    await expect(page.locator("h1 + .badge")).to_have_text("done")
    await expect(page.locator("main")).to_be_focused()
    await page.clock.run_for(3 * TICK)
    await page.evaluate("0")
    assert held.empty()


async def test_who_goes_on_in_the_history_before_a_page_is_ready_sees_what_the_address_says(
    open_page: OpenPage,
) -> None:
    page = await open_page(RESELLER_USER)
    rows = await customers(page)
    everybody = await rows.count()
    await page.get_by_label("Name").fill("customer2")
    await expect(rows).to_have_count(1)
    await page.wait_for_url("**name=customer2**")
    scripts = await hold(page, "**/htmx.min.js")
    await page.evaluate("history.back()")
    await scripts.get()
    await expect(rows).to_have_count(everybody)
    await page.evaluate("history.forward()")
    await page.wait_for_url("**name=customer2**", wait_until="commit")
    await page.unroute("**/htmx.min.js")  # which lets it go on
    await expect(rows).to_have_count(1)
    await expect(page.get_by_label("Name")).to_have_value("customer2")
