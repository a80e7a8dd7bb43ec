"""The numbers by which parts of names are found."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from emporion.store.postgres.ngrams import MOST_SEARCHED, name_grams, salt, search_grams
from tests.postgres import Databases

LETTERS = st.text(st.sampled_from("abcde äß日本語カ%_ 😀"), max_size=20)


@given(LETTERS, LETTERS, LETTERS, st.integers(0, 2**32 - 1))
def test_a_name_has_the_numbers_of_all_its_parts(before: str, part: str, after: str, reseller: int) -> None:
    searched = search_grams(reseller, part)
    assert set(searched or []) <= name_grams(reseller, before + part + after)


def test_short_parts_of_latin_names_have_no_number() -> None:
    assert [search_grams(1, part) for part in ("", "a", "ab", "日", "é日")] == [None] * 5


def test_two_letters_of_a_japanese_name_are_found_by_number() -> None:
    (number,) = search_grams(1, "田中") or []
    assert number in name_grams(1, "株式会社田中製作所")
    assert number not in name_grams(1, "株式会社中田製作所")


def test_each_reseller_has_secret_numbers_of_its_own() -> None:
    salts = [salt(key, reseller) for key in (b"one database", b"another") for reseller in (1_000_001, 1_000_002)]
    numbers = [name_grams(own, "acme incorporated") for own in salts]
    for one, other in combinations(numbers, 2):
        assert one.isdisjoint(other)


def test_long_parts_are_searched_by_a_few_numbers() -> None:
    assert len(search_grams(1, "a very long name that has many parts indeed") or []) <= MOST_SEARCHED


def test_numbers_fit_into_a_column() -> None:
    for number in name_grams(2**32 - 1, "acme incorporated 日本"):
        assert -(2**31) <= number < 2**31


async def test_the_database_makes_the_same_numbers(postgres: Databases) -> None:
    """PostgreSQL makes a reseller's numbers from those without salt by exclusive or (`emporion.store.postgres`)."""
    key, reseller = b"key" * 10, 2**40 + 5
    found = postgres.query(
        "SELECT g # ('x' || left(encode(sha256('\\x"
        + key.hex()
        + f"'::bytea || int8send({reseller})), 'hex'), 8))::bit(32)::int"
        f" FROM unnest(ARRAY{search_grams(0, 'acme inc')}) AS g"
    )
    assert [number for (number,) in found] == search_grams(salt(key, reseller), "acme inc")
