"""A browser without a screen: pages read as people read them, and forms sent with all that is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2 as httpx
import pytest

from tests.conftest import CALLERS
from tests.document import CheckedClient

VOID = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
# What stands in no page, by its policy.
INLINE = re.compile(r"on\w+|style")
HOST = "http://testserver"
MOST_REDIRECTS = 5


@dataclass
class Form:
    """A form of a page: what it sends if nothing is typed or pressed, and what else it could send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def has(self, names: Mapping[str, str]) -> bool:
        return set(names) <= self.fields.keys() | self.others


class Reading(HTMLParser):
    """What a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: dict[str, str] = {}
        self.words: list[str] = []
        self.wrong: list[str] = []
        self._open: list[tuple[str, dict[str, str], int]] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        having = {name: value or "" for name, value in attrs}
        self.wrong += [f"<{tag} {name}>" for name in having if INLINE.fullmatch(name)]
        if tag == "style" or (tag == "script" and "src" not in having):
            self.wrong.append(f"<{tag}>")
        if "id" in having:
            self.ids.append(having["id"])
        if tag == "label":
            self.labelled.add(having.get("for", ""))
        if tag == "form":
            self.forms.append(Form(having.get("action", ""), having.get("method", "get").lower()))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("input", "select", "textarea", "button", "option"):
            self._control(tag, having)
        if tag not in VOID:
            self._open.append((tag, having, len(self.words)))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            opened, having, since = self._open.pop()
            text = " ".join(" ".join(self.words[since:]).split())
            self._closed(opened, having, text)
            if opened == tag:
                break

    def handle_data(self, data: str) -> None:
        if not any(tag in ("script", "style", "head") for tag, _, _ in self._open):
            self.words.append(data)

    def _closed(self, tag: str, having: dict[str, str], text: str) -> None:
        if tag == "a" and "href" in having:
            self.links[text] = having["href"]
        if tag in ("td", "th"):
            self.tables[-1][-1].append(text)
        if tag == "select":
            self._select = None
        if "id" in having:
            self.texts[having["id"]] = text

    def _control(self, tag: str, having: dict[str, str]) -> None:
        form = self.forms[-1] if self.forms else Form("", "get")
        name, value, kind = having.get("name", ""), having.get("value", ""), having.get("type", "text")
        if tag != "option" and tag != "button" and kind != "hidden":
            self.controls[having.get("id", f"{tag} {name}")] = value
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select is not None:
            if "selected" in having or self._select not in form.fields:
                form.fields[self._select] = value
        elif tag == "button" or kind == "file" or (kind in ("checkbox", "radio") and "checked" not in having):
            form.others.add(name)
        elif name:
            form.fields[name] = value


@dataclass
class Shown:
    """A page as it came. path: after all redirects, with the query."""

    answer: httpx.Response
    path: str

    def __post_init__(self) -> None:
        self.status = self.answer.status_code
        self.html = self.answer.text
        self._reading = Reading()
        self._reading.feed(self.html)
        self._reading.close()

    @property
    def text(self) -> str:
        """All that can be read on it."""
        return " ".join(" ".join(self._reading.words).split())

    @property
    def forms(self) -> list[Form]:
        return self._reading.forms

    @property
    def links(self) -> dict[str, str]:
        """Addresses by what stands on the links."""
        return self._reading.links

    @property
    def faults(self) -> dict[str, str]:
        """What stands at fields that are wrong, by the fields."""
        return {
            name.removesuffix("-fault"): text for name, text in self._reading.texts.items() if name.endswith("-fault")
        }

    @property
    def fields(self) -> dict[str, str]:
        """What stands in the fields that people see, by their ids."""
        return self._reading.controls

    @property
    def rows(self) -> list[list[str]]:
        """The cells of all tables, line by line, without those of headings."""
        return [row for table in self._reading.tables for row in table[1:]]

    def form(self, fields: Mapping[str, str], action: str | None = None) -> Form:
        """The form to be sent that has these fields, or the one that goes to an address with this end."""
        fitting = [
            form
            for form in self.forms
            if form.method == "post" and form.has(fields)
            and (not form.action.endswith("/sign-out") if action is None else _path(form.action).endswith(action))
        ]  # fmt: skip
        assert fitting, f"{self.path} has no form with {sorted(fields)} to {action}: {self.text}"
        return fitting[0]

    def check(self) -> None:
        """What holds for each page: its policy, names that occur once, and a label for all that can be filled in."""
        assert self.answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert self.answer.headers["cache-control"] == "no-store"
        assert not self._reading.wrong, self._reading.wrong
        assert len(self._reading.ids) == len(set(self._reading.ids)), sorted(self._reading.ids)
        assert self._reading.controls.keys() <= self._reading.labelled, self._reading.controls
        assert self.html.count("<h1") == 1


class Console:
    """A user's browser. It keeps its own cookies, follows redirects, and checks each page that it gets."""

    def __init__(self, client: Any, area: Literal["console", "panel"] = "console") -> None:
        self._client = client
        self._area = area
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Shown:
        """The page at an address."""
        return self._shown(self.send("GET", path), path)

    def submit(self, path: str, fields: Mapping[str, str] | None = None, action: str | None = None) -> Shown:
        """The answer to a form of the page at `path`: with all that stands in it, and `fields` over that.

        action: the end of the address to which it goes, where several forms have the fields.
        """
        return self.press(self.get(path), fields, action)

    def press(self, page: Shown, fields: Mapping[str, str] | None = None, action: str | None = None) -> Shown:
        """The answer to a form of a page that came before."""
        form = page.form(fields or {}, action)
        to = urljoin(page.path, form.action or page.path)
        return self._shown(self.send("POST", to, data={**form.fields, **(fields or {})}), to)

    def post(self, path: str, fields: Mapping[str, str] | None = None) -> Shown:
        """The answer to fields that no form of a page offers, with a good token."""
        token = self.get(f"/{self._area}").form({"token": ""}, "/sign-out").fields["token"]
        return self._shown(self.send("POST", path, data={"token": token, **(fields or {})}), path)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer to a request just as it is."""
        self._client.cookies.clear()
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": kept} if kept else {}
        answer: httpx.Response = self._client.request(method, path, headers=headers, follow_redirects=False, **request)
        self.cookies.update(answer.cookies.items())
        return answer

    def sign_in(self, login: str, password: str) -> Shown:
        """The page after signing in."""
        return self.submit(f"/{self._area}/sign-in", {"login": login, "password": password})

    def _shown(self, answer: httpx.Response, path: str) -> Shown:
        for _ in range(MOST_REDIRECTS):
            if answer.status_code != httpx.codes.SEE_OTHER:
                break
            path = urljoin(path, answer.headers["location"])
            answer = self.send("GET", path)
        assert answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR, answer.text
        shown = Shown(answer, path.removeprefix(HOST))
        shown.check()
        return shown


def parameters(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(address).query))


def _path(address: str) -> str:
    return urlsplit(address).path


OpenConsole = Callable[..., Console]


@pytest.fixture
def console(client: CheckedClient) -> OpenConsole:
    """Opens a browser in which a user is signed in to the console: one of `CALLERS`, or any login with a password.

    role: with it, a new user of the same reseller in this role. client: of another application than the test's own.
    """

    def opened(
        login: str = "sandbox", password: str | None = None, *, role: str | None = None, client: CheckedClient = client
    ) -> Console:
        browser = Console(client._client)
        browser.sign_in(CALLERS[login].login if login in CALLERS else login, password or CALLERS[login].password)
        assert browser.get("/console").path == "/console"
        if role is None:
            return browser
        made = browser.submit("/console/new-user", {"login": f"{role}-of-{login}", "role": role})
        return opened(f"{role}-of-{login}", made.fields["secret"], client=client)

    return opened
