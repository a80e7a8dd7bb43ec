"""Names are compared without case, accents and kinds of dashes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion.accounts.folding import fold


@given(st.text(), st.text())
def test_folding_keeps_what_is_contained(part: str, rest: str) -> None:
    assert fold(fold(part)) == fold(part)
    assert fold(part) in fold(f"{part} {rest}") or not part.isascii()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("MÜNCHEN", "munchen"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("İzmir", "izmir"),
        ("ﬁ", "fi"),
        ("Ærø", "aero"),
        ("O\u2019Brien", "o'brien"),
        ("Hawai\u02bbi", "hawai'i"),
        ("\u05e6\u05f3", "\u05e6'"),
        ("d\uff07Or", "d'or"),
        ("A\u2010B\u2011C\u2013D\u2014E\u2212F\uff0dG\ufe58H", "a-b-c-d-e-f-g-h"),
        ("ソ\u30a0ロ", "ソ-ロ"),
        ("Fo\u200bo\u00ad\ufeff Ltd", "foo ltd"),
        ("\u845b\U000e0100", "\u845b"),
        ("\u2764\ufe0f", "\u2764"),
        ("\u3164", ""),
        ("\u01feresund \u01fc", "oresund ae"),
        ("O\u00b4Brien", "o'brien"),
        ("O`Brien \u02caX\u02cbY\uff40", "o'brien 'x'y'"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_what_is_folded_stays_as_it_is() -> None:
    text = "".join(chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000)
    assert fold(fold(text)) == fold(text)


def test_every_dash_that_unicode_knows_is_one() -> None:
    dashes = [char for char in map(chr, range(0x110000)) if unicodedata.category(char) == "Pd"]
    assert {fold(char) for char in dashes} == {"-"}
