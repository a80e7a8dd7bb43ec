"""What is measured: reads and writes over 100,000 customers, each beside its ceiling, in turns."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console

from bench import Failed
from bench.bare import commits
from bench.client import ask, good, sign_in
from bench.drive import CONNECTIONS, Drive, Figures, check_wrk, run
from bench.load import CUSTOMERS, SEARCHED, load, wait_until_verified
from bench.raw import raw
from bench.server import emporion
from bench.table import Ceiling, facts, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BUILD = Path(__file__).parents[1] / "build" / "bench"
READ, WRITTEN = "read.db", "written.db"

BY_ID = "GET by id"
PAGE = "page of 10 at offset 0"
DEEP_PAGE = "page of 10 at offset 50,000"
SEARCH = "search by name, 10 of a few"
CREATE = "POST, durable"
RAW_BY_ID = "raw ASGI, bytes of GET by id"
RAW_PAGE = "raw ASGI, bytes of the page"
ONE_ROW = "bare sqlite3, commits of 1 row"
MANY_ROWS = f"bare sqlite3, commits of {CONNECTIONS} rows"

# As the table has them.
NAMES = (BY_ID, PAGE, DEEP_PAGE, SEARCH, CREATE, RAW_BY_ID, RAW_PAGE, ONE_ROW, MANY_ROWS)
CEILINGS = {
    BY_ID: Ceiling(RAW_BY_ID, 0.7),
    PAGE: Ceiling(RAW_PAGE, 0.5),
    DEEP_PAGE: Ceiling(PAGE, 1 / 1.2),
    CREATE: Ceiling(ONE_ROW, 0.7),
}
FIRST_PAGE = "/customers?limit=10"
LATER_PAGE = f"{FIRST_PAGE}&offset=50000"
FOUND_PAGE = f"{FIRST_PAGE}&name={quote(SEARCHED)}"


def bench(
    seconds: Annotated[int, typer.Option(min=1, help="For how long each figure is measured in each round.")] = 6,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds; the median of them counts.")] = 3,
) -> None:
    """Measure throughput beside its ceilings, and write the table to build/bench/last.txt as well."""
    check_wrk()
    BUILD.mkdir(parents=True, exist_ok=True)
    figures: dict[str, list[Figures]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
        ids = _load(folder)
        measures = _measures(stack, folder, ids, seconds)
        for number in range(1, rounds + 1):
            for name, measure in measures.items():
                figures[name].append(measure())
                print(f"round {number} of {rounds}: {name}: {figures[name][-1].per_second:,.0f}/s", flush=True)
    _show(figures, f"{CUSTOMERS:,} customers · {CONNECTIONS} connections · {rounds} × {seconds} s for each figure")


def _load(folder: Path) -> range:
    """Make the database to be read and the one to be written; the customers' ids."""
    began = time.monotonic()
    ids = load(folder / READ)
    print(f"loaded {CUSTOMERS:,} customers in {time.monotonic() - began:.1f} s", flush=True)
    shutil.copyfile(folder / READ, folder / WRITTEN)
    os.sync()  # later it would disturb the commits that are measured
    return ids


def _measures(stack: ExitStack, folder: Path, ids: range, seconds: int) -> dict[str, Callable[[], Figures]]:
    """Start the servers and give the measurements in order: each beside its ceiling, for the machine's speed drifts."""
    reading = stack.enter_context(emporion(folder / READ))
    writing = stack.enter_context(emporion(folder / WRITTEN))
    headers = sign_in(reading)
    customer = good(ask(reading, f"/customers/{ids[len(ids) // 2]}", headers))
    pages = [good(ask(reading, path, headers)) for path in (FIRST_PAGE, LATER_PAGE, FOUND_PAGE)]
    for page in pages:
        _check_full(page.body)
    raw_customer = stack.enter_context(raw(customer, folder / "customer", headers))
    raw_page = stack.enter_context(raw(pages[0], folder / "page", headers))
    by_id = Drive("/customers", "by_id.lua", (str(ids[0]), str(ids[-1])))

    def create() -> Figures:
        created = run(writing, Drive("/customers", "create.lua"), headers, seconds)
        wait_until_verified(folder / WRITTEN)
        return created

    return {
        RAW_BY_ID: lambda: run(raw_customer, by_id, headers, seconds),
        BY_ID: lambda: run(reading, by_id, headers, seconds),
        RAW_PAGE: lambda: run(raw_page, Drive(FIRST_PAGE), headers, seconds),
        PAGE: lambda: run(reading, Drive(FIRST_PAGE), headers, seconds),
        DEEP_PAGE: lambda: run(reading, Drive(LATER_PAGE), headers, seconds),
        SEARCH: lambda: run(reading, Drive(FOUND_PAGE), headers, seconds),
        MANY_ROWS: lambda: commits(folder, customer.body, CONNECTIONS, seconds),
        ONE_ROW: lambda: commits(folder, customer.body, 1, seconds),
        CREATE: create,
    }


def _check_full(page: bytes) -> None:
    """The page is full, or the figures would be of something else. Raises Failed."""
    entries = len(msgspec.json.decode(page)["data"])
    if entries != 10:
        raise Failed(f"a page of 10 customers has {entries}")


def _show(figures: Mapping[str, Sequence[Figures]], conditions: str) -> None:
    """Print the table, and keep it as text."""
    console = Console(record=True, width=120, highlight=False)
    for part in ("", facts(), conditions, table(figures, CEILINGS)):
        console.print(part)
    (BUILD / "last.txt").write_text(console.export_text().lstrip(), encoding="utf-8")


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(bench)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
