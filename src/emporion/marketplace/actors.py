"""Who is acting."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from msgspec import Struct

from emporion.accounts.ids import PROVIDER_ID
from emporion.credentials import Role
from emporion.errors import AccessDenied, Code, not_found
from emporion.events import Origin, Source

if TYPE_CHECKING:
    from emporion.store.resellers import ResellerStore

# Each may do what those before it may.
ROLES: tuple[Role, ...] = get_args(Role)


class Actor(Struct, frozen=True):
    """A user or client of an account, who acts through a source such as the API.

    account_id: the account for which it acts. correlation_id: of the request, if it has one. address: of the network.
    """

    account_id: int
    user: str
    source: Source
    role: Role = "owner"
    correlation_id: str | None = None
    address: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether the actor acts for the provider, who owns the platform (contract: Who is who)."""
        return self.account_id == PROVIDER_ID

    def must_be(self, role: Role) -> None:
        """Raise AccessDenied (FORBIDDEN) if the actor's role may do less than `role`."""
        if ROLES.index(self.role) < ROLES.index(role):
            raise AccessDenied(
                Code.FORBIDDEN,
                f"The role {self.role} may not do this; it takes the role {role}.",
                self.account_id,
                self.user,
            )

    def origin(self) -> Origin:
        """The origin of the actor's events in the log."""
        return Origin(self.user, self.source, self.correlation_id, self.account_id, self.address)


async def check_reach(resellers: ResellerStore, actor: Actor, reseller_id: int) -> None:
    """Raise Problem (NOT_FOUND) unless the reseller is the actor's own account or stands below it."""
    if not await resellers.is_within(reseller_id, actor.account_id):
        raise not_found(f"there is no reseller {reseller_id}")
