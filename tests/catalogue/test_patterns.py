"""Patterns mean what Python's regular expressions mean, as far as they go."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emporion.catalogue.patterns import compiled, wrong_pattern

_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[b-d]", r"\d", r"\W", r"\.", r"[\d\-x]", "[]a]", "-"])
_REPEATS = st.sampled_from(["", "*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "*?"])


def _composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.tuples(inner, _REPEATS).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
    one_after_another = st.lists(inner, max_size=3).map("".join)
    either = st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})")
    return repeated | one_after_another | either


@given(
    st.recursive(st.tuples(_ATOMS, _REPEATS).map("".join), _composed, max_leaves=6),
    st.text("abcd1.-x]\n", max_size=6),
)
def test_a_pattern_matches_what_it_matches_in_python(pattern: str, value: str) -> None:
    assert compiled(pattern).matches(value) == bool(re.fullmatch(pattern, value, re.ASCII))


@pytest.mark.parametrize("pattern", ["^ab$", "ab", "^ab", "ab$"])
def test_it_is_about_the_whole_value(pattern: str) -> None:
    assert [value for value in ("ab", "xab", "abx", "a") if compiled(pattern).matches(value)] == ["ab"]
    assert compiled(r"a\$").matches("a$")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "has a ( without its ) at character 1"),
        ("a)", "has a ) without its ( at character 2"),
        ("[a", "has a [ without its ] at character 1"),
        ("*a", "has a * with nothing to repeat before it at character 1"),
        ("a**", "has two repetitions of the same at character 3"),
        ("a{x}", "has a { at character 2 that is no repetition"),
        ("a{3,2}", "has a repetition of at least 3 and at most 2"),
        ("[b-a]", "has the range b-a at character 2, which goes backwards"),
        ("a$b", "has a $ within it at character 2"),
        ("(?=a)", "has a (? at character 1, which is not supported"),
        (r"(a)\1", r"has a \1 at character 4, which is not supported"),
        (r"\bx", r"has a \b at character 1, which is not supported"),
        ("\\", "ends too early"),
        ("a{501}", "must not repeat more often than 500 times"),
        ("((a{500}){500}){500}", "must not ask for more than 500 characters"),
        ("(((){500}){500}){500}", "must not ask for more than 500 characters"),
        ("(" * 31 + ")" * 31, "has groups more than 30 deep"),
        ("a" * 501, "must have at most 500 characters, not 501"),
    ],
)
def test_what_cannot_be_used_is_told_why_and_where(pattern: str, message: str) -> None:
    assert message in (wrong_pattern(pattern) or "")


def test_a_usual_pattern_can_be_used() -> None:
    assert wrong_pattern(r"^[A-Z]{2}\d{6,9}(-[a-z]+)?$") is None
