"""The table: each figure beside its ceiling, as medians over the rounds."""

from __future__ import annotations

import os
import platform
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
    """What a figure is compared with. bar: the ratio of the two that we want to reach, if there is one."""

    name: str
    bar: float | None = None


class Kind(msgspec.Struct, frozen=True):
    """What a table is about. names: of its figures, in order; ceilings: those of each of them that has some."""

    names: tuple[str, ...]
    ceilings: dict[str, list[Ceiling]]


def facts(database: str) -> str:
    """What the figures depend on, in one line. database: its name and version."""
    return " · ".join(
        (
            f"{os.cpu_count()} cores",
            f"Python {platform.python_version()}",
            database,
            f"Granian {version('granian')}",
            f"Emporion {version('emporion')}",
            datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def table(figures: Mapping[str, Sequence[Figures]], ceilings: Mapping[str, Sequence[Ceiling]]) -> Table:
    """A row for each name, from its runs in all rounds, beside its ceilings: one more row for each but the first."""
    result = Table("what", caption="ratio: the median of the rounds' own ratios; p50 and p99 in milliseconds")
    for column in ("per second", "p50", "p99"):
        result.add_column(column, justify="right")
    result.add_column("ceiling")
    for column in ("its rate", "ratio", "bar"):
        result.add_column(column, justify="right")
    result.add_column("reached")
    for name, runs in figures.items():
        beside = [_beside(runs, figures[ceiling.name], ceiling) for ceiling in ceilings.get(name, ())]
        first, *others = beside or [()]
        result.add_row(name, *_middle(runs), *first)
        for other in others:
            result.add_row("", "", "", "", *other)
    return result


def _middle(runs: Sequence[Figures]) -> tuple[str, str, str]:
    return (
        f"{median(run.per_second for run in runs):,.0f}",
        f"{median(run.p50 for run in runs):.2f}",
        f"{median(run.p99 for run in runs):.2f}",
    )


def _beside(runs: Sequence[Figures], theirs: Sequence[Figures], ceiling: Ceiling) -> tuple[str, ...]:
    ratio = median(run.per_second / best.per_second for run, best in zip(runs, theirs, strict=True))
    rate = f"{median(best.per_second for best in theirs):,.0f}"
    if ceiling.bar is None:
        return (ceiling.name, rate, f"{ratio:.2f}")
    return (ceiling.name, rate, f"{ratio:.2f}", f"{ceiling.bar:.2f}", "yes" if ratio >= ceiling.bar else "no")
