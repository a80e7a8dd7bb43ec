"""Draws the curve: p50 and p99 against the number of customers, a panel for each measure, as SVG."""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench.drive import Figures

COLUMNS = 4
# Of a panel, and of the margins around its plot.
WIDTH, HEIGHT = 300, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 34
COLOURS = ("#2563eb", "#d97706", "#059669", "#db2777")


class Line(msgspec.Struct, frozen=True):
    """One measure of one store: what was found for each number of customers."""

    measure: str
    store: str
    points: list[tuple[int, Figures]]


class Panel(msgspec.Struct, frozen=True):
    """A plot with a logarithmic scale from 10**low to 10**high in both directions."""

    left: float
    top: float
    low: tuple[int, int]
    high: tuple[int, int]

    def x(self, value: float) -> float:
        """Where the value stands from left to right."""
        share = (log10(value) - self.low[0]) / (self.high[0] - self.low[0])
        return self.left + LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where the value stands from top to bottom."""
        share = (log10(value) - self.low[1]) / (self.high[1] - self.low[1])
        return self.top + HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def curve(lines: Sequence[Line]) -> str:
    """The drawing."""
    measures = list(dict.fromkeys(line.measure for line in lines))
    stores = list(dict.fromkeys(line.store for line in lines))
    low, high = _bounds(size for line in lines for size, _ in line.points)
    width, height = COLUMNS * WIDTH, ceil((len(measures) + 1) / COLUMNS) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, measure in enumerate(measures):
        own = [line for line in lines if line.measure == measure]
        bottom, top = _bounds(value for line in own for _, found in line.points for value in (found.p50, found.p99))
        panel = Panel(number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT, (low, bottom), (high, top))
        parts += _frame(panel, measure)
        for line in own:
            parts += _drawn(panel, line, COLOURS[stores.index(line.store) % len(COLOURS)])
    parts += _legend(len(measures) % COLUMNS * WIDTH + LEFT, len(measures) // COLUMNS * HEIGHT + TOP, stores)
    return "\n".join([*parts, "</svg>\n"])


def _bounds(values: Iterable[float]) -> tuple[int, int]:
    """The powers of ten around them."""
    found = [log10(value) for value in values]
    low = floor(min(found))
    return low, max(ceil(max(found)), low + 1)


def _frame(panel: Panel, title: str) -> Iterator[str]:
    yield f'<text x="{panel.left + LEFT}" y="{panel.top + TOP - 12}" font-weight="bold">{escape(title)}</text>'
    left, right = panel.x(10 ** panel.low[0]), panel.x(10 ** panel.high[0])
    bottom, top = panel.y(10 ** panel.low[1]), panel.y(10 ** panel.high[1])
    for power in range(panel.low[0], panel.high[0] + 1):
        x = panel.x(10**power)
        yield f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{_short(10**power)}</text>'
    for power in range(panel.low[1], panel.high[1] + 1):
        y = panel.y(10**power)
        yield f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="#ddd"/>'
        yield f'<text x="{left - 5:.1f}" y="{y + 4:.1f}" text-anchor="end">{10**power:g} ms</text>'


def _short(number: int) -> str:
    for unit, name in ((10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number // unit}{name}"
    return str(number)


def _drawn(panel: Panel, line: Line, colour: str) -> Iterator[str]:
    """p50 as a line, p99 as a dashed one."""
    for name, dashes in (("p50", ""), ("p99", ' stroke-dasharray="5 4"')):
        places = [(panel.x(size), panel.y(getattr(found, name))) for size, found in line.points]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _legend(left: float, top: float, stores: Sequence[str]) -> Iterator[str]:
    rows = [(f"{store}, {name}", colour, dashes) for store, colour in zip(stores, COLOURS, strict=False)
            for name, dashes in (("p50", ""), ("p99", ' stroke-dasharray="5 4"'))]  # fmt: skip
    for number, (text, colour, dashes) in enumerate(rows):
        y = top + 20 * number
        yield f'<path d="M{left} {y}h40" stroke="{colour}" stroke-width="2"{dashes}/>'
        yield f'<text x="{left + 50}" y="{y + 4}">{text}</text>'
    yield f'<text x="{left}" y="{top + 20 * len(rows) + 8}">milliseconds against customers</text>'
