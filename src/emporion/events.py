"""What happened, as an entry of a reseller's log."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

Source = Literal["api", "console", "panel", "worker", "command line"]
EventType = Literal[
    "customer.created",
    "customer.updated",
    "customer.verified",
    "reseller.created",
    "reseller.updated",
    "reseller.verified",
    "user.created",
    "user.updated",
    "key.created",
    "key.updated",
    "client.created",
    "client.updated",
    "platform.updated",
    "link.created",
    "report.created",
    "report.completed",
    "report.failed",
    "order.created",
    "order.updated",
    "order.completed",
    "order.failed",
    "order.cancelled",
    "subscription.created",
    "subscription.updated",
    "subscription.activated",
    "subscription.terminated",
    "subscription.removed",
    "catalogue.applied",
    "price.created",
    "price.updated",
    "access.refused",
]
Changes = dict[str, tuple[object, object]]
SubjectType = Literal[
    "customer",
    "reseller",
    "user",
    "key",
    "client",
    "signingKey",
    "report",
    "order",
    "subscription",
    "catalogue",
    "price",
]


class Subject(NamedTuple):
    """What an event is about. id: of an account or key, a login, or a client's `realm/id`."""

    type: SubjectType
    id: str


class Origin(Struct, frozen=True):
    """Who did it and how.

    user: a login or the name of a client, or None where the platform acted by itself. account_id: the account that the
    user acts for. address: of the network, from which the request came.
    """

    user: str | None
    source: Source
    correlation_id: str | None = None
    account_id: int | None = None
    address: str | None = None


class NewEvent(Struct, frozen=True):
    """An entry to be made in the log of `reseller_id`.

    account_id: the account that it happened to. at: milliseconds since 1970 in UTC. changes: path of each changed
    member to its values before and after, None where it was absent. A login or a secret is shown as changed, never as
    it is. reason: what there is to say beside it, such as what was refused and why. subject: what it is about, None for
    the account itself.
    """

    reseller_id: int
    account_id: int
    type: EventType
    at: int
    origin: Origin
    changes: Changes = {}
    reason: str | None = None
    subject: Subject | None = None


class Event(Struct, frozen=True):
    """An entry of a reseller's log, as it is kept. sequence: 1, 2, 3… within the reseller, without gaps."""

    reseller_id: int
    sequence: int
    account_id: int
    type: EventType
    at: int
    origin: Origin
    changes: Changes
    reason: str | None
    subject: Subject


def account_subject(reseller_id: int, account_id: int) -> Subject:
    """The subject of an event that is about its account: the reseller in whose log it stands, or a customer of it."""
    return Subject("reseller" if account_id == reseller_id else "customer", str(account_id))
