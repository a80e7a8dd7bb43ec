"""The panel speaks five languages, all of it: texts, what is wrong with a form, dates, numbers and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import httpx2 as httpx
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from babel.support import NullTranslations

from emporion.accounts.contacts import ContactType
from emporion.accounts.countries import COUNTRIES
from emporion.accounts.folding import fold
from emporion.accounts.ids import RESELLER_ID
from emporion.accounts.statuses import Status
from emporion.api.problems import STATUS
from emporion.credentials import PASSWORD_RULES, PasswordQuality
from emporion.web import i18n
from emporion.web.i18n import LANGUAGES, Language, language
from emporion.web.panel import messages
from emporion.web.panel.sign_in import A_YEAR, LANGUAGE_COOKIE
from tests.conftest import Caller, Serve, new_contact
from tests.web import test_panel_pages
from tests.web.conftest import Shown
from tests.web.test_panel_pages import ANNA, NEW_PASSWORD, PAGES, Browser, House, house_of, set_cookies

house = test_panel_pages.house

WEB = Path(str(resources.files("emporion.web")))
TRANSLATED = LANGUAGES[1:]
PLACEHOLDER = re.compile(r"%\(\w+\)s")
# A day in November, at noon, in milliseconds.
NOON = 1_795_435_200_000


# The catalogues


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """All that is marked to be translated, in templates and code."""
    with (WEB / "locale" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(WEB, methods, options)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


@pytest.fixture(scope="module", params=TRANSLATED)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with (WEB / "locale" / request.param / "LC_MESSAGES" / "panel.po").open("rb") as file:
        return read_po(file, request.param, abort_invalid=True)


def test_each_text_is_in_each_catalogue_and_none_that_is_used_no_more(texts: set[str], catalogue: Catalog) -> None:
    assert len(texts) > 100
    assert {entry.id for entry in catalogue if entry.id} == texts
    assert not catalogue.obsolete


def test_each_text_is_translated_with_the_same_placeholders(catalogue: Catalog) -> None:
    for entry in catalogue:
        if not entry.id:
            continue
        assert isinstance(entry.string, str), entry.id
        assert entry.string.strip(), f"{entry.id!r} is not translated"
        assert not entry.fuzzy, f"{entry.id!r} is not sure"
        assert sorted(PLACEHOLDER.findall(entry.string)) == sorted(PLACEHOLDER.findall(str(entry.id)))
        assert entry.string.count("%") == len(PLACEHOLDER.findall(entry.string)), (
            f"{entry.string!r} cannot be filled in"
        )
        assert entry.string.strip() == entry.string


def test_hardly_a_text_is_as_it_was_in_english(catalogue: Catalog) -> None:
    """Words that are the same in both are few and short; a sentence is none of them."""
    same = {str(entry.id) for entry in catalogue if entry.id and entry.string == entry.id}
    assert all(" " not in text or "%(" in text for text in same), same
    assert len(same) < 8, same


def test_the_french_put_a_space_that_does_not_break_before_colons_and_the_like() -> None:
    for text in _strings("fr"):
        assert not re.search(r"[^\u202f\u00a0][;:!?](?!\d)", text), text
        assert "'" not in text, text


def test_the_spanish_open_their_questions() -> None:
    for text in _strings("es"):
        assert text.count("?") == text.count("¿"), text


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_sentence_ends_as_it_does_in_english(code: str) -> None:
    for text in messages_of(code):
        translated = language(code).texts.gettext(text)
        assert (translated[-1] == ".") == (text[-1] == "."), translated


def messages_of(code: str) -> list[str]:
    """The English texts in a catalogue."""
    with (WEB / "locale" / code / "LC_MESSAGES" / "panel.po").open("rb") as file:
        return [str(entry.id) for entry in read_po(file, code) if entry.id]


def _strings(code: str) -> list[str]:
    return [language(code).texts.gettext(text) for text in messages_of(code)]


# Nothing on a page but data and translations


class Marking(NullTranslations):
    """A language in which each text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    ugettext = gettext


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All languages have the texts of `Marking` in an application that is started after this."""
    monkeypatch.setattr(i18n, "_texts", lambda code: Marking())
    language.cache_clear()
    yield
    language.cache_clear()


class Visible(HTMLParser):
    """All that people see or hear of a page: texts, titles, labels, what buttons and empty fields show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        having = {name: value or "" for name, value in attrs}
        shown = ["title", "aria-label", "aria-description", "placeholder", "alt", "label", "data-label"]
        if tag == "input" and having.get("type") in ("submit", "button", "reset"):
            shown.append("value")
        self.found += [having[name] for name in shown if name in having]
        self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._within[-1:]):
            self.found.append(data)


DATES = r"[A-Z][a-z]{2} \d{1,2}, \d{4}, [\d:\u202f ]+[AP]M UTC"
DATA = re.compile(rf"·? ?Emporion|{DATES}|–|[0-9a-f-]{{36}}|admin-[0-9a-f-]+|[0-9,]+|testclient|python-httpx2?/[\d.]+|")


def _unmarked(page: Shown, data: set[str]) -> list[str]:
    """What can be seen on a page that is neither data nor marked."""
    pieces = [piece for text in Visible(page.html).found for piece in re.split("⟦[^⟦⟧]*⟧", text)]
    words = [" ".join(piece.split()).strip(", ") for piece in pieces]
    return [word for word in words if word not in data and not DATA.fullmatch(word)]


@pytest.mark.usefixtures("marked")
def test_whatever_can_be_seen_is_data_or_translated(serve: Serve, callers: dict[str, Caller]) -> None:
    house = house_of(serve(), callers, taxRegId="TAX-1")
    data = _data_of(house)
    signed_out, signed_in = house.browser(), house.signed_in()
    link = house.link(1)
    pages = [
        signed_out.get("/panel/sign-in"),
        signed_out.get("/panel/sign-in?said=signed-out"),
        signed_out.sign_in(ANNA[0], "wrong"),
        signed_out.get(link),
        signed_out.submit(link, {"new": "a", "again": "b"}),
        signed_out.submit(link, {"new": "a", "again": "a"}),
        signed_out.get("/panel/link?code=x"),
        signed_out.get("/panel/nowhere"),
        *(signed_in.get(f"/panel{path}?said={said}") for path in PAGES for said in ("", *messages.NOTES)),
        signed_in.submit("/panel/address", {"address.city": "", "address.countryCode": "US"}),
        signed_in.submit("/panel/address", {"version": "999"}),
        signed_in.submit("/panel/contacts", {"contactPersons[1].email": "x", "contactPersons[1].phoneNumber": ""}),
        signed_in.submit("/panel/contacts", {"change": "more"}),
        signed_in.submit("/panel/contacts", {"version": "999"}),
        signed_in.press(signed_in.submit("/panel/contacts", {"change": "0"})),
        signed_in.submit("/panel/password", {"old": "x", "new": "a", "again": "a"}),
        signed_in.submit("/panel/sign-ins", action="/panel/sign-ins"),
        Shown(signed_in.send("POST", "/panel/address", data={"a": "b"}), "/panel/address"),
        Shown(signed_in.send("PUT", "/panel/address"), "/panel/address"),
        Shown(signed_in.send("POST", "/panel/address", content=b"{}"), "/panel/address"),
    ]
    for status in ("creditHold", "active", "adminHold", "cancelled"):
        house.change("provider", status=status)
        pages.append(signed_in.get("/panel"))
    for page in pages:
        assert "⟦" in page.html
        assert not _unmarked(page, data), page.path


def test_a_word_that_is_not_translated_would_be_found(house: House) -> None:
    """In English nothing is marked."""
    found = _unmarked(house.browser().get("/panel/sign-in"), _data_of(house))
    assert {"Skip to content", "Control panel", "Language", "Sign in", "Password"} <= set(found)


def _data_of(house: House) -> set[str]:
    """What a page may show that comes from no catalogue."""
    document = house.document
    reseller = house.client.get(f"/resellers/{RESELLER_ID}", house.callers["provider"]).json()
    data = set(_leaves([document, reseller]))
    for account in (document, reseller):
        address = account["address"]
        data |= {f"{address['postalCode']} {address['city']}"}
        data |= {f"{one['firstName']} {one['lastName']}" for one in account["contactPersons"]}
    speaker = language("en")
    data |= {speaker.country(code) for code in COUNTRIES} | {language(code).name for code in LANGUAGES}
    return data | {ANNA[0], "ben-login"}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    else:
        yield str(value)


# What is wrong with a form


LONG = "x" * 300
ADDRESS_FAULTS = [
    ("address.streetAddress", ""),
    ("address.streetAddress", LONG),
    ("address.streetAddress", "a\0b"),
    ("address.streetAddress", "Hof 1\nHaus B"),
    ("address.city", "\u202eBonn"),
    ("address.addressExtension", LONG),
    ("address.postalCode", ""),
    ("address.postalCode", "1" * 33),
    ("address.city", ""),
    ("address.city", LONG),
    ("address.state", LONG),
    ("address.state", "a\x1b"),
    ("address.countryCode", ""),
    ("address.countryCode", "uk"),
    ("address.countryCode", "Atlantis"),
    ("address.countryCode", LONG),
    ("language", "klingon"),
    ("language", "xx"),
    ("language", "de-" * 20),
]
CONTACT_FAULTS = [
    ("firstName", ""),
    ("firstName", LONG),
    ("lastName", ""),
    ("lastName", "a\x07"),
    ("lastName", "\u200b"),
    ("email", ""),
    ("email", "unknown"),
    ("email", "a@b@c"),
    ("email", "a@example.invalid"),
    ("email", "x" * 250 + "@example.com"),
    ("phoneNumber", ""),
    ("phoneNumber", "0891234567"),
    ("phoneNumber", "1" * 70),
    ("type", ""),
    ("type", "boss"),
]
# How the rules tell programs what is wrong.
PROGRAMS = re.compile(
    r"must (be|have|not)|is required|cannot be cleared|ISO \d|E\.164|RFC|characters, not|did you mean"
)


@pytest.fixture(params=LANGUAGES)
def speaker(request: pytest.FixtureRequest) -> Language:
    return language(request.param)


def test_each_fault_of_an_address_has_a_sentence_of_its_own(house: House, speaker: Language) -> None:
    browser = _speaking(house.signed_in(), speaker)
    for field, value in ADDRESS_FAULTS:
        page = browser.submit("/panel/address", {field: value})
        _check_faults(page, speaker, field)
    states = browser.submit("/panel/address", {"address.countryCode": "US", "address.state": ""})
    _check_faults(states, speaker, "address.state")


def test_each_fault_of_a_contact_has_a_sentence_of_its_own(house: House, speaker: Language) -> None:
    browser = _speaking(house.signed_in(), speaker)
    for member, value in CONTACT_FAULTS:
        page = browser.submit("/panel/contacts", {f"contactPersons[1].{member}": value})
        _check_faults(page, speaker, f"contactPersons[1].{member}")


def test_each_fault_of_all_contacts_has_a_sentence_of_its_own(house: House, speaker: Language) -> None:
    browser = _speaking(house.signed_in(), speaker)
    form = browser.get("/panel/contacts").form({"change": ""})
    many = {
        f"contactPersons[{number}].{name}": value for number in range(3, 21) for name, value in new_contact().items()
    }
    fields = {name: value for name, value in form.fields.items() if not name.startswith("contactPersons[0]")}
    twice = {**form.fields, "contactPersons[1].position": "0"}
    for sent in ({**form.fields, **many}, fields, {"token": form.fields["token"], "version": "1"}, twice):
        page = Shown(browser.send("POST", "/panel/contacts", data=sent), "/panel/contacts")
        assert page.status == 400
        assert not PROGRAMS.search(page.text)
        assert speaker.texts.gettext(messages.UNKNOWN) not in page.text


@pytest.mark.parametrize("quality", get_args(PasswordQuality))
@pytest.mark.parametrize("path", ["password", "link"])
def test_each_fault_of_a_password_has_a_sentence_of_its_own(
    serve: Serve, callers: dict[str, Caller], quality: PasswordQuality, path: str
) -> None:
    strong = ("anna-login", "Very-strong-pass-1")
    house = house_of(
        serve(password_quality=quality),
        callers,
        contactPersons=[new_contact(login=strong[0], password=strong[1])],
    )
    signed_in, address = house.signed_in(strong), house.link()
    told = set()
    for speaker in (language(code) for code in LANGUAGES):
        browser = _speaking(signed_in if path == "password" else house.browser(), speaker)
        where = "/panel/password" if path == "password" else address
        old = {"old": strong[1]} if path == "password" else {}
        weak = browser.submit(where, {**old, "new": "a", "again": "a"})
        _check_faults(weak, speaker, "new")
        assert str(PASSWORD_RULES[quality][0]) in weak.faults["new"]
        told.add(weak.faults["new"])
        _check_faults(browser.submit(where, {**old, "new": "", "again": ""}), speaker, "new")
        _check_faults(browser.submit(where, {**old, "new": "a", "again": "b"}), speaker, "again")
    assert len(told) == len(LANGUAGES)


def test_a_wrong_old_password_is_told(house: House, speaker: Language) -> None:
    browser = _speaking(house.signed_in(), speaker)
    page = browser.submit("/panel/password", {"old": "wrong", "new": NEW_PASSWORD, "again": NEW_PASSWORD})
    _check_faults(page, speaker, "old")


def _check_faults(page: Shown, speaker: Language, field: str) -> None:
    """The field has a sentence that is in the catalogue, and no field one for programs."""
    assert page.status == 400, field
    assert field in page.faults, (field, page.text)
    sentences = [re.escape(" ".join(speaker.texts.gettext(text).split())) for _, text in messages.FAULTS]
    known = re.compile("|".join(re.sub(r"%\\\(\w+\\\)s", r"\\d+", sentence) for sentence in sentences))
    for told in page.faults.values():
        assert known.fullmatch(told), told
        assert not PROGRAMS.search(told)
        assert speaker.texts.gettext(messages.UNKNOWN) != told


def test_what_is_missing_in_the_rules_would_be_found() -> None:
    assert messages.sentence("must be something new", language("de")) == "Dieser Wert kann hier nicht verwendet werden."


def test_all_that_can_be_said_of_accounts_is_there() -> None:
    assert messages.STATUS_NAMES.keys() == messages.STATUS_WORDS.keys() == set(get_args(Status))
    assert messages.CONTACT_TYPES.keys() == set(get_args(ContactType))
    assert messages.PROBLEMS.keys() <= {code.name for code in STATUS}


# Dates, numbers and names


def test_dates_and_numbers_are_written_as_the_language_does() -> None:
    assert [language(code).date(NOON) for code in LANGUAGES] == [
        "Nov 23, 2026",
        "23.11.2026",
        "23 nov. 2026",
        "23 nov 2026",
        "23 de nov. de 2026",
    ]
    assert [language(code).number(1234) for code in LANGUAGES] == ["1,234", "1.234", "1\u202f234", "1.234", "1.234"]
    assert language("de").moment(NOON) == "23.11.2026, 12:00:00 UTC"


def test_countries_and_languages_are_called_as_the_language_does() -> None:
    names = [language(code).country("US") for code in LANGUAGES]
    assert names == ["United States", "Vereinigte Staaten", "États-Unis", "Estados Unidos", "Estados Unidos"]
    assert [language(code).name for code in LANGUAGES] == ["English", "Deutsch", "Français", "Español", "Português"]
    assert language("de").language("pt-BR") == "Portugiesisch (Brasilien)"
    assert language("fr").language("de_AT") == "Allemand (Autriche)"
    assert language("de").language("no-such-language-at-all") == "no-such-language-at-all"


def test_each_country_has_a_name_in_each_language(speaker: Language) -> None:
    assert [code for code in COUNTRIES if speaker.country(code) in (code, "")] == []


def test_countries_stand_in_the_order_of_the_alphabet() -> None:
    for code, some in (
        ("en", ["Åland Islands", "Algeria", "Zimbabwe"]),
        ("de", ["Ägypten", "Deutschland", "Österreich", "Portugal"]),
        ("fr", ["Égypte", "Espagne", "États-Unis", "Zimbabwe"]),
    ):
        names = [name for _, name in language(code).countries(COUNTRIES)]
        assert [name for name in names if name in some] == sorted(some, key=fold)
        assert names.index(some[0]) < names.index(some[-1])


def test_a_german_account_is_german_all_over(serve: Serve, callers: dict[str, Caller]) -> None:
    browser = house_of(serve(), callers, language="de").signed_in()
    account = browser.get("/panel")
    assert '<html lang="de">' in account.html
    assert "Kundennummer" in account.text
    assert "Deutschland" in account.text
    assert "Vereinigte Staaten" in browser.get("/panel/address").text
    rows = browser.get("/panel/sign-ins").rows
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d UTC", rows[0][0])
    assert rows[0][-1] == "diese Sitzung"


# Which language it is


def _speaking(browser: Browser, speaker: Language) -> Browser:
    """The browser after a language was chosen in it."""
    page = browser.submit("/panel/sign-in", {"language": speaker.code}, "/language")
    assert _spoken(page) == speaker.code
    return browser


def _spoken(page: Shown) -> str:
    (code,) = re.findall(r'<html lang="([^"]*)">', page.html)
    return str(code)


def test_a_language_is_chosen_before_signing_in_and_kept_afterwards(house: House) -> None:
    browser = house.browser({"accept-language": "es"})
    page = browser.get("/panel/sign-in?to=%2Fpanel%2Fcontacts")
    assert _spoken(page) == "es"
    chosen = browser.press(page, {"language": "fr"}, "/language")
    assert (_spoken(chosen), chosen.path) == ("fr", "/panel/sign-in?to=%2Fpanel%2Fcontacts")
    done = browser.press(chosen, {"login": ANNA[0], "password": ANNA[1]}, "/sign-in")
    assert (_spoken(done), done.path) == ("fr", "/panel/contacts")
    out = browser.submit("/panel", action="/sign-out")
    assert _spoken(out) == "fr"
    assert "Votre session est terminée." in out.text
    assert _spoken(house.browser().get("/panel/sign-in")) == "en", "in another browser none was chosen"


def test_the_chosen_language_is_kept_for_a_year_and_read_by_the_server_only(house: House) -> None:
    browser = house.browser()
    answer = browser.send("POST", "/panel/language", data={"token": browser.token, "language": "pt"})
    (cookie,) = set_cookies(answer).values()
    assert (cookie.key, cookie.value, cookie["max-age"]) == (LANGUAGE_COOKIE, "pt", str(A_YEAR))
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "lax", "/", "")


@pytest.mark.parametrize("wanted", ["", "it", "xx", "../de", "english"])
def test_a_language_that_the_panel_does_not_speak_is_not_chosen(house: House, wanted: str) -> None:
    browser = house.browser()
    answer = browser.send("POST", "/panel/language", data={"token": browser.token, "language": wanted})
    assert answer.status_code == httpx.codes.SEE_OTHER
    assert not set_cookies(answer)
    browser.cookies[LANGUAGE_COOKIE] = wanted or "it"
    assert _spoken(browser.get("/panel/sign-in")) == "en"


@pytest.mark.parametrize(
    ("of_account", "spoken"),
    [("pt-BR", "pt"), ("de_AT", "de"), ("DE", "de"), ("fr", "fr"), ("EN-us", "en"), ("it", "es"), ("gsw", "es")],
)
def test_the_language_of_the_account_decides_where_nothing_was_chosen(
    serve: Serve, callers: dict[str, Caller], of_account: str, spoken: str
) -> None:
    house = house_of(serve(), callers, language=of_account)
    browser = house.signed_in(headers={"accept-language": "es"})
    assert _spoken(browser.get("/panel")) == spoken
    assert _spoken(_speaking(browser, language("fr")).get("/panel")) == "fr"


@pytest.mark.parametrize(
    ("header", "spoken"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-ch", "de"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("en;q=0.5, fr;q=0.7", "fr"),
        ("en; q=0.5 , es ; q=0.7", "es"),
        ("it, nl;q=0.9, de;q=0.1", "de"),
        ("de;q=0", "en"),
        ("de;q=0, fr;q=0.001", "fr"),
        ("de, fr", "de"),
        ("*", "en"),
        ("it", "en"),
        ("de;q=nan, fr;q=x, es;q=2, pt;q=", "en"),
        (",;q=1,,-,", "en"),
        ("\xe9, de", "de"),
        ("x" * 5000, "en"),
    ],
)
def test_a_browser_says_what_it_likes_best(header: str, spoken: str) -> None:
    assert i18n.accepted(header) == spoken


def test_the_browser_decides_before_signing_in(house: House) -> None:
    browser = house.browser({"accept-language": "it, de;q=0.5, en;q=0.4"})
    page = browser.get("/panel/sign-in")
    assert _spoken(page) == "de"
    assert "Anmelden" in page.text


def test_another_language_in_the_form_changes_the_panel_at_once(house: House) -> None:
    browser = _speaking(house.signed_in(), language("es"))
    page = browser.submit("/panel/address", {"language": "de"})
    assert (page.path, _spoken(page)) == ("/panel?said=changed", "de")
    assert "Ihre Änderungen wurden gespeichert." in page.text
    assert house.document["language"] == "de"
    assert _spoken(house.signed_in().get("/panel")) == "de", "in another browser, too"


def test_an_address_that_is_changed_leaves_the_chosen_language_as_it_is(house: House) -> None:
    browser = _speaking(house.signed_in(), language("fr"))
    page = browser.submit("/panel/address", {"address.city": "Ulm"})
    assert _spoken(page) == "fr"
    assert house.document["language"] == "en"


@pytest.mark.parametrize("tag", ["pt-BR", "it", "DE"])
def test_a_form_keeps_a_language_that_it_does_not_offer(serve: Serve, callers: dict[str, Caller], tag: str) -> None:
    house = house_of(serve(), callers, language=tag)
    page = house.signed_in().submit("/panel/address", {"address.city": "Ulm"})
    assert page.path == "/panel?said=changed"
    assert house.document["language"] == tag


def test_an_administrator_who_is_turned_away_is_told_in_their_language(
    serve: Serve, callers: dict[str, Caller]
) -> None:
    house = house_of(serve(), callers, language="fr")
    house.change("provider", status="cancelled")
    page = house.browser({"accept-language": "de"}).sign_in(*ANNA)
    assert page.status == 403
    assert "endgültig geschlossen" in page.text
