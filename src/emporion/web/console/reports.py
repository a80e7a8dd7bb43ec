"""Reports in the console: listed, asked for, followed until they are made, and downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from emporion import times
from emporion.api.problems import STATUS
from emporion.errors import Code, Fault, Problem
from emporion.events import Subject
from emporion.marketplace.resellers import decode as decode_reseller
from emporion.reports import REPORT_NAMES, Report, ReportQuery
from emporion.web.console.history import history_of
from emporion.web.console.lists import Action, ListColumn, ListFilter, ListView
from emporion.web.forms import by_field, faults_of, typed_values
from emporion.web.pages import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from emporion.web.forms import Form
    from emporion.web.pages import PageRequest

WORDS: dict[str, str] = {
    "submitted": "waiting",
    "processing": "being made",
    "completed": "ready",
    "error": "failed",
}
BADGES: dict[str, str] = {
    "submitted": "pending",
    "processing": "pending",
    "completed": "active",
    "error": "error",
}
FORMAT_CHOICES: dict[str, str] = {"csv": "CSV", "json": "JSON", "xlsx": "Excel (XLSX)", "xml": "XML"}
TYPE_CHOICES: dict[str, str] = {
    "onetime": "asked for once",
    "periodic": "periodic",
    "daily": "daily",
    "monthly": "monthly",
    "on_invoice": "with an invoice",
}
# What each report has.
CONTENTS = {
    "Charges": "Charges: what was charged in the period, or given back, with what you take and what you pay.",
    "Customers": "Customers: those who were created or changed in the period, as they are when the report is made.",
    "Events": "Events: what happened in the period, by whom, with what was before and after.",
    "Orders": "Orders: each line of the orders that were completed in the period.",
    "Subscriptions": "Subscriptions: each product of those that there were in the period, as they are now.",
}
A_DAY = "A day of UTC, such as 2026-09-01"
MEMBERS = ("name", "format", "startDate", "endDate")

decode = msgspec.json.Decoder(Report).decode

LIST = ListView(
    path="/reports",
    title="Reports",
    noun="report",
    document=Report,
    query=ReportQuery,
    page=lambda marketplace: marketplace.reports.page,
    columns=(
        ListColumn("Report", lambda report: report.name, "link"),
        ListColumn("Format", lambda report: FORMAT_CHOICES[report.format]),
        ListColumn("Status", lambda report: report.status, "badge", WORDS, BADGES),
        ListColumn("From", lambda report: times.instant(report.start_date), "date"),
        ListColumn("Until", lambda report: last_moment(report), "date"),
        ListColumn("Asked for", lambda report: times.instant(report.creation_date), "moment"),
    ),
    search=ListFilter("name", "Report"),
    choices=(
        ListFilter("status", "Status", tuple(WORDS.items())),
        ListFilter("format", "Format", tuple(FORMAT_CHOICES.items())),
    ),
    more=(
        ListFilter("from", "Asked for since", hint=A_DAY),
        ListFilter("to", "Asked for until", hint="This day is part of it"),
        ListFilter("type", "Occasion", tuple(TYPE_CHOICES.items())),
    ),
    empty="A report is a file of the customers or the events of a period. Users with the role editor or owner ask for "
    "one here, and your own systems over the API.",
    action=Action("New report", "/reports/new", "editor"),
)


async def new(visit: PageRequest) -> Response:
    """The form of a new report."""
    visit.actor.must_be("editor")
    return _form(visit, {}, [])


async def create(visit: PageRequest) -> Response:
    """Ask for a report; a worker makes it."""
    visit.actor.must_be("editor")
    try:
        item = await visit.marketplace.reports.create(visit.actor, _read(visit.form))
    except Problem as problem:
        typed = typed_values(visit.form)
        if problem.code is Code.CONFLICT:  # too many are to be made
            return _form(visit, typed, [], problem.message)
        return _form(visit, typed, [_in_days(fault) for fault in faults_of(problem)])
    return visit.redirect(f"/console/reports/{item.id}")


async def show(visit: PageRequest) -> Response:
    """A report: how far it has come, where its file is, and its history."""
    item = await visit.marketplace.reports.get(visit.actor, visit.path["id"])
    report = decode(item.document)
    found = await visit.marketplace.resellers.find(visit.actor, str(item.reseller_id))
    return visit.render(
        "report.html",
        report=report,
        reseller=decode_reseller(found.document),
        working=report.status in ("submitted", "processing"),
        start=times.instant(report.start_date),
        last=last_moment(report),
        created_at=times.instant(report.creation_date),
        file_query=(report.download_url or "").partition("?")[2],
        words=WORDS,
        badges=BADGES,
        formats=FORMAT_CHOICES,
        contents=CONTENTS,
        history=await history_of(visit, item.reseller_id, Subject("report", report.id)),
    )


def last_moment(report: Report) -> int | None:
    """The last millisecond of a report's period: that of its last day where it ends at a midnight."""
    end = times.instant(report.end_date or "")
    return None if end is None else end - 1


def _read(form: Form) -> dict[str, Any]:
    """What a form asks for, as the JSON of POST /reports. What is left empty is absent."""
    body = {member: text for member in MEMBERS if (text := form.text(member))}
    return {**body, "endDate": _end_of(body["endDate"])} if "endDate" in body else body


def _end_of(last_day: str) -> str:
    """When a period ends of which this is the last day; any other text as it is, for the API's own rule to tell."""
    end = times.next_day(last_day)
    try:
        return last_day if end is None else times.shown(end)
    except ValueError:  # the last day that there is
        return last_day


def _in_days(fault: Fault) -> Fault:
    """A fault of the period in the words of the form, which asks for days."""
    message = fault.message.replace("must be later than startDate", "must not be before the first day")
    return Fault(fault.field, message.replace("startDate", "the first day").replace("endDate", "the last day"))


def _form(visit: PageRequest, values: Mapping[str, str], faults: list[Fault], refusal: str = "") -> Response:
    """The form of a new report. refusal: why there can be none at the moment, whatever its fields."""
    return visit.render(
        "report_new.html",
        STATUS[Code.CONFLICT].value if refusal else STATUS[Code.INVALID].value if faults else 200,
        values=values,
        faults=by_field(faults),
        refusal=refusal,
        names=[(name, name) for name in REPORT_NAMES],
        formats=tuple(FORMAT_CHOICES.items()),
        contents=CONTENTS.values(),
    )


PAGES = (
    Page("/reports", LIST.show),
    Page("/reports/new", new, create),
    Page("/reports/{id}", show),
)
