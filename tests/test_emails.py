"""E-mail addresses: which of their spellings are one address, and which are not."""

from __future__ import annotations

import unicodedata

import pytest

from emporion.emails import fold_email, one_spelling

SPELLINGS = [
    "info@müller-bücher.example",
    "info@xn--mller-bcher-thbg.example",
    "info@XN--MLLER-BCHER-THBG.Example",
    "info@MÜLLER-BÜCHER.EXAMPLE",
    "info@" + unicodedata.normalize("NFD", "müller-bücher.example"),
    "info@müller-bücher。example",
]


def test_an_address_is_one_however_its_domain_is_written() -> None:
    assert {one_spelling(spelling) for spelling in SPELLINGS} == {SPELLINGS[1]}
    assert {fold_email(spelling) for spelling in SPELLINGS} == {SPELLINGS[1]}


@pytest.mark.parametrize(
    ("one", "other"),
    [("jörg@example.com", "jo\u0308rg@EXAMPLE.com"), ("jo\u0308rg@bücher.example", "jörg@Bücher.example")],
)
def test_what_stands_before_the_domain_may_be_in_any_normal_form(one: str, other: str) -> None:
    assert one_spelling(one) == one_spelling(other)
    assert fold_email(one) == fold_email(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Anna@example.com", "anna@example.com"), ("JÖRG@x.example", "jörg@x.example")]
)
def test_case_before_the_domain_is_of_no_account_for_searches_alone(one: str, other: str) -> None:
    assert one_spelling(one) != one_spelling(other)
    assert fold_email(one) == fold_email(other)


def test_other_domains_are_other_addresses() -> None:
    assert fold_email("a@straße.example") != fold_email("a@strasse.example")
    assert fold_email("a@müller.example") != fold_email("a@muller.example")


@pytest.mark.parametrize(
    "text", ["", "@", "ä", "a@ä..b", "ä@" + "ä" * 250, "a@-ä.de", "a@😀.example", "\0ä@ä\0", "a@ä b"]
)
def test_whatever_is_searched_for_can_be_folded(text: str) -> None:
    assert fold_email(fold_email(text)) == fold_email(text)
