"""Values of the catalogue's file: read from nodes, with a fault for each that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar, cast

from emporion.catalogue import yaml_nodes as nodes
from emporion.catalogue.products import ABOVE_MOST, MOST_QUANTITY
from emporion.catalogue.yaml_nodes import Faults, MappedNode, Node, Scalar, did_you_mean, shortened
from emporion.periods import Period, PeriodType

T = TypeVar("T")
D = TypeVar("D")

LONGEST_NAME = 255
LONGEST_KEY = 64
LONGEST_DESCRIPTION = 4000
# A period has so many of its units at most.
LONGEST_DURATION = 1200

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_QUANTITY = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_PERIOD = re.compile(r"([0-9]{1,6}) *(day|month|year|statement_day)s?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Place:
    """A node at its place in a file, which can be read as what it must be.

    Each reading gives None, and adds a fault, where the node is something else.
    """

    def __init__(self, node: Node, path: str, faults: Faults) -> None:
        self.node = node
        self.path = path
        self.faults = faults

    def fault(self, message: str, line: int | None = None) -> None:
        """Add a fault at this place."""
        self.faults.add(line or self.node.line, self.path, message)

    def mapping(self, what: str) -> dict[str, Place] | None:
        """The values of a mapping by their keys, which stand for something of the operator's own."""
        if not isinstance(self.node, nodes.Mapping):
            self.fault(f"must be {what}, not {_kind(self.node)}")
            return None
        return {key: Place(entry.node, f"{self.path}.{key}", self.faults) for key, entry in self.node.entries.items()}

    def members(self, known: Sequence[str], required: Sequence[str] = (), **others: str) -> Members | None:
        """The members of a mapping that has these names. others: what is said of some that it does not have."""
        if not isinstance(self.node, nodes.Mapping):
            self.fault(f"must be a mapping with {' and '.join(required or known)}, not {_kind(self.node)}")
            return None
        entries = self.node.entries
        for name, entry in entries.items():
            if name not in known:
                hint = did_you_mean(name, [k for k in known if k not in entries]) or with_point(name)
                said = others.get(name) or f"is unknown{hint}"
                self.faults.add(entry.line, f"{self.path}.{name}", said)
        there = {name for name, entry in entries.items() if not _is_null(entry.node)}
        for name in required:
            if name not in there:
                self.fault(f"has no {name}")
        return Members(self, {name: entry for name, entry in entries.items() if name in there})

    def each(self) -> Iterator[Place]:
        """The entries of a sequence; the node itself where it is none, so that one needs no brackets."""
        if isinstance(self.node, nodes.Items):
            for number, node in enumerate(self.node.nodes, 1):
                yield Place(node, f"{self.path}[{number}]", self.faults)
        else:
            yield self

    def text(self, longest: int = LONGEST_NAME, *, lines: bool = False) -> str | None:
        """A text that is not empty. lines: it may have several lines."""
        if not isinstance(self.node, Scalar):
            self.fault(f"must be a text, not {_kind(self.node)}")
            return None
        text = self.node.text.strip()
        if wrong := wrong_text(text, longest, lines=lines):
            self.fault(wrong)
            return None
        return text

    def choice(self, known: Sequence[T], refused: Mapping[str, str] | None = None) -> T | None:
        """One of some words. refused: what is said of others."""
        if isinstance(self.node, Scalar) and self.node.text in known:
            return cast("T", self.node.text)
        if not isinstance(self.node, Scalar):
            self.fault(f"must be {_or(known)}, not {_kind(self.node)}")
        elif refused and (said := refused.get(self.node.text)):
            self.fault(said)
        else:
            hint = did_you_mean(self.node.text, [str(word) for word in known])
            self.fault(f"must be {_or(known)}, not {shortened(self.node.text)!r}{hint}")
        return None

    def boolean(self) -> bool | None:
        """True or false."""
        value = _BOOLEANS.get(self.node.text.lower()) if isinstance(self.node, Scalar) else None
        if value is None:
            self.fault(f"must be true or false, not {_seen(self.node)}")
        return value

    def whole(self, least: int, most: int) -> int | None:
        """A whole number."""
        value = int(self.node.text) if isinstance(self.node, Scalar) and _WHOLE.fullmatch(self.node.text) else None
        if value is None or not least <= value <= most:
            self.fault(f"must be a whole number from {least} to {most:,}, not {_seen(self.node)}")
            return None
        return value

    def quantity(self, *, fractions: bool) -> Decimal | None:
        """A quantity. fractions: it need not be whole."""
        text = self.node.text if isinstance(self.node, Scalar) else ""
        if wrong := wrong_quantity(text):
            self.fault(f"{wrong}, not {_seen(self.node)}")
        elif (value := Decimal(text)) != value.to_integral_value() and not fractions:
            self.fault(f"must be a whole number, not {text}, unless the item says fractions: true")
        else:
            return value
        return None

    def amount(self) -> Decimal | None:
        """An amount of money, exactly as it is written."""
        if isinstance(self.node, Scalar) and _AMOUNT.fullmatch(self.node.text):
            return Decimal(self.node.text)
        self.fault(f"must be an amount such as 4.50, with up to 6 digits after the point, not {_seen(self.node)}")
        return None

    def period(self, types: Sequence[PeriodType], refused: Mapping[str, str]) -> Period | None:
        """A period, such as `1 year`. refused: what is said of other types."""
        found = _PERIOD.fullmatch(self.node.text) if isinstance(self.node, Scalar) else None
        if not found or not 0 < int(found[1]) <= LONGEST_DURATION:
            self.fault(f"must be a period such as 1 month or 1 year, not {_seen(self.node)}")
        elif found[2] in refused:
            self.fault(refused[found[2]])
        elif found[2] not in types:
            self.fault(f"must be counted in {_or([f'{type_}s' for type_ in types])}, not in {found[2]}s")
        else:
            return Period(cast("PeriodType", found[2]), int(found[1]))
        return None


class Members:
    """The members of a mapping that are there and known."""

    def __init__(self, place: Place, entries: Mapping[str, MappedNode]) -> None:
        self.place = place
        self._entries = entries

    def get(self, name: str) -> Place | None:
        """A member."""
        entry = self._entries.get(name)
        return Place(entry.node, f"{self.place.path}.{name}", self.place.faults) if entry else None

    def read(self, name: str, how: Callable[[Place], T | None], default: D) -> T | D:
        """A member as `how` reads it; `default` where it is absent or faulty."""
        place = self.get(name)
        value = how(place) if place else None
        return default if value is None else value

    def line(self, name: str) -> int:
        """The line on which a member stands, or that of the whole."""
        entry = self._entries.get(name)
        return entry.line if entry else self.place.node.line


def wrong_text(text: str, longest: int, *, lines: bool = False) -> str | None:
    """What is wrong with a text of the file, or None."""
    if not text:
        return "must not be empty"
    if len(text) > longest:
        return f"must have at most {longest:,} characters, not {len(text):,}"
    if not all(part.isprintable() for part in (text.split("\n") if lines else [text])):
        return "must be one line of printable characters" if not lines else "must have printable characters only"
    return None


def wrong_quantity(text: str) -> str | None:
    """What is wrong with a quantity, or None."""
    if not _QUANTITY.fullmatch(text):
        return "must be a quantity such as 1 or 300"
    return ABOVE_MOST if Decimal(text) > MOST_QUANTITY else None


def with_point(name: str) -> str:
    """What to say of a name that is the rest of an amount: in `{EUR: 4,50}` the comma is one of YAML."""
    return "; write an amount with a point, such as 4.50" if name.isdigit() else ""


def wrong_key(key: str) -> str | None:
    """What is wrong with a name by which the file calls something, or None."""
    if len(key) > LONGEST_KEY:
        return f"has a key of more than {LONGEST_KEY} characters"
    return None if KEY.fullmatch(key) else "has a key with others than letters, digits, dots, dashes and underscores"


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _kind(node: Node) -> str:
    if isinstance(node, nodes.Mapping):
        return "a mapping"
    if isinstance(node, nodes.Items):
        return "a list"
    return "nothing" if node.is_null else f"the text {shortened(node.text)!r}"


def _seen(node: Node) -> str:
    return shortened(node.text) or "nothing" if isinstance(node, Scalar) else _kind(node)


def _or(words: Sequence[object]) -> str:
    *some, last = map(str, words)
    return f"{', '.join(some)} or {last}" if some else last
