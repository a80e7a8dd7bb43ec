"""Languages of the control panel: catalogues of texts (gettext), dates and numbers as each language writes them."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from babel import Locale, UnknownLocaleError, dates, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from emporion import money
from emporion.accounts.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emporion.periods import Period

# The first one is that of the texts themselves, and of those who speak none of them.
LANGUAGES = ("en", "de", "fr", "es", "pt")
# As much of Accept-Language as is looked at.
LONGEST_HEADER = 200
ACCEPTED = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII)


class Language:
    """One of them."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.locale = Locale.parse(code)
        self.texts = _texts(code)

    @property
    def name(self) -> str:
        """What its speakers call it."""
        return self.language(self.code)

    def date(self, milliseconds: int) -> str:
        """A day in UTC."""
        return dates.format_date(_moment(milliseconds), "medium", self.locale)

    def moment(self, milliseconds: int) -> str:
        """A day and time in UTC."""
        return f"{dates.format_datetime(_moment(milliseconds), 'medium', locale=self.locale)} UTC"

    def day(self, text: str) -> str:
        """A day that is written `YYYY-MM-DD`; it has no time zone."""
        return dates.format_date(date.fromisoformat(text), "medium", self.locale)

    def number(self, value: int | Decimal) -> str:
        return str(numbers.format_decimal(value, locale=self.locale, decimal_quantization=False))

    def period(self, period: Period) -> str:
        """A length of time, such as `1 month`."""
        unit = "month" if period.type == "statement_day" else period.type
        return str(units.format_unit(period.duration, f"duration-{unit}", "long", locale=self.locale))

    def money(self, amount: str | Decimal, currency: str) -> str:
        """An amount with all digits of its currency: `1,180.00 USD`; with its code, since a sign names several."""
        return self._amount(Decimal(amount), currency, money.minor_units(currency))

    def unit_price(self, amount: str | Decimal, currency: str) -> str:
        """A price for one unit, which may have more digits than its currency."""
        return self._amount(Decimal(amount), currency, money.MOST_DECIMALS)

    def _amount(self, amount: Decimal, currency: str, most: int) -> str:
        least = money.minor_units(currency)
        digits = "0" * least + "#" * (most - least)
        pattern = f"#,##0{'.' if digits else ''}{digits}\u00a0\u00a4\u00a4"
        return str(numbers.format_currency(amount, currency, pattern, self.locale, currency_digits=False))

    def countries(self, codes: Iterable[str]) -> list[tuple[str, str]]:
        """Each country's code and name, by name."""
        return _countries(self.code, tuple(codes))

    def country(self, code: str) -> str:
        """What a country is called."""
        return str(self.locale.territories.get(code, code))

    def language(self, tag: str) -> str:
        """What a language is called, or its tag."""
        try:
            name = str(Locale.parse(tag.replace("-", "_")).get_display_name(self.locale) or tag)
        except (ValueError, UnknownLocaleError):
            return tag
        return name[:1].upper() + name[1:]


@lru_cache(maxsize=len(LANGUAGES))
def language(code: str) -> Language:
    """One of LANGUAGES."""
    return Language(code)


def known(tag: str | None) -> str | None:
    """Which of LANGUAGES a language tag such as `pt-BR` or `de_AT` is, if any."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def accepted(header: str) -> str:
    """Which of LANGUAGES a browser likes best (RFC 9110 §12.5.4)."""
    liked: dict[str, float] = {}
    for entry in header[:LONGEST_HEADER].split(","):
        match = ACCEPTED.fullmatch(entry)
        if match and (code := known(match[1])):
            liked[code] = max(float(match[2] or 1), liked.get(code, 0))
    best = max(liked, key=liked.__getitem__, default=LANGUAGES[0])
    return best if liked.get(best) else LANGUAGES[0]


def _texts(code: str) -> NullTranslations:
    if code == LANGUAGES[0]:
        return NullTranslations()
    file = resources.files("emporion.web") / "locale" / code / "LC_MESSAGES" / "panel.po"
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, code))
    compiled.seek(0)
    return Translations(compiled)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@lru_cache(maxsize=len(LANGUAGES))
def _countries(code: str, codes: tuple[str, ...]) -> list[tuple[str, str]]:
    names = Locale.parse(code).territories
    # É and Å stand among E and A, not behind Z.
    return sorted(((country, names.get(country, country)) for country in codes), key=lambda one: fold(one[1]))
