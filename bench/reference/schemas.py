"""What goes in and out as JSON, and the rules of each member (contract: GET and POST /customers)."""

from __future__ import annotations

from typing import Annotated, Literal

from email_validator import validate_email
from pydantic import AfterValidator, AliasGenerator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from emporion.accounts.countries import COUNTRIES, country_has_states
from emporion.accounts.folding import fold
from emporion.credentials import password_fault
from emporion.paging import LARGEST_NUMBER, LARGEST_PAGE

Status = Literal["pending", "active", "creditHold", "adminHold", "cancelled", "error"]
_countries = frozenset(COUNTRIES)


def _email(value: str) -> str:
    # Like pydantic's EmailStr, but keeps what was sent and takes the contract's own example domain, .test.
    validate_email(value, check_deliverability=False, test_environment=True)
    return value


def _country(value: str) -> str:
    if value not in _countries:
        raise ValueError("must be an ISO 3166-1 alpha-2 country code in upper case, such as US or DE")
    return value


def _password(value: str) -> str:
    fault = password_fault(value, "medium")
    if fault:
        raise ValueError(fault)
    return value


def _searched(value: str) -> str:
    folded = fold(value)
    if not folded:
        raise ValueError("must have more than accents")
    return folded


Text64 = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text255 = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Email = Annotated[str, StringConstraints(min_length=1, max_length=254), AfterValidator(_email)]
Phone = Annotated[str, StringConstraints(max_length=64, pattern=r"^\+?[0-9(][0-9 .()#-]{3,}$")]
Login = Annotated[str, StringConstraints(min_length=5, max_length=256, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$")]
Password = Annotated[str, StringConstraints(max_length=256), AfterValidator(_password)]
Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
AttributeValue = Annotated[str, StringConstraints(max_length=2048)]


class Sent(BaseModel):
    """What clients send, by the names of the contract."""

    model_config = ConfigDict(alias_generator=to_camel)


class Shown(BaseModel):
    """What answers show, made from rows."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True, coerce_numbers_to_str=True
    )


class NewAddress(Sent):
    """A postal address."""

    street_address: Text255
    address_extension: Text255 | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    city: Text255
    state: Text255 | None = None
    country_code: CountryCode

    @model_validator(mode="after")
    def _check_state(self) -> NewAddress:
        if self.state is None and country_has_states(self.country_code):
            raise ValueError(f"state is required for addresses in {self.country_code}")
        return self


class NewContactPerson(Sent):
    """A person of the account; an admin may be given a login and a password."""

    type: Literal["admin", "billing", "technical"]
    first_name: Text255
    last_name: Text255
    email: Email
    phone_number: Phone
    login: Login | None = None
    password: Password | None = None

    @model_validator(mode="after")
    def _check_login(self) -> NewContactPerson:
        if self.type != "admin" and (self.login or self.password):
            raise ValueError("only an admin has a login and a password")
        return self


class NewCustomer(Sent):
    """A customer to be created."""

    external_id: Text255 | None = None
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=64)] | None = None
    name: Name
    tax_reg_id: Text64 | None = None
    status: Literal["active", "pending"] | None = None
    address: NewAddress
    contact_persons: Annotated[list[NewContactPerson], Field(min_length=1, max_length=20)]
    language: Language | None = None

    @model_validator(mode="after")
    def _check_admin(self) -> NewCustomer:
        if not any(person.type == "admin" for person in self.contact_persons):
            raise ValueError("contactPersons must have at least one person of type admin")
        return self


class Address(Shown):
    """A postal address."""

    street_address: str
    address_extension: str | None = None
    postal_code: str
    city: str
    state: str | None = None
    country_code: str


class ContactPerson(Shown):
    """A person of the account."""

    type: Literal["admin", "billing", "technical"]
    first_name: str
    last_name: str
    email: str
    phone_number: str


class Customer(Shown):
    """A customer with all its members."""

    id: str
    external_id: str | None = None
    attributes: dict[str, str] | None = None
    name: str
    tax_reg_id: str | None = None
    status: Status
    address: Address
    contact_persons: list[ContactPerson]
    language: str
    reseller_id: str


class CustomerSummary(Shown):
    """A customer in a list."""

    id: str
    external_id: str | None = None
    name: str
    status: Status


class Pagination(BaseModel):
    """Which part of the whole list a page is."""

    offset: int
    limit: int
    total: int


class Page(BaseModel):
    """A page of customers, newest first."""

    data: list[CustomerSummary]
    pagination: Pagination


class CustomerQuery(Sent):
    """Which customers a list shows. name: is folded here."""

    offset: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0
    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, LARGEST_PAGE))] = 10
    name: Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_searched)] | None = None
    email: Annotated[str, StringConstraints(min_length=1, max_length=254)] | None = None
    external_id: Text255 | None = None
