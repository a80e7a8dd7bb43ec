"""What differs between the catalogue and a file, in the file's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

Changed = dict[str, tuple[Any, Any]]
What = Literal["new", "changed", "retired", "back"]
Kind = Literal["vendor", "service", "plan", "item"]

_WORDS: dict[What, str] = {"new": "new", "changed": "changed", "retired": "retired", "back": "there again"}
# Longer values are cut where a change is told.
_LONGEST_VALUE = 120


class Difference(Struct, rename="camel", frozen=True, omit_defaults=True, kw_only=True):
    """What applying a file would do to a member of the catalogue.

    key: the member's; of an item, that of its plan. items: how many a plan has that is new, back or retired. changes:
    the path of each changed value, as the file has it, to the value before and after, None where there is none.
    """

    kind: Kind
    key: str
    what: What
    mpn: str | None = None
    name: str | None = None
    items: int | None = None
    changes: Changed = {}

    def in_words(self) -> str:
        """Such as `item STD of mail: changed`."""
        name = f" “{self.name}”" if self.name else ""
        what = f"item {self.mpn}{name} of {self.key}" if self.mpn else f"{self.kind} {self.key}{name}"
        items = "" if self.items is None else f", with {self.items:,} item{'' if self.items == 1 else 's'}"
        return f"{what}: {_WORDS[self.what]}{items}"


class Summary(Struct, rename="camel", omit_defaults=True):
    """How many members a file would add, change and retire. products: those that would be added."""

    new: dict[str, int] = {}
    changed: dict[str, int] = {}
    retired: dict[str, int] = {}
    back: dict[str, int] = {}
    products: int = 0

    def add(self, difference: Difference) -> None:
        """Count a difference."""
        counts: dict[str, int] = getattr(self, difference.what)
        counts[difference.kind] = counts.get(difference.kind, 0) + 1
        if difference.kind == "plan" and difference.what != "changed" and difference.items:
            counts["item"] = counts.get("item", 0) + difference.items

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.new or self.changed or self.retired or self.back)

    def in_words(self) -> str:
        """Such as `2 plans and 5 items new, 1 plan retired`."""
        words = {"new": self.new, "changed": self.changed, "retired": self.retired, "back": self.back}
        parts = [
            f"{_counts(counts)} {'there again' if what == 'back' else what}" for what, counts in words.items() if counts
        ]
        return ", ".join(parts) or "nothing changes"


class AppliedCatalogue(Struct, rename="camel", frozen=True):
    """What an apply has done. version: of the catalogue now. summary: what has changed; nothing if that is empty."""

    version: int
    summary: Summary


def changes_between(before: object, after: object, path: str = "") -> Changed:
    """The path of each value that differs between two forms (`written.py`), to the value before and after."""
    return dict(_changes(before, after, path))


def value_in_words(value: object) -> str:
    """A value before or after a change; a long one is cut."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{name}: {value_in_words(inner)}" for name, inner in value.items()) + "}"
    elif isinstance(value, list):
        text = f"[{', '.join(map(value_in_words, value))}]"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _changes(before: object, after: object, path: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}" if path else str(name))
    else:
        yield path, (before, after)


def _counts(counts: dict[str, int]) -> str:
    *some, last = [f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(counts.items())]
    return f"{', '.join(some)} and {last}" if some else last
