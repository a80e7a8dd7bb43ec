"""The table: each figure beside its ceiling, as medians over the rounds."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.drive import Figures


class Ceiling(msgspec.Struct, frozen=True):
    """What a figure is compared with. bar: the ratio of the two that we want to reach."""

    name: str
    bar: float


def facts() -> str:
    """What the figures depend on, in one line."""
    return " · ".join(
        (
            f"{os.cpu_count()} cores",
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            f"Granian {version('granian')}",
            f"Emporion {version('emporion')}",
            datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def table(figures: Mapping[str, Sequence[Figures]], ceilings: Mapping[str, Ceiling]) -> Table:
    """A row for each name, from its runs in all rounds, beside its ceiling if it has one."""
    result = Table("what", caption="ratio: the median of the rounds' own ratios; p50 and p99 in milliseconds")
    for column in ("per second", "p50", "p99", "ceiling", "ratio", "bar"):
        result.add_column(column, justify="right")
    result.add_column("reached")
    for name, runs in figures.items():
        result.add_row(name, *_middle(runs), *_beside(figures, name, ceilings.get(name)))
    return result


def _middle(runs: Sequence[Figures]) -> tuple[str, str, str]:
    return (
        f"{median(run.per_second for run in runs):,.0f}",
        f"{median(run.p50 for run in runs):.2f}",
        f"{median(run.p99 for run in runs):.2f}",
    )


def _beside(figures: Mapping[str, Sequence[Figures]], name: str, ceiling: Ceiling | None) -> tuple[str, ...]:
    if not ceiling:
        return ()
    runs, theirs = figures[name], figures[ceiling.name]
    ratio = median(run.per_second / best.per_second for run, best in zip(runs, theirs, strict=True))
    return (
        f"{median(best.per_second for best in theirs):,.0f}",
        f"{ratio:.2f}",
        f"{ceiling.bar:.2f}",
        "yes" if ratio >= ceiling.bar else "no",
    )
