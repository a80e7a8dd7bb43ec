"""Signing in to the control panel and out again, and the language that it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.api.problems import STATUS
from emporion.errors import AccessDenied, Code
from emporion.marketplace.sessions import Closed
from emporion.web import i18n
from emporion.web.pages import Page, safe_path
from emporion.web.panel import messages

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.pages import PageRequest

LANGUAGE_COOKIE = "emporion-language"
A_YEAR = 365 * 86_400


async def show(visit: PageRequest) -> Response:
    """The form; an administrator who is signed in goes on."""
    to = safe_path(visit.area, visit.parameters.get("to", ""))
    return visit.redirect(to) if visit.session else _form(visit, to)


async def sign_in(visit: PageRequest) -> Response:
    """Begin a session, and go on to the page that was asked for."""
    to = safe_path(visit.area, visit.form.text("to"))
    login, password = visit.form.text("login"), visit.form.typed("password")
    try:
        new = await visit.marketplace.sessions.begin_for_administrator(login, password, visit.origin, visit.agent)
    except AccessDenied as refused:
        if isinstance(refused, Closed) or refused.code not in (Code.UNAUTHENTICATED, Code.LIMITED):
            raise
        visit.note(refused)
        return _form(visit, to, login, refused)
    if visit.session:
        await visit.marketplace.sessions.end(visit.session)
    visit.sign_in(new)
    return visit.redirect(to)


async def sign_out(visit: PageRequest) -> Response:
    """End the session."""
    if visit.session:
        await visit.marketplace.sessions.end(visit.session)
    visit.sign_out()
    return visit.redirect("/panel/sign-in", said="signed-out")


async def speak(visit: PageRequest) -> Response:
    """Let the panel speak another language in this browser."""
    response = visit.redirect(safe_path(visit.area, visit.form.text("to")))
    if code := i18n.known(visit.form.text("language")):
        keep_language(visit, response, code)
    return response


def keep_language(visit: PageRequest, response: Response, code: str) -> None:
    """Let the browser remember a language."""
    response.set_cookie(
        LANGUAGE_COOKIE, code, max_age=A_YEAR, secure=visit.area.site.secure, httponly=True, samesite="lax"
    )


def _form(visit: PageRequest, to: str, login: str = "", refused: AccessDenied | None = None) -> Response:
    text = visit.language.texts.gettext
    told = ""
    if refused:
        seconds = refused.headers.get("Retry-After")
        told = text(messages.TOO_MANY) % {"seconds": seconds} if seconds else text(messages.WRONG)
    status = STATUS[refused.code].value if refused else 200
    response = visit.render("sign_in.html", status, to=to, values={"login": login}, told=told)
    response.headers.update(refused.headers if refused else {})
    return response


PAGES = (
    Page("/sign-in", show, sign_in, public=True),
    Page("/sign-out", None, sign_out, public=True),
    Page("/language", None, speak, public=True),
)
