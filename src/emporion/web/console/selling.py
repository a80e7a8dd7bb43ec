"""Orders and subscriptions in words: periods, what is charged when, and what has what status."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from emporion.errors import Code, Problem
from emporion.marketplace.customers import decode as decode_customer

if TYPE_CHECKING:
    from emporion.money import Amount
    from emporion.orders.outlook import Outlook
    from emporion.periods import Period
    from emporion.web.i18n import Language
    from emporion.web.pages import PageRequest

ORDER_TYPES: dict[str, str] = {
    "sales": "Sale",
    "change": "Change",
    "renewal": "Renewal",
    "cancellation": "Cancellation",
    "migration": "Migration",
}
ORDER_WORDS: dict[str, str] = {
    "submitted": "placed",
    "processing": "being provided",
    "error": "failed",
    "completed": "done",
    "cancelled": "cancelled",
}
ORDER_BADGES: dict[str, str] = {
    "submitted": "pending",
    "processing": "pending",
    "error": "error",
    "completed": "active",
}
SUBSCRIPTION_WORDS: dict[str, str] = {
    "pending": "being provided",
    "active": "active",
    "hold": "on hold",
    "terminated": "ended",
    "removed": "removed",
}
SUBSCRIPTION_BADGES: dict[str, str] = {"pending": "pending", "active": "active", "hold": "adminHold"}
CHARGES: dict[str, str] = {
    "setup": "Setup",
    "recurring": "Recurring",
    "recurringRefund": "Given back",
    "renew": "Renewal",
    "switch": "Switch",
    "cancellation": "Given back",
}
MODELS_OF_BILLING: dict[str, str] = {
    "chargeBeforeBillingPeriod": "before each billing period",
    "chargeAfterBillingPeriod": "after each billing period",
    "chargeBeforeSubscriptionPeriod": "for the whole term at its beginning",
    "chargeExternalRating": "by what was used",
}
_ADVERBS = {("day", 1): "daily", ("month", 1): "monthly", ("statement_day", 1): "monthly", ("year", 1): "yearly"}
_UNITS = {"day": "day", "month": "month", "statement_day": "month", "year": "year"}
# Each month has days up to this one.
_LAST_OF_ALL = 28


def period_words(period: Period) -> str:
    """A length of time, such as `1 year` or `3 months`."""
    return f"{period.duration} {_UNITS[period.type]}{'' if period.duration == 1 else 's'}"


def again_words(period: Period) -> str:
    """A length of time after `another`, such as `year` or `3 months`."""
    return period_words(period).removeprefix("1 ")


def billed_words(period: Period) -> str:
    """How often something is billed, such as `monthly` or `every 3 months`."""
    return _ADVERBS.get((period.type, period.duration)) or f"every {period_words(period)}"


def ordinal_words(number: int) -> str:
    """A number in a row, such as `27th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def items_words(language: Language, outlook: Outlook) -> str:
    """What a subscription has, such as `10 × Seat and 2 × Archive`."""
    items = [f"{language.number(item.quantity)} × {item.name}" for item in outlook.items if item.quantity]
    return ", ".join(items[:-1]) + f" and {items[-1]}" if len(items) > 1 else "".join(items)


def then_words(language: Language, outlook: Outlook) -> str:
    """What is charged afterwards, as the end of a sentence."""
    end = language.day(outlook.expiration)
    if outlook.ended:
        return f"then nothing: it ends on {end}"
    if outlook.next_charge:
        amount = language.money(outlook.per_period.amount, outlook.per_period.currency)
        past = ", for what is past then" if outlook.billing_model == "chargeAfterBillingPeriod" else ""
        return f"then {amount} {_days_words(language, outlook)}{past}"
    if not outlook.renews:
        return f"then nothing: it ends on {end}"
    amount = language.money(outlook.per_term.amount, outlook.per_term.currency)
    return f"then nothing until it renews on {language.day(outlook.renewal_date or outlook.expiration)}, for {amount}"


def now_words(language: Language, now: Amount) -> str:
    """What is charged at once, or given back."""
    if now.amount.startswith("-"):
        return f"{language.money(now.amount.removeprefix('-'), now.currency)} is given back now"
    return f"now {language.money(now.amount, now.currency)}"


def summary_words(language: Language, outlook: Outlook, now: Amount | None = None) -> str:
    """A subscription in a sentence. now: what is charged at once; None where the sentence is not to say that."""
    then = then_words(language, outlook)
    costs = f"{now_words(language, now)}, {then}" if now else then.removeprefix("then ")
    term, billed = period_words(outlook.subscription_period), billed_words(outlook.billing_period)
    return f"{items_words(language, outlook)} for {term}, billed {billed}: {costs}."


async def customer_names(visit: PageRequest, ids: Iterable[str]) -> dict[str, str]:
    """What customers that the user reaches are called, by their ids."""

    async def name(customer_id: str) -> tuple[str, str]:
        try:
            found = await visit.marketplace.customers.find(visit.actor, customer_id)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return customer_id, customer_id
        return customer_id, decode_customer(found.document).name

    return dict(await asyncio.gather(*map(name, dict.fromkeys(ids))))


def _days_words(language: Language, outlook: Outlook) -> str:
    """On which days a period is charged."""
    period, anchor = outlook.billing_period, date.fromisoformat(outlook.anchor)
    following = language.day(outlook.next_charge or outlook.expiration)
    if period.duration > 1:
        return f"every {period_words(period)}, next on {following}"
    if period.type == "month":
        last = ", or its last day" if anchor.day > _LAST_OF_ALL else ""
        return f"on the {ordinal_words(anchor.day)} of each month{last}"
    if period.type == "day":
        return "each day"
    return f"each {_UNITS[period.type]}, next on {following}"
