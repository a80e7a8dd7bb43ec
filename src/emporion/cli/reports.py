"""`emporion report`."""

from __future__ import annotations

from emporion.cli.nouns import noun_app
from emporion.reports import ReportQuery

app = noun_app(
    "report",
    "Reports: files about a period, which resellers ask for over the API or in the console.",
    query=ReportQuery,
    columns={
        "report": lambda report: report["id"],
        "name": lambda report: report["name"],
        "format": lambda report: report["format"],
        "status": lambda report: report["status"],
        "from": lambda report: report["startDate"],
        "until": lambda report: report.get("endDate"),
        "asked for": lambda report: report["creationDate"],
    },
    page=lambda marketplace: marketplace.reports.page,
    get=lambda marketplace: marketplace.reports.get,
)
