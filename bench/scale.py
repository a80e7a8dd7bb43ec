"""How the time of an answer grows with the number of customers: `make bench-scale`."""

from __future__ import annotations

import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench import Failed
from bench.client import Answer, ask, good, sign_in
from bench.curve import Line, curve
from bench.drive import Drive, Figures, check_wrk, run
from bench.grounds import GROUNDS
from bench.load import wait_until_verified
from bench.raw import raw
from bench.server import emporion
from bench.service import CREATION, FIRST_PAGE
from bench.table import facts
from emporion.accounts.ids import RESELLER_ID
from emporion.settings import Settings
from emporion.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.grounds import Ground

BUILD = Path(__file__).parents[1] / "build" / "bench"
TEXT, DRAWING = "scale.txt", "scale.svg"
# So few that an answer's time is that of the service, not of waiting for it.
CONNECTIONS = 4
# Seconds for one statement, and for one answer: some searches are slow, and their times are what we want to know.
PATIENCE = 600
# Ids that are asked for, and customers who are searched for, in each run.
IDS, SEARCHED = 50_000, 1_000
# The trade of many: English and German customers have it.
TRADE = "software"
FEWEST_SLOW = 5
WIDTH = 160
# Seconds between two lines about the loading.
INTERVAL = 10

BY_ID = "GET by id"
PAGE = "first page of 10"
MIDDLE = "page of 10 in the middle"
FEW = "search by name, few match"
MANY = "search by name, many match"
EMAIL = "search by email"
CREATE = "POST"
CONTROL = "bare ASGI, as a control"
# How often the time of the smallest size may be that of the largest.
BARS = {BY_ID: 1.5, PAGE: 1.5, MIDDLE: 1.5, FEW: 3.0, CREATE: 1.5}


class Plan(msgspec.Struct, frozen=True):
    """How it is measured. seconds: for each figure in each round; workers: of the server."""

    seconds: int
    rounds: int
    workers: int


class Loaded(msgspec.Struct, frozen=True):
    """A store with so many customers. database: its name and version; seconds: of loading."""

    store: str
    database: str
    customers: int
    seconds: float
    gigabytes: float


class Stage(msgspec.Struct, frozen=True):
    """What was found. growth: of p50, beside that among the fewest customers at the same time."""

    loaded: Loaded
    figures: dict[str, Figures]
    growth: dict[str, float]


class Served(msgspec.Struct, frozen=True):
    """A running server, whose customers have the ids given."""

    url: str
    port: int
    headers: Mapping[str, str]
    ids: range

    def answer(self, path: str, method: str = "GET", body: object = None) -> Answer:
        """A good answer. Raises Failed."""
        sent = None if body is None else msgspec.json.encode(body)
        return good(ask(self.port, path, self.headers, method, sent, PATIENCE))

    def find(self, query: str) -> list[str]:
        """The ids of the newest ten customers that it finds. Raises Failed."""
        return [found["id"] for found in msgspec.json.decode(self.answer(f"{FIRST_PAGE}&{query}").body)["data"]]

    def run(self, drive: Drive, seconds: int) -> Figures:
        """Send the requests for some seconds. Raises Failed."""
        return run(self.port, drive, self.headers, seconds, CONNECTIONS)


def scale(
    sizes: Annotated[str, typer.Option(help="Numbers of customers, from small to large.")] = "10000,1000000,10000000",
    stores: Annotated[str, typer.Option(help=f"Of {' and '.join(GROUNDS)}.")] = ",".join(GROUNDS),
    seconds: Annotated[int, typer.Option(min=1, help="For how long each figure is measured in each round.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds; the median of them counts.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the server that is measured.")] = 1,
) -> None:
    """Measure answers among more and more customers; write build/bench/scale.txt and draw build/bench/scale.svg."""
    check_wrk()
    BUILD.mkdir(parents=True, exist_ok=True)
    plan = Plan(seconds, rounds, workers)
    found: list[Stage] = []
    for store in stores.split(","):
        if store not in GROUNDS:
            raise Failed(f"{store} is none of {', '.join(GROUNDS)}")
        with GROUNDS[store](BUILD) as ground:
            for number, size in enumerate(sorted(int(size) for size in sizes.split(","))):
                say = _Sayer(f"{store}, {size:,}")
                stage = _load(store, ground, size, say)
                if not number:
                    ground.keep()
                found.append(_stage(ground, stage, plan, say))
                _keep(found, plan)
    print((BUILD / TEXT).read_text(encoding="utf-8"))


def _load(store: str, ground: Ground, size: int, say: _Sayer) -> Loaded:
    began = time.monotonic()
    ground.grow(size, say.now_and_then)
    seconds = time.monotonic() - began
    say(f"loaded in {seconds:.0f} s")
    return Loaded(store, ground.fact, size, seconds, ground.size() / 1e9)


def _stage(ground: Ground, stage: Loaded, plan: Plan, say: _Sayer) -> Stage:
    """Measure what is on the ground, in turns with what was put aside when there were fewest."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=BUILD)))
        served = _serve(stack, ground.url, folder / "all", plan.workers)
        _check(served, stage.customers)
        fewest = _serve(stack, ground.kept(), folder / "fewest", plan.workers)
        measures = _measures(stack, served, folder / "all", plan.seconds)
        beside = _measures(stack, fewest, folder / "fewest", plan.seconds)
        runs: dict[str, list[tuple[Figures, Figures]]] = {name: [] for name in measures}
        for _ in range(plan.rounds):
            for name, measure in measures.items():
                before, now = beside[name](), measure()
                runs[name].append((now, before))
                say(f"{name}: p50 {now.p50:.2f} ms, p99 {now.p99:.2f} ms; among fewest p50 {before.p50:.2f} ms")
    return Stage(
        stage,
        {name: _middle([now for now, _ in pairs]) for name, pairs in runs.items()},
        {name: statistics.median(now.p50 / before.p50 for now, before in pairs) for name, pairs in runs.items()},
    )


def _serve(stack: ExitStack, url: str, folder: Path, workers: int) -> Served:
    """A running server, until the stack ends."""
    folder.mkdir()
    port = stack.enter_context(emporion(url, folder / "server.log", workers, "--statement-timeout", str(PATIENCE)))
    headers = sign_in(port)
    [newest] = msgspec.json.decode(good(ask(port, "/customers?limit=1", headers)).body)["data"]
    return Served(url, port, headers, range(RESELLER_ID + 1, int(newest["id"]) + 1))


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


def _check(served: Served, size: int) -> None:
    """What was loaded is what the product would have written: it is found, changed, and added once more."""
    [customer_id] = served.find(f"externalId=loaded-{size}")
    path = f"/customers/{customer_id}"
    document = served.answer(path).body
    customer = msgspec.json.decode(document)
    brand = f"name={quote(customer['name'].split()[0])}"
    [person] = customer["contactPersons"]
    _expect(served.find(f"email={quote(person['email'])}") == [customer_id], "an address is not found")
    _expect(customer_id in served.find(brand), "a name is not found")
    served.answer(path, "PATCH", {"name": "Zwölf Boxkämpfer AG"})
    _expect(served.find("name=lf%20boxkampf") == [customer_id], "a changed name is not found")
    _expect(customer_id not in served.find(brand), "a name is found that was changed")
    served.answer(path, "PATCH", {"name": customer["name"]})
    _expect(served.answer(path).body == document, f"{path} is not what it was before it was changed")
    _expect(customer_id in served.find(brand), "a name is not found after it was changed back")

    new = {name: value for name, value in customer.items() if name not in ("id", "resellerId")}
    external_id = f"copied-{size}"
    added = served.answer("/customers", "POST", {**new, "externalId": external_id}).body
    [added_id] = served.find(f"externalId={external_id}")
    replaced = {customer_id: added_id, f"loaded-{size}": external_id}
    expected = document.decode()
    for before, after in replaced.items():
        expected = expected.replace(f'"{before}"', f'"{after}"', 1)
    _expect(added.decode() == expected, f"the product writes {added.decode()} where we have loaded {document.decode()}")


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Failed(f"what was loaded is not what the product would have written: {otherwise}")


def _measures(stack: ExitStack, served: Served, folder: Path, seconds: int) -> dict[str, Callable[[], Figures]]:
    """The measurements in order."""
    chance = random.Random(1)
    some = list(islice(_loaded(served, chance), SEARCHED))
    brands = [f"{FIRST_PAGE}&name={quote(customer['name'].split()[0])}" for customer in some]
    emails = [f"{FIRST_PAGE}&email={quote(customer['contactPersons'][0]['email'])}" for customer in some]
    ids = [f"/customers/{chance.choice(served.ids)}" for _ in range(IDS)]
    by_id, few, email = (
        _paths(folder / name, paths) for name, paths in (("ids", ids), ("names", brands), ("emails", emails))
    )
    control = stack.enter_context(raw(served.answer(ids[0]), folder / "control", served.headers))

    def create() -> Figures:
        created = served.run(CREATION, seconds)
        wait_until_verified(open_store(Settings.read({"database": served.url})))
        return created

    return {
        CONTROL: lambda: run(control, by_id, served.headers, seconds, CONNECTIONS),
        BY_ID: lambda: served.run(by_id, seconds),
        PAGE: lambda: served.run(Drive(FIRST_PAGE), seconds),
        MIDDLE: lambda: served.run(Drive(f"{FIRST_PAGE}&offset={len(served.ids) // 2}"), seconds),
        FEW: lambda: served.run(few, seconds),
        EMAIL: lambda: served.run(email, seconds),
        MANY: lambda: _one_by_one(served, f"{FIRST_PAGE}&name={TRADE}", seconds),
        CREATE: create,
    }


def _loaded(served: Served, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Customers at random, but none that a measurement has created: those have no brand of their own."""
    while True:
        customer = msgspec.json.decode(served.answer(f"/customers/{chance.choice(served.ids)}").body)
        if customer.get("externalId", "").startswith("loaded-"):
            yield customer


def _paths(file: Path, paths: Sequence[str]) -> Drive:
    """Requests for those paths."""
    file.write_text("\n".join(paths))
    return Drive("/customers", "paths.lua", (str(file),))


def _one_by_one(served: Served, path: str, seconds: int) -> Figures:
    """Ask for the path one time after the other, for some seconds and not too few times."""
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds or len(times) < FEWEST_SLOW:
        before = time.perf_counter()
        served.answer(path)
        times.append((time.perf_counter() - before) * 1000)
    quantiles = statistics.quantiles(times, n=100, method="inclusive")
    return Figures(1000 / statistics.fmean(times), quantiles[49], quantiles[98])


def _middle(runs: Sequence[Figures]) -> Figures:
    """The median of each number."""
    return Figures(*(statistics.median(getattr(one, name) for one in runs) for name in Figures.__struct_fields__))


def _keep(stages: Sequence[Stage], plan: Plan) -> None:
    """Write the table as text, and draw the curve."""
    console = Console(file=StringIO(), record=True, width=WIDTH, highlight=False)
    conditions = (
        f"{CONNECTIONS} connections · workers: {plan.workers} · {plan.rounds} × {plan.seconds} s for each figure"
    )
    databases = ", ".join(dict.fromkeys(stage.loaded.database for stage in stages))
    for part in (facts(databases), conditions, _table(stages)):
        console.print(part)
    (BUILD / TEXT).write_text(console.export_text(), encoding="utf-8")
    lines = [
        Line(measure, store, [(stage.loaded.customers, stage.figures[measure]) for stage in own])
        for measure in stages[0].figures
        if measure != CONTROL
        for store, own in _by_store(stages).items()
    ]
    (BUILD / DRAWING).write_text(curve(lines), encoding="utf-8")


def _by_store(stages: Sequence[Stage]) -> dict[str, list[Stage]]:
    names = dict.fromkeys(stage.loaded.store for stage in stages)
    return {name: [stage for stage in stages if stage.loaded.store == name] for name in names}


def _table(stages: Sequence[Stage]) -> Table:
    """A row for each measure of each store, a column for each number of customers."""
    sizes = sorted({stage.loaded.customers for stage in stages})
    result = Table(
        "store",
        "what",
        caption="p50 / p99 in milliseconds; growth: of p50 from smallest to largest, measured in turns",
    )
    for size in sizes:
        result.add_column(f"{size:,}", justify="right")
    for column in ("growth", "bar"):
        result.add_column(column, justify="right")
    result.add_column("kept")
    for store, own in _by_store(stages).items():
        missing = [""] * (len(sizes) - len(own))
        for measure, growth in own[-1].growth.items():
            cells = [f"{stage.figures[measure].p50:.2f} / {stage.figures[measure].p99:.2f}" for stage in own]
            result.add_row(store, measure, *cells, *missing, *_judged(growth, BARS.get(measure)))
        result.add_row(store, "loading, s", *(f"{stage.loaded.seconds:.0f}" for stage in own))
        result.add_row(store, "on disk, GB", *(f"{stage.loaded.gigabytes:.2f}" for stage in own))
        result.add_section()
    return result


def _judged(growth: float, bar: float | None) -> tuple[str, ...]:
    if bar is None:
        return (f"{growth:.2f}",)
    return (f"{growth:.2f}", f"{bar:.2f}", "yes" if growth <= bar else "no")


def _stop(*_: object) -> None:
    """Leave as after an error, so that the servers are stopped, too."""
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    try:
        typer.run(scale)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
