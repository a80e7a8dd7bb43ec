"""Postal addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from emporion.accounts.countries import CountryCode, country_has_states, country_needs_postal_code
from emporion.accounts.fields import LINE_RULES, text_meta
from emporion.errors import Fault

Street = Annotated[str, text_meta(255, "Street and number.", "555 Main Street", extra=LINE_RULES)]
AddressExtension = Annotated[str, text_meta(255, "Suite, floor and the like.", "Suite 100", extra=LINE_RULES)]
PostalCode = Annotated[
    str,
    Meta(
        max_length=32,
        description="Postal code; may be left out or empty where the country has none.",
        examples=["92612"],
        extra=LINE_RULES,
    ),
]
City = Annotated[str, text_meta(255, "City.", "Irvine", extra=LINE_RULES)]
State = Annotated[
    str, text_meta(255, "State or province; required where the country's addresses have one.", "CA", extra=LINE_RULES)
]


class Address(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A postal address."""

    street_address: Street
    address_extension: AddressExtension | None = None
    postal_code: PostalCode = field(default_factory=str)  # unlike a default, it is shown
    city: City
    state: State | None = None
    country_code: CountryCode

    def faults(self) -> Iterator[Fault]:
        """A state is missing where the country's addresses have one; so is a postal code."""
        country = self.country_code if isinstance(self.country_code, str) else None
        if self.postal_code == "" and (country is None or country_needs_postal_code(country)):
            yield Fault("postalCode", "is required")
        if self.state is None and country is not None and country_has_states(country):
            yield Fault("state", f"is required for addresses in {country}")


class AddressUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """Changes of an address: members left out stay, null clears the optional ones."""

    street_address: Street | UnsetType = UNSET
    address_extension: AddressExtension | UnsetType | None = UNSET
    postal_code: PostalCode | UnsetType | None = UNSET
    city: City | UnsetType = UNSET
    state: State | UnsetType | None = UNSET
    country_code: CountryCode | UnsetType = UNSET
