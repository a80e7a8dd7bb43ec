"""Types of parameters: what a value of each looks like."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

import idna
from msgspec import Meta, Struct

from emporion.accounts.email_addresses import Email
from emporion.accounts.phone_numbers import Phone
from emporion.validation import read

LONGEST_VALUE = 4_000
_LONGEST_DOMAIN = 253
_LABEL = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _not_a_domain(value: str) -> str | None:
    if "." not in value:
        return "must be a domain name such as example.com, with at least one dot"
    try:
        domain = value if value.isascii() else idna.encode(value, uts46=True).decode("ascii")
    except UnicodeError:
        domain = ""
    labels = domain.split(".")
    if len(domain) <= _LONGEST_DOMAIN and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit():
        return None
    return (
        "must be a domain name such as example.com: labels of letters, digits and hyphens with dots between them, "
        "without http://, blanks and a dot at the end"
    )


def _not_a_web_address(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        good = False
    if good and not any(character.isspace() for character in value):
        return None
    return "must be a web address that begins with https:// or http://, such as https://www.example.com/start"


class _Values(Struct, kw_only=True):
    """A value of each type, as the type's member."""

    text: Annotated[str, Meta()] | None = None
    password: Annotated[str, Meta()] | None = None
    email: Email | None = None
    phone: Phone | None = None
    url: Annotated[str, Meta(extra={"rule": _not_a_web_address})] | None = None
    domain: Annotated[str, Meta(extra={"rule": _not_a_domain})] | None = None
    subdomain: (
        Annotated[
            str,
            Meta(
                pattern=f"(?i:{_LABEL.pattern})",
                extra={
                    "says": "must be one label of 1 to 63 letters, digits and hyphens, such as acme, with no hyphen "
                    "at its ends"
                },
            ),
        ]
        | None
    ) = None
    checkbox: Annotated[str, Meta(pattern="true|false", extra={"says": "must be true or false"})] | None = None


def wrong_for_type(type_: str, value: str) -> str | None:
    """What is wrong with a value of a type that has no choices, or None."""
    if len(value) > LONGEST_VALUE:
        return f"must have at most {LONGEST_VALUE:,} characters, not {len(value):,}"
    _, faults = read(_Values, {type_: value})
    return faults[0].message if faults else None
