"""What is bought and sold, at scale: products, subscriptions and orders beside customers: `make bench-marketplace`.

A platform with one large reseller and some small ones beside it; each kind of request is measured in turns with what it
is compared with, and on PostgreSQL the reference build as well.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import asyncpg
import msgspec
import typer
from msgspec import structs
from rich.console import Console
from rich.table import Table

from bench import Failed
from bench.client import ask, good, sign_in
from bench.customers import brands
from bench.drive import CONNECTIONS, Figures, check_wrk, run
from bench.grounds import GROUNDS
from bench.load import wait_until_verified
from bench.offers import apply_catalogue, ordered, write_catalogue
from bench.reference import load as reference_load
from bench.reference.load_sales import load_sales
from bench.server import emporion, reference
from bench.sold import Seller
from bench.sold_requests import POST_CUSTOMER, POST_ORDER, REFERRED, kinds
from bench.table import facts
from emporion.accounts.customers import Customer
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.accounts.resellers import Reseller
from emporion.credentials import new_login
from emporion.events import Origin
from emporion.marketplace.platforms import SANDBOX
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.administrators import AdministratorLogin
from emporion.store.customers import NewRecord
from emporion.store.records import Filter
from emporion.store.resellers import NewResellerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.postgres import Databases

    from bench.grounds import Ground
    from bench.sold import Sales
    from bench.sold_requests import Kind
    from emporion.store.base import Store

BUILD = Path(__file__).parents[1] / "build" / "bench"
WIDTH = 170
# Seconds within which all that a run has ordered must have been provided, and between two looks.
PROVIDED_WITHIN, POLL_SECONDS = 900, 0.2
# Of what the large reseller has, each small one has a share.
SHARE = 1000
# So many orders at most are looked at that wait.
MOST_WAITING = 100_000
ORIGIN = Origin(SANDBOX.user, "api")
# Seconds between two lines about the loading.
INTERVAL = 5


class Sizes(msgspec.Struct, frozen=True):
    """How many there are of the large reseller's. small: resellers beside it."""

    products: int
    customers: int
    subscriptions: int
    orders: int
    small: int


def marketplace(
    products: Annotated[int, typer.Option(min=20, help="In the catalogue.")] = 100_000,
    customers: Annotated[int, typer.Option(min=100, help="Of the large reseller.")] = 100_000,
    subscriptions: Annotated[int, typer.Option(min=100, help="Of the large reseller.")] = 100_000,
    orders: Annotated[int, typer.Option(min=100, help="Of the large reseller.")] = 1_000_000,
    small: Annotated[int, typer.Option(min=0, help="Resellers beside it, with a thousandth of all each.")] = 10,
    stores: Annotated[str, typer.Option(help=f"Of {' and '.join(GROUNDS)}.")] = ",".join(sorted(GROUNDS, reverse=True)),
    seconds: Annotated[int, typer.Option(min=1, help="For how long each figure is measured in each round.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds; the median of them counts.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes of each server that is measured.")] = 1,
    only: Annotated[str, typer.Option(help="Part of the names of those that are measured; all if empty.")] = "",
    beside: Annotated[bool, typer.Option(help="Measure the reference build as well, on PostgreSQL.")] = True,
) -> None:
    """Measure what is sold beside customers, and write the tables to build/bench/marketplace-STORE.txt."""
    check_wrk()
    BUILD.mkdir(parents=True, exist_ok=True)
    sizes = Sizes(products, customers, subscriptions, orders, small)
    conditions = (
        f"{products:,} products · {customers:,} customers · {subscriptions:,} subscriptions · {orders:,} orders · "
        f"{small} small resellers · {CONNECTIONS} connections · workers: {workers} · {rounds} × {seconds} s"
    )
    for store in stores.split(","):
        if store not in GROUNDS:
            raise Failed(f"{store} is none of {', '.join(GROUNDS)}")
        with GROUNDS[store](BUILD) as ground, ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
            say = _Sayer(store)
            sales, loaded = _fill(ground, folder, sizes, say)
            measured = _Measured(stack, ground, folder, sales, workers, seconds)
            if beside and ground.databases:
                measured.put_reference_beside(stack, ground.databases, say)
            _measure(measured, rounds, only, say)
            _keep(store, measured, (facts(ground.fact), conditions), loaded)
            if measured.failures:
                raise Failed("\n".join(measured.failures))


class _Sayer:
    """Tells how far it is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        self._last = time.monotonic()
        print(f"{self._title} [{self._last - self._began:.0f} s] {text}", flush=True)

    def now_and_then(self, text: str) -> None:
        """Tell it, unless something was told a moment ago."""
        if time.monotonic() - self._last > INTERVAL:
            self(text)


def _fill(ground: Ground, folder: Path, sizes: Sizes, say: _Sayer) -> tuple[Sales, dict[str, float]]:
    """Fill the platform; the sales of the large reseller, and the seconds that each step took."""
    took: dict[str, float] = {}

    def timed(what: str, began: float) -> None:
        took[what] = time.monotonic() - began
        say(f"{what}: {took[what]:.1f} s")

    file = folder / "catalogue.yaml"
    with file.open("w", encoding="utf-8") as written:
        write_catalogue(written, sizes.products)
    began = time.monotonic()
    apply_catalogue(ground.url, file)
    timed(f"applied {sizes.products:,} products", began)
    began = time.monotonic()
    ground.grow(sizes.customers, say.now_and_then)
    timed(f"loaded {sizes.customers:,} customers", began)
    began = time.monotonic()
    chain, currency, products = ordered(ground.url, RESELLER_ID)
    customers = asyncio.run(_customers(_store(ground.url), RESELLER_ID))
    sellers = [Seller(chain, currency, products, customers, sizes.subscriptions, sizes.orders)]
    for number in range(sizes.small):
        reseller_id, own = asyncio.run(_small_reseller(_store(ground.url), number, max(sizes.customers // SHARE, 10)))
        subscriptions, orders = max(sizes.subscriptions // SHARE, 10), max(sizes.orders // SHARE, 20)
        sellers.append(Seller([PROVIDER_ID, reseller_id], currency, products, own, subscriptions, orders))
    sales, *_ = ground.sell(sellers, say.now_and_then)
    timed(f"loaded {sizes.subscriptions:,} subscriptions and {sizes.orders:,} orders", began)
    took["bytes"] = ground.size()
    return sales, took


def _store(url: str) -> Store:
    return open_store(Settings.read({"database": url}))


async def _customers(store: Store, reseller_id: int) -> range:
    """The ids of a reseller's customers, which were given one after the other."""
    await store.open()
    try:
        listed = await store.customers.page(reseller_id, Filter(), 0, 1, whole=False)
        newest = int(msgspec.json.decode(listed.data)[0]["id"])
        return range(newest - listed.total + 1, newest + 1)
    finally:
        await store.close()


async def _small_reseller(store: Store, number: int, customers: int) -> tuple[int, range]:
    """A new reseller with so many customers, and their ids."""
    await store.open()
    try:
        account = Reseller(id="", name=f"Small {number}", status="active", language="en", currency="USD")
        now = int(time.time() * 1000)
        record = await store.resellers.add(NewResellerRecord(PROVIDER_ID, account, (), ORIGIN, now))
        ids = []
        for new in brands(range(number * customers + 1, (number + 1) * customers + 1)):
            customer = structs.replace(new, external_id=None, reseller_id=str(record.id))
            logins = [AdministratorLogin(0, new_login(now), None)]
            ids.append((await store.customers.add(NewRecord(record.id, customer, logins, ORIGIN, now))).id)
        return record.id, range(ids[0], ids[-1] + 1)
    finally:
        await store.close()


class Run(msgspec.Struct, frozen=True):
    """What was found in one round. before: of what it is compared with, just before. theirs: of the reference build."""

    found: Figures
    before: Figures | None
    theirs: Figures | None

    def in_words(self) -> str:
        """The rates."""
        beside = f", before {self.before.per_second:,.0f}/s" if self.before else ""
        return f"{self.found.per_second:,.0f}/s{beside}" + (
            f", reference {self.theirs.per_second:,.0f}/s" if self.theirs else ""
        )


class _Measured:
    """A running server, and its reference if there is one; and what was found."""

    def __init__(
        self, stack: ExitStack, ground: Ground, folder: Path, sales: Sales, workers: int, seconds: int
    ) -> None:
        self._url, self._folder, self._seconds, self.sales, self._workers = ground.url, folder, seconds, sales, workers
        self._port = stack.enter_context(emporion(ground.url, folder / "server.log", workers))
        self._headers = sign_in(self._port)
        requests = folder / "requests"
        requests.mkdir()
        plans = sorted({product.kept.plan_id for product in sales.seller.products})
        self.kinds = kinds(sales, plans, _Totals(self.answer), requests)
        self.runs: dict[str, list[Run]] = {}
        self.failures: list[str] = []
        # Orders that were provided in each second after a run.
        self.provided: list[float] = []
        self._reference: tuple[int, Mapping[str, str]] | None = None

    def answer(self, path: str) -> bytes:
        """The body of a good answer. Raises Failed."""
        return good(ask(self._port, path, self._headers)).body

    def put_reference_beside(self, stack: ExitStack, databases: Databases, say: _Sayer) -> None:
        """Start the reference build with the same data, and check that it gives the same answers."""
        name, secret = stack.enter_context(databases.temporary()), secrets.token_hex(32)
        url = databases.url(name)
        more = partial(load_sales, self._url, url, self.sales, say.now_and_then)
        asyncio.run(reference_load.load(url, asyncio.run(_all_customers(self._url)), more))
        say("loaded the reference build")
        port = stack.enter_context(reference(url, secret, self._folder / "reference.log", self._workers))
        headers = reference_load.headers(secret)
        for kind in self.kinds:
            if kind.name.partition(",")[0] in REFERRED:
                for path in kind.paths():
                    theirs = good(ask(port, path, headers, patience=60)).body
                    if msgspec.json.decode(self.answer(path)) != msgspec.json.decode(theirs):
                        raise Failed(f"the reference build answers {path} with {theirs!r}, not {self.answer(path)!r}")
        self._reference = port, headers

    def run_reference(self, kind: Kind) -> Figures | None:
        """The same requests to the reference build, if that is beside, knows them and answers them."""
        if not self._reference or kind.name.partition(",")[0] not in REFERRED:
            return None
        port, headers = self._reference
        try:
            return run(port, kind.drive, headers, self._seconds)
        except Failed as failure:  # it may need longer for an answer than is waited for
            self.failures.append(f"{kind.name}, reference build: {failure}")
            return None

    def run(self, kind: Kind) -> Figures:
        """Send the requests of a kind for some seconds. Raises Failed."""
        found = run(self._port, kind.drive, self._headers, self._seconds)
        if kind.name == POST_CUSTOMER:
            wait_until_verified(_store(self._url))
        elif kind.name == POST_ORDER:
            began = time.monotonic()
            waiting = asyncio.run(_wait_until_provided(_store(self._url)))
            self.provided.append(waiting / (time.monotonic() - began))
        return found


async def _all_customers(url: str) -> list[Customer]:
    """The customers of the large reseller, by id."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT document FROM customers WHERE reseller_id = $1 ORDER BY id", RESELLER_ID)
    finally:
        await connection.close()
    return [msgspec.json.decode(row["document"], type=Customer) for row in found]


class _Totals(dict[str, int]):
    """How many a list has, by its path."""

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, path: str) -> int:
        page = msgspec.json.decode(self._answer(path))
        total = self[path] = int(page["pagination"]["total"])
        if len(page["data"]) != min(10, total) or not total:
            raise Failed(f"{path} has {len(page['data'])} of {total}")
        return total


async def _wait_until_provided(store: Store) -> int:
    """Return as soon as no order waits for a worker; how many there were. Raises Failed if that takes too long."""
    await store.open()
    try:
        async with asyncio.timeout(PROVIDED_WITHIN):
            first = waiting = len(await store.orders.due(int(time.time() * 1000), MOST_WAITING))
            while waiting:
                await asyncio.sleep(POLL_SECONDS)
                waiting = len(await store.orders.due(int(time.time() * 1000), MOST_WAITING))
    except TimeoutError:
        raise Failed(f"orders still waited {PROVIDED_WITHIN} seconds after they were placed") from None
    finally:
        await store.close()
    return first


def _measure(measured: _Measured, rounds: int, only: str, say: _Sayer) -> None:
    """Measure each kind in each round, just after what it is compared with, for no two loads may run at a time."""
    by_name = {kind.name: kind for kind in measured.kinds}
    for number in range(1, rounds + 1):
        for kind in measured.kinds:
            if only not in kind.name:
                continue
            try:
                before = measured.run(by_name[kind.ceiling.name]) if kind.ceiling else None
                run_ = Run(measured.run(kind), before, measured.run_reference(kind))
            except Failed as failure:  # the others, which may take hours, are measured all the same
                measured.failures.append(f"{kind.name}: {failure}")
                say(f"round {number} of {rounds}: {measured.failures[-1]}")
                continue
            measured.runs.setdefault(kind.name, []).append(run_)
            say(f"round {number} of {rounds}: {kind.name}: {run_.in_words()}")


def _keep(store: str, measured: _Measured, conditions: tuple[str, ...], loaded: Mapping[str, float]) -> None:
    """Print the table, and keep it as text."""
    console = Console(record=True, width=WIDTH, highlight=False)
    size = loaded["bytes"] / 1e9
    steps = " · ".join(f"{what} in {seconds:.0f} s" for what, seconds in loaded.items() if what != "bytes")
    for part in ("", *conditions, f"{steps} · {size:.2f} GB", _table(measured)):
        console.print(part)
    if measured.provided:
        console.print(f"behind POST: {median(measured.provided):,.0f} orders provided per second")
    (BUILD / f"marketplace-{store}.txt").write_text(console.export_text().lstrip(), encoding="utf-8")


def _table(measured: _Measured) -> Table:
    """A row for each kind."""
    result = Table("what", caption="medians of the rounds; ratio: to what was measured just before; milliseconds")
    for column in ("per second", "p50", "p99"):
        result.add_column(column, justify="right")
    result.add_column("beside")
    for column in ("ratio", "bar"):
        result.add_column(column, justify="right")
    result.add_column("reached")
    for column in ("reference", "its p50", "ratio"):
        result.add_column(column, justify="right")
    for kind in measured.kinds:
        if runs := measured.runs.get(kind.name):
            rates = [median(getattr(run_.found, member) for run_ in runs) for member in ("per_second", "p50", "p99")]
            result.add_row(
                kind.name, f"{rates[0]:,.0f}", *(f"{rate:.2f}" for rate in rates[1:]), *_beside(kind, runs),
                *_beside_reference(runs),
            )  # fmt: skip
    return result


def _beside(kind: Kind, runs: Sequence[Run]) -> tuple[str, ...]:
    """What it is compared with, the ratio, the bar and whether it is reached."""
    ratios = [run_.found.per_second / run_.before.per_second for run_ in runs if run_.before]
    if not kind.ceiling or not ratios:
        return ("", "", "", "")
    ratio, bar = median(ratios), kind.ceiling.bar
    judged = ("", "") if bar is None else (f"{bar:.2f}", "yes" if ratio >= bar else "no")
    return (kind.ceiling.name, f"{ratio:.2f}", *judged)


def _beside_reference(runs: Sequence[Run]) -> tuple[str, ...]:
    """The rate of the reference build, how long its answers take, and how many times its rate is reached."""
    theirs = [run_.theirs for run_ in runs if run_.theirs]
    if not theirs:
        return ()
    ratio = median(run_.found.per_second / run_.theirs.per_second for run_ in runs if run_.theirs)
    return (
        f"{median(one.per_second for one in theirs):,.0f}", f"{median(one.p50 for one in theirs):.2f}", f"{ratio:.1f}"
    )  # fmt: skip


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(marketplace)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
