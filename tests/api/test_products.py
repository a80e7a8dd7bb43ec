"""GET /products/{id} and GET /plans/{id}: with parameters and ways to other plans."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Caller, Serve

pytestmark = pytest.mark.stocked

SEAT, TALK = "aaaaaaaa-aaaa-ffff-ffff-ffffffffffff", "BOREALIS-TALK"


@pytest.mark.parametrize("version", ["1.6", "1.15"])
def test_a_product_is_the_same_in_its_list_and_has_its_parameters(
    serve: Serve, callers: dict[str, Caller], version: str
) -> None:
    client, headers = serve(), {"X-Api-Version": version}
    for listed in client.get("/products", callers["sandbox"], headers=headers).json()["data"]:
        answer = client.get(f"/products/{listed['id']}", callers["sandbox"], headers=headers)
        assert answer.status_code == 200
        whole = answer.json()
        parameters = whole.pop("parameters")
        assert whole == listed
        assert all(parameter["phase"] == "ordering" for parameter in parameters)
        again = {**headers, "If-None-Match": answer.headers["etag"]}
        assert client.get(f"/products/{listed['id']}", callers["sandbox"], headers=again).status_code == 304


def product(client: Any, caller: Caller, mpn: str) -> dict[str, Any]:
    (listed,) = client.get(f"/products?mpn={mpn}", caller).json()["data"]
    found: dict[str, Any] = client.get(f"/products/{listed['id']}", caller).json()
    return found


def test_parameters_are_described(serve: Serve, callers: dict[str, Caller]) -> None:
    client = serve()
    assert product(client, callers["sandbox"], SEAT)["parameters"] == [
        {
            "name": "domain",
            "type": "domain",
            "phase": "ordering",
            "required": False,
            "title": "Domain",
            "description": "The domain for which the workspace is set up.",
        }
    ]
    talk = {parameter["name"]: parameter for parameter in product(client, callers["sandbox"], TALK)["parameters"]}
    assert list(talk) == ["company", "region", "extension", "contact", "pin"]
    assert talk["region"]["choices"] == [
        {"value": "eu", "label": "Europe", "default": False},
        {"value": "us", "label": "North America", "default": True},
        {"value": "ap", "label": "Asia and Pacific", "default": False},
    ]
    assert talk["extension"]["pattern"] == "[0-9]{3,5}"
    assert product(client, callers["sandbox"], "ACME-MAIL-PLUS")["parameters"] == []


def test_a_plan_is_the_same_in_its_list_and_has_its_ways(serve: Serve, callers: dict[str, Caller]) -> None:
    client = serve()
    plans = {}
    for listed in client.get("/plans", callers["sandbox"]).json()["data"]:
        whole = client.get(f"/plans/{listed['id']}", callers["sandbox"]).json()
        plans[listed["name"]] = whole
        assert {name: value for name, value in whole.items() if name != "planSwitches"} == listed
    year = {"type": "year", "duration": 1}
    assert plans["Acme Mail Basic"]["planSwitches"] == [
        {
            "planId": int(plans["Acme Mail Plus"]["id"]),
            "subscriptionPeriod": year,
            "billingPolicy": "prorate_keeping_exp_date",
            "whenEffective": "immediately",
            "sourceSubscriptionPeriod": year,
        }
    ]
    assert plans["Acme Mail Plus"]["planSwitches"] == []
