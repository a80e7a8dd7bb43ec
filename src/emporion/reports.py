"""Reports: files about a period, made for a reseller (contract: POST /reports, Report)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct

from emporion import times
from emporion.errors import Fault
from emporion.paging import Limit, Offset, Pagination

ReportName = Literal["Charges", "Customers", "Events", "Orders", "Subscriptions"]
ReportFormat = Literal["csv", "json", "xlsx", "xml"]
ReportStatus = Literal["submitted", "processing", "completed", "error"]
ReportType = Literal["periodic", "daily", "monthly", "onetime", "on_invoice"]

REPORT_NAMES: tuple[ReportName, ...] = get_args(ReportName)
REPORT_FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)
REPORT_STATUSES: tuple[ReportStatus, ...] = get_args(ReportStatus)
REPORT_TYPES: tuple[ReportType, ...] = get_args(ReportType)
# The longest period, in days.
LONGEST_PERIOD = 400
_DAY = 86_400_000


def report_name(text: str) -> ReportName | None:
    """The report with this name, whatever its case."""
    return next((name for name in REPORT_NAMES if name.casefold() == text.casefold()), None)


def _unknown_name(text: str) -> str | None:
    return None if report_name(text) else f"must be one of {', '.join(REPORT_NAMES)}"


def _one_of(values: tuple[str, ...], description: str) -> Meta:
    """A choice, whatever its case."""
    return Meta(
        pattern=f"^({'|'.join(values)})$",
        description=description,
        examples=[values[0]],
        extra={"clean": str.lower, "says": f"must be one of {', '.join(values)}"},
        extra_json_schema={"enum": list(values)},
    )


def _instant(description: str, example: str) -> Meta:
    return Meta(
        max_length=40,
        description=description,
        examples=[example],
        extra={"rule": times.not_an_instant},
        extra_json_schema={"format": "date-time"},
    )


Name = Annotated[
    str,
    Meta(
        max_length=100,
        description=f"Which report: {', '.join(REPORT_NAMES[:-1])} or {REPORT_NAMES[-1]}, whatever the case.",
        examples=["Customers"],
        extra={"rule": _unknown_name},
    ),
]
StartDate = Annotated[
    str, _instant("When the period begins; a date alone begins at midnight in UTC.", "2026-09-01T00:00:00Z")
]
EndDate = Annotated[str, _instant("When the period ends; what happens then is no part of it.", "2026-10-01T00:00:00Z")]


class NewReport(Struct, rename="camel", kw_only=True, frozen=True):
    """A report as a client asks for it."""

    name: Name
    start_date: StartDate
    end_date: EndDate | None = None
    format: Annotated[str, _one_of(REPORT_FORMATS, "The format of the file.")] = "csv"
    customization_name: (
        Annotated[
            str,
            Meta(
                description="The name of a variant of the report; there are none yet.",
                examples=[""],
                extra={"rule": lambda text: "names no variant of this report; leave it out" if text else None},
            ),
        ]
        | None
    ) = None

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the period as a whole."""
        if self.start_date is UNSET or self.end_date in (UNSET, None):  # type: ignore[comparison-overlap]
            return
        start, end = times.instant(self.start_date), times.instant(self.end_date or "")
        if start is None or end is None:
            return
        if end <= start:
            yield Fault("endDate", "must be later than startDate")
        elif end - start > LONGEST_PERIOD * _DAY:
            yield Fault("endDate", f"must be at most {LONGEST_PERIOD} days after startDate")


def faults_until(wanted: NewReport, now: int) -> list[Fault]:
    """What is wrong with a period that ends now, where its end was left out. now: in milliseconds since 1970."""
    start = times.instant(wanted.start_date)
    if wanted.end_date is not None or start is None:
        return []
    if start >= now:
        return [Fault("startDate", "must be in the past where endDate is left out")]
    if now - start > LONGEST_PERIOD * _DAY:
        return [Fault("endDate", f"is required: until now it would be more than {LONGEST_PERIOD} days")]
    return []


class Report(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """A report as clients see it."""

    id: Annotated[
        str, Meta(description="Given by the platform.", examples=["f40c942d-ebec-41b9-b604-5ed9ffb6d4f2"],
                  extra_json_schema={"format": "uuid"})
    ]  # fmt: skip
    name: Annotated[ReportName, Meta(description="Which report.", examples=["Customers"])]
    status: Annotated[ReportStatus, Meta(description="How far it has come.", examples=["completed"])]
    type: Annotated[ReportType, Meta(description="On which occasion it is made.", examples=["onetime"])]
    format: Annotated[ReportFormat, Meta(description="The format of the file.", examples=["csv"])]
    creation_date: Annotated[
        str, Meta(description="When it was asked for.", examples=["2026-10-01T08:00:00Z"],
                  extra_json_schema={"format": "date-time"})
    ]  # fmt: skip
    start_date: StartDate
    end_date: EndDate | None = None
    download_url: (
        Annotated[
            str,
            Meta(
                description="Where the file is, for 48 hours from this answer; no header is needed. Absent until it "
                "is made, and 90 days after that.",
                examples=["https://api.example.com/reports/f40c942d-ebec-41b9-b604-5ed9ffb6d4f2/file?expires=1&key=2"],
            ),
        ]
        | None
    ) = None
    error: Annotated[str, Meta(description="What went wrong.", examples=["It took too long."])] | None = None


class ReportQuery(Struct, rename={"from_": "from"}, kw_only=True, frozen=True):
    """Which reports of a list are wanted."""

    name: (
        Annotated[
            str,
            Meta(min_length=1, max_length=100, description="Is part of the name, whatever the case.",
                 examples=["customers"]),
        ]
        | None
    ) = None  # fmt: skip
    format: Annotated[str, _one_of(REPORT_FORMATS, "Has this format.")] | None = None
    status: Annotated[str, _one_of(REPORT_STATUSES, "Has this status.")] | None = None
    type: Annotated[str, _one_of(REPORT_TYPES, "Is of this type.")] | None = None
    from_: (
        Annotated[
            str,
            Meta(description="Was asked for on this day (UTC) or later.", examples=["2026-09-01"],
                 extra={"rule": times.not_a_date}, extra_json_schema={"format": "date"}),
        ]
        | None
    ) = None  # fmt: skip
    to: (
        Annotated[
            str,
            Meta(description="Was asked for on this day (UTC) or earlier.", examples=["2026-09-30"],
                 extra={"rule": times.not_a_date}, extra_json_schema={"format": "date"}),
        ]
        | None
    ) = None  # fmt: skip
    offset: Offset = 0
    limit: Limit = 10


class ReportPage(Struct, frozen=True):
    """A page of reports."""

    data: list[Report]
    pagination: Pagination
