"""How much of a page jumps while people look at it."""

from __future__ import annotations

from playwright.async_api import Page

# The most that readers do not mind, as browsers measure it: a fifth of what Web Vitals call good.
LEAST = 0.02

WATCH = """
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries()))
  .observe({type: "layout-shift", buffered: true});
"""

# The observer hears of a frame after it was drawn.
SUM = """() => new Promise(told => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => told(
  window.shifts.reduce((sum, shift) => sum + shift.value, 0)
)))))"""


async def watch(page: Page) -> None:
    """Measure from the next page on, those things too that move because of what was typed."""
    await page.add_init_script(WATCH)


async def movement(page: Page) -> float:
    """The sum of all layout shifts of the page until now."""
    return float(await page.evaluate(SUM))
