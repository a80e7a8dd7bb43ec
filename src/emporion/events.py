"""What happened to an account, as an entry of its reseller's log."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Door = Literal["api", "worker", "command line"]
EventType = Literal["customer.created", "customer.updated", "customer.verified"]


class Origin(Struct, frozen=True):
    """Who did it and how: user is a login, or None where the platform acted by itself."""

    user: str | None
    door: Door
    correlation_id: str | None = None


class Event(Struct, frozen=True):
    """One entry of a reseller's log.

    sequence: 1, 2, 3… within the reseller, without gaps. at: milliseconds since 1970 in UTC.
    changes: path of each changed member to its values before and after, None where it was absent. A login or a
    password is shown as changed, never as it is.
    """

    reseller_id: int
    sequence: int
    account_id: int
    type: EventType
    at: int
    origin: Origin
    changes: dict[str, tuple[object, object]]
