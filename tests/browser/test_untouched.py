"""A form that is opened and saved as it is changes nothing, whatever is stored and whatever browsers make of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from emporion.accounts.customers import Customer
from emporion.accounts.ids import RESELLER_ID
from emporion.events import Changes, Origin
from emporion.limits import Limit
from emporion.marketplace import Marketplace, platforms
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.customers import decode
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.sandbox import SANDBOX_MPN, stock_sandbox
from emporion.marketplace.subscription_keys import created
from emporion.store.customers import CustomerChange
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from tests.browser.conftest import OpenPage
from tests.browser.people import RESELLER_USER, Person
from tests.conftest import new_contact, new_customer, settings_for
from tests.effort import effort
from tests.server import Server, serving

SELLER = Actor(RESELLER_ID, SANDBOX.user, "console")
PASSWORD = "Stays-as-1"
# What browsers leave out, fold, compose, decode or cut, if one lets them.
TEXTS = (
    "Hof 1\nHaus B",
    "\r\nHof 1\r\n\r\nHaus B\r",
    " erp 7 ",
    "\ttab\tin between\t",
    "a\u2028line\u2029a paragraph\x85a next line\x9f",
    "A\u030angstro\u0308m, \u212bngstro\u0308m",
    '=HYPERLINK("https://example.com/?a=b&c=d";"+1")',
    "\"double\" 'single' `back` \\",
    "</textarea></select>\"><b onclick='x'>&amp;&#10;&lt;%0A",
    "😀👩\u200d👩\u200d👧" * 40,
    "\u202eright to left\u202c\u200f\u2066\u2069",
    "\u00a0hard\u00a0blanks\u3000\u200b\ufeff",
    "x" * 255,
)
EMAILS = (
    "info@müller-bücher.example",
    "info@mu\u0308ller.example",
    "info@xn--mller-kva.example",
    "Jo'Neil+x@EXAMPLE.com",
)
PHONES = ("+49 30 123-456.78 ", "1#703#5551234#", "+1 (202) 555 0143#11")
LANGUAGES = ("EN", "pt_br", "it", "de-1996")
ATTRIBUTES: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"note": "", " a": "1", "a": " 2 ", "a ": "3\n", "attributes[0].name": "name"},
    {f"attribute {number}": "v" * 30 for number in range(64)},
    {"long": "y" * 2048},
)
CASES = range(effort(quick=3, thorough=len(TEXTS)))


def hostile(case: int) -> dict[str, Any]:
    """The members of a customer. In a quick run few have all of the texts between them, in a thorough one each has."""

    def text(place: int, longest: int = 255) -> str:
        return TEXTS[(case * len(TEXTS) // len(CASES) + place) % len(TEXTS)][:longest]

    def person(number: int, kind: str) -> dict[str, str]:
        return {
            "type": kind,
            "firstName": text(5 + number),
            "lastName": text(8 + number),
            "email": EMAILS[(case + number) % len(EMAILS)],
            "phoneNumber": PHONES[(case + number) % len(PHONES)],
        }

    own = ATTRIBUTES[case % len(ATTRIBUTES)]
    optional = {"externalId": f"{case}{text(4)}"[:255], "taxRegId": text(0, 64)} if case % 2 else {}
    address = {"addressExtension": text(1), "state": text(2)} if case % 2 else {}
    return {
        **optional,
        **({} if own is None else {"attributes": {**own, **({text(6, 128): text(7)} if len(own) in (1, 5) else {})}}),
        # The API takes no white space around a name.
        "name": text(3).strip(),
        "address": {
            "streetAddress": text(0),
            "postalCode": text(2, 32),
            "city": text(4),
            "countryCode": "DE",
            **address,
        },
        "contactPersons": [person(0, "admin"), person(1, "billing"), person(2, "technical")],
        "language": LANGUAGES[case % len(LANGUAGES)],
    }


@dataclass
class House:
    """A running platform with customers that have hostile members, by their cases, and a key of the same kind."""

    key: str = ""
    subscription: str = ""
    product: str = ""
    ids: list[str] = field(default_factory=list)
    server: Server = field(init=False)

    def admin(self, case: int) -> Person:
        """Who signs in to a customer's panel."""
        return Person("panel", f"admin.of.{case}", PASSWORD)

    def asked(self, path: str) -> httpx.Response:
        # Root certificates would be read for each request, and for nothing.
        answer = httpx.get(f"{self.server.url}{path}", headers=self.server.headers(), verify=False, timeout=30)
        return answer.raise_for_status()

    def document(self, case: int) -> dict[str, Any]:
        document: dict[str, Any] = self.asked(f"/customers/{self.ids[case]}").json()
        return document

    def changes(self, case: int) -> list[set[str]]:
        """Which members each event of a customer has changed, the last one last."""
        events = self.asked(f"/customers/{self.ids[case]}/events?limit=100").json()["data"]
        return [set(event["changes"]) for event in events]

    def state(self, case: int) -> tuple[bytes, str, bytes]:
        """All that is told of a customer: itself, its version and its events."""
        answer = self.asked(f"/customers/{self.ids[case]}")
        return (
            answer.content,
            answer.headers["etag"],
            self.asked(f"/customers/{self.ids[case]}/events?limit=100").content,
        )


async def build(folder: Path) -> House:
    house = House()
    store = SqliteStore(folder / "sandbox.db")
    await store.migrate()
    await store.open()
    try:
        marketplace = build_marketplace(settings_for(folder / "sandbox.db"), store)
        await platforms.found(store, SANDBOX, 1, sandbox=True)
        for case in CASES:
            login = {"login": house.admin(case).login, "password": PASSWORD}
            made = await marketplace.customers.create(
                SELLER, new_customer(status="active", contactPersons=[new_contact(**login)])
            )
            plain = decode(made.document)
            members = {**hostile(case), "id": plain.id, "status": "active", "resellerId": plain.reseller_id}
            # Not through the API, whose rules may come to refuse what an older version has stored.
            wanted = msgspec.convert(members, Customer)
            changes: Changes = {"name": (plain.name, wanted.name)}
            change = CustomerChange(
                RESELLER_ID, made.id, made.version, wanted, None, "customer.updated", changes, Origin(None, "api"), 2
            )
            assert await store.customers.update(change)
            house.ids.append(plain.id)
        key = SubscriptionKey(b"k" * 32, RESELLER_ID, "1.6", "ERP\n of\u2028 Hamburg", Limit(5_000_000_000, None, 7), 2)
        await store.subscription_keys.add(key, created(key, Origin(None, "command line"), 2))
        house.key = key.id
        await marketplace.users.add(SELLER, RESELLER_ID, "rita.reader", "reader", "us")
        await sell(house, marketplace)
    finally:
        await store.close()
    return house


async def sell(house: House, marketplace: Marketplace) -> None:
    """A subscription, and a price of the reseller's own that has all that one can have."""
    await stock_sandbox(marketplace, int(time.time() * 1000))
    seats = [{"mpn": SANDBOX_MPN, "quantity": 5}, {"mpn": "ACME-ARCHIVE", "quantity": 2}]
    placed = await marketplace.orders.place(SELLER, {"customerId": house.ids[0], "products": seats})
    while await marketplace.order_runner.run_next():
        pass
    order = (await marketplace.orders.whole(SELLER, placed.id)).order
    assert order.subscription_id
    house.subscription, house.product = order.subscription_id, (order.products or [])[0].id
    steps = [{"lowerLimit": "10", "amount": "6.25"}, {"lowerLimit": "100.5", "amount": "0.000001"}]
    price = {"productId": house.product, "amount": "7.5", "setup": "0", "tiers": steps, "model": "VOLUME_ORDER"}
    await marketplace.prices.set(SELLER, RESELLER_ID, price)


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("untouched")
    built = await build(folder)
    with serving(folder, EMPORION_VERIFICATION="manual") as built.server:
        yield built


@dataclass
class Editor:
    """A form that changes what is there. path: with the customer's id."""

    name: str
    path: str
    is_own: bool = False

    async def open(self, page: Page, house: House, case: int) -> None:
        answer = await page.goto(self.path.format(id=house.ids[case]))
        assert answer
        assert answer.ok


EDITORS = (
    Editor("console", "/console/customers/{id}/edit"),
    Editor("address", "/panel/address", is_own=True),
    Editor("contacts", "/panel/contacts", is_own=True),
)
each_editor = pytest.mark.parametrize("editor", EDITORS, ids=lambda editor: editor.name)
each_case = pytest.mark.parametrize("case", CASES)
some_cases = pytest.mark.parametrize("case", effort(quick=CASES[1:2], thorough=CASES))


async def opened(open_page: OpenPage, house: House, editor: Editor, case: int, **options: Any) -> Page:
    page = await open_page(house.admin(case) if editor.is_own else RESELLER_USER, house.server.url, **options)
    await editor.open(page, house, case)
    return page


def button(page: Page) -> Locator:
    return page.locator("main form:has([name=version]) button.main")


async def save(page: Page) -> None:
    """Press the button that saves; what comes says that it was done."""
    async with page.expect_navigation():
        await button(page).click()
    await expect(page.locator(".note.good[role=status]")).to_be_visible()


async def press(page: Page, value: str) -> None:
    async with page.expect_navigation():
        await page.locator(f"button[name=change][value='{value}']").click()


@each_case
@each_editor
async def test_a_form_saved_untouched_changes_nothing(
    open_page: OpenPage, house: House, editor: Editor, case: int
) -> None:
    before = house.state(case)
    for javascript in effort(quick=(case % 2 == 0,), thorough=(True, False)):
        await save(await opened(open_page, house, editor, case, javascript=javascript))
        assert house.state(case) == before


@some_cases
async def test_one_changed_field_changes_one_member_even_after_a_fault(
    open_page: OpenPage, house: House, case: int
) -> None:
    before, told = house.document(case), house.changes(case)
    page = await opened(open_page, house, EDITORS[0], case, statuses=[400], javascript=case % 2 == 0)
    city = page.locator("[name='address.city']")
    await city.fill("")
    async with page.expect_navigation():
        await button(page).click()
    await expect(page.locator("[id='address.city-fault']")).to_be_visible()
    await city.fill("Bad\u00a0Orb 😀")
    await save(page)
    after = {**before, "address": {**before["address"], "city": "Bad\u00a0Orb 😀"}}
    assert house.document(case) == after
    assert house.changes(case) == [*told, {"address.city"}]


@some_cases
async def test_rows_that_come_and_go_leave_the_others_as_they_were(
    open_page: OpenPage, house: House, case: int
) -> None:
    before = house.document(case)
    page = await opened(open_page, house, EDITORS[0], case)
    await press(page, "attributes more")
    await press(page, "contactPersons 1")
    await save(page)
    first, _, third = before["contactPersons"]
    assert house.document(case) == {**before, "contactPersons": [first, third]}
    page = await opened(open_page, house, EDITORS[2], case)
    await press(page, "more")
    await press(page, "2")
    await page.locator("[name='contactPersons[1].phoneNumber']").fill("+49 40 55501")
    await save(page)
    assert house.document(case)["contactPersons"] == [first, {**third, "phoneNumber": "+49 40 55501"}]


async def test_what_browsers_put_back_into_a_form_does_not_undo_what_others_have_changed(
    open_page: OpenPage, house: House
) -> None:
    page = await opened(open_page, house, EDITORS[0], 0)
    await page.goto(f"/console/customers/{house.ids[0]}")
    httpx.patch(
        f"{house.server.url}/customers/{house.ids[0]}", headers=house.server.headers(), json={"language": "fr"}
    ).raise_for_status()
    await page.go_back()
    async with page.expect_navigation():
        await button(page).click()
    assert house.document(0)["language"] == "fr"


async def test_a_key_and_a_user_saved_untouched_stay_as_they_are(open_page: OpenPage, house: House) -> None:
    page = await open_page(RESELLER_USER, house.server.url)
    before = house.asked("/events?limit=100").content
    await page.goto(f"/console/keys/{house.key}")
    await save(page)
    await page.goto("/console/users/rita.reader")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Change the role").click()
    await expect(page.locator(".note.good[role=status]")).to_be_visible()
    assert house.asked("/events?limit=100").content == before


@pytest.mark.parametrize("javascript", [True, False], ids=["scripted", "plain"])
async def test_a_price_and_quantities_sent_untouched_stay_as_they_are(
    open_page: OpenPage, house: House, javascript: bool
) -> None:
    page = await open_page(RESELLER_USER, house.server.url, javascript=javascript)
    before = house.asked("/events?limit=100&after=latest").json()["next"]
    await page.goto(f"/console/prices/set?productId={house.product}")
    await save(page)
    await page.goto(f"/console/subscriptions/{house.subscription}/change")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Estimate").last.click()
    await expect(page.locator("#costs")).to_contain_text("Write another quantity")
    assert house.asked(f"/events?limit=100&after={before}").json()["data"] == []
