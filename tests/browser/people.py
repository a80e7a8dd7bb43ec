"""Who signs in, and how."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import Page

from emporion.marketplace.platforms import SANDBOX


@dataclass(frozen=True)
class Person:
    """A person who can sign in. door: the first part of the addresses where they do."""

    door: str
    login: str
    password: str


RESELLER_USER = Person("console", SANDBOX.user, SANDBOX.password)
# Those of the showroom: who owns the platform, a reader and an editor of the sandbox's reseller, another's only user.
OPERATOR = Person("console", "olaf.operator", "Olaf-pass-1")
LENA = Person("console", "lena.reader", "Lena-pass-1")
MARC = Person("console", "marc.editor", "Marc-pass-1")
NEWCOMER = Person("console", "nora.newcomer", "Nora-pass-1")
# Administrators: one who reads German, one whose account is on hold, one whose account is closed.
ANNA = Person("panel", "anna.bergmann", "Anna-pass-1")
EMMA = Person("panel", "emma.clarke", "Emma-pass-1")
GONE = Person("panel", "gus.poole", "Gus-pass-1")


async def sign_in(page: Page, person: Person) -> None:
    """By the form, as people do it; returns on the page that comes after it."""
    await page.goto(f"/{person.door}/sign-in")
    await enter(page, person.login, person.password)
    await page.wait_for_url(lambda url: "/sign-in" not in url)


async def enter(page: Page, login: str, password: str) -> None:
    """Send the form of the page to sign in, with these."""
    await page.locator("input[name=login]").fill(login)
    await page.locator("input[name=password]").fill(password)
    async with page.expect_navigation():
        await page.locator("form:has(input[name=password]) button").click()
