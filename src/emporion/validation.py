"""Reads a decoded JSON value as a msgspec Struct and collects every fault on the way, each with its path.

The Structs and their `Meta` are the only place where a rule stands: this module enforces them, and the OpenAPI
document shows them. msgspec's own conversion stops at the first fault, which is why we walk by ourselves.

A member may carry, in `Meta(extra=…)`:
    "rule": Callable[[str], str | None]     what is wrong with the value, or None
    "says": str | Callable[[str], str]      the message when `pattern` does not match
    "clean": Callable[[str], str]           what is made of the value before all else
    "line": True                            it is one line, which can be seen
    "take": Callable[[object], object]      for a member of any type: what is read, or a ValueError that says why not
A Struct may have a method `faults(self) -> Iterable[Fault]` for rules between its members; a member that was
missing or faulty is `UNSET` there. READ_ONLY names members that clients send back and that are not read, DID_YOU_MEAN
in small letters those that clients send in place of ours.
"""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from msgspec import UNSET, inspect

from emporion.errors import Fault

if TYPE_CHECKING:
    from msgspec.inspect import Field

T = TypeVar("T", bound=msgspec.Struct)
Read = Callable[[object, str, list[Fault]], object]

# Text that no screen, spreadsheet or protocol takes unharmed: controls, halves of letters, what Unicode never uses.
# Tab and line ends are let through.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)
LINE_BREAKS = re.compile("[\n\r\u2028\u2029]")
# What turns the direction of the text after it, as far as the end of the page.
TURNING_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# What shows nothing wherever it stands: Default_Ignorable_Code_Point of Unicode, which reserves places for later ones.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
JSON_TYPES = {
    bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array", dict: "an object"
}  # fmt: skip
DECIMAL = re.compile("(-?)0*([0-9]+)")
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?")
# Longest run of digits that we turn into a number; any limit of ours is far below.
MOST_DIGITS = 40
# How many ignored members we compare with our own: a hostile body has a hundred thousand of them.
MOST_HINTS = 20
# How deep arrays and objects may stand in each other. What a Python itself takes is between 1,000 and very many.
DEEPEST = 512

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_DEEPER, _LESS_DEEP = b"[{", b"]}"
_STEPS = bytes.maketrans(_DEEPER + _LESS_DEEP, b"\x01\x01\xff\xff")
_NO_STEPS = bytes(set(range(256)) - set(_DEEPER + _LESS_DEEP))

_decode = msgspec.json.Decoder().decode

_readers: dict[type, Read] = {}


class Stored(str):
    """A text that is kept already: it stays as it is, since it was right when it was written."""

    __slots__ = ()


class TooDeep(msgspec.DecodeError):
    """A JSON text whose arrays and objects stand more than DEEPEST deep in each other."""


def decode(text: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises TooDeep for any text that is nested so deeply, and for what is no JSON msgspec.MsgspecError or
    UnicodeDecodeError.
    """
    if text.count(b"[") + text.count(b"{") > DEEPEST and _depth(text) > DEEPEST:
        raise TooDeep("nested too deeply")
    return _decode(text)


def _depth(text: bytes) -> int:
    """How deep arrays and objects stand in each other, if that is JSON or not."""
    steps = _STRING.sub(b"", text).translate(_STEPS, _NO_STEPS)
    return max(itertools.accumulate(memoryview(steps).cast("b")), default=0)


def read(struct: type[T], value: object) -> tuple[T, list[Fault]]:
    """Read `value`, a decoded JSON object, as `struct`.

    Unknown members are ignored; null counts as absent, and so does "" where null may stand (contract: Every
    request). Returns the Struct, whose
    faulty members are UNSET, and the faults in the order of the Struct's members; it is whole if there are none.
    """
    faults: list[Fault] = []
    return cast("T", _reader(struct)(value, "", faults)), faults


def _reader(struct: type) -> Read:
    if struct not in _readers:
        _readers[struct] = _compile(inspect.type_info(struct), {})
    return _readers[struct]


def _compile(type_: inspect.Type, extra: dict[str, Any]) -> Read:
    match type_:
        case inspect.Metadata(type=inner, extra=more):
            return _compile(inner, {**extra, **(more or {})})
        case inspect.UnionType(types=types):
            (only,) = [t for t in types if not isinstance(t, inspect.NoneType)]
            return _compile(only, extra)
        case inspect.StrType():
            return _text(type_, extra)
        case inspect.BoolType():
            return _read_boolean
        case inspect.LiteralType(values=values):
            return _choice(values)
        case inspect.IntType():
            return _number(type_)
        case inspect.ListType():
            return _array(type_)
        case inspect.DictType():
            return _dictionary(type_)
        case inspect.StructType():
            return _object(type_)
        case inspect.DecimalType():
            return _decimal(extra)
        case inspect.AnyType():
            return _anything(extra["take"])
    raise TypeError(f"no reader for {type_}")


def _instead(value: object, wanted: str) -> str:
    return f"must be {wanted}, not {JSON_TYPES.get(type(value), 'null')}"


def named(character: str) -> str:
    """A character as Unicode writes and calls it, such as `U+200B (zero width space)`."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def is_seen(character: str) -> bool:
    """Whether it shows something by itself; a character that this Python does not know yet may."""
    category = unicodedata.category(character)
    return (category[0] in "LNPS" or category == "Cn") and character != "\u2800" and not INVISIBLE.match(character)


def _wrong_in_line(value: str) -> str | None:
    """What keeps a text from being a line that can be seen."""
    if not value.isprintable():
        if found := LINE_BREAKS.search(value):
            return f"must be one line, without the line break {named(found[0])} in it"
        if found := TURNING_MARKS.search(value):
            return f"must not contain marks that turn the direction of text, such as {named(found[0])}"
    return None if any(map(is_seen, value)) else "must have a character that can be seen"


def _between(low: int | None, high: int | None, unit: str) -> str:
    if low and high:
        return f"must have {low} to {high} {unit}"
    return f"must have at least {low} {unit}" if low else f"must have at most {high} {unit}"


def _text(type_: inspect.StrType, extra: dict[str, Any]) -> Read:
    low, high = type_.min_length, type_.max_length
    pattern = re.compile(type_.pattern) if type_.pattern else None
    rule: Callable[[str], str | None] | None = extra.get("rule")
    says: str | Callable[[str], str] = extra.get("says", "")
    clean: Callable[[str], str] | None = extra.get("clean")
    line: bool = extra.get("line", False)

    def wrong(value: str) -> str | None:
        if low and not value.strip():
            return "must not be empty"
        if (low and len(value) < low) or (high and len(value) > high):
            return _between(low, high, "characters") + f", not {len(value)}"
        if not value.isprintable() and (found := CONTROL_CHARACTERS.search(value)):
            return f"must not contain control characters such as U+{ord(found[0]):04X}"
        if line and not (value.isascii() and value.isprintable()) and (message := _wrong_in_line(value)):
            return message
        if pattern and not pattern.fullmatch(value):
            return says(value) if callable(says) else says
        return rule(value) if rule else None

    def read_text(value: object, path: str, faults: list[Fault]) -> object:
        if not isinstance(value, str):
            faults.append(Fault(path, _instead(value, "a string")))
            return UNSET
        if isinstance(value, Stored):
            return str(value)
        text = clean(value) if clean else value
        if message := wrong(text):
            faults.append(Fault(path, message))
            return UNSET
        return text

    return read_text


def _anything(take: Callable[[object], object]) -> Read:
    def read_anything(value: object, path: str, faults: list[Fault]) -> object:
        try:
            return take(value)
        except ValueError as error:
            faults.append(Fault(path, str(error)))
            return UNSET

    return read_anything


def _choice(values: tuple[object, ...]) -> Read:
    known = {value: value for value in values}
    listed = " or ".join(part for part in (", ".join(map(str, values[:-1])), str(values[-1])) if part)

    def read_choice(value: object, path: str, faults: list[Fault]) -> object:
        if isinstance(value, str) and value in known:
            return known[value]
        faults.append(
            Fault(
                path,
                f"must be {listed}" if isinstance(value, str) else _instead(value, f"a string: {listed}"),
            )
        )
        return UNSET

    return read_choice


def _read_boolean(value: object, path: str, faults: list[Fault]) -> object:
    # In a query it is a text.
    given = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    if isinstance(given, bool):
        return given
    faults.append(Fault(path, "must be true or false" if isinstance(value, str) else _instead(value, "a boolean")))
    return UNSET


def _number(type_: inspect.IntType) -> Read:
    low, high = type_.ge, type_.le

    def read_number(value: object, path: str, faults: list[Fault]) -> object:
        # A query parameter arrives as text.
        if isinstance(value, str) and (match := DECIMAL.fullmatch(value)):
            sign, digits = match.groups()
            value = int(sign + (digits if len(digits) <= MOST_DIGITS else "9" * MOST_DIGITS))
        if not isinstance(value, int) or isinstance(value, bool):
            faults.append(Fault(path, "must be a whole number"))
        elif low is not None and value < low:
            faults.append(Fault(path, f"must be {low} or more"))
        elif high is not None and value > high:
            faults.append(Fault(path, f"must be {high} or less"))
        else:
            return value
        return UNSET

    return read_number


def _decimal(extra: dict[str, Any]) -> Read:
    rule: Callable[[Decimal], str | None] | None = extra.get("rule")

    def read_decimal(value: object, path: str, faults: list[Fault]) -> object:
        # A number of JSON came as a float, whose shortest form is what was sent, as long as it has up to 15 digits.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = format(Decimal(repr(value)), "f") if is_number else value.strip() if isinstance(value, str) else ""
        if not NUMBER.fullmatch(text):
            wrong = "must be a number, or a string that holds one"
            faults.append(Fault(path, wrong if isinstance(value, str | int | float) else _instead(value, "a number")))
            return UNSET
        number = Decimal(text)
        if message := rule(number) if rule else None:
            faults.append(Fault(path, message))
            return UNSET
        return number

    return read_decimal


def _array(type_: inspect.ListType) -> Read:
    low, high = type_.min_length, type_.max_length
    read_item = _compile(type_.item_type, {})

    def read_array(value: object, path: str, faults: list[Fault]) -> object:
        if not isinstance(value, list):
            faults.append(Fault(path, _instead(value, "an array")))
            return UNSET
        if (low and len(value) < low) or (high and len(value) > high):
            faults.append(Fault(path, _between(low, high, "entries") + f", not {len(value)}"))
            return UNSET
        return [read_item(item, f"{path}[{number}]", faults) for number, item in enumerate(value)]

    return read_array


def _dictionary(type_: inspect.DictType) -> Read:
    high = type_.max_length
    read_key, read_value = _compile(type_.key_type, {}), _compile(type_.value_type, {})

    def read_dictionary(value: object, path: str, faults: list[Fault]) -> object:
        if not isinstance(value, dict):
            faults.append(Fault(path, _instead(value, "an object")))
            return UNSET
        if high and len(value) > high:
            faults.append(Fault(path, f"must have at most {high} members, not {len(value)}"))
            return UNSET
        result = {}
        for name, item in value.items():
            if item is None:
                continue
            wrong_name: list[Fault] = []
            key = read_key(name, path, wrong_name)
            if key is UNSET:
                faults.extend(Fault(path, f"has a member whose name {fault.message}") for fault in wrong_name)
                continue
            result[key] = read_value(item, f"{path}.{name}", faults)
        return result

    return read_dictionary


def _object(type_: inspect.StructType) -> Read:
    struct = type_.cls
    members = [
        (field.name, field.encode_name, _compile(field.type, {}), _may_be_null(field), field.required)
        for field in type_.fields
    ]
    known = {field.encode_name for field in type_.fields}
    places = {name: number for number, (_, name, *_) in enumerate(members)}
    between: Callable[[object], Iterable[Fault]] | None = getattr(struct, "faults", None)
    meant: Mapping[str, str] = getattr(struct, "DID_YOU_MEAN", {})
    ours = known.union(getattr(struct, "READ_ONLY", ()))

    def place(path: str) -> int:
        return places.get(re.split(r"[.\[]", path, maxsplit=1)[0], len(places))

    def read_object(value: object, path: str, faults: list[Fault]) -> object:
        if not isinstance(value, dict):
            faults.append(Fault(path or "body", _instead(value, "an object")))
            return UNSET
        prefix = path + "." if path else ""
        before = len(faults)
        parts: dict[str, object] = {}
        for attribute, name, read_member, may_be_null, required in members:
            item = value.get(name)
            if item is not None and not (may_be_null and item == ""):
                parts[attribute] = read_member(item, prefix + name, faults)
            elif required:  # the Struct knows what any other is without it
                faults.append(Fault(prefix + name, "is required"))
                parts[attribute] = UNSET
        result = struct(**parts)
        if between:
            faults.extend(Fault(prefix + fault.field, fault.message) for fault in between(result))
        if len(faults) > before:
            faults[before:] = sorted(faults[before:], key=lambda fault: place(fault.field[len(prefix) :]))
            _hint(value, prefix, ours, known, meant, faults)
        return result

    return read_object


def _may_be_null(field: Field) -> bool:
    return isinstance(field.type, inspect.UnionType) and field.type.includes_none


def _hint(
    value: dict[str, object], prefix: str, ours: set[str], known: set[str], meant: Mapping[str, str],
    faults: list[Fault],
) -> None:  # fmt: skip
    """Where an ignored member looks like one that is absent, say so in place of, or beside, the fault."""
    absent = {name.lower(): name for name in known if value.get(name) is None}
    unknown = (name for name in value if name not in ours)
    for ignored in itertools.islice(unknown, MOST_HINTS):
        lower = ignored.lower()[:64]
        for close in [meant[lower].lower()] if lower in meant else difflib.get_close_matches(lower, absent, n=1):
            if not (name := absent.pop(close, None)):
                continue
            told = f"{ignored[:64]} is ignored, did you mean {name}?"
            for at, fault in enumerate(faults):
                if fault.field == prefix + name:
                    faults[at] = Fault(fault.field, f"{fault.message}: {told}")
                    break
            else:
                faults.append(Fault(prefix + name, f"is absent: {told}"))
