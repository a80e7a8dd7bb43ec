"""Made-up customers in several scripts, the same ones each time."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from emporion.accounts.addresses import Address
from emporion.accounts.contacts import ContactPerson
from emporion.accounts.customers import Customer
from emporion.accounts.ids import RESELLER_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

SYLLABLES_OF_A_BRAND = 3
MAILBOXES = ("info", "office", "hello", "kontakt", "sales", "team")


class Locale(msgspec.Struct, frozen=True):
    """What customers of one country are called and where they are; words are separated by spaces.

    onsets, vowels: each onset with each vowel is a syllable, of which brands are made; some eighty in each script.
    """

    language: str
    country: str
    phone: str
    families: str
    trades: str
    towns: str
    onsets: str
    vowels: str
    state: str | None = None


LOCALES = (
    Locale("en", "GB", "+4420",
           "Smith Jones Taylor O'Brien Patel Walker Wright Green Hall Wood Clarke Baker Hughes Turner Hill Moore",
           "Bakery Printing Logistics Dental Plumbing Software Gardens Insurance",
           "Leeds York Bath Derby Dover Truro Perth Oban",
           "b br c d f g h k l m n p r s t v", "a e i o u"),
    Locale("de", "DE", "+4930",
           "Müller Schäfer Groß Weiß Köhler König Krüger Böhm Vogel Jäger Lorenz Schröder Hübner Möller Huß Voß",
           "Bäckerei Druckerei Spedition Gärtnerei Schlüsseldienst Software Möbel Versicherungen",
           "Köln München Düsseldorf Lübeck Görlitz Gießen Mainz Kiel",
           "b d f g h k kl l m n p r s t w z", "a e i o ü"),
    Locale("pl", "PL", "+4822",
           "Kowalska Wiśniewski Łuczak Dąbrowska Wójcik Źrebiec Zając Król Pająk Śliwa Żak Gołąb Bąk Sęk Błach Ćwik",
           "Piekarnia Drukarnia Spedycja Ogrody Stolarnia Księgarnia Usługi Apteka",
           "Łódź Kraków Gdańsk Wrocław Poznań Rzeszów Sopot Ełk",
           "b cz d f g k ł m n p r s sz t w ż", "a e i o ó"),
    Locale("el", "GR", "+3021",
           "Παπαδόπουλος Γεωργίου Νικολάου Ιωάννου Δημητρίου Οικονόμου Βασιλείου Αγγελής Ρήγας Κόκκινος Λιάπης Ζώης",
           "Αρτοποιείο Τυπογραφείο Μεταφορές Κήποι Έπιπλα Βιβλία Ασφάλειες Φαρμακείο",
           "Αθήνα Πάτρα Βόλος Χανιά Ρόδος Λάρισα Κοζάνη Σέρρες",
           "β γ δ ζ θ κ λ μ ν π ρ σ τ φ χ ξ", "α ε ι ο ου"),
    Locale("uk", "UA", "+3804",
           "Шевченко Бойко Коваленко Ткачук Кравець Олійник Поліщук Мороз Їжакевич Ґалаґан Щербак Юрчук Яременко",
           "Пекарня Друкарня Перевезення Сади Меблі Книги Страхування Аптека",
           "Київ Львів Одеса Харків Ужгород Полтава Чернівці Умань",
           "б в г ґ д ж з к л м н п р с т х", "а е и о ї"),
    Locale("he", "IL", "+9723",
           "כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן שפירא אזולאי קליין רוזן",
           "מאפייה דפוס הובלות גינון רהיטים ספרים ביטוח מרקחת",
           "חיפה ירושלים אשדוד נתניה עכו טבריה אילת לוד",
           "ב ג ד ה ז ח ט כ ל מ נ ס ע פ צ ק ר ש ת", "א ו י ה"),
    Locale("ja", "JP", "+8166",
           "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田",
           "製作所 印刷 運輸 園芸 家具店 書店 保険 薬局株式会社",
           "大阪市 堺市 豊中市 吹田市 高槻市 枚方市 茨木市 八尾市",
           "明 光 東 西 南 北 新 正 三 五 七 八 千 万 金 銀 海 山 川 松 竹 梅 桜 花 月 星 日 天 地 風 雲 雪 "
           "泉 森 林 石 岩 島 浜 港 橋 宮 福 富 栄 永 久 和 平 安 泰 昭 清 正 真 義 信 友 協 共 丸 角 大 小 高 長 "
           "赤 青 白 黒 緑 朝 春 秋 夏 冬 玉 鶴 亀 竜 虎 鷹",
           "", "大阪府"),
)  # fmt: skip


class Words(msgspec.Struct, frozen=True):
    """The words of a locale, one by one."""

    locale: Locale
    families: list[str]
    trades: list[str]
    towns: list[str]
    syllables: list[str]


@cache
def _words() -> list[Words]:
    return [
        Words(
            locale,
            locale.families.split(),
            locale.trades.split(),
            locale.towns.split(),
            [onset + vowel for onset in locale.onsets.split() for vowel in locale.vowels.split() or [""]],
        )
        for locale in LOCALES
    ]


def families(count: int) -> Iterator[Customer]:
    """Customers whose names are shared by many: a family's, a trade and a town."""
    chance = random.Random(1)
    for number in range(1, count + 1):
        words = chance.choice(_words())
        family, town = chance.choice(words.families), chance.choice(words.towns)
        name = f"{family} {chance.choice(words.trades)} {town}"
        yield _customer(number, name, family, town, f"robin@loaded-{number}.test", words.locale)


def brands(numbers: range) -> Iterator[Customer]:
    """Customers with a brand of their own before trade and town: of ten million, a handful have the same one."""
    chance = random.Random(numbers.start)
    for number in numbers:
        words = chance.choice(_words())
        brand = "".join(chance.choices(words.syllables, k=SYLLABLES_OF_A_BRAND)).capitalize()
        town = chance.choice(words.towns)
        name = f"{brand} {chance.choice(words.trades)} {town}"
        email = f"{chance.choice(MAILBOXES)}@{''.join(chance.choices(_words()[0].syllables, k=3))}-{number}.test"
        yield _customer(number, name, chance.choice(words.families), town, email, words.locale)


def _customer(number: int, name: str, family: str, town: str, email: str, locale: Locale) -> Customer:
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
                email=email,
                phone_number=f"{locale.phone}{number:07}",
            )
        ],
        language=locale.language,
        reseller_id=str(RESELLER_ID),
    )
