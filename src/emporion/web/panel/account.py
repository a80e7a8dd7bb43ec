"""The account as its administrator sees it, and what they may change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from emporion.accounts.countries import COUNTRIES, country_has_states
from emporion.api.problems import STATUS
from emporion.errors import AccessDenied, Code, Fault, Problem
from emporion.web import i18n
from emporion.web.forms import PERSON, form_values, put, put_persons, read_address, typed_values, whole
from emporion.web.pages import Page
from emporion.web.panel import messages
from emporion.web.panel.sign_in import keep_language

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.pages import PageRequest


async def show(visit: PageRequest) -> Response:
    """The account in plain words."""
    return visit.render("account.html", customer=visit.visitor.customer, reseller=await _reseller(visit))


async def edit_address(visit: PageRequest) -> Response:
    """The form of the address and the language."""
    return _address_form(visit, form_values(to_builtins(visit.visitor.customer), visit.visitor.version), [])


async def change_address(visit: PageRequest) -> Response:
    """Change the address and the language."""
    form = visit.form.over(to_builtins(visit.visitor.customer))
    patch: dict[str, Any] = {"address": read_address(form)}
    put(patch, "language", form, "language")
    problem = await _change(visit, patch)
    if problem:
        return _address_form(visit, typed_values(form), problem.faults, moved=problem.code is Code.PRECONDITION_FAILED)
    response = visit.redirect("/panel", said="changed")
    if "language" in patch and (code := i18n.known(patch["language"])):
        keep_language(visit, response, code)
    return response


async def edit_contacts(visit: PageRequest) -> Response:
    """The form of the contacts."""
    return _contacts_form(visit, form_values(to_builtins(visit.visitor.customer), visit.visitor.version), [])


async def change_contacts(visit: PageRequest) -> Response:
    """Change the contacts, or show the form with one more or less."""
    form = visit.form.over(to_builtins(visit.visitor.customer))
    change = form.text("change")
    rows = form.rows("contactPersons", blank=bool(change))
    rows = [row for number, row in enumerate(rows) if number != whole(change)]
    values = typed_values(form, contactPersons=rows)
    if change:
        return _contacts_form(visit, values, [], more=change == "more")
    patch: dict[str, Any] = {}
    stays = put_persons(patch, form, rows, PERSON)
    problem = await _change(visit, patch, stays)
    if problem:
        return _contacts_form(visit, values, problem.faults, moved=problem.code is Code.PRECONDITION_FAILED)
    return visit.redirect("/panel", said="changed")


async def _change(visit: PageRequest, patch: dict[str, Any], stays: dict[int, int] | None = None) -> Problem | None:
    """Do it; the problem that the form can tell, if there is one. stays: which contacts do."""
    visitor = visit.visitor
    version = whole(visit.form.text("version"))
    expected = [] if version is None else [version]
    try:
        await visit.marketplace.customers.update_own(
            visitor.actor(visit.origin), visitor.administrator, patch, expected, stays
        )
    except Problem as problem:
        if isinstance(problem, AccessDenied) or problem.code not in (
            Code.INVALID,
            Code.CONFLICT,
            Code.PRECONDITION_FAILED,
        ):
            raise
        return problem
    return None


def _address_form(visit: PageRequest, values: dict[str, str], faults: Any, *, moved: bool = False) -> Response:
    country = values.get("address.countryCode", "")
    offered = [(code, i18n.language(code).name) for code in i18n.LANGUAGES]
    return visit.render(
        "address.html",
        _status(faults, moved=moved),
        values=values,
        faults=messages.told(faults, visit.language),
        moved=moved,
        countries=visit.language.countries(COUNTRIES),
        needs_state=country in COUNTRIES and country_has_states(country),
        offered=offered,
    )


def _contacts_form(
    visit: PageRequest, values: dict[str, str], faults: Any, *, moved: bool = False, more: bool = False
) -> Response:
    persons = len({path.partition("]")[0] for path in values if path.startswith("contactPersons[")})
    return visit.render(
        "contacts.html",
        _status(faults, moved=moved),
        values=values,
        faults=messages.told(faults, visit.language),
        moved=moved,
        persons=persons + more,
        own=str(visit.visitor.administrator.position),
        types=[(kind, visit.language.texts.gettext(text)) for kind, text in messages.CONTACT_TYPES.items()],
    )


def _status(faults: list[Fault], *, moved: bool) -> int:
    code = Code.PRECONDITION_FAILED if moved else Code.INVALID if faults else None
    return STATUS[code].value if code else 200


async def _reseller(visit: PageRequest) -> Any:
    return await visit.marketplace.resellers.above(visit.visitor.administrator)


PAGES = (
    Page("", show),
    Page("/address", edit_address, change_address),
    Page("/contacts", edit_contacts, change_contacts),
)
