"""The places of the console, in groups, and which of them a user can go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emporion.marketplace.actors import ROLES

if TYPE_CHECKING:
    from emporion.credentials import Role
    from emporion.web.pages import PageRequest


class Place(NamedTuple):
    """A place. path: within the console. role: what it takes to see it."""

    path: str
    name: str
    role: Role = "reader"


class PlaceGroup(NamedTuple):
    """Places that belong together."""

    name: str
    places: tuple[Place, ...]


GROUPS = (
    PlaceGroup(
        "Sell",
        (
            Place("/customers", "Customers"),
            Place("/orders", "Orders"),
            Place("/subscriptions", "Subscriptions"),
        ),
    ),
    PlaceGroup(
        "Catalogue",
        (
            Place("/plans", "Plans"),
            Place("/products", "Products"),
            Place("/prices", "Prices"),
        ),
    ),
    PlaceGroup(
        "Platform",
        (
            Place("/resellers", "Resellers"),
            Place("/keys", "Keys"),
            Place("/users", "Users"),
        ),
    ),
    PlaceGroup(
        "Data",
        (
            Place("/imports", "Imports", "editor"),
            Place("/reports", "Reports"),
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
