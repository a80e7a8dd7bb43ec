"""Language tags (BCP 47, RFC 5646)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

import pycountry
from msgspec import Meta

# What may follow the language of a tag, in small letters (RFC 5646 §2.1).
_SUBTAGS = re.compile(
    r"(-[a-z]{3}\b){0,3}"  # extended language
    r"(-[a-z]{4}\b)?"  # script
    r"(-([a-z]{2}|[0-9]{3})\b)?"  # region
    r"(?P<variants>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3})\b)*)"
    r"(?P<extensions>(-[0-9a-wy-z](-[a-z0-9]{2,8}\b)+)*)"
    r"(-x(-[a-z0-9]{1,8})+)?"  # private use
)
# Registered before there was that grammar.
_IRREGULAR_TAG = "en-gb-oed"


@lru_cache(maxsize=4096)
def _language(value: str) -> str | None:
    """RFC 5646 §2.1; the first subtag must also be a language of ISO 639, or have been one."""
    tag = value.replace("_", "-").lower()
    primary, dash, rest = tag.partition("-")
    right = "must be a language tag such as en, de or pt-BR"
    if not _is_language(primary):
        return f"{right}: the language is not in ISO 639"
    if wrong := _not_a_subtag(dash + rest):
        return None if tag == _IRREGULAR_TAG else f"{right}: {wrong} may not stand there (RFC 5646)"
    return None


def _is_language(code: str) -> bool:
    languages = pycountry.languages
    if languages.get(alpha_2=code) if len(code) == 2 else languages.get(alpha_3=code):
        return True
    from babel.core import get_global  # slow to load, and needed for what is rare only

    # What has another code today is in BCP 47 for good, and Java prints iw, in and ji for he, id and yi.
    return code in get_global("language_aliases") and not languages.get(bibliographic=code)


def _not_a_subtag(subtags: str) -> str | None:
    """The first of the subtags that is not well-formed, or is there twice."""
    found = _SUBTAGS.match(subtags)
    assert found, "each part of it may be absent"
    if found.end() < len(subtags):
        return subtags[found.end() :].split("-")[1]
    singletons = [part for part in found["extensions"].split("-") if len(part) == 1]
    for parts in (found["variants"].split("-"), singletons):
        for number, part in enumerate(parts):
            if part in parts[:number]:
                return f"a second {part}"
    return None


Language = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$",
        description="Language of the account: a BCP 47 tag in any case, with - or _. Kept as sent.",
        examples=["en"],
        extra={"rule": _language, "says": "must be a language tag such as en, de or pt-BR"},
    ),
]
