"""Customers in the console: found, shown, created and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args
from urllib.parse import urlencode

import msgspec
from msgspec import to_builtins

from emporion.accounts.contacts import ContactType
from emporion.accounts.countries import COUNTRIES, country_has_states
from emporion.accounts.customers import Customer, CustomerSummary
from emporion.accounts.queries import CustomerSearch
from emporion.accounts.statuses import Status, StatusReason, status_changes
from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.marketplace.customers import decode
from emporion.validation import read
from emporion.web.console.history import history_of
from emporion.web.console.members import LANGUAGES_OFFERED
from emporion.web.forms import (
    PERSON,
    FormRow,
    at_rows,
    by_field,
    faults_of,
    form_values,
    name_faults,
    put,
    put_attributes,
    put_persons,
    read_address,
    typed_values,
    whole,
)
from emporion.web.pages import Page

if TYPE_CHECKING:
    from starlette.responses import Response

    from emporion.web.forms import Form
    from emporion.web.pages import PageRequest

SHOWN = 25

decode_list = msgspec.json.Decoder(list[CustomerSummary]).decode
# What a form has of a customer that is neither a list nor its address.
MEMBERS = ("name", "externalId", "taxRegId", "language")
# What an administrator's form has beyond that of a person.
CREDENTIALS = ("login", "password")
BLANK = FormRow({"type": "admin"}, {"type": "admin"}, None)


class SentForm(NamedTuple):
    """A customer's form: the JSON that it stands for, and what was typed, to show it again.

    stays: which contact persons were there before, position after → position before. attributes: their rows.
    """

    body: dict[str, Any]
    values: dict[str, str]
    stays: dict[int, int]
    attributes: list[FormRow]

    def check(self) -> None:
        """Raise Problem (INVALID) for what the JSON cannot tell."""
        if faults := name_faults(self.attributes):
            raise_invalid(faults)

    def faults(self, problem: Problem) -> list[Fault]:
        """What the form can tell at its fields. Raises the problem if it is another one."""
        return at_rows(faults_of(problem), self.attributes)


async def show_all(visit: PageRequest) -> Response:
    """A page of customers, by the parameters of GET /customers and a status."""
    asked = {name: value for name, value in visit.parameters.items() if name in CustomerSearch.__struct_encode_fields__}
    query, faults = read(CustomerSearch, {"limit": SHOWN, **asked})
    values = dict(asked)
    customers: list[CustomerSummary] = []
    total = offset = 0
    if not faults:
        try:
            page = await visit.marketplace.customers.page(visit.actor, query, whole=False)
            customers, total, offset = decode_list(page.data), page.pagination.total, page.pagination.offset
        except Problem as problem:
            if problem.code not in (Code.INVALID, Code.NOT_FOUND):
                raise
            faults = list(problem.faults) or [Fault("resellerId", "is no reseller of yours")]
    filters = {name: value for name, value in asked.items() if name not in ("offset", "limit")}
    return visit.render(
        "customers.html",
        400 if faults else 200,
        customers=customers,
        total=total,
        offset=offset,
        values=values,
        faults=by_field(faults),
        statuses=get_args(Status),
        searching=bool(filters),
        more=not filters.keys() <= {"name", "status"},
        query=urlencode(filters),
        newer=_page(asked, max(0, offset - SHOWN)) if offset else None,
        older=_page(asked, offset + len(customers)) if offset + len(customers) < total else None,
    )


def _page(asked: dict[str, str], offset: int) -> str:
    return urlencode({**asked, "offset": str(offset)} if offset else {**asked, "offset": "0"})


async def show(visit: PageRequest) -> Response:
    """A customer, with its history."""
    customer, version = await _find(visit)
    owner, number = await visit.marketplace.customers.owner(visit.actor, customer.id)
    return visit.render(
        "customer.html",
        customer=customer,
        version=version,
        may=status_changes(customer.status, operator=visit.actor.is_operator),
        history=await history_of(visit, owner, number),
    )


async def new(visit: PageRequest) -> Response:
    """The form of a new customer."""
    visit.actor.must_be("editor")
    values = {"language": "en", "contactPersons[0].type": "admin", "resellerId": visit.parameters.get("resellerId", "")}
    return _form(visit, values, [], None)


async def create(visit: PageRequest) -> Response:
    """A new customer."""
    visit.actor.must_be("editor")
    if visit.form.text("change"):
        return _changed_rows(visit, None)
    sent = read_customer(visit.form)
    reseller = visit.form.text("resellerId")
    if visit.form.text("active"):
        sent.body["status"] = "active"
    try:
        sent.check()
        owner = await visit.marketplace.resellers.reached(visit.actor, reseller) if reseller else None
        record = await visit.marketplace.customers.create(visit.actor, sent.body, owner)
    except Problem as problem:
        if problem.code is Code.NOT_FOUND:
            problem = Problem(Code.INVALID, "", [Fault("resellerId", "is no reseller of yours")])
        return _form(visit, sent.values, sent.faults(problem), None)
    return visit.redirect(f"/console/customers/{record.id}", said="created")


async def edit(visit: PageRequest) -> Response:
    """The form of a customer that is there."""
    visit.actor.must_be("editor")
    customer, version = await _find(visit)
    return _form(visit, form_values(to_builtins(customer), version), [], customer)


async def change(visit: PageRequest) -> Response:
    """Change a customer as its form has it, unless another user has changed it since the form was opened."""
    visit.actor.must_be("editor")
    customer, _ = await _find(visit)
    if visit.form.text("change"):
        return _changed_rows(visit, customer)
    sent = read_customer(visit.form.over(to_builtins(customer)))
    version = whole(visit.form.text("version"))
    try:
        sent.check()
        await visit.marketplace.customers.update(
            visit.actor,
            customer.id,
            sent.body,
            [] if version is None else [version],
            sent.stays,
        )
    except Problem as problem:
        if problem.code is Code.PRECONDITION_FAILED:
            return _form(visit, sent.values, [], customer, moved=True)
        return _form(visit, sent.values, sent.faults(problem), customer)
    return visit.redirect(f"/console/customers/{customer.id}", said="changed")


async def change_status(visit: PageRequest) -> Response:
    """Change a customer's status, with a reason for the log."""
    record = await visit.marketplace.customers.update(
        visit.actor, visit.path["id"], {"status": visit.form.text("status")}, reason=reason_of(visit.form)
    )
    return visit.redirect(f"/console/customers/{record.id}", said="changed")


def reason_of(form: Form) -> str | None:
    """The reason that a form gives for a change of the status. Raises Problem (INVALID)."""
    text = form.text("reason")
    given, faults = read(StatusReason, {"reason": text} if text.strip() else {})
    if faults:
        raise_invalid(faults)
    return given.reason


async def make_link(visit: PageRequest) -> Response:
    """A one-time link for an administrator, shown this once."""
    visit.actor.must_be("editor")
    position = whole(visit.form.text("position"))
    if position is None:
        raise not_found("there is no such contact person")
    made = await visit.marketplace.links.make(visit.actor, visit.path["id"], position)
    customer, _ = await _find(visit)
    if position >= len(customer.contact_persons):
        raise not_found("the contact person was removed at the same moment")
    return visit.render(
        "link.html",
        customer=customer,
        person=customer.contact_persons[position],
        login=made.link.login,
        address=f"{visit.base}/panel/link?code={made.secret}",
        ends_at=made.link.ends_at,
    )


def read_customer(form: Form) -> SentForm:
    """What a form changes of a customer, all of a new one."""
    body: dict[str, Any] = {}
    for name in MEMBERS:
        put(body, name, form, name)
    body["address"] = read_address(form)
    # Where all are blank, what is missing must be told at the fields of the first.
    persons = form.rows("contactPersons") or [BLANK]
    stays = put_persons(body, form, persons, (*PERSON, *CREDENTIALS))
    attributes = form.rows("attributes")
    put_attributes(body, form, attributes)
    return SentForm(body, typed_values(form, contactPersons=persons, attributes=attributes), stays, attributes)


def _changed_rows(visit: PageRequest, customer: Customer | None) -> Response:
    """The form once more, with a row more or less."""
    what, _, number = visit.form.text("change").partition(" ")
    rows = {name: visit.form.rows(name, blank=True) for name in ("contactPersons", "attributes")}
    if what in rows:
        rows[what] = [row for at, row in enumerate(rows[what]) if at != whole(number)]
    more = what if what in rows and number == "more" else ""
    return _form(visit, typed_values(visit.form, **rows), [], customer, more=more)


def _form(
    visit: PageRequest,
    values: dict[str, str],
    faults: list[Fault],
    customer: Customer | None,
    *,
    moved: bool = False,
    more: str = "",
) -> Response:
    persons = _count(values, "contactPersons") + (more == "contactPersons")
    attributes = _count(values, "attributes") + (more == "attributes")
    told = by_field(faults)
    country = values.get("address.countryCode", "")
    return visit.render(
        "customer_form.html",
        STATUS[Code.CONFLICT].value if moved else STATUS[Code.INVALID].value if faults else 200,
        customer=customer,
        values=values,
        faults=told,
        # Those that belong to no field of the form.
        others={name: message for name, message in told.items() if name in ("contactPersons", "attributes", "address")},
        moved=moved,
        persons=max(persons, 1),
        attributes=attributes,
        countries=visit.language.countries(COUNTRIES),
        needs_state=bool(country) and country in COUNTRIES and country_has_states(country),
        languages=LANGUAGES_OFFERED,
        types=get_args(ContactType),
    )


def _count(values: dict[str, str], name: str) -> int:
    return len({path.partition("]")[0] for path in values if path.startswith(f"{name}[")})


async def _find(visit: PageRequest) -> tuple[Customer, int]:
    found = await visit.marketplace.customers.find(visit.actor, visit.path["id"])
    return decode(found.document), found.version


PAGES = (
    Page("/customers", show_all),
    Page("/customers/new", new, create),
    Page("/customers/{id}", show),
    Page("/customers/{id}/edit", edit, change),
    Page("/customers/{id}/status", None, change_status),
    Page("/customers/{id}/link", None, make_link),
)
