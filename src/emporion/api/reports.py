"""GET and POST /reports, GET /reports/{reportId}, and the files of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from emporion.api.collections import Noun, create_operation, get_operation, list_operation
from emporion.api.problems import method_not_allowed
from emporion.errors import Code, Fault, Problem
from emporion.report_formats import MEDIA_TYPES
from emporion.reports import REPORT_NAMES, NewReport, Report, ReportPage, ReportQuery
from emporion.store.faults import too_many_reports
from emporion.store.reports import MOST_UNFINISHED

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from emporion.marketplace import Marketplace

EXAMPLE: dict[str, Any] = {
    "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
    "name": "Customers",
    "status": "completed",
    "type": "onetime",
    "format": "csv",
    "creationDate": "2026-10-01T08:00:00Z",
    "startDate": "2026-09-01T00:00:00Z",
    "endDate": "2026-10-01T00:00:00Z",
    "downloadUrl": "https://api.example.com/reports/f40c942d-ebec-41b9-b604-5ed9ffb6d4f2/file?expires=1790928000&key=9f",
}
NEW = {name: value for name, value in EXAMPLE.items() if name != "downloadUrl"} | {"status": "submitted"}
REPORT = Noun("/reports", "Report Management", "report", Report, EXAMPLE)
NAME_FAULT = Fault("name", f"must be one of {', '.join(REPORT_NAMES)}")
STATUS_FAULT = Fault("status", "must be one of submitted, processing, completed, error")


def _invalid(fault: Fault) -> Problem:
    return Problem(Code.INVALID, f"{fault.field} {fault.message}", [fault])


OPERATIONS = (
    list_operation(
        REPORT,
        "getReports",
        "Get a list of reports",
        "The reports of your account and of all resellers below it, newest first. Filters combine with and.",
        lambda marketplace: marketplace.reports.page,
        query=ReportQuery,
        answer=ReportPage,
        invalid=_invalid(STATUS_FAULT),
    ),
    create_operation(
        REPORT,
        "createReport",
        "Ask for a report",
        "A report about your account and all resellers below it: "
        f"{', '.join(REPORT_NAMES[:-1])} or {REPORT_NAMES[-1]}. It is made soon after; "
        "its `downloadUrl` is there once its status is `completed`.",
        lambda marketplace: marketplace.reports.create,
        body=NewReport,
        request_example={name: EXAMPLE[name] for name in ("name", "startDate", "endDate", "format")},
        answer_example=NEW,
        invalid=_invalid(NAME_FAULT),
        conflict=too_many_reports(MOST_UNFINISHED),
    ),
    get_operation(
        REPORT,
        "getReportById",
        "Get a specific report",
        "The report. Its `downloadUrl` needs no header, and is good for 48 hours from now.",
        lambda marketplace: marketplace.reports.get,
        parameter="reportId",
    ),
)


class Files:
    """The files of reports, for those who have been given their addresses: an ASGI application."""

    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace = marketplace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise method_not_allowed(scope["path"], "GET, HEAD")
        response = await self._answer(Request(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        asked = request.query_params
        report, parts = await self._marketplace.reports.file(
            request.path_params["id"], asked.get("expires", ""), asked.get("key", "")
        )
        name = f"{report.name}-{report.start_date[:10]}.{report.format}"
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        media_type = MEDIA_TYPES[report.format]
        if request.method == "HEAD":
            return Response(headers=headers, media_type=media_type)
        return StreamingResponse(parts, media_type=media_type, headers=headers)


def file_route(marketplace: Marketplace) -> BaseRoute:
    """Where the files of reports are."""
    return Route(f"{REPORT.path}/{{id}}/file", Files(marketplace))
