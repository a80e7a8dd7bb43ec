"""The catalogue as a file in the console: checked, compared, applied by the operator, and taken away."""

from __future__ import annotations

import asyncio
import re

import httpx2 as httpx
import pytest

from emporion.web.console import catalogue
from emporion.web.console.packed import pack, unpack
from tests.web.conftest import Console, OpenConsole, Shown

pytestmark = pytest.mark.stocked
PATH = "/console/catalogue"


@pytest.fixture
def operator(console: OpenConsole) -> Console:
    return console("provider")


def the_file(browser: Console) -> str:
    answer = browser.send("GET", browser.get(PATH).links["Download the file"])
    assert answer.headers["content-disposition"] == 'attachment; filename="catalogue.yaml"'
    return answer.text


def sent(browser: Console, content: str | bytes, name: str = "mine.yaml") -> Shown:
    """The page that answers a file."""
    token = browser.get("/console").form({"token": ""}, "/sign-out").fields["token"]
    answer: httpx.Response = browser.send(
        "POST", PATH, data={"token": token}, files={"file": (name, content, "application/yaml")}
    )
    page = Shown(answer, PATH)
    page.check()
    return page


def renamed(text: str, name: str) -> str:
    """The catalogue with another name for a product."""
    assert "name: Acme Workspace Seat" in text
    return text.replace("name: Acme Workspace Seat", f"name: {name}")


def test_what_a_file_changes_is_told_in_words_and_applied(operator: Console, console: OpenConsole) -> None:
    text = the_file(operator)
    assert "Nothing changes" in sent(operator, text).text
    page = sent(operator, renamed(text, "Acme Chair"))
    assert page.status == 200
    assert "1 item changed Nothing is written yet." in page.text
    assert [row[1:] for row in page.rows] == [["name", "Acme Workspace Seat", "Acme Chair"]]
    reseller = console()
    assert "Acme Chair" not in reseller.get("/console/products").text
    page = operator.press(page, {}, "/apply")
    assert (page.path, page.status) == (f"{PATH}?said=applied", 200)
    assert "Acme Chair" in reseller.get("/console/products").text
    assert renamed(text, "Acme Chair") == the_file(operator)


def test_every_fault_is_told_with_its_line_and_path(operator: Console) -> None:
    text = re.sub("state: published", "state: sold", the_file(operator), count=2)
    page = sent(operator, text)
    lines = [str(number) for number, line in enumerate(text.splitlines(), 1) if "state: sold" in line]
    assert page.status == 400
    assert [row[0] for row in page.rows] == lines
    assert all(re.match(r"plans\.\S+\.state must be", row[1]) for row in page.rows)
    assert "The file has 2 faults, so nothing was written" in page.text
    assert "Apply it" not in page.text


def test_a_reseller_that_there_is_not_is_a_fault(operator: Console) -> None:
    text = the_file(operator).replace("    state: published\n", "    state: published\n    except: 900999\n", 1)
    assert "names the reseller 900999, and there is no such one" in sent(operator, text).text


def test_of_two_operators_the_later_is_told_and_sees_what_differs_now(operator: Console) -> None:
    text = the_file(operator)
    late = sent(operator, renamed(text, "Late"))
    operator.press(sent(operator, renamed(text, "Early")), {}, "/apply")
    page = operator.press(late, {}, "/apply")
    assert page.status == 409
    assert "Another operator has applied a catalogue meanwhile, so nothing was written." in page.text
    assert [row[1:] for row in page.rows] == [["name", "Early", "Late"]]
    assert operator.press(page, {}, "/apply").path == f"{PATH}?said=applied"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("", b"", "Must be chosen first."),
        ("x.yaml", b"PK\x03\x04\x14\x00", "Is "),
        ("x.yaml", b"#" * 2001, "Is larger than"),
        ("x.yaml", b"#" * (2 << 20), "Is larger than"),
    ],
)
def test_what_is_no_catalogue_is_told_at_the_field(
    operator: Console, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, fault: str
) -> None:
    monkeypatch.setattr(catalogue, "LARGEST", 2000)
    page = sent(operator, content, name)
    assert page.status == 400
    assert page.faults["file"].startswith(fault)


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"plans: [", b"a: &b 1"])
def test_what_is_no_yaml_has_faults(operator: Console, content: bytes) -> None:
    page = sent(operator, content)
    assert page.status == 400
    assert "nothing was written" in page.text


def test_a_form_that_was_tampered_with_is_refused_and_small_however_much_it_holds(operator: Console) -> None:
    page = sent(operator, renamed(the_file(operator), "x"))
    bomb = pack(b"#" * (catalogue.LARGEST + 1))
    cut = pack(b"vendors: {}")[:8]
    for packed, status in (("%%", 400), ("ä", 400), (cut, 400), (bomb, 413)):
        assert operator.press(page, {"packed": packed}, "/apply").status == status
    assert operator.press(page, {"version": "x"}, "/apply").status == 400


def test_only_owners_of_the_provider_see_and_apply_it(operator: Console, console: OpenConsole) -> None:
    packed = pack(the_file(operator).encode())
    reseller, editor = console(), console("provider", role="editor")
    for path in (PATH, f"{PATH}/catalogue.yaml"):
        assert reseller.get(path).status == 403
    assert "Catalogue as a file" not in reseller.get("/console/plans").text
    assert sent(reseller, "plans: {}").status == 403
    assert reseller.post(f"{PATH}/apply", {"packed": packed, "version": "1"}).status == 403
    assert "It takes the role owner" in editor.get(PATH).text
    assert sent(editor, "plans: {}").status == 403
    assert editor.post(f"{PATH}/apply", {"packed": packed, "version": "1"}).status == 403


async def test_a_file_is_read_beside_the_event_loop() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    plan = "  p{}: {{service: s, name: n, periods: 1 month, items: {{a: {{name: a, prices: {{EUR: 1}}}}}}}}\n"
    text = "vendors: {v: V}\nservices: {s: {vendor: v, fulfillment: manual}}\nplans:\n"
    content = await catalogue._read((text + "".join(plan.format(number) for number in range(100))).encode())
    task.cancel()
    with content:
        assert (len(content), content.faults.count) == (100, 0)
    assert turns > 1


def test_a_packed_file_is_unpacked_as_it_was() -> None:
    for text in (b"name: \xc3\xa4\r\n\n", b"", bytes(range(256))):
        assert unpack(pack(text), 256) == text
