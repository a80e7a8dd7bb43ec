"""Every page, as people see it: on a telephone and at a desk, by day and by night."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.browser.conftest import OpenPage
from tests.browser.inspection import COLOURS, faults, looks
from tests.browser.movement import LEAST, movement, watch
from tests.browser.pages import PAGES, Listed, add_product
from tests.browser.people import RESELLER_USER
from tests.browser.screenshots import screenshot
from tests.browser.showroom import Showroom
from tests.browser.visit import HEIGHT, NARROW, WIDE, Scheme
from tests.effort import effort, is_thorough

LOOKS: tuple[tuple[int, Scheme], ...] = ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark"))
# What a window of 1280 pixels has at 400 % (WCAG 2.2, 1.4.10).
NARROWEST = 320


async def resize(page: Page, width: int) -> None:
    await page.set_viewport_size(ViewportSize(width=width, height=HEIGHT))


@pytest.mark.parametrize("listed", PAGES, ids=lambda listed: listed.name)
async def test_a_page_is_whole_in_every_width_and_scheme(
    open_page: OpenPage, showroom: Showroom, listed: Listed
) -> None:
    expected = () if listed.status < 400 else (listed.status,)
    page = await open_page(listed.person, showroom.url, statuses=expected, locale=listed.locale)
    await watch(page)
    answer = await page.goto(listed.path.format_map(showroom.places))
    assert answer
    assert answer.status == (200 if listed.act else listed.status)
    assert await movement(page) < LEAST
    if listed.act:
        await listed.act(page)
    found = []
    # In a quick run each page is seen in one way, and each way is seen of a quarter of the pages.
    one = PAGES.index(listed) % len(LOOKS)
    for width, scheme in effort(quick=LOOKS[one : one + 1], thorough=LOOKS):
        await resize(page, width)
        await page.emulate_media(color_scheme=scheme)
        await screenshot(page, listed.name)
        # The other rules are the same by day and by night.
        rules = COLOURS if scheme == "dark" and is_thorough() else ()
        found += [f"{width} pixels, {scheme}: {fault}" for fault in await faults(page, rules)]
    await resize(page, NARROWEST)
    found += [f"{NARROWEST} pixels: {fault}" for fault in await looks(page)]
    assert not found, "\n".join(found)


async def test_nothing_jumps_while_a_search_is_typed(open_page: OpenPage, showroom: Showroom) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await watch(page)
    await page.goto("/console/customers")
    await page.get_by_label("Name").press_sequentially("Kaffee", delay=20)
    await expect(page.locator("#found tbody tr")).to_have_count(1)
    assert await movement(page) < LEAST


@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_nothing_jumps_while_the_costs_of_a_new_order_are_told(
    open_page: OpenPage, showroom: Showroom, width: int
) -> None:
    page = await open_page(RESELLER_USER, showroom.url, width=width)
    await watch(page)
    await page.goto(f"/console/customers/{showroom.places['anna']}/order?find=archive")
    await add_product(page)
    costs = page.locator("#costs")
    before = await costs.inner_text()
    await page.locator("input[name$='.quantity']").fill("7")
    await page.keyboard.press("Tab")
    await expect(costs).to_contain_text("7 ×")
    assert await costs.inner_text() != before
    assert await movement(page) < LEAST
