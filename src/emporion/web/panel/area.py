"""The control panel as a whole: its pages, who gets in, and in which language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.api.problems import STATUS
from emporion.marketplace.sessions import Closed
from emporion.web import i18n
from emporion.web.pages import Area, Site
from emporion.web.panel import account, messages, passwords, purchases, sign_in
from emporion.web.user_agents import browser_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.errors import Problem
    from emporion.web.i18n import Language
    from emporion.web.pages import PageRequest

PAGES = (*sign_in.PAGES, *account.PAGES, *purchases.PAGES, *passwords.PAGES)


def panel(site: Site) -> Area:
    """The control panel."""
    site.templates.add(
        browser_of=browser_of, texts=messages, all_languages=[i18n.language(code) for code in i18n.LANGUAGES]
    )
    return Area("panel", PAGES, site, _enter, _speak, _refused)


async def _enter(visit: PageRequest) -> bool:
    """Whether an administrator is signed in."""
    found = await visit.marketplace.sessions.visitor(visit.secret) if not visit.is_new else None
    if found:
        visit.session, visit.visitor = found.session, found
    return found is not None


def _speak(visit: PageRequest) -> Language:
    """The language chosen here, else that of the account, else the one that the browser likes best."""
    of_account = visit.visitor.customer.language if visit.session else None
    code = i18n.known(visit.cookies.get(sign_in.LANGUAGE_COOKIE)) or i18n.known(of_account)
    header = visit.scope["named_headers"].get(b"accept-language", b"").decode("latin-1")
    return i18n.language(code or i18n.accepted(header))


async def _refused(visit: PageRequest, problem: Problem) -> Response | None:
    """An administrator with the right password of a closed account is told so, and whom to ask."""
    if not isinstance(problem, Closed):
        return None
    why = messages.STATUS_WORDS[problem.status] if problem.status else messages.SUSPENDED_ABOVE
    reseller = await visit.marketplace.resellers.above(problem.administrator)
    visit.sign_out()
    return visit.render("closed.html", STATUS[problem.code].value, why=why, reseller=reseller)
