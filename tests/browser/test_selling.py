"""Selling in a real browser: found, counted, priced, ordered, followed, changed, and provided by hand."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.people import OPERATOR, RESELLER_USER
from tests.browser.showroom import Showroom
from tests.browser.visit import LIMIT

# With JavaScript, and without it.
SCRIPTED = pytest.mark.parametrize("javascript", [True, False], ids=["scripted", "plain"])
CUSTOMER = "RBCustomer2"


async def go(page: Page, name: str) -> None:
    """Follow a link of the page to another one."""
    async with page.expect_navigation():
        await page.locator("main").get_by_role("link", name=name, exact=True).first.click()


async def press(page: Page, name: str | re.Pattern[str]) -> None:
    """Press a button that leads to another page."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=name).last.click()


async def new_order(page: Page) -> None:
    """Come to the form of a new order, as a seller does."""
    await page.goto(f"/console/customers?name={CUSTOMER}")
    await go(page, CUSTOMER)
    await go(page, "New order")


async def add(page: Page, part: str, name: str, *, javascript: bool) -> None:
    """Find a product by a part of its name, and add it."""
    find = page.get_by_label("Name or part number")
    if javascript:
        await find.fill("")
        await find.press_sequentially(part, delay=20)
        await expect(page.locator("#offered li")).to_have_count(1)
    else:
        await find.fill(part)
        await press(page, "Find")
    await press(page, re.compile(f"^Add {name}"))


async def done(page: Page, *, javascript: bool) -> None:
    """Wait until the order of the page is done, without loading it again where there is JavaScript."""
    if javascript:
        await page.evaluate("window.stays = true")
    await expect(page.locator("#order .note.good")).to_have_text("It is done.")
    if javascript:
        assert await page.evaluate("window.stays")


@pytest.fixture
async def seller(open_page: OpenPage, request: pytest.FixtureRequest) -> Page:
    return await open_page(RESELLER_USER, javascript=request.getfixturevalue("javascript"))


@SCRIPTED
async def test_three_products_are_sold_and_a_quantity_is_changed(seller: Page, javascript: bool) -> None:
    await new_order(seller)
    await add(seller, "talk", "Borealis Talk Line", javascript=javascript)
    await expect(seller.locator("#costs")).to_contain_text("Borealis Talk Line, Company: Is required.")
    await seller.get_by_label("Company").fill("Hafenkontor")
    await add(seller, "archive", "Acme Archive", javascript=javascript)
    await press(seller, "Choose how many")
    quantities = seller.get_by_label("Quantity")
    await expect(quantities).to_have_count(3)
    await quantities.nth(0).fill("12")
    await quantities.nth(2).fill("10")
    if not javascript:
        await press(seller, "Estimate")
    costs = seller.locator("#costs")
    await expect(costs).to_contain_text("12 × Borealis Talk Line for 1 year, billed monthly: 139.50\u00a0USD on the")
    await expect(costs).to_contain_text("1 × Acme Archive and 10 × Acme Workspace Seat for 1 year")
    await expect(costs).to_contain_text("Together: now 300.75\u00a0USD.")
    await press(seller, re.compile("^Order: now 300.75"))
    await done(seller, javascript=javascript)
    workspace = seller.locator("#order section", has_text="Acme Workspace Seat").get_by_role("link").last
    async with seller.expect_navigation():
        await workspace.click()
    await go(seller, "Change quantities")
    await seller.get_by_label("Acme Workspace Seat").fill("15")
    if not javascript:
        await press(seller, "Estimate")
    await press(seller, re.compile("^Order the change: now 80.00"))
    await done(seller, javascript=javascript)
    await expect(seller.locator("#order")).to_contain_text("10 before, 15 after")


@SCRIPTED
async def test_a_price_that_was_not_seen_is_not_ordered(open_page: OpenPage, javascript: bool) -> None:
    page = await open_page(RESELLER_USER, javascript=javascript, statuses=[] if javascript else [409])
    await new_order(page)
    await add(page, "mail plus", "Acme Mail Plus", javascript=javascript)
    await page.get_by_label("Quantity").fill("3")
    if not javascript:
        await press(page, re.compile("^Order: now 5.00"))
        await expect(page.locator("#costs")).to_contain_text("What it costs has changed since you saw it")
    await expect(page.locator("#costs button.main")).to_have_text("Order: now 15.00\u00a0USD", timeout=LIMIT)


@SCRIPTED
async def test_many_prices_are_set_once_they_were_seen(
    open_page: OpenPage, showroom: Showroom, javascript: bool
) -> None:
    page = await open_page(RESELLER_USER, showroom.url, javascript=javascript)
    await page.goto("/console/prices")
    await go(page, "Many at once")
    await page.get_by_label("Part of the name").fill("security")
    await page.get_by_label("The own price is").select_option("cost")
    await page.get_by_label("Per cent").fill("40" if javascript else "50")
    await page.get_by_label("Amounts are rounded").select_option("0.99")
    await press(page, "Show what changes")
    await expect(page.locator("tbody tr")).to_have_count(1)
    amount = await page.locator("tbody td").last.inner_text()
    assert amount.endswith(".99\u00a0USD")
    await press(page, "Set 1 price")
    await expect(page.locator(".note.good")).to_have_text("The prices are set.")
    await page.goto("/console/prices?name=security")
    shown = page.locator("#found tbody tr", has_text="Castle Security Review")
    await expect(shown).to_contain_text(amount)


@SCRIPTED
async def test_a_catalogue_that_was_changed_is_applied_once_it_was_seen(
    open_page: OpenPage, showroom: Showroom, javascript: bool
) -> None:
    page = await open_page(OPERATOR, showroom.url, javascript=javascript)
    await page.goto("/console/plans")
    await go(page, "Catalogue as a file")
    link = await page.get_by_role("link", name="Download the file").get_attribute("href")
    text = await (await page.context.request.get(str(link))).text()
    # What other tests search for stays in its name.
    changed = re.sub(r"(name: Borealis Talk.*)", rf"\1 {'One' if javascript else 'Two'}", text)
    assert changed != text
    for content in (text, changed):
        await page.locator("#file").set_input_files(
            {"name": "catalogue.yaml", "mimeType": "application/yaml", "buffer": content.encode()}
        )
        await press(page, "Check the file")
        if content is text:
            await expect(page.locator("main")).to_contain_text("Nothing changes")
            await go(page, "Send another file")
    await press(page, "Apply it")
    await expect(page.locator(".note.good")).to_have_text("The catalogue is now as the file has it.")


async def test_keys_alone_are_enough_and_the_enter_key_orders_nothing(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await new_order(page)
    await expect(page.get_by_label("Name or part number")).to_be_focused()
    await page.keyboard.type("plus")
    await expect(page.locator("#offered li")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.get_by_label("Quantity")).to_be_focused()
    await page.get_by_label("Quantity").fill("2")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(page.locator("#costs button.main")).to_have_text("Order: now 10.00\u00a0USD")
    assert page.url.endswith("/order")


async def test_the_menu_of_a_telephone_leads_everywhere(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER, width=390)
    await page.goto("/console/orders")
    await page.get_by_text("Menu · Orders").click()
    menu = page.get_by_role("navigation", name="Console")
    await expect(menu.get_by_role("link")).to_have_count(12)
    await expect(menu.get_by_role("link", name="Orders")).to_have_attribute("aria-current", "page")
    async with page.expect_navigation():
        await menu.get_by_role("link", name="Subscriptions").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Subscriptions")
