"""YAML as nodes that know their lines, read from the events of a parser: so every fault can be told with its place.

What a catalogue does not need is refused, since it hides more than it tells: anchors and aliases, tags, a second
document. A scalar is its text, whatever YAML would make of it: `4.50` is no float and `007` no number.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

# How deep mappings and sequences of a catalogue may stand in each other; they do so up to eight times.
DEEPEST = 16
_NULLS = ("", "~", "null", "Null", "NULL")
# How many faults are kept; the others are counted.
MOST_FAULTS = 1000
# With how many names a misspelt one is compared, and of how many those are taken that begin or end likewise.
FEW_KNOWN, MOST_KNOWN = 200, 20_000
# Longer texts are cut where they are shown.
_LONGEST_SHOWN = 60


class FileFault(NamedTuple):
    """What is wrong at a place of a file. line: from 1; 0 for the file as a whole. path: such as `plans.mail.name`."""

    line: int
    path: str
    message: str

    def in_words(self) -> str:
        """Such as `plans.mail.name is required`."""
        return f"{self.path} {self.message}" if self.path else f"the file {self.message}"


class Faults:
    """The faults of a file, as many as are kept."""

    def __init__(self) -> None:
        self.kept: list[FileFault] = []
        self.count = 0

    def add(self, line: int, path: str, message: str) -> None:
        self.count += 1
        if self.count <= MOST_FAULTS:
            self.kept.append(FileFault(line, path, message))

    def in_order(self) -> list[FileFault]:
        """Those that are kept, by line."""
        return sorted(self.kept, key=lambda fault: fault.line)


@dataclass(slots=True)
class Scalar:
    """A text. is_null: nothing is written there, or `~` or `null`, without quotes."""

    line: int
    text: str
    is_null: bool = False


@dataclass(slots=True)
class Items:
    """A sequence."""

    line: int
    nodes: list[Node] = field(default_factory=list)


class MappedNode(NamedTuple):
    """A value of a mapping, and the line of its key."""

    line: int
    node: Node


@dataclass(slots=True)
class Mapping:
    """A mapping, by its keys."""

    line: int
    entries: dict[str, MappedNode] = field(default_factory=dict)


Node = Scalar | Items | Mapping


class Unreadable(Exception):
    """The file cannot be read any further."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Member(NamedTuple):
    """A member of a section, such as a plan, on its way through the file."""

    section: str
    key: str
    line: int
    node: Node


def members(stream: IO[bytes], sections: Iterable[str], faults: Faults) -> Iterator[Member]:
    """The members of a file's sections, one after the other, as they are read.

    Raises Unreadable where the file is no YAML, or no mapping of sections.
    """
    reader = _Reader(stream, faults)
    try:
        yield from reader.members(list(sections))
    except ReaderError as error:
        raise Unreadable(0, _no_text(error)) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = " ".join(filter(None, (error.context, error.problem)))
        raise Unreadable(mark.line + 1 if mark else 0, f"is no YAML: {why}") from None
    except YAMLError as error:
        raise Unreadable(0, f"is no YAML: {error}") from None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question about the known name that comes nearest, to stand behind a message; empty if none is near."""
    wanted = name.lower()[:64]
    some = list(itertools.islice(known, MOST_KNOWN))
    if len(some) > FEW_KNOWN:  # to compare with all would take seconds for each fault
        some = [text for text in some if text[:3].lower() == wanted[:3] or text[-3:].lower() == wanted[-3:]][:FEW_KNOWN]
    by_case = {text.lower(): text for text in some}
    close = difflib.get_close_matches(wanted, by_case, n=1)
    return f"; did you mean {by_case[close[0]]}?" if close else ""


def shortened(text: str) -> str:
    """A text of a file as messages show it."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}…"


class _Reader:
    def __init__(self, stream: IO[bytes], faults: Faults) -> None:
        self._next: Callable[[], Any] = CParser(stream).get_event
        self._faults = faults

    def members(self, sections: list[str]) -> Iterator[Member]:
        self._next()  # the start of the stream
        if isinstance(self._next(), StreamEndEvent):
            raise Unreadable(0, f"is empty; a catalogue has the sections {', '.join(sections)}")
        start = self._next()
        if not isinstance(start, MappingStartEvent):
            raise Unreadable(_line(start), f"is no catalogue: it must begin with {' or '.join(sections)} and a colon")
        self._check(start, "")
        seen: dict[str, int] = {}
        while not isinstance(key := self._next(), MappingEndEvent):
            name = self._key(key, "")
            if name is None:
                self._skip(self._next())
            elif name in seen:
                self._faults.add(_line(key), name, f"is there twice, on line {seen[name]} as well")
                self._skip(self._next())
            elif name not in sections:
                hint = did_you_mean(name, sections)
                self._faults.add(_line(key), name, f"is unknown: a catalogue has {', '.join(sections)}{hint}")
                self._skip(self._next())
            else:
                seen[name] = _line(key)
                yield from self._section(name)
        self._next()  # the end of the document
        if isinstance(end := self._next(), DocumentStartEvent):
            raise Unreadable(_line(end), "has a second document (---); a catalogue is one")

    def _section(self, section: str) -> Iterator[Member]:
        start = self._next()
        if isinstance(start, ScalarEvent) and _is_null(start):
            return
        if not isinstance(start, MappingStartEvent):
            self._faults.add(
                _line(start), section, f"must be a mapping, from the key of each to what it is{_as_list(start)}"
            )
            self._skip(start)
            return
        self._check(start, section)
        seen: dict[str, int] = {}
        while not isinstance(key := self._next(), MappingEndEvent):
            name = self._key(key, section)
            if name is None:
                self._skip(self._next())
                continue
            path = f"{section}.{name}"
            if name in seen:
                self._faults.add(_line(key), path, f"is there twice, on line {seen[name]} as well")
                self._skip(self._next())
                continue
            seen[name] = _line(key)
            yield Member(section, name, _line(key), self._node(self._next(), path, 2))

    def _node(self, event: Any, path: str, depth: int) -> Node:
        kind = type(event)
        if kind is ScalarEvent:  # most nodes are: they are read without a detour
            if event.anchor or event.tag:
                self._check(event, path)
            return Scalar(event.start_mark.line + 1, event.value, _is_null(event))
        line = _line(event)
        if kind is AliasEvent:
            self._faults.add(line, path, f"is an alias (*{event.anchor}), which is not supported: write it out")
            return Scalar(line, "", is_null=True)
        self._check(event, path)
        if depth > DEEPEST:
            raise Unreadable(line, f"is nested more than {DEEPEST} deep")
        if kind is SequenceStartEvent:
            items = Items(line)
            while type(inner := self._next()) is not SequenceEndEvent:
                items.nodes.append(self._node(inner, f"{path}[{len(items.nodes) + 1}]", depth + 1))
            return items
        mapping = Mapping(line)
        entries = mapping.entries
        while type(key := self._next()) is not MappingEndEvent:
            name = self._key(key, path)
            if name is None:
                self._skip(self._next())
                continue
            inside = f"{path}.{name}"
            node = self._node(self._next(), inside, depth + 1)
            if name in entries:
                self._faults.add(_line(key), inside, f"is there twice, on line {entries[name].line} as well")
            else:
                entries[name] = MappedNode(key.start_mark.line + 1, node)
        return mapping

    def _key(self, event: Event, path: str) -> str | None:
        """The text of a mapping's key; None, and a fault, if it is none."""
        if isinstance(event, ScalarEvent) and event.value != "<<":
            if event.anchor or event.tag:
                self._check(event, path)
            return str(event.value)
        merge = "a merge (<<), which is not supported: write it out"
        what = merge if isinstance(event, ScalarEvent) else "a key that is no text"
        self._faults.add(_line(event), path, f"has {what}")
        self._skip(event)
        return None

    def _check(self, event: NodeEvent, path: str) -> None:
        """Refuse what hides more than it tells."""
        if event.anchor:
            what = f"has an anchor (&{event.anchor}); anchors and aliases are not supported: write it out"
            self._faults.add(_line(event), path, what)
        if getattr(event, "tag", None) not in (None, "!"):
            self._faults.add(_line(event), path, "has a tag (!), which is not supported: leave it out")

    def _skip(self, event: Event) -> None:
        """Read on to the end of the node that begins with `event`."""
        depth = 0
        while True:
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                depth += 1
                if depth > DEEPEST:  # the parser takes ever longer with each step down
                    raise Unreadable(_line(event), f"is nested more than {DEEPEST} deep")
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                depth -= 1
            if not depth:
                return
            event = self._next()


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _is_null(event: ScalarEvent) -> bool:
    return event.value in _NULLS and bool(event.implicit[0]) and not event.style


def _as_list(event: Event) -> str:
    return ", not a list" if isinstance(event, SequenceStartEvent) else ""


def _no_text(error: ReaderError) -> str:
    if "control" in str(error.reason):
        return f"has a control character, U+{error.character:04X}, after {error.position:,} characters"
    return f"is no text in UTF-8, at byte {error.position + 1:,}"
