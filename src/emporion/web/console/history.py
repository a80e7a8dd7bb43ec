"""The history of an account, as a timeline with what was before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emporion.accounts.documents import NEVER_SHOWN
from emporion.accounts.ids import PROVIDER_ID
from emporion.web.forms import whole

if TYPE_CHECKING:
    from emporion.events import Event, EventType, Subject
    from emporion.web.pages import PageRequest

SHOWN = 20
WORDS = {
    "customer.created": "Created",
    "customer.updated": "Changed",
    "customer.verified": "Verified",
    "reseller.created": "Created",
    "reseller.updated": "Changed",
    "reseller.verified": "Verified",
    "user.created": "User added",
    "user.updated": "User changed",
    "key.created": "Key added",
    "key.updated": "Key changed",
    "client.created": "OAuth client added",
    "client.updated": "OAuth client changed",
    "link.created": "One-time link made",
    "report.created": "Report asked for",
    "report.completed": "Report made",
    "report.failed": "Report failed",
    "order.created": "Placed",
    "order.updated": "Moved on",
    "order.completed": "Done",
    "order.failed": "Failed",
    "order.cancelled": "Cancelled",
    "subscription.created": "Ordered",
    "subscription.updated": "Changed",
    "subscription.activated": "Provided",
    "subscription.terminated": "Ended",
    "subscription.removed": "Removed",
    "price.created": "Price set",
    "price.updated": "Price changed",
    "access.refused": "Refused",
    "platform.updated": "Platform changed",
}
# Those whose name the reader does not get, by the account that they act for.
_UNNAMED = {None: "a user", PROVIDER_ID: "the operator"}
# Lists are shown with one line for each of their members.
MOST_LINES = 40


class Line(NamedTuple):
    """A member that changed. before, after: None where it was absent."""

    path: str
    before: str | None
    after: str | None


class Moment(NamedTuple):
    """An entry of the history."""

    event: Event
    what: str
    who: str
    lines: list[Line]
    reason: str | None


class History(NamedTuple):
    """Entries, newest first. older: the parameter for those before, None if there are none."""

    moments: list[Moment]
    older: int | None


async def history_of(visit: PageRequest, reseller_id: int, about: int | Subject) -> History:
    """What happened to an account that the actor reaches, or to something of a reseller, by the parameter `before`."""
    before = whole(visit.parameters.get("before", ""))
    logbook = visit.marketplace.events
    if isinstance(about, int):
        news = await logbook.history(visit.actor, reseller_id, about, before, SHOWN)
    else:
        news = await logbook.history_of(visit.actor, reseller_id, about, before, SHOWN)
    moments = [_moment(entry.event, about) for entry in news.entries]
    return History(moments, news.after if news.more else None)


def _moment(event: Event, about: int | Subject) -> Moment:
    changes = dict(event.changes)
    _, reason = changes.pop("status.reason", (None, None))
    lines = [line for path, (old, new) in changes.items() for line in _lines(path, old, new)]
    # On its own page a reader need not be told which one it was.
    own = not isinstance(about, int) and event.reason == f"{about.type} {about.id}"
    told = str(reason) if reason else None if own else event.reason
    return Moment(event, words_of(event.type), _who(event), lines[:MOST_LINES], told)


def _who(event: Event) -> str:
    origin = event.origin
    if origin.source == "worker":
        return "the platform"
    return f"{origin.user or _UNNAMED.get(origin.account_id, 'a user above')}, {origin.source}"


def _lines(path: str, old: object, new: object) -> list[Line]:
    """One line for each text that differs; within lists each member has its own."""
    if isinstance(old, list | dict) or isinstance(new, list | dict):
        inner: list[Line] = []
        for name in _names(old, new):
            inside = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}"
            inner += _lines(inside, _at(old, name), _at(new, name))
        return inner
    return [] if old == new and old != NEVER_SHOWN else [Line(path, _text(old), _text(new))]


def _names(old: object, new: object) -> list[int | str]:
    names: dict[int | str, None] = {}
    for value in (old, new):
        if isinstance(value, list):
            names |= dict.fromkeys(range(len(value)))
        elif isinstance(value, dict):
            names |= dict.fromkeys(value)
    return list(names)


def _at(value: object, name: int | str) -> object:
    if isinstance(value, list) and isinstance(name, int):
        return value[name] if name < len(value) else None
    return value.get(name) if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    if value is None:
        return None
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def words_of(type_: EventType) -> str:
    """What happened, in words."""
    noun, _, what = type_.partition(".")
    return WORDS.get(type_) or f"{noun.capitalize()} {what}"
