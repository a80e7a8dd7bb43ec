"""Signing in to the console, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.api.problems import STATUS
from emporion.errors import AccessDenied, Code, Problem
from emporion.web.pages import Page, safe_path

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.pages import PageRequest

SHOWN_AS_THEY_ARE = (Code.UNAUTHENTICATED, Code.LIMITED, Code.FORBIDDEN)


async def show(visit: PageRequest) -> Response:
    """The form; a user who is signed in goes on."""
    to = safe_path(visit.area, visit.parameters.get("to", ""))
    if visit.session:
        return visit.redirect(to)
    return await _form(visit, to)


async def sign_in(visit: PageRequest) -> Response:
    """Begin a session, and go on to the page that was asked for."""
    to = safe_path(visit.area, visit.form.text("to"))
    login, password = visit.form.text("login"), visit.form.typed("password")
    try:
        new = await visit.marketplace.sessions.begin_for_user(login, password, visit.origin, visit.agent)
    except AccessDenied as refused:
        if refused.code not in SHOWN_AS_THEY_ARE:
            raise
        visit.note(refused)
        return await _form(visit, to, login, refused)
    if visit.session:
        await visit.marketplace.sessions.end(visit.session)
    visit.sign_in(new)
    return visit.redirect(to)


async def sign_out(visit: PageRequest) -> Response:
    """End the session."""
    if visit.session:
        await visit.marketplace.sessions.end(visit.session)
    visit.sign_out()
    return visit.redirect(visit.area.path("/sign-in"), said="signed-out")


async def _form(visit: PageRequest, to: str, login: str = "", problem: Problem | None = None) -> Response:
    response = visit.render(
        "sign_in.html",
        STATUS[problem.code].value if problem else 200,
        to=to,
        values={"login": login},
        problem=problem.message if problem else None,
        sandbox=visit.area.site.sandbox,
    )
    response.headers.update(problem.headers if problem else {})
    return response


PAGES = (Page("/sign-in", show, sign_in, public=True), Page("/sign-out", None, sign_out, public=True))
