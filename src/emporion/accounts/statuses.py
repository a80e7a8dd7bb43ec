"""Statuses of an account: what each means, and who may change it to what (contract: Statuses)."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from emporion.accounts.fields import LINE_RULES, text_meta
from emporion.errors import Code, Fault, Problem

Status = Literal["pending", "active", "creditHold", "adminHold", "cancelled", "error"]
FirstStatus = Literal["active", "pending"]
# What a reseller may do with a status; everything else is the operator's (contract: Statuses).
STATUS_CHANGES: frozenset[tuple[Status, Status]] = frozenset(
    {("active", "creditHold"), ("creditHold", "active"), ("pending", "active")}
)
# In which a reseller's users, and all below it, do not get in.
SUSPENDED: frozenset[Status] = frozenset({"adminHold", "cancelled"})
STATUS_MEANINGS: dict[Status, str] = {
    "pending": "added, not verified yet",
    "active": "may order",
    "creditHold": "may use what it has, but not order more, because a balance is unpaid",
    "adminHold": "services suspended because of a violation",
    "cancelled": "over for good: no panel, no purchase",
    "error": "verification failed",
}
StatusField = Annotated[
    Status,
    Meta(
        description="; ".join(f"`{status}`: {meaning}" for status, meaning in STATUS_MEANINGS.items()) + ".",
        examples=["active"],
    ),
]
Reason = Annotated[
    str, text_meta(500, "Why a status was changed, for the log.", "Unpaid since June.", extra=LINE_RULES)
]


class StatusReason(Struct, frozen=True):
    """Why a status was changed."""

    reason: Reason | None = None


def status_changes(before: Status, *, operator: bool) -> list[Status]:
    """What a status can be changed to, by the operator or by a reseller (contract: PATCH, Statuses)."""
    if operator and before == "cancelled":  # over for good
        return []
    also: tuple[Status, ...] = ("active", "creditHold", "adminHold", "cancelled") if operator else ()
    if operator and before == "error":  # verified once more
        also = ("pending", *also)
    return [new for new in get_args(Status) if new != before and (new in also or (before, new) in STATUS_CHANGES)]


def check_status_change(before: Status, after: Status, *, operator: bool) -> None:
    """Raise Problem (CONFLICT) unless the status may change that way."""
    allowed = status_changes(before, operator=operator)
    if before == after or after in allowed:
        return
    if allowed:
        right = f"from {before} you can change it to {' or '.join(allowed)}"
    else:
        right = "it is over for good" if before == "cancelled" else "only the operator can"
    message = f"cannot change from {before} to {after}: {right}"
    raise Problem(Code.CONFLICT, f"status {message}", [Fault("status", message)])
