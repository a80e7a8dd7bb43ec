"""What is wrong with a page is found, also where its policy allows no script but its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser import screenshots
from tests.browser.inspection import faults, violations
from tests.browser.screenshots import screenshot
from tests.browser.site import site
from tests.browser.visit import NARROW, visit

HEAD = """<title>Good</title><link rel="stylesheet" href="/good.css">
<meta name="viewport" content="width=device-width, initial-scale=1">"""
BODY = "<main><h1>Good</h1><p>Fine</main>"
STYLE = """:root { color-scheme: light dark } .faint { color: #bbb; background: #fff }
.wide { width: 500px } .small { display: inline-block; width: 10px; height: 10px; overflow: hidden }
@media (prefers-color-scheme: dark) { .night { color: #333 } }
@media (prefers-color-scheme: dark) { body { background: #222 } .slow { color: #fff; transition: color 1s } }"""


def document(body: str = BODY, head: str = HEAD, language: str = ' lang="en"') -> str:
    return f"<!doctype html><html{language}><head>{head}</head><body>{body}</body></html>"


async def found(browser: Browser, page: str, width: int = NARROW, dark: bool = False) -> list[str]:
    """The faults of a page."""
    async with (
        site({"/": page, "/good.css": STYLE}) as there,
        visit(browser, there.url, width=width, scheme="dark" if dark else "light") as visited,
    ):
        await visited.goto("/")
        return await faults(visited)


async def test_a_good_page_has_no_faults(browser: Browser) -> None:
    assert await found(browser, document()) == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (document(BODY + "<h1>Another</h1>"), "2 h1 where there must be one"),
        (document("<main><h2>Good</h2></main>"), "0 h1 where there must be one"),
        (document("<div><h1>Good</h1></div>"), "0 main where there must be one"),
        (document(head=HEAD.replace("Good", "")), "no title"),
        (document(language=""), "no lang on html"),
        (document(head=HEAD.replace("width=device-width, ", "")), "no viewport of the device's width"),
        (document(BODY.replace("<p>", "<p class=wide>")), 'scrolls sideways by 118 pixels: <p class="wide">'),
        (document(BODY.replace("Fine", "<img src=/>")), "image-alt: Images must have alternative text: img"),
        (document(BODY.replace("<p>", "<p class=faint>")), "color-contrast: "),
        (document(BODY.replace("Fine", "<input name=a>")), "label: "),
        (document(BODY + "<p>outside"), "region: "),
        (
            document(BODY.replace("Fine", "<button class=small>a</button><button class=small>b</button>")),
            "target-size: ",
        ),
    ],
    ids=lambda value: value if len(value) < 50 else "",
)
async def test_a_fault_is_found(browser: Browser, page: str, fault: str) -> None:
    assert any(line.startswith(fault) for line in await found(browser, page)), await found(browser, page)


async def test_a_page_that_scrolls_sideways_on_a_telephone_does_not_at_a_desk(browser: Browser) -> None:
    page = document(BODY.replace("<p>", "<p class=wide>"))
    assert await found(browser, page, width=1440) == []


async def test_what_cannot_be_read_in_the_dark_only_is_found_in_the_dark(browser: Browser) -> None:
    page = document(BODY.replace("<p>", "<p class=night>"))
    assert await found(browser, page) == []
    (fault,) = await found(browser, page, dark=True)
    assert fault.startswith("color-contrast: ")
    assert fault.endswith(": p")


async def test_colours_are_looked_at_when_they_change_no_more(browser: Browser) -> None:
    page = document(BODY.replace("<p>", "<p class=slow>"))
    async with site({"/": page, "/good.css": STYLE}) as there, visit(browser, there.url) as visited:
        await visited.goto("/")
        await visited.emulate_media(color_scheme="dark")
        assert await violations(visited) == []


@pytest.mark.parametrize(("width", "dark", "name"), [(390, False, "good-390.png"), (1440, True, "good-1440-dark.png")])
async def test_a_screenshot_is_named_by_its_width_and_shows_the_whole_page(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, dark: bool, name: str
) -> None:
    monkeypatch.setattr(screenshots, "FOLDER", tmp_path)
    page = document(BODY + "<br>" * 200)
    async with (
        site({"/": page, "/good.css": STYLE}) as there,
        visit(browser, there.url, width=width, scheme="dark" if dark else "light") as visited,
    ):
        await visited.goto("/")
        path = await screenshot(visited, "good")
    assert path == tmp_path / name
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) == width
    assert int.from_bytes(picture[20:24]) > 3000
