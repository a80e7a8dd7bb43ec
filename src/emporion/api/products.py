"""GET /products, GET /products/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emporion.api.auth import unknown_version
from emporion.api.collections import Noun, list_operation
from emporion.api.operations import Answer, Call, Operation
from emporion.catalogue.shown import Product, ProductDetailed, ProductPage, ProductQuery
from emporion.errors import Code, Fault, Problem

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor

EXAMPLE: dict[str, Any] = {
    "mpn": "ACME-MAIL-STD",
    "vendor": "acme",
    "id": "1000301",
    "serviceName": "ACME_MAIL",
    "name": "Acme Mail Standard",
    "minimumQuantity": "1",
    "maximumQuantity": "300",
    "prices": [
        {"currency": "EUR", "amount": "4.5", "type": "recurring", "model": "FLAT"},
        {"currency": "EUR", "amount": "10", "type": "setup", "model": "FLAT"},
    ],
    "costs": [{"currency": "EUR", "amount": "3.9", "type": "recurring", "model": "FLAT"}],
    "billingPeriod": {"type": "month", "duration": 1},
    "subscriptionPeriod": {"type": "year", "duration": 1},
    "billingModel": "chargeBeforeBillingPeriod",
    "dependsOn": [],
    "coterming": {"required": "RESTRICTED"},
}
PARAMETER = {
    "name": "domain",
    "type": "domain",
    "phase": "ordering",
    "required": True,
    "title": "Domain",
    "description": "Where mail is received.",
}
PRODUCT = Noun("/products", "Product Catalog", "product", Product, EXAMPLE)
WRONG = Problem(Code.INVALID, "name must not be empty", [Fault("name", "must not be empty")])


async def get_product(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """The product."""
    return Answer(await marketplace.products.answer(actor, call.path["id"]))


OPERATIONS = (
    list_operation(
        PRODUCT,
        "getCatalog",
        "Get a list of products",
        "The products that your account sells, newest first: what is published, delegated to it, and has prices "
        "in its currency. Filters combine with and.",
        lambda marketplace: marketplace.products.page,
        query=ProductQuery,
        answer=ProductPage,
        invalid=WRONG,
    ),
    Operation(
        "GET",
        "/products/{id}",
        "getProduct",
        PRODUCT.tag,
        "Get a specific product",
        "The product, with the parameters that an order of it has: one that your account sells, or of whose plan it "
        "has, itself or below it, a subscription.",
        get_product,
        answer=ProductDetailed,
        answer_example={**EXAMPLE, "parameters": [PARAMETER]},
        errors=(Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={Code.INVALID: unknown_version(), Code.NOT_FOUND: PRODUCT.unknown},
    ),
)
