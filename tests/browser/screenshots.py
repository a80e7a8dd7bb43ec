"""Pictures of pages, for people to look at."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"


async def screenshot(page: Page, name: str) -> Path:
    """A picture of the whole page as it is: NAME-390.png, NAME-390-dark.png and so on in `build/screenshots/`."""
    assert page.viewport_size, "a page without a size"
    dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    path = FOLDER / f"{name}-{page.viewport_size['width']}{'-dark' if dark else ''}.png"
    await page.screenshot(path=path, full_page=True, animations="disabled")
    return path
