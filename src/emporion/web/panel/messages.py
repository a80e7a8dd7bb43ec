"""What the panel tells people in their language: statuses, kinds of contacts, and what is wrong with a field.

The rules of accounts tell their faults in English, with the words of a program; here each has a sentence for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emporion.marketplace.customers import STAY
from emporion.marketplace.sessions import WRONG_NOW

if TYPE_CHECKING:
    from emporion.accounts.contacts import ContactType
    from emporion.accounts.statuses import Status
    from emporion.errors import Fault
    from emporion.orders.kept import ChargeType, OrderStatus, OrderType
    from emporion.subscriptions import SubscriptionStatus
    from emporion.web.i18n import Language


def _(text: str) -> str:
    """Marks a text for the catalogues; it is looked up when it is shown."""
    return text


STATUS_NAMES: dict[Status, str] = {
    "pending": _("Being checked"),
    "active": _("Active"),
    "creditHold": _("On hold: payment is due"),
    "adminHold": _("Suspended"),
    "cancelled": _("Closed"),
    "error": _("Could not be verified"),
}
STATUS_WORDS: dict[Status, str] = {
    "pending": _("Your account is new and still being checked. You can already look around; ordering comes later."),
    "active": _("Everything is in order: you can use your services and order more."),
    "creditHold": _("You can keep using what you have. To order anything new, please pay the open balance first."),
    "adminHold": _("Your services are suspended because their terms were violated. Please contact your provider."),
    "cancelled": _("This account has been closed for good, so it cannot be signed in to any more."),
    "error": _("This account could not be verified, so it cannot be signed in to yet."),
}
SUSPENDED_ABOVE = _("The access of the company that provides this account is suspended at the moment.")
CONTACT_TYPES: dict[ContactType, str] = {
    "admin": _("Administrator"),
    "billing": _("Billing"),
    "technical": _("Technical"),
}
SUBSCRIPTION_NAMES: dict[SubscriptionStatus, str] = {
    "pending": _("Being set up"),
    "active": _("Active"),
    "hold": _("Suspended"),
    "terminated": _("Ended"),
    "removed": _("Ended"),
}
SUBSCRIPTION_MARKS: dict[SubscriptionStatus, str] = {"pending": "pending", "active": "active", "hold": "adminHold"}
ORDER_NAMES: dict[OrderStatus, str] = {
    "submitted": _("Waiting"),
    "processing": _("In progress"),
    "error": _("Delayed"),
    "completed": _("Done"),
    "cancelled": _("Cancelled"),
}
ORDER_MARKS: dict[OrderStatus, str] = {
    "submitted": "pending",
    "processing": "pending",
    "error": "error",
    "completed": "active",
}
ORDER_KINDS: dict[OrderType, str] = {
    "sales": _("Purchase"),
    "change": _("Change"),
    "renewal": _("Renewal"),
    "cancellation": _("Cancellation"),
    "migration": _("Transfer from another provider"),
}
ORDER_SENTENCES: dict[OrderStatus, str] = {
    "submitted": _("Your order has arrived and will be carried out soon."),
    "processing": _("Your order is being carried out."),
    "error": _("Your order could not be carried out yet. Please ask your provider about it."),
    "completed": _("Your order has been carried out."),
    "cancelled": _("This order has been cancelled, so nothing is charged for it."),
}
# What an order of an account in such a status waits for, where it is the account's turn.
ORDER_HELD: dict[Status, str] = {
    "pending": _("Your order waits until your account has been checked."),
    "creditHold": _("Your order waits until the open balance is paid."),
    "adminHold": _("Your order waits until your services are no longer suspended."),
}
ORDER_OF_HELD = _("Your order waits until the subscription is no longer suspended.")
CHARGE_NAMES: dict[ChargeType, str] = {
    "setup": _("Setup"),
    "recurring": _("Subscription fee"),
    "recurringRefund": _("Refund"),
    "renew": _("Renewal"),
    "switch": _("Change"),
    "cancellation": _("Refund"),
}
NOTES: dict[str, str] = {
    "changed": _("Your changes have been saved."),
    "password": _("Your password has been changed. You have been signed out everywhere else."),
    "ended": _("All other sessions have been ended."),
    "signed-out": _("You are signed out."),
    "welcome": _("Your password is set, and you are signed in."),
}
WRONG = _("The login or password is wrong.")
TOO_MANY = _("Too many failed attempts. Please try again in %(seconds)s s.")
MOVED = _("The account was changed in the meantime, so nothing has been saved. Please repeat your changes.")
DIFFERENT = _("The two passwords do not match.")
BAD_LINK = _("This link has already been used, is too old, or was replaced by a newer one.")
UNREADABLE = _("Your browser sent something unreadable. Please reload the page and try again.")
NOTHING = _("There is nothing at this address.")
# What is told where there is no form to tell it in, by the name of the code.
PROBLEMS: dict[str, str] = {
    "INTERNAL": _("Something went wrong on our side. If it happens again, please tell us the number below."),
    "UNAVAILABLE": _("This is not possible right now. Please try again in a moment."),
    "LIMITED": _("Too many attempts. Please wait a minute, then try again."),
    "FORBIDDEN": _("This form is out of date. Please go back, reload the page and try again."),
    "NOT_FOUND": NOTHING,
    "METHOD_NOT_ALLOWED": NOTHING,
    "CONFLICT": _("Your password was changed at the same moment. Please sign in with the new one."),
    "TOO_LARGE": _("Your input is too long."),
    "TIMEOUT": _("Your browser took too long to send this. Please try again."),
    "UNSUPPORTED_MEDIA_TYPE": UNREADABLE,
    "MALFORMED": UNREADABLE,
}
EMPTY = _("Please fill in this field.")

FAULTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (r"is required|must not be empty|cannot be cleared.*", EMPTY),
        (r"is required for addresses in .*", _("Addresses in this country need a state or province.")),
        (r"must have (\d+ to|at most) (?P<most>\d+) characters, not .*", _("Please use at most %(most)s characters.")),
        (r"must be one line, .*", _("Please write this in one line.")),
        (r"must not contain (control characters|marks that turn) .*", _("Please remove invisible control characters.")),
        (r"must have a character that can be seen", EMPTY),
        (r"must be an e-mail address .*", _("Please enter an e-mail address such as jane.doe@example.com.")),
        (r"must be in E\.164.*", _("Please enter the phone number with its country code, such as +49891234567.")),
        (r"must be an ISO 3166-1 .*", _("Please choose a country from the list.")),
        (r"must be a language tag .*", _("Please choose a language from the list.")),
        (r"must be admin, billing or technical", _("Please choose what kind of contact this is.")),
        (r"must have at least one person of type admin", _("At least one contact must be an administrator.")),
        (r"must have 1 to (?P<most>\d+) entries.*", _("You can have 1 to %(most)s contacts.")),
        (re.escape(STAY), _("You cannot remove yourself or stop being an administrator.")),
        (re.escape(WRONG_NOW), _("This is not your current password.")),
        (r"must have at least (?P<fewest>\d+) characters", _("Please use at least %(fewest)s characters.")),
        (
            r"must have at least (?P<fewest>\d+) characters and three of .*",
            _("At least %(fewest)s characters, and three of: capital letters, small letters, digits, others."),
        ),
        (
            r"must have at least (?P<fewest>\d+) characters and upper case, .*",
            _("At least %(fewest)s characters, with capital letters, small letters, digits and others."),
        ),
        (re.escape(DIFFERENT), DIFFERENT),
    )
)
UNKNOWN = _("This value cannot be used here.")


def told(faults: Iterable[Fault], language: Language) -> dict[str, str]:
    """What is wrong with each field, in a language."""
    return {fault.field: sentence(fault.message, language) for fault in faults}


def sentence(message: str, language: Language) -> str:
    """What a fault's message says, in a language."""
    for pattern, text in FAULTS:
        if found := pattern.fullmatch(message):
            values = found.groupdict()
            translated = language.texts.gettext(text)
            return translated % values if values else translated
    return language.texts.gettext(UNKNOWN)
