"""What every store derives from a customer when it is written, so that reading it costs nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from emporion.accounts import Customer, CustomerSummary, fold, fold_email
from emporion.events import Door, Event, EventType, Origin
from emporion.store.base import Change

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Customer).decode


def document(customer: Customer) -> bytes:
    """The public JSON, as GET by id gives it."""
    return encode(customer)


def with_id(document: bytes, customer_id: int) -> bytes:
    """The document of a customer that had no id when it was rendered."""
    return document.replace(b'""', b'"%d"' % customer_id, 1)


def summary(customer: Customer) -> bytes:
    """The public JSON of a list's entry (contract: GET /customers)."""
    return encode(
        CustomerSummary(id=customer.id, external_id=customer.external_id, name=customer.name, status=customer.status)
    )


def folded_name(customer: Customer) -> str:
    """What a search by name looks into."""
    return fold(customer.name)


def folded_login(login: str) -> str:
    """What logins are compared by; they have letters of ASCII only."""
    return login.lower()


def folded_emails(customer: Customer) -> set[str]:
    """What a search by e-mail address compares with."""
    return {fold_email(person.email) for person in customer.contact_persons}


def event(
    reseller_id: int,
    sequence: int,
    account_id: int,
    kind: EventType,
    at: int,
    user: str | None,
    door: Door,
    correlation_id: str | None,
    changes: str,
) -> Event:
    """The event of a row of the table `events`."""
    return Event(
        reseller_id,
        sequence,
        account_id,
        kind,
        at,
        Origin(user, door, correlation_id),
        msgspec.json.decode(changes, type=dict[str, tuple[Any, Any]]),
    )


def emails_before(change: Change) -> set[str]:
    """The folded addresses that the customer had, if the change is one of contact persons."""
    if "contactPersons" not in change.changes:
        return set()
    before = msgspec.convert(change.changes["contactPersons"][0], list[dict[str, str]])
    return {fold_email(person["email"]) for person in before}
