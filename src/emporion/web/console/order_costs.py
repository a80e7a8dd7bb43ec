"""What an order would cost, told before it is placed, and nothing else than what was told is ordered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import structs

from emporion.errors import AccessDenied, Code, Fault, Problem
from emporion.marketplace.idempotency import encode
from emporion.web.console.selling import CHARGES, now_words, summary_words
from emporion.web.forms import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emporion.marketplace.orders import PreviewedOrder
    from emporion.money import Amount
    from emporion.orders.shown import OrderDetail
    from emporion.store.collections import Item
    from emporion.web.forms import Form
    from emporion.web.i18n import Language
    from emporion.web.pages import PageRequest

CHANGED_COSTS = "What it costs has changed since you saw it, so nothing was ordered yet. Look at it again."
MOVED_ON = (
    "The subscription was changed by another user or by the platform since you opened the form, so nothing was ordered."
)


class ToldCosts(NamedTuple):
    """What an order would cost. sentences: each subscription in plain words. seen: what tells this from other costs."""

    sentences: list[str]
    now: str
    total: Amount
    details: Sequence[OrderDetail]
    seen: str
    estimate_id: str
    kinds: dict[str, str] = CHARGES


class Estimated(NamedTuple):
    """What came of asking what an order would cost: costs, or what is in the way. moved: the version that the form has
    is not the last one."""

    costs: ToldCosts | None = None
    faults: list[Fault] = []  # noqa: RUF012 - none is ever added
    refusal: str = ""
    item: Item | None = None
    moved: bool = False


async def estimate(visit: PageRequest, body: dict[str, Any]) -> Estimated:
    """What an order would cost. Raises Problem for what a form cannot tell."""
    try:
        return Estimated(_told(visit.language, await visit.marketplace.orders.preview(visit.actor, body)))
    except Problem as problem:
        return _told_problem(problem)


async def order(visit: PageRequest, body: dict[str, Any]) -> Estimated:
    """Place an order that costs what the form has told, once however often the form is sent; with its item if it is."""
    estimated = await estimate(visit, body)
    if not estimated.costs:
        return estimated
    seen = visit.form.text("seen")
    if seen and seen != estimated.costs.seen:
        return estimated._replace(refusal=CHANGED_COSTS)
    version = whole(visit.form.text("version"))
    try:
        with visit.marketplace.idempotency.once(visit.actor, "POST /orders", once_key(visit.form, body), body) as once:
            item = await visit.marketplace.orders.place(
                visit.actor,
                {**body, "estimateId": estimated.costs.estimate_id},
                once,
                None if version is None else [version],
            )
    except Problem as problem:
        if problem.code is Code.PRECONDITION_FAILED:
            return estimated._replace(refusal=MOVED_ON, moved=True)
        return _told_problem(problem)
    return estimated._replace(item=item)


def once_key(form: Form, body: dict[str, Any]) -> str | None:
    """The key that makes an order be placed once from a form; another one for another order from the same form."""
    key = form.text("once")
    return f"console {key} {hashlib.sha256(encode(body)).hexdigest()}" if key else None


def _told(language: Language, previewed: PreviewedOrder) -> ToldCosts:
    shown = previewed.estimate
    single = len(previewed.after) == 1
    return ToldCosts(
        [summary_words(language, one, shown.total if single else None) for one in previewed.after],
        now_words(language, shown.total),
        shown.total,
        shown.details or [],
        _seen(previewed),
        shown.estimate_id or "",
    )


def _seen(previewed: PreviewedOrder) -> str:
    costs = structs.replace(previewed.estimate, estimate_id=None, po_number=None, attributes=None)
    return hashlib.sha256(msgspec.json.encode([costs, previewed.after])).hexdigest()[:32]


def _told_problem(problem: Problem) -> Estimated:
    if isinstance(problem, AccessDenied) or problem.code not in (Code.INVALID, Code.CONFLICT):
        raise problem
    if problem.code is Code.CONFLICT or not problem.faults:
        return Estimated(refusal=problem.message)
    return Estimated(faults=list(problem.faults))
