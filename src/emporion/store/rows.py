"""What every store derives from a customer when it is written, so that reading it costs nothing."""

from __future__ import annotations

import msgspec

from emporion.accounts import Customer, CustomerSummary, fold, fold_email

encode = msgspec.json.Encoder().encode


def document(customer: Customer) -> bytes:
    """The public JSON, as GET by id gives it."""
    return encode(customer)


def summary(customer: Customer) -> bytes:
    """The public JSON of a list's entry (contract: GET /customers)."""
    return encode(
        CustomerSummary(id=customer.id, external_id=customer.external_id, name=customer.name, status=customer.status)
    )


def folded_name(customer: Customer) -> str:
    """What a search by name looks into."""
    return fold(customer.name)


def folded_emails(customer: Customer) -> set[str]:
    """What a search by e-mail address compares with."""
    return {fold_email(person.email) for person in customer.contact_persons}
