"""Roles: a reader looks, an editor also changes customers, an owner also changes resellers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.app import OPERATIONS
from emporion.credentials import Role
from emporion.marketplace import Marketplace
from emporion.marketplace.actors import Actor
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.sandbox import SANDBOX_MPN
from tests.conftest import CALLERS, Caller, Serve, new_customer
from tests.marketplace.test_tokens import OWNER, done_by_command
from tests.postgres import wait_until

pytestmark = pytest.mark.stocked

BELOW_ID = CALLERS["below"].reseller_id
# Stands for the id of one that is made for the test.
REPORT = "one"

As = Callable[[Role], Caller]


@pytest.fixture
def as_role(database: Path, monkeypatch: pytest.MonkeyPatch) -> As:
    """Who comes in as another user of the sandbox's reseller, in a role."""

    def caller(role: Role) -> Caller:
        async def token(marketplace: Marketplace) -> str:
            new = await marketplace.users.add(OWNER, RESELLER_ID, f"the-{role}", role, "us")
            return await marketplace.tokens.issue_for_user(Actor(PROVIDER_ID, "x", "command line"), new.user)

        return replace(CALLERS["sandbox"], login=f"the-{role}", token=done_by_command(database, token))

    return caller


@pytest.fixture
def as_client(database: Path) -> As:
    """Who comes in as an OAuth client of the sandbox's reseller, in a role."""

    def caller(role: Role) -> Caller:
        async def token(marketplace: Marketplace) -> str:
            new = await marketplace.clients.add(OWNER, RESELLER_ID, "roles", f"the-{role}", role=role)
            return await marketplace.tokens.issue_for_client(new.client)

        return replace(CALLERS["sandbox"], login=f"client:roles/the-{role}", token=done_by_command(database, token))

    return caller


def new_reseller() -> dict[str, Any]:
    return new_customer(currency="EUR")


ORDER = {"customerId": "1000002", "products": [{"mpn": SANDBOX_MPN, "quantity": 1}]}
PRICE = {"products": [{"mpn": SANDBOX_MPN, "unitPrice": {"currency": "USD", "amount": "5"}}]}
CHECK = {"customerId": "1000001", "products": [{"mpn": SANDBOX_MPN, "parameters": []}]}
# Each operation with the least role that it takes. The path stands beside what it is called with.
NEEDED: dict[str, tuple[Role, str, str, dict[str, Any] | None]] = {
    "getCustomers": ("reader", "GET", "/customers", None),
    "getCustomerById": ("reader", "GET", "/customers/1000001", None),
    "createCustomer": ("editor", "POST", "/customers", new_customer()),
    "updateCustomer": ("editor", "PATCH", "/customers/1000001", {"name": "New"}),
    "getResellers": ("reader", "GET", "/resellers", None),
    "getResellerById": ("reader", "GET", f"/resellers/{BELOW_ID}", None),
    "createReseller": ("owner", "POST", "/resellers", new_reseller()),
    "updateReseller": ("owner", "PATCH", f"/resellers/{BELOW_ID}", new_reseller()),
    "getResellerCustomers": ("reader", "GET", f"/resellers/{BELOW_ID}/customers", None),
    "createCustomerForReseller": ("editor", "POST", f"/resellers/{BELOW_ID}/customers", new_customer()),
    "getEvents": ("reader", "GET", "/events", None),
    "getCatalog": ("reader", "GET", "/products", None),
    "getProduct": ("reader", "GET", "/products/1000010", None),
    "getServicePlans": ("reader", "GET", "/plans", None),
    "getServicePlanById": ("reader", "GET", "/plans/1000003", None),
    "getOrders": ("reader", "GET", "/orders", None),
    "getOrderDetails": ("reader", "GET", "/orders/1000018", None),
    "getResellerOrders": ("reader", "GET", f"/resellers/{BELOW_ID}/orders", None),
    "estimateOrder": ("reader", "POST", "/orders/estimate", ORDER),
    "createOrder": ("editor", "POST", "/orders", ORDER),
    "updateOrder": ("editor", "PATCH", "/orders/1000018", {}),
    "getSubscriptions": ("reader", "GET", "/subscriptions", None),
    "getSubscription": ("reader", "GET", "/subscriptions/1000019", None),
    "updateSubscription": ("editor", "PATCH", "/subscriptions/1000019", {"attributes": {"a": "b"}}),
    "updateSubscriptionSpecialPricing": ("editor", "POST", "/subscriptions/1000019/specialPricing", PRICE),
    "validateParameters": ("reader", "POST", "/validation/parameters", CHECK),
    "getReports": ("reader", "GET", "/reports", None),
    "createReport": ("editor", "POST", "/reports", {"name": "Events", "startDate": "2026-09-01"}),
    "getReportById": ("reader", "GET", f"/reports/{REPORT}", None),
    "getCustomerEvents": ("reader", "GET", "/customers/1000001/events", None),
    "getResellerEvents": ("reader", "GET", f"/resellers/{BELOW_ID}/events", None),
}
ROLES: tuple[Role, ...] = get_args(Role)


def test_each_operation_that_takes_a_token_has_a_role_here() -> None:
    assert sorted(NEEDED) == sorted(operation.id for operation in OPERATIONS if operation.access == "Bearer")


@pytest.mark.parametrize("as_whom", ["as_role", "as_client"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for_and_nothing_else(
    serve: Serve, request: pytest.FixtureRequest, callers: dict[str, Caller], role: Role, as_whom: str
) -> None:
    caller, client = request.getfixturevalue(as_whom)(role), serve()
    report = client.post("/reports", callers["sandbox"], json=NEEDED["createReport"][3]).json()["id"]
    for needed, method, path, body in NEEDED.values():
        path = path.replace(REPORT, report)
        answer = client.request(method, path, caller, **({} if body is None else {"json": body}))
        allowed = ROLES.index(role) >= ROLES.index(needed)
        assert answer.status_code == (200 if allowed else 403), f"{method} {path}: {answer.text}"
        if not allowed:
            assert answer.json()["message"] == f"The role {role} may not do this; it takes the role {needed}."


@pytest.mark.parametrize("name", [name for name, (needed, *_) in NEEDED.items() if needed != "reader"])
def test_what_a_reader_may_not_do_is_in_the_log_and_not_done(
    serve: Serve, as_role: As, callers: dict[str, Caller], name: str
) -> None:
    _, method, path, body = NEEDED[name]
    caller, client = as_role("reader"), serve()
    before = [client.get(list_, callers["sandbox"]).json() for list_ in ("/customers", "/resellers")]
    answer = client.request(method, path, caller, json=body, headers={"X-Correlation-ID": "not-for-readers"})
    assert answer.status_code == 403
    assert [client.get(list_, callers["sandbox"]).json() for list_ in ("/customers", "/resellers")] == before
    asked = {"type": "access.refused"}
    wait_until(
        lambda: bool(client.get("/events", callers["sandbox"], params=asked).json()["data"]),
        lambda: "nothing is logged",
    )
    (event,) = client.get("/events", callers["sandbox"], params=asked).json()["data"]
    needed = NEEDED[name][0]
    assert event == {
        "id": event["id"],
        "at": event["at"],
        "type": "access.refused",
        "accountId": str(RESELLER_ID),
        "resellerId": str(RESELLER_ID),
        "subject": {"type": "reseller", "id": str(RESELLER_ID)},
        "source": "api",
        "actorId": str(RESELLER_ID),
        "user": "the-reader",
        "address": "testclient",
        "correlationId": "not-for-readers",
        "about": f"forbidden {method} {path}: The role reader may not do this; it takes the role {needed}.",
    }


@pytest.mark.parametrize("role", ["reader", "editor"])
@pytest.mark.parametrize("path", ["/resellers/1000000", "/resellers/900001", "/resellers/1"])
def test_who_may_not_change_a_reseller_does_not_learn_which_ones_there_are(
    serve: Serve, as_role: As, role: Role, path: str
) -> None:
    caller = as_role(role)
    assert serve().patch(path, caller, json={"name": "New"}).status_code == 403


def test_a_reader_learns_nothing_of_what_is_wrong_with_a_body(serve: Serve, as_role: As) -> None:
    caller = as_role("reader")
    answer = serve().post("/customers", caller, json={})
    assert answer.status_code == 403
    assert "details" not in answer.json()


def test_a_reader_does_not_get_the_answer_that_an_editor_was_given(serve: Serve, as_role: As) -> None:
    editor, reader = as_role("editor"), as_role("reader")
    client, again = serve(), {"Idempotency-Key": "once"}
    assert client.post("/customers", editor, json=new_customer(), headers=again).status_code == 200
    assert client.post("/customers", reader, json=new_customer(), headers=again).status_code == 403


@pytest.mark.parametrize("member", [{"status": "creditHold"}, {"currency": "EUR"}])
def test_an_owner_does_not_set_what_those_above_set(
    serve: Serve, callers: dict[str, Caller], member: dict[str, str]
) -> None:
    client = serve()
    assert client.patch(f"/resellers/{RESELLER_ID}", callers["sandbox"], json=member).status_code == 403
    assert client.patch(f"/resellers/{RESELLER_ID}", callers["provider"], json=member).status_code == 200


def test_a_user_has_a_new_role_with_the_next_token(serve: Serve, database: Path, as_role: As) -> None:
    caller, client = as_role("reader"), serve(workers="2")

    async def promoted(marketplace: Marketplace) -> str:
        user = await marketplace.users.change_role(Actor(PROVIDER_ID, "x", "command line"), caller.login, "editor")
        return await marketplace.tokens.issue_for_user(Actor(PROVIDER_ID, "x", "command line"), user)

    now = replace(caller, token=done_by_command(database, promoted))
    assert client.patch("/customers/1000001", caller, json={"name": "New"}).status_code == 401
    assert client.patch("/customers/1000001", now, json={"name": "New"}).status_code == 200


def test_the_log_of_a_change_names_the_user_who_made_it(serve: Serve, as_role: As, as_client: As) -> None:
    those, client = (as_role("editor"), as_client("owner")), serve()
    for number, caller in enumerate(those):
        client.patch("/customers/1000001", caller, json={"name": f"New {number}"}).raise_for_status()
        event = client.get("/customers/1000001/events", caller).json()["data"][-1]
        assert (event["user"], event["actorId"]) == (caller.login, str(RESELLER_ID))
        assert event["user"] != SANDBOX.user
