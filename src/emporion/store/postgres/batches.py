"""What the two functions of the PostgreSQL schema take: a group of customers as arrays, one for each column.

E-mail addresses and logins are flat lists beside them, each with the number of its customer within the group, from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from emporion.events import Origin
from emporion.store import rows
from emporion.store.administrators import AdministratorLogin
from emporion.store.customers import CustomerChange, NewRecord
from emporion.store.idempotency import IdempotentRequest
from emporion.store.postgres.ngrams import name_grams, salt


class NewColumns(NamedTuple):
    """What the function add_customers takes."""

    reseller_ids: list[int]
    external_ids: list[str | None]
    statuses: list[str]
    times: list[int]
    summaries: list[bytes]
    documents: list[bytes]
    names: list[str]
    name_grams: list[str]
    users: list[str | None]
    sources: list[str]
    correlation_ids: list[str | None]
    actor_ids: list[int | None]
    addresses: list[str | None]
    changes: list[str]
    once_keys: list[str | None]
    fingerprints: list[bytes | None]
    sinces: list[int | None]
    email_numbers: list[int]
    emails: list[str]
    login_numbers: list[int]
    login_positions: list[int]
    login_names: list[str]
    login_hashes: list[str | None]


class ChangeColumns(NamedTuple):
    """What the function change_customers takes."""

    reseller_ids: list[int]
    ids: list[int]
    versions: list[int]
    times: list[int]
    statuses: list[str]
    summaries: list[bytes]
    documents: list[bytes]
    rewrites_external_id: list[bool]
    external_ids: list[str | None]
    names: list[str | None]
    name_grams: list[str | None]
    types: list[str]
    users: list[str | None]
    sources: list[str]
    correlation_ids: list[str | None]
    actor_ids: list[int | None]
    addresses: list[str | None]
    changes: list[str]
    old_email_numbers: list[int]
    old_emails: list[str]
    email_numbers: list[int]
    emails: list[str]
    rewrites_logins: list[bool]
    login_numbers: list[int]
    login_positions: list[int]
    login_names: list[str]
    login_hashes: list[str | None]


def _call(function: str, columns: type[NamedTuple]) -> str:
    """The statement that calls a function with these columns."""
    parameters = ", ".join(f"${number}" for number in range(1, len(columns._fields) + 1))
    return f"SELECT * FROM {function}({parameters})"  # noqa: S608


ADD_CUSTOMERS = _call("add_customers", NewColumns)
CHANGE_CUSTOMERS = _call("change_customers", ChangeColumns)


def new_columns(group: Sequence[NewRecord], key: bytes) -> NewColumns:
    """The group as `ADD_CUSTOMERS` takes it. key: of the search index."""
    names = [rows.folded_name(new.customer) for new in group]
    emails = [(number, email) for number, new in enumerate(group, 1) for email in rows.folded_emails(new.customer)]
    return NewColumns(
        [new.reseller_id for new in group],
        [new.customer.external_id for new in group],
        [new.customer.status for new in group],
        [new.at for new in group],
        [rows.summary(new.customer) for new in group],
        [rows.document(new.customer) for new in group],
        names,
        [_array(name_grams(salt(key, new.reseller_id), name)) for new, name in zip(group, names, strict=True)],
        *_origin_columns([new.origin for new in group]),
        [rows.encode(new.changes).decode() for new in group],
        *_once_columns([new.once for new in group]),
        [number for number, _ in emails],
        [email for _, email in emails],
        *_login_columns([new.logins for new in group]),
    )


def change_columns(group: Sequence[CustomerChange], key: bytes) -> ChangeColumns:
    """The group as `CHANGE_CUSTOMERS` takes it. key: of the search index."""
    names = [rows.folded_name(change.customer) if "name" in change.changes else None for change in group]
    old_emails = [(number, email) for number, change in enumerate(group, 1) for email in rows.emails_before(change)]
    emails = [
        (number, email)
        for number, change in enumerate(group, 1)
        if "contactPersons" in change.changes
        for email in rows.folded_emails(change.customer)
    ]
    return ChangeColumns(
        [change.reseller_id for change in group],
        [change.id for change in group],
        [change.version for change in group],
        [change.at for change in group],
        [change.customer.status for change in group],
        [rows.summary(change.customer) for change in group],
        [rows.document(change.customer) for change in group],
        ["externalId" in change.changes for change in group],
        [change.customer.external_id for change in group],
        names,
        [
            None if name is None else _array(name_grams(salt(key, change.reseller_id), name))
            for change, name in zip(group, names, strict=True)
        ],
        [change.event for change in group],
        *_origin_columns([change.origin for change in group]),
        [rows.encode(change.changes).decode() for change in group],
        [number for number, _ in old_emails],
        [email for _, email in old_emails],
        [number for number, _ in emails],
        [email for _, email in emails],
        [change.logins is not None for change in group],
        *_login_columns([change.logins or () for change in group]),
    )


def _origin_columns(
    origins: Sequence[Origin],
) -> tuple[list[str | None], list[str], list[str | None], list[int | None], list[str | None]]:
    """The user, source, correlation id, actor and address of each event."""
    return (
        [origin.user for origin in origins],
        [origin.source for origin in origins],
        [origin.correlation_id for origin in origins],
        [origin.account_id for origin in origins],
        [origin.address for origin in origins],
    )


def _once_columns(
    onces: Sequence[IdempotentRequest | None],
) -> tuple[list[str | None], list[bytes | None], list[int | None]]:
    """The key, fingerprint and time of each that is to be done once; nothing at all where none is."""
    if not any(onces):
        return [], [], []
    return (
        [once.key if once else None for once in onces],
        [once.fingerprint if once else None for once in onces],
        [once.since if once else None for once in onces],
    )


def _login_columns(logins: Sequence[Sequence[AdministratorLogin]]) -> list[list[Any]]:
    """The number of the customer, position, name and hash of each login."""
    return transposed(
        [
            (number, login.position, login.login, login.password_hash)
            for number, some in enumerate(logins, 1)
            for login in some
        ],
        4,
    )


def transposed(rows_: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """The columns of a table."""
    return [[row[column] for row in rows_] for column in range(width)]


def _array(numbers: set[int]) -> str:
    """An array of PostgreSQL; as text, since the arrays of one parameter must all have the same length."""
    return "{" + ",".join(map(str, numbers)) + "}"
