"""A visit fails where something went wrong, and only there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.site import POLICY, site
from tests.browser.visit import visit

Walk = Callable[[Page], Awaitable[None]]

GOOD = """<!doctype html><html lang="en"><head><title>Good</title>
<link rel="stylesheet" href="/good.css"></head>
<body><main><h1>Good</h1></main></body></html>"""


async def _open(page: Page) -> None:
    await page.goto("/")


async def ends(browser: Browser, url: str, walk: Walk = _open, **options: Any) -> str:
    """How a visit ends in which a visitor walks like this: empty, or what it failed with."""
    try:
        async with visit(browser, url, **options) as page:
            await walk(page)
    except AssertionError as failure:
        return str(failure)
    return ""


async def troubles(
    browser: Browser, body: str, more: Mapping[str, str] | None = None, policy: str = POLICY, **options: Any
) -> str:
    """How a visit to a page with this body ends. more: what else is there."""
    pages = {"/": GOOD.replace("</main>", f"{body}</main>"), "/good.css": "h1 { color: navy }", **(more or {})}
    async with site(pages, policy) as there:
        return await ends(browser, there.url, **options)


async def test_a_good_page_fails_nothing(browser: Browser) -> None:
    assert await troubles(browser, "<p>Fine") == ""


@pytest.mark.parametrize("kind", ["error", "warn", "assert"])
async def test_an_error_in_the_console_fails_the_visit(browser: Browser, kind: str) -> None:
    said = "false, 'oh no'" if kind == "assert" else "'oh no'"
    found = await troubles(browser, "<script src=/bad.js></script>", {"/bad.js": f"console.{kind}({said})"})
    assert "in the console" in found
    assert "oh no" in found


async def test_what_is_only_said_in_the_console_fails_nothing(browser: Browser) -> None:
    script = "console.log('a'); console.info('b'); console.debug('c')"
    assert await troubles(browser, "<script src=/good.js></script>", {"/good.js": script}) == ""


async def test_an_uncaught_exception_fails_the_visit(browser: Browser) -> None:
    found = await troubles(browser, "<script src=/bad.js></script>", {"/bad.js": "throw new Error('oh no')"})
    assert "uncaught: oh no" in found


async def test_an_uncaught_promise_fails_the_visit(browser: Browser) -> None:
    found = await troubles(browser, "<script src=/bad.js></script>", {"/bad.js": "Promise.reject(new Error('oh no'))"})
    assert "uncaught: oh no" in found


@pytest.mark.parametrize(
    ("body", "javascript"),
    [
        ("<p style='color: red'>x", True),
        ("<p style='color: red'>x", False),
        ("<button onclick='x()'>x</button>", True),
        ("<script>x()</script>", True),
        ("<iframe src=/>", True),
        ("<iframe src=/>", False),
    ],
)
async def test_what_the_policy_forbids_fails_the_visit(browser: Browser, body: str, javascript: bool) -> None:
    found = await troubles(browser, body, javascript=javascript)
    assert "Content Security Policy" in found


@pytest.mark.parametrize(
    "body",
    [
        "<img src={} alt=x>",
        "<script src={}></script>",
        "<link rel=stylesheet href={}>",
        "<link rel=prefetch href={}>",
        "<link rel=preload as=style href={}>",
        "<iframe src={} title=x></iframe>",
        "<meta http-equiv=refresh content='0; url={}'>",
    ],
)
async def test_a_request_to_another_host_fails_the_visit_and_is_not_sent(browser: Browser, body: str) -> None:
    async with site({}, address="127.0.0.2") as elsewhere:
        found = await troubles(browser, body.format(elsewhere.url), policy="")
        assert f"leaves the host: {elsewhere.url}" in found
        assert elsewhere.asked == []


async def test_a_script_that_calls_another_host_fails_the_visit(browser: Browser) -> None:
    async with site({}, address="127.0.0.2") as elsewhere:
        for call in ("fetch('{}')", "navigator.sendBeacon('{}')", "new WebSocket('{}')", "new EventSource('{}')"):
            script = call.format(elsewhere.url)
            found = await troubles(browser, "<script src=/bad.js></script>", {"/bad.js": script}, policy="")
            assert "leaves the host" in found, call
        assert elsewhere.asked == []


async def test_a_window_that_the_page_opens_is_watched_too(browser: Browser) -> None:
    async def walk(page: Page) -> None:
        await page.goto("/")
        async with page.expect_popup():
            await page.get_by_role("link").click()

    found = await troubles(browser, "<a href=/bad target=_blank>x</a>", {"/bad": "<script>x()</script>"}, walk=walk)
    assert "Content Security Policy" in found


async def test_an_error_status_fails_the_visit_unless_the_test_means_to_get_it(browser: Browser) -> None:
    async def walk(page: Page) -> None:
        await page.goto("/missing")

    async with site({"/": GOOD, "/good.css": ""}) as there:
        assert await ends(browser, there.url, walk) == f"status 404: GET {there.url}/missing"
        assert await ends(browser, there.url, walk, statuses=[404]) == ""
        assert await ends(browser, there.url, statuses=[403]) == "no answer had the status 403"


async def test_a_request_without_an_answer_fails_the_visit_unless_the_test_means_it(browser: Browser) -> None:
    async def walk(page: Page) -> None:
        await page.route("**/gone", lambda route: route.abort("connectionrefused"))
        await page.goto("/")
        await page.evaluate("fetch('/gone').catch(() => {})")

    async with site({"/": GOOD, "/good.css": ""}) as there:
        assert f"failed: GET {there.url}/gone: net::ERR_CONNECTION_REFUSED" in await ends(browser, there.url, walk)
        assert await ends(browser, there.url, walk, unanswered=True) == ""
        assert await ends(browser, there.url, unanswered=True) == "each request was answered"


async def test_a_picture_that_is_missing_fails_the_visit(browser: Browser) -> None:
    assert "status 404: GET" in await troubles(browser, "<img src=/missing.png alt=x>")


async def test_a_test_that_fails_says_why_and_not_what_it_met_on_its_way(browser: Browser) -> None:
    async def walk(page: Page) -> None:
        await page.goto("/missing")
        raise ZeroDivisionError

    async with site({}) as there:
        with pytest.raises(ZeroDivisionError):
            await ends(browser, there.url, walk)


async def test_no_visit_knows_what_another_has_kept(browser: Browser) -> None:
    async with site({"/": GOOD, "/good.css": ""}) as there:
        async with visit(browser, there.url) as page:
            await page.context.add_cookies([{"name": "a", "value": "b", "url": there.url}])
        async with visit(browser, there.url) as page:
            assert await page.context.cookies() == []


async def test_without_javascript_no_script_runs(browser: Browser) -> None:
    more = {"/good.js": "document.title = 'Scripted'"}
    pages = {"/": GOOD.replace("</main>", "<script src=/good.js></script></main>"), "/good.css": "", **more}
    async with site(pages) as there:
        for javascript, title in ((True, "Scripted"), (False, "Good")):
            async with visit(browser, there.url, javascript=javascript) as page:
                await page.goto("/")
                assert await page.title() == title


async def test_the_visitor_has_a_size_a_scheme_and_a_language(browser: Browser) -> None:
    async def seen(page: Page) -> object:
        return await page.evaluate(
            "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, navigator.language]"
        )

    async with visit(browser, "http://127.0.0.1") as page:
        assert await seen(page) == [1440, False, "en-US"]
    async with visit(browser, "http://127.0.0.1", width=390, scheme="dark", locale="de-DE") as page:
        assert await seen(page) == [390, True, "de-DE"]
