"""Pages: who asks for one, what was sent, and the answer, with what keeps others out of it.

A browser has one secret for the console and one for the panel, in a cookie: before the sign-in it ties the
sign-in form to this browser, after that it is a new one and opens a session. Every form has a token made of it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote, urlencode

from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, compile_path

from emporion.api.problems import STATUS, method_not_allowed
from emporion.api.requests import LARGEST_FORM
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Origin, Source
from emporion.fair_semaphore import WAITED, FairSemaphore
from emporion.logs import log
from emporion.web.forms import LARGEST, Form, read_form, read_parameters

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from emporion.api.client_addresses import ClientAddresses
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.platforms import Access
    from emporion.marketplace.sessions import NewSession, SignedInAdministrator
    from emporion.store.sessions import Session
    from emporion.web.i18n import Language
    from emporion.web.rendering import Templates

# Nothing from elsewhere, nothing inline, and in no frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
SECRET = re.compile("[A-Za-z0-9_-]{43}")
TOKEN = "token"  # noqa: S105 - the name of a field
LONGEST_PATH = 200
EXPIRED = "The form was open for too long, or you signed in or out in another window. Go back, reload it, try again."


Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages need. public_url: under which people reach it, "" for the one that they used.

    secure: whether cookies go over HTTPS only, which is so unless only this machine is served.
    """

    marketplace: Marketplace
    templates: Templates
    addresses: ClientAddresses
    root_path: str
    public_url: str
    scheme: str
    secure: bool
    # What everybody knows of a sandbox, None for any other platform.
    sandbox: Access | None
    # The places for files that people send.
    uploads: FairSemaphore


@dataclass(slots=True)
class PageRequest:
    """A request for a page, and who makes it.

    path: the parameters in the path. secret: what the browser keeps, or is given with this answer.
    """

    area: Area
    scope: Scope
    receive: Receive
    origin: Origin
    path: dict[str, str]
    cookies: dict[str, str]
    secret: str
    is_new: bool
    parameters: dict[str, str] = field(default_factory=dict)
    form: Form = field(default_factory=Form)
    language: Language = field(init=False)
    session: Session | None = None
    # The user or administrator who is signed in: one of the two, by the area.
    actor: Actor = field(init=False)
    visitor: SignedInAdministrator = field(init=False)

    @property
    def marketplace(self) -> Marketplace:
        return self.area.site.marketplace

    @property
    def token(self) -> str:
        """What a form must have: other sites cannot make it."""
        return hmac.digest(self.secret.encode(), b"form", "sha256").hex()

    @property
    def address(self) -> str:
        """The address of this page with its parameters, without the host."""
        path: str = self.scope["path"]
        query = self.scope["query_string"].decode("latin-1")
        return path + (f"?{query}" if query else "")

    @property
    def agent(self) -> str:
        return str(self.scope["named_headers"].get(b"user-agent", b"").decode("latin-1"))

    @property
    def base(self) -> str:
        """The URL before the paths of all pages, as others can use it."""
        site = self.area.site
        host = self.scope["named_headers"].get(b"host", b"").decode("latin-1")
        return site.public_url or f"{site.scheme}://{host}{site.root_path}"

    @property
    def keeps_nothing(self) -> bool:
        """Whether a browser will not keep our cookies, since they are for HTTPS only and this came without."""
        return self.area.site.secure and self.scope["scheme"] != "https" and not self.is_proxied

    @property
    def is_proxied(self) -> bool:
        """Whether a proxy says that it stands between, which may have taken HTTPS off."""
        return not {b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"}.isdisjoint(self.scope["named_headers"])

    def note(self, refused: AccessDenied) -> None:
        """Write a refusal down that is told by a page of its own."""
        asked = f"{self.scope['method']} {self.scope['path'][:LONGEST_PATH]}"
        self.marketplace.security_log.note(refused, asked, self.origin)

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page. The template is one of the area's own."""
        text = self.area.site.templates.render(
            f"{self.area.name}/{template}", self.language, visit=self, area=self.area, **values
        )
        return HTMLResponse(text, status, HEADERS)

    def redirect(self, path: str, **parameters: str) -> Response:
        """To another page of ours, after something was done."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return RedirectResponse(f"{self.area.site.root_path}{path}{query}", HTTPStatus.SEE_OTHER, HEADERS)

    def sign_in(self, new: NewSession) -> None:
        """Let the browser keep the secret of a session that just began, in the place of the one it had."""
        self.secret, self.session, self.is_new = new.secret, new.session, True

    def sign_out(self) -> None:
        """Let the browser have another secret, which opens nothing."""
        self.secret, self.session, self.is_new = secrets.token_urlsafe(32), None, True


Handler = Callable[[PageRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """One address. public: for those, too, who are not signed in. uploads: its forms are read by the page itself."""

    path: str
    get: Handler | None = None
    post: Handler | None = None
    public: bool = False
    uploads: bool = False


async def nothing_here(visit: PageRequest) -> Response:  # noqa: ARG001 - a handler
    """For addresses of an area that have no page."""
    raise Problem(Code.NOT_FOUND, "There is nothing at this address.")


class Area:
    """The console or the panel, which people sign in to apart.

    enter: finds who is signed in, and tells whether a user is. speak: in which language. refused: a page for a
    Problem of the area's own, if there is one.
    """

    def __init__(
        self,
        name: Literal["console", "panel"],
        pages: Iterable[Page],
        site: Site,
        enter: Callable[[PageRequest], Awaitable[bool]],
        speak: Callable[[PageRequest], Language],
        refused: Callable[[PageRequest, Problem], Awaitable[Response | None]],
    ) -> None:
        self.name: Source = name
        self.site = site
        self.cookie = f"{'__Host-' if site.secure else ''}emporion-{name}"
        self.enter = enter
        self.speak = speak
        self.refused = refused
        # Addresses of the console say what is wanted, so what cannot be read must not be passed over.
        self.filters = name == "console"
        self._pages = (*pages, Page("/{rest:path}", nothing_here, nothing_here, public=True))

    def routes(self) -> list[BaseRoute]:
        """A route for each page."""
        return [Route(page, self) for page in self._pages]

    def path(self, rest: str = "") -> str:
        """An address of the area, without the prefix."""
        return f"/{self.name}{rest}"


class Route(BaseRoute):
    """Answers the requests for one page."""

    def __init__(self, page: Page, area: Area) -> None:
        self._page = page
        self._area = area
        self._pattern, _, self._convertors = compile_path(area.path(page.path))
        handlers: dict[str, Handler | None] = {"GET": page.get, "HEAD": page.get, "POST": page.post}
        self._handlers = {method: handler for method, handler in handlers.items() if handler}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = self._pattern.fullmatch(scope["path"])
        return (Match.FULL, {"path_params": found.groupdict()}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = self._visit(scope, receive)
        try:
            response = await self._answer(visit)
        except Problem as problem:
            response = await self._told(visit, problem)
        except Exception:
            log.exception("failed", correlation_id=scope["correlation_id"], method=scope["method"], path=scope["path"])
            failure = Problem(Code.INTERNAL, "Something failed on our side; tell us the number below.")
            response = await self._told(visit, failure)
        if visit.is_new:
            response.set_cookie(
                self._area.cookie, visit.secret, path="/", secure=self._area.site.secure, httponly=True, samesite="lax"
            )
        await response(scope, receive, send)

    async def _answer(self, visit: PageRequest) -> Response:
        try:
            visit.parameters = read_parameters(visit.scope["query_string"])
        except ValueError:
            if self._area.filters:
                message = "What follows ? in the address must be percent-encoded UTF-8."
                raise Problem(Code.MALFORMED, message) from None
        handler = self._handlers.get(visit.scope["method"])
        if not handler:
            raise method_not_allowed(visit.scope["path"], ", ".join(sorted(self._handlers)))
        signed_in = await self._area.enter(visit)
        visit.language = self._area.speak(visit)
        if not signed_in and not self._page.public:
            return self._to_sign_in(visit)
        if visit.scope["method"] == "POST" and not self._page.uploads:
            largest = LARGEST if signed_in else LARGEST_FORM
            visit.form = await read_form(visit.scope["named_headers"], visit.receive, largest)
            check_token(visit)
        response = await handler(visit)
        if signed_in and WAITED.get() and visit.scope["method"] != "POST" and not await self._area.enter(visit):
            return self._to_sign_in(visit)
        return response

    def _to_sign_in(self, visit: PageRequest) -> Response:
        if visit.scope["method"] == "POST" or visit.address == self._area.path():
            return visit.redirect(self._area.path("/sign-in"))
        return visit.redirect(self._area.path("/sign-in"), to=visit.address)

    async def _told(self, visit: PageRequest, problem: Problem) -> Response:
        """The page for a problem; a refusal is written down."""
        visit.language = self._area.speak(visit)
        if problem.__cause__:
            log.error("not answered", correlation_id=visit.scope["correlation_id"], why=problem.why)
        if isinstance(problem, AccessDenied):
            visit.note(problem)
        own = await self._area.refused(visit, problem)
        if own:
            return own
        status = STATUS[problem.code]
        response = visit.render("problem.html", status.value, problem=problem, phrase=status.phrase)
        response.headers.update(problem.headers)
        return response

    def _visit(self, scope: Scope, receive: Receive) -> PageRequest:
        area = self._area
        cookies = cookie_parser(_cookie(scope))
        kept = cookies.get(area.cookie, "")
        is_new = not SECRET.fullmatch(kept)
        return PageRequest(
            area=area,
            scope=scope,
            receive=receive,
            origin=Origin(None, area.name, scope["correlation_id"], None, area.site.addresses.of(scope)),
            path=scope["path_params"],
            cookies=cookies,
            secret=secrets.token_urlsafe(32) if is_new else kept,
            is_new=is_new,
        )


def _cookie(scope: Scope) -> str:
    """The header Cookie, of which a request over HTTP/2 may have several (RFC 9113 §8.2.3)."""
    return b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")


def check_token(visit: PageRequest) -> None:
    """Raise Problem (FORBIDDEN) for a form that did not come from a page of ours in this browser."""
    if not hmac.compare_digest(visit.form.text(TOKEN).encode(), visit.token.encode()):
        raise Problem(Code.FORBIDDEN, EXPIRED)


def safe_path(area: Area, wanted: str) -> str:
    """An address of the area to go on to; its first page for any other."""
    inside = wanted == area.path() or wanted.startswith((area.path("/"), area.path("?")))
    path = unquote(wanted.partition("?")[0])
    if not inside or "\\" in wanted or "//" in wanted or ".." in path or not wanted.isprintable():
        return area.path()
    return quote(wanted, safe="/?&=%+:@,.~-_[]")
