"""POST /validation/parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from emporion.api.operations import Answer, Call, Operation
from emporion.errors import Code, Fault, Problem
from emporion.orders.parameter_checks import (
    ParameterResult,
    ParameterResults,
    ParameterValidationPage,
    ParameterValidationRequest,
)
from emporion.paging import Pagination

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

TAG = "Validation Management"

EXAMPLE: dict[str, Any] = {
    "id": "1000301",
    "mpn": "ACME-MAIL-STD",
    "vendor": "acme",
    "billingPeriod": {"type": "month", "duration": 1},
    "subscriptionPeriod": {"type": "year", "duration": 1},
    "draftRequestId": "11ad4cec-9b55-497d-8c5a-874b33c59f6c",
    "parameters": [
        {
            "name": "domain",
            "result": "error",
            "message": "domain must be a domain name such as example.com, with at least one dot",
            "value": "example",
            "valueError": "must be a domain name such as example.com, with at least one dot",
            "phase": "ordering",
            "reconciliation": False,
            "type": "domain",
        },
        {
            "name": "region",
            "result": "success",
            "message": "region is accepted",
            "value": "eu",
            "valueChoices": [
                {"label": "Europe", "value": "eu", "default": True},
                {"label": "America", "value": "us", "default": False},
            ],
            "phase": "ordering",
            "reconciliation": False,
            "type": "choice",
        },
    ],
}
UNKNOWN_MPN = Fault("products[0].mpn", "No entity has been found with the mpn ACME-MAIL-STD")


async def validate_parameters(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """What was found: of each product, or of each parameter for clients of contract version 1.6."""
    found = await marketplace.parameters.check(actor, call.body)
    if call.version == "1.15":
        page = Pagination(offset=0, limit=len(found), total=len(found))
        return Answer(msgspec.json.encode(ParameterValidationPage(found, page)))
    rows = [ParameterResult(row.name, row.result, row.message) for product in found for row in product.parameters]
    return Answer(msgspec.json.encode(ParameterResults(rows)))


OPERATIONS = (
    Operation(
        "POST",
        "/validation/parameters",
        "validateParameters",
        TAG,
        "Validate parameters",
        "Checks the parameters of products before they are ordered, and tells which each product takes. Nothing is "
        "kept, nothing is ordered. What is wrong with a parameter is no error of the request: it is answered 200, and "
        "its `result` is `error`. In contract version 1.6 the answer is one list of all parameters.",
        validate_parameters,
        body=ParameterValidationRequest,
        request_example={
            "customerId": "1000001",
            "products": [
                {
                    "mpn": "ACME-MAIL-STD",
                    "parameters": [{"name": "domain", "value": "example"}, {"name": "region", "value": "eu"}],
                }
            ],
        },
        answer={"1.6": ParameterResults, "1.15": ParameterValidationPage},
        answer_example={"data": [EXAMPLE], "pagination": {"offset": 0, "limit": 1, "total": 1}},
        errors=(Code.NOT_FOUND,),
        error_examples={
            Code.INVALID: Problem(Code.INVALID, f"{UNKNOWN_MPN.field}: {UNKNOWN_MPN.message}", [UNKNOWN_MPN]),
        },
    ),
)
