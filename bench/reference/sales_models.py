"""The tables of what is sold: plans, products, subscriptions and orders."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, Identity, Index, Numeric, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bench.reference.models import SCHEMA, Base

MONEY = Numeric(18, 6)
QUANTITY = Numeric(14, 4)


class Plan(Base):
    """A plan, with the service that it belongs to. is_for_all: whether all resellers sell it."""

    __tablename__ = "plans"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    service_name: Mapped[str] = mapped_column(String(255))
    vendor: Mapped[str] = mapped_column(String(255))
    is_published: Mapped[bool]
    is_for_all: Mapped[bool]
    billing_model: Mapped[str] = mapped_column(String(40))
    billing_type: Mapped[str] = mapped_column(String(16))
    billing_duration: Mapped[int]


class PlanDelegation(Base):
    """A reseller that may sell a plan, or may not."""

    __tablename__ = "plan_delegations"

    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.plans.id"), primary_key=True)
    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"), primary_key=True)
    is_granted: Mapped[bool]


class Product(Base):
    """An item of a plan for one of its periods. name_folded: what a search by name looks into."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.plans.id"), index=True)
    mpn: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(String(255))
    name_folded: Mapped[str]
    is_published: Mapped[bool]
    minimum_quantity: Mapped[Decimal] = mapped_column(QUANTITY)
    maximum_quantity: Mapped[Decimal | None] = mapped_column(QUANTITY)
    subscription_type: Mapped[str] = mapped_column(String(16))
    subscription_duration: Mapped[int]

    plan: Mapped[Plan] = relationship(lazy="raise")


class ProductRate(Base):
    """What a product costs in a currency: recommended to take of customers, and what resellers pay."""

    __tablename__ = "product_rates"

    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.products.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    price: Mapped[Decimal] = mapped_column(MONEY)
    cost: Mapped[Decimal] = mapped_column(MONEY)


class OwnPrice(Base):
    """What a reseller takes for a product instead of what is recommended."""

    __tablename__ = "own_prices"

    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.products.id"), primary_key=True)
    price: Mapped[Decimal] = mapped_column(MONEY)


class Subscription(Base):
    """What a customer has of a plan."""

    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"))
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.customers.id"))
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.plans.id"))
    name: Mapped[str] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    renews: Mapped[bool]
    created: Mapped[date] = mapped_column(Date)
    expiration: Mapped[date | None] = mapped_column(Date)


class OrderNumber(Base):
    """The last number of each type of order; there are no gaps."""

    __tablename__ = "order_numbers"

    prefix: Mapped[str] = mapped_column(String(2), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Order(Base):
    """An order."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    reseller_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.resellers.id"))
    customer_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.customers.id"))
    order_number: Mapped[str] = mapped_column(String(32), unique=True)
    type: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    status_code: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    po_number: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    provisioned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    subscription_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.subscriptions.id"))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None]

    lines: Mapped[list[OrderLine]] = relationship(
        cascade="all, delete-orphan", order_by="OrderLine.position", lazy="raise"
    )
    charges: Mapped[list[OrderCharge]] = relationship(
        cascade="all, delete-orphan", order_by="OrderCharge.position", lazy="raise"
    )


class OrderLine(Base):
    """A product of an order."""

    __tablename__ = "order_lines"

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.products.id"))
    mpn: Mapped[str] = mapped_column(String(255))
    vendor: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    billing_type: Mapped[str] = mapped_column(String(16))
    billing_duration: Mapped[int]
    subscription_type: Mapped[str] = mapped_column(String(16))
    subscription_duration: Mapped[int]
    quantity: Mapped[Decimal] = mapped_column(QUANTITY)
    previous_quantity: Mapped[Decimal | None] = mapped_column(QUANTITY)
    extended_price: Mapped[Decimal] = mapped_column(MONEY)


class OrderCharge(Base):
    """What a line of an order costs the customer, and the reseller."""

    __tablename__ = "order_charges"

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(24))
    product_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.products.id"))
    mpn: Mapped[str] = mapped_column(String(255))
    description: Mapped[str]
    duration_type: Mapped[str | None] = mapped_column(String(16))
    duration: Mapped[int | None]
    quantity: Mapped[Decimal] = mapped_column(QUANTITY)
    unit_price: Mapped[Decimal] = mapped_column(MONEY)
    amount: Mapped[Decimal] = mapped_column(MONEY)
    unit_cost: Mapped[Decimal] = mapped_column(MONEY)
    cost: Mapped[Decimal] = mapped_column(MONEY)


Index("plans_vendor", func.lower(Plan.vendor))
Index("plans_service", func.lower(Plan.service_name))
Index(
    "products_name",
    Product.name_folded,
    postgresql_using="gin",
    postgresql_ops={"name_folded": "gin_trgm_ops"},
    postgresql_with={"fastupdate": "off"},
)
Index("subscriptions_newest", Subscription.reseller_id, Subscription.id.desc())
Index("subscriptions_customer", Subscription.customer_id, Subscription.id.desc())
Index("subscriptions_status", Subscription.reseller_id, Subscription.status, Subscription.id.desc())
Index("orders_newest", Order.reseller_id, Order.id.desc())
Index("orders_customer", Order.customer_id, Order.id.desc())
Index("orders_status", Order.reseller_id, Order.status, Order.id.desc())
Index("orders_subscription", Order.subscription_id, Order.id.desc())
