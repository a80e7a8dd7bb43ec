"""One Chromium and one server for the tests of this folder, and visits of each test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, Page, StorageState, async_playwright, expect

from tests.browser.people import Person, sign_in
from tests.browser.showroom import Showroom, furnish, held_by_another
from tests.browser.slow_line import slow_line
from tests.browser.visit import LIMIT, ONLY_HERE, visit
from tests.programs import required
from tests.server import Server, serving

OpenPage = Callable[..., Awaitable[Page]]


# Not for the whole session: every other asynchronous test would then run in this browser's event loop.
@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    program = required("chromium")
    expect.set_options(timeout=LIMIT)
    async with async_playwright() as playwright:
        # Chromium's own sandbox refuses root.
        running = await playwright.chromium.launch(
            executable_path=program, chromium_sandbox=os.geteuid() != 0, args=ONLY_HERE
        )
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox that all tests share. A test that would disturb the others starts one of its own with `serving`."""
    with serving(tmp_path_factory.mktemp("browsed")) as running:
        yield running


@pytest.fixture(scope="package")
async def showroom(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Showroom]:
    """A platform that is only looked at, by people whose line is slow."""
    folder = tmp_path_factory.mktemp("showroom")
    furnished = await furnish(folder)
    with (
        held_by_another(furnished.path, furnished.places["running"]),
        serving(folder, EMPORION_VERIFICATION="manual") as running,
    ):
        async with slow_line(running.url) as furnished.url:
            yield furnished


@pytest.fixture(scope="package")
def entered() -> dict[tuple[str, Person], StorageState]:
    """What the browser keeps of those who have signed in, by the server's address: no user does so twice."""
    return {}


@pytest.fixture
async def open_page(
    browser: Browser, server: Server, entered: dict[tuple[str, Person], StorageState]
) -> AsyncIterator[OpenPage]:
    """Opens a page by the options of `visit`. person: who is signed in. url: of another server."""
    async with AsyncExitStack() as visits:

        async def opened(person: Person | None = None, url: str = server.url, **options: Any) -> Page:
            if person and (url, person) not in entered:
                async with visit(browser, url) as page:
                    await sign_in(page, person)
                    entered[url, person] = await page.context.storage_state()
            state = entered[url, person] if person else None
            return await visits.enter_async_context(visit(browser, url, state=state, **options))

        yield opened
