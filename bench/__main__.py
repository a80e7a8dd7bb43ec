"""What is measured: reads and writes over 100,000 customers, each beside its ceilings, in turns."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench import Failed, on_postgres, on_sqlite
from bench.drive import CONNECTIONS, Figures, check_wrk
from bench.load import CUSTOMERS
from bench.table import facts, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.table import Ceiling

BUILD = Path(__file__).parents[1] / "build" / "bench"
WIDTH = 160


def bench(
    seconds: Annotated[int, typer.Option(min=1, help="For how long each figure is measured in each round.")] = 6,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds; the median of them counts.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes of each server that is measured.")] = 1,
    database: Annotated[
        str | None,
        typer.Option(help=f"A postgresql:// URL, or {on_postgres.OWN} for a server of our own; else it is SQLite."),
    ] = None,
) -> None:
    """Measure throughput beside its ceilings, and write the table to build/bench/last.txt or last-postgres.txt."""
    check_wrk()
    BUILD.mkdir(parents=True, exist_ok=True)
    conditions = (
        f"{CUSTOMERS:,} customers · {CONNECTIONS} connections · workers: {workers} · "
        f"{rounds} × {seconds} s for each figure"
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
        began = time.monotonic()
        if database is None:
            measures = on_sqlite.measures(stack, folder, seconds, workers)
            fact, kind, file = on_sqlite.fact(), on_sqlite.KIND, "last.txt"
        else:
            server = stack.enter_context(on_postgres.databases(database))
            measures = on_postgres.measures(stack, folder, seconds, workers, server)
            fact, kind, file = on_postgres.fact(server), on_postgres.KIND, "last-postgres.txt"
        print(f"loaded {CUSTOMERS:,} customers and started all servers in {time.monotonic() - began:.1f} s", flush=True)
        figures = _figures(kind.names, measures, rounds)
    _show(figures, kind.ceilings, (facts(fact), conditions), BUILD / file)


def _figures(
    names: Sequence[str], measures: Mapping[str, Callable[[], Figures]], rounds: int
) -> dict[str, list[Figures]]:
    """What each measurement found in each round; one after the other, for no two loads may run at a time."""
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    for number in range(1, rounds + 1):
        for name, measure in measures.items():
            figures[name].append(measure())
            print(f"round {number} of {rounds}: {name}: {figures[name][-1].per_second:,.0f}/s", flush=True)
    return figures


def _show(
    figures: Mapping[str, Sequence[Figures]],
    ceilings: Mapping[str, Sequence[Ceiling]],
    conditions: Sequence[str],
    file: Path,
) -> None:
    """Print the table, and keep it as text."""
    console = Console(record=True, width=WIDTH, highlight=False)
    for part in ("", *conditions, table(figures, ceilings)):
        console.print(part)
    file.write_text(console.export_text().lstrip(), encoding="utf-8")


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(bench)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
