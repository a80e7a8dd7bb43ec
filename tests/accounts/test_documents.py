"""Patches merge by RFC 7396, and what differs is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emporion.accounts.documents import diff, merge_patch

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
    assert merge_patch(document, patch) == rfc_7396(document, patch)
    assert repr(document) == before


@given(DOCUMENT, DOCUMENT)
def test_changes_are_empty_only_for_what_is_the_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = diff(before, after)
    assert all(old != new for old, new in found.values())
    same = {name: value or None for name, value in before.items()} == {
        name: value or None for name, value in after.items()
    }
    if not found:
        assert same or {**before, "address": {}, "attributes": {}} == {**after, "address": {}, "attributes": {}}
