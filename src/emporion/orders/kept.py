"""An order as it is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from emporion.catalogue.parameters import ParameterValue
from emporion.catalogue.rates import Rates
from emporion.periods import Period

OrderType = Literal["sales", "change", "renewal", "cancellation", "migration"]
OrderStatus = Literal["submitted", "processing", "error", "completed", "cancelled"]
# OP: nothing but the platform. WA: an approval. LO: provisioning. PF: failed. CP: completed. CL: cancelled.
StatusCode = Literal["OP", "WA", "LO", "PF", "CP", "CL"]
UpgradeStart = Literal["from_old_start_date", "from_date_of_upgrade"]
RequestType = Literal["purchase", "change", "renew", "cancel", "migrate"]
RequestStatus = Literal["pending", "approved", "failed", "revoked"]
ChargeType = Literal["setup", "recurring", "recurringRefund", "renew", "switch", "cancellation"]
UNFINISHED: tuple[OrderStatus, ...] = ("submitted", "processing", "error")
PREFIXES: dict[OrderType, str] = {
    "sales": "SO",
    "change": "CH",
    "renewal": "RN",
    "cancellation": "CF",
    "migration": "MG",
}


class Charge(Struct, rename="camel", frozen=True, kw_only=True):
    """A line of what an order costs, in the currency of the order. amount: rounded; below nothing for a refund.

    start, end: the first day that it pays for, and the first one that it does not (`YYYY-MM-DD`); None for what is paid
    once.
    """

    type: ChargeType
    product_id: str
    mpn: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    duration: Period | None = None
    start: str | None = None
    end: str | None = None


class OrderLine(Struct, rename="camel", frozen=True, kw_only=True):
    """A product of an order.

    quantity: all that the subscription is to have of it afterwards. previous_quantity: what it had, None in a sale.
    subscription_id: the one that it changes or has made. rates: for each link of the chain, from vendor and provider to
    seller and customer; previous_rates: those until now, where the order brings others.
    special: whether the price to the customer is one for the life of the subscription. secrets: the names of
    parameters that no answer shows. replaces: the id of the product from which a switch comes. added: by the platform,
    since another one depends on it.

    A switch has a line for each product of the target, whose previous quantity is 0, and one for each that goes, whose
    quantity is 0.
    """

    product_id: str
    mpn: str
    vendor: str
    name: str
    plan_id: int
    billing_period: Period
    subscription_period: Period
    quantity: Decimal
    previous_quantity: Decimal | None = None
    subscription_id: str | None = None
    rates: list[Rates]
    previous_rates: list[Rates] | None = None
    special: bool = False
    parameters: list[ParameterValue] = []
    secrets: list[str] = []
    replaces: str | None = None
    added: bool = False


class FulfillmentRequest(Struct, rename="camel", frozen=True, kw_only=True):
    """What a vendor, or the operator in its place, is asked to do for one subscription. id: within its order, 1, 2, 3…
    plan_id: that of a purchase. attempt: 1, then one more each time it is tried again."""

    id: int
    type: RequestType
    status: RequestStatus
    plan_id: int
    subscription_id: str | None = None
    attempt: int = 1
    reason: str | None = None


class OrderError(Struct, frozen=True, omit_defaults=True):
    """Why an order failed or was cancelled, for clients. code: stable. parameter: the one at fault."""

    code: Annotated[str, Meta(description="What went wrong; it stays the same.", examples=["vendorFailed"])]
    message: Annotated[str, Meta(description="The same in words.", examples=["The domain is taken."])]
    parameter: Annotated[str, Meta(description="The parameter at fault.", examples=["domain"])] | None = None


class Migrated(Struct, rename="camel", frozen=True, kw_only=True):
    """What an order tells of the running subscription that it takes over; days as `YYYY-MM-DD`."""

    start_date: str
    migration_date: str
    expiration_date: str
    autorenewal: bool
    migration_program: str | None = None
    last_billing_date: str | None = None
    next_billing_date: str | None = None


class KeptOrder(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """An order.

    chain: the accounts through which it is sold, from the provider to the seller. charges: for each link of the chain,
    the first being vendor and provider, the last seller and customer; the caller at `chain[n]` sees `charges[n + 1]`.
    due: when a worker is to look at it, None for never. day: from which everything is computed (`YYYY-MM-DD`).
    attempts: how often its step has failed. plan_id, subscription_period: what a switch leads to, None in any other
    order. trials: the plans of which it buys a trial. estimated: whether it costs what an estimate has promised.
    statement_day: on which billing periods of that type begin, of what it sells.
    """

    id: str
    order_number: str
    type: OrderType
    customer_id: int
    chain: list[int]
    currency: str
    created_at: int
    day: str
    status: OrderStatus
    status_code: StatusCode
    due: int | None = None
    attempts: int = 0
    po_number: str | None = None
    provisioned_at: int | None = None
    attributes: dict[str, str] | None = None
    credit_check: bool | None = None
    lines: list[OrderLine] = []
    charges: list[list[Charge]] = []
    subscription_id: str | None = None
    plan_id: int | None = None
    subscription_period: Period | None = None
    upgrade_start: UpgradeStart | None = None
    migrated: Migrated | None = None
    trials: list[int] = []
    estimated: bool = False
    statement_day: int = 1
    requests: list[FulfillmentRequest] = []
    error: OrderError | None = None
