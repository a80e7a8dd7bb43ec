"""Passwords and sign-ins: changed by the administrator who is signed in, or set by a one-time link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.api.problems import STATUS
from emporion.errors import AccessDenied, Code, Fault, Problem
from emporion.web.pages import Page
from emporion.web.panel import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from emporion.web.pages import PageRequest

SHOWN = 20


async def show(visit: PageRequest) -> Response:
    """The form of a new password."""
    return _form(visit, "password.html", [])


async def change(visit: PageRequest) -> Response:
    """Change the password; all other sessions are over."""
    faults = _typed_twice(visit)
    if faults:
        return _form(visit, "password.html", faults)
    old, new = visit.form.typed("old"), visit.form.typed("new")
    try:
        session = await visit.marketplace.sessions.change_password(visit.visitor, old, new, visit.origin, visit.agent)
    except Problem as problem:
        if problem.code is not Code.INVALID:
            raise
        return _form(visit, "password.html", problem.faults)
    visit.sign_in(session)
    return visit.redirect("/panel", said="password")


async def sign_ins(visit: PageRequest) -> Response:
    """The last sign-ins, and which of them are still open."""
    sessions = visit.marketplace.sessions
    this = visit.visitor.session
    recent = await sessions.recent(this)
    is_open = {session.digest for session in recent if sessions.is_open(session, this.proof)}
    return visit.render("sign_ins.html", recent=recent, is_open=is_open, here=this.digest)


async def end_others(visit: PageRequest) -> Response:
    """End all sessions but this one."""
    await visit.marketplace.sessions.end_others(visit.visitor.session)
    return visit.redirect("/panel/sign-ins", said="ended")


async def show_link(visit: PageRequest) -> Response:
    """The form behind a one-time link; only sending it uses the link up."""
    try:
        _, administrator = await visit.marketplace.links.find(visit.parameters.get("code", ""))
    except Problem as problem:
        return _bad_link(visit, problem)
    return _form(visit, "link.html", [], login=administrator.login, code=visit.parameters["code"])


async def use_link(visit: PageRequest) -> Response:
    """Set the password, and sign in."""
    code = visit.form.typed("code")
    links = visit.marketplace.links
    try:
        _, administrator = await links.find(code)
        faults: Sequence[Fault] = _typed_twice(visit)
        if not faults:
            administrator = await links.use(code, visit.form.typed("new"), visit.origin)
    except AccessDenied:
        raise
    except Problem as problem:
        if problem.code is Code.NOT_FOUND:
            return _bad_link(visit, problem)
        if problem.code is not Code.INVALID:
            raise
        faults = problem.faults
    if faults:
        return _form(visit, "link.html", faults, login=administrator.login, code=code)
    if visit.session:
        await visit.marketplace.sessions.end(visit.session)
    visit.sign_in(await visit.marketplace.sessions.begin(administrator, visit.origin, visit.agent))
    return visit.redirect("/panel", said="welcome")


def _typed_twice(visit: PageRequest) -> list[Fault]:
    same = visit.form.typed("new") == visit.form.typed("again")
    return [] if same else [Fault("again", messages.DIFFERENT)]


def _form(visit: PageRequest, template: str, faults: Sequence[Fault], **values: str) -> Response:
    status = STATUS[Code.INVALID].value if faults else 200
    return visit.render(template, status, faults=messages.told(faults, visit.language), moved=False, **values)


def _bad_link(visit: PageRequest, problem: Problem) -> Response:
    if problem.code is not Code.NOT_FOUND:
        raise problem
    return visit.render("bad_link.html", STATUS[Code.NOT_FOUND].value, told=messages.BAD_LINK)


PAGES = (
    Page("/password", show, change),
    Page("/sign-ins", sign_ins, end_others),
    Page("/link", show_link, use_link, public=True),
)
