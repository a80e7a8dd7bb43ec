"""What happened to an account, as an entry of its reseller's log."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Door = Literal["api", "console", "panel", "worker", "command line"]
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
    "access.refused",
]
Changes = dict[str, tuple[object, object]]


class Origin(Struct, frozen=True):
    """Who did it and how.

    user: a login or the name of a client, or None where the platform acted by itself. account_id: the account that he
    acts for. address: of the network, from which the request came.
    """

    user: str | None
    door: Door
    correlation_id: str | None = None
    account_id: int | None = None
    address: str | None = None


class NewEvent(Struct, frozen=True):
    """An entry to be made in the log of `reseller_id`.

    account_id: the account that it is about. at: milliseconds since 1970 in UTC. changes: path of each changed member
    to its values before and after, None where it was absent. A login or a secret is shown as changed, never as it is.
    reason: for a refusal, what was refused and why.
    """

    reseller_id: int
    account_id: int
    type: EventType
    at: int
    origin: Origin
    changes: Changes = {}
    reason: str | None = None


class Event(Struct, frozen=True):
    """One entry of a reseller's log, as it is kept. sequence: 1, 2, 3… within the reseller, without gaps."""

    reseller_id: int
    sequence: int
    account_id: int
    type: EventType
    at: int
    origin: Origin
    changes: Changes
    reason: str | None = None
