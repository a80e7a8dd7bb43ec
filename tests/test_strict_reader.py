"""The strict reader refuses what a generated client refuses; `document.py` lets it read the answers of all tests."""

from __future__ import annotations

from typing import Any

import pytest

from emporion.app import OPERATIONS
from tests.document import ONE_ANSWER, document
from tests.strict_reader import OPERATION_TYPES, Unreadable, read_strictly

AMOUNT = {"currency": "EUR", "amount": "4.5"}
PERIOD = {"type": "month", "duration": 1}
ORDER = {"type": "sales", "customerId": "1", "total": AMOUNT, "products": [{"quantity": 1.5, "billingPeriod": PERIOD}]}
SUBSCRIPTION = {"products": [{"quantity": 1}], "planId": 7, "creationDate": "2026-09-18", "attributes": {"a": "b"}}


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("GET /orders/{id}", {**ORDER, "customerId": 1}),
        ("GET /orders/{id}", {**ORDER, "type": "gift"}),
        ("GET /orders/{id}", {"type": "sales"}),
        ("GET /orders/{id}", {**ORDER, "type": None}),
        ("GET /orders/{id}", {**ORDER, "total": {"currency": "EUR", "amount": 4.5}}),
        ("GET /orders/{id}", {**ORDER, "total": {"amount": "4.5"}}),
        ("GET /orders/{id}", {**ORDER, "products": [{"billingPeriod": {"type": "month", "duration": 1.0}}]}),
        ("GET /orders/{id}", {**ORDER, "creationDate": "yesterday"}),
        ("GET /orders/{id}", {**ORDER, "creditCheck": "true"}),
        ("GET /subscriptions/{id}", {**SUBSCRIPTION, "products": [{"quantity": 10.0}]}),
        ("GET /subscriptions/{id}", {**SUBSCRIPTION, "planId": "7"}),
        ("GET /subscriptions/{id}", {**SUBSCRIPTION, "attributes": {"a": 1}}),
        ("GET /subscriptions/{id}", {**SUBSCRIPTION, "creationDate": "18.09.2026"}),
        ("GET /products", {"data": [{"minimumQuantity": 1}], "pagination": {"offset": 0, "limit": 1, "total": 1}}),
        ("GET /products", {"data": {}, "pagination": {"offset": 0, "limit": 1, "total": 1}}),
        ("GET /reports/{reportId}", {"id": "mine", "name": "Events", "startDate": "2026-09-01T00:00:00Z"}),
    ],
)
def test_what_a_generated_client_refuses_is_refused(operation: str, answer: Any) -> None:
    with pytest.raises(Unreadable):
        read_strictly(operation, answer)


def test_what_it_reads_is_read_whatever_else_is_there() -> None:
    read_strictly("GET /orders/{id}", {**ORDER, "estimateId": 1, "poNumber": None})
    read_strictly("GET /subscriptions/{id}", {**SUBSCRIPTION, "orderParameters": [{"name": "a", "value": "b"}]})


def test_each_operation_of_the_contract_is_ours() -> None:
    ours = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert set(OPERATION_TYPES) <= ours


# The examples of lists that differ between the versions are of the earlier one.
@pytest.mark.parametrize("operation", sorted(OPERATION_TYPES.keys() & {*ONE_ANSWER, "POST /validation/parameters"}))
def test_the_example_of_each_operation_can_be_read(operation: str) -> None:
    method, path = operation.split()
    content = document()["paths"][path][method.lower()]["responses"]["200"]["content"]["application/json"]
    read_strictly(operation, content["example"])
