"""Orders and subscriptions in words, and money as languages write it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec import structs

from emporion.money import Amount
from emporion.orders.outlook import Outlook, OutlookItem
from emporion.periods import Period
from emporion.web import i18n
from emporion.web.console.selling import billed_words, ordinal_words, period_words, summary_words

ENGLISH = i18n.language("en")
MONTH, YEAR = Period("month", 1), Period("year", 1)
SEATS = Outlook(
    name="Workspace",
    items=[OutlookItem("1", "SEAT", "Seat", Decimal(10)), OutlookItem("2", "GONE", "Gone", Decimal(0))],
    billing_model="chargeBeforeBillingPeriod",
    billing_period=MONTH,
    subscription_period=YEAR,
    trial=False,
    renews=True,
    ended=False,
    anchor="2026-09-27",
    expiration="2027-09-27",
    renewal_date="2027-09-26",
    per_period=Amount("USD", "180"),
    per_term=Amount("USD", "2160"),
    next_charge="2026-10-27",
)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "10 × Seat for 1 year, billed monthly: now 180.00 USD, then 180.00 USD on the 27th of each month."),
        ({"anchor": "2026-08-31"}, "now 180.00 USD, then 180.00 USD on the 31st of each month, or its last day."),
        ({"billing_period": Period("month", 3)}, "then 180.00 USD every 3 months, next on Oct 27, 2026."),
        ({"next_charge": None}, "then nothing until it renews on Sep 26, 2027, for 2,160.00 USD."),
        ({"next_charge": None, "renews": False}, "then nothing: it ends on Sep 27, 2027."),
        ({"ended": True, "expiration": "2026-10-01"}, "then nothing: it ends on Oct 1, 2026."),
        ({"billing_model": "chargeAfterBillingPeriod"}, "on the 27th of each month, for what is past then."),
    ],
)
def test_what_is_charged_when_is_a_sentence(members: dict[str, object], words: str) -> None:
    now = Amount("USD", "180")
    assert plain(summary_words(ENGLISH, structs.replace(SEATS, **members), now)).endswith(words)


def test_what_is_given_back_is_said_so() -> None:
    assert "billed monthly: 6.67 USD is given back now, then" in plain(
        summary_words(ENGLISH, SEATS, Amount("USD", "-6.67"))
    )


def test_without_what_is_due_now_the_sentence_says_what_is_charged() -> None:
    assert "billed monthly: 180.00 USD on the 27th of each month." in plain(summary_words(ENGLISH, SEATS))


@pytest.mark.parametrize(
    ("amount", "currency", "code", "shown"),
    [
        ("70.5", "USD", "en", "70.50 USD"),
        ("1234567.8", "EUR", "de", "1.234.567,80 EUR"),
        ("-1234", "JPY", "en", "-1,234 JPY"),
        ("1.5", "KWD", "fr", "1,500 KWD"),
    ],
)
def test_money_has_the_digits_of_its_currency_in_the_readers_language(
    amount: str, currency: str, code: str, shown: str
) -> None:
    assert plain(i18n.language(code).money(amount, currency)) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("4.5", "USD", "4.50 USD"), ("0.000125", "USD", "0.000125 USD"), ("0.5", "JPY", "0.5 JPY"), ("3", "JPY", "3 JPY")],
)
def test_a_price_for_one_has_as_many_digits_as_it_needs(amount: str, currency: str, shown: str) -> None:
    assert plain(ENGLISH.unit_price(amount, currency)) == shown


def test_periods_are_words() -> None:
    assert [period_words(one) for one in (YEAR, Period("month", 3), Period("day", 1))] == [
        "1 year",
        "3 months",
        "1 day",
    ]
    assert [billed_words(one) for one in (MONTH, Period("year", 2))] == ["monthly", "every 2 years"]
    assert [ordinal_words(day) for day in (1, 2, 3, 11, 21, 27, 112)] == [
        "1st", "2nd", "3rd", "11th", "21st", "27th", "112th",
    ]  # fmt: skip
