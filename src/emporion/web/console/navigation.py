"""The places of the console, in groups, and which of them a user can go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emporion.marketplace.actors import ROLES

if TYPE_CHECKING:
    from emporion.credentials import Role
    from emporion.web.pages import PageRequest


class ConsolePlace(NamedTuple):
    """A place. path: within the console. role: what it takes to see it."""

    path: str
    name: str
    role: Role = "reader"


class PlaceGroup(NamedTuple):
    """Places that belong together."""

    name: str
    places: tuple[ConsolePlace, ...]


GROUPS = (
    PlaceGroup(
        "Sell",
        (
            ConsolePlace("/customers", "Customers"),
            ConsolePlace("/orders", "Orders"),
            ConsolePlace("/subscriptions", "Subscriptions"),
        ),
    ),
    PlaceGroup(
        "Catalogue",
        (
            ConsolePlace("/plans", "Plans"),
            ConsolePlace("/products", "Products"),
            ConsolePlace("/prices", "Prices"),
        ),
    ),
    PlaceGroup(
        "Platform",
        (
            ConsolePlace("/resellers", "Resellers"),
            ConsolePlace("/keys", "Keys"),
            ConsolePlace("/users", "Users"),
        ),
    ),
    PlaceGroup(
        "Data",
        (
            ConsolePlace("/imports", "Imports", "editor"),
            ConsolePlace("/reports", "Reports"),
        ),
    ),
)


def navigation(visit: PageRequest) -> list[PlaceGroup]:
    """The places that the user can go to."""
    rank = ROLES.index(visit.actor.role)
    return [
        PlaceGroup(group.name, tuple(place for place in group.places if ROLES.index(place.role) <= rank))
        for group in GROUPS
    ]
