"""kill -9 while a report is made: the worker that goes on makes it whole."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.report_runner import LEASE
from emporion.store.sqlite import SqliteStore
from tests.effort import effort
from tests.server import PATIENCE, serving
from tests.store.test_base import customer, new

CUSTOMERS, KILLS = effort(quick=(4000, 1), thorough=(20_000, 2))


async def add_customers(database: Path) -> None:
    store = SqliteStore(database)
    await store.open()
    for first in range(0, CUSTOMERS, 500):
        await asyncio.gather(
            *(store.customers.add(new(RESELLER_ID, customer(f"Firm {first + one}"))) for one in range(500))
        )
    await store.close()


def wait_for(status: str, report: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The report once it has the status, however long another process had it leased."""
    deadline = time.monotonic() + 2 * LEASE / 1000 + PATIENCE
    while (found := report())["status"] != status:
        assert time.monotonic() < deadline, found
        assert found["status"] in ("submitted", "processing"), "the kill came too late; nothing was tested"
        time.sleep(0.005)
    return found


@pytest.mark.thorough
@pytest.mark.timeout(400)
def test_a_server_makes_the_report_that_a_killed_one_has_left(tmp_path: Path) -> None:
    id_ = ""
    for number in range(KILLS + 1):
        with serving(tmp_path) as server, httpx.Client(base_url=server.url, headers=server.headers()) as client:
            if not id_:
                asyncio.run(add_customers(tmp_path / "sandbox.db"))
                wanted = {"name": "Customers", "startDate": "1970-01-01", "endDate": "1970-02-01", "format": "csv"}
                id_ = client.post("/reports", json=wanted).raise_for_status().json()["id"]

            def report(client: httpx.Client = client, id_: str = id_) -> dict[str, str]:
                found: dict[str, str] = client.get(f"/reports/{id_}").raise_for_status().json()
                return found

            if number < KILLS:
                wait_for("processing", report)
                server.kill()
                continue
            content = httpx.get(wait_for("completed", report)["downloadUrl"]).raise_for_status().text
            names = [row["name"] for row in csv.DictReader(content.lstrip("\ufeff").splitlines())]
            assert sorted(names) == sorted(f"Firm {one}" for one in range(CUSTOMERS))
