"""The OpenAPI document: it is valid, it says what the contract says, and its examples are true."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from emporion.accounts.resellers import NewReseller
from emporion.api import openapi
from emporion.app import OPERATIONS
from emporion.validation import read
from tests.conftest import Caller, Serve
from tests.document import CheckedClient, document

METHODS = ("get", "post", "patch")
# Operations whose query or body names what must be there: a reseller or a customer.
NAMES_ANOTHER = ("getCustomers", "getOrders", "getSubscriptions", "createOrder", "estimateOrder", "validateParameters")
# POSTs that change what there is, in the state that If-Match names; and those after which there is nothing new.
CHANGES_ANOTHER = ("createOrder",)
MAKES_NONE = ("estimateOrder", "validateParameters", "updateSubscriptionSpecialPricing")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation) for path, item in document()["paths"].items() for method, operation in item.items()
    ]


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document()).validate()


def test_the_operations_have_the_ids_that_clients_know() -> None:
    assert {(method, path): operation["operationId"] for path, method, operation in operations()} == {
        ("post", "/token"): "generateAuthToken",
        ("get", "/customers"): "getCustomers",
        ("post", "/customers"): "createCustomer",
        ("get", "/customers/{id}"): "getCustomerById",
        ("patch", "/customers/{id}"): "updateCustomer",
        ("get", "/customers/{id}/events"): "getCustomerEvents",
        ("get", "/resellers"): "getResellers",
        ("post", "/resellers"): "createReseller",
        ("get", "/resellers/{id}"): "getResellerById",
        ("patch", "/resellers/{id}"): "updateReseller",
        ("get", "/resellers/{id}/customers"): "getResellerCustomers",
        ("post", "/resellers/{id}/customers"): "createCustomerForReseller",
        ("get", "/resellers/{id}/events"): "getResellerEvents",
        ("get", "/events"): "getEvents",
        ("get", "/products"): "getCatalog",
        ("get", "/products/{id}"): "getProduct",
        ("get", "/plans"): "getServicePlans",
        ("get", "/plans/{id}"): "getServicePlanById",
        ("get", "/orders"): "getOrders",
        ("post", "/orders"): "createOrder",
        ("post", "/orders/estimate"): "estimateOrder",
        ("get", "/orders/{id}"): "getOrderDetails",
        ("patch", "/orders/{id}"): "updateOrder",
        ("get", "/resellers/{id}/orders"): "getResellerOrders",
        ("get", "/subscriptions"): "getSubscriptions",
        ("get", "/subscriptions/{id}"): "getSubscription",
        ("patch", "/subscriptions/{id}"): "updateSubscription",
        ("post", "/subscriptions/{id}/specialPricing"): "updateSubscriptionSpecialPricing",
        ("post", "/validation/parameters"): "validateParameters",
        ("get", "/reports"): "getReports",
        ("post", "/reports"): "createReport",
        ("get", "/reports/{reportId}"): "getReportById",
        ("post", "/auth/realms/{realm}/protocol/openid-connect/token"): "createAccessToken",
        ("get", "/auth/realms/{realm}/protocol/openid-connect/certs"): "getRealmKeys",
        ("get", "/auth/realms/{realm}/.well-known/openid-configuration"): "getRealmDiscovery",
        ("get", "/.well-known/openid-configuration"): "getDiscovery",
        ("get", "/.well-known/jwks.json"): "getKeys",
    }


def test_everything_is_described_and_has_an_example() -> None:
    for path, method, operation in operations():
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        for parameter in operation["parameters"]:
            if "$ref" in parameter:
                parameter = document()["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
            assert parameter["description"], where
        for status, response in operation["responses"].items():
            assert response["description"], where
            if status == "304":
                assert "content" not in response, where
                continue
            content = response["content"]["application/json"]
            assert content.get("example") or content.get("examples"), f"{where} {status}"
    for name, schema in document()["components"]["schemas"].items():
        assert schema["description"], name
        for member, described in schema["properties"].items():
            assert "description" in json.dumps(described) or "$ref" in json.dumps(described), f"{name}.{member}"


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document()["components"]})


def test_every_example_fits_its_schema() -> None:
    for _, _, operation in operations():
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        if "requestBody" in operation:
            contents.append(operation["requestBody"]["content"])
        for media in (media for content in contents for media in content.values()):
            examples = (
                [media["example"]] if "example" in media else [one["value"] for one in media["examples"].values()]
            )
            for example in examples:
                _validator(media["schema"]).validate(example)


@pytest.mark.parametrize("path", ["/customers", "/resellers", "/resellers/{id}/customers"])
def test_the_example_of_an_account_can_be_sent_as_it_stands(
    serve: Serve, callers: dict[str, Caller], path: str
) -> None:
    caller = callers["sandbox"]
    post = document()["paths"][path]["post"]
    sent = post["requestBody"]["content"]["application/json"]["example"]
    shown = post["responses"]["200"]["content"]["application/json"]["example"]
    answer = serve().post(path.replace("{id}", str(caller.reseller_id)), caller, json=sent).json()
    assert {**answer, "id": "any"} == {**shown, "id": "any"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_each_operation_has_the_errors_that_its_kind_can_have(operation: Any) -> None:
    statuses = set(document()["paths"][operation.path][operation.method.lower()]["responses"])
    assert statuses >= {"200", "400", "500", "503"}
    assert ("401" in statuses) == (operation.access != "Public")
    assert ("403" in statuses) == (operation.access in ("Bearer", "Basic"))
    assert ("429" in statuses) == (operation.access != "Public")
    assert ({"408", "413", "415"} <= statuses) == bool(operation.body)
    of_one = "{id}" in operation.path or "{reportId}" in operation.path
    assert ("404" in statuses) == (of_one or operation.id in NAMES_ANOTHER)
    may_conflict = operation.method != "GET" and operation.id != "validateParameters"
    assert ("409" in statuses) == (may_conflict and operation.access == "Bearer")
    assert ("304" in statuses) == (operation.method == "GET")
    assert ("412" in statuses) == (operation.method in ("GET", "PATCH") or operation.id in CHANGES_ANOTHER)
    makes_one = operation.method == "POST" and operation.id not in MAKES_NONE
    assert ("422" in statuses) == operation.repeatable == (makes_one and operation.access == "Bearer")


def test_each_condition_and_key_is_a_parameter_where_it_has_an_effect() -> None:
    for path, method, operation in operations():
        named = {parameter.get("name") for parameter in operation["parameters"]}
        for name, header in (("304", "If-None-Match"), ("422", "Idempotency-Key")):
            assert (header in named) == (name in operation["responses"]), f"{method} {path}"
        has_state = method == "patch" or operation["operationId"] in CHANGES_ANOTHER
        assert ("If-Match" in named) == has_state, f"{method} {path}"


def test_whatever_can_be_read_again_has_an_etag() -> None:
    for path, method, operation in operations():
        signs_in = path.endswith("/token")
        assert ("ETag" in operation["responses"]["200"]["headers"]) == (not signs_in), f"{method} {path}"


def test_secrets_are_for_writing_only_and_in_no_answer() -> None:
    schemas = document()["components"]["schemas"]
    for secret in ("login", "password"):
        assert "writeOnly" in json.dumps(schemas["NewContactPerson"]["properties"][secret])
        assert secret not in schemas["ContactPerson"]["properties"]
        for account in ("Customer", "Reseller"):
            assert secret not in json.dumps(schemas[account])


def test_the_path_prefix_is_told() -> None:
    assert openapi.document(OPERATIONS, "/marketplace/eu")["servers"] == [{"url": "/marketplace/eu"}]


def test_the_document_is_served_without_credentials(client: CheckedClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document()


@pytest.mark.parametrize(
    "member", ["name", "externalId", "phoneNumber", "login", "language", "countryCode", "currency"]
)
def test_what_the_schema_says_of_a_member_is_what_is_checked(member: str) -> None:
    """The rules stand once: the schema of a member refuses what the reader refuses, for lengths and patterns."""
    text = json.dumps(document()["components"]["schemas"])
    assert re.search(rf'"{member}": {{', text)
    for value in (" ", "x" * 300):
        body = {member: value, "contactPersons": [{member: value}], "address": {member: value}}
        fields = [fault.field.rpartition(".")[2] for fault in read(NewReseller, body)[1]]
        assert member in fields
