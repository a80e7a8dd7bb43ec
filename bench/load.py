"""The 100,000 customers: put in through the store's own API, and waited for while they are verified."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import msgspec

from bench import Failed
from emporion.accounts import Address, ContactPerson, Customer
from emporion.credentials import new_login
from emporion.events import Origin
from emporion.marketplace.platforms import RESELLER_ID, SANDBOX, found
from emporion.store.base import AdministratorLogin, NewRecord
from emporion.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUSTOMERS = 100_000
# Writes in flight, which share transactions.
AT_ONCE = 128
# Seconds for the server to verify what a run has created.
VERIFIED_WITHIN = 120


class Locale(msgspec.Struct, frozen=True):
    """What customers of one country are called and where they are; words are separated by spaces."""

    language: str
    country: str
    phone: str
    families: str
    trades: str
    towns: str
    state: str | None = None


LOCALES = (
    Locale("en", "GB", "+4420",
           "Smith Jones Taylor O'Brien Patel Walker Wright Green Hall Wood Clarke Baker Hughes Turner Hill Moore",
           "Bakery Printing Logistics Dental Plumbing Software Gardens Insurance",
           "Leeds York Bath Derby Dover Truro Perth Oban"),
    Locale("de", "DE", "+4930",
           "Müller Schäfer Groß Weiß Köhler König Krüger Böhm Vogel Jäger Lorenz Schröder Hübner Möller Huß Voß",
           "Bäckerei Druckerei Spedition Gärtnerei Schlüsseldienst Software Möbel Versicherungen",
           "Köln München Düsseldorf Lübeck Görlitz Gießen Mainz Kiel"),
    Locale("pl", "PL", "+4822",
           "Kowalska Wiśniewski Łuczak Dąbrowska Wójcik Źrebiec Zając Król Pająk Śliwa Żak Gołąb Bąk Sęk Błach Ćwik",
           "Piekarnia Drukarnia Spedycja Ogrody Stolarnia Księgarnia Usługi Apteka",
           "Łódź Kraków Gdańsk Wrocław Poznań Rzeszów Sopot Ełk"),
    Locale("el", "GR", "+3021",
           "Παπαδόπουλος Γεωργίου Νικολάου Ιωάννου Δημητρίου Οικονόμου Βασιλείου Αγγελής Ρήγας Κόκκινος Λιάπης Ζώης",
           "Αρτοποιείο Τυπογραφείο Μεταφορές Κήποι Έπιπλα Βιβλία Ασφάλειες Φαρμακείο",
           "Αθήνα Πάτρα Βόλος Χανιά Ρόδος Λάρισα Κοζάνη Σέρρες"),
    Locale("uk", "UA", "+3804",
           "Шевченко Бойко Коваленко Ткачук Кравець Олійник Поліщук Мороз Їжакевич Ґалаґан Щербак Юрчук Яременко",
           "Пекарня Друкарня Перевезення Сади Меблі Книги Страхування Аптека",
           "Київ Львів Одеса Харків Ужгород Полтава Чернівці Умань"),
    Locale("he", "IL", "+9723",
           "כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן שפירא אזולאי קליין רוזן",
           "מאפייה דפוס הובלות גינון רהיטים ספרים ביטוח מרקחת",
           "חיפה ירושלים אשדוד נתניה עכו טבריה אילת לוד"),
    Locale("ja", "JP", "+8166",
           "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田",
           "製作所 印刷 運輸 園芸 家具店 書店 保険 薬局株式会社",
           "大阪市 堺市 豊中市 吹田市 高槻市 枚方市 茨木市 八尾市", "大阪府"),
)  # fmt: skip
# Finds some sixteen of them, through its accents.
SEARCHED = "schafer druckerei koln"


def load(database: Path) -> range:
    """Make a sandbox with the customers in a new database; their ids."""
    return asyncio.run(_load(database))


async def _load(database: Path) -> range:
    store = SqliteStore(database)
    await store.open()
    try:
        await found(store, SANDBOX, sandbox=True)
        records = _records()
        ids: set[int] = set()

        async def add() -> None:
            for record in records:
                ids.add((await store.add_customer(record)).id)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(add())
    finally:
        await store.close()
    loaded = range(min(ids), max(ids) + 1)
    if len(loaded) != CUSTOMERS:
        raise Failed(f"{CUSTOMERS} customers were loaded, but their ids go from {loaded[0]} to {loaded[-1]}")
    return loaded


def _records() -> Iterator[NewRecord]:
    """The customers, the same ones each time."""
    chance = random.Random(1)
    words = [(place, place.families.split(), place.trades.split(), place.towns.split()) for place in LOCALES]
    now = int(time.time() * 1000)
    for number in range(1, CUSTOMERS + 1):
        locale, families, trades, towns = chance.choice(words)
        family, town = chance.choice(families), chance.choice(towns)
        customer = _customer(number, f"{family} {chance.choice(trades)} {town}", family, town, locale)
        logins = [AdministratorLogin(0, new_login(0), None)]
        yield NewRecord(RESELLER_ID, customer, logins, Origin(SANDBOX.user, "api"), now)


def _customer(number: int, name: str, family: str, town: str, locale: Locale) -> Customer:
    return Customer(
        id="",
        external_id=f"loaded-{number}",
        attributes={"tier": "gold"},
        name=name,
        status="active",
        address=Address(
            street_address=f"{number % 300 + 1} Harbor Road",
            postal_code=f"{number % 90_000 + 10_000}",
            city=town,
            state=locale.state,
            country_code=locale.country,
        ),
        contact_persons=[
            ContactPerson(
                type="admin",
                first_name="Robin",
                last_name=family,
                email=f"robin@loaded-{number}.test",
                phone_number=f"{locale.phone}{number:07}",
            )
        ],
        language=locale.language,
        reseller_id=str(RESELLER_ID),
    )


def wait_until_verified(database: Path) -> None:
    """Return as soon as no customer in the database is pending. Raises Failed if that takes too long."""
    asyncio.run(_wait_until_verified(database))


async def _wait_until_verified(database: Path) -> None:
    store = SqliteStore(database)
    await store.open()
    try:
        async with asyncio.timeout(VERIFIED_WITHIN):
            while await store.waiting("pending", 1):  # noqa: ASYNC110 - another process changes them
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise Failed(f"customers were still pending {VERIFIED_WITHIN} seconds after they were created") from None
    finally:
        await store.close()
