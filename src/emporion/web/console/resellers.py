"""Resellers in the console: the tree of them, and each by itself; created, held and released."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import msgspec

from emporion.accounts.countries import COUNTRIES, country_has_states
from emporion.accounts.currencies import CURRENCIES
from emporion.accounts.queries import AccountQuery
from emporion.accounts.resellers import Reseller
from emporion.accounts.statuses import Status, status_changes
from emporion.api.problems import STATUS
from emporion.errors import Code, Problem
from emporion.marketplace.resellers import decode
from emporion.validation import read
from emporion.web.console.customers import read_customer, reason_of
from emporion.web.console.history import history_of
from emporion.web.console.members import LANGUAGES_OFFERED
from emporion.web.forms import by_field, faults_of, put
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from emporion.marketplace.actors import Actor
    from emporion.web.pages import PageRequest

# As many stand on one page; a tree that has no more is shown whole.
SHOWN = 300
# How deep a page goes, and how many are named on the way to where it begins.
DEEPEST = 5
NAMED = 4
# What becomes of a reseller with a status, where that is not what becomes of a customer.
MEANINGS: dict[Status, str] = {
    "pending": "added, not verified yet",
    "active": "may work and order",
    "creditHold": "a balance is unpaid",
    "adminHold": "held, and none of its users gets in",
    "cancelled": "over for good",
    "error": "verification failed",
}

decode_all = msgspec.json.Decoder(list[Reseller]).decode


class Owner(NamedTuple):
    """Whose keys or users a page shows. query: what its addresses end in."""

    id: int
    name: str
    is_own: bool
    query: str


class Node(NamedTuple):
    """A reseller in the tree. below: how many stand below it; nodes: those right below it that the page shows."""

    reseller: Reseller
    below: int
    nodes: list[Node]


async def owner(visit: PageRequest) -> Owner:
    """The reseller of the parameter `resellerId`, or the user's own. Raises Problem (NOT_FOUND)."""
    number = await _asked(visit, "resellerId")
    found = await visit.marketplace.resellers.find(visit.actor, str(number))
    is_own = number == visit.actor.account_id
    return Owner(number, decode(found.document).name, is_own, "" if is_own else f"?resellerId={number}")


async def show_all(visit: PageRequest) -> Response:
    """The tree below a reseller, or those whose names fit."""
    if visit.parameters.get("name"):
        return await _search(visit)
    root_id = await _asked(visit, "under")
    query, faults = read(AccountQuery, {"offset": visit.parameters.get("offset", "0")})
    offset = 0 if faults else query.offset
    found = await visit.marketplace.resellers.find(visit.actor, str(root_id))
    root = decode(found.document)
    part = await visit.marketplace.resellers.children(visit.actor, root_id, offset, SHOWN)
    nodes = [Node(decode(child.document), child.below, []) for child in part.children]
    below = len(nodes) + sum(node.below for node in nodes)
    if len(nodes) == part.total and len(nodes) < below < SHOWN:
        page = await visit.marketplace.resellers.page(visit.actor, AccountQuery(limit=SHOWN), root_id)
        nodes = tree(root.id, decode_all(page.data))
    return visit.render(
        "resellers.html",
        root_node=root,
        is_own=root_id == visit.actor.account_id,
        above=await _above(visit, root),
        nodes=nodes,
        found=None,
        name="",
        faults={},
        total=part.total,
        offset=offset,
        shown=len(part.children),
        newer=_page(offset - SHOWN, under=root.id) if offset else None,
        older=_page(offset + SHOWN, under=root.id) if offset + len(part.children) < part.total else None,
    )


async def _search(visit: PageRequest) -> Response:
    """A page of resellers by name, wherever they stand."""
    name = visit.parameters["name"]
    query, faults = read(AccountQuery, {"name": name, "limit": SHOWN, "offset": visit.parameters.get("offset", "0")})
    found: list[Reseller] = []
    total = offset = 0
    if not faults:
        page = await visit.marketplace.resellers.page(visit.actor, query)
        found, total, offset = decode_all(page.data), page.pagination.total, page.pagination.offset
    return visit.render(
        "resellers.html",
        400 if faults else 200,
        root_node=None,
        is_own=False,
        above=[],
        nodes=[],
        found=found,
        name=name,
        faults=by_field(faults),
        total=total,
        offset=offset,
        shown=len(found),
        newer=_page(offset - SHOWN, name=name) if offset else None,
        older=_page(offset + SHOWN, name=name) if offset + len(found) < total else None,
    )


async def show(visit: PageRequest) -> Response:
    """A reseller, with its history."""
    return await _shown(visit, {}, {})


async def change_status(visit: PageRequest) -> Response:
    """Hold a reseller, release it, or give it another status, with a reason for the log."""
    visit.actor.must_be("owner")
    status, reason = visit.form.text("status"), visit.form.text("reason")
    if status == "cancelled" and not visit.form.text("sure"):
        faults = {"sure": "Tick this to cancel: it cannot be taken back."}
        return await _shown(visit, {"status": status, "otherReason": reason}, faults)
    try:
        record = await visit.marketplace.resellers.update(
            visit.actor, visit.path["id"], {"status": status}, reason=reason_of(visit.form)
        )
    except Problem as problem:
        return await _shown(visit, {"status": status, "otherReason": reason}, by_field(faults_of(problem)))
    return visit.redirect(f"/console/resellers/{record.id}", said="changed")


async def new(visit: PageRequest) -> Response:
    """The form of a new reseller."""
    visit.actor.must_be("owner")
    parent_id = await _asked(visit, "under")
    values = {"language": "en", "contactPersons[0].type": "admin", "under": str(parent_id)}
    return await _form(visit, values, {})


async def create(visit: PageRequest) -> Response:
    """A new reseller, below the one of the parameter `under`."""
    visit.actor.must_be("owner")
    parent_id = await _asked(visit, "under")
    sent = read_customer(visit.form)
    body = sent.body
    put(body, "currency", visit.form, "currency")
    if visit.form.text("active"):
        body["status"] = "active"
    try:
        record = await visit.marketplace.resellers.create(visit.actor, body, parent_id=parent_id)
    except Problem as problem:
        return await _form(visit, {**sent.values, "under": str(parent_id)}, by_field(faults_of(problem)))
    return visit.redirect(f"/console/resellers/{record.id}", said="created")


def tree(root_id: str, resellers: Sequence[Reseller]) -> list[Node]:
    """Those below a reseller, newest first on each level, down to DEEPEST."""
    by_parent: dict[str | None, list[Reseller]] = {}
    for reseller in resellers:
        by_parent.setdefault(reseller.reseller_id, []).append(reseller)
    return _nodes(root_id, by_parent, _sizes(root_id, by_parent), DEEPEST)


def _nodes(
    parent_id: str, by_parent: Mapping[str | None, list[Reseller]], sizes: Mapping[str, int], levels: int
) -> list[Node]:
    return [
        Node(reseller, sizes[reseller.id], _nodes(reseller.id, by_parent, sizes, levels - 1) if levels > 1 else [])
        for reseller in by_parent.get(parent_id, ())
    ]


def _sizes(root_id: str, by_parent: Mapping[str | None, list[Reseller]]) -> dict[str, int]:
    """How many stand below each; without recursion, since a tree may be deeper than Python goes."""
    order = list(by_parent.get(root_id, ()))
    for reseller in order:  # it grows on the way
        order += by_parent.get(reseller.id, ())
    sizes = dict.fromkeys((reseller.id for reseller in order), 0)
    for reseller in reversed(order):
        if reseller.reseller_id in sizes:
            sizes[reseller.reseller_id] += sizes[reseller.id] + 1
    return sizes


async def _asked(visit: PageRequest, parameter: str) -> int:
    """The reseller that a parameter names, or the user's own. Raises Problem (NOT_FOUND)."""
    asked = visit.parameters.get(parameter)
    return await visit.marketplace.resellers.reached(visit.actor, asked) if asked else visit.actor.account_id


async def _above(visit: PageRequest, reseller: Reseller) -> list[Reseller]:
    """Those above a reseller that the user reaches, at most NAMED, the one right above it last."""
    above: list[Reseller] = []
    while reseller.id != str(visit.actor.account_id) and reseller.reseller_id and len(above) < NAMED:
        found = await visit.marketplace.resellers.find(visit.actor, reseller.reseller_id)
        reseller = decode(found.document)
        above.append(reseller)
    return above[::-1]


def _page(offset: int, **parameters: str) -> str:
    return urlencode({**parameters, "offset": str(max(0, offset))})


def may_change(actor: Actor, reseller: Reseller) -> list[Status]:
    """Which statuses the user can give the reseller."""
    if actor.role != "owner" or reseller.id == str(actor.account_id):
        return []
    return status_changes(reseller.status, operator=actor.is_operator)


async def _shown(visit: PageRequest, values: dict[str, str], faults: dict[str, str]) -> Response:
    resellers = visit.marketplace.resellers
    number = await resellers.reached(visit.actor, visit.path["id"])
    found = await resellers.find(visit.actor, str(number))
    reseller = decode(found.document)
    below = await resellers.page(visit.actor, AccountQuery(limit=1), number)
    return visit.render(
        "reseller.html",
        STATUS[Code.INVALID].value if faults else 200,
        reseller=reseller,
        is_own=number == visit.actor.account_id,
        below=below.pagination.total - 1,
        meaning=MEANINGS,
        may=may_change(visit.actor, reseller),
        values=values,
        faults=faults,
        history=await history_of(visit, number, number),
    )


async def _form(visit: PageRequest, values: dict[str, str], faults: dict[str, str]) -> Response:
    parent = decode((await visit.marketplace.resellers.find(visit.actor, values["under"])).document)
    country = values.get("address.countryCode", "")
    return visit.render(
        "reseller_new.html",
        STATUS[Code.INVALID].value if faults else 200,
        parent=parent,
        is_own=parent.id == str(visit.actor.account_id),
        values=values,
        faults=faults,
        others={name: message for name, message in faults.items() if name in ("contactPersons", "address", "status")},
        countries=visit.language.countries(COUNTRIES),
        currencies=[(code, code) for code in CURRENCIES],
        needs_state=country in COUNTRIES and country_has_states(country),
        languages=LANGUAGES_OFFERED,
    )


PAGES = (
    Page("/resellers", show_all),
    Page("/resellers/new", new, create),
    Page("/resellers/{id}", show),
    Page("/resellers/{id}/status", None, change_status),
)
