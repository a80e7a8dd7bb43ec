"""What requests cost: counts, which stay the same from day to day, and rates beside that of GET by id.

`make bench-counts`. Counted are the bytecode instructions of all our threads (sys.settrace), SQL statements as the
drivers send them and system calls of our process (strace), each for a request that comes alone, without a network: the
median of some. So what requests at the same time share (a view of SQLite, a round trip to PostgreSQL) counts in full.
The rates are those of a real server with 32 connections, each just after that of GET by id, so that a busy machine
strikes both.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.table import Table
from tests.postgres import server
from tests.statements import sent_statements

from bench import Failed, bulk_postgres, bulk_sqlite, on_postgres, on_sqlite
from bench.client import ask, good, sign_in
from bench.counters import can_count_system_calls, instructions, system_calls
from bench.drive import CONNECTIONS, Drive, check_wrk, run
from bench.load import load
from bench.offers import apply_catalogue, ordered, write_catalogue
from bench.questions import (
    BARE,
    BELOW,
    BY_ID,
    COUNTED,
    CUSTOMERS,
    ORDERS,
    PRODUCTS,
    READS,
    SUBSCRIPTIONS,
    WRITES,
    ask_all,
    reads,
)
from bench.server import emporion
from bench.sold import Seller
from bench.table import facts
from emporion.accounts.ids import RESELLER_ID
from emporion.settings import Settings
from emporion.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUILD = Path(__file__).parents[1] / "build" / "bench"
WIDTH = 140
# Different paths of each kind that a server is asked for, more than it keeps read.
PATHS = 3_000
# How often as much time as GET by id may be taken.
BARS = {"externalId": 1.5, "email": 1.5, "resellers, externalId": 1.5, "resellers, email": 1.5,
        "events without news": 2.0, "order": 1.25, "subscription": 1.25, "product": 1.25, "plan": 1.25}  # fmt: skip


class Counts(msgspec.Struct, frozen=True):
    """By kind of request. calls: system calls, None where they cannot be counted."""

    instructions: dict[str, int]
    statements: dict[str, int]
    calls: dict[str, int] | None


def counts(
    seconds: Annotated[int, typer.Option(min=0, help="For how long each rate is measured; 0 for counts alone.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="How often, in turns; the median of them counts.")] = 5,
    stores: Annotated[str, typer.Option(help="Of sqlite and postgres.")] = "sqlite,postgres",
) -> None:
    """Count and measure, and write the tables to build/bench/counts.txt."""
    if seconds:
        check_wrk()
    uvloop.install()
    BUILD.mkdir(parents=True, exist_ok=True)
    console = Console(record=True, width=WIDTH, highlight=False)
    for store in stores.split(","):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
            url, fact = _database(stack, folder, store)
            for below in (0, BELOW):
                counted = _count(url, below, folder)
                rates = _rates(url, folder, seconds, rounds) if seconds else {}
                title = f"{facts(fact)} · {CUSTOMERS:,} customers · {below} resellers below the caller"
                console.print(_table(title, counted, rates))
    (BUILD / "counts.txt").write_text(console.export_text(), encoding="utf-8")


def _database(stack: ExitStack, folder: Path, store: str) -> tuple[str, str]:
    """The URL of a new platform with customers and what they have bought, and what keeps it."""
    if store == "sqlite":
        url, fact = f"sqlite:///{folder / 'counts.db'}", on_sqlite.fact()
    elif store == "postgres":
        own = stack.enter_context(server())
        url, fact = own.url(stack.enter_context(own.temporary())), on_postgres.fact(own)
    else:
        raise Failed(f"{store} is neither sqlite nor postgres")
    customers = load(open_store(Settings.from_environment({"EMPORION_DATABASE": url})), CUSTOMERS)
    catalogue = folder / "catalogue.yaml"
    with catalogue.open("w", encoding="utf-8") as file:
        write_catalogue(file, PRODUCTS)
    apply_catalogue(url, catalogue)
    seller = Seller(*ordered(url, RESELLER_ID), customers, SUBSCRIPTIONS, ORDERS)
    if store == "sqlite":
        bulk_sqlite.fill_sales(folder / "counts.db", [seller], lambda _: None)
    else:
        asyncio.run(bulk_postgres.fill_sales(url, [seller], lambda _: None))
    return url, fact


def _count(url: str, below: int, folder: Path) -> Counts:
    """The counts of each kind of request, once there are resellers below the caller."""
    with instructions() as made:
        instructions_of_each = _differences(url, below, lambda: made.count)
    with sent_statements() as sent:
        statements_of_each = _differences(url, 0, lambda: len(sent))
    if not can_count_system_calls():
        return Counts(instructions_of_each, statements_of_each, None)
    calls = system_calls(["-m", "bench.questions", url, "0"], folder / "strace.txt")
    return Counts(instructions_of_each, statements_of_each, _medians(calls))


def _differences(url: str, below: int, count: Callable[[], int]) -> dict[str, int]:
    """By how much each kind of request moves a count."""
    found: dict[str, list[int]] = {}
    before = 0

    def around(what: str, kind: str) -> None:
        nonlocal before
        if what == "end":
            found.setdefault(kind, []).append(count() - before)
        before = count()

    asyncio.run(ask_all(url, below, around))
    return _medians(found)


def _medians(found: Mapping[str, list[int]]) -> dict[str, int]:
    return {kind: round(median(counts)) for kind, counts in found.items()}


def _rates(url: str, folder: Path, seconds: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Requests per second of each kind of read in each round, and of GET by id just before."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in READS}
    with emporion(url, folder / "log.txt") as port:
        headers = sign_in(port)

        async def answer(path: str) -> bytes:
            return good(ask(port, path, headers)).body

        drives = {}
        for number, (kind, path) in enumerate(asyncio.run(reads(answer)).items()):
            paths = folder / f"paths-{number}.txt"
            paths.write_text("\n".join(path(one) for one in range(PATHS)))
            drives[kind] = Drive("/", "paths.lua", (str(paths),))
        for _ in range(rounds):
            for kind, drive in drives.items():
                by_id = run(port, drives[BY_ID], headers, seconds).per_second
                found[kind].append((run(port, drive, headers, seconds).per_second, by_id))
    return found


def _table(title: str, counted: Counts, rates: Mapping[str, list[tuple[float, float]]]) -> Table:
    calls = "system calls" if counted.calls is not None else "system calls: not counted, for strace is missing"
    table = Table(
        "request",
        title=title,
        caption=f"counts: median of {COUNTED} · times: median of the ratios to GET by id just before",
    )
    for column in ("instructions", "statements", calls, f"per second, {CONNECTIONS} connections", "times GET", "bar"):
        table.add_column(column, justify="right")
    for kind in (BARE, *READS, *WRITES):
        costs = [f"{counted.instructions[kind]:,}", f"{counted.statements[kind]:,}"]
        costs.append("" if counted.calls is None else f"{counted.calls[kind]:,}")
        if kind in rates:
            times = median(by_id / rate for rate, by_id in rates[kind])
            costs += [f"{median(rate for rate, _ in rates[kind]):,.0f}", f"{times:.2f}"]
            if kind in BARS:
                costs.append(f"{BARS[kind]:.1f}: {'kept' if times <= BARS[kind] else 'NOT KEPT'}")
        table.add_row(kind, *costs)
    return table


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(counts)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
