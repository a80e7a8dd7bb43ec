"""Products: an item of a plan for one of the plan's subscription periods."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from emporion.catalogue.plans import BillingModel, State
from emporion.periods import Period

# Of a product in a subscription: what the contract's int32 holds.
MOST_QUANTITY = 2**31 - 1
ABOVE_MOST = f"must be {MOST_QUANTITY} or less"

CotermingRequired = Literal["MANDATORY", "ALLOWED", "RESTRICTED"]
CotermingType = Literal["SUBSCRIPTION", "END_OF_MONTH"]


class Dependency(Struct, rename="camel", frozen=True, omit_defaults=True):
    """A product that must be in the subscription, or in another one of the customer, as well.

    plan_id: of another plan, where it is none of the product's own; then a product with this MPN and any period of that
    plan will do, and `id` is that of one of them.
    """

    mpn: str
    id: str
    plan_id: int | None = None


class Coterming(Struct, frozen=True, omit_defaults=True):
    """Whether a subscription may end together with another one."""

    required: CotermingRequired
    type: CotermingType | None = None


class CatalogueProduct(Struct, rename="camel", frozen=True, kw_only=True):
    """A product as it is kept; what it costs is apart. fractions: whether its quantity need not be whole."""

    id: str
    plan_id: int
    mpn: str
    vendor: str
    service_name: str
    name: str
    state: State
    minimum_quantity: Decimal = Decimal(0)
    maximum_quantity: Decimal | None = None
    fractions: bool = False
    billing_period: Period
    subscription_period: Period
    trial: bool = False
    billing_model: BillingModel
    depends_on: list[Dependency] = []
    coterming: Coterming = Coterming("RESTRICTED")
