"""Pending customers and resellers become active by themselves, and what fails is tried again."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from emporion.errors import Code, Problem
from emporion.workers import verification
from tests.conftest import Caller, Serve, new_customer
from tests.effort import promised


def test_a_pending_customer_is_active_within_two_seconds(serve: Serve, callers: dict[str, Caller]) -> None:
    client, caller = serve(verification="automatic"), callers["sandbox"]
    created = client.post("/customers", caller, json=new_customer()).json()
    began = time.monotonic()
    assert created["status"] == "pending"
    while client.get(f"/customers/{created['id']}", caller).json()["status"] == "pending":
        assert time.monotonic() - began < promised(2)
    assert client.get("/customers", caller).json()["data"][0] == {
        "id": created["id"],
        "name": created["name"],
        "status": "active",
    }


def test_by_hand_it_stays_pending_until_the_reseller_says_so(serve: Serve, callers: dict[str, Caller]) -> None:
    client, caller = serve(verification="manual"), callers["sandbox"]
    created = client.post("/customers", caller, json=new_customer()).json()
    assert client.get(f"/customers/{created['id']}", caller).json()["status"] == "pending"
    assert client.patch(f"/customers/{created['id']}", caller, json={"status": "active"}).json()["status"] == "active"


def test_a_pending_reseller_is_active_within_two_seconds(serve: Serve, callers: dict[str, Caller]) -> None:
    client, caller = serve(verification="automatic"), callers["sandbox"]
    created = client.post("/resellers", caller, json=new_customer(currency="EUR")).json()
    began = time.monotonic()
    assert created["status"] == "pending"
    while client.get(f"/resellers/{created['id']}", caller).json()["status"] == "pending":
        assert time.monotonic() - began < promised(2)
    assert client.get(f"/resellers/{created['id']}", caller).json() == {**created, "status": "active"}


class Sometimes:
    """Accounts whose verification fails at first."""

    def __init__(self) -> None:
        self.tried = 0
        self.done = asyncio.Event()

    async def verify_waiting(self) -> int:
        self.tried += 1
        if self.tried in (1, 2, 4):
            raise Problem(Code.UNAVAILABLE, "away")
        if self.tried == 5:
            raise RuntimeError
        if self.tried < 7:
            return 0
        self.done.set()
        return 0


class Never:
    """Accounts of which none waits."""

    async def verify_waiting(self) -> int:
        return 0


async def test_a_database_that_is_away_does_not_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "INTERVAL", 0)
    accounts = Sometimes()
    marketplace = SimpleNamespace(customers=accounts, resellers=Never())
    with capture_logs() as logs:
        task = asyncio.create_task(verification.verify_accounts(marketplace))  # type: ignore[arg-type]
        await asyncio.wait_for(accounts.done.wait(), 5)
        task.cancel()
    assert [entry["event"] for entry in logs] == [
        "verification waits for the database",
        "verification waits for the database",
        "verification failed, it will be tried again",
    ]
