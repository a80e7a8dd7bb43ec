"""What a client sends to have an order placed or estimated (contract: POST /orders, OrderDetailed)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct

from emporion import times
from emporion.accounts.fields import Attributes, text_meta
from emporion.catalogue.parameters import MOST_VALUES, SentParameter
from emporion.catalogue.products import ABOVE_MOST, MOST_QUANTITY
from emporion.errors import Fault
from emporion.orders.kept import OrderType
from emporion.periods import Period
from emporion.validation import read

MOST_PRODUCTS = 200
# No plus: who sends +3 may mean three more, where a quantity is the new total.
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
# Digits after the point of a price for one unit, and before it.
UNIT_PRICE_DECIMALS = 6
UNIT_PRICE_DIGITS = 12

NEW_PARAMETERS = "is ignored, did you mean products[].parameters?"
_ONLY_MIGRATION = "counts only in an order of type migration: leave it out"


def refused(instead: str) -> Meta:
    """Meta of a member of the contract that is not supported yet; instead: what a client can do."""

    def refuse(value: object) -> None:
        if value not in ("", [], {}):
            raise ValueError(f"is not supported yet: {instead}")

    return Meta(description=f"Not supported yet: {instead}.", extra={"take": refuse})


def _not_a_quantity(value: Decimal) -> str | None:
    if value > MOST_QUANTITY:
        return ABOVE_MOST
    # A little below 0 is told what a new total is, where it is known that one is meant.
    return "must be 0 or more" if value < -MOST_QUANTITY else None


def _not_a_price(value: Decimal) -> str | None:
    if value < 0:
        return "must be 0 or more"
    if value >= 10**UNIT_PRICE_DIGITS:
        return f"must have at most {UNIT_PRICE_DIGITS} digits before the point"
    if value != value.quantize(Decimal(1).scaleb(-UNIT_PRICE_DECIMALS), ROUND_DOWN):
        return f"must have at most {UNIT_PRICE_DECIMALS} digits after the point"
    return None


def _number(description: str, rule: Callable[[Decimal], str | None], example: object) -> Meta:
    """Meta of a number, or a string that holds one, which is read as a Decimal."""

    def take(value: object) -> Decimal:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # A number of JSON came as a float, whose shortest form is what was sent.
        text = format(Decimal(repr(value)), "f") if is_number else value.strip() if isinstance(value, str) else ""
        if not _NUMBER.fullmatch(text):
            raise ValueError("must be a number, or a string that holds one")
        if message := rule(Decimal(text)):
            raise ValueError(message)
        return Decimal(text)

    return Meta(
        description=description,
        examples=[example],
        extra={"take": take},
        extra_json_schema={"type": ["number", "string"]},
    )


def quantity_meta(description: str, example: object) -> Meta:
    """Meta of a quantity: a number, or a string that holds one."""
    return _number(description, _not_a_quantity, example)


_UnitPrice = Annotated[Any, _number("For each unit.", _not_a_price, "4.5")]
_Day = Annotated[
    str,
    Meta(
        max_length=40,
        description="A day; of a date and time, the day in UTC.",
        examples=["2026-09-18"],
        extra={"rule": times.not_an_instant},
        extra_json_schema={"format": "date"},
    ),
]
_Id = Annotated[str, text_meta(32, "An id.", "1000177")]
_Mpn = Annotated[str, text_meta(255, "Manufacturer part number; case counts.", "ACME-MAIL-STD")]


class PriceStep(Struct, rename="camel", frozen=True):
    """A step of a price."""

    lower_limit: Annotated[Any, quantity_meta("The quantity from which it counts.", "10")]
    amount: _UnitPrice


class SpecialPrice(Struct, rename="camel", frozen=True):
    """The price for each unit that counts in place of the seller's own, for the life of the subscription."""

    currency: Annotated[str, text_meta(3, "ISO 4217; that of the reseller.", "EUR")]
    amount: _UnitPrice
    price_tiers: Annotated[list[PriceStep], Meta(max_length=100)] | None = None

    def faults(self) -> Iterator[Fault]:
        """That each step begins above the one before it."""
        steps = self.price_tiers if isinstance(self.price_tiers, list) else []
        limits = [step.lower_limit for step in steps if isinstance(step, PriceStep)]
        known = [limit for limit in limits if isinstance(limit, Decimal)]
        if known != sorted(set(known)) or any(limit < 0 for limit in known):
            yield Fault("priceTiers", "must have lower limits that rise, from 0 on")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class OrderProductRequest(Struct, kw_only=True, frozen=True, rename=lambda name: _camel(name).replace("Mpn", "MPN")):
    """A product of an order as a client sends it (contract: OrderLineProduct)."""

    READ_ONLY: ClassVar = frozenset(
        ("name", "extendedPrice", "previousQuantity", "newQuantity", "newProductId", "error", "type")
    )
    DID_YOU_MEAN: ClassVar[Mapping[str, str]] = {
        "sku": "mpn",
        "partnumber": "mpn",
        "qty": "quantity",
        "seats": "quantity",
        "productid": "id",
        "orderparameters": "parameters",
        "manufacturer": "vendor",
    }

    mpn: _Mpn | None = None
    vendor: Annotated[str, text_meta(255, "Which vendor's, where several have this MPN.", "acme")] | None = None
    id: Annotated[str, text_meta(32, "The product's id, which decides alone.", "1000301")] | None = None
    billing_period: Period | None = None
    subscription_period: Period | None = None
    new_mpn: Annotated[str, text_meta(255, "The product to switch to, by its MPN.", "ACME-MAIL-PRO")] | None = None
    new_id: Annotated[str, text_meta(32, "The product to switch to, by its id.", "1000302")] | None = None
    quantity: (
        Annotated[
            Any,
            quantity_meta(
                "How many; in a change the new total of the subscription, 0 to take it out. A number, or a string "
                "that holds one.",
                12,
            ),
        ]
        | None
    ) = None
    special_price: SpecialPrice | None = None
    special_cost: Annotated[Any, refused("costs come from the catalogue, a price is set with specialPrice")] | None = (
        None
    )
    special_provider_cost: (
        Annotated[Any, refused("costs come from the catalogue, a price is set with specialPrice")] | None
    ) = None
    deals: Annotated[Any, refused("set a price with specialPrice")] | None = None
    subscription_id: _Id | None = None
    target_subscription_id: Annotated[Any, refused("change the quantities of both subscriptions")] | None = None
    parameters: Annotated[list[SentParameter], Meta(max_length=MOST_VALUES)] | None = None
    tcvs: Annotated[Any, refused("leave it out")] | None = None
    new_subscription: Annotated[Any, refused("leave it out")] | None = None
    margins: Annotated[Any, refused("set a price with specialPrice")] | None = None
    vendor_rated_extended_cost: Annotated[Any, refused("leave it out")] | None = None
    vendor_discounts: Annotated[Any, refused("set a price with specialPrice")] | None = None
    vendor_already_accounted_tcvs: Annotated[Any, refused("leave it out")] | None = None

    def faults(self) -> Iterator[Fault]:
        """What is missing."""
        if self.mpn is None and self.id is None:
            if not self.subscription_id or self.quantity is not None:
                yield Fault("mpn", "is required, or id")
        elif self.quantity is None and self.new_mpn is None and self.new_id is None:
            yield Fault("quantity", "is required")


class OrderRequest(Struct, kw_only=True, frozen=True, rename="camel"):
    """An order as a client sends it (contract: OrderDetailed)."""

    READ_ONLY: ClassVar = frozenset(
        (
            "id", "orderNumber", "creationDate", "provisioningDate", "status", "statusCode", "total", "details",
            "creditCheck", "lastBillingDate", "nextBillingDate", "billingModel", "subscriptions", "error",
            "orderParameters",
        )
    )  # fmt: skip
    DID_YOU_MEAN: ClassVar[Mapping[str, str]] = {
        "items": "products",
        "lineitems": "products",
        "lines": "products",
        "autorenew": "autorenewal",
        "renewalstatus": "autorenewal",
        "purchaseordernumber": "poNumber",
    }

    type: Annotated[OrderType, Meta(description="What is ordered.", examples=["sales"])] = "sales"
    customer_id: Annotated[str, text_meta(32, "Who buys.", "1000001")]
    po_number: (
        Annotated[str, text_meta(255, "The customer's purchase order number; need not be unique.", "T-17")] | None
    ) = None
    attributes: Attributes | None = None
    autorenewal: Annotated[bool, Meta(description="Of a migrated subscription: whether it renews.")] | None = None
    start_date: _Day | None = None
    migration_date: _Day | None = None
    expiration_date: _Day | None = None
    migration_program: (
        Annotated[str, text_meta(255, "`count_migration_billing_period` charges the running billing period.",
                         "count_migration_billing_period")]
        | None
    ) = None  # fmt: skip
    plan_id: Annotated[str, text_meta(32, "The plan to buy from, or to switch to.", "10005")] | None = None
    subscription_period: Period | None = None
    scheduled_on: Annotated[Any, refused("place the order on that day; at the end of the term a subscription ends with "
                          "PATCH /subscriptions/{id} {\"renewalStatus\": false}")] | None = None  # fmt: skip
    upgrade_start_type: (
        Annotated[
            Literal["from_old_start_date", "from_date_of_upgrade"],
            Meta(description="From when a switch counts; must be what the switch of the plan does."),
        ]
        | None
    ) = None
    products: Annotated[list[OrderProductRequest], Meta(max_length=MOST_PRODUCTS)] | None = None
    subscription_id: _Id | None = None
    target_subscription_id: Annotated[Any, refused("change the quantities of both subscriptions")] | None = None
    align_expiration_date: Annotated[Any, refused("leave it out")] | None = None
    placement_type: Annotated[Any, refused("leave it out")] | None = None
    vendor_billing_settings: Annotated[Any, refused("leave it out")] | None = None
    estimate_id: (
        Annotated[
            str, text_meta(200_000, "Of an estimate of the last 15 minutes: the order costs what that said.", "gAAAA…")
        ]
        | None
    ) = None

    def faults(self) -> Iterator[Fault]:
        """Rules between its members."""
        yield from self._of_migrations()
        if self.type in ("sales", "migration") and self.products in (None, []):
            yield Fault("products", "is required")
        if self.type == "renewal" and _named(self.products):
            yield Fault("products", "must be left out: a renewal names none, quantities are changed by type change")
        if self.type == "cancellation" and _named(self.products):
            yield Fault("products", "must be left out: a cancellation names none, one is taken out by a change to 0")

    def _of_migrations(self) -> Iterator[Fault]:
        if self.type is UNSET:  # type: ignore[comparison-overlap]
            return
        members = {
            "startDate": self.start_date,
            "migrationDate": self.migration_date,
            "expirationDate": self.expiration_date,
        }
        if self.type == "migration":
            for name, value in {"autorenewal": self.autorenewal, **members}.items():
                if value is None:
                    yield Fault(name, "is required in an order of type migration")
            return
        if self.autorenewal is False:
            instead = 'to stop renewals, PATCH /subscriptions/{id} {"renewalStatus": false}'
            yield Fault("autorenewal", f"{_ONLY_MIGRATION}; {instead}")
        for name, value in {**members, "migrationProgram": self.migration_program}.items():
            if value is not None:
                yield Fault(name, _ONLY_MIGRATION)


def _named(products: Any) -> bool:
    """Whether a product is named, and not only the subscription."""
    if products in (None, UNSET):
        return False
    return any(
        one is UNSET or one.mpn is not None or one.id is not None or one.quantity is not None for one in products
    )


def read_order(body: dict[str, Any]) -> tuple[OrderRequest, list[Fault]]:
    """An order that a client sends, whose faulty members are UNSET, and its faults."""
    start = body.get("upgradeStartType")
    # Clients write it in both cases.
    request, faults = read(
        OrderRequest, {**body, "upgradeStartType": start.lower()} if isinstance(start, str) else body
    )
    if request.type in ("renewal", "cancellation"):
        faults = [fault for fault in faults if not fault.field.startswith("products[")]
    if body.get("orderParameters") not in (None, "", [], {}):
        faults.append(Fault("orderParameters", NEW_PARAMETERS))
    return request, faults
