"""Reads answers as a client that is generated from the contract's document, version 1.15, in all its strictness.

Such a client takes no number for a text and no `1.0` for a whole number, knows no other values of a choice, and wants
each required member; what it does not know it drops. `types_1_15.json` has the members of each type: `name!` is
required, `[X]` is a list of X.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

_CONTRACT = json.loads((Path(__file__).parent / "types_1_15.json").read_text(encoding="utf-8"))
OPERATION_TYPES: dict[str, str] = _CONTRACT["operations"]
TYPES: dict[str, dict[str, Any]] = _CONTRACT["types"]
# The document calls the value of a parameter an object, and its own example is a text. All clients but the strictest
# read a text, so that is what we send.
NOT_AS_DOCUMENTED = {
    ("ParameterValue", "value"),
    ("OrderParameterValue", "value"),
    ("FulfilmentParameterValue", "value"),
}


class Unreadable(AssertionError):
    """An answer that such a client refuses."""


def read_strictly(operation: str, answer: Any) -> None:
    """Read the answer of an operation, such as `GET /orders`. Raises Unreadable."""
    _read(OPERATION_TYPES[operation], answer, operation)


def _read(type_: Any, value: Any, at: str) -> None:
    if isinstance(type_, list):
        if len(type_) == 1 and isinstance(type_[0], list):
            return _read_list(type_[0], value, at)
        _must(value in type_, at, value, f"one of {type_}")
    elif type_.startswith("["):
        _read_list(type_[1:-1], value, at)
    elif type_ in TYPES:
        _read_object(type_, value, at)
    else:
        _must(_SIMPLE[type_](value), at, value, type_)
    return None


def _read_list(type_: Any, value: Any, at: str) -> None:
    _must(isinstance(value, list), at, value, "a list")
    for number, one in enumerate(value):
        _read(type_, one, f"{at}[{number}]")


def _read_object(type_: str, value: Any, at: str) -> None:
    _must(isinstance(value, dict), at, value, type_)
    for name, member in TYPES[type_].items():
        bare = name.rstrip("!")
        if value.get(bare) is None:
            _must(bare == name, f"{at}.{bare}", None, "there, since it is required")
        elif (type_, bare) not in NOT_AS_DOCUMENTED:
            _read(member, value[bare], f"{at}.{bare}")


def _must(is_right: bool, at: str, value: Any, wanted: str) -> None:
    if not is_right:
        raise Unreadable(f"{at} is {value!r}; a strict client wants {wanted}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parses(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    def is_one(value: Any) -> bool:
        try:
            return isinstance(value, str) and bool(parse(value))
        except ValueError:
            return False

    return is_one


_SIMPLE: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "map": lambda value: isinstance(value, dict) and all(isinstance(one, str) for one in value.values()),
    "date": _parses(date.fromisoformat),
    "date-time": _parses(datetime.fromisoformat),
    "uuid": _parses(uuid.UUID),
}
