"""A platform with a month behind it, whose pages are worth looking at."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs, to_builtins

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.events import Origin
from emporion.files.rows import Position
from emporion.limits import Limit
from emporion.marketplace import Marketplace, platforms
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.customers import decode
from emporion.marketplace.import_runner import HELD
from emporion.marketplace.platforms import SANDBOX
from emporion.marketplace.report_runner import REPORT_FAILED
from emporion.marketplace.sandbox import stock_sandbox
from emporion.reports import REPORT_FORMATS, ReportStatus
from emporion.store.base import Store
from emporion.store.collections import Item
from emporion.store.imports import Import
from emporion.store.records import Record
from emporion.store.reports import REPORTS, KeptReport
from emporion.store.sqlite import SqliteStore
from emporion.store.usage import Usage
from emporion.times import shown
from tests.browser.people import ANNA, EMMA, GONE, LENA, MARC, NEWCOMER, OPERATOR, Person
from tests.browser.sold import SoldWork
from tests.clock import Clock, told_time
from tests.conftest import settings_for
from tests.server import PATIENCE

DAY = 86_400
DAYS = 29

SELLER = Actor(RESELLER_ID, SANDBOX.user, "console", address="192.0.2.14")
SYSTEM = Actor(RESELLER_ID, SANDBOX.user, "api", address="192.0.2.80")
OWNER = Actor(PROVIDER_ID, OPERATOR.login, "console", address="198.51.100.7")

# Name, street, postal code, city, country, and whom to ask for.
COMPANIES = (
    ("Alster Logistik GmbH", "Jungfernstieg 41", "20354", "Hamburg", "DE", "Jens Petersen"),
    ("Bodega Valdeón S.L.", "Calle Mayor 18", "28013", "Madrid", "ES", "Lucía Moreno"),
    ("Boulangerie Martin SARL", "12 Rue de la Paix", "75002", "Paris", "FR", "Claire Martin"),
    ("Brunel Engineering Ltd", "7 Temple Quay", "BS1 6DZ", "Bristol", "GB", "Isla Brunel"),
    ("Casa do Azulejo, Lda.", "Rua das Flores 92", "4050-262", "Porto", "PT", "Rui Carvalho"),
    ("Dachstein Sport AG", "Getreidegasse 9", "5020", "Salzburg", "AT", "Eva Gruber"),
    ("Delft Water Systems B.V.", "Oude Delft 75", "2611 BC", "Delft", "NL", "Daan Visser"),
    ("Écoles Réunies de Genève", "Rue du Rhône 30", "1204", "Genève", "CH", "Noé Favre"),
    ("Fjord Fisk AS", "Bryggen 15", "5003", "Bergen", "NO", "Ingrid Solheim"),
    ("Gdańsk Yachts sp. z o.o.", "ul. Długa 45", "80-831", "Gdańsk", "PL", "Zofia Nowak"),
    ("Hofgut Sonnenfeld", "Am Anger 3", "99084", "Erfurt", "DE", "Uta Sommer"),
    ("Kaffeerösterei Linde", "Lindenstraße 20", "50674", "Köln", "DE", "Till Linde"),
    ("København Cykler ApS", "Nørrebrogade 52", "2200", "København", "DK", "Mads Holm"),
    ("Liffey Legal LLP", "2 Ormond Quay", "D01 X2Y3", "Dublin", "IE", "Aoife Byrne"),
    ("Museum für angewandte Fernmeldetechnik und Geschichte", "Torplatz 1", "04109", "Leipzig", "DE", "Ada Wirth"),
    ("Nagano Optics K.K.", "2-14 Minami", "380-0823", "Nagano", "JP", "Kenji Mori"),
    ("Officine Bellini S.r.l.", "Via Torino 61", "20123", "Milano", "IT", "Giulia Bellini"),
    ("Praxis Dr. Okafor", "Kantstraße 8", "10623", "Berlin", "DE", "Chidi Okafor"),
    ("Sörmland Skog AB", "Storgatan 4", "611 32", "Nyköping", "SE", "Elin Ek"),
    ("Tallinn Data OÜ", "Pikk 33", "10133", "Tallinn", "EE", "Mart Tamm"),
    ("Ullapool Seafood Ltd", "Shore Street 11", "IV26 2UR", "Ullapool", "GB", "Fiona MacRae"),
    ("Vinohrady Print s.r.o.", "Vinohradská 120", "130 00", "Praha", "CZ", "Jana Dvořák"),
    ("Weingut Steinberg", "Rheinallee 17", "65343", "Eltville", "DE", "Karl Stein"),
    ("Zagreb Digital d.o.o.", "Ilica 10", "10000", "Zagreb", "HR", "Ana Horvat"),
)
# Where addresses need one.
STATES = {"Madrid": "Madrid", "Milano": "MI", "Nagano": "Nagano", "Portland": "ME"}
# When a worker looks at a report that is to stay as it is, in milliseconds since 1970.
FOR_LONG = 2**53
# How many of them wait to be verified.
WAITING = 7

HEADER = (
    "externalId,name,streetAddress,postalCode,city,countryCode,regionCode,givenName,familyName,contactEmail,telVoice\n"
)
GOOD_ROWS = (
    "imp-1,Ostsee Segel GmbH,Am Strande 2,18055,Rostock,DE,,Nils,Brandt,nils@ostsee.example,+493815550100\n"
    "imp-2,Lakeside Dental,400 Lake Street,60601,Chicago,US,IL,Ruth,Hale,ruth@lakeside.example,+13125550101\n"
    "imp-3,Atelier Roux,9 Quai Perrache,69002,Lyon,FR,,Léa,Roux,lea@roux.example,+33455550102\n"
)
FAULTY_ROWS = (
    "imp-4,Prairie Tools,18 Elm Street,68102,Omaha,US,,Joel,Reed,joel@prairie.example,+14025550103\n"
    "imp-5,,Hauptstraße 1,01067,Dresden,DE,,Ina,Kraus,ina.kraus,+493515550104\n"
    "imp-6,Torre Alta S.A.,Gran Vía 5,48001,Bilbao,Spain,,Aitor,Sanz,aitor@torre.example,944 55 01\n"
)

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.4 Safari/605.1.15",
)


@dataclass
class Showroom:
    """What was put into the database at `path`. places: the ids in the paths of pages, by their names.

    url: of the server that shows it, once there is one.
    """

    path: Path
    url: str = ""
    places: dict[str, str] = field(default_factory=dict)


async def furnish(folder: Path) -> Showroom:
    """A sandbox in `folder`, as `emporion serve --sandbox` opens it there, with a month of work in it."""
    now = time.time()
    showroom = Showroom(folder / "sandbox.db")
    store = SqliteStore(showroom.path)
    await store.migrate()
    await store.open()
    try:
        with pytest.MonkeyPatch.context() as patched:
            clock = told_time(patched, now - DAYS * DAY)
            marketplace = build_marketplace(settings_for(showroom.path), store)
        await platforms.found(store, SANDBOX, int(clock.now * 1000), sandbox=True)
        await platforms.seed_sandbox(marketplace)
        await stock_sandbox(marketplace, int(clock.now * 1000))
        await _Work(showroom, store, marketplace, clock, now).all()
    finally:
        await store.close()
    return showroom


@dataclass
class _Work:
    showroom: Showroom
    store: Store
    marketplace: Marketplace
    clock: Clock
    now: float

    async def all(self) -> None:
        await self.resellers()
        await self.companies()
        await self.anna()
        await self.others()
        await SoldWork(self.marketplace, self.clock, self.put, SELLER, OWNER).all(self.now - 10 * DAY)
        self.clock.now = self.now - 3 * DAY
        await self.keys()
        self.clock.now = self.now - 3600
        await self.imports()
        await self.reports()
        self.clock.now = self.now
        await self.links()

    def put(self, **places: object) -> None:
        self.showroom.places |= {name: str(place) for name, place in places.items()}

    async def resellers(self) -> None:
        users, resellers = self.marketplace.users, self.marketplace.resellers
        await users.add(OWNER, PROVIDER_ID, OPERATOR.login, "owner", "us", OPERATOR.password)
        await users.add(OWNER, RESELLER_ID, LENA.login, "reader", "us", LENA.password)
        await users.add(OWNER, RESELLER_ID, MARC.login, "editor", "us", MARC.password)
        await users.add(OWNER, RESELLER_ID, "olga.was.here", "editor", "us", "Olga-pass-1")
        await users.disable(OWNER, "olga.was.here")
        north = await resellers.create(SELLER, _reseller("Nordlicht Cloud GmbH", "EUR"))
        coast = await resellers.create(SELLER, _reseller("Küstenkontor", "EUR"), parent_id=north.id)
        await resellers.create(SELLER, _reseller("Iberia Digital S.L.", "EUR"))
        alpine = await resellers.create(OWNER, _reseller("Alpine Services AG", "CHF"))
        for name in ("Bergbahn IT", "Talstation Systems", "Gipfel Hosting"):
            await resellers.create(OWNER, _reseller(name, "CHF"), parent_id=alpine.id)
        held = await resellers.create(OWNER, _reseller("Quick & Cheap Licences", "USD"))
        await resellers.update(OWNER, str(held.id), {"status": "adminHold"}, reason="Three invoices are unpaid")
        fresh = await resellers.create(OWNER, _reseller("Fresh Start Resale", "USD"))
        await users.add(OWNER, fresh.id, NEWCOMER.login, "owner", "us", NEWCOMER.password)
        self.put(north=north.id, coast=coast.id, alpine=alpine.id, held=held.id)

    async def companies(self) -> None:
        """One now and then; the last of them wait."""
        for number, company in enumerate(COMPANIES):
            self.clock.now += DAY * (0.4 if number % 3 else 1.9)
            waits = number >= len(COMPANIES) - WAITING
            body = _customer(*company, externalId=f"erp-{4100 + number}", status="pending" if waits else "active")
            await self.marketplace.customers.create(SELLER if number % 4 else SYSTEM, body)

    async def anna(self) -> None:
        """A customer with a history, whose administrator reads German."""
        customers = self.marketplace.customers
        self.clock.now = self.now - 21 * DAY
        made = await customers.create(
            SYSTEM,
            _customer(
                "Bergmann & Söhne GmbH", "Sendlinger Straße 8", "80331", "München", "DE", "Anna Bergmann",
                externalId="erp-4077", taxRegId="DE123456789", language="de", attributes={"costCenter": "4711"},
                person=ANNA,
            ),
        )  # fmt: skip
        self.clock.now += 90
        await customers.update(OWNER, str(made.id), {"status": "active"})
        self.clock.now += 6 * DAY
        persons = [*_shown(made)["contactPersons"], _person("Bernd Bergmann", "billing")]
        await customers.update(SELLER, str(made.id), {"contactPersons": persons})
        self.clock.now += 5 * DAY
        await customers.update(OWNER, str(made.id), {"status": "creditHold"}, reason="Invoice 2207 is 30 days late")
        self.clock.now += 2 * DAY
        await customers.update(OWNER, str(made.id), {"status": "active"}, reason="Paid on the phone")
        self.clock.now += 4 * DAY
        await self._move(
            ANNA, {"streetAddress": "Theresienhöhe 11", "addressExtension": "Haus C", "postalCode": "80339"}
        )
        for number, agent in enumerate(AGENTS):
            self.clock.now += DAY / 2
            origin = Origin(None, "panel", address=f"203.0.113.{20 + number}")
            await self.marketplace.sessions.begin_for_administrator(ANNA.login, ANNA.password, origin, agent)
        self.put(anna=made.id)

    async def _move(self, person: Person, address: dict[str, str]) -> None:
        administrator = await self.store.administrators.get(person.login)
        assert administrator
        actor = Actor(administrator.customer_id, f"{person.login}@mail.example", "panel", "editor")
        await self.marketplace.customers.update_own(actor, administrator, {"address": address})

    async def others(self) -> None:
        """Customers in the other statuses."""
        customers = self.marketplace.customers
        self.clock.now = self.now - 2 * DAY
        emma = await customers.create(
            SELLER,
            _customer(
                "Harbour Lights Ltd", "3 Canary Wharf", "E14 5AB", "London", "GB", "Emma Clarke",
                person=EMMA, externalId="erp-4090", status="active",
            ),
        )  # fmt: skip
        await customers.update(OWNER, str(emma.id), {"status": "creditHold"}, reason="Over the limit")
        gone = await customers.create(
            SELLER,
            _customer(
                "Gone Fishing Inc.", "1 Pier Road", "04101", "Portland", "US", "Gus Poole",
                person=GONE, externalId="erp-4091", status="active",
            ),
        )  # fmt: skip
        await customers.update(OWNER, str(gone.id), {"status": "cancelled"}, reason="Closed the shop")
        held = await customers.create(
            SELLER, _customer("Nightshade Media", "Rosengasse 5", "1010", "Wien", "AT", "Vera Nacht", status="active")
        )
        await customers.update(OWNER, str(held.id), {"status": "adminHold"}, reason="Sends unasked advertising")
        self.put(emma=emma.id, gone=gone.id)

    async def keys(self) -> None:
        """Keys, and what came with them."""
        keys = self.marketplace.subscription_keys
        erp = await keys.add(SELLER, RESELLER_ID, "ERP of the head office", Limit(20, 60, 100_000))
        shop = await keys.add(SELLER, RESELLER_ID, "Web shop", Limit(5), "1.15")
        old = await keys.add(SELLER, RESELLER_ID, "Web shop of last year", Limit())
        await keys.revoke(SELLER, old.key)
        today = int(self.now) // DAY
        usage = []
        for ago in range(DAYS + 1):
            day = today - ago
            work = 1 if day % 7 in (2, 3) else 5
            usage.append(Usage(RESELLER_ID, erp.key.id, day, 210 * work + 37 * (ago % 5), ago % 6))
            usage.append(Usage(RESELLER_ID, shop.key.id, day, 60 * work + 11 * (ago % 4)))
            if ago % 4 == 1:
                usage.append(Usage(RESELLER_ID, "", day, 0, 2 + ago % 3))
        await self.store.usage.record(usage)
        self.put(erp=erp.key.id, old=old.key.id)

    async def imports(self) -> None:
        """One in each state that lasts, and one that another user is at."""
        imports = self.marketplace.imports
        bad = await self._import("partners.csv", "company,town\nOstsee Segel,Rostock\n")
        running = await self._import("all-customers.csv", HEADER + GOOD_ROWS * 300, confirmed=True, done=False)
        done = await self._import("branch-north.csv", HEADER + GOOD_ROWS, confirmed=True)
        rejected = await self._import(
            "branch-south.csv", HEADER + GOOD_ROWS.replace("imp-", "south-") + FAULTY_ROWS, confirmed=True
        )
        checked = await self._import("trade-fair-contacts.csv", HEADER + GOOD_ROWS + FAULTY_ROWS)
        await imports.cancel(SELLER, (await self._import("wrong-file.csv", HEADER + GOOD_ROWS)).id)
        self.put(bad=bad.id, running=running.id, done=done.id, rejected=rejected.id, checked=checked.id)

    async def _import(self, name: str, text: str, *, confirmed: bool = False, done: bool = True) -> Import:
        self.clock.now += 240
        imports, runner = self.marketplace.imports, self.marketplace.import_runner
        started = await imports.start(SELLER, RESELLER_ID, name, "csv", _parts(text))
        assert await runner.run_next("showroom")
        if confirmed:
            started = await imports.confirm(SELLER, started.id)
            if done:
                assert await runner.run_next("showroom")
            else:
                await self._leave(started, rows=384)
        return started

    async def _leave(self, running: Import, rows: int) -> None:
        """Let another process have an import, which has come as far as this."""
        now = int(self.clock.now * 1000)
        assert await self.store.imports.lease(running.id, "another", now, now + HELD)
        before = structs.replace(running, holder="another")
        at = Position(running.size * rows // running.total, rows, rows)
        after = structs.replace(before, at=at, created=rows - 9, unchanged=7, rejected=2)
        assert await self.store.imports.update(after, before)

    async def reports(self) -> None:
        """More than fill a page, and one in each status."""
        for number in range(24):
            await self._report("Events" if number % 3 else "Customers", number)
            assert await self.marketplace.report_runner.run_next()
        made = await self._report("Customers", 0)
        assert await self.marketplace.report_runner.run_next()
        failed = await self._report("Events", 1)
        await self._keep(failed, "error", error=REPORT_FAILED)
        waiting = await self._report("Events", 2)
        await self._keep(waiting, "submitted", due=FOR_LONG)
        making = await self._report("Customers", 3)
        await self._keep(making, "processing", due=FOR_LONG)
        self.put(made=made.id, failed=failed.id, waiting=waiting.id, making=making.id)

    async def _report(self, name: str, number: int) -> Item:
        self.clock.now += 60
        begin = int(self.now) // DAY * DAY - DAYS * DAY
        period = {"startDate": shown(begin * 1000), "endDate": shown((begin + (number % 4 + 1) * 7 * DAY) * 1000)}
        body = {"name": name, "format": REPORT_FORMATS[number % len(REPORT_FORMATS)], **period}
        return await self.marketplace.reports.create(SELLER, body)

    async def _keep(self, item: Item, status: ReportStatus, *, due: int | None = None, **members: Any) -> None:
        """Leave a report in a status; no worker looks at it before `due`."""
        found = await self.store.reports.get(RESELLER_ID, item.id)
        assert found
        report = structs.replace(REPORTS.decode(found.document).report, status=status, **members)
        assert await self.store.reports.update(found, KeptReport(report, due), None)

    async def links(self) -> None:
        """A one-time link that is good, and one that was used."""
        found = await self.marketplace.customers.create(
            SELLER,
            _customer("Marée Haute", "1 Quai Nord", "35400", "Saint-Malo", "FR", "Yann Le Goff", status="active"),
        )
        used = await self.marketplace.links.make(SELLER, str(found.id), 0)
        await self.marketplace.links.use(used.secret, "Bonne-Chance-1", Origin(None, "panel"))
        good = await self.marketplace.links.make(SELLER, str(found.id), 0)
        self.put(linked=found.id, used=used.secret, good=good.secret)


HOLD = "UPDATE imports SET holder = 'another', held_until = ? WHERE id = ?"


@contextmanager
def held_by_another(path: Path, import_id: str) -> Iterator[None]:
    """As long as the block lasts, an import is the work of a process that is no server."""
    over = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, PATIENCE, isolation_level=None)) as database:
            while True:
                until = int(time.time() * 1000) + HELD
                database.execute(HOLD, (until, import_id))
                held.set()
                if over.wait(HELD / 4000):
                    return

    held = threading.Event()
    holding = threading.Thread(target=hold)
    holding.start()
    try:
        assert held.wait(PATIENCE)
        yield
    finally:
        over.set()
        holding.join()


async def _parts(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


def _shown(record: Record) -> dict[str, Any]:
    return dict(to_builtins(decode(record.document)))


def _reseller(name: str, currency: str) -> dict[str, Any]:
    return {
        "name": name,
        "status": "active",
        "currency": currency,
        "address": {"streetAddress": "Hafenstraße 1", "postalCode": "20457", "city": "Hamburg", "countryCode": "DE"},
        "contactPersons": [_person("Kim Berger", "admin")],
    }


def _customer(
    name: str,
    street: str,
    postal_code: str,
    city: str,
    country: str,
    contact: str,
    *,
    person: Person | None = None,
    **members: Any,
) -> dict[str, Any]:
    """The JSON of a new customer. person: the first contact's login and password."""
    address = {"streetAddress": street, "postalCode": postal_code, "city": city, "countryCode": country}
    access = {"login": person.login, "password": person.password} if person else {}
    return {
        "name": name,
        "address": {**address, "state": STATES[city]} if city in STATES else address,
        "contactPersons": [{**_person(contact, "admin"), **access}],
        **members,
    }


def _person(name: str, kind: str) -> dict[str, str]:
    first, _, last = name.partition(" ")
    email = "".join(char for char in name.lower().replace(" ", ".") if char.isascii()) + "@mail.example"
    return {"type": kind, "firstName": first, "lastName": last, "email": email, "phoneNumber": "+498955501234"}
