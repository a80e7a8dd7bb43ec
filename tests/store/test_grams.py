"""The numbers by which parts of names are found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emporion.store.grams import MOST_SEARCHED, name_grams, search_grams

LETTERS = st.text(st.sampled_from("abcde äß日本語カ%_ 😀"), max_size=20)


@given(LETTERS, LETTERS, LETTERS, st.integers(1, 2**62))
def test_a_name_has_the_numbers_of_all_its_parts(before: str, part: str, after: str, reseller: int) -> None:
    searched = search_grams(reseller, part)
    assert set(searched or []) <= name_grams(reseller, before + part + after)


def test_short_parts_of_latin_names_have_no_number() -> None:
    assert [search_grams(1, part) for part in ("", "a", "ab", "日", "é日")] == [None] * 5


def test_two_letters_of_a_japanese_name_are_found_by_number() -> None:
    (number,) = search_grams(1, "田中") or []
    assert number in name_grams(1, "株式会社田中製作所")
    assert number not in name_grams(1, "株式会社中田製作所")


def test_each_reseller_has_numbers_of_his_own() -> None:
    assert name_grams(1_000_001, "acme incorporated").isdisjoint(name_grams(1_000_002, "acme incorporated"))


def test_long_parts_are_searched_by_a_few_numbers() -> None:
    assert len(search_grams(1, "a very long name that has many parts indeed") or []) <= MOST_SEARCHED


def test_numbers_fit_into_a_column() -> None:
    for number in name_grams(2**62, "acme incorporated 日本"):
        assert -(2**31) <= number < 2**31


def test_the_number_of_a_reseller_comes_from_that_of_the_part() -> None:
    """PostgreSQL makes a reseller's numbers from those of nobody by exclusive or (`emporion.store.postgres`)."""
    for reseller in (1, 1_000_001, 2**40 + 5):
        nobody, own = search_grams(0, "acme inc") or [], search_grams(reseller, "acme inc") or []
        assert [number & 0xFFFFFFFF ^ reseller & 0xFFFFFFFF for number in nobody] == [n & 0xFFFFFFFF for n in own]
