"""The console as a whole: its pages, and who gets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emporion.accounts.countries import country_has_states
from emporion.accounts.statuses import STATUS_MEANINGS
from emporion.errors import AccessDenied
from emporion.fair_semaphore import ACCOUNT
from emporion.web import i18n
from emporion.web.console import (
    catalogue,
    customers,
    dashboard,
    imports,
    keys,
    order_decisions,
    order_new,
    orders,
    plans,
    prices,
    prices_many,
    products,
    reports,
    resellers,
    search,
    sign_in,
    subscription_orders,
    subscriptions,
    users,
)
from emporion.web.console.navigation import navigation
from emporion.web.pages import Area, Site

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.errors import Problem
    from emporion.web.i18n import Language
    from emporion.web.pages import PageRequest

PAGES = (
    *sign_in.PAGES,
    *dashboard.PAGES,
    *search.PAGES,
    *customers.PAGES,
    *order_new.PAGES,
    *order_decisions.PAGES,
    *orders.PAGES,
    *subscriptions.PAGES,
    *subscription_orders.PAGES,
    *catalogue.PAGES,
    *plans.PAGES,
    *products.PAGES,
    *prices.PAGES,
    *prices_many.PAGES,
    *imports.PAGES,
    *reports.PAGES,
    *resellers.PAGES,
    *keys.PAGES,
    *users.PAGES,
)

# What is told after something was done, by the parameter `said`.
NOTES = {
    "created": "It was created.",
    "changed": "Your changes are saved.",
    "signed-out": "You are signed out.",
    "revoked": "It is revoked for good.",
    "started": "The file was taken; it is being checked.",
    "ordered": "The order is placed.",
    "approved": "The order is approved.",
    "failed": "The order has failed, with your reason.",
    "retried": "The order is tried again.",
    "cancelled": "The order is cancelled.",
    "applied": "The catalogue is now as the file has it.",
    "priced": "The price is set.",
    "all-priced": "The prices are set.",
    "unpriced": "The price of your own is gone; the catalogue's counts again.",
}


def console(site: Site) -> Area:
    """The console."""
    site.templates.add(navigation=navigation, notes=NOTES, meanings=STATUS_MEANINGS, has_states=country_has_states)
    return Area("console", PAGES, site, _enter, _speak, _refused)


async def _enter(visit: PageRequest) -> bool:
    """Whether an API user is signed in."""
    found = await visit.marketplace.sessions.user(visit.secret, visit.origin) if not visit.is_new else None
    if found:
        visit.session, visit.actor = found
        ACCOUNT.set(visit.actor.account_id)
    return found is not None


def _speak(visit: PageRequest) -> Language:  # noqa: ARG001 - users of the console read the API, too
    return i18n.language("en")


async def _refused(visit: PageRequest, problem: Problem) -> Response | None:
    """A user who is shut out can sign in as another."""
    if isinstance(problem, AccessDenied) and not visit.session:
        visit.sign_out()
    return None
