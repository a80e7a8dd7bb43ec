"""What the sandbox has beside its customers: a catalogue, and a first order, subscription and report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from emporion import times
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.queries import CustomerQuery
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.catalogue_content import CatalogueContent
from emporion.marketplace.platforms import SANDBOX, SANDBOX_CUSTOMERS
from emporion.orders.queries import OrderQuery
from emporion.reports import ReportQuery

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

# A client's own tests order it (fbettag/ingram_marketplace.ex).
SANDBOX_MPN = "aaaaaaaa-aaaa-ffff-ffff-ffffffffffff"
# A user begins anew with these; the key keeps two nodes that start at once from doing it twice.
ONCE = "sandbox-1"
# Milliseconds before the start, from which the report is.
REPORTED = 30 * 86_400_000
# How often what waits is taken up until the order and the report are done; the workers do what is left.
MOST_ROUNDS = 20

_OPERATOR = Actor(PROVIDER_ID, SANDBOX.user, "command line")
_SELLER = Actor(RESELLER_ID, SANDBOX.user, "command line")


async def stock_sandbox(marketplace: Marketplace, now: int) -> None:
    """See to it that the sandbox sells, and has sold: also one of an earlier version, or whose start was cut short.

    now: in milliseconds since 1970. What a user has made of it stays: a catalogue is applied where none ever was, an
    order and a report are added where there is none.
    """
    await _apply_catalogue(marketplace)
    await _place_order(marketplace)
    await _make_report(marketplace, now)


async def _apply_catalogue(marketplace: Marketplace) -> None:
    if await marketplace.catalogue_files.version():
        return
    file = resources.files("emporion.marketplace") / "sandbox.yaml"
    with file.open("rb") as stream, CatalogueContent(stream) as content, _by_another_node():
        await marketplace.catalogue_files.apply(_OPERATOR, content)


async def _place_order(marketplace: Marketplace) -> None:
    """See to it that there is an order, completed, with an active subscription."""
    if (await marketplace.orders.page(_SELLER, OrderQuery(limit=1), whole=False)).pagination.total:
        return
    query = CustomerQuery(external_id=SANDBOX_CUSTOMERS[0]["externalId"])
    found = msgspec.json.decode((await marketplace.customers.page(_SELLER, query, whole=False)).data)
    for customer in found:
        body = {
            "customerId": customer["id"],
            "poNumber": "T-17",
            "products": [{"mpn": SANDBOX_MPN, "quantity": 5}],
        }
        with marketplace.idempotency.once(_SELLER, "POST /orders", ONCE, body) as once, _by_another_node():
            await marketplace.orders.place(_SELLER, body, once)
    await _finish(marketplace.order_runner.run_next)


async def _make_report(marketplace: Marketplace, now: int) -> None:
    """See to it that there is a report, with its file."""
    if (await marketplace.reports.page(_SELLER, ReportQuery(limit=1))).pagination.total:
        return
    body = {"name": "Subscriptions", "startDate": times.shown(now - REPORTED)}
    with marketplace.idempotency.once(_SELLER, "POST /reports", ONCE, body) as once, _by_another_node():
        await marketplace.reports.create(_SELLER, body, once)
    await _finish(marketplace.report_runner.run_next)


async def _finish(run_next: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(MOST_ROUNDS):
        if not await run_next():
            return


@contextmanager
def _by_another_node() -> Iterator[None]:
    """Let it pass that another node does it now, or that the sandbox's user has changed what it takes."""
    try:
        yield
    except Problem as problem:
        if problem.code not in (Code.CONFLICT, Code.INVALID, Code.IDEMPOTENCY_KEY_REUSED):
            raise
