"""Who is acting."""

from __future__ import annotations

from msgspec import Struct

from emporion.events import Door, Origin


class Actor(Struct, frozen=True):
    """A user of an account, who has come in through a door.

    account_id: the reseller for which he acts. correlation_id: of the request, if it has one.
    """

    account_id: int
    user: str
    door: Door
    correlation_id: str | None = None

    def origin(self) -> Origin:
        """What the log says of him."""
        return Origin(self.user, self.door, self.correlation_id)
