"""What a request brings: its query parameters and its JSON body, read strictly (contract: Every request)."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qsl, quote, unquote

import msgspec
from msgspec import inspect

from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.validation import DEEPEST, TooDeep, decode, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from starlette.types import Receive

Q = TypeVar("Q", bound=msgspec.Struct)

LARGEST_BODY = 1 << 20
# Bytes of a form of a client that was not let in yet.
LARGEST_FORM = 16 << 10
# Bytes of all bodies that are on their way, of those that are larger than such a form.
MOST_ON_THEIR_WAY = 64 << 20
LONGEST_CONTENT_TYPE = 200
# Seconds within which a body must have arrived.
BODY_TIMEOUT = 30
MOST_PARAMETERS = 100
# How many ignored parameters or members are named: proxies take headers of a few kilobytes.
MOST_NAMED = 20
# Names and values in a body: to read a million of them, the event loop would stand still for the others.
MOST_PARTS = 50_000
# As many characters as a customer within the rules can have in all texts together, and some more.
MOST_MARKS = 160_000
ENDS = {"}": "object", "]": "array"}


@lru_cache(maxsize=1024)  # clients ask for the same pages again and again
def read_query(query: bytes, struct: type[Q] | None) -> tuple[Q | None, str]:
    """The query parameters as `struct`, and the names of those that it does not have, for X-Ignored-Parameters.

    Raises Problem (INVALID) with every parameter that breaks a rule.
    """
    try:
        pairs = _parameters(query.decode("ascii"))
    except UnicodeDecodeError:
        raise Problem(Code.MALFORMED, "The query must be percent-encoded UTF-8.") from None
    except ValueError:
        raise Problem(Code.MALFORMED, f"The query must not have more than {MOST_PARAMETERS} parameters.") from None
    known = _names(struct) if struct else frozenset()
    names = [name for name, _ in pairs]
    ignored = "" if known.issuperset(names) else _ignored_names(names, known)
    if not struct:
        return None, ignored
    given = {name: value for name, value in pairs if name in known}
    result, faults = read(struct, given)
    # A filter that does nothing is a wrong answer: what counts as absent in a body does not here.
    if "" in given.values():
        told = {fault.field for fault in faults}
        faults += [Fault(name, "must not be empty") for name, value in given.items() if not value and name not in told]
    if len(given) < len(names):
        faults += [Fault(name, "must not be given more than once") for name in given if names.count(name) > 1]
    if faults:
        raise_invalid(faults)
    return result, ignored


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values, as `urllib.parse.parse_qsl` reads them in three times the time.

    Raises ValueError if they are too many, and UnicodeDecodeError for what is not UTF-8.
    """
    if query.count("&") >= MOST_PARAMETERS:
        raise ValueError
    parts = (part.partition("=") for part in query.split("&") if part)
    if "%" not in query and "+" not in query:
        return [(name, value) for name, _, value in parts]
    return [
        (unquote(name.replace("+", " "), errors="strict"), unquote(value.replace("+", " "), errors="strict"))
        for name, _, value in parts
    ]


def _ignored_names(names: Iterable[str], known: Collection[str]) -> str:
    """Those that are not known, for a header."""
    unknown = dict.fromkeys(quote(name[:64], safe="") for name in names if name not in known)
    return ", ".join(itertools.islice(unknown, MOST_NAMED))


def ignored_members(body: dict[str, Any], struct: type[msgspec.Struct]) -> str:
    """The paths of those members of a JSON object that `struct` does not have, for X-Ignored-Members."""
    return ", ".join(dict.fromkeys(itertools.islice(_unknown(body, struct, ""), MOST_NAMED)))


def _unknown(value: dict[str, Any], struct: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    known, inner = _members(struct)
    if not value.keys() <= known:
        yield from (prefix + quote(name[:64], safe="") for name in value if name not in known)
    for name, below in inner:
        item = value.get(name)
        if isinstance(item, dict):
            yield from _unknown(item, below, f"{prefix}{name}.")
        elif isinstance(item, list):
            for number, entry in enumerate(item):
                yield from _unknown(entry, below, f"{prefix}{name}[{number}].")


@cache
def _members(struct: type[msgspec.Struct]) -> tuple[frozenset[str], list[tuple[str, type[msgspec.Struct]]]]:
    """The names of its members, and of those where Structs stand, or lists of them, the Struct."""
    fields = cast("inspect.StructType", inspect.type_info(struct)).fields
    inner = ((field.encode_name, _struct_in(field.type)) for field in fields)
    return _names(struct), [(name, below) for name, below in inner if below]


def _struct_in(type_: inspect.Type) -> type[msgspec.Struct] | None:
    match type_:
        case inspect.StructType(cls=struct):
            return struct
        case inspect.Metadata(type=inner) | inspect.ListType(item_type=inner):
            return _struct_in(inner)
        case inspect.UnionType(types=types):
            return next(filter(None, map(_struct_in, types)), None)
    return None


@cache
def _names(struct: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(struct.__struct_encode_fields__)


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, *, required: bool, let_in: bool = True
) -> dict[str, Any]:
    """The JSON object of the body; an empty one where no body is required and none came.

    let_in: whether it is known who sends it. Raises Problem (UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMEOUT, MALFORMED or
    UNAVAILABLE).
    """
    body = await read_bytes(headers, receive, LARGEST_BODY if let_in else LARGEST_FORM)
    if not body:
        if required:
            raise Problem(Code.MALFORMED, "The body is missing; it must be a JSON object.")
        return {}
    _check_media_type(headers)
    value = _decode(body)
    if not isinstance(value, dict):
        raise Problem(Code.MALFORMED, "The body must be a JSON object.")
    return value


async def read_bytes(headers: Mapping[bytes, bytes], receive: Receive, largest: int) -> bytes:
    """The whole body, of at most `largest` bytes. Raises Problem (TOO_LARGE, TIMEOUT, MALFORMED or UNAVAILABLE)."""
    length = headers.get(b"content-length", b"0").strip().lstrip(b"0") or b"0"
    if len(length) > len(str(largest)) or (length.isdigit() and int(length) > largest):
        raise _too_large(largest)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _receive(receive, largest)
    except TimeoutError:
        raise Problem(
            Code.TIMEOUT,
            f"The body did not arrive within {BODY_TIMEOUT} seconds.",
            headers={"Connection": "close"},
        ) from None


async def read_form(headers: Mapping[bytes, bytes], receive: Receive) -> dict[str, str]:
    """The parameters of a form (RFC 6749 appendix B); of those without a value none.

    Raises Problem (UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, TIMEOUT or MALFORMED).
    """
    body = await read_bytes(headers, receive, LARGEST_FORM)
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type != b"application/x-www-form-urlencoded":
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The header Content-Type must be application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise Problem(Code.MALFORMED, "The form must be percent-encoded UTF-8.") from None
    except ValueError:
        raise Problem(Code.MALFORMED, f"The form must not have more than {MOST_PARAMETERS} parameters.") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise Problem(Code.MALFORMED, "No parameter of the form may be given twice.")
    return form


class _OnTheirWay:
    """Counts the bytes of the large bodies that this process has taken in part."""

    def __init__(self) -> None:
        self.size = 0

    def add(self, size: int) -> None:
        """Count more of a body; raises Problem (UNAVAILABLE) where that is too much."""
        self.size += size
        if self.size > MOST_ON_THEIR_WAY:
            raise Problem(
                Code.UNAVAILABLE,
                "Too many large bodies are on their way; try again shortly.",
                headers={"Retry-After": "2", "Connection": "close"},
            )


ON_THEIR_WAY = _OnTheirWay()


async def _receive(receive: Receive, largest: int) -> bytes:
    chunks: list[bytes] = []
    size = counted = 0
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                # Cut off, or chunked wrongly: a client that only closed its sending side can still read this.
                raise Problem(Code.MALFORMED, "The body ended before it was complete.")
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > largest:
                raise _too_large(largest)
            chunks.append(chunk)
            more = message.get("more_body", False)
            if size > LARGEST_FORM and more:
                counted, new = size, size - counted
                ON_THEIR_WAY.add(new)
        return b"".join(chunks)
    finally:
        ON_THEIR_WAY.size -= counted


def _too_large(largest: int) -> Problem:
    size = f"{largest >> 20} MiB" if largest >> 20 else f"{largest >> 10} KiB"
    return Problem(Code.TOO_LARGE, f"The body must not be larger than {size}.")


def _check_media_type(headers: Mapping[bytes, bytes]) -> None:
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The header Content-Encoding must be left out: send the body plain.")
    content_type = headers.get(b"content-type", b"")
    if content_type == b"application/json":
        return
    media_type, *parameters = content_type[: LONGEST_CONTENT_TYPE + 1].decode("latin-1").lower().split(";")
    if media_type.strip() != "application/json" or len(content_type) > LONGEST_CONTENT_TYPE:
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The header Content-Type must be application/json.")
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "The charset in the header Content-Type must be utf-8.")


def _decode(body: bytes) -> Any:
    if len(body) > MOST_PARTS and _has_too_many_parts(body):
        raise Problem(Code.TOO_LARGE, f"The body must not have more than {MOST_PARTS:,} names and values in all.")
    try:
        return decode(body.removeprefix(b"\xef\xbb\xbf"))  # a byte order mark does no harm (RFC 8259 §8.1)
    except TooDeep:
        raise Problem(Code.MALFORMED, f"The body is nested too deeply, more than {DEEPEST} levels.") from None
    except (UnicodeDecodeError, msgspec.MsgspecError):
        raise Problem(Code.MALFORMED, _why_unreadable(body)) from None


def _why_unreadable(body: bytes) -> str:
    """Why `body` is no JSON in UTF-8; the standard library would read it in other encodings, too."""
    encoding = json.detect_encoding(body)[:6].upper()
    if encoding in ("UTF-16", "UTF-32"):
        return f"The body must be UTF-8; this looks like {encoding}."
    try:
        body.decode()
    except UnicodeDecodeError:
        return "The body must be UTF-8."
    return f"The body must be valid JSON: {_what_is_wrong(body)}."


def _has_too_many_parts(body: bytes) -> bool:
    parts = _parts(body)
    return parts > MOST_MARKS or parts > MOST_PARTS < _parts(_outside_strings(body))


def _outside_strings(body: bytes) -> bytes:
    return b"".join(body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])


def _parts(body: bytes) -> int:
    """How many names and values are within JSON, if none of these characters is within a string."""
    return sum(body.count(mark) for mark in (b":", b",", b"[", b"{"))


def _what_is_wrong(body: bytes) -> str:
    """Why `body` is no JSON, with the place; the standard library is slower, but tells it better."""
    try:
        json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return _told(error)
    except _Constant as error:
        return f"{error} is no JSON number"
    except ValueError:
        return "a number is too large"
    if re.search(rb"\\u[dD][89a-fA-F]", body):
        return "a \\u escape is half of a surrogate pair, which stands for no character"
    return "a number is out of range"


def _told(error: json.JSONDecodeError) -> str:
    """What the standard library says, as Python 3.13 and newer do; older ones blame what follows a last comma."""
    before, at = error.doc[: error.pos].rstrip(" \t\r\n"), error.doc[error.pos : error.pos + 1]
    if before.endswith(",") and at in ENDS:
        error = json.JSONDecodeError(f"Illegal trailing comma before end of {ENDS[at]}", error.doc, len(before) - 1)
    return f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"


class _Constant(Exception):
    pass


def _refuse_constant(name: str) -> None:
    raise _Constant(name)
