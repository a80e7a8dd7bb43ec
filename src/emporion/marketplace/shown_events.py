"""Events as they are shown: by the API, and in reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from emporion.accounts.ids import AccountId
from emporion.events import EventType, Source, SubjectType

if TYPE_CHECKING:
    from emporion.store.events import Entry


class MemberChange(Struct, frozen=True, omit_defaults=True):
    """What a member was and is; one that was absent is left out. Secrets are shown as `(hidden)`."""

    before: Annotated[Any, Meta(description="Absent where there was none.", examples=["Acme Inc."])] = None
    after: Annotated[Any, Meta(description="Absent where there is none.", examples=["Acme International Inc."])] = None


class ShownSubject(Struct, frozen=True):
    """What an event is about."""

    type: Annotated[SubjectType, Meta(description="What it is.", examples=["customer"])]
    id: Annotated[str, Meta(description="As `subjectId` takes it.", examples=["1000003"])]


class ShownEvent(Struct, rename="camel", kw_only=True, frozen=True, omit_defaults=True):
    """Something that happened."""

    id: Annotated[str, Meta(description="Its own, for ever.", examples=["1000000-17"])]
    type: Annotated[EventType, Meta(description="What happened.", examples=["customer.updated"])]
    at: Annotated[
        str,
        Meta(
            description="When, ISO 8601 in UTC.",
            examples=["2026-11-23T07:12:32.000Z"],
            extra_json_schema={"format": "date-time"},
        ),
    ]
    account_id: Annotated[AccountId, Meta(description="To which account.", examples=["1000003"])]
    reseller_id: Annotated[AccountId, Meta(description="In whose log it stands.", examples=["1000000"])]
    subject: Annotated[ShownSubject, Meta(description="What it is about.")]
    source: Annotated[Source, Meta(description="Where the request came in.", examples=["api"])]
    actor_id: Annotated[str, Meta(description="The account that did it.", examples=["1000000"])] | None = None
    user: (
        Annotated[
            str,
            Meta(
                description="Who did it; absent where the platform did, and for those who are not of your account or "
                "below it.",
                examples=["sandbox"],
            ),
        ]
        | None
    ) = None
    address: Annotated[str, Meta(description="From where.", examples=["192.0.2.7"])] | None = None
    correlation_id: Annotated[str, Meta(description="Of the request.", examples=["7c9e6679"])] | None = None
    about: (
        Annotated[
            str,
            Meta(
                description="Which user, key or client, or what was refused and why.",
                examples=["forbidden PATCH /customers/1000003: The role reader may not do this."],
            ),
        ]
        | None
    ) = None
    changes: (
        Annotated[dict[str, MemberChange], Meta(description="What changed, by the path of each member.")] | None
    ) = None


def shown_event(entry: Entry) -> ShownEvent:
    """An event as the API shows it."""
    event, origin = entry.event, entry.event.origin
    at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return ShownEvent(
        id=f"{event.reseller_id}-{event.sequence}",
        type=event.type,
        at=at,
        account_id=str(event.account_id),
        reseller_id=str(event.reseller_id),
        subject=ShownSubject(*event.subject),
        source=origin.source,
        actor_id=None if origin.account_id is None else str(origin.account_id),
        user=origin.user,
        address=origin.address,
        correlation_id=origin.correlation_id,
        about=event.reason,
        changes={path: MemberChange(*change) for path, change in event.changes.items()} or None,
    )
