"""What is wrong with a page for those who read it: with a screen reader, on a telephone, at night."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.server import PATIENCE

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
# WCAG 2.2 AA, and what axe-core's authors advise beyond.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Those that may end in another way by night than by day.
COLOURS = ["color-contrast", "link-in-text-block"]
# Places that are told of one fault.
MOST = 8

RUN = """async ([type, values]) => {
  const found = await axe.run(document, {runOnly: {type, values}, resultTypes: ["violations"]});
  return found.violations;
}"""

# Colours that are still changing would be taken for those that they change from. The promise `finished` is not kept by
# what is folded away, such as the menu on a telephone.
RESTED = """async () => {
  while (document.getAnimations().some(animation => animation.playState === "running"))
    await new Promise(requestAnimationFrame);
}"""

POLL_SECONDS = """() => ({
  headings: document.querySelectorAll("h1").length,
  mains: document.querySelectorAll("main").length,
  title: document.title.trim(),
  language: document.documentElement.lang,
  viewport: document.querySelector("meta[name=viewport]")?.content ?? "",
  excess: document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth,
  wide: [...document.querySelectorAll("body *")]
    .filter(element => element.getBoundingClientRect().right > document.scrollingElement.clientWidth)
    .map(element => element.outerHTML.slice(0, element.outerHTML.indexOf(">") + 1)),
})"""


async def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Each rule of axe-core that the page breaks, in a line: its id, what it asks for, and where.

    rules: their ids, if not all of `TAGS`.

    The page's Content-Security-Policy stays as it is: what the debugger evaluates is not subject to it. TimeoutError
    where JavaScript is off, since no promise ends there.
    """
    async with asyncio.timeout(PATIENCE):
        await page.evaluate(RESTED)
        if await page.evaluate("typeof axe == 'undefined'"):
            await page.evaluate(AXE)
        return [
            _line(violation)
            for violation in await page.evaluate(RUN, ["rule", list(rules)] if rules else ["tag", TAGS])
        ]


def _line(violation: dict[str, Any]) -> str:
    places = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
    return f"{violation['id']}: {violation['help']}: {_some(places)}"


def _some(places: list[str]) -> str:
    more = [f"and {len(places) - MOST} more"] if len(places) > MOST else []
    return " · ".join(places[:MOST] + more)


async def looks(page: Page) -> list[str]:
    """What `LOOK` finds that no page of ours may have, each in a line."""
    seen = await page.evaluate(POLL_SECONDS)
    found = {
        f"{seen['headings']} h1 where there must be one": seen["headings"] != 1,
        f"{seen['mains']} main where there must be one": seen["mains"] != 1,
        "no title": not seen["title"],
        "no lang on html": not seen["language"],
        "no viewport of the device's width": "width=device-width" not in seen["viewport"],
        f"scrolls sideways by {seen['excess']} pixels: {_some(seen['wide'])}": seen["excess"] > 0,
    }
    return [fault for fault, there in found.items() if there]


async def faults(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """All that no page of ours may have, each in a line. rules: as for `violations`."""
    return await looks(page) + await violations(page, rules)
