"""The table of our pages: each is looked at in every width and scheme."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from tests.browser.people import ANNA, EMMA, GONE, LENA, NEWCOMER, OPERATOR, RESELLER_USER, Person, enter

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Listed:
    """A page. name: of its screenshots. person: who is signed in. status: what it answers with.

    path: with names of the showroom's places. act: what is done at that path to come to the page. locale: that of the
    browser.
    """

    name: str
    path: str
    person: Person | None = None
    status: int = 200
    act: Act | None = None
    locale: str = "en-US"


def entering(login: str, password: str) -> Act:
    """Tries to sign in."""

    async def act(page: Page) -> None:
        await enter(page, login, password)

    return act


def sending(button: str = "main button.main:visible", **fields: str) -> Act:
    """Fills in fields of a button's form by their names, then presses it. What is hidden gets its value, too."""

    async def act(page: Page) -> None:
        pressed = page.locator(button)
        form = pressed.locator("xpath=ancestor::form")
        for name, value in fields.items():
            field = form.locator(f"[name='{name}']")
            if await field.get_attribute("type") == "hidden":
                await field.evaluate("(element, value) => { element.value = value; }", value)
            elif await field.evaluate("element => element.localName") == "select":
                await field.select_option(value)
            else:
                await field.fill(value)
        async with page.expect_navigation():
            await pressed.click()

    return act


async def open_details(page: Page) -> None:
    """Shows what is folded away."""
    for details in await page.locator("main details").all():
        await details.locator("summary").click()


async def send_catalogue(page: Page, text: str | None = None) -> None:
    """Sends a file of the catalogue: the one that there is, with some changes, or a text."""
    if text is None:
        text = await (await page.context.request.get("/console/catalogue/catalogue.yaml")).text()
        text = text.replace("Acme Workspace Seat", "Acme Workspace Chair").replace("price: '6'", "price: '6.50'")
    content = text.encode()
    await page.locator("#file").set_input_files({"name": "catalogue.yaml", "mimeType": "text/yaml", "buffer": content})
    async with page.expect_navigation():
        await page.get_by_role("button", name="Check the file").click()


async def send_faulty_catalogue(page: Page) -> None:
    """Sends a catalogue with faults."""
    await send_catalogue(page, "vendors: {acme: Acme}\nplans:\n  mail:\n    nam: Mail\n    state: sold\n")


async def send_prices(page: Page, text: str = "mpn,margin,setup\nACME-ARCHIVE,12.5,3\n") -> None:
    """Sends a file of own prices."""
    content = text.encode()
    await page.locator("#file").set_input_files({"name": "prices.csv", "mimeType": "text/csv", "buffer": content})
    async with page.expect_navigation():
        await page.get_by_role("button", name="Check the file").click()


async def send_faulty_prices(page: Page) -> None:
    """Sends prices with faults."""
    await send_prices(page, "productId,amount,margin\n999,1,\n1,many,\n,1,1\n")


async def add_product(page: Page) -> None:
    """Adds the first product that is offered to a new order."""
    async with page.expect_navigation():
        await page.locator("#offered button").first.click()


async def add_and_order(page: Page) -> None:
    """Orders it without what it asks for."""
    await add_product(page)
    async with page.expect_navigation():
        await page.locator("#costs button.main").click()


async def choose_switch(page: Page) -> None:
    """Chooses a plan, and asks what the switch to it costs."""
    await page.locator("select[name=to]").select_option(index=1)
    await page.locator("#costs button.main").wait_for()


MISTAKES = {
    "name": "Hafenkontor",
    "address.countryCode": "US",
    "contactPersons[0].firstName": "Ina",
    "contactPersons[0].email": "ina.kraus",
    "contactPersons[0].phoneNumber": "0221 55501",
}
PERSONS = {"contactPersons[0].firstName": "", "contactPersons[0].email": "anna at bergmann"}
PASSWORDS = {"old": "not-the-one", "new": "New-Pass-12", "again": "New-Pass-12"}

CONSOLE = (
    Listed("console-sign-in", "/console/sign-in"),
    Listed("console-sign-in-wrong", "/console/sign-in", status=401, act=entering("stranger", "not-the-one")),
    Listed("console-sign-in-said", "/console/sign-in?said=signed-out"),
    Listed("console", "/console", RESELLER_USER),
    Listed("console-days", "/console", RESELLER_USER, act=open_details),
    Listed("console-operator", "/console", OPERATOR),
    Listed("console-first", "/console", NEWCOMER),
    Listed("console-reader", "/console", LENA),
    Listed("console-nowhere", "/console/nowhere", status=404),
    Listed("console-missing", "/console/customers/1", RESELLER_USER, status=404),
    Listed("console-forbidden", "/console/customers/new", LENA, status=403),
    Listed("console-search", "/console/search", RESELLER_USER),
    Listed("console-search-found", "/console/search?q=acme", RESELLER_USER),
    Listed("console-search-none", "/console/search?q=unknown", RESELLER_USER),
    Listed("console-customers", "/console/customers", RESELLER_USER),
    Listed("console-customers-found", "/console/customers?name=er&status=active", RESELLER_USER),
    Listed("console-customers-older", "/console/customers?offset=25", RESELLER_USER),
    Listed("console-customers-none", "/console/customers?name=unknown", RESELLER_USER),
    Listed("console-customers-faults", "/console/customers?email=x&resellerId=1", RESELLER_USER, status=400),
    Listed("console-customers-first", "/console/customers", NEWCOMER),
    Listed("console-customers-reader", "/console/customers", LENA),
    Listed("console-customer-new", "/console/customers/new", RESELLER_USER),
    Listed("console-customer-new-faults", "/console/customers/new", RESELLER_USER, 400, sending(**MISTAKES)),
    Listed("console-customer", "/console/customers/{anna}", RESELLER_USER),
    Listed("console-customer-changed", "/console/customers/{emma}?said=changed", RESELLER_USER),
    Listed("console-customer-reader", "/console/customers/{anna}", LENA),
    Listed("console-customer-operator", "/console/customers/{anna}", OPERATOR),
    Listed("console-customer-cancelled", "/console/customers/{gone}", RESELLER_USER),
    Listed("console-customer-edit", "/console/customers/{anna}/edit", RESELLER_USER),
    Listed("console-customer-edit-moved", "/console/customers/{anna}/edit", RESELLER_USER, 409, sending(version="1")),
    Listed("console-link", "/console/customers/{emma}", RESELLER_USER, act=sending("form[action$='/link'] button")),
    Listed("console-imports", "/console/imports", RESELLER_USER),
    Listed("console-imports-first", "/console/imports", NEWCOMER),
    Listed("console-imports-faults", "/console/imports", RESELLER_USER, 400, sending(resellerId="1")),
    Listed("console-import-checked", "/console/imports/{checked}", RESELLER_USER),
    Listed("console-import-running", "/console/imports/{running}", RESELLER_USER),
    Listed("console-import-done", "/console/imports/{done}", RESELLER_USER),
    Listed("console-import-rejected", "/console/imports/{rejected}", RESELLER_USER),
    Listed("console-import-refused", "/console/imports/{bad}", RESELLER_USER),
    Listed("console-reports", "/console/reports", RESELLER_USER),
    Listed("console-reports-found", "/console/reports?name=cust&status=completed&format=csv", RESELLER_USER),
    Listed("console-reports-older", "/console/reports?offset=25", RESELLER_USER),
    Listed("console-reports-none", "/console/reports?type=monthly", RESELLER_USER),
    Listed("console-reports-beyond", "/console/reports?offset=1000", RESELLER_USER),
    Listed("console-reports-faults", "/console/reports?from=x&status=gone", RESELLER_USER, status=400),
    Listed("console-reports-first", "/console/reports", NEWCOMER),
    Listed("console-reports-reader", "/console/reports", LENA),
    Listed("console-report-new", "/console/reports/new", RESELLER_USER),
    Listed("console-report-new-faults", "/console/reports/new", RESELLER_USER, 400, sending(endDate="30.9.2026")),
    Listed("console-report", "/console/reports/{made}", RESELLER_USER),
    Listed("console-report-reader", "/console/reports/{made}", LENA),
    Listed("console-report-waiting", "/console/reports/{waiting}", RESELLER_USER),
    Listed("console-report-making", "/console/reports/{making}", RESELLER_USER),
    Listed("console-report-failed", "/console/reports/{failed}", RESELLER_USER),
    Listed("console-orders", "/console/orders", RESELLER_USER),
    Listed("console-orders-found", "/console/orders?status=completed&creationTimeFrom=2026-01-01", RESELLER_USER),
    Listed("console-orders-none", "/console/orders?orderNumber=SO999999", RESELLER_USER),
    Listed("console-orders-faults", "/console/orders?customerId=1", RESELLER_USER, status=400),
    Listed("console-orders-first", "/console/orders", NEWCOMER),
    Listed("console-orders-operator", "/console/orders", OPERATOR),
    Listed("console-order", "/console/orders/{sold}", RESELLER_USER),
    Listed("console-order-change", "/console/orders/{changed}", LENA),
    Listed("console-order-operator", "/console/orders/{by_hand}", OPERATOR),
    Listed("console-order-waiting", "/console/orders/{unverified}", RESELLER_USER),
    Listed("console-order-failed", "/console/orders/{order_failed}", RESELLER_USER),
    Listed("console-order-cancelled", "/console/orders/{order_cancelled}", RESELLER_USER),
    Listed("console-order-cancel", "/console/orders/{by_hand}/cancel", RESELLER_USER),
    Listed("console-order-queue", "/console/orders/by-hand", OPERATOR),
    Listed("console-order-decide", "/console/orders/{by_hand}/decide", OPERATOR),
    Listed(
        "console-order-decide-faults", "/console/orders/{by_hand}/decide", OPERATOR, 400,
        sending("button.bad", reason=""),
    ),
    Listed("console-order-new", "/console/customers/{anna}/order", RESELLER_USER),
    Listed("console-order-new-lines", "/console/customers/{anna}/order?find=talk", RESELLER_USER, act=add_product),
    Listed("console-order-new-faults", "/console/customers/{anna}/order?find=talk", RESELLER_USER, 400, add_and_order),
    Listed("console-subscriptions", "/console/subscriptions", RESELLER_USER),
    Listed("console-subscriptions-found", "/console/subscriptions?status=active&mpn=ACME-MAIL-BASIC", RESELLER_USER),
    Listed("console-subscriptions-first", "/console/subscriptions", NEWCOMER),
    Listed("console-subscription", "/console/subscriptions/{subscription}", RESELLER_USER),
    Listed("console-subscription-reader", "/console/subscriptions/{subscription}", LENA),
    Listed("console-subscription-operator", "/console/subscriptions/{subscription}", OPERATOR),
    Listed("console-subscription-change", "/console/subscriptions/{subscription}/change", RESELLER_USER),
    Listed("console-subscription-switch", "/console/subscriptions/{mail}/switch", RESELLER_USER, act=choose_switch),
    Listed("console-subscription-renew", "/console/subscriptions/{subscription}/renew", RESELLER_USER),
    Listed("console-subscription-cancel", "/console/subscriptions/{subscription}/cancel", RESELLER_USER),
    Listed("console-subscription-renewal", "/console/subscriptions/{subscription}/renewal", RESELLER_USER),
    Listed("console-plans", "/console/plans", RESELLER_USER),
    Listed("console-plans-first", "/console/plans", OPERATOR),
    Listed("console-catalogue", "/console/catalogue", OPERATOR),
    Listed("console-catalogue-file-faults", "/console/catalogue", OPERATOR, 400, sending()),
    Listed("console-catalogue-check", "/console/catalogue", OPERATOR, act=send_catalogue),
    Listed("console-catalogue-check-faults", "/console/catalogue", OPERATOR, 400, send_faulty_catalogue),
    Listed("console-plan", "/console/plans/{plan}", RESELLER_USER),
    Listed("console-products", "/console/products", RESELLER_USER),
    Listed("console-product", "/console/products/{product}", RESELLER_USER),
    Listed("console-prices", "/console/prices", RESELLER_USER),
    Listed("console-prices-reader", "/console/prices?name=seat", LENA),
    Listed("console-prices-none", "/console/prices?name=unknown", RESELLER_USER),
    Listed("console-prices-many", "/console/prices/many", RESELLER_USER),
    Listed(
        "console-prices-many-shown", "/console/prices/many?name=acme&by=cost&percent=33&rounding=0.05", RESELLER_USER
    ),
    Listed("console-prices-many-faults", "/console/prices/many?by=margin&rounding=1", RESELLER_USER, 400),
    Listed("console-prices-file", "/console/prices/file", RESELLER_USER),
    Listed("console-prices-file-shown", "/console/prices/file", RESELLER_USER, act=send_prices),
    Listed("console-prices-file-faults", "/console/prices/file", RESELLER_USER, 400, send_faulty_prices),
    Listed("console-price", "/console/prices/set?productId={product}", RESELLER_USER),
    Listed(
        "console-price-faults", "/console/prices/set?productId={product}", RESELLER_USER, 400,
        sending("button.main", amount="", margin="many"),
    ),
    Listed("console-resellers", "/console/resellers", RESELLER_USER),
    Listed("console-resellers-operator", "/console/resellers", OPERATOR),
    Listed("console-resellers-under", "/console/resellers?under={alpine}", OPERATOR),
    Listed("console-resellers-found", "/console/resellers?name=al", OPERATOR),
    Listed("console-resellers-none", "/console/resellers?name=unknown", RESELLER_USER),
    Listed("console-resellers-first", "/console/resellers", NEWCOMER),
    Listed("console-reseller", "/console/resellers/1000000", RESELLER_USER),
    Listed("console-reseller-hold", "/console/resellers/{north}", OPERATOR),
    Listed("console-reseller-held", "/console/resellers/{held}", OPERATOR),
    Listed(
        "console-reseller-unsure", "/console/resellers/{north}", OPERATOR, 400,
        sending("form:has([name=sure]) button", status="cancelled"),
    ),
    Listed("console-reseller-new", "/console/resellers/new", RESELLER_USER),
    Listed("console-reseller-new-faults", "/console/resellers/new", RESELLER_USER, 400, sending(**MISTAKES)),
    Listed("console-keys", "/console/keys", RESELLER_USER),
    Listed("console-keys-first", "/console/keys", NEWCOMER),
    Listed("console-key", "/console/keys/{erp}", RESELLER_USER),
    Listed("console-key-moved", "/console/keys/{erp}", RESELLER_USER, 409, sending(version="0")),
    Listed("console-key-revoked", "/console/keys/{old}", RESELLER_USER),
    Listed("console-key-reader", "/console/keys/{erp}", LENA),
    Listed("console-key-new", "/console/keys/new", RESELLER_USER),
    Listed("console-key-new-faults", "/console/keys/new", RESELLER_USER, 400, sending(burst="5", perDay="many")),
    Listed("console-key-made", "/console/keys/new?resellerId={alpine}", OPERATOR, act=sending(name="Billing")),
    Listed("console-users", "/console/users", RESELLER_USER),
    Listed("console-user", "/console/users/lena.reader", RESELLER_USER),
    Listed(
        "console-user-moved", "/console/users/lena.reader", RESELLER_USER, 409,
        sending("form:has([name=version]) button", version="0"),
    ),
    Listed("console-user-self", "/console/users/sandbox", RESELLER_USER),
    Listed("console-user-disabled", "/console/users/olga.was.here", RESELLER_USER),
    Listed("console-user-reader", "/console/users/sandbox", LENA),
    Listed("console-user-new", "/console/new-user", RESELLER_USER),
    Listed("console-user-new-faults", "/console/new-user", RESELLER_USER, 400, sending(login="no spaces")),
    Listed("console-users-none", "/console/users?resellerId={alpine}", OPERATOR),
    Listed("console-user-made", "/console/new-user?resellerId={coast}", OPERATOR, act=sending(login="kim.berger")),
)  # fmt: skip

PANEL = (
    Listed("panel-sign-in", "/panel/sign-in"),
    Listed("panel-sign-in-wrong", "/panel/sign-in", status=401, act=entering("stranger", "not-the-one")),
    Listed("panel-closed", "/panel/sign-in", status=403, act=entering(GONE.login, GONE.password)),
    Listed("panel-nowhere", "/panel/nowhere", status=404),
    Listed("panel-link", "/panel/link?code={good}"),
    Listed("panel-link-faults", "/panel/link?code={good}", status=400, act=sending(new="short", again="short")),
    Listed("panel-link-used", "/panel/link?code={used}", status=404),
    Listed("panel", "/panel", EMMA),
    Listed("panel-changed", "/panel?said=changed", EMMA),
    Listed("panel-address", "/panel/address", EMMA),
    Listed("panel-contacts", "/panel/contacts", EMMA),
    Listed("panel-password", "/panel/password", EMMA),
    Listed("panel-sign-ins", "/panel/sign-ins", EMMA),
    Listed("panel-de-sign-in", "/panel/sign-in", locale="de-DE"),
    Listed("panel-de-closed", "/panel/sign-in", None, 403, entering(GONE.login, GONE.password), "de-DE"),
    Listed("panel-de-nowhere", "/panel/nowhere", status=404, locale="de-DE"),
    Listed("panel-de-link", "/panel/link?code={good}", locale="de-DE"),
    Listed("panel-de-link-used", "/panel/link?code={used}", status=404, locale="de-DE"),
    Listed("panel-de", "/panel", ANNA),
    Listed("panel-de-address", "/panel/address", ANNA),
    Listed(
        "panel-de-address-faults", "/panel/address", ANNA, 400,
        sending(**{"address.city": "", "address.countryCode": "US"}),
    ),
    Listed("panel-de-address-moved", "/panel/address", ANNA, 412, sending(version="1")),
    Listed("panel-de-contacts", "/panel/contacts", ANNA),
    Listed("panel-de-contacts-faults", "/panel/contacts", ANNA, 400, sending(**PERSONS)),
    Listed("panel-de-password", "/panel/password", ANNA),
    Listed("panel-de-password-faults", "/panel/password", ANNA, 400, sending(**PASSWORDS)),
    Listed("panel-de-sign-ins", "/panel/sign-ins", ANNA),
    Listed("panel-subscriptions-first", "/panel/subscriptions", EMMA),
    Listed("panel-orders-first", "/panel/orders", EMMA),
    Listed("panel-missing", "/panel/orders/1", EMMA, status=404),
    Listed("panel-de-subscriptions", "/panel/subscriptions", ANNA),
    Listed("panel-de-subscription", "/panel/subscriptions/{subscription}", ANNA),
    Listed("panel-de-orders", "/panel/orders", ANNA),
    Listed("panel-de-orders-end", "/panel/orders?offset=1000", ANNA),
    Listed("panel-de-order", "/panel/orders/{sold}", ANNA),
    Listed("panel-de-order-change", "/panel/orders/{changed}", ANNA),
    Listed("panel-de-order-waiting", "/panel/orders/{by_hand}", ANNA),
)  # fmt: skip

PAGES = (*CONSOLE, *PANEL)
