"""The tables, in a PostgreSQL schema of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, MetaData, String, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, composite, mapped_column, relationship

SCHEMA = "reference"
FIRST_CUSTOMER = 1_000_001


class Base(DeclarativeBase):
    """What all tables have in common."""

    metadata = MetaData(schema=SCHEMA)


class Reseller(Base):
    """A reseller; parent_id: the account above it."""

    __tablename__ = "resellers"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    currency: Mapped[str | None] = mapped_column(String(3))
    parent_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"), index=True)


class SubscriptionKey(Base):
    """The SHA-256 of a subscription key, and whose it is."""

    __tablename__ = "subscription_keys"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"))


@dataclass(frozen=True)
class Address:
    """A postal address: six columns of a customer."""

    street_address: str
    address_extension: str | None
    postal_code: str
    city: str
    state: str | None
    country_code: str


class Customer(Base):
    """A customer. name_folded: what a search by name looks into."""

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("reseller_id", "external_id", name="customers_external_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(start=FIRST_CUSTOMER), primary_key=True)
    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"))
    external_id: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    # Folding makes some letters two, so it may be longer than the name.
    name_folded: Mapped[str]
    tax_reg_id: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(35))
    attributes: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    address: Mapped[Address] = composite(
        mapped_column("street_address", String(255)),
        mapped_column("address_extension", String(255)),
        mapped_column("postal_code", String(32)),
        mapped_column("city", String(255)),
        mapped_column("state", String(255)),
        mapped_column("country_code", String(2)),
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    contact_persons: Mapped[list[ContactPerson]] = relationship(
        cascade="all, delete-orphan", order_by="ContactPerson.position", lazy="raise"
    )


class ContactPerson(Base):
    """A person of a customer. position: among the customer's persons, from 0."""

    __tablename__ = "contact_persons"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.customers.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    type: Mapped[str] = mapped_column(String(16))
    first_name: Mapped[str] = mapped_column(String(255))
    last_name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(254))
    phone_number: Mapped[str] = mapped_column(String(64))
    login: Mapped[str | None] = mapped_column(String(256))
    password_hash: Mapped[str | None]


Index("customers_newest", Customer.reseller_id, Customer.id.desc())
Index(
    "customers_name",
    Customer.name_folded,
    postgresql_using="gin",
    postgresql_ops={"name_folded": "gin_trgm_ops"},
    # Else searches read through a list of what was written lately.
    postgresql_with={"fastupdate": "off"},
)
Index("contact_persons_email", func.lower(ContactPerson.email))
# Two logins that differ in case only are the same one.
Index("contact_persons_login", func.lower(ContactPerson.login), unique=True)
