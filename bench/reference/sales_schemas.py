"""What is sold as JSON, and what clients send to buy it (contract: Product, OrderDetailed)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from bench.reference.schemas import Pagination, Sent, Shown, Text255
from emporion.accounts.folding import fold
from emporion.paging import LARGEST_NUMBER, LARGEST_PAGE

OrderStatus = Literal["submitted", "processing", "error", "completed", "cancelled"]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]


class Amount(BaseModel):
    """An amount in its shortest form."""

    currency: str
    amount: str


class Period(BaseModel):
    """A length of time."""

    type: Literal["day", "month", "year"]
    duration: Annotated[int, Field(ge=1)]


class Price(BaseModel):
    """A price of a product."""

    currency: str
    amount: str
    type: str = "recurring"
    model: str = "FLAT"


class Coterming(BaseModel):
    """Whether a subscription may end together with another one."""

    required: str = "RESTRICTED"


class Product(Shown):
    """A product as its reseller sees it."""

    mpn: str
    vendor: str
    id: str
    service_name: str
    name: str
    minimum_quantity: str
    maximum_quantity: str | None = None
    prices: list[Price]
    costs: list[Price]
    billing_period: Period
    subscription_period: Period
    billing_model: str
    depends_on: Annotated[list[Any], Field(default_factory=list)]
    coterming: Coterming = Coterming()


class ProductDetailed(Product):
    """A product with its parameters."""

    parameters: Annotated[list[Any], Field(default_factory=list)]


class ProductPage(BaseModel):
    """A page of products, newest first."""

    data: list[Product]
    pagination: Pagination


class NewOrderLine(Sent):
    """A product that is ordered, by its id or by its mpn, vendor and periods."""

    id: Digits | None = None
    mpn: Text255 | None = None
    vendor: Text255 | None = None
    billing_period: Period | None = None
    subscription_period: Period | None = None
    quantity: Annotated[Decimal, Field(ge=0, max_digits=10)]


class NewOrder(Sent):
    """An order to be placed or estimated."""

    type: Literal["sales"] | None = None
    customer_id: Digits
    po_number: Text255 | None = None
    products: Annotated[list[NewOrderLine], Field(min_length=1, max_length=200)]


class Detail(Shown):
    """A charge of an order."""

    type: str
    mpn: str
    product_id: str
    duration: Period | None = None
    description: str
    quantity: float
    unit_price: Amount
    extended_price: Amount


class OrderProduct(Shown):
    """A product of an order."""

    mpn: str
    vendor: str
    id: str
    billing_period: Period
    subscription_period: Period
    name: str
    quantity: float
    previous_quantity: float | None = None
    new_quantity: float | None = None
    extended_price: Amount
    subscription_id: str | None = None


class OrderError(BaseModel):
    """Why an order failed."""

    code: str
    message: str


class OrderSummary(Shown):
    """An order in a list."""

    id: str
    order_number: str
    type: str
    customer_id: str
    creation_date: str
    provisioning_date: str | None = None
    status: OrderStatus
    status_code: str
    subscription_id: str | None = None


class OrderDetailed(Shown):
    """An order, or an estimate of one."""

    id: str | None = None
    order_number: str | None = None
    type: str
    customer_id: str
    po_number: str | None = None
    creation_date: str | None = None
    provisioning_date: str | None = None
    status: OrderStatus | None = None
    status_code: str | None = None
    total: Amount
    details: list[Detail] | None = None
    products: list[OrderProduct] | None = None
    subscription_id: str | None = None
    error: OrderError | None = None


class OrderPage(BaseModel):
    """A page of orders, newest first."""

    data: list[OrderSummary]
    pagination: Pagination


class PageQuery(Sent):
    """Which part of a list."""

    offset: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0
    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, LARGEST_PAGE))] = 10


class ProductQuery(PageQuery):
    """Which products a list shows. name: is folded here."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(fold)] | None = None
    service_name: Text255 | None = None
    vendor: Text255 | None = None
    mpn: Text255 | None = None


class OrderQuery(PageQuery):
    """Which orders a list shows."""

    customer_id: Digits | None = None
    subscription_id: Digits | None = None
    order_number: Text255 | None = None
    status: OrderStatus | None = None
    status_code: Text255 | None = None
