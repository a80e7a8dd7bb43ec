"""Patterns that values of parameters must match: regular expressions whose every match takes a bounded time.

A value is compared with all ways through the pattern at once (Glushkov's automaton), so that none is tried twice. What
cannot be done so is refused: references to groups, and looking around. They mean the same here and in a browser: `\\d`
and `\\w` are ASCII, and a pattern is about the whole value, with `^` and `$` around it or without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

LONGEST_PATTERN = 500
# How many characters a pattern may ask for, each counted as often as it is repeated.
MOST_POSITIONS = 500
DEEPEST_GROUP = 30

IsOne = Callable[[str], bool]


class BadPattern(ValueError):
    """A pattern that cannot be used; it says why, as the end of a sentence."""


def wrong_pattern(text: str) -> str | None:
    """What is wrong with a pattern, or None."""
    try:
        compiled(text)
    except BadPattern as error:
        return str(error)
    return None


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The pattern, ready to be compared with values. Raises BadPattern."""
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(f"must have at most {LONGEST_PATTERN} characters, not {len(text)}")
    pattern = Pattern()
    pattern.nullable, pattern.first, pattern.last = pattern.add(_Reader(_without_anchors(text)).read())
    return pattern


def _without_anchors(text: str) -> str:
    text = text.removeprefix("^")
    escapes = len(text) - len(text.removesuffix("$").rstrip("\\")) - 1
    return text[:-1] if text.endswith("$") and escapes % 2 == 0 else text


@dataclass(frozen=True, slots=True)
class PatternPart:
    """A part of a pattern. size: of how many characters it is made, or 1 if of none."""

    kind: Literal["character", "sequence", "choice", "optional", "repeated"]
    size: int = 1
    parts: tuple[PatternPart, ...] = ()
    is_one: IsOne | None = None


def _part(kind: Literal["sequence", "choice", "optional", "repeated"], *parts: PatternPart) -> PatternPart:
    size = max(1, sum(part.size for part in parts))
    if size > MOST_POSITIONS:
        raise BadPattern(
            f"must not ask for more than {MOST_POSITIONS} characters, counted as often as they are repeated"
        )
    return PatternPart(kind, size, parts)


Part = tuple[bool, int, int]


@dataclass(slots=True)
class Pattern:
    """A pattern by the positions of its characters. A set of positions is a number, with a bit for each.

    nullable: whether it may be nothing. first, last: where it may begin and end.
    """

    nullable: bool = True
    first: int = 0
    last: int = 0
    _is_one: list[IsOne] = field(default_factory=list)
    _next: list[int] = field(default_factory=list)

    def matches(self, value: str) -> bool:
        """Whether the whole value is as the pattern says."""
        if not value:
            return self.nullable
        places = {character: self._places(character) for character in set(value)}
        after: dict[int, int] = {}
        possible, at = self.first, 0
        for character in value:
            at = possible & places[character]
            if at not in after:
                after[at] = _union(self._next[position] for position in _positions(at))
            possible = after[at]
        return bool(at & self.last)

    def add(self, node: PatternPart) -> Part:
        """Add a part of a pattern: whether it may be nothing, where it may begin, and where it may end."""
        if node.is_one:
            self._is_one.append(node.is_one)
            self._next.append(0)
            place = 1 << (len(self._next) - 1)
            return False, place, place
        parts = [self.add(part) for part in node.parts]
        if node.kind == "choice":
            return any(part[0] for part in parts), _union(part[1] for part in parts), _union(part[2] for part in parts)
        nullable, first, last = self._sequence(parts)
        if node.kind == "repeated":
            self._link(last, first)
        return nullable or node.kind != "sequence", first, last

    def _sequence(self, parts: list[Part]) -> Part:
        nullable, first, last = True, 0, 0
        for may_be_nothing, begins, ends in parts:
            self._link(last, begins)
            first |= begins if nullable else 0
            last = ends | (last if may_be_nothing else 0)
            nullable = nullable and may_be_nothing
        return nullable, first, last

    def _link(self, ends: int, begins: int) -> None:
        for position in _positions(ends):
            self._next[position] |= begins

    def _places(self, character: str) -> int:
        return _union(1 << position for position, is_one in enumerate(self._is_one) if is_one(character))


def _union(sets: Iterable[int]) -> int:
    result = 0
    for positions in sets:
        result |= positions
    return result


def _positions(positions: int) -> Iterator[int]:
    while positions:
        lowest = positions & -positions
        yield lowest.bit_length() - 1
        positions ^= lowest


def _is_digit(character: str) -> bool:
    return "0" <= character <= "9"


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def _other(is_one: IsOne) -> IsOne:
    return lambda character: not is_one(character)


def _exactly(wanted: str) -> IsOne:
    return lambda character: character == wanted


_CLASSES: dict[str, IsOne] = {"d": _is_digit, "w": _is_word, "s": str.isspace}
_CLASSES |= {name.upper(): _other(is_one) for name, is_one in _CLASSES.items()}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_ANY = _other(lambda character: character in "\n\r\u2028\u2029")


class _Reader:
    """Reads the text of a pattern."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def read(self) -> PatternPart:
        node = self._choice()
        if self._at < len(self._text):
            raise BadPattern(f"has a {self._text[self._at]} without its ( at character {self._at + 1}")
        return node

    def _is_next(self, text: str) -> bool:
        """Whether this stands next; it is read then."""
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _take(self) -> str:
        if self._at == len(self._text):
            raise BadPattern("ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _choice(self) -> PatternPart:
        branches = [self._sequence()]
        while self._is_next("|"):
            branches.append(self._sequence())
        return _part("choice", *branches) if len(branches) > 1 else branches[0]

    def _sequence(self) -> PatternPart:
        parts = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._one()))
        return _part("sequence", *parts)

    def _one(self) -> PatternPart:
        place, character = self._at + 1, self._take()
        if character == "(":
            return self._group(place)
        if character == "[":
            return PatternPart("character", is_one=self._class(place))
        if character == "\\":
            return PatternPart("character", is_one=self._escaped())
        if character == ".":
            return PatternPart("character", is_one=_ANY)
        if character in "*+?{":
            raise BadPattern(f"has a {character} with nothing to repeat before it at character {place}")
        if character in "^$":
            raise BadPattern(f"has a {character} within it at character {place}: it is always about the whole value")
        return PatternPart("character", is_one=_exactly(character))

    def _group(self, place: int) -> PatternPart:
        if not self._is_next("?:") and self._is_next("?"):
            raise BadPattern(f"has a (? at character {place}, which is not supported; only (?: is")
        self._depth += 1
        if self._depth > DEEPEST_GROUP:
            raise BadPattern(f"has groups more than {DEEPEST_GROUP} deep in each other")
        node = self._choice()
        self._depth -= 1
        if not self._is_next(")"):
            raise BadPattern(f"has a ( without its ) at character {place}")
        return node

    def _repeated(self, node: PatternPart) -> PatternPart:
        low, high = self._times()
        if (low, high) == (1, 1):
            return node
        self._is_next("?")  # as little as possible: it makes no difference for a whole value
        if self._text[self._at : self._at + 1] in ("*", "+", "?", "{"):
            raise BadPattern(f"has two repetitions of the same at character {self._at + 1}")
        needed = [node] * low
        more = [_part("repeated", node)] if high is None else [_part("optional", node)] * (high - low)
        return _part("sequence", *needed, *more)

    def _times(self) -> tuple[int, int | None]:
        """How often what was just read stands there, at least and at most."""
        for mark, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._is_next(mark):
                return times
        place = self._at + 1
        if not self._is_next("{"):
            return 1, 1
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at : end].partition(",")
        if end < 0 or not _is_number(low) or (high and not _is_number(high)):
            raise BadPattern(f"has a {{ at character {place} that is no repetition such as {{2}}, {{2,}} or {{2,5}}")
        self._at = end + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if most is not None and most < least:
            raise BadPattern(f"has a repetition of at least {least} and at most {most} at character {place}")
        if max(least, most or 0) > MOST_POSITIONS:
            raise BadPattern(f"must not repeat more often than {MOST_POSITIONS} times")
        return least, most

    def _escaped(self) -> IsOne:
        place, character = self._at, self._take()
        if found := _CLASSES.get(character):
            return found
        return _exactly(self._escape(character, place))

    def _escape(self, character: str, place: int) -> str:
        """The one character that stands for itself after a backslash."""
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():
            raise BadPattern(f"has a \\{character} at character {place}, which is not supported")
        return character

    def _class(self, place: int) -> IsOne:
        negated = self._is_next("^")
        members: list[IsOne] = []
        first = True
        while first or not self._is_next("]"):
            if self._at >= len(self._text):
                raise BadPattern(f"has a [ without its ] at character {place}")
            members.append(self._member())
            first = False

        def is_one(character: str) -> bool:
            return any(member(character) for member in members)

        return _other(is_one) if negated else is_one

    def _member(self) -> IsOne:
        """A character, a range or a class between square brackets."""
        place = self._at + 1
        if self._is_next("\\") and (found := _CLASSES.get(character := self._take())):
            return found
        low = self._escape(character, place) if self._text[place - 1] == "\\" else self._take()
        if not self._text.startswith("-", self._at) or self._text.startswith("-]", self._at):
            return _exactly(low)
        self._at += 1
        high = self._take()
        if high == "\\":
            high = self._escape(self._take(), place)
        if high < low:
            raise BadPattern(f"has the range {low}-{high} at character {place}, which goes backwards")
        return lambda character: low <= character <= high


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
