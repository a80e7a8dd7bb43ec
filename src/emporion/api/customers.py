"""GET and POST /customers, GET and PATCH /customers/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from emporion.accounts import (
    Customer,
    CustomerPage,
    CustomerQuery,
    CustomerUpdate,
    NewCustomer,
    WholeCustomerPage,
)
from emporion.api.gate import unknown_version
from emporion.api.operations import Call, Operation
from emporion.errors import Code, Fault, Problem, not_found

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

TAG = "Customer Management"

EXAMPLE: dict[str, Any] = {
    "id": "1000003",
    "externalId": "jsmith101",
    "attributes": {"tier": "gold"},
    "name": "Acme Inc.",
    "taxRegId": "00-0000000",
    "status": "pending",
    "address": {
        "streetAddress": "555 Main Street",
        "addressExtension": "Suite 100",
        "postalCode": "92612",
        "city": "Irvine",
        "state": "CA",
        "countryCode": "US",
    },
    "contactPersons": [
        {
            "type": "admin",
            "firstName": "Jane",
            "lastName": "Doe",
            "email": "jane.doe@example.com",
            "phoneNumber": "+19495550100",
        }
    ],
    "language": "en",
    "resellerId": "1000000",
}
GIVEN = ("id", "status", "resellerId")
PAGINATION = {"offset": 0, "limit": 10, "total": 1}
SUMMARY = {name: EXAMPLE[name] for name in ("id", "externalId", "name", "status")}


async def get_customers(marketplace: Marketplace, actor: Actor, call: Call) -> bytes:
    """A page of customers; whole ones for clients of contract version 1.15."""
    page = await marketplace.customers.page(actor, call.query, whole=call.version == "1.15")
    return msgspec.json.encode(page)


async def create_customer(marketplace: Marketplace, actor: Actor, call: Call) -> bytes:
    """The new customer."""
    return await marketplace.customers.create(_in(call, actor), call.body)


async def get_customer_by_id(marketplace: Marketplace, actor: Actor, call: Call) -> bytes:
    """The customer."""
    return await marketplace.customers.document(actor, call.path["id"])


async def update_customer(marketplace: Marketplace, actor: Actor, call: Call) -> bytes:
    """The customer after the change."""
    return await marketplace.customers.update(_in(call, actor), call.path["id"], call.body)


def _in(call: Call, actor: Actor) -> Actor:
    """The actor within this very request, for the log of what he does."""
    return structs.replace(actor, correlation_id=call.correlation_id)


OPERATIONS = (
    Operation(
        "GET",
        "/customers",
        "getCustomers",
        TAG,
        "Get a list of customers",
        "The customers of your account and of all resellers below it, newest first. Filters combine with and. "
        "In contract version 1.15 each entry is the whole customer.",
        get_customers,
        query=CustomerQuery,
        answer={"1.6": CustomerPage, "1.15": WholeCustomerPage},
        answer_example={"data": [SUMMARY], "pagination": PAGINATION},
        errors=(Code.MALFORMED, Code.NOT_FOUND),
        error_examples={
            Code.INVALID: Problem(Code.INVALID, "limit must be 1 or more", [Fault("limit", "must be 1 or more")]),
            Code.MALFORMED: Problem(Code.MALFORMED, "The query must be percent-encoded UTF-8."),
            Code.NOT_FOUND: not_found("there is no such reseller"),
        },
    ),
    Operation(
        "POST",
        "/customers",
        "createCustomer",
        TAG,
        "Create a new customer",
        "Creates a customer of your account. Without `status` it is `pending` until the platform has verified it, "
        "within two seconds. Null counts as absent, unknown members are ignored.",
        create_customer,
        body=NewCustomer,
        request_example={name: value for name, value in EXAMPLE.items() if name not in GIVEN},
        answer=Customer,
        answer_example=EXAMPLE,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        "GET",
        "/customers/{id}",
        "getCustomerById",
        TAG,
        "Get full details of a specific customer",
        "The whole customer.",
        get_customer_by_id,
        answer=Customer,
        answer_example=EXAMPLE,
        errors=(Code.NOT_FOUND,),
        error_examples={Code.INVALID: unknown_version()},
    ),
    Operation(
        "PATCH",
        "/customers/{id}",
        "updateCustomer",
        TAG,
        "Update customer status and details",
        "A JSON Merge Patch (RFC 7396): members left out stay, null clears an optional one, `address` and "
        "`attributes` merge, `contactPersons` is replaced whole. `status` can change from `active` to `creditHold` "
        "and back, and from `pending` to `active`.",
        update_customer,
        body=CustomerUpdate,
        request_example={"name": "Acme International Inc.", "address": {"addressExtension": None}},
        answer=Customer,
        answer_example={
            **EXAMPLE,
            "name": "Acme International Inc.",
            "status": "active",
            "address": {name: value for name, value in EXAMPLE["address"].items() if name != "addressExtension"},
        },
        errors=(Code.NOT_FOUND, Code.CONFLICT),
    ),
)
