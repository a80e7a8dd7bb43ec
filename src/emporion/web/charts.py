"""Charts as SVG, drawn on the server: bars by day, without a style or a script in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 380, 190
LEFT, RIGHT, TOP, BOTTOM = 38, 16, 10, 26
EPOCH = date(1970, 1, 1)
# Marks on the axis of numbers, beside zero.
MARKS = 2


class Series(NamedTuple):
    """Numbers by day since 1970. kind: the class of its bars, `first` or `second`; the second stands on the first."""

    name: str
    kind: str
    by_day: Mapping[int, int]


def bars(title: str, series: Sequence[Series], last: int, days: int) -> Markup:
    """A chart of the days up to `last`, whose text alternative has the sums."""
    shown = range(last - days + 1, last + 1)
    top = _round_up(max(sum(one.by_day.get(day, 0) for one in series) for day in shown))
    step = (WIDTH - LEFT - RIGHT) / days
    parts = [_axis(top)]
    for number, day in enumerate(shown):
        x, y = LEFT + number * step, float(HEIGHT - BOTTOM)
        told = ", ".join(f"{one.by_day.get(day, 0):,} {one.name}" for one in series)
        drawn = ""
        for one in series:
            height = (HEIGHT - TOP - BOTTOM) * one.by_day.get(day, 0) / top
            y -= height
            if height:
                drawn += (
                    f'<rect class="{one.kind}" x="{x + step * 0.15:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" '
                    f'height="{height:.1f}" rx="1.5"/>'
                )
        parts.append(f"<g><title>{_name(day)}: {escape(told)}</title>{_ground(x, step)}{drawn}</g>")
        if (last - day) % 7 == 0:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{_name(day)}</text>')
    sums = ", ".join(f"{sum(one.by_day.get(day, 0) for day in shown):,} {one.name}" for one in series)
    label = escape(f"{title}: {sums} in {days} days")
    return Markup(  # noqa: S704 - escaped above, the rest are numbers
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _axis(top: int) -> str:
    lines = ""
    for mark in range(MARKS + 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * mark / MARKS
        lines += (
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(top * mark / MARKS)}</text>'
        )
    return lines


def _ground(x: float, step: float) -> str:
    """Where nothing is drawn a pointer must find the day, too."""
    return f'<rect class="ground" x="{x:.1f}" y="{TOP}" width="{step:.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'


def _name(day: int) -> str:
    return f"{EPOCH + timedelta(days=day):%d %b}".lstrip("0")


def _round_up(value: int) -> int:
    """The next number of the kind 2, 4, 10, 20, 40…, so that the marks are round."""
    scale = 1
    while True:
        for digit in (2, 4, 10):
            if value <= digit * scale:
                return digit * scale
        scale *= 10


def _short(value: float) -> str:
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
