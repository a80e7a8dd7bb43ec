"""What every store derives from a customer when it is written, so that reading it costs nothing."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from emporion.accounts.customers import Customer, CustomerSummary
from emporion.accounts.folding import fold
from emporion.accounts.resellers import Reseller
from emporion.emails import fold_email
from emporion.events import Event, EventType, NewEvent, Origin, Source, Subject, SubjectType, account_subject
from emporion.store.customers import CustomerChange

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Customer).decode


# An address that another one may be a spelling of.
EMAIL_BEYOND_ASCII = re.compile(rb'"email":"[^"\x80-\xff]*[\x80-\xff]')


def document(account: Customer | Reseller) -> bytes:
    """The public JSON, as GET by id gives it."""
    return encode(account)


def with_id(document: bytes, customer_id: int) -> bytes:
    """The document of a customer that had no id when it was rendered."""
    return document.replace(b'""', b'"%d"' % customer_id, 1)


def summary(customer: Customer) -> bytes:
    """The public JSON of a list's entry (contract: GET /customers)."""
    return encode(
        CustomerSummary(id=customer.id, external_id=customer.external_id, name=customer.name, status=customer.status)
    )


def folded_name(account: Customer | Reseller) -> str:
    """What a search by name looks into."""
    return fold(account.name)


def folded_login(login: str) -> str:
    """What logins are compared by; they have letters of ASCII only."""
    return login.lower()


def folded_emails(account: Customer | Reseller) -> set[str]:
    """What a search by e-mail address compares with."""
    return {fold_email(person.email) for person in account.contact_persons}


class _Person(msgspec.Struct):
    email: str


class _Account(msgspec.Struct, rename="camel"):
    name: str
    contact_persons: list[_Person] = []


def folded_anew(document: bytes) -> str:
    """What a search by name looks into, for a document."""
    return fold(msgspec.json.decode(document, type=_Account).name)


def emails_folded_anew(document: bytes) -> tuple[set[str], set[str]]:
    """The addresses in a document as they were folded once, by case alone, and as they are now."""
    if not EMAIL_BEYOND_ASCII.search(document):
        return set(), set()
    emails = [person.email for person in msgspec.json.decode(document, type=_Account).contact_persons]
    return {email.casefold() for email in emails}, {fold_email(email) for email in emails}


def email_lines(reseller: Reseller) -> str:
    """A reseller's folded e-mail addresses as one text, each between two line ends, which no address has in it."""
    return "".join(f"\n{email}\n" for email in sorted(folded_emails(reseller)))


def event(
    reseller_id: int,
    sequence: int,
    account_id: int,
    kind: EventType,
    at: int,
    user: str | None,
    source: Source,
    correlation_id: str | None,
    changes: str,
    actor_id: int | None,
    address: str | None,
    reason: str | None,
    subject_type: SubjectType | None,
    subject_id: str | None,
) -> Event:
    """The event of a row of the table `events`."""
    return Event(
        reseller_id,
        sequence,
        account_id,
        kind,
        at,
        Origin(user, source, correlation_id, actor_id, address),
        msgspec.json.decode(changes, type=dict[str, tuple[Any, Any]]),
        reason,
        Subject(subject_type, subject_id) if subject_type and subject_id else account_subject(reseller_id, account_id),
    )


def event_values(sequence: int, new: NewEvent) -> tuple[object, ...]:
    """The row of a new event, as `event` takes it."""
    origin = new.origin
    return (new.reseller_id, sequence, new.account_id, new.type, new.at, origin.user, origin.source,
            origin.correlation_id, encode(new.changes).decode(), origin.account_id, origin.address,
            new.reason, *(new.subject or (None, None)))  # fmt: skip


def emails_before(change: CustomerChange) -> set[str]:
    """The folded addresses that the customer had, if the change is one of contact persons."""
    if "contactPersons" not in change.changes:
        return set()
    before = msgspec.convert(change.changes["contactPersons"][0], list[dict[str, str]])
    return {fold_email(person["email"]) for person in before}
