"""Customers: as clients send and change them, and as answers show them (contract: POST, PATCH)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from emporion.accounts.addresses import Address, AddressUpdate
from emporion.accounts.contacts import ContactPerson, NewContactPerson, faults_of_contacts
from emporion.accounts.fields import Attributes, AttributeValue, ExternalId, Name, TaxRegId
from emporion.accounts.ids import AccountId
from emporion.accounts.language_tags import Language
from emporion.accounts.statuses import FirstStatus, StatusField
from emporion.errors import Fault
from emporion.paging import Pagination


class NewCustomer(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as clients send it to be created (contract: POST /customers)."""

    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: (
        Annotated[
            FirstStatus,
            Meta(
                description="`active` skips the platform's verification; left out, it is `pending`.",
                examples=["active"],
            ),
        ]
        | None
    ) = None
    address: Address
    contact_persons: Annotated[
        list[NewContactPerson], Meta(min_length=1, max_length=20, description="At least one is an `admin`.")
    ]
    language: Language | None = None

    def faults(self) -> Iterator[Fault]:
        """Rules between the contact persons."""
        return faults_of_contacts(self.contact_persons)


class CustomerUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """Changes of a customer, as a JSON Merge Patch (RFC 7396): the result must pass every rule of creation."""

    external_id: ExternalId | UnsetType | None = UNSET
    attributes: (
        Annotated[dict[str, AttributeValue | None], Meta(description="null takes one away.")] | UnsetType | None
    ) = UNSET
    name: Name | UnsetType = UNSET
    tax_reg_id: TaxRegId | UnsetType | None = UNSET
    status: StatusField | UnsetType = UNSET
    address: AddressUpdate | UnsetType = UNSET
    contact_persons: (
        Annotated[
            list[NewContactPerson],
            Meta(
                min_length=1,
                max_length=20,
                description="Replaces all contacts. An admin who stays (same e-mail, or the only admin before and "
                "after) keeps login and password unless new ones are given.",
            ),
        ]
        | UnsetType
    ) = UNSET
    language: Language | UnsetType | None = UNSET


class Customer(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as answers show it. Members that were never set are left out."""

    id: AccountId
    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: StatusField
    address: Address
    contact_persons: list[ContactPerson]
    language: Language
    reseller_id: Annotated[
        AccountId, Meta(description="The reseller that the customer belongs to.", examples=["1000000"])
    ]


class CustomerSummary(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as a list shows it."""

    id: AccountId
    external_id: ExternalId | None = None
    name: Name
    status: StatusField


class CustomerPage(Struct, frozen=True):
    """A page of customers, newest first (contract version 1.6)."""

    data: list[CustomerSummary]
    pagination: Pagination


class WholeCustomerPage(Struct, frozen=True):
    """A page of whole customers, newest first (contract version 1.15)."""

    data: list[Customer]
    pagination: Pagination
