"""Entity tags: which state of an account a client has (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from emporion.errors import Code, Fault, Problem

Headers = Mapping[bytes, bytes]

TAGS = re.compile(rb'\s*(\*|(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"(?:\s*,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*")*)\s*')
# Those of most accounts, made once.
FIRST_TAGS = [b'"%d"' % version for version in range(100)]
ONE_TAG = re.compile(rb'(?:W/)?"[^"]*"')
VERSION = re.compile(rb'"([1-9][0-9]{0,17})"')


def version_tag(version: int) -> bytes:
    """The strong tag of an account in a version: its document is the same, byte for byte, whenever it is read."""
    return FIRST_TAGS[version] if version < len(FIRST_TAGS) else b'"%d"' % version


def content_tag(body: bytes) -> bytes:
    """The strong tag of anything else."""
    return b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()


def stands(headers: Headers, tag: bytes) -> bool:
    """Whether a GET is to be answered in full, and not by 304 (RFC 9110 §13.1.2).

    Raises Problem (PRECONDITION_FAILED) if it wants another state by If-Match, and (INVALID) if that has no tags.
    """
    wanted = _expected(headers)
    if wanted is not None and tag not in wanted:
        raise Problem(Code.PRECONDITION_FAILED, "What is here now has another ETag than those in If-Match.")
    known = headers.get(b"if-none-match")
    if known is None:
        return True
    return known.strip() != b"*" and tag not in [one.removeprefix(b"W/") for one in ONE_TAG.findall(known)]


def expected_versions(headers: Headers) -> frozenset[int] | None:
    """The versions that If-Match allows; None for any. A weak tag is never equal (RFC 9110 §13.1.1).

    Raises Problem (INVALID) for a header that has no tags.
    """
    tags = _expected(headers)
    if tags is None:
        return None
    found = (VERSION.fullmatch(tag) for tag in tags)
    return frozenset(int(match[1]) for match in found if match)


def _expected(headers: Headers) -> list[bytes] | None:
    """The tags in If-Match; None for any."""
    value = headers.get(b"if-match")
    if value is None or value.strip() == b"*":
        return None
    if not TAGS.fullmatch(value):
        message = 'must be an ETag in double quotes, such as "3", or *'
        raise Problem(Code.INVALID, f"The header If-Match {message}.", [Fault("If-Match", message)])
    return ONE_TAG.findall(value)


IDEMPOTENCY_KEY = re.compile(rb'"[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255}')


def idempotency_key(headers: Headers) -> str | None:
    """The Idempotency-Key, with or without the quotes of a structured field. Raises Problem (INVALID)."""
    value = headers.get(b"idempotency-key")
    if value is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(value.strip()):
        message = "must be 1 to 255 printable characters, in double quotes or without"
        raise Problem(Code.INVALID, f"The header Idempotency-Key {message}.", [Fault("Idempotency-Key", message)])
    return value.strip().strip(b'"').decode("ascii")
