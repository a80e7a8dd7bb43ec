"""The rules of a customer that need more than one example. Their examples are in tests/contract/cases."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email
from hypothesis import given
from hypothesis import strategies as st

from emporion.accounts import (
    LONGEST_PLAIN_EMAIL,
    PLAIN_EMAIL,
    ContactPerson,
    ContactType,
    changes,
    fold,
    merge,
    staying,
)
from emporion.validation import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=5),
        "externalId": st.text(max_size=5),
        "address": st.dictionaries(st.sampled_from(["city", "state"]), st.text(max_size=5)),
        "attributes": st.dictionaries(st.text(max_size=2), st.text(max_size=5)),
        "contactPersons": st.lists(st.text(max_size=3), max_size=2),
    },
)


def joined(character: str, by: str, longest: int) -> st.SearchStrategy[str]:
    """One to three runs of characters, with `by` between them."""
    run = st.text(character, min_size=1, max_size=longest)
    return st.lists(run, min_size=1, max_size=3).map(by.join)


PLAIN = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join(labels)}.{top}",
    joined("abcXYZ019!#$%&'*+/=?^_`{|}~-", ".", 8),
    st.lists(joined("abcXYZ019", "-", 2), min_size=1, max_size=3),
    st.sampled_from(["com", "de", "museum", "xy", "TRAVEL"]),
)


@given(PLAIN)
def test_what_passes_as_a_plain_address_is_one_for_the_library_too(address: str) -> None:
    assert PLAIN_EMAIL.fullmatch(address)
    assert len(address) <= LONGEST_PLAIN_EMAIL
    validate_email(address, check_deliverability=False)


NOT_PLAIN = """
    a..b@x.de .a@x.de a.@x.de a@x a@-x.de a@x-.de a@x--y.de a@x.d3 a@x.d ä@x.de a@ä.de a@[127.0.0.1] a@x..de
    @x.de a@.de "a"@x.de
"""


@pytest.mark.parametrize("address", [*NOT_PLAIN.split(), "a b@x.de", "a@x.de\n", "x" * 65 + "@x.de"])
def test_what_is_not_plain_is_left_to_the_library(address: str) -> None:
    assert not PLAIN_EMAIL.fullmatch(address)


@pytest.mark.parametrize("top", sorted(SPECIAL_USE_DOMAIN_NAMES))
def test_a_domain_that_cannot_be_reached_is_refused(top: str) -> None:
    body = {"email": f"anna@example.{top}"}
    faults = [fault.field for fault in read(ContactPerson, body)[1]]
    assert ("email" in faults) is (top not in ("test", "local"))


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


def rfc_7396(target: Any, patch: Any) -> Any:
    """The algorithm of RFC 7396 §2 to the letter."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = rfc_7396(result.get(name), value)
    return result


PATCH = st.fixed_dictionaries(
    {},
    optional={
        "name": st.none() | st.text(max_size=5),
        "address": st.none() | st.dictionaries(st.sampled_from(["city", "state"]), st.none() | st.text(max_size=5)),
        "attributes": st.none() | st.dictionaries(st.text(max_size=2), st.none() | st.text(max_size=5)),
        "contactPersons": st.none() | st.lists(JSON, max_size=2),
    },
)


@given(DOCUMENT, PATCH)
def test_merging_is_rfc_7396(document: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr(document)
    assert merge(document, patch) == rfc_7396(document, patch)
    assert repr(document) == before


@given(DOCUMENT, DOCUMENT)
def test_changes_are_empty_only_for_what_is_the_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = changes(before, after)
    assert all(old != new for old, new in found.values())
    same = {name: value or None for name, value in before.items()} == {
        name: value or None for name, value in after.items()
    }
    if not found:
        assert same or {**before, "address": {}, "attributes": {}} == {**after, "address": {}, "attributes": {}}


def person(email: str, kind: ContactType = "admin") -> ContactPerson:
    return ContactPerson(type=kind, first_name="A", last_name="B", email=email, phone_number="+4912345678")


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        ([person("a@x.de")], [person("b@x.de")], {0: 0}),
        ([person("a@x.de")], [person("c@x.de", "billing"), person("b@x.de")], {1: 0}),
        ([person("a@x.de"), person("b@x.de")], [person("B@X.de"), person("c@x.de")], {0: 1}),
        ([person("a@x.de"), person("b@x.de")], [person("c@x.de")], {}),
        ([person("a@x.de")], [person("b@x.de"), person("a@x.de")], {1: 0}),
        ([person("a@x.de"), person("a@x.de")], [person("a@x.de"), person("a@x.de"), person("a@x.de")], {0: 0, 1: 1}),
        ([person("a@x.de"), person("a@x.de", "billing")], [person("a@x.de"), person("b@x.de")], {0: 0}),
    ],
)
def test_which_administrators_stay(
    before: list[ContactPerson], after: list[ContactPerson], stays: dict[int, int]
) -> None:
    assert staying(before, after) == stays
