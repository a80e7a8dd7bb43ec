"""Resellers: accounts like those of customers, with a currency."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from emporion.accounts.addresses import Address
from emporion.accounts.contacts import ContactPerson
from emporion.accounts.currencies import Currency
from emporion.accounts.customers import CustomerUpdate, NewCustomer
from emporion.accounts.fields import Attributes, ExternalId, Name, TaxRegId
from emporion.accounts.ids import AccountId
from emporion.accounts.language_tags import Language
from emporion.accounts.statuses import StatusField
from emporion.paging import Pagination


class NewReseller(NewCustomer, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A reseller as clients send it to be created: an account like a customer's, with a currency."""

    currency: Currency


class ResellerUpdate(CustomerUpdate, rename="camel", kw_only=True, frozen=True):
    """Changes of a reseller, as a JSON Merge Patch (RFC 7396)."""

    currency: Currency | UnsetType = UNSET


class Reseller(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A reseller as answers show it. The first ones of a platform have only a name until more is entered."""

    id: AccountId
    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: StatusField
    address: Address | None = None
    contact_persons: list[ContactPerson] = []
    language: Language
    currency: Currency | None = None
    reseller_id: (
        Annotated[
            str,
            Meta(pattern=r"^[0-9]+$", description="The account above; the provider has none.", examples=["999999"]),
        ]
        | None
    ) = None


class ResellerPage(Struct, frozen=True):
    """A page of resellers, newest first."""

    data: list[Reseller]
    pagination: Pagination
