"""Subscription keys in the console: made, limited, replaced and revoked, and how much came with each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem
from emporion.limits import UNLIMITED, Limit
from emporion.marketplace.subscription_keys import KeyName, subject_of
from emporion.settings import ApiVersion
from emporion.validation import read
from emporion.web.console.dashboard import picture
from emporion.web.console.history import history_of
from emporion.web.console.resellers import Owner, owner
from emporion.web.forms import by_field, faults_of, form_values, typed_values, whole
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.marketplace.subscription_keys import NewKey
    from emporion.store.subscription_keys import SubscriptionKey
    from emporion.web.forms import Form
    from emporion.web.pages import PageRequest

VERSIONS: tuple[ApiVersion, ...] = get_args(ApiVersion)
CHOICES = [(version, version) for version in VERSIONS]
NUMBERS = ("rate", "burst", "perDay")
MEMBERS = ("name", *NUMBERS, "apiVersion")
# Any number of requests that makes sense is below it.
HIGHEST_LIMIT = 1_000_000_000


class Wanted(NamedTuple):
    """What a form says of a key."""

    name: str
    limit: Limit
    api_version: str | None


async def show_all(visit: PageRequest) -> Response:
    """The keys of a reseller, those that are good first."""
    of = await owner(visit)
    keys = await visit.marketplace.subscription_keys.of(of.id)
    return visit.render(
        "keys.html",
        owner=of,
        keys=sorted(keys, key=lambda key: (key.revoked_at is not None, -key.created_at)),
        limits=limits,
    )


async def new(visit: PageRequest) -> Response:
    """The form of a new key."""
    visit.actor.must_be("owner")
    return _form(visit, await owner(visit), {}, {})


async def create(visit: PageRequest) -> Response:
    """A new key, shown this once."""
    visit.actor.must_be("owner")
    of = await owner(visit)
    wanted, faults = _read(visit.form)
    if faults:
        return _form(visit, of, typed_values(visit.form), faults)
    made = await visit.marketplace.subscription_keys.add(visit.actor, of.id, *wanted)
    return _secret(visit, of, made, "It is good from now on.")


async def show(visit: PageRequest) -> Response:
    """A key, with what came with it."""
    of, key = await _find(visit)
    return await _shown(visit, of, key, _values(key), {})


async def change(visit: PageRequest) -> Response:
    """Change a key's name, limits or pinned version."""
    visit.actor.must_be("owner")
    of, key = await _find(visit)
    form = visit.form.over(_kept(key))
    if form.text("version") != str(key.version):
        return await _shown(visit, of, key, typed_values(form), {}, moved=True)
    wanted, faults = _read(form)
    if faults:
        return await _shown(visit, of, key, typed_values(form), faults)
    try:
        await visit.marketplace.subscription_keys.change(
            visit.actor, key, name=wanted.name, limit=wanted.limit, api_version=wanted.api_version
        )
    except Problem as problem:
        if problem.code is not Code.PRECONDITION_FAILED:
            raise
        of, key = await _find(visit)
        return await _shown(visit, of, key, typed_values(form), {}, moved=True)
    return _redirect(visit, of, key, "changed")


async def revoke(visit: PageRequest) -> Response:
    """Revoke a key, once the user has confirmed it."""
    visit.actor.must_be("owner")
    of, key = await _find(visit)
    if not visit.form.text("revoke"):
        return await _shown(visit, of, key, _values(key), {"revoke": "Tick this to revoke the key."})
    await visit.marketplace.subscription_keys.revoke(visit.actor, key)
    return _redirect(visit, of, key, "revoked")


async def rotate(visit: PageRequest) -> Response:
    """A new key in the place of one, shown this once."""
    visit.actor.must_be("owner")
    of, key = await _find(visit)
    if not visit.form.text("rotate"):
        return await _shown(visit, of, key, _values(key), {"rotate": "Tick this to replace the key."})
    made = await visit.marketplace.subscription_keys.rotate(visit.actor, key)
    return _secret(visit, of, made, f"It is in the place of {key.id}, which is revoked.")


def limits(limit: Limit) -> str:
    """A key's limits in words."""
    told = [f"{limit.rate:,} a second"] if limit.rate else []
    told += [f"{limit.burst:,} at once"] if limit.burst else []
    told += [f"{limit.per_day:,} a day"] if limit.per_day else []
    return ", ".join(told) or "none"


async def _find(visit: PageRequest) -> tuple[Owner, SubscriptionKey]:
    """The key of the address, and whose it is. Raises Problem (NOT_FOUND) if the user does not reach it."""
    of = await owner(visit)
    return of, await visit.marketplace.subscription_keys.get(of.id, visit.path["id"])


def _read(form: Form) -> tuple[Wanted, dict[str, str]]:
    """What a form says, and what is wrong at its fields; one that was not touched is right."""
    name, version = form.text("name"), form.text("apiVersion")
    faults: list[Fault] = []
    if not form.before or form.is_touched("name"):  # the first keys of a platform have no name
        _, faults = read(KeyName, {"name": name} if name else {})
    numbers: list[int | None] = []
    for number in NUMBERS:
        text = form.text(number)
        numbers.append(_number(text) if form.is_touched(number) else whole(text))
        if text and numbers[-1] is None:
            faults.append(Fault(number, f"must be a whole number from 1 to {HIGHEST_LIMIT:,}, or empty"))
    if version and version not in VERSIONS and form.is_touched("apiVersion"):
        faults.append(Fault("apiVersion", f"must be one of {', '.join(VERSIONS)}"))
    limit = UNLIMITED
    try:
        limit = Limit(*numbers)
    except Problem as problem:
        # A rate that cannot be read is told already.
        faults += [fault for fault in faults_of(problem) if fault.field not in {known.field for known in faults}]
    return Wanted(name, limit, version or None), by_field(faults)


def _number(text: str) -> int | None:
    number = whole(text)
    return number if number and number <= HIGHEST_LIMIT else None


def _kept(key: SubscriptionKey) -> dict[str, object]:
    """What a key has that its form can change."""
    kept = (key.name, key.limit.rate, key.limit.burst, key.limit.per_day, key.api_version)
    return dict(zip(MEMBERS, kept, strict=True))


def _values(key: SubscriptionKey) -> dict[str, str]:
    """What the form of a key shows at first."""
    return form_values(_kept(key), str(key.version))


def _redirect(visit: PageRequest, of: Owner, key: SubscriptionKey, said: str) -> Response:
    whose = {} if of.is_own else {"resellerId": str(of.id)}
    return visit.redirect(f"/console/keys/{key.id}", **whose, said=said)


def _form(visit: PageRequest, of: Owner, values: dict[str, str], faults: dict[str, str]) -> Response:
    status = STATUS[Code.INVALID].value if faults else 200
    return visit.render("key_new.html", status, owner=of, values=values, faults=faults, versions=CHOICES)


async def _shown(
    visit: PageRequest,
    of: Owner,
    key: SubscriptionKey,
    values: dict[str, str],
    faults: dict[str, str],
    *,
    moved: bool = False,
) -> Response:
    usage = await visit.marketplace.statistics.of_key(visit.actor, of.id, key.id)
    return visit.render(
        "key.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faults else 200,
        owner=of,
        key=key,
        limits=limits(key.limit),
        usage=picture(visit, "Requests", "requests", {day.day: day.requests for day in usage}),
        values=values,
        faults=faults,
        moved=moved,
        versions=CHOICES,
        history=await history_of(visit, of.id, subject_of(key)),
    )


def _secret(visit: PageRequest, of: Owner, made: NewKey, note: str) -> Response:
    key = made.key
    return visit.render(
        "secret.html",
        area_page="Keys",
        title=f"The key {key.name}" if key.name else f"The key {key.id}",
        note=note,
        warning="It is shown only now: give it to the system that it is for, which sends it as X-Subscription-Key.",
        label="Subscription key",
        secret=made.secret,
        facts=[("Id", key.id), ("Limits", limits(key.limit))],
        back=f"/console/keys/{key.id}{of.query}",
        back_name="To the key",
    )


PAGES = (
    Page("/keys", show_all),
    Page("/keys/new", new, create),
    Page("/keys/{id}", show, change),
    Page("/keys/{id}/revoke", None, revoke),
    Page("/keys/{id}/rotate", None, rotate),
)
