"""GET and POST /resellers, GET and PATCH /resellers/{id}, GET and POST /resellers/{id}/customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from emporion.accounts.customers import Customer, CustomerPage, NewCustomer, WholeCustomerPage
from emporion.accounts.queries import AccountQuery, CustomerQuery
from emporion.accounts.resellers import NewReseller, Reseller, ResellerPage, ResellerUpdate
from emporion.api import customers
from emporion.api.auth import unknown_version
from emporion.api.etags import expected_versions, idempotency_key
from emporion.api.operations import Answer, Call, Operation, created
from emporion.errors import Code, not_found

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

TAG = "Reseller Management"

EXAMPLE: dict[str, Any] = {
    **{name: value for name, value in customers.EXAMPLE.items() if name not in ("attributes", "resellerId")},
    "id": "1000004",
    "externalId": "north-1",
    "name": "North Cloud",
    "currency": "USD",
    "resellerId": "1000000",
}
NO_RESELLER = {Code.NOT_FOUND: not_found("there is no reseller 1000240")}


async def get_resellers(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """A page of resellers."""
    return Answer(msgspec.json.encode(await marketplace.resellers.page(actor, call.query)))


async def create_reseller(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The new reseller."""
    with marketplace.idempotency.once(actor, "POST /resellers", idempotency_key(call.headers), call.body) as once:
        return created(await marketplace.resellers.create(actor, call.body, once))


async def get_reseller_by_id(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The reseller."""
    found = await marketplace.resellers.find(actor, call.path["id"])
    return Answer(found.document, found.version)


async def update_reseller(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The reseller after the change."""
    expected = expected_versions(call.headers)
    record = await marketplace.resellers.update(actor, call.path["id"], call.body, expected)
    return Answer(record.document, record.version)


async def get_reseller_customers(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """A page of the customers of a reseller and of all below it."""
    query = CustomerQuery(**structs.asdict(call.query), reseller_id=call.path["id"])
    page = await marketplace.customers.page(actor, query, whole=call.version == "1.15")
    return Answer(msgspec.json.encode(page))


async def create_customer_for_reseller(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The new customer of the reseller."""
    owner = await marketplace.resellers.reached(actor, call.path["id"])
    asked = f"POST /resellers/{owner}/customers"
    with marketplace.idempotency.once(actor, asked, idempotency_key(call.headers), call.body) as once:
        return created(await marketplace.customers.create(actor, call.body, owner, once))


OPERATIONS = (
    Operation(
        "GET",
        "/resellers",
        "getResellers",
        TAG,
        "Get a list of resellers",
        "Your own account and all resellers below it, newest first. Filters combine with and.",
        get_resellers,
        query=AccountQuery,
        answer=ResellerPage,
        answer_example={"data": [EXAMPLE], "pagination": customers.PAGINATION},
        errors=(Code.MALFORMED, Code.PRECONDITION_FAILED),
        error_examples=customers.LIST_EXAMPLES,
    ),
    Operation(
        "POST",
        "/resellers",
        "createReseller",
        TAG,
        "Create a new reseller",
        "Creates a reseller right below your account: an account like a customer's, with a currency. Without `status` "
        "it is `pending` until the platform has verified it. It takes the role owner.",
        create_reseller,
        body=NewReseller,
        request_example={name: value for name, value in EXAMPLE.items() if name not in customers.GIVEN},
        answer=Reseller,
        answer_example=EXAMPLE,
        repeatable=True,
        errors=(Code.CONFLICT,),
    ),
    Operation(
        "GET",
        "/resellers/{id}",
        "getResellerById",
        TAG,
        "Get full details of a specific reseller",
        "The whole reseller: your own account or one below it.",
        get_reseller_by_id,
        answer=Reseller,
        answer_example=EXAMPLE,
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version(), **NO_RESELLER},
    ),
    Operation(
        "PATCH",
        "/resellers/{id}",
        "updateReseller",
        TAG,
        "Update reseller status and details",
        "A JSON Merge Patch (RFC 7396), as for customers. `status`, `currency` and `externalId` of your own account "
        "are set by the one above it. `adminHold` and `cancelled` are the operator's to set: they shut out the "
        "reseller's users and all below it within a second. It takes the role owner.",
        update_reseller,
        body=ResellerUpdate,
        request_example={"name": "North Cloud Services", "status": "creditHold"},
        answer=Reseller,
        answer_example={**EXAMPLE, "name": "North Cloud Services", "status": "creditHold"},
        errors=(Code.NOT_FOUND, Code.CONFLICT, Code.PRECONDITION_FAILED),
        error_examples=NO_RESELLER,
    ),
    Operation(
        "GET",
        "/resellers/{id}/customers",
        "getResellerCustomers",
        TAG,
        "Get a list of the customers of a specific reseller",
        "The customers of the reseller and of all below it, newest first. In contract version 1.15 each entry is the "
        "whole customer.",
        get_reseller_customers,
        query=AccountQuery,
        answer={"1.6": CustomerPage, "1.15": WholeCustomerPage},
        answer_example={"data": [customers.SUMMARY], "pagination": customers.PAGINATION},
        errors=(Code.MALFORMED, Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={**customers.LIST_EXAMPLES, **NO_RESELLER},
    ),
    Operation(
        "POST",
        "/resellers/{id}/customers",
        "createCustomerForReseller",
        TAG,
        "Create a new customer for a specific reseller",
        "Creates a customer of the reseller, by the rules of `POST /customers`.",
        create_customer_for_reseller,
        body=NewCustomer,
        request_example={name: value for name, value in customers.EXAMPLE.items() if name not in customers.GIVEN},
        answer=Customer,
        answer_example=customers.EXAMPLE,
        repeatable=True,
        errors=(Code.NOT_FOUND, Code.CONFLICT),
        error_examples=NO_RESELLER,
    ),
)
