"""The paths that resellers and their customers walk, in a real browser, each in a window of their own."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import msgspec
import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.people import RESELLER_USER, Person, enter, sign_in
from tests.browser.showroom import Showroom
from tests.browser.visit import LIMIT
from tests.certificates import make_certificate
from tests.server import Server, run, serving

CSV = (
    "externalId,name,streetAddress,postalCode,city,countryCode,givenName,familyName,contactEmail,telVoice\n"
    "{name}-1,{name} One,Am Markt 1,20095,Hamburg,DE,Nils,Brandt,nils@{name}.example,+494055501234\n"
    "{name}-2,{name} Two,Am Markt 2,20095,Hamburg,DE,Ina,Kraus,ina.{name}.example,+494055501235\n"
)
# With JavaScript, and without it.
SCRIPTED = pytest.mark.parametrize("javascript", [True, False], ids=["scripted", "plain"])

FIRST = "contactPersons[0]"
SECOND = "contactPersons[1]"


def german(name: str) -> dict[str, str]:
    """The fields of a new customer in Germany."""
    return {
        "name": name,
        "address.streetAddress": "Am Markt 1",
        "address.postalCode": "20095",
        "address.city": "Hamburg",
        "address.countryCode": "DE",
        **contact(FIRST, "Anna", f"anna@{name.split()[0].lower()}.example"),
    }


def contact(at: str, first_name: str, email: str) -> dict[str, str]:
    return {
        f"{at}.firstName": first_name,
        f"{at}.lastName": "Weiß",
        f"{at}.email": email,
        f"{at}.phoneNumber": "+494055501234",
    }


def access(person: Person) -> dict[str, str]:
    return {f"{FIRST}.login": person.login, f"{FIRST}.password": person.password}


async def fill(page: Page, fields: Mapping[str, str]) -> None:
    """Put values into fields by their names."""
    for name, value in fields.items():
        field = page.locator(f":is(input, select)[name='{name}']")
        if await field.evaluate("element => element.tagName") == "SELECT":
            await field.select_option(value)
        else:
            await field.fill(value)


async def press(page: Page, name: str) -> None:
    """Press a button that leads to another page."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=name, exact=True).click()


async def follow(page: Page, name: str) -> None:
    """Follow a link of the page to another one."""
    async with page.expect_navigation():
        await page.locator("main").get_by_role("link", name=name, exact=True).click()


async def says(page: Page, text: str) -> None:
    """Wait until the page says this somewhere where it can be seen."""
    await expect(page.get_by_text(text).first).to_be_visible()


async def create(page: Page, fields: Mapping[str, str]) -> str:
    """A new customer who is active at once; the address of its page, which is shown."""
    await page.goto("/console/customers/new")
    await fill(page, fields)
    await page.get_by_label("Active at once").check()
    await press(page, "Create customer")
    await says(page, "It was created.")
    return urlsplit(page.url).path


def fault(page: Page, name: str) -> Locator:
    """What is wrong with a field."""
    return page.locator(f"[id='{name}-fault']")


# The whole walk


@SCRIPTED
async def test_what_a_customer_changes_stands_in_the_timeline_of_its_reseller(
    open_page: OpenPage, javascript: bool
) -> None:
    person = Person("panel", f"walker-{javascript}", "Walker-pass-1")
    reseller = await open_page(javascript=javascript, statuses=[400])
    customer = await open_page(javascript=javascript, statuses=[400])
    await sign_in(reseller, RESELLER_USER)
    await reseller.get_by_role("link", name="New customer").click()
    await press(reseller, "Create customer")
    await expect(fault(reseller, "name")).to_have_text("Is required.")
    await expect(fault(reseller, "address.city")).to_have_text("Is required.")
    assert await reseller.locator("[name='address.city']").get_attribute("aria-invalid") == "true"
    place = await create(reseller, {**german(f"Walker {javascript}"), **access(person)})

    await sign_in(customer, person)
    await follow(customer, "Change address or language")
    await fill(customer, {"address.city": ""})
    await press(customer, "Save")
    await expect(fault(customer, "address.city")).to_have_text("Please fill in this field.")
    await fill(customer, {"address.streetAddress": "Neuer Wall 7", "address.city": "Hamburg"})
    await press(customer, "Save")
    await says(customer, "Your changes have been saved.")
    await says(customer, "Neuer Wall 7")

    await reseller.goto(place)
    change = reseller.locator(".history > li").first
    await expect(change).to_contain_text("by anna@walker.example, panel")
    row = change.get_by_role("row").filter(has_text="address.streetAddress")
    assert [text.strip() for text in await row.get_by_role("cell").all_inner_texts()] == ["Am Markt 1", "Neuer Wall 7"]

    await fill(reseller, {"status": "creditHold", "reason": "Invoice 2207 is late"})
    await press(reseller, "Change the status")
    await expect(reseller.locator(".history > li").first).to_contain_text("Invoice 2207 is late")
    await customer.reload()
    await says(customer, "On hold: payment is due")
    await says(customer, "please pay the open balance first")


async def test_a_state_is_asked_for_where_the_country_has_them(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers/new")
    country, state = page.get_by_label("Country"), page.get_by_label("State or province")
    await country.select_option("US")
    await expect(state).to_have_attribute("required", "")
    await state.fill("CA")
    await country.select_option("DE")
    await state.fill("")
    await country.select_option("FR")
    await expect(state).to_be_hidden()
    await country.select_option("CA")
    await expect(state).to_be_visible()


async def test_a_search_is_shown_while_it_is_typed_can_be_shared_and_taken_back(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    other = await open_page(RESELLER_USER)
    await page.goto("/console/customers")
    rows = page.locator("#found tbody tr")
    everybody = await rows.count()
    await page.get_by_label("Name").fill("customer2")
    await expect(rows).to_have_count(1)
    await page.wait_for_url("**/console/customers?**name=customer2**")
    assert parse_qs(urlsplit(page.url).query)["name"] == ["customer2"]
    await other.goto(page.url)
    await expect(other.locator("#found tbody tr")).to_have_count(1)
    await expect(other.get_by_label("Name")).to_have_value("customer2")

    await page.go_back()
    await page.wait_for_url(lambda url: "customer2" not in url)
    await expect(rows).to_have_count(everybody)
    await page.go_forward()
    await page.wait_for_url("**name=customer2**")
    await expect(rows).to_have_count(1)
    await follow(page, "RBCustomer2")
    await page.go_back()
    await expect(rows).to_have_count(1)
    await expect(page.get_by_label("Name")).to_have_value("customer2")


@SCRIPTED
async def test_contacts_and_attributes_come_and_go_in_a_form(open_page: OpenPage, javascript: bool) -> None:
    page = await open_page(RESELLER_USER, javascript=javascript)
    place = await create(page, german(f"Contacts {javascript}"))
    await follow(page, "Edit")
    await press(page, "Add a contact")
    await fill(page, contact(SECOND, "Bernd", "bernd@contacts.example"))
    await page.locator(f"[name='{SECOND}.type']").select_option("billing")
    await press(page, "Add an attribute")
    await fill(page, {"attributes[0].name": "costCenter", "attributes[0].value": "4711"})
    await press(page, "Save")
    await says(page, "Your changes are saved.")
    await says(page, "bernd@contacts.example")
    await says(page, "4711")
    await follow(page, "Edit")
    await press(page, "Remove contact 2")
    await press(page, "Save")
    await says(page, "Your changes are saved.")
    await expect(page.locator("section[aria-labelledby=contacts]")).not_to_contain_text("Bernd")
    assert urlsplit(page.url).path == place


@SCRIPTED
async def test_a_one_time_link_sets_a_password_once(open_page: OpenPage, javascript: bool) -> None:
    reseller = await open_page(RESELLER_USER, javascript=javascript)
    customer = await open_page(javascript=javascript, statuses=[400, 404])
    await create(reseller, german(f"Link {javascript}"))
    await press(reseller, "Make a link to set a password for Anna Weiß")
    link = await reseller.get_by_label("One-time link").input_value()
    if javascript:
        await reseller.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await reseller.get_by_role("button", name="Copy").click()
        await expect(reseller.locator("#said")).to_have_text("The link was copied.")
        assert await reseller.evaluate("navigator.clipboard.readText()") == link

    await customer.goto(link)
    await fill(customer, {"new": "Own-pass-123", "again": "Own-pass-124"})
    await press(customer, "Set password and sign in")
    await expect(fault(customer, "again")).to_have_text("The two passwords do not match.")
    await fill(customer, {"new": "Own-pass-123", "again": "Own-pass-123"})
    await press(customer, "Set password and sign in")
    await says(customer, "Your password is set, and you are signed in.")
    await customer.goto(link)
    await says(customer, "This link does not work")


async def test_where_nothing_can_be_copied_the_secret_is_selected(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    await create(page, german("Selected"))
    await press(page, "Make a link to set a password for Anna Weiß")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.locator("#said")).to_have_text("Copy it with Ctrl and C.")
    field = page.get_by_label("One-time link")
    await expect(field).to_be_focused()
    assert await page.evaluate("getSelection().toString()") == await field.input_value()


@SCRIPTED
async def test_a_file_is_checked_imported_and_its_faulty_rows_come_back(open_page: OpenPage, javascript: bool) -> None:
    name = f"file-{javascript}".lower()
    page = await open_page(RESELLER_USER, javascript=javascript)
    await page.goto("/console/imports")
    content = CSV.format(name=name).encode()
    await page.get_by_label("File").set_input_files({"name": f"{name}.csv", "mimeType": "text/csv", "buffer": content})
    await press(page, "Check the file")
    state = page.locator("h1 + .badge")
    await expect(state).to_have_text("waits for you")
    (row,) = await page.locator("tbody tr").all()
    assert (await row.get_by_role("cell").all_inner_texts())[:2] == ["3", "contactEmail"]
    await press(page, "Import 1 row")
    await expect(state).to_have_text("done")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="File of the refused rows").click()
    download = await coming.value
    assert download.suggested_filename == f"{name}.rejected.csv"
    (refused,) = _rows(await download.path())
    assert refused["name"] == f"{name} Two"
    assert "contactEmail must be an e-mail address" in refused["error"]
    await page.goto(f"/console/customers?name={name}")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="CSV", exact=True).click()
    (exported,) = _rows(await (await coming.value).path())
    assert exported["name"] == f"{name} One"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@SCRIPTED
async def test_a_key_is_shown_once_and_revoked_for_good(open_page: OpenPage, server: Server, javascript: bool) -> None:
    page = await open_page(RESELLER_USER, javascript=javascript, statuses=[400])
    await page.goto("/console/keys/new")
    await press(page, "Make the key")
    await expect(fault(page, "name")).to_be_visible()
    await fill(page, {"name": f"Shop {javascript}"})
    await press(page, "Make the key")
    secret = await page.get_by_label("Subscription key").input_value()
    headers = {**server.headers(), "X-Subscription-Key": secret}
    assert httpx.get(f"{server.url}/customers", headers=headers, timeout=LIMIT / 1000).status_code == 200
    await follow(page, "To the key")
    assert secret not in await page.content()
    await page.get_by_label("No system needs this key any more").check()
    await press(page, "Revoke the key for good")
    await says(page, "It is revoked for good.")
    assert await page.get_by_role("button", name="Save").count() == 0


@SCRIPTED
async def test_a_report_is_asked_for_and_its_page_has_the_file_as_soon_as_it_is_made(
    open_page: OpenPage, javascript: bool
) -> None:
    page = await open_page(RESELLER_USER, javascript=javascript, statuses=[400])
    await page.goto("/console/reports")
    async with page.expect_navigation():
        await page.locator(".head").get_by_role("link", name="New report").click()
    await press(page, "Make the report")
    await expect(fault(page, "startDate")).to_have_text("Is required.")
    await fill(page, {"name": "Customers", "format": "csv", "startDate": "2026-01-01"})
    await press(page, "Make the report")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download CSV").click()
    download = await coming.value
    assert download.suggested_filename == "Customers-2026-01-01.csv"
    assert {"RBCustomer", "RBCustomer2"} <= {row["name"] for row in _rows(await download.path())}
    await expect(page.locator(".history > li")).to_have_count(2)


async def test_reports_are_found_while_a_filter_is_typed_or_chosen(open_page: OpenPage, showroom: Showroom) -> None:
    page = await open_page(RESELLER_USER, showroom.url)
    await page.goto("/console/reports")
    rows, search = page.locator("#found tbody tr"), page.get_by_label("Report", exact=True)
    await search.focus()
    await page.keyboard.type("cust", delay=20)
    await expect(rows.filter(has_text="Events")).to_have_count(0)
    await page.get_by_label("Status").select_option("processing")
    await expect(rows).to_have_count(1)
    assert parse_qs(urlsplit(page.url).query) == {"name": ["cust"], "status": ["processing"]}
    await search.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{showroom.url}/console/reports/{showroom.places['making']}")


async def test_a_reader_has_no_buttons(open_page: OpenPage) -> None:
    owner = await open_page(RESELLER_USER)
    reader = await open_page(statuses=[403])
    await owner.goto("/console/new-user")
    await fill(owner, {"login": "rita.reader", "role": "reader"})
    await press(owner, "Add the user")
    await sign_in(reader, Person("console", "rita.reader", await owner.get_by_label("Password").input_value()))
    places = (
        "",
        "/customers",
        "/customers/1000001",
        "/reports",
        "/keys",
        "/users",
        "/users/sandbox",
        "/resellers/1000000",
    )
    for place in places:
        await reader.goto(f"/console{place}")
        assert await reader.locator("main form[method=post], main .button.main").count() == 0, place
    await reader.goto("/console/customers/new")
    await says(reader, "The role reader may not do this")


async def test_a_user_below_a_held_reseller_is_out_at_the_next_click(open_page: OpenPage, server: Server) -> None:
    added = run(
        "user", "add", "--reseller", "999999", "--role", "owner", "--json", "the-operator",
        "--database", f"sqlite:///{server.output.parent / 'sandbox.db'}", cwd=server.output.parent,
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    password = msgspec.json.decode(added.stdout)["password"]
    operator = await open_page(Person("console", "the-operator", password))
    await operator.goto("/console/resellers/new")
    await fill(operator, {**german("Held Resale"), "currency": "EUR"})
    await operator.get_by_label("Active at once").check()
    await press(operator, "Create reseller")
    await says(operator, "It was created.")
    place = urlsplit(operator.url).path
    await follow(operator, "Users")
    await follow(operator, "New user")
    await fill(operator, {"login": "hilde.held", "role": "owner"})
    await press(operator, "Add the user")
    seller = await open_page(statuses=[403])
    await sign_in(seller, Person("console", "hilde.held", await operator.get_by_label("Password").input_value()))
    person = Person("panel", "held-customer", "Held-pass-123")
    await create(seller, {**german("Held Customer"), **access(person)})
    customer = await open_page(statuses=[403])
    await sign_in(customer, person)

    await operator.goto(place)
    await operator.locator("#hold-reason").fill("Three invoices are unpaid")
    await press(operator, "Hold Held Resale")
    await says(operator, "Three invoices are unpaid")
    await seller.get_by_role("link", name="Dashboard").click()
    await expect(seller.get_by_role("heading", level=1)).to_have_text("Forbidden")
    await customer.get_by_role("link", name="Contacts", exact=True).click()
    await expect(customer.get_by_role("heading", level=1)).to_have_text("You cannot sign in to this account")
    await press(operator, "Release Held Resale")
    await sign_in(customer, person)


@SCRIPTED
async def test_a_customer_changes_the_password_and_ends_other_sessions(open_page: OpenPage, javascript: bool) -> None:
    reseller = await open_page(RESELLER_USER)
    person = Person("panel", f"words-{javascript}", "First-pass-1")
    await create(reseller, {**german(f"Words {javascript}"), **access(person)})
    here = await open_page(javascript=javascript, statuses=[400])
    there = await open_page(javascript=javascript, statuses=[401])
    await sign_in(here, person)
    await sign_in(there, person)
    await here.get_by_role("link", name="Sign-ins").click()
    await expect(here.get_by_role("row").filter(has_text="open")).to_have_count(1)
    await press(here, "End all other sessions")
    await says(here, "All other sessions have been ended.")
    await there.reload()
    await expect(there.get_by_role("heading", level=1)).to_have_text("Sign in to your account")

    await follow(here, "Change password")
    await fill(here, {"old": "wrong", "new": "Second-pass-1", "again": "Second-pass-1"})
    await press(here, "Change password")
    await expect(fault(here, "old")).to_have_text("This is not your current password.")
    await fill(here, {"old": person.password, "new": "Second-pass-1", "again": "Second-pass-1"})
    await press(here, "Change password")
    await says(here, "Your password has been changed.")
    await enter(there, person.login, person.password)
    await says(there, "The login or password is wrong.")
    await enter(there, person.login, "Second-pass-1")
    await expect(there.get_by_role("heading", level=1)).to_have_text(f"Words {javascript}")


@SCRIPTED
async def test_the_panel_speaks_the_language_that_is_chosen(open_page: OpenPage, javascript: bool) -> None:
    reseller = await open_page(RESELLER_USER)
    person = Person("panel", f"tongue-{javascript}", "Tongue-pass-1")
    await create(reseller, {**german(f"Tongue {javascript}"), **access(person), "language": "de"})
    page = await open_page(javascript=javascript)
    await page.goto("/panel/sign-in")
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Sign in to your account")
    await press(page, "Français")
    assert await page.locator("html").get_attribute("lang") == "fr"
    await press(page, "Deutsch")
    assert await page.locator("html").get_attribute("lang") == "de"
    await sign_in(page, person)
    await follow(page, "Adresse oder Sprache ändern")
    await fill(page, {"language": "es"})
    await press(page, "Speichern")
    assert await page.locator("html").get_attribute("lang") == "es"


# By the keyboard alone


async def test_the_first_tab_leads_past_the_navigation(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")


async def test_the_focus_stays_in_the_search_while_it_finds(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers")
    search = page.get_by_label("Name")
    await search.focus()
    await page.keyboard.type("RBCustomer2", delay=20)
    await expect(page.locator("#found tbody tr")).to_have_count(1)
    await expect(search).to_be_focused()
    await expect(search).to_have_value("RBCustomer2")
    await page.keyboard.press("/")
    await expect(search).to_have_value("RBCustomer2/")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_search_over_everything_begins_on_any_page(open_page: OpenPage, scripts: bool) -> None:
    page = await open_page(RESELLER_USER, javascript=scripts)
    await page.goto("/console/keys")
    search = page.get_by_label("Search everything")
    await (page.keyboard.press("/") if scripts else search.focus())
    await expect(search).to_be_focused()
    await page.keyboard.type("rbcustomer2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#found").get_by_role("link")).to_have_text(["RBCustomer2"])
    if scripts:
        await page.keyboard.press("/")
        await page.keyboard.type("seat")
        await expect(page.locator("#found").get_by_role("link").first).to_contain_text("Seat")


async def test_a_customer_is_made_by_the_keyboard_alone(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers/new")
    await tab_through(page, german("Keyboard"), "Add a contact")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await tab_through(page, contact(SECOND, "Bernd", "bernd@keyboard.example"), f"{SECOND}.phoneNumber")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await says(page, "It was created.")
    await says(page, "anna@keyboard.example")
    await says(page, "bernd@keyboard.example")


async def tab_through(page: Page, fields: Mapping[str, str], last: str) -> None:
    """Type what is in the fields on the way from the first one to what has the name or the text `last`."""
    await page.locator("main").focus()
    left = dict(fields)
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        name, seen = await page.evaluate(FOCUSED)
        assert seen, f"it is not seen that {name} has the focus"
        if name in left:
            value = left.pop(name)
            await page.keyboard.type(COUNTRY if name == "address.countryCode" else value)
        if name == last:
            assert not left
            return
    raise AssertionError(f"{last} was not reached")


MOST_TABS = 60
# What is typed in the choice of a country.
COUNTRY = "Germany"
# Browsers scroll by whole pixels, and boxes end between them.
FOCUSED = """() => {
  const focused = document.activeElement;
  const style = getComputedStyle(focused);
  const box = focused.getBoundingClientRect();
  const seen = style.outlineStyle != "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 1 && box.height > 1
    && box.top > -1 && box.bottom < innerHeight + 1;
  return [focused.name == "change" ? focused.textContent.trim() : focused.name || focused.localName, seen];
}"""


async def test_the_focus_is_not_lost_when_another_country_is_chosen(open_page: OpenPage) -> None:
    page = await open_page(RESELLER_USER)
    await page.goto("/console/customers/new")
    country = page.get_by_label("Country")
    await country.focus()
    await page.keyboard.type("United States")
    await expect(page.get_by_label("State or province")).to_have_attribute("required", "")
    await expect(country).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("State or province")).to_be_focused()


# Over HTTPS


async def test_over_https_others_cannot_read_or_set_the_cookies(open_page: OpenPage, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with serving(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key), scheme="https") as secure:
        reseller = await open_page(url=secure.url)
        customer = await open_page(url=secure.url)
        person = Person("panel", "secure", "Secure-pass-1")
        await sign_in(reseller, RESELLER_USER)
        place = await create(reseller, {**german("Secure"), **access(person)})
        await sign_in(customer, person)
        await follow(customer, "Change address or language")
        await fill(customer, {"address.streetAddress": "Neuer Wall 7"})
        await press(customer, "Save")
        await reseller.goto(place)
        await expect(reseller.locator(".history > li").first).to_contain_text("Neuer Wall 7")
        cookies = [*await reseller.context.cookies(), *await customer.context.cookies()]
        assert {cookie["name"] for cookie in cookies} == {"__Host-emporion-console", "__Host-emporion-panel"}
        assert all(cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/" for cookie in cookies)
        await press(reseller, "Make a link to set a password for Anna Weiß")
        link = await reseller.get_by_label("One-time link").input_value()
        assert link.startswith(f"{secure.url}/panel/link?")
