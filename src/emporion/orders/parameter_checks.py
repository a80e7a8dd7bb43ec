"""Parameters checked before an order is placed (contract: POST /validation/parameters)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from emporion.accounts.fields import text_meta
from emporion.catalogue.parameters import (
    MOST_VALUES,
    WITH_CHOICES,
    Parameter,
    ParameterType,
    ParameterValue,
    Phase,
    SentParameter,
    ordering,
    unknown_name,
    wrong_value,
)
from emporion.catalogue.products import CatalogueProduct
from emporion.orders.kept import OrderType
from emporion.orders.new import quantity_meta
from emporion.paging import Pagination
from emporion.periods import Period

# How many products are checked at once.
MOST_CHECKED = 200
Result = Literal["success", "error"]
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
DraftRequestId = Annotated[
    str,
    Meta(
        pattern=f"^{_UUID}$",
        description="Names this check: it goes on with that of an earlier answer.",
        examples=["11ad4cec-9b55-497d-8c5a-874b33c59f6c"],
        extra={"says": "must be the draftRequestId of an earlier answer"},
    ),
]
Quantity = Annotated[Any, quantity_meta("How many; it decides nothing here.", 1)]
ProductId = Annotated[str, text_meta(32, "The product's id, which decides alone.", "1000301")]
Mpn = Annotated[str, text_meta(255, "Manufacturer part number; case counts.", "ACME-MAIL-STD")]
Vendor = Annotated[str, text_meta(255, "The manufacturer's id.", "acme")]


class CheckedProduct(Struct, rename="camel", frozen=True, kw_only=True):
    """A product whose parameters are to be checked; it is identified as in orders."""

    id: ProductId | None = None
    mpn: Mpn | None = None
    vendor: Vendor | None = None
    billing_period: Period | None = None
    subscription_period: Period | None = None
    quantity: Quantity | None = None
    draft_request_id: DraftRequestId | None = None
    parameters: Annotated[list[SentParameter], Meta(max_length=MOST_VALUES)]


class ParameterValidationRequest(Struct, rename="camel", frozen=True, kw_only=True):
    """Parameters that a client wants to be checked."""

    customer_id: Annotated[str, text_meta(32, "Who will get it.", "1000001")]
    type: Annotated[OrderType, Meta(description="The order that will follow.", examples=["sales"])] = "sales"
    products: Annotated[list[CheckedProduct], Meta(min_length=1, max_length=MOST_CHECKED)]


class ShownChoice(Struct, frozen=True):
    """A value that a parameter may have. default: it is the one where none is given."""

    label: Annotated[str, Meta(description="What people are shown.", examples=["Europe"])]
    value: Annotated[str, Meta(description="What is sent.", examples=["eu"])]
    default: Annotated[bool, Meta(description="Whether it is the usual one.", examples=[True])]


class ParameterResult(Struct, frozen=True):
    """Whether one parameter can be ordered so."""

    name: Annotated[str, Meta(description="Its name; case counts.", examples=["domain"])]
    result: Annotated[Result, Meta(description="Whether it can be ordered so.", examples=["success"])]
    message: Annotated[str, Meta(description="What is wrong, or that nothing is.", examples=["domain is accepted"])]


class WholeParameterResult(ParameterResult, rename={"value_error": "valueError", "value_choices": "valueChoices"},
                           frozen=True, omit_defaults=True, kw_only=True):  # fmt: skip
    """Whether one parameter can be ordered so, and what it takes."""

    value: Annotated[str, Meta(description="What was sent; never a password.", examples=["example.com"])] | None = None
    value_error: Annotated[str, Meta(description="What the value must be.", examples=["must be eu or us"])] | None = (
        None
    )
    value_choices: Annotated[list[ShownChoice], Meta(description="All values that it may have.")] | None = None
    phase: (
        Annotated[Phase, Meta(description="Who gives it: the buyer when ordering.", examples=["ordering"])] | None
    ) = None
    reconciliation: (
        Annotated[bool, Meta(description="Whether it is shown as vendorSubscriptionId.", examples=[False])] | None
    ) = None
    type: Annotated[ParameterType, Meta(description="What its values look like.", examples=["domain"])] | None = None


class ParameterValidationResult(Struct, rename="camel", frozen=True, kw_only=True):
    """What was found of the parameters of one product."""

    id: ProductId
    mpn: Mpn
    vendor: Vendor
    billing_period: Period
    subscription_period: Period
    draft_request_id: DraftRequestId
    parameters: Annotated[list[WholeParameterResult], Meta(description="Each that can be given, and each unknown.")]


class ParameterResults(Struct, frozen=True):
    """What was found of all parameters (contract versions up to 1.6)."""

    data: list[ParameterResult]


class ParameterValidationPage(Struct, frozen=True):
    """What was found of the parameters of each product."""

    data: list[ParameterValidationResult]
    pagination: Pagination


def validation_result(
    product: CatalogueProduct, parameters: Iterable[Parameter], values: Sequence[ParameterValue], draft: str
) -> ParameterValidationResult:
    """What is found of the values for a product with these parameters. draft: names this check."""
    return ParameterValidationResult(
        id=product.id,
        mpn=product.mpn,
        vendor=product.vendor,
        billing_period=product.billing_period,
        subscription_period=product.subscription_period,
        draft_request_id=draft,
        parameters=list(_results(ordering(parameters), values)),
    )


def _results(known: dict[str, Parameter], values: Sequence[ParameterValue]) -> Iterator[WholeParameterResult]:
    """One for each parameter that the buyer gives, sent or not, and one for each name sent that is unknown."""
    sent = {value.name: value.value for value in values}
    for parameter in known.values():
        yield _result(parameter, sent.get(parameter.name))
    for name in sent:
        if name not in known:
            wrong = unknown_name(name, known)
            yield WholeParameterResult(name, "error", f"{name[:64]} is unknown: the name {wrong}", value_error=wrong)


def _result(parameter: Parameter, value: str | None) -> WholeParameterResult:
    wrong = wrong_value(parameter, value or "")
    if wrong:
        message = f"{parameter.name} {wrong}"
    else:
        message = f"{parameter.name} is accepted" if value else f"{parameter.name} is optional, and was not given"
    return WholeParameterResult(
        parameter.name,
        "error" if wrong else "success",
        message,
        value=None if parameter.type == "password" else value,
        value_error=wrong,
        value_choices=[ShownChoice(choice.label, choice.value, choice.default) for choice in parameter.choices]
        if parameter.type in WITH_CHOICES
        else None,
        phase=parameter.phase,
        reconciliation=parameter.reconciliation,
        type=parameter.type,
    )
