"""Many own prices at once in the console: by a percentage or a file, shown first and then set all together."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from emporion.web.console import prices_many
from tests.web.conftest import Console, OpenConsole, Shown
from tests.web.selling import ARCHIVE, SEAT, product_ids

pytestmark = pytest.mark.stocked
MANY, FILE = "/console/prices/many", "/console/prices/file"


@pytest.fixture
def browser(console: OpenConsole) -> Console:
    return console()


def asked(**fields: str) -> str:
    return f"{MANY}?{urlencode({'mpn': '', **fields})}"


def sent(browser: Console, content: str | bytes, path: str = FILE) -> Shown:
    """The page that answers a file."""
    token = browser.get("/console").form({"token": ""}, "/sign-out").fields["token"]
    files = {"file": ("mine.csv", content, "text/csv")}
    answer: httpx.Response = browser.send("POST", path, data={"token": token}, files=files)
    page = Shown(answer, path)
    page.check()
    return page


def row(browser: Console, name: str = SEAT) -> list[str]:
    """Cost, price, margin and own price of a product."""
    page = browser.get(f"/console/prices?{urlencode({'name': name})}")
    return next(cells[2:] for cells in page.rows if cells[0].startswith(name))


def history(browser: Console, name: str = SEAT) -> str:
    return browser.get(f"/console/prices/set?productId={product_ids(browser)[name]}").text


@pytest.mark.parametrize(
    ("fields", "after", "price"),
    [
        ({"by": "margin", "percent": "50"}, "50 % on the cost", "7.20 USD"),
        ({"by": "cost", "percent": "33"}, "6.384 USD", "6.384 USD"),
        ({"by": "cost", "percent": "33", "rounding": "0.05"}, "6.40 USD", "6.40 USD"),
        ({"by": "price", "percent": "10", "rounding": "0.99"}, "6.99 USD", "6.99 USD"),
        ({"by": "price", "percent": "-10", "rounding": "1"}, "5.00 USD", "5.00 USD"),
    ],
)
def test_a_percentage_is_shown_and_then_set(browser: Console, fields: dict[str, str], after: str, price: str) -> None:
    page = browser.get(asked(name=SEAT, **fields))
    assert [cells[1:] for cells in page.rows] == [["none", after]]
    assert row(browser)[3].startswith("none")
    done = browser.press(page, {}, "/many")
    assert "The prices are set." in done.text
    assert row(browser)[1] == price
    assert "Price set by sandbox, console" in history(browser)


def test_all_products_are_priced_at_once_and_again_nothing_changes(browser: Console) -> None:
    path = asked(by="margin", percent="12.5")
    page = browser.get(path)
    count = len(page.rows)
    assert count > 5
    browser.press(page, {}, "/many")
    assert row(browser)[2] == row(browser, ARCHIVE)[2] == "12.5 %"
    page = browser.get(path)
    assert "Nothing changes All prices are so already." in page.text
    assert page.rows == []


def test_a_setup_price_of_the_own_stays(browser: Console) -> None:
    browser.submit(
        f"/console/prices/set?productId={product_ids(browser)[SEAT]}", {"amount": "7", "setup": "3", "do": "set"}
    )
    page = browser.get(asked(name=SEAT, by="price", percent="100"))
    assert page.rows[0][1:] == ["7.00 USD, setup 3.00 USD", "14.00 USD, setup 3.00 USD"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"by": "margin"}, "percent"),
        ({"by": "margin", "percent": "many"}, "percent"),
        ({"by": "cost", "percent": "-100"}, "percent"),
        ({"by": "margin", "percent": "5", "rounding": "1"}, "rounding"),
        ({"by": "x", "percent": "5"}, "by"),
        ({"by": "price", "percent": "5", "rounding": "3"}, "rounding"),
        ({"by": "price", "percent": "5", "vendor": "v" * 300}, "vendor"),
    ],
)
def test_faults_of_a_percentage_stand_at_their_fields(browser: Console, fields: dict[str, str], field: str) -> None:
    page = browser.get(asked(**fields))
    assert (page.status, list(page.faults)) == (400, [field])


def test_more_than_can_be_set_at_once_is_told(browser: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices_many, "MOST", 2)
    assert "2 can be priced at once" in browser.get(asked(by="margin", percent="5")).faults["name"]
    assert "2 can be set at once" in sent(browser, "mpn,amount\nA,1\nB,1\nC,1\n").faults["file"]


def test_what_has_changed_since_it_was_shown_is_not_set(browser: Console, console: OpenConsole) -> None:
    seat = product_ids(browser)[SEAT]
    by_percent = browser.get(asked(name=SEAT, by="price", percent="10"))
    by_file = sent(browser, f"productId,amount\n{seat},9\n")
    console().submit(f"/console/prices/set?productId={seat}", {"amount": "7", "do": "set"})
    for page, action in ((by_percent, "/many"), (by_file, "/set")):
        late = browser.press(page, {}, action)
        assert late.status == 409
        assert "nothing was set" in late.text
        assert late.rows[0][1] == "7.00 USD"
        assert row(browser)[1] == "7.00 USD"
    assert "The prices are set." in browser.press(late, {}, "/set").text
    assert row(browser)[1] == "9.00 USD"


def test_a_file_is_checked_shown_and_then_set(browser: Console) -> None:
    ids = product_ids(browser)
    browser.submit(f"/console/prices/set?productId={ids[ARCHIVE]}", {"amount": "7", "do": "set"})
    page = sent(browser, f"productId,amount,margin,remove\n{ids[SEAT]},7.50,,\n{ids[ARCHIVE]},,,yes\n")
    assert [cells[1:] for cells in page.rows] == [["none", "7.50 USD"], ["7.00 USD", "none"]]
    assert row(browser)[3].startswith("none")
    assert "The prices are set." in browser.press(page, {}, "/set").text
    assert row(browser)[1] == "7.50 USD"
    assert row(browser, ARCHIVE)[3].startswith("none")


def test_every_faulty_row_is_told_and_none_is_set(browser: Console) -> None:
    seat = product_ids(browser)[SEAT]
    page = sent(browser, f"productId,amount,margin\n{seat},9,\n{seat},x,\n999,1,\n{seat},1,1\n")
    assert page.status == 400
    assert [cells[:2] for cells in page.rows] == [["3", "amount"], ["4", "productId"], ["5", "margin"]]
    assert row(browser)[3].startswith("none")


def test_a_price_for_all_terms_has_its_history_on_the_page_of_each(browser: Console) -> None:
    page = sent(browser, "mpn,amount\nACME-ARCHIVE,8\n")
    assert page.rows[0] == ["All terms of ACME-ARCHIVE plan " + page.rows[0][0].rpartition(" ")[2], "none", "8.00 USD"]
    browser.press(page, {}, "/set")
    text = history(browser, ARCHIVE)
    assert "History of the own price for all terms Price set by sandbox, console" in text
    assert "for all terms" not in history(browser)


@pytest.mark.parametrize("content", ["", "no,such\n1,2\n", "productId,amount\n", b"PK\x03\x04\x14\x00"])
def test_what_is_no_file_of_prices_is_told_at_its_field(browser: Console, content: str | bytes) -> None:
    page = sent(browser, content)
    assert (page.status, list(page.faults)) == (400, ["file"])


def test_prices_of_another_are_not_reached_and_editors_set_none(console: OpenConsole, browser: Console) -> None:
    other, editor = console("other"), console(role="editor")
    query = asked(by="margin", percent="5")
    for path in (f"{query}&resellerId=1000000", f"{FILE}?resellerId=1000000"):
        assert other.get(path).status == 404
        assert other.post(path, {}).status in (404, 415)
    assert other.post(f"{FILE}/set?resellerId=1000000", {}).status == 404
    for path in (query, MANY, FILE):
        assert editor.get(path).status == 403
    assert editor.post(query, {}).status == 403
    assert sent(editor, "mpn,amount\nA,1\n").status == 403
    assert "Many at once" not in editor.get("/console/prices").text


def test_the_account_above_sets_those_of_a_reseller(console: OpenConsole, browser: Console) -> None:
    operator = console("provider")
    page = operator.get(f"{asked(name=SEAT, by='margin', percent='30')}&resellerId=1000000")
    assert "The prices are set." in operator.press(page, {}, "/many").text
    assert row(browser)[2] == "30 %"
