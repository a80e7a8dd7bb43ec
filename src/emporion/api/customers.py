"""GET and POST /customers, GET and PATCH /customers/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from emporion.accounts.customers import Customer, CustomerPage, CustomerUpdate, NewCustomer, WholeCustomerPage
from emporion.accounts.queries import CustomerQuery
from emporion.api.auth import unknown_version
from emporion.api.etags import expected_versions, idempotency_key
from emporion.api.operations import Answer, Call, Operation, created
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


# What goes wrong with a list.
LIST_EXAMPLES = {
    Code.INVALID: Problem(Code.INVALID, "limit must be 1 or more", [Fault("limit", "must be 1 or more")]),
    Code.MALFORMED: Problem(Code.MALFORMED, "The query must be percent-encoded UTF-8."),
}


async def get_customers(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """A page of customers; whole ones for clients of contract version 1.15."""
    page = await marketplace.customers.page(actor, call.query, whole=call.version == "1.15")
    return Answer(msgspec.json.encode(page))


async def create_customer(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The new customer."""
    with marketplace.idempotency.once(actor, "POST /customers", idempotency_key(call.headers), call.body) as once:
        return created(await marketplace.customers.create(actor, call.body, once=once))


async def get_customer_by_id(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The customer."""
    found = await marketplace.customers.find(actor, call.path["id"])
    return Answer(found.document, found.version)


async def update_customer(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The customer after the change."""
    expected = expected_versions(call.headers)
    record = await marketplace.customers.update(actor, call.path["id"], call.body, expected)
    return Answer(record.document, record.version)


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
        errors=(Code.MALFORMED, Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={**LIST_EXAMPLES, Code.NOT_FOUND: not_found("there is no such reseller")},
    ),
    Operation(
        "POST",
        "/customers",
        "createCustomer",
        TAG,
        "Create a new customer",
        "Creates a customer of your account. Without `status` it is `pending` until the platform has verified it, "
        "within two seconds. Null counts as absent, and so does an empty string for an optional member; unknown "
        "members are ignored, and named in `X-Ignored-Members`.",
        create_customer,
        body=NewCustomer,
        request_example={name: value for name, value in EXAMPLE.items() if name not in GIVEN},
        answer=Customer,
        answer_example=EXAMPLE,
        repeatable=True,
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
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version()},
    ),
    Operation(
        "PATCH",
        "/customers/{id}",
        "updateCustomer",
        TAG,
        "Update customer status and details",
        "A JSON Merge Patch (RFC 7396): members left out stay, null or an empty string clears an optional one, "
        "`address` and `attributes` merge, `contactPersons` is replaced whole. `status` can change from `active` to "
        "`creditHold` and back, and from `pending` to `active`.",
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
        errors=(Code.NOT_FOUND, Code.CONFLICT, Code.PRECONDITION_FAILED),
    ),
)
