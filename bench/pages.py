"""How long it takes until a page is painted, with few customers and with many: `make bench-pages`."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from bench import Failed, bulk_sqlite, on_sqlite
from bench.server import emporion
from bench.table import facts
from emporion.marketplace.platforms import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Page

BUILD = Path(__file__).parents[1] / "build" / "bench"
FEW, MANY = 1_000, 1_000_000
# How often the time with few may be that with many.
BAR = 2.0
# Milliseconds.
PATIENCE = 60_000

CUSTOMER = "/console/customers/1000500"
# A customer in the middle of both, and words that many and few of them have.
PAGES = (
    "/console",
    "/console/customers",
    "/console/customers?offset=500",
    "/console/customers?status=active",
    "/console/customers?status=pending",
    "/console/customers?name=software",
    "/console/customers?name=zzz",
    "/console/customers/new",
    CUSTOMER,
    f"{CUSTOMER}/edit",
    "/console/keys",
    "/console/users",
    "/console/resellers",
    "/console/resellers/1000000",
    "/console/imports",
    "/panel",
    "/panel/address",
    "/panel/contacts",
    "/panel/password",
    "/panel/sign-ins",
)
PASSWORD = "Of-the-bench-1"

PAINTED = """() => new Promise((found) => {
    const name = "first-contentful-paint";
    const look = () => {
        const [entry] = performance.getEntriesByName(name);
        if (entry) found(entry.startTime); else requestAnimationFrame(look);
    };
    look();
})"""


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="How often each page is opened with each number.")] = 15,
    few: Annotated[int, typer.Option(min=1_000)] = FEW,
    many: Annotated[int, typer.Option(min=1_000)] = MANY,
) -> None:
    """Open each page with few customers and with many, in turns; the medians are written to build/bench/pages.txt."""
    chromium = shutil.which("chromium")
    if not chromium:
        raise Failed("Chromium is needed: apt install chromium")
    BUILD.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
        ports = [stack.enter_context(_serving(folder / f"{size}.db", size)) for size in (few, many)]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        stack.callback(browser.close)
        tabs = [_signed_in(browser, port) for port in ports]
        times: dict[str, list[list[float]]] = {path: [[], []] for path in PAGES}
        for number in range(rounds + 1):
            for path in PAGES:
                for at, (tab, port) in enumerate(zip(tabs, ports, strict=True)):
                    milliseconds = _painted(tab, f"http://127.0.0.1:{port}{path}")
                    if number:  # the first round warms up
                        times[path][at].append(milliseconds)
            print(f"round {number} of {rounds}", flush=True)
    _show(times, few, many, rounds)


@contextmanager
def _serving(database: Path, size: int) -> Iterator[int]:
    asyncio.run(bulk_sqlite.make(database))
    bulk_sqlite.fill(database, size, lambda what: print(f"{size:,}: {what}", flush=True))
    with emporion(f"sqlite:///{database}", database.with_suffix(".log"), 1, "--verification", "manual") as port:
        yield port


def _signed_in(browser: Browser, port: int) -> Page:
    """A tab of a browser of its own: cookies know no ports."""
    tab = browser.new_context().new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(f"http://127.0.0.1:{port}/console/sign-in")
    tab.fill("#login", SANDBOX.user)
    tab.fill("#password", SANDBOX.password)
    tab.press("#password", "Enter")
    tab.wait_for_url("**/console")
    _enter_panel(tab, port)
    return tab


def _enter_panel(tab: Page, port: int) -> None:
    """Sign in as a customer's administrator, too, by a one-time link."""
    tab.goto(f"http://127.0.0.1:{port}{CUSTOMER}")
    tab.click("form[action$='/link'] button")
    tab.goto(tab.input_value("#link"))
    tab.fill("#new", PASSWORD)
    tab.fill("#again", PASSWORD)
    tab.press("#again", "Enter")
    tab.wait_for_url("**/panel?**")


def _painted(tab: Page, url: str) -> float:
    """Milliseconds from asking for a page to its first contentful paint."""
    answer = tab.goto(url)
    if not answer or not answer.ok:
        raise Failed(f"{url} was answered {answer.status if answer else 'not at all'}")
    return float(tab.evaluate(PAINTED))


def _show(times: dict[str, list[list[float]]], few: int, many: int, rounds: int) -> None:
    table = Table("page", caption=f"first contentful paint in milliseconds, median of {rounds}, in turns")
    for column in (f"{few:,} customers", f"{many:,} customers", "ratio", "bar"):
        table.add_column(column, justify="right")
    table.add_column("reached")
    for path, (with_few, with_many) in times.items():
        table.add_row(path, *_row(with_few, with_many))
    console = Console(record=True, width=120, highlight=False)
    for part in ("", facts(on_sqlite.fact()), table):
        console.print(part)
    (BUILD / "pages.txt").write_text(console.export_text().lstrip(), encoding="utf-8")


def _row(with_few: Sequence[float], with_many: Sequence[float]) -> tuple[str, ...]:
    ratio = median(with_many) / median(with_few)
    reached = "yes" if ratio <= BAR else "no"
    return f"{median(with_few):.0f}", f"{median(with_many):.0f}", f"{ratio:.2f}", f"{BAR:.2f}", reached


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(bench)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
