"""The rules of a customer that need more than one example. Their examples are in tests/contract/cases."""

from __future__ import annotations

from typing import Any

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email
from hypothesis import assume, given
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


ATOM = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=8)
LABEL = st.text("abcXYZ019-", min_size=1, max_size=8)
TLD = st.sampled_from(["com", "de", "museum", "x", "test", "local", "TEST", "co.uk", "invalid", "onion"])
ADDRESS = st.builds(
    lambda local, labels, tld: f"{'.'.join(local)}@{'.'.join([*labels, tld])}",
    st.lists(ATOM, min_size=1, max_size=9),
    st.lists(LABEL, max_size=4),
    TLD,
)


@given(ADDRESS)
def test_what_passes_as_a_plain_address_is_one(address: str) -> None:
    assume(PLAIN_EMAIL.fullmatch(address) and len(address) <= LONGEST_PLAIN_EMAIL)
    assume(address.rpartition(".")[2].lower() not in SPECIAL_USE_DOMAIN_NAMES)
    validate_email(address, check_deliverability=False)


@given(st.text(), st.text())
def test_folding_keeps_what_is_contained(part: str, rest: str) -> None:
    assert fold(fold(part)) == fold(part)
    assert fold(part) in fold(f"{part} {rest}") or not part.isascii()


@pytest.mark.parametrize(
    ("text", "folded"),
    [("MÜNCHEN", "munchen"), ("Straße", "strasse"), ("Łódź", "lodz"), ("İzmir", "izmir"), ("ﬁ", "fi"), ("Ærø", "aero")],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


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
