"""How much of the database a request reads: as counts, which no busy machine changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Caller, Serve, new_contact, new_customer
from tests.document import CheckedClient
from tests.statements import sent_statements


@pytest.fixture(autouse=True)
def sent() -> Iterator[list[str]]:
    """The statements that are sent; here, since it must begin before there is a server."""
    with sent_statements() as sent:
        yield sent


@pytest.fixture
def client(sent: list[str], serve: Serve) -> CheckedClient:
    sent.clear()
    return serve()


def reads(client: CheckedClient, caller: Caller, path: str, sent: list[str]) -> int:
    """How many statements ask for something, at the least: callers are looked up now and then, and others work, too."""
    counts = []
    for _ in range(5):
        sent.clear()
        assert client.get(path, caller).status_code == 200
        counts.append(len([statement for statement in sent if statement not in ("BEGIN", "COMMIT", "ROLLBACK")]))
    return min(counts)


def test_who_has_resellers_below_finds_as_quickly(
    client: CheckedClient, callers: dict[str, Caller], sent: list[str]
) -> None:
    body = new_customer(externalId="it", contactPersons=[new_contact(email="it@example.com")])
    made = client.post("/customers", callers["below"], json=body).json()
    assert reads(client, callers["below"], f"/customers/{made['id']}", sent) == 1
    for caller in ("provider", "sandbox", "below"):
        for query in ("externalId=it", "email=IT@example.com", "externalId=nothing"):
            assert reads(client, callers[caller], f"/customers?{query}", sent) == 2
            assert reads(client, callers[caller], f"/resellers?{query}", sent) == 2


def test_a_poll_without_news_is_two_looks_and_writes_nothing(
    client: CheckedClient, callers: dict[str, Caller], sent: list[str], database: Path
) -> None:
    sandbox = callers["sandbox"]
    end = client.get("/events?after=latest", sandbox).json()["next"]
    with closing(sqlite3.connect(database)) as witness:
        before = witness.execute("PRAGMA data_version").fetchone()
        assert reads(client, sandbox, f"/events?after={end}", sent) == 2
        assert witness.execute("PRAGMA data_version").fetchone() == before
