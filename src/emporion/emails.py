"""E-mail addresses: which of their spellings are one address."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import idna


def one_spelling(address: str) -> str:
    """One spelling for all those of an address: its domain in ASCII and lower case, what stands before it in NFC.

    A domain may be written in Unicode or in punycode (RFC 5891), in any case and in any normal form.
    """
    local, at, domain = address.rpartition("@")
    if address.isascii():
        return local + at + domain.lower()
    return unicodedata.normalize("NFC", local) + at + _domain(domain)


def fold_email(address: str) -> str:
    """The form in which addresses are searched for: in one spelling, and without case."""
    if address.isascii():
        return address.lower()
    local, at, domain = address.rpartition("@")
    without_case = unicodedata.normalize("NFD", local).casefold()
    return unicodedata.normalize("NFC", without_case) + at + _domain(domain)


@lru_cache(maxsize=4096)  # one takes as long as a small request
def _domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:  # no domain at all: a search may have any text
        return unicodedata.normalize("NFC", domain.casefold())
