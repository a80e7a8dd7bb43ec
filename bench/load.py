"""The 100,000 customers: put in through a store's own API, and waited for while they are verified."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench import Failed
from bench.customers import families
from emporion.accounts.ids import RESELLER_ID
from emporion.credentials import new_login
from emporion.events import Origin
from emporion.marketplace.platforms import SANDBOX, found
from emporion.store.administrators import AdministratorLogin
from emporion.store.customers import NewRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emporion.store.base import Store

CUSTOMERS = 100_000
# Writes in flight, which share transactions.
AT_ONCE = 128
# Seconds for the server to verify what a run has created.
VERIFIED_WITHIN = 120
# Finds some sixteen of them, through its accents.
SEARCHED = "schafer druckerei koln"


def load(store: Store, customers: int = CUSTOMERS) -> range:
    """Make a sandbox with so many customers in a new database; their ids."""
    return asyncio.run(_load(store, customers))


async def _load(store: Store, customers: int) -> range:
    await store.migrate()
    await store.open()
    try:
        await found(store, SANDBOX, int(time.time() * 1000), sandbox=True)
        records = _records(customers)
        ids: set[int] = set()

        async def add() -> None:
            for record in records:
                ids.add((await store.customers.add(record)).id)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(add())
    finally:
        await store.close()
    loaded = range(min(ids), max(ids) + 1)
    if len(loaded) != customers:
        raise Failed(f"{customers} customers were loaded, but their ids go from {loaded[0]} to {loaded[-1]}")
    return loaded


def _records(customers: int) -> Iterator[NewRecord]:
    now = int(time.time() * 1000)
    for customer in families(customers):
        logins = [AdministratorLogin(0, new_login(0), None)]
        yield NewRecord(RESELLER_ID, customer, logins, Origin(SANDBOX.user, "api"), now)


def wait_until_verified(store: Store) -> None:
    """Return as soon as no customer in the store is pending. Raises Failed if that takes too long."""
    asyncio.run(_wait_until_verified(store))


async def _wait_until_verified(store: Store) -> None:
    await store.open()
    try:
        async with asyncio.timeout(VERIFIED_WITHIN):
            while await store.customers.count_pending():  # noqa: ASYNC110 - another process changes them
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise Failed(f"customers were still pending {VERIFIED_WITHIN} seconds after they were created") from None
    finally:
        await store.close()
