"""GET /events, GET /customers/{id}/events and GET /resellers/{id}/events: what happened, to be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import msgspec
from msgspec import Meta, Struct

from emporion.api.operations import Answer, Call, Operation
from emporion.errors import Code, Fault, Problem, not_found, raise_invalid
from emporion.events import EventType, Subject, SubjectType
from emporion.marketplace.shown_events import ShownEvent, shown_event
from emporion.paging import LARGEST_PAGE

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.events import EventPage

TAG = "Events"
# Seconds that a request can wait for news.
LONGEST_WAIT = 60
LATEST = "latest"
TYPES = get_args(EventType)
SUBJECT_TYPES = get_args(SubjectType)


def _type(value: str) -> str | None:
    unknown = [one for one in value.split(",") if one not in TYPES]
    return f"must be one or more of {', '.join(TYPES)}, with commas between" if unknown else None


Types = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=400,
        description=f"Only events of these types, with commas between: {', '.join(TYPES)}.",
        examples=["customer.updated,customer.verified"],
        extra={"rule": _type},
    ),
]
SubjectId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        pattern=r"^[!-~]+$",
        description="Only events about this one, with `subjectType`: the id of a customer, reseller, key or signing "
        "key, the login of a user, or `realm/id` of a client.",
        examples=["sandbox"],
        extra={"says": "must be the id of the `subject` of an event"},
    ),
]
Limit = Annotated[
    int,
    Meta(
        ge=1,
        description=f"How many events to give; over {LARGEST_PAGE} it is {LARGEST_PAGE}.",
        examples=[100],
    ),
]


class AccountEventQuery(Struct, kw_only=True, frozen=True):
    """Which events of an account are wanted."""

    after: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=18,
                pattern=r"^[0-9]+$",
                description="The `next` of the answer before; left out, it begins with the oldest event.",
                examples=["41"],
                extra={"says": "must be the `next` of an earlier answer"},
            ),
        ]
        | None
    ) = None
    limit: Limit = 100
    type: Types | None = None


class EventQuery(Struct, kw_only=True, frozen=True, rename="camel"):
    """Which events are wanted."""

    after: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=18,
                pattern=rf"^([0-9]+|{LATEST})$",
                description="The `next` of the answer before; left out, it begins with the oldest event. "
                f"`{LATEST}` begins with what happens from now on.",
                examples=["41"],
                extra={"says": f"must be the `next` of an earlier answer, or {LATEST}"},
            ),
        ]
        | None
    ) = None
    limit: Limit = 100
    type: Types | None = None
    subject_type: (
        Annotated[SubjectType, Meta(description="Of what `subjectId` is the id; with `subjectId`.", examples=["user"])]
        | None
    ) = None
    subject_id: SubjectId | None = None
    wait: Annotated[
        int,
        Meta(
            ge=0,
            le=LONGEST_WAIT,
            description="Seconds to wait for something to happen, if nothing has yet.",
            examples=[30],
        ),
    ] = 0


class EventList(Struct, frozen=True):
    """Events in the order in which they happened."""

    data: list[ShownEvent]
    next: Annotated[str, Meta(description="To be sent as `after` for what comes next.", examples=["42"])]
    more: Annotated[bool, Meta(description="Whether there is more already.", examples=[False])]


async def get_events(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """What happened to all that the caller reaches."""
    query: EventQuery = call.query
    after = None if query.after == LATEST else int(query.after or "0")
    limit = min(query.limit, LARGEST_PAGE)
    news = await marketplace.events.feed(actor, after, limit, _types(query), query.wait, _subject(query))
    return _answer(news)


async def get_customer_events(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """What happened to one customer."""
    owner, number = await marketplace.customers.owner(actor, call.path["id"])
    return await _of_account(marketplace, actor, call.query, owner, number)


async def get_reseller_events(marketplace: Marketplace, actor: Actor, call: Call) -> Answer:
    """What happened to one reseller itself."""
    number = await marketplace.resellers.reached(actor, call.path["id"])
    return await _of_account(marketplace, actor, call.query, number, number)


async def _of_account(
    marketplace: Marketplace, actor: Actor, query: AccountEventQuery, owner: int, number: int
) -> Answer:
    after, limit = int(query.after or "0"), min(query.limit, LARGEST_PAGE)
    return _answer(await marketplace.events.of_account(actor, owner, number, after, limit, _types(query)))


def _types(query: EventQuery | AccountEventQuery) -> frozenset[str]:
    return frozenset(query.type.split(",")) if query.type else frozenset()


def _subject(query: EventQuery) -> Subject | None:
    """What is asked for. Raises Problem (INVALID) for one of its two parameters without the other."""
    if query.subject_type is None and query.subject_id is None:
        return None
    if query.subject_type is None:
        raise_invalid(
            [Fault("subjectType", f"is required with subjectId; it must be one of {', '.join(SUBJECT_TYPES)}")]
        )
    if query.subject_id is None:
        raise_invalid([Fault("subjectId", "is required with subjectType")])
    return Subject(query.subject_type, query.subject_id)


def _answer(news: EventPage) -> Answer:
    shown = EventList([shown_event(entry) for entry in news.entries], str(news.after), news.more)
    return Answer(msgspec.json.encode(shown))


EXAMPLE = {
    "id": "1000000-17",
    "type": "customer.updated",
    "at": "2026-11-23T07:12:32.000Z",
    "accountId": "1000003",
    "resellerId": "1000000",
    "subject": {"type": "customer", "id": "1000003"},
    "source": "api",
    "actorId": "1000000",
    "user": "sandbox",
    "address": "192.0.2.7",
    "correlationId": "7c9e6679",
    "changes": {"name": {"before": "Acme Inc.", "after": "Acme International Inc."}},
}
ANSWER = {"data": [EXAMPLE], "next": "42", "more": False}
FAULT = Fault("type", f"must be one or more of {', '.join(TYPES)}, with commas between")
EXAMPLES = {
    Code.INVALID: Problem(Code.INVALID, f"{FAULT.field} {FAULT.message}", [FAULT]),
    Code.MALFORMED: Problem(Code.MALFORMED, "The query must be percent-encoded UTF-8."),
    Code.NOT_FOUND: not_found("there is no customer 1000240"),
}

OPERATIONS = (
    Operation(
        "GET",
        "/events",
        "getEvents",
        TAG,
        "Follow what happened",
        "Everything that happened to your account and to all below it, each log in its order: every change with what "
        "was before and after, and every refusal; or what is about one thing alone, with `subjectType` and "
        "`subjectId`. Ask with `after` set to the `next` of the answer before; nothing is "
        "left out and nothing comes twice. With `wait` an answer without news waits for some.",
        get_events,
        query=EventQuery,
        answer=EventList,
        answer_example=ANSWER,
        errors=(Code.MALFORMED, Code.PRECONDITION_FAILED),
        error_examples=EXAMPLES,
    ),
    Operation(
        "GET",
        "/customers/{id}/events",
        "getCustomerEvents",
        TAG,
        "Get the history of a specific customer",
        "Everything that happened to the customer, oldest first.",
        get_customer_events,
        query=AccountEventQuery,
        answer=EventList,
        answer_example=ANSWER,
        errors=(Code.MALFORMED, Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples=EXAMPLES,
    ),
    Operation(
        "GET",
        "/resellers/{id}/events",
        "getResellerEvents",
        TAG,
        "Get the history of a specific reseller",
        "Everything that happened to the reseller itself, its users, keys and clients, oldest first.",
        get_reseller_events,
        query=AccountEventQuery,
        answer=EventList,
        answer_example=ANSWER,
        errors=(Code.MALFORMED, Code.NOT_FOUND, Code.PRECONDITION_FAILED),
        error_examples={**EXAMPLES, Code.NOT_FOUND: not_found("there is no reseller 1000240")},
    ),
)
