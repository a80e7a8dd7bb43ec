"""One reseller never sees, changes or learns of another's customers, by any operation and any filter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Caller, new_contact, new_customer
from tests.document import CheckedClient

SECRET = {"name": "Secret Customer", "externalId": "secret-external"}
EMAIL = "secret@example.com"


@pytest.fixture
def secret(client: CheckedClient, callers: dict[str, Caller]) -> str:
    """The id of a customer of `other`, which stands beside `sandbox`."""
    body = new_customer(**SECRET, contactPersons=[new_contact(email=EMAIL)])
    return str(client.post("/customers", callers["other"], json=body).json()["id"])


def without_traces(answer: Any) -> dict[str, Any]:
    """An error without what differs from one request to the next."""
    return {name: value for name, value in answer.json().items() if name not in ("timeStamp", "correlationId", "path")}


@pytest.mark.parametrize("caller", ["sandbox", "below", "pinned"])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_anothers_customer_cannot_be_told_from_one_that_is_not_there(
    client: CheckedClient, callers: dict[str, Caller], secret: str, caller: str, method: str
) -> None:
    missing = str(int(secret) + 1)
    body = {"json": {"name": 5}} if method == "PATCH" else {}
    theirs = client.request(method, f"/customers/{secret}", callers[caller], **body)
    nobodys = client.request(method, f"/customers/{missing}", callers[caller], **body)
    assert theirs.status_code == nobodys.status_code == 404
    assert without_traces(theirs)["message"].replace(secret, "ID") == without_traces(nobodys)["message"].replace(
        missing, "ID"
    )


@pytest.mark.parametrize("caller", ["sandbox", "below"])
@pytest.mark.parametrize("version", ["1.6", "1.15"])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "name=secret customer",
        "name=se",
        "name=e",
        f"email={EMAIL}",
        "externalId=secret-external",
        f"email={EMAIL}&name=secret",
        "offset=0&limit=1000",
    ],
)
def test_no_list_shows_or_counts_anothers_customer(
    client: CheckedClient, callers: dict[str, Caller], secret: str, caller: str, version: str, query: str
) -> None:
    answer = client.get(f"/customers?{query}", callers[caller], headers={"X-Api-Version": version})
    assert secret not in answer.text
    assert answer.json()["pagination"]["total"] == len(answer.json()["data"])
    assert "Secret" not in answer.text


@pytest.mark.parametrize("caller", ["sandbox", "below"])
def test_anothers_reseller_cannot_be_told_from_one_that_is_not_there(
    client: CheckedClient, callers: dict[str, Caller], secret: str, caller: str
) -> None:
    answers = [
        client.get(f"/customers?resellerId={reseller}", callers[caller])
        for reseller in (callers["other"].reseller_id, callers["provider"].reseller_id, 12345, secret)
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({str(without_traces(answer)) for answer in answers}) == 1


def test_another_reseller_may_use_the_same_external_id(
    client: CheckedClient, callers: dict[str, Caller], secret: str
) -> None:
    assert client.post("/customers", callers["sandbox"], json=new_customer(**SECRET)).status_code == 200
    assert client.get(f"/customers/{secret}", callers["other"]).json()["externalId"] == SECRET["externalId"]


def test_a_taken_login_does_not_tell_whose_it_is(client: CheckedClient, callers: dict[str, Caller]) -> None:
    mine, theirs = (
        new_customer(contactPersons=[new_contact(login="same-login")], name=name) for name in ("Mine", "Theirs")
    )
    assert client.post("/customers", callers["other"], json=theirs).status_code == 200
    answer = client.post("/customers", callers["sandbox"], json=mine)
    assert answer.status_code == 409
    assert not any(word in answer.text for word in ("1000003", "Theirs", "900001"))


def test_a_failed_attempt_changes_nothing(client: CheckedClient, callers: dict[str, Caller], secret: str) -> None:
    before = client.get(f"/customers/{secret}", callers["other"]).json()
    for caller in ("sandbox", "below"):
        client.patch(f"/customers/{secret}", callers[caller], json={"name": "Stolen", "status": "active"})
        client.post("/customers", callers[caller], json=new_customer(id=secret, resellerId="900001"))
    assert client.get(f"/customers/{secret}", callers["other"]).json() == before
    assert client.get("/customers", callers["other"]).json()["pagination"]["total"] == 1


def test_an_account_above_reaches_all_below(client: CheckedClient, callers: dict[str, Caller], secret: str) -> None:
    below = client.post("/customers", callers["below"], json=new_customer(name="Below")).json()
    assert below["resellerId"] == "900002"
    for caller in ("sandbox", "provider"):
        assert client.get(f"/customers/{below['id']}", callers[caller]).json() == below
    changed = client.patch(f"/customers/{below['id']}", callers["sandbox"], json={"name": "Changed"}).json()
    assert changed == {**below, "name": "Changed"}
    assert client.get(f"/customers/{below['id']}", callers["below"]).json() == changed

    def listed(caller: str, query: str = "") -> list[str]:
        return [customer["id"] for customer in client.get(f"/customers{query}", callers[caller]).json()["data"]]

    assert listed("provider") == [below["id"], secret, "1000002", "1000001"]
    assert listed("sandbox") == [below["id"], "1000002", "1000001"]
    assert listed("sandbox", "?resellerId=900002") == listed("provider", "?resellerId=900002") == [below["id"]]
    assert listed("below", "?resellerId=900002") == listed("below") == [below["id"]]
    assert client.get("/customers?resellerId=1000000", callers["below"]).status_code == 404
    assert client.get("/customers/1000001", callers["below"]).status_code == 404
